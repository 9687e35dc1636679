"""What tests of steps share: runs of every way to take one, on the CPU and on a GPU"""

from typing import Any

import pytest
import torch

from core.config import RunConfig
from core.data import catalog
from core.device import placed
from core.encoding import build_model, split_tensors
from core.families import FAMILIES, family
from core.training import loop
from core.training.loop import epochs
from core.training.step import Record, Step
from tests.core.shared import ROWS

CPU = torch.device("cpu")
LEARNED = [(name, network) for name, network in ROWS if not FAMILIES[name].closed_form]


def settings(name: str, network: str, **more: Any) -> dict[str, Any]:
    """Of a short run, without those that the family fixes."""
    brief = {"family": name, "network": network, "epochs": 2, "batch_size": 64, **more}
    return {key: value for key, value in brief.items() if key not in FAMILIES[name].fixed}


WAYS = pytest.mark.parametrize(
    "chosen",
    [
        *(settings(name, network) for name, network in LEARNED),
        settings("vae", "mlp", schedule="cosine", warmup_epochs=1.5),
        settings("vae", "mlp", binarise="sampled", optimiser="adamw", weight_decay=0.1),
        settings("vae", "conv", learn_sigma=True, likelihood="gaussian", mmd_weight=3.0, precision="bf16"),
        settings("vae", "mlp", batch_size=0, epochs=6),
        settings("vae", "mlp", batch_size=90),  # the fourth step is a smaller one
    ],
    ids=lambda chosen: " ".join(str(value) for value in chosen.values()),
)


def learned(
    config: RunConfig, record: Record | None, monkeypatch: pytest.MonkeyPatch, device: torch.device = CPU
) -> tuple[Any, ...]:
    """Rows of history, weights and the step of a run on 300 digits: steps of 64 and a smaller one."""
    steps: list[Step] = []

    def step(*arguments: Any) -> Step:
        steps.append(Step(*arguments, record=record))
        return steps[-1]

    monkeypatch.setattr(loop, "Step", step)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    images = catalog.load("digits", "train").select(range(300))
    pixels, _ = split_tensors(images, config, device=device)
    model = placed(build_model(config, (1, 8, 8), classes=10), device)
    labels = torch.tensor(images.labels, device=device) if family(config.family).needs_labels else None
    rows = [{**row, "seconds": 0} for row in epochs(model, pixels, config, labels=labels)]
    return rows, {name: value.clone() for name, value in model.state_dict().items()}, steps[0]
