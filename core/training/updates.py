"""How a step of training changes the weights: one optimiser for all of them, or one for each player of a game."""

from collections.abc import Iterable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from core.config import RunConfig
from core.models.vaegan import VaeGan

MOMENTUM_OF_A_GAME = 0.5
"""Adam's first beta where two players move at once: 0.9 made them swing (Radford et al. 2016, section 4)."""


class Updates(Protocol):
    """What the loop asks of a step."""

    def set_rate(self, rate: float) -> None:
        """Size of the steps from here on."""

    def step(self, bound: Tensor, weighed: Mapping[str, Tensor], terms: Mapping[str, Tensor]) -> None:
        """Take a step from a batch's means: D and R as weighed, the other terms as weighed, the same unweighted."""


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


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


class Descent:
    """One optimiser that lowers the whole objective."""

    def __init__(self, model: nn.Module, config: RunConfig) -> None:
        """Over all parameters of the model."""
        self.optimiser = make_optimiser(model.parameters(), config)

    def set_rate(self, rate: float) -> None:
        """Size of the steps from here on."""
        _set_rate(self.optimiser, rate)

    def step(self, bound: Tensor, weighed: Mapping[str, Tensor], terms: Mapping[str, Tensor]) -> None:
        """Lower the sum of all that is weighed."""
        loss = sum(weighed.values(), bound)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()


class Adversarial:
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

    def set_rate(self, rate: float) -> None:
        """Size of the steps of all players from here on."""
        for optimiser in self.optimisers:
            _set_rate(optimiser, rate)

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
                parameter.grad = gradient
        for optimiser in self.optimisers:
            optimiser.step()
