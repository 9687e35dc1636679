"""A step of training, from a batch that is there to weights that have moved; and its record as a CUDA graph."""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn

from core.config import RunConfig
from core.device import autocast
from core.encoding import to_unit
from core.families import build, family
from core.files import one_line
from core.objectives import batch_term, counted_rate, terms_of
from core.training.updates import Updates

WARM_STEPS = 3
"""Steps of a size taken as they are before one is recorded: memory is taken and kernels are chosen in the first ones"""


def no_sums(config: RunConfig, device: torch.device) -> dict[str, Tensor]:
    """Sums over the images of an epoch, before the first: of D, the objective, R of each dimension, other terms."""
    names = ("distortion", "objective", *(f"terms.{name}" for name in terms_of(config)))
    sums = {name: torch.zeros((), dtype=torch.float64, device=device) for name in names}
    return {**sums, "rate_per_dimension": torch.zeros(config.latent, dtype=torch.float64, device=device)}


def sum_shapes(config: RunConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of the sums of an epoch under way, float64 each."""
    return {name: tuple(value.shape) for name, value in no_sums(config, torch.device("meta")).items()}


class Graph(Protocol):
    """Work that was recorded."""

    def replay(self) -> None:
        """Do it again, with what lies now where its inputs lay."""


Record = Callable[[Callable[[], None]], Graph]


def record_cuda(work: Callable[[], None], *, device: torch.device) -> Graph:
    """Record work on a CUDA device as a graph, which one launch then does whole. Recording it does not do it.

    Raises:
        RuntimeError: a part of it cannot be recorded.
    """
    graph = torch.cuda.CUDAGraph()
    # on a stream of this very device, or the work would be done and not be recorded; and back on the one before when a
    # recording fails, which `torch.cuda.graph` does not see to
    here, there = torch.cuda.current_stream(device), torch.cuda.Stream(device)
    with (
        torch.cuda.stream(here),
        torch.cuda.graph(graph, stream=there, capture_error_mode="thread_local"),
    ):
        work()
    return graph


class Step:
    """Steps of training. They read nothing back from the device and draw nothing, so that a GPU is never waited for.

    On a CUDA device a step is recorded once it is warm, and replayed for each batch of the same shape: it is a hundred
    kernels of microseconds each, and launching them one by one takes longer than they do (NVIDIA, CUDA C++ Programming
    Guide, "CUDA Graphs").
    """

    def __init__(
        self,
        model: nn.Module,
        updates: Updates,
        config: RunConfig,
        device: torch.device,
        *,
        record: Record | None = None,
    ) -> None:
        """Prepare the steps of a model, which lies on the device.

        Args:
            model: in training mode by the first step.
            updates: of the model.
            config: of the run.
            device: where everything lies.
            record: what records a step; `record_cuda` on a CUDA device if None, and nothing elsewhere.
        """
        self.sums = no_sums(config, device)
        """Over the images of the epoch so far: on the device, added to in place"""
        self.graph: Graph | None = None
        """The recorded step; None while it warms up, where nothing records, and where it cannot be recorded"""
        self._model, self._updates, self._config, self._device = model, updates, config, device
        self._objective = build(family(config.family).objective)
        self._has_rate = family(config.family).has_posterior
        self._weights = terms_of(config)
        # on the device: a recorded step reads the beta of its own time there
        self._beta, self._told_beta = torch.ones((), device=device), 1.0
        self._record = record or (partial(record_cuda, device=device) if device.type == "cuda" else None)
        self._inputs: list[Tensor] = []
        self._taken: Counter[int] = Counter()

    def set_sums(self, sums: Mapping[str, Tensor] | None = None) -> None:
        """Begin an epoch, or go on in one with the sums so far."""
        for name, value in self.sums.items():
            if sums is None:
                value.zero_()
            else:
                value.copy_(sums[name])

    def set_weights(self, *, rate: float, beta: float) -> None:
        """Learning rate and weight of R from here on."""
        self._updates.set_rate(rate)
        if beta != self._told_beta:
            self._beta.fill_(beta)
            self._told_beta = beta

    def __call__(self, pixels: Tensor, draw: Tensor, labels: Tensor | None = None) -> None:
        """Move the weights once, and add the batch's terms to the sums.

        Args:
            pixels: (B, C, H, W), uint8 or in [0, 1].
            draw: (B, width), standard normal, as the objective wants it.
            labels: (B,) where the family needs them.
        """
        given = [pixels, draw] if labels is None else [pixels, draw, labels]
        # counted by size, or the smaller last batch of an epoch might be the one that is recorded
        self._taken[len(pixels)] += 1
        if self._record and not self._inputs and self._taken[len(pixels)] > WARM_STEPS:
            self._inputs = [one.clone() for one in given]
            try:
                self.graph = self._record(lambda: self._work(*self._inputs))
            except RuntimeError as error:
                # what cannot be recorded can still be done as it is
                told = one_line(str(error), limit=200)
                warnings.warn(
                    f"Steps are launched kernel by kernel, which is slower: no CUDA graph ({told}).",
                    stacklevel=2,
                )
        if self.graph and all(a.shape == b.shape for a, b in zip(given, self._inputs, strict=True)):
            for place, value in zip(self._inputs, given, strict=True):
                place.copy_(value)
            self.graph.replay()
        else:
            self._work(*given)

    def _work(self, pixels: Tensor, draw: Tensor, labels: Tensor | None = None) -> None:
        config, x = self._config, to_unit(pixels)
        with autocast(self._device, config.precision):
            out = self._objective(self._model, x, draw, config, labels=labels)
            penalties = {name: batch_term(name, self._model, x, out, config).mean() for name in self._weights}
        per_image = config.pixel_weight * out.distortion
        if self._has_rate:
            per_image = per_image + self._beta * counted_rate(out.rate_per_dimension, config)
        weighed = {name: self._weights[name] * value for name, value in penalties.items()}
        self._updates.step(per_image.mean(), weighed, penalties)
        with torch.no_grad():
            self.sums["distortion"] += out.distortion.sum()
            self.sums["objective"] += per_image.sum()
            if self._has_rate:
                self.sums["rate_per_dimension"] += out.rate_per_dimension.sum(0)
            for name, value in penalties.items():
                self.sums[f"terms.{name}"] += len(x) * value
