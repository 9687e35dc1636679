"""The training loop: epochs over a data set that lives on the device. It touches no file."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from core.config import RunConfig
from core.corruption import thresholds
from core.device import reusing_memory
from core.encoding import Encoded, batches, encode_split, noise_width
from core.errors import Diverged
from core.families import build, family
from core.objectives import beta_at, prior_width, terms_of
from core.training.step import Step
from core.training.updates import Updates
from core.weights import is_finite

StepHook = Callable[[int, int, int], None]
"""Called with (epoch from 1, steps done in it, steps in it)."""


@dataclass(frozen=True)
class Standing:
    """Where training stands between two steps: all that it takes to go on as if there had been no pause.

    Its tensors are those that training goes on to change: what is to outlast the next step is written before it.
    """

    epoch: int
    """Whole epochs done"""
    step: int
    """Steps done in the epoch after them; 0 between two epochs"""
    seconds: float
    """Spent since the last row of history"""
    model: Mapping[str, Tensor]
    updates: Mapping[str, Tensor]
    """What the optimisers remember, see core/training/updates.py"""
    sums: Mapping[str, Tensor] = field(default_factory=dict)
    """Sums of the epoch under way, float64, see `sum_shapes` in core/training/step.py; none between two epochs"""
    noise: Tensor | None = None
    """State of the epoch's generator of noise; None between two epochs: the next one has its own"""


Ask = Callable[[Callable[[], Standing], dict[str, Any] | None], bool]
"""Asked between two steps, and after each epoch with its row of history where it has one: whether to end here. The
first argument, called, says where training stands; it looks at all weights."""


@dataclass(frozen=True)
class HeldOut:
    """The images that are scored after every epoch: uint8 on the device, and their fixed noise."""

    split: str
    """'validation', or 'test' where nothing was held out"""
    pixels: Tensor
    noise: Tensor
    labels: Tensor | None = None
    """(N,) where the family needs them"""


def learning_rate_at(config: RunConfig, epoch: float) -> float:
    """Step size when `epoch` epochs (fractions count) are done: constant, or half a cosine to 0 at the last step.

    `rate (1 + cos(pi epoch / epochs)) / 2`, Loshchilov and Hutter 2017, arXiv:1608.03983, equation 5, no restart.
    """
    if config.schedule == "constant":
        return config.learning_rate
    return config.learning_rate * (1 + math.cos(math.pi * min(1.0, epoch / config.epochs))) / 2


def epoch_generator(config: RunConfig, epoch: int, purpose: int, device: torch.device) -> torch.Generator:
    """Random numbers of one epoch, a function of (seed, epoch, purpose) alone."""
    return torch.Generator(device).manual_seed((config.seed * 1_000_003 + epoch) * 2 + purpose)


def mean_terms(encoded: Encoded, config: RunConfig) -> dict[str, Any]:
    """Reduce a held-out split to one row of history, nats per image."""
    distortion = float(encoded.distortion.mean(dtype="float64"))
    row: dict[str, Any] = {
        "distortion": distortion,
        "rate": None,
        "rate_per_dimension": None,
        "objective": config.pixel_weight * distortion,
    }
    if encoded.rate_per_dimension is not None:
        rates = encoded.rate_per_dimension.mean(0, dtype="float64")
        rate = float(rates.sum())
        row |= {
            "rate": rate,
            "rate_per_dimension": rates.tolist(),
            "objective": config.pixel_weight * distortion + config.beta * config.counted_rate(rates.tolist()),
        }
    return with_terms(row, encoded.terms, config)


def with_terms(row: dict[str, Any], values: dict[str, float], config: RunConfig) -> dict[str, Any]:
    """Add the objective's other terms to a row of history, unweighted under their names, weighted in `objective`."""
    if not values:
        return row
    weights = terms_of(config)
    penalty = sum(weights[name] * value for name, value in values.items())
    return {**row, "objective": row["objective"] + penalty, "terms": values}


def train_epoch(
    step: Step,
    *,
    epoch: int,
    on_step: StepHook | None = None,
    standing: Standing | None = None,
    ends: Callable[[int, torch.Generator], bool] | None = None,
) -> dict[str, Any] | None:
    """One pass over the images of a step, shuffled; the averages of D and R while the weights move.

    Sums stay on the device until the end of the epoch: reading a number earlier would wait for the device.

    Args:
        step: what a step does to the model; images and settings are its own.
        epoch: from 1.
        on_step: called after each step.
        standing: where to go on, in the middle of this very epoch; model and updates are those of then already.
        ends: asked after each step but the last, with the steps done and the noise: whether to end here.

    Returns:
        None where it ended before the last step.

    Raises:
        Diverged: a term summed over the epoch is not finite.
    """
    config, pixels = step.config, step.pixels
    device, count = pixels.device, len(pixels)
    size = config.step_size(count)
    # all images at once: their order would change nothing but the rounding
    whole = not config.batch_size
    order = torch.randperm(count, generator=epoch_generator(config, epoch, 0, torch.device("cpu"))).to(device)
    noise = epoch_generator(config, epoch, 1, device)
    step.set_sums(standing.sums if standing else None)
    if standing is not None and standing.noise is not None:
        noise.set_state(standing.noise)
    width = noise_width(config, (pixels.shape[1], pixels.shape[2], pixels.shape[3])) + prior_width(config)
    done, steps = standing.step if standing else 0, math.ceil(count / size)
    for k, rows in enumerate(batches(count, size)):
        if k < done:
            continue
        passed = epoch - 1 + k / steps
        step.set_weights(rate=learning_rate_at(config, passed), beta=beta_at(config, passed))
        taken = rows.stop - rows.start
        drawn = thresholds((taken, *pixels.shape[1:]), noise) if config.binarise == "sampled" else None
        draw = torch.randn((taken, width), generator=noise, device=device)
        step(None if whole else order[rows], draw, drawn)
        if on_step:
            on_step(epoch, k + 1, steps)
        if ends and k + 1 < steps and ends(k + 1, noise):
            return None
    sums, weights, has_rate = step.sums, terms_of(config), family(config.family).has_posterior
    row: dict[str, Any] = {
        "distortion": float(sums["distortion"]) / count,
        "rate": None,
        "rate_per_dimension": None,
        "objective": float(sums["objective"]) / count,
    }
    if has_rate:
        row["rate_per_dimension"] = (sums["rate_per_dimension"] / count).tolist()
        row["rate"] = sum(row["rate_per_dimension"])
    row = with_terms(row, {name: float(sums[f"terms.{name}"]) / count for name in weights}, config)
    _check_finite(row, epoch, config)
    return row


