"""How a step of training changes the weights: one optimiser for all of them, or one for each player of a game."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from core.config import RunConfig
from core.models.vaegan import VaeGan
from core.training.pieces import in_pieces, is_cut, piece_size

MOMENTUM_OF_A_GAME = 0.5
"""Adam's first beta where two players move at once: 0.9 made them swing (Radford et al. 2016, section 4)."""

MEMORY = ("step", "exp_avg", "exp_avg_sq")
"""What Adam and AdamW remember of each weight, by torch's names: steps taken, first and second moment."""


SWEPT_EVERY = 100
"""Steps between two sweeps on a CPU"""
LEAST_MEAN, LEAST_SQUARE = 1e-33, 2e-38
"""Moments up to here are swept to 0. Betas of 0.9 and 0.999 take more than `SWEPT_EVERY` steps from here to numbers
below 1.2e-38, whose arithmetic is slow. Weights do not see it: such a mean moves one by 1e-24 of the rate at most, and
the root of such a square is lost beside the 1e-8 that is added to it."""


class Updates(Protocol):
    """What the loop asks of a step."""

    optimisers: Sequence["Adam"]

    def set_rate(self, rate: float) -> None:
        """Size of the steps from here on."""

    def step(self, bound: Tensor, weighed: Mapping[str, Tensor], terms: Mapping[str, Tensor]) -> None:
        """Take a step from a batch's means: D and R as weighed, the other terms as weighed, the same unweighted."""

    def sweep(self) -> None:
        """After each step, which may have been a recorded one: what is done every so many steps."""

    def state(self) -> dict[str, Tensor]:
        """What it remembers of the steps so far."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Remember what `state` gave, of an equal one."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of all that `state` may hold, float32 each."""


class Adam:
    """Adam, or AdamW, over some weights (Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2).

    The arithmetic is torch's fused kernel, one call a step, and gives the weights that `torch.optim` gives with
    `fused=True`, bit for bit. What `torch.optim` does around that call took 8 % of a step of `mnist-mlp-vae` on two
    cores. Rate and counts of steps are tensors on the device: a step that is recorded reads those of its own time. On a
    GPU the kernel is given pieces of the weights, and takes half of the time or less.

    On a CPU, moments that have all but vanished are set to 0 now and then, see `sweep`. A weight without a gradient, of
    a unit that is dead or a pixel that is dark, has its mean shrink by 0.9 a step into the numbers below 1.2e-38, with
    which a CPU is slow, and stay there, as rounding keeps it from 0. After two epochs of `mnist-mlp-vae` they were 14 %
    of the means, and the kernel took 2.7 times as long.
    """

    def __init__(self, weights: Iterable[nn.Parameter], config: RunConfig, *, momentum: float = 0.9) -> None:
        """Over weights of one device and one type; `momentum` is the first beta."""
        self.weights = list(weights)
        device = self.weights[0].device
        self._kernel = torch._fused_adamw_ if config.optimiser == "adamw" else torch._fused_adam_
        self._constants: dict[str, Any] = {
            "beta1": momentum,
            "beta2": 0.999,
            "eps": 1e-8,
            "weight_decay": config.weight_decay,
            "amsgrad": False,
            "maximize": False,
        }
        self._rate = config.learning_rate
        # float32 would round it, and a CPU's kernel takes it as it is
        exact = torch.float64 if device.type == "cpu" else torch.float32
        self._device_rate = torch.tensor(self._rate, dtype=exact, device=device)
        # one tensor, so that a step adds to all counts at once
        self._counts = torch.zeros(len(self.weights), device=device)
        self._memory: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
        self._piece_size = piece_size(self.weights) if is_cut(device) else 0
        # what the kernel moves, of the weights that had a gradient last: they are the same ones step after step
        self._moved: list[int] = []
        self._lists: list[list[Tensor]] = []
        self._steps = 0

    def set_rate(self, rate: float) -> None:
        """Size of the steps from here on."""
        if rate != self._rate:
            self._device_rate.fill_(rate)
        self._rate = rate

    @torch.no_grad()
    def step(self) -> None:
        """Move each weight that has a gradient."""
        moved, gradients = [], []
        for k, weight in enumerate(self.weights):
            if weight.grad is not None:
                moved.append(k)
                gradients.append(weight.grad)
        if not moved:
            return
        if moved != self._moved:
            self._take(moved)
        if len(moved) == len(self.weights):
            self._counts.add_(1)
        else:
            torch._foreach_add_([self._memory[k][0] for k in moved], 1)
        if self._piece_size:
            gradients = in_pieces(gradients, self._piece_size)
        weights, means, squares, counts = self._lists
        self._kernel(weights, gradients, means, squares, [], counts, lr=self._device_rate, **self._constants)

    @torch.no_grad()
    def sweep(self) -> None:
        """Count a step; on a CPU, set moments that have all but vanished to 0 every `SWEPT_EVERY` steps."""
        self._steps += 1
        if self._device_rate.device.type == "cpu" and self._steps % SWEPT_EVERY == 0:
            for _, mean, square in self._memory.values():
                torch.hardshrink(mean, LEAST_MEAN, out=mean)
                torch.hardshrink(square, LEAST_SQUARE, out=square)

    def _take(self, moved: list[int]) -> None:
        """Prepare the lists of what moves from here on."""
        for k in moved:
            if k not in self._memory:
                self._memory[k] = self._begun(k)
        counts, means, squares = (list(one) for one in zip(*(self._memory[k] for k in moved), strict=True))
        weights: list[Tensor] = [self.weights[k] for k in moved]
        if self._piece_size:
            counts = [
                count
                for count, weight in zip(counts, weights, strict=True)
                for _ in in_pieces([weight], self._piece_size)
            ]
            weights, means, squares = (in_pieces(one, self._piece_size) for one in (weights, means, squares))
        self._moved, self._lists = moved, [weights, means, squares, counts]

    def _begun(self, k: int) -> tuple[Tensor, Tensor, Tensor]:
        """Count of steps, first and second moment of a weight, in `MEMORY`'s order: each laid out as the weight is."""
        mean, square = (torch.zeros_like(self.weights[k], requires_grad=False) for _ in range(2))
        return self._counts[k], mean, square

    def state(self, k: int) -> dict[str, Tensor]:
        """What it remembers of a weight, by `MEMORY`'s names; nothing of one that has had no gradient yet."""
        if k not in self._memory:
            return {}
        # a tensor of its own: files do not take one that is part of another
        count, *moments = self._memory[k]
        return dict(zip(MEMORY, (count.clone(), *moments), strict=True))

    def restore(self, k: int, state: Mapping[str, Tensor]) -> None:
        """Remember of a weight what `state` gave."""
        self._moved = []
        # the count of the weight that moved most is that of all steps, and so says when the next sweep is
        self._steps = max(self._steps, int(state["step"]))
        self._memory[k] = self._begun(k)
        for name, value in zip(MEMORY, self._memory[k], strict=True):
            value.copy_(state[name])


