"""Steps that are recorded and replayed, as a CUDA graph is; and that none waits for the device"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.config import RunConfig
from core.data import catalog
from core.encoding import build_model, noise_width, split_tensors
from core.families import FAMILIES, build, family
from core.objectives import beta_at, prior_width
from core.training import loop
from core.training.loop import epochs
from core.training.step import WARM_STEPS, Graph, Record, Step
from tests.core.shared import ROWS, Small

CPU = torch.device("cpu")
LEARNED = [(name, network) for name, network in ROWS if not FAMILIES[name].closed_form]


class Rerun:
    """Does recorded work anew. Like a graph, it sees no other inputs than those in their places, and no new Python."""

    made: list["Rerun"]

    def __init__(self, work: Callable[[], None]) -> None:
        """Record, and do nothing."""
        self.work, self.times = work, 0
        self.made.append(self)

    def replay(self) -> None:
        """Do it."""
        self.times += 1
        self.work()


@pytest.fixture
def recorder() -> type[Rerun]:
    """A recorder of its own, and what it recorded."""
    return type("Recorder", (Rerun,), {"made": []})


def learned(config: RunConfig, record: Record | None, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ...]:
    """Rows of history and weights of a run on 300 digits: steps of 64 and a smaller one."""
    torch.set_num_threads(1)
    torch.manual_seed(0)

    def step(*arguments: Any) -> Step:
        return Step(*arguments, record=record)

    monkeypatch.setattr(loop, "Step", step)
    images = catalog.load("digits", "train").select(range(300))
    pixels, _ = split_tensors(images, config, device=CPU)
    model = build_model(config, (1, 8, 8), classes=10)
    labels = torch.tensor(images.labels) if family(config.family).needs_labels else None
    rows = [{**row, "seconds": 0} for row in epochs(model, pixels, config, labels=labels)]
    return rows, {name: value.clone() for name, value in model.state_dict().items()}


def settings(name: str, network: str, **more: Any) -> dict[str, Any]:
    """Of a short run, without those that the family fixes."""
    brief = {"family": name, "network": network, "epochs": 2, "batch_size": 64, **more}
    return {key: value for key, value in brief.items() if key not in FAMILIES[name].fixed}


@pytest.mark.parametrize(
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
def test_replayed_steps_learn_the_same_bit_for_bit(
    chosen: dict[str, Any], small: Small, recorder: type[Rerun], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small(**chosen)
    rows, weights = learned(config, None, monkeypatch)
    replayed, same = learned(config, recorder, monkeypatch)
    assert replayed == rows
    assert all(torch.equal(same[name], value) for name, value in weights.items())
    (graph,) = recorder.made
    # all steps but the first ones, and but the smaller last one of each epoch
    whole = 2 * (300 // config.batch_size) if config.batch_size else 6
    assert graph.times == whole - WARM_STEPS


def test_what_cannot_be_recorded_is_done_step_by_step(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def refuse(work: Callable[[], None]) -> Graph:
        tried.append(work)
        raise RuntimeError("operation not permitted when stream is capturing")

    config = small(**settings("vae", "mlp"))
    rows, weights = learned(config, None, monkeypatch)
    with pytest.warns(UserWarning, match=r"kernel by kernel.*not permitted when stream is capturing"):
        replayed, same = learned(config, refuse, monkeypatch)
    assert len(tried) == 1
    assert replayed == rows
    assert all(torch.equal(same[name], value) for name, value in weights.items())


@pytest.mark.parametrize("name, network", LEARNED)
def test_no_step_reads_a_number_back_from_the_device(
    name: str, network: str, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On torch's meta device there are no numbers: whatever would wait for one is an error there."""
    moved = []

    def kernel(*lists: list[Tensor], lr: Tensor, **constants: float) -> None:
        """In place of the optimiser's own, which that device lacks."""
        assert all(value.device == lr.device == meta for values in lists for value in values)
        moved.append(sum(piece.numel() for piece in lists[0]))

    monkeypatch.setattr(torch, "_fused_adam_", kernel)
    warm = {"warmup_epochs": 3.0} if family(name).has_posterior else {}
    config = small(**settings(name, network, schedule="cosine", **warm))
    meta = torch.device("meta")
    with meta:
        model: nn.Module = build_model(config, (1, 8, 8), classes=10)
        pixels = torch.zeros((9, 1, 8, 8), dtype=torch.uint8)
        labels = torch.zeros(9, dtype=torch.int64) if family(name).needs_labels else None
        step = Step(model, build(family(name).training)(model, config), config, pixels, labels)
        width = noise_width(config, (1, 8, 8)) + prior_width(config)
        for k in range(3):
            step.set_weights(rate=0.1 / (k + 1), beta=beta_at(config, 0.1 * k))
            step(torch.zeros(5, dtype=torch.int64), torch.zeros((5, width)))
    assert sum(moved) == 3 * sum(weight.numel() for weight in model.parameters())
    assert all(value.device == meta for value in step.sums.values())
