"""Two runs side by side: the settings that differ, and what the same images scored in both."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from core.config import RunConfig, reconstruction_weight
from core.families import family
from core.latents import Latents

LEVEL = 0.95
"""Coverage of the intervals."""

INFINITE = "infinite"
"""How the reconstruction weight at beta 0 reads."""

Value = str | float | tuple[int, ...] | None


@dataclass(frozen=True)
class Setting:
    """One setting in two runs."""

    name: str
    """A key of `RunConfig`, or 'reconstruction_weight', which follows from beta and the pixel count"""
    description: str
    applies: tuple[bool, bool]
    """Whether it means anything to each of the runs"""
    values: tuple[Value, Value]


def applies(config: RunConfig, name: str) -> bool:
    """Tell whether a setting means anything to a run: beta does not to an autoencoder, nor sigma to a Bernoulli."""
    if name == "sigma":
        return config.likelihood == "gaussian"
    beta_name = "beta" if name == "reconstruction_weight" else name
    return beta_name not in family(config.family).ignores


def differing_settings(first: RunConfig, second: RunConfig, *, pixels: tuple[int, int]) -> list[Setting]:
    """List the settings in which two runs differ, in the order of `RunConfig`.

    A setting that means something to one of them alone differs; one that means nothing to either does not. The
    reconstruction weight w = n / beta stands behind beta, also where beta is equal and the pixel counts are not.

    Args:
        first: settings of one run.
        second: settings of the other.
        pixels: n of each, values per padded image.
    """
    configs = (first, second)
    found = []
    for name, field in RunConfig.model_fields.items():
        one, two = getattr(first, name), getattr(second, name)
        found.append(
            Setting(name, field.description or "", (applies(first, name), applies(second, name)), (one, two))
        )
        if name == "beta":
            weights = [
                reconstruction_weight(config.beta, n) for config, n in zip(configs, pixels, strict=True)
            ]
            found.append(
                Setting(
                    "reconstruction_weight",
                    "w = n / beta: the same objective, written as w * mean over n pixels + KL",
                    found[-1].applies,
                    (_weight(weights[0]), _weight(weights[1])),
                )
            )
    return [
        one
        for one in found
        if one.applies[0] != one.applies[1] or (all(one.applies) and one.values[0] != one.values[1])
    ]


def _weight(weight: float | None) -> Value:
    return INFINITE if weight is None else weight


@dataclass(frozen=True)
class PairedDifference:
    """Average over images of first minus second, in the unit of the score."""

    mean: float
    standard_error: float | None
    """Of the mean, over images; None for fewer than two"""
    low: float | None
    """End of the 95 % interval of the mean (Student's t)"""
    high: float | None
    images: int
    first_lower: float
    """Share of the images whose first value is lower than the second, 0 to 1"""


def paired_difference(first: np.ndarray, second: np.ndarray) -> PairedDifference | None:
    """Average first - second over images scored twice, with a 95 % interval: None without images.

    The difference of each image is taken first, so that what makes an image hard for both does not widen the
    interval. It speaks about other images of the same kind and these two sets of weights, not about other seeds.

    Args:
        first: (N,) one value an image.
        second: (N,) the same images in the same order.

    Raises:
        ValueError: the shapes differ, or are not (N,).
    """
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(
            f"Pairs need two (N,) arrays of the same images, not {first.shape} and {second.shape}."
        )
    difference = first.astype(np.float64) - second.astype(np.float64)
    count = len(difference)
    if not count:
        return None
    mean, lower = float(difference.mean()), float((difference < 0).mean())
    if count < 2:
        return PairedDifference(mean, None, None, None, count, lower)
    error = float(difference.std(ddof=1)) / math.sqrt(count)
    reach = float(special.stdtrit(count - 1, (1 + LEVEL) / 2)) * error
    return PairedDifference(mean, error, mean - reach, mean + reach, count, lower)


def paired_scores(first: Latents, second: Latents) -> dict[str, PairedDifference]:
    """Differences of D, R and the negative ELBO over the images that both hold, nats per image.

    Without a posterior there is no rate, so only `distortion` is compared. Whether the distortions may be compared at
    all (the same data, likelihood and pixel count) is for the caller to know: see `tradeoff.comparable_key`.
    """
    _, one, two = np.intersect1d(first.ids, second.ids, assume_unique=True, return_indices=True)
    found = {"distortion": paired_difference(first.distortion[one], second.distortion[two])}
    if first.rate is not None and second.rate is not None:
        rates = first.rate[one].astype(np.float64), second.rate[two].astype(np.float64)
        found["rate"] = paired_difference(*rates)
        found["negative_elbo"] = paired_difference(
            first.distortion[one] + rates[0], second.distortion[two] + rates[1]
        )
    return {name: pair for name, pair in found.items() if pair is not None}
