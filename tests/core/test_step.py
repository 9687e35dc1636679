"""Steps that are recorded and replayed, as kernels on a CPU and as a CUDA graph; and that none waits for the device"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.device import choose_device
from core.encoding import build_model, noise_width
from core.families import build, family
from core.objectives import beta_at, prior_width
from core.training import updates
from core.training.replay import Replay, record_cpu
from core.training.step import WARM_STEPS, Graph, Record, Step
from core.training.updates import Descent
from tests.core.shared import Small
from tests.core.stepping import LEARNED, WAYS, learned, settings


class Rerun:
    """Does recorded work anew. Like a graph, it sees no other inputs than those in their places."""

    def __init__(self, work: Callable[[], None]) -> None:
        """Record, and do it once."""
        self.replay = work
        work()


class Counted:
    """Another's record, and how often it was replayed."""

    def __init__(self, record: Record) -> None:
        """Nothing is recorded yet."""
        self._record, self.times = record, 0

    def __call__(self, work: Callable[[], None]) -> "Counted":
        """Record."""
        self._graph = self._record(work)
        return self

    def replay(self) -> None:
        """Do it again."""
        self.times += 1
        self._graph.replay()


def refuse(work: Callable[[], None]) -> Graph:
    """Record nothing."""
    raise RuntimeError("operation not permitted when stream is capturing")


@WAYS
def test_replayed_steps_learn_the_same_bit_for_bit(
    chosen: dict[str, Any], small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small(**chosen)
    with pytest.warns(UserWarning, match=r"kernel by kernel.*not permitted when stream is capturing"):
        rows, weights, _ = learned(config, refuse, monkeypatch)
    # all steps but the first ones and the recorded one, and but the smaller last one of each epoch
    whole = 2 * (300 // config.batch_size) if config.batch_size else 6
    for record in (Rerun, record_cpu):
        counted = Counted(record)
        replayed, same, _ = learned(config, counted, monkeypatch)
        assert counted.times == whole - WARM_STEPS - 1
        assert replayed == rows
        assert all(torch.equal(same[name], value) for name, value in weights.items())
    replayed, _, step = learned(config, None, monkeypatch)
    assert replayed == rows
    assert isinstance(step.graph, Replay)


@pytest.mark.parametrize("name", ["vae", "vaegan"])
def test_moments_are_swept_after_recorded_steps_too(
    name: str, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "SWEPT_EVERY", 5)
    swept = []

    def hardshrink(moment: Tensor, least: float, *, out: Tensor) -> None:
        swept.append(moment)

    monkeypatch.setattr(torch, "hardshrink", hardshrink)
    _, weights, step = learned(small(**settings(name, "mlp")), None, monkeypatch)
    assert step.graph is not None
    # two moments of each weight, after the fifth step and the tenth
    assert len(swept) == 2 * 2 * len(weights)
    assert len({moment.data_ptr() for moment in swept}) == 2 * len(weights)


def test_only_steps_take_the_quick_convolutions_of_a_gpu(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores are to be those of the CPU, and the same each time: what cuDNN may do is told here, a GPU or not."""
    cudnn, told = torch.backends.cudnn, []
    monkeypatch.setattr(cudnn, "allow_tf32", True)
    monkeypatch.setattr(cudnn, "deterministic", False)
    choose_device("cpu")
    assert (cudnn.allow_tf32, cudnn.deterministic) == (False, True)
    real = Descent.step

    def step(self: Descent, *given: Any) -> None:
        told.append(cudnn.allow_tf32)
        real(self, *given)

    monkeypatch.setattr(Descent, "step", step)
    learned(small(**settings("vae", "conv")), None, monkeypatch)
    assert told == [True] * 6  # of ten, four were replayed
    assert not cudnn.allow_tf32


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