def _check_finite(row: dict[str, Any], epoch: int, config: RunConfig) -> None:
    for name, value in {**row, **row.get("terms", {})}.items():
        if isinstance(value, dict):
            continue
        numbers = value if isinstance(value, list) else [value]
        if not all(number is None or math.isfinite(number) for number in numbers):
            raise _diverged(f"The {name.replace('_', ' ')} was", epoch, config)


def _diverged(what: str, epoch: int, config: RunConfig) -> Diverged:
    return Diverged(f"{what} not finite in epoch {epoch}: train again with {family(config.family).steadier}.")


def epochs(
    model: nn.Module,
    pixels: Tensor,
    config: RunConfig,
    *,
    labels: Tensor | None = None,
    held_out: HeldOut | None = None,
    on_step: StepHook | None = None,
    standing: Standing | None = None,
    ask: Ask | None = None,
) -> Iterator[dict[str, Any]]:
    """Train epoch by epoch, yielding a row of history after each `report_every`; the model then holds those weights.

    A row: epoch, seconds (training and scoring of the held-out images, since the row before), beta at the epoch's end,
    `train` (averages of that epoch, while the weights moved) and `validation` or `test` (at the epoch's final weights,
    at the final beta). A family in closed form is fitted in one epoch, and has its `train` at the fitted weights too.

    Args:
        model: on the device of `pixels`.
        pixels: uint8 (N, C, H, W), padded as the run wants.
        config: of the run.
        labels: int64 (N,), on the device of `pixels`, where the family needs them.
        held_out: what to score after each epoch.
        on_step: called after each step.
        standing: where to go on; from the start if None. Its weights are copied into the model.
        ask: whether to end; asked before an epoch's row is yielded, so that the caller has it stored by then.

    Raises:
        Diverged: a loss is not finite; the model's weights are then not to be kept.
    """
    start = time.perf_counter()
    first, begun = 0, None
    if standing is not None:
        start -= standing.seconds
        model.load_state_dict(standing.model)
        first, begun = standing.epoch, standing if standing.step else None
    if not (first or begun):
        model.begin(pixels)  # type: ignore[operator]
    updates: Updates = build(family(config.family).training)(model, config)
    if standing is not None:
        updates.restore(standing.updates)
    taking = Step(model, updates, config, pixels, labels)

    def stand(epoch: int, step: int = 0, noise: torch.Generator | None = None) -> Standing:
        sums = taking.sums if step else {}
        # a checkpoint that cannot be gone on from would replace one that can
        if not all(is_finite(tensor) for tensor in (*sums.values(), *model.state_dict().values())):
            raise _diverged("The losses or weights were", epoch + bool(step), config)
        return Standing(
            epoch=epoch,
            step=step,
            seconds=time.perf_counter() - start,
            model=model.state_dict(),
            updates=updates.state(),
            # files do not take tensors that are part of one
            sums={name: value.clone() for name, value in sums.items()},
            noise=noise.get_state() if noise else None,
        )

    for epoch in range(first + 1, config.epochs + 1):
        row: dict[str, Any] = {"epoch": epoch, "beta": beta_at(config, epoch)}

        def ends(step: int, noise: torch.Generator, done: int = epoch - 1) -> bool:
            return ask is not None and ask(lambda: stand(done, step, noise), None)

        if family(config.family).closed_form:
            row["train"] = mean_terms(
                encode_split(model, pixels, config, noise=_no_noise(pixels, config)), config
            )
            if on_step:
                on_step(epoch, 1, 1)
        else:
            with reusing_memory():
                model.train()
                row["train"] = train_epoch(
                    taking,
                    epoch=epoch,
                    on_step=on_step,
                    standing=begun,
                    ends=ends if ask else None,
                )
            begun = None
            if row["train"] is None:
                return
        if not config.has_row(epoch):
            if ask and ask(lambda done=epoch: stand(done), None):  # type: ignore[misc]
                return
            continue
        if held_out is not None and len(held_out.pixels):
            encoded = encode_split(
                model, held_out.pixels, config, noise=held_out.noise, labels=held_out.labels
            )
            row[held_out.split] = mean_terms(encoded, config)
            _check_finite(row[held_out.split], epoch, config)
        row["seconds"] = time.perf_counter() - start
        start = time.perf_counter()
        ended = ask is not None and ask(lambda done=epoch: stand(done), row)  # type: ignore[misc]
        yield row
        if ended:
            return
        start = time.perf_counter()


def _no_noise(pixels: Tensor, config: RunConfig) -> Tensor:
    return torch.zeros(
        (len(pixels), noise_width(config, (pixels.shape[1], pixels.shape[2], pixels.shape[3])))
    )
