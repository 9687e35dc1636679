"""What a run would cost: its parameters and memory, and its time from a few steps that are really done."""

import math
import statistics
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.config import RunConfig
from core.data.images import ImageSet
from core.device import describe, placed, using_threads
from core.encoding import (
    EVALUATION_BATCH,
    build_model,
    encode_split,
    noise_width,
    pixel_tensor,
    split_labels,
    split_tensors,
    to_unit,
)
from core.errors import Diverged
from core.families import build, family
from core.models.nets import parameter_count
from core.objectives import batch_term, prior_width, terms_of
from core.runs import load_images
from core.training.loop import epochs
from core.training.material import Material, load_material

SECONDS = 3.0
"""Spent on the measured steps and on scoring, unless a single step takes longer"""
TAKEN = 4096
"""Training images that the steps are taken from, unless a step takes more: those of the others cost the same"""
FOREVER = 1_000_000
"""Epochs of the trial: more than its time allows"""


@dataclass(frozen=True)
class Cost:
    """What a run would cost. Files that it writes are not in its time, nor torch itself in its memory."""

    parameters: int
    """Trained values, exact"""
    data_bytes: int
    """Images of all splits, and the noise of those held out; computed"""
    model_bytes: int
    """Weights and their gradients; computed"""
    optimiser_bytes: int
    """What the optimiser remembers: two values a parameter; computed"""
    step_bytes: int
    """What a step keeps for its gradients; measured in one step, all of it counted once"""
    steps: int
    """Steps an epoch"""
    measured: int
    """Steps that the time is taken from"""
    loading: float
    """Seconds to load the data; measured"""
    epoch: float
    """Seconds of an epoch, with the scores of the held-out images where it reports them; extrapolated"""
    scoring: float
    """Seconds to score all splits at the end; extrapolated from the held-out or test images, or a part of them"""
    seconds: float
    """Of the whole run"""
    machine: str
    """Where it was measured"""

    @property
    def bytes(self) -> int:
        """Memory that the run needs besides what torch itself takes."""
        return self.data_bytes + self.model_bytes + self.optimiser_bytes + self.step_bytes


class _EnoughError(Exception):
    """The trial has had its time."""


class _Clock:
    """The hook of a step that takes the time of each, and ends the trial when it has had its own."""

    def __init__(self, seconds: float, device: torch.device) -> None:
        self.taken: list[float] = []
        self._device, self._seconds = device, seconds
        self._last = self._end = math.inf

    def __call__(self, epoch: int, done: int, steps: int) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        now = time.perf_counter()
        if self._last < now:
            self.taken.append(now - self._last)
        else:
            # the first step is slow for reasons that do not come back: only its end is known
            self._end = now + self._seconds
        self._last = now
        if now >= self._end:
            raise _EnoughError


def estimate(config: RunConfig, *, seconds: float = SECONDS) -> Cost:
    """Load the data, do real steps with weights that are thrown away, and reckon with their time.

    Args:
        config: of the run.
        seconds: for the steps and the scoring together, about; loading and a single long step come on top.

    Raises:
        DataMissing, DataError, ConfigError: as `core.training.run.train`.
    """
    start = time.perf_counter()
    material = load_material(config, lambda sentence: None)
    pixels = pixel_tensor(load_images(config, "train", drawn=False).pixels, config, material.device)
    loading = time.perf_counter() - start
    with using_threads(config.threads), torch.random.fork_rng(devices=[]):
        return _estimated(config, material, pixels, loading, seconds)


def _estimated(config: RunConfig, material: Material, pixels: Tensor, loading: float, seconds: float) -> Cost:
    torch.manual_seed(config.seed)
    classes = len(material.train.class_names)
    model = placed(build_model(config, material.padded, classes=classes), material.device)
    labels = split_labels(material.train, config, device=material.device)
    count = len(pixels)
    size = config.step_size(count)
    closed = family(config.family).closed_form
    kept = 0 if closed else _kept_by_a_step(model, pixels[:size], config, labels)
    measured, epoch = _epoch_seconds(model, pixels, labels, config, material, seconds * 0.7)
    an_image = _scoring_seconds(model, config, material, seconds * 0.3)
    held = material.validation if len(material.validation) else material.test
    scoring = an_image * (count + len(material.validation) + len(material.test))
    reported = an_image * len(held) / min(config.report_every, config.epochs)
    values = parameter_count(model)
    rows = count + len(material.validation) + len(material.test)
    width = noise_width(config, material.padded)
    return Cost(
        parameters=values,
        data_bytes=rows * pixels[0].numel() * pixels.element_size() + 4 * len(held) * width,
        model_bytes=(1 if closed else 2) * 4 * values,
        optimiser_bytes=0 if closed else 2 * 4 * values,
        step_bytes=kept,
        steps=math.ceil(count / size),
        measured=measured,
        loading=loading,
        epoch=epoch + reported,
        scoring=scoring,
        seconds=loading + config.epochs * (epoch + reported) + scoring,
        machine=describe(material.device, config.precision),
    )