def laid_out(gradient: Tensor, weight: Tensor) -> Tensor:
    """A gradient in the order in memory that its weight has.

    The fused optimiser reads both from end to end: of another order it would take each number for another weight's.
    `backward` sees to that by itself, `torch.autograd.grad` does not.
    """
    if gradient.stride() == weight.stride():
        return gradient
    return torch.empty_like(weight, requires_grad=False).copy_(gradient)


class _Optimisers:
    """One or several optimisers: their step size, and what they remember, by place of the weight."""

    optimisers: Sequence[Adam]

    def _weights(self) -> Iterator[tuple[str, Adam, int]]:
        for n, optimiser in enumerate(self.optimisers):
            yield from ((f"{n}.{k}", optimiser, k) for k in range(len(optimiser.weights)))

    def set_rate(self, rate: float) -> None:
        """Size of the steps from here on, of all players."""
        for optimiser in self.optimisers:
            optimiser.set_rate(rate)

    def sweep(self) -> None:
        """Count a step of all players, see `Adam.sweep`."""
        for optimiser in self.optimisers:
            optimiser.sweep()

    def state(self) -> dict[str, Tensor]:
        """Steps and moments of each weight; nothing of one that has had no gradient yet."""
        return {
            f"{place}.{name}": value
            for place, optimiser, k in self._weights()
            for name, value in optimiser.state(k).items()
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over steps and moments, each laid out in memory as its weight is."""
        for place, optimiser, k in self._weights():
            found = {name: state[f"{place}.{name}"] for name in MEMORY if f"{place}.{name}" in state}
            if found:
                optimiser.restore(k, found)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """A count of steps, and two moments of the shape of each weight."""
        return {
            f"{place}.{name}": () if name == "step" else tuple(optimiser.weights[k].shape)
            for place, optimiser, k in self._weights()
            for name in MEMORY
        }


class Descent(_Optimisers):
    """One optimiser that lowers the whole objective."""

    def __init__(self, model: nn.Module, config: RunConfig) -> None:
        """Over all parameters of the model."""
        self.optimiser = Adam(model.parameters(), config)
        self.optimisers = [self.optimiser]

    def step(self, bound: Tensor, weighed: Mapping[str, Tensor], terms: Mapping[str, Tensor]) -> None:
        """Lower the sum of all that is weighed."""
        loss = sum(weighed.values(), bound)
        for weight in self.optimiser.weights:
            weight.grad = None
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
        self.optimisers = [Adam(part, config, momentum=MOMENTUM_OF_A_GAME) for part in self.parts.values()]

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
