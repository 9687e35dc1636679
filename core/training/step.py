"""A step of training, from a batch that is there to weights that have moved; and its record, to be replayed."""

import functools
import math
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call

from core.config import RunConfig
from core.corruption import drawn_pixels
from core.device import autocast, quick_convolutions
from core.encoding import to_unit
from core.families import build, family
from core.files import one_line
from core.objectives import Terms, batch_term, counted_rate, terms_of
from core.training.pieces import Rounded
from core.training.replay import record_cpu
from core.training.updates import Updates

WARM_STEPS = 3
"""Steps of a size taken as they are before one is recorded: memory is taken and kernels are chosen in the first ones"""


def sum_shapes(config: RunConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of the sums over an epoch's images, float64 each: of D, the objective, R a dimension, other terms."""
    others: dict[str, tuple[int, ...]] = {f"terms.{name}": () for name in terms_of(config)}
    return {"distortion": (), "objective": (), "rate_per_dimension": (config.latent,), **others}


class Graph(Protocol):
    """Work that was recorded."""

    def replay(self) -> None:
        """Do it again, with what lies now where its inputs lay."""


Record = Callable[[Callable[[], None]], Graph]
"""Does work once and records it. Raises RuntimeError, and has not done it, where it cannot be recorded."""


def record_cuda(work: Callable[[], None], *, device: torch.device) -> Graph:
    """Record work on a CUDA device as a graph, which one launch then does whole, the first time here.

    Raises:
        RuntimeError: a part of it cannot be recorded.
    """
    graph = torch.cuda.CUDAGraph()
    # back on the stream of before when a recording fails, which `torch.cuda.graph` does not see to
    with (
        torch.cuda.stream(torch.cuda.current_stream(device)),
        torch.cuda.graph(graph, stream=_recording(device), capture_error_mode="thread_local"),
    ):
        work()
    graph.replay()
    return graph


@functools.cache
def _recording(device: torch.device) -> torch.cuda.Stream:
    """The stream that steps are recorded on: of this very device, or the work would be done and not be recorded.

    One for all recordings: torch keeps tens of megabytes for matrix products of each stream it has seen.
    """
    return torch.cuda.Stream(device)


class _Applied(nn.Module):
    """A function of a model as a module, so that `functional_call` can put other weights in its place."""

    def __init__(self, model: nn.Module, function: Callable[..., Terms]) -> None:
        super().__init__()
        self.model, self.function = model, function

    def forward(self, *arguments: Any, **more: Any) -> Terms:
        """Call the function with the model first."""
        return self.function(self.model, *arguments, **more)


def _rounded(model: nn.Module) -> set[str]:
    """Names of the weights that products are made with, as autocast rounds them: those of dense and conv layers."""
    kinds = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    return {
        f"{place}.{name}"
        for place, module in model.named_modules()
        if isinstance(module, kinds)
        for name, _ in module.named_parameters(recurse=False)
    }


class Step:
    """Steps of training. They read nothing back from the device and draw nothing, so that a GPU is never waited for.

    A step is recorded once it is warm, and replayed for each batch of the same shape. On a CUDA device it is a hundred
    kernels of microseconds each, and launching them one by one takes longer than they do (NVIDIA, CUDA C++ Programming
    Guide, "CUDA Graphs"); on a CPU see `core.training.replay`.
    """

    def __init__(
        self,
        model: nn.Module,
        updates: Updates,
        config: RunConfig,
        pixels: Tensor,
        labels: Tensor | None = None,
        *,
        record: Record | None = None,
    ) -> None:
        """Prepare the steps of a model.

        Args:
            model: on the device of `pixels`; in training mode by the first step.
            updates: of the model.
            config: of the run.
            pixels: uint8 (N, C, H, W), all images that steps take theirs from.
            labels: (N,) where the family needs them.
            record: what records a step; `record_cuda` on a CUDA device if None, and `record_cpu` elsewhere.
        """
        device = pixels.device
        self.config, self.pixels = config, pixels
        self._labels = labels
        shapes = sum_shapes(config)
        sizes = [math.prod(shape) for shape in shapes.values()]
        # one after the other, so that one launch adds to all that is a sum over images
        self._sums = torch.zeros(sum(sizes), dtype=torch.float64, device=device)
        self.sums = {
            name: part.view(shape)
            for (name, shape), part in zip(shapes.items(), self._sums.split(sizes), strict=True)
        }
        """Over the images of the epoch so far: on the device, added to in place"""
        self.graph: Graph | None = None
        """The recorded step; None while it warms up, where nothing records, and where it cannot be recorded"""
        self._model, self._updates, self._device = model, updates, device
        self._objective = _Applied(model, build(family(config.family).objective))
        # the weights of each player by themselves: the gradients of one do not wait for those of another
        names = {id(weight): name for name, weight in self._objective.named_parameters()}
        low = _rounded(self._objective) if config.precision == "bf16" else set()
        self._low = [
            {names[id(weight)]: weight for weight in one.weights if names[id(weight)] in low}
            for one in updates.optimisers
        ]
        self._has_rate = family(config.family).has_posterior
        self._weights = terms_of(config)
        # one that changes is on the device: a recorded step reads the beta of its own time there
        self._beta = torch.ones((), device=device) if config.warmup_epochs else None
        self._told_beta = 1.0
        self._record = record or (
            partial(record_cuda, device=device) if device.type == "cuda" else record_cpu
        )
        self._inputs: dict[str, Tensor] = {}
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
        if self._beta is not None and beta != self._told_beta:
            self._beta.fill_(beta)
            self._told_beta = beta

    def __call__(self, rows: Tensor | None, draw: Tensor, thresholds: Tensor | None = None) -> None:
        """Move the weights once, and add the batch's terms to the sums.

        Args:
            rows: (B,) int64, the images to take; all of them if None.
            draw: (B, width), standard normal, as the objective wants it.
            thresholds: uint8 (B, C, H, W) where pixels are to be drawn, see `core.corruption.drawn_pixels`.
        """
        given = {
            name: value
            for name, value in (("rows", rows), ("draw", draw), ("thresholds", thresholds))
            if value is not None
        }
        # counted by size, or the smaller last batch of an epoch might be the one that is recorded
        self._taken[len(draw)] += 1
        if not self._inputs and self._taken[len(draw)] > WARM_STEPS:
            self._inputs = {name: value.clone() for name, value in given.items()}
            try:
                self.graph = self._record(lambda: self._work(**self._inputs))
            except RuntimeError as error:
                # what cannot be recorded can still be done as it is
                told = one_line(str(error), limit=200)
                warnings.warn(
                    f"Steps are launched kernel by kernel, which is slower: they cannot be recorded ({told}).",
                    stacklevel=2,
                )
                self._work(**given)
        elif self.graph and all(value.shape == self._inputs[name].shape for name, value in given.items()):
            for name, value in given.items():
                self._inputs[name].copy_(value)
            self.graph.replay()
        else:
            self._work(**given)
        self._updates.sweep()

    @quick_convolutions()
    def _work(self, draw: Tensor, rows: Tensor | None = None, thresholds: Tensor | None = None) -> None:
        config, pixels, labels = self.config, self.pixels, self._labels
        if rows is not None:
            # index_select copies whole rows; plain indexing goes value by value
            pixels = pixels.index_select(0, rows)
            labels = None if labels is None else labels.index_select(0, rows)
        x = to_unit(pixels if thresholds is None else drawn_pixels(pixels, thresholds))
        with autocast(self._device, config.precision):
            low = {
                name: made
                for weights in self._low
                if weights
                for name, made in zip(weights, Rounded.apply(*weights.values()), strict=True)
            }
            given: dict[str, Any] = {"labels": labels}
            out = (
                functional_call(self._objective, low, (x, draw, config), given)
                if low
                else self._objective(x, draw, config, **given)
            )
            penalties = {name: batch_term(name, self._model, x, out, config).mean() for name in self._weights}
        per_image = _times(config.pixel_weight, out.distortion)
        if self._has_rate:
            beta = config.beta if self._beta is None else self._beta
            per_image = per_image + _times(beta, counted_rate(out.rate_per_dimension, config))
        weighed = {name: self._weights[name] * value for name, value in penalties.items()}
        self._updates.step(per_image.mean(), weighed, penalties)
        with torch.no_grad():
            columns = [out.distortion[:, None], per_image[:, None]]
            if self._has_rate:
                columns.append(out.rate_per_dimension)
            added = torch.cat(columns, 1).sum(0)
            # `+=` would write what was added to a part of a tensor into that part once more
            self._sums[: len(added)].add_(added)
            for name, value in penalties.items():
                self.sums[f"terms.{name}"] += len(x) * value


def _times(weight: float | Tensor, value: Tensor) -> Tensor:
    """Their product; of a factor 1 nothing is made, which would be a launch each way."""
    return value if isinstance(weight, float) and weight == 1 else weight * value