def _kept_by_a_step(model: nn.Module, pixels: Tensor, config: RunConfig, labels: Tensor | None) -> int:
    """Bytes that a step keeps for its gradients, its images included: what autograd saved, each storage once.

    Read from the graph: hooks on what is saved do not go with torch.func, which a Jacobian is made with.
    """
    x = to_unit(pixels)
    width = noise_width(config, (x.shape[1], x.shape[2], x.shape[3])) + prior_width(config)
    noise = torch.randn((len(x), width), device=x.device)
    told = None if labels is None else labels[: len(x)]
    out = build(family(config.family).objective)(model, x, noise, config, labels=told)
    terms = [batch_term(name, model, x, out, config) for name in terms_of(config)]
    made = [out.distortion, *terms, *([] if out.rate_per_dimension is None else [out.rate_per_dimension])]
    weights = {one.untyped_storage().data_ptr() for one in model.state_dict().values()}
    sizes = {x.untyped_storage().data_ptr(): x.untyped_storage().nbytes()}
    todo: list[Any] = [one.grad_fn for one in made if one.grad_fn is not None]
    seen = set(todo)
    while todo:
        node = todo.pop()
        # those of torch's own functions have names, those of ours are in one tuple
        saved = [getattr(node, name) for name in dir(node) if name.startswith("_saved_")]
        for tensor in (*saved, *getattr(node, "saved_tensors", ())):
            if isinstance(tensor, Tensor):
                sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        following = {one for one, _ in node.next_functions if one is not None} - seen
        seen |= following
        todo += following
    return sum(size for place, size in sizes.items() if place not in weights)


def _epoch_seconds(
    model: nn.Module,
    pixels: Tensor,
    labels: Tensor | None,
    config: RunConfig,
    material: Material,
    seconds: float,
) -> tuple[int, float]:
    """Steps measured, and seconds of an epoch of training by the median of their times."""
    count = len(pixels)
    steps = math.ceil(count / config.step_size(count))
    if family(config.family).closed_form:
        # its one fit takes time in proportion to the images
        least = min(count, 2 * config.latent)
        for part in (
            pixels[:least],
            pixels[: max(TAKEN, least)],
        ):  # the first is slow, as the first step is below
            start = time.perf_counter()
            for _ in epochs(model, part, config.with_settings({"epochs": 1})):
                pass
            spent = time.perf_counter() - start
        return 1, spent * count / len(part)
    taken = max(TAKEN, 2 * config.step_size(count)) if config.batch_size else count
    trial = config.with_settings({"epochs": FOREVER, "report_every": FOREVER})
    clock = _Clock(seconds, material.device)
    try:
        for _ in epochs(
            model,
            pixels[:taken],
            trial,
            labels=None if labels is None else labels[:taken],
            on_step=clock,
        ):
            pass
    except (_EnoughError, Diverged):
        # numbers that are not finite take the same time
        pass
    return len(clock.taken), steps * statistics.median(clock.taken)


def _scoring_seconds(model: nn.Module, config: RunConfig, material: Material, seconds: float) -> float:
    """Seconds that the scores of an image take."""
    images: ImageSet = material.validation if len(material.validation) else material.test
    labels = split_labels(images, config, device=material.device)
    pixels, noise = split_tensors(images, config, device=material.device)

    def timed(rows: int) -> float:
        start = time.perf_counter()
        told = None if labels is None else labels[:rows]
        encode_split(model, pixels[:rows], config, noise=noise[:, :rows], labels=told)
        return time.perf_counter() - start

    timed(min(len(images), 32))  # the first one is slow for reasons that do not come back
    rows = min(len(images), EVALUATION_BATCH)
    first = timed(rows)
    more = min(len(images), rows * max(1, int(seconds / max(first, 1e-9))))
    return timed(more) / more if more > rows else first / rows
