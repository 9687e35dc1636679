"""How a step changes weights: the numbers of torch's own optimisers, without what these do around them"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.training import updates
from core.training.updates import LEAST_MEAN, MEMORY, SWEPT_EVERY, Adam
from tests.core.shared import Small

SETTINGS: list[dict[str, Any]] = [
    {},
    {"optimiser": "adamw"},
    {"optimiser": "adamw", "weight_decay": 0.5},
]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def made() -> list[nn.Parameter]:
    """Weights of several shapes and orders in memory, always the same."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(7, 5), (7,), (), (4, 3, 3, 3)]
    weights = [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    last = weights[-1].detach().clone(memory_format=torch.channels_last)
    return [*weights[:-1], nn.Parameter(last)]


def gradients(step: int, weights: list[nn.Parameter]) -> list[Tensor | None]:
    """Of a step; one weight has none at first."""
    generator = torch.Generator().manual_seed(step)
    return [
        None
        if k == 1 and step < 3
        else torch.empty_like(weight, requires_grad=False).normal_(generator=generator)
        for k, weight in enumerate(weights)
    ]


def moved(weights: list[nn.Parameter], step: Callable[[], Any], steps: range) -> list[Tensor]:
    """Weights after such steps."""
    for one in steps:
        for weight, gradient in zip(weights, gradients(one, weights), strict=True):
            weight.grad = gradient
        step()
    return [weight.detach() for weight in weights]


def reference(weights: list[nn.Parameter], settings: dict[str, Any], momentum: float) -> torch.optim.Adam:
    """The same by torch."""
    kind = torch.optim.AdamW if settings.get("optimiser") == "adamw" else torch.optim.Adam
    decay = settings.get("weight_decay", 0.0)
    return kind(weights, lr=1e-2, betas=(momentum, 0.999), weight_decay=decay, fused=True)


@pytest.mark.parametrize("momentum", [0.9, 0.5])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_weights_and_memory_are_those_of_torch_bit_for_bit(
    settings: dict[str, Any], momentum: float, small: Small
) -> None:
    ours, theirs = made(), made()
    adam = Adam(ours, small(learning_rate=1e-2, **settings), momentum=momentum)
    other = reference(theirs, settings, momentum)
    for one, two in zip(moved(ours, adam.step, range(6)), moved(theirs, other.step, range(6)), strict=True):
        assert torch.equal(one, two)
    for k, weight in enumerate(theirs):
        for name in MEMORY:
            assert torch.equal(adam.state(k)[name], other.state[weight][name]), (k, name)
    assert adam.state(1)["step"] == 3


def test_a_rate_holds_from_the_next_step_on(small: Small) -> None:
    ours, theirs = made(), made()
    adam, other = Adam(ours, small(learning_rate=1e-2)), reference(theirs, {}, 0.9)
    moved(ours, adam.step, range(2))
    moved(theirs, other.step, range(2))
    adam.set_rate(3e-4)
    other.param_groups[0]["lr"] = 3e-4
    for one, two in zip(
        moved(ours, adam.step, range(2, 5)), moved(theirs, other.step, range(2, 5)), strict=True
    ):
        assert torch.equal(one, two)


def test_a_weight_without_a_gradient_stays_and_is_not_remembered(small: Small) -> None:
    weights, start = made(), made()
    adam = Adam(weights, small())
    adam.step()
    assert all(torch.equal(one, other) for one, other in zip(weights, start, strict=True))
    moved(weights, adam.step, range(2))
    assert torch.equal(weights[1], start[1])
    assert adam.state(1) == {}
    assert set(adam.state(0)) == set(MEMORY)


def test_what_is_remembered_goes_on_in_another(small: Small) -> None:
    whole = moved(weights := made(), Adam(weights, small()).step, range(6))
    first = Adam(begun := made(), small())
    moved(begun, first.step, range(3))
    states = [{name: value.clone() for name, value in first.state(k).items()} for k in range(len(begun))]
    second = Adam(begun, small())
    for k, state in enumerate(states):
        if state:
            # files hand moments over in the plain order
            second.restore(k, {name: value.contiguous() for name, value in state.items()})
    assert all(
        torch.equal(one, other)
        for one, other in zip(moved(begun, second.step, range(3, 6)), whole, strict=True)
    )


TINY = torch.finfo(torch.float32).tiny


def subnormal(tensor: Tensor) -> int:
    """How many numbers a CPU is slow with."""
    return int(((tensor != 0) & (tensor.abs() < TINY)).sum())


@pytest.mark.parametrize("momentum", [0.9, 0.5])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_means_that_vanish_are_swept_and_weights_are_still_those_of_torch(
    settings: dict[str, Any], momentum: float, small: Small
) -> None:
    """Some values have a gradient at first, none for a thousand steps, and then one again."""
    ours, theirs = made(), made()
    adam = Adam(ours, small(learning_rate=1e-2, **settings), momentum=momentum)
    other = reference(theirs, settings, momentum)
    kept = 0
    for step in range(1_200):
        for weights, one in ((ours, adam), (theirs, other)):
            for weight, gradient in zip(weights, gradients(step, weights), strict=True):
                if gradient is not None and weight.ndim and 5 <= step < 1_100:
                    gradient[0] = 0
                weight.grad = gradient
            one.step()
        adam.sweep()
        assert all(torch.equal(*pair) for pair in zip(ours, theirs, strict=True)), step
        if momentum == 0.9 and step % SWEPT_EVERY == SWEPT_EVERY - 1:
            kept = max(kept, subnormal(other.state[theirs[0]]["exp_avg"]))
            assert not any(subnormal(adam.state(k)["exp_avg"]) for k in range(len(ours)))
    assert kept == (5 if momentum == 0.9 else 0)


def test_squares_that_vanish_are_swept_too_and_nothing_else_is(small: Small) -> None:
    weight = nn.Parameter(torch.ones(6))
    adam = Adam([weight], small())
    values = torch.tensor([1e-38, 3e-38, 1e-30, 0.0, 1.0, float("nan")])
    adam.restore(
        0, {"step": torch.tensor(SWEPT_EVERY - 1.0), "exp_avg": values.clone(), "exp_avg_sq": values}
    )
    weight.grad = torch.zeros(6)
    adam.step()
    adam.sweep()
    wanted = values * 0.999
    wanted[0] = 0
    torch.testing.assert_close(adam.state(0)["exp_avg_sq"], wanted, equal_nan=True, atol=0, rtol=1e-6)
    wanted = values * 0.9
    wanted[:2] = 0
    torch.testing.assert_close(adam.state(0)["exp_avg"], wanted, equal_nan=True, atol=0, rtol=1e-6)


def test_one_that_goes_on_sweeps_when_it_would_have(monkeypatch: pytest.MonkeyPatch, small: Small) -> None:
    monkeypatch.setattr(updates, "SWEPT_EVERY", 4)

    def means(pause: int | None) -> list[float]:
        """After each of six steps; a weight that moves seldom comes first, and counts fewer."""
        weights = [nn.Parameter(torch.ones(1)) for _ in range(2)]
        adam, seen = Adam(weights, small()), []
        for step in range(6):
            weights[0].grad = None if step else torch.ones(1)
            weights[1].grad = torch.full((1,), LEAST_MEAN)
            adam.step()
            adam.sweep()
            seen.append(float(adam.state(1)["exp_avg"]))
            if step == pause:
                states = [adam.state(k) for k in range(2)]
                adam = Adam(weights, small())
                for k in (1, 0):
                    adam.restore(k, states[k])
        return seen

    whole = means(None)
    assert whole[2] > 0
    assert whole[3] == 0
    assert whole[4] == whole[0]
    assert all(means(pause) == whole for pause in range(6))


def test_weight_decay_of_adamw_is_decoupled(small: Small) -> None:
    weight = nn.Parameter(torch.ones(1, 2))
    weight.grad = torch.zeros_like(weight)
    Adam([weight], small(optimiser="adamw", weight_decay=0.5, learning_rate=0.1)).step()
    torch.testing.assert_close(weight, torch.full_like(weight, 0.95))  # 1 - 0.1 * 0.5
