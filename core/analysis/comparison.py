"""Runs side by side: the settings that differ, and what the same images scored in two of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from core.analysis.scores import SCORES
from core.config import RunConfig, reconstruction_weight
from core.families import family
from core.latents import Latents

LEVEL = 0.95
"""Coverage of the intervals."""

INFINITE = "infinite"
"""How the reconstruction weight at beta 0 reads."""

EXTRAS = ("free_bits", "learn_sigma", "binarise", "mmd_weight", "mmd_bandwidth")
"""Settings that add something to a family and are off by default."""

Value = str | float | tuple[int, ...] | None


@dataclass(frozen=True)
class Setting:
    """One setting in two or more runs."""

    name: str
    """A key of `RunConfig`, or 'reconstruction_weight', which follows from beta and the pixel count"""
    description: str
    applies: tuple[bool, ...]
    """Whether it means anything to each of the runs"""
    values: tuple[Value, ...]


def applies(config: RunConfig, name: str) -> bool:
    """Tell whether a setting means anything to a run: beta does not to an autoencoder, nor sigma to a Bernoulli."""
    if name in ("sigma", "output"):
        return config.likelihood == "gaussian"
    beta_name = "beta" if name == "reconstruction_weight" else name
    return beta_name not in family(config.family).ignores


def differing_settings(*configs: RunConfig, pixels: Sequence[int]) -> list[Setting]:
    """List the settings in which runs differ, in the order of `RunConfig`.

    A setting that means something to some of them alone differs; one that means nothing to any does not. The
    reconstruction weight w = n / beta stands behind beta, also where beta is equal and the pixel counts are not.

    Args:
        *configs: settings of each run.
        pixels: n of each, values per padded image.
    """
    found = []
    for name, field in RunConfig.model_fields.items():
        means = tuple(applies(config, name) for config in configs)
        values = tuple(getattr(config, name) for config in configs)
        found.append(Setting(name, field.description or "", means, values))
        if name == "beta":
            weights = tuple(
                _weight(reconstruction_weight(config.beta, n))
                for config, n in zip(configs, pixels, strict=True)
            )
            meaning = "w = n / beta: the same objective, written as w * mean over n pixels + KL"
            found.append(Setting("reconstruction_weight", meaning, means, weights))
    return [
        one
        for one in found
        if any(one.applies)
        and (
            (not all(one.applies) and not _is_left_out(one))
            or any(value != one.values[0] for value in one.values)
        )
    ]


def _is_left_out(setting: Setting) -> bool:
    """Whether it is an extra that nobody has switched on: another family's lack of it is no difference."""
    off = RunConfig.model_fields[setting.name].default if setting.name in EXTRAS else INFINITE
    used = zip(setting.applies, setting.values, strict=True)
    return all(value == off for applying, value in used if applying)


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

    @property
    def tells(self) -> bool:
        """Whether the interval leaves 0 out: then the two differ."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


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
    return paired_rows(first.select(one), second.select(two))


def paired_rows(first: Latents, second: Latents) -> dict[str, PairedDifference]:
    """The same differences where row i of both is the same image, whatever its id says.

    Raises:
        ValueError: they do not hold the same number of images.
    """
    found = {"distortion": paired_difference(first.distortion, second.distortion)}
    if first.rate is not None and second.rate is not None:
        rates = first.rate.astype(np.float64), second.rate.astype(np.float64)
        found["rate"] = paired_difference(*rates)
        found["negative_elbo"] = paired_difference(first.distortion + rates[0], second.distortion + rates[1])
    return {name: pair for name, pair in found.items() if pair is not None}


@dataclass(frozen=True)
class Verdict:
    """Which of several runs has the better score, if that can be said."""

    best: tuple[int, ...] = ()
    """Positions of the best runs: one, or several that are equal; empty where nothing may be marked"""
    among: tuple[int, ...] = ()
    """Positions of the runs that were judged; empty where nothing may be marked"""
    why_not: str = ""
    """Why nothing is marked, as the end of a sentence; empty too where the score has no direction or no values"""


OF_DRAWS = ("distortion", "excess_distortion")
"""Averages over draws of z: of a code without a posterior they are something else."""


def judge(
    name: str,
    values: Sequence[float | None],
    configs: Sequence[RunConfig],
    *,
    comparable: Sequence[bool],
    pairs: Mapping[str, PairedDifference] | None = None,
) -> Verdict:
    """Find the best value of a score among the runs that may be compared with the first one.

    Nothing is marked across data sets, likelihoods or pixel counts; nor a negative ELBO across betas, because each
    run minimised another sum; nor a distortion at a draw of z against one at a code; nor of two runs what their
    differences over the same images do not tell apart.

    Args:
        name: a key of `SCORES`.
        values: of each run; None where it does not apply or is not there.
        configs: settings of each run.
        comparable: whether each run's losses measure what the first one's do (see `tradeoff.comparable_key`).
        pairs: of two runs, their differences image by image (see `paired_scores`), where they are known.
    """
    direction = SCORES[name].direction
    there = [k for k, value in enumerate(values) if value is not None]
    if direction is None or len(there) < 2:
        return Verdict()
    among = [k for k in there if comparable[k]]
    if len(among) < 2:
        return Verdict(why_not="not comparable")
    if name == "negative_elbo" and len({configs[k].beta for k in among}) > 1:
        return Verdict(why_not="betas differ")
    if name in OF_DRAWS and len({family(configs[k].family).has_posterior for k in among}) > 1:
        return Verdict(why_not="only one draws z" if len(values) == 2 else "only some draw z")
    numbers = {k: value for k in among if (value := values[k]) is not None}
    goal = (min if direction == "lower" else max)(numbers.values())
    best = tuple(k for k in among if numbers[k] == goal)
    # an image's entropy is the same in both runs, so the excess differs as D does
    pair = (pairs or {}).get("distortion" if name == "excess_distortion" else name)
    if len(best) < len(among) and pair is not None and not pair.tells:
        return Verdict(why_not="no difference can be told")
    return Verdict(best, tuple(among))
