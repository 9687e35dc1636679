"""How a step of training changes the weights: one optimiser for all of them, or one for each player of a game."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from core.config import RunConfig
from core.models.vaegan import VaeGan

MOMENTUM_OF_A_GAME = 0.5
"""Adam's first beta where two players move at once: 0.9 made them swing (Radford et al. 2016, section 4)."""

MEMORY = ("step", "exp_avg", "exp_avg_sq")
"""What Adam and AdamW remember of each weight, by torch's own names."""


class Updates(Protocol):
    """What the loop asks of a step."""

    def set_rate(self, rate: float) -> None:
        """Size of the steps from here on."""

    def step(self, bound: Tensor, weighed: Mapping[str, Tensor], terms: Mapping[str, Tensor]) -> None:
        """Take a step from a batch's means: D and R as weighed, the other terms as weighed, the same unweighted."""

    def state(self) -> dict[str, Tensor]:
        """What it remembers of the steps so far."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Remember what `state` gave, of an equal one."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of all that `state` may hold, float32 each."""


def make_optimiser(
    parameters: Iterable[nn.Parameter], config: RunConfig, *, momentum: float = 0.9
) -> torch.optim.Optimizer:
    """Adam or AdamW over parameters, in torch's fused form: one kernel call a step."""
    kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
    return kind(
        parameters,
        lr=config.learning_rate,
        betas=(momentum, 0.999),
        weight_decay=config.weight_decay,
        fused=True,
    )


def laid_out(gradient: Tensor, weight: Tensor) -> Tensor:
    """A gradient in the order in memory that its weight has.

    The fused optimiser reads both from end to end: of another order it would take each number for another weight's.
    `backward` sees to that by itself, `torch.autograd.grad` does not.
    """
    if gradient.stride() == weight.stride():
        return gradient
    return torch.empty_like(weight, requires_grad=False).copy_(gradient)


class _Optimisers:
    """One or several optimisers of the Adam kind: their step size, and what they remember, by place of the weight."""

    optimisers: Sequence[torch.optim.Optimizer]

    def _weights(self) -> Iterator[tuple[str, torch.optim.Optimizer, nn.Parameter]]:
        for k, optimiser in enumerate(self.optimisers):
            weights = (weight for group in optimiser.param_groups for weight in group["params"])
            yield from ((f"{k}.{i}", optimiser, weight) for i, weight in enumerate(weights))

    def set_rate(self, rate: float) -> None:
        """Size of the steps from here on, of all players."""
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate

    def state(self) -> dict[str, Tensor]:
        """Steps and moments of each weight; nothing of one that has had no gradient yet."""
        return {
            f"{place}.{key}": value
            for place, optimiser, weight in self._weights()
            for key, value in optimiser.state.get(weight, {}).items()
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over steps and moments, each laid out in memory as its weight is."""
        for place, optimiser, weight in self._weights():
            found = {key: state[f"{place}.{key}"] for key in MEMORY if f"{place}.{key}" in state}
            if found:
                optimiser.state[weight] = {
                    key: value.to(weight.device, copy=True)
                    if key == "step"
                    else torch.empty_like(weight, requires_grad=False).copy_(value)
                    for key, value in found.items()
                }

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """A count of steps, and two moments of the shape of each weight."""
        return {
            f"{place}.{key}": () if key == "step" else tuple(weight.shape)
            for place, _, weight in self._weights()
            for key in MEMORY
        }


class Descent(_Optimisers):
    """One optimiser that lowers the whole objective."""

    def __init__(self, model: nn.Module, config: RunConfig) -> None:
        """Over all parameters of the model."""
        self.optimiser = make_optimiser(model.parameters(), config)
        self.optimisers = [self.optimiser]

    def step(self, bound: Tensor, weighed: Mapping[str, Tensor], terms: Mapping[str, Tensor]) -> None:
        """Lower the sum of all that is weighed."""
        loss = sum(weighed.values(), bound)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()


class Adversarial(_Optimisers):
    """Three optimisers, each with a loss of its own (Larsen et al. 2016, algorithm 1).

    The encoder lowers D, R and the distortion of features; the decoder the same and what being found out costs it; the
    discriminator its own cross-entropy. All gradients are of the same weights, then all three step.
    """

    def __init__(self, model: VaeGan, config: RunConfig) -> None:
        """Over the model's three parts."""
        self.parts = model.parts()
        self.optimisers = [
            make_optimiser(part, config, momentum=MOMENTUM_OF_A_GAME) for part in self.parts.values()
        ]

    def step(self, bound: Tensor, weighed: Mapping[str, Tensor], terms: Mapping[str, Tensor]) -> None:
        """Take one step of each player."""
        beside = sum((value for name, value in weighed.items() if name != "adversarial"), bound)
        losses = {
            "encoder": beside,
            "decoder": beside + weighed["adversarial"],
            "discriminator": terms["discrimination"],
        }
        for name, part in self.parts.items():
            gradients = torch.autograd.grad(losses[name], part, retain_graph=True, allow_unused=True)
            for parameter, gradient in zip(part, gradients, strict=True):
                parameter.grad = None if gradient is None else laid_out(gradient, parameter)
        for optimiser in self.optimisers:
            optimiser.step()
