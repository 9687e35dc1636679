"""The reconstruction-against-rate board: which runs belong on one board, and which of them nothing beats."""

import math
from collections.abc import Hashable, Sequence

import numpy as np

from core.errors import CheckpointError
from core.families import family
from core.store import DataDocument, RunRecord

COLLAPSED = 0.01
"""Nats per image: below this rate the decoder ignores z."""


def comparable_key(record: RunRecord) -> Hashable:
    """Equal for runs whose distortions may be compared: same data, likelihood, pixel count, images encoded, condition.

    Raises:
        CheckpointError: the run is not readable.
    """
    config, data = record.config, _data(record)
    sigma = _sigma(record) if config.likelihood == "gaussian" else None
    return (
        data.dataset,
        data.fingerprint,
        data.padded,
        config.likelihood,
        sigma,
        pixel_words(record),
        corruption_words(record),
        bound_words(record),
    )


def bound_words(record: RunRecord) -> str:
    """Say of which probability -D - R is a lower bound: 'log p(x)', or where the label is told another, higher one."""
    return "log p(x given the label)" if family(record.config.family).needs_labels else "log p(x)"


def sigma_words(record: RunRecord) -> str:
    """Say what sigma of a Gaussian likelihood is: a number, or 'learned'.

    Learned, it is part of the model, and D is a density of the same data under each model's own sigma: those compare
    with each other, and not with D at a sigma that somebody chose, which sets the scale of the squared error.

    Raises:
        CheckpointError: the run is not readable.
    """
    sigma = _sigma(record)
    return sigma if isinstance(sigma, str) else f"{sigma:.4g}"


def _sigma(record: RunRecord) -> float | str:
    """Sigma itself, of which words show four digits, or 'learned'."""
    return "learned" if record.config.learn_sigma else record.config.sigma


def pixel_words(record: RunRecord) -> str:
    """Say which pixels D is of: 'grey', 'binary by a threshold of 0.5' or 'binary, drawn'.

    Raises:
        CheckpointError: the run is not readable.
    """
    said = {"none": "grey", "fixed": "binary by a threshold of 0.5", "sampled": "binary, drawn"}
    return said[record.config.binarise]


def corruption_words(record: RunRecord) -> str | None:
    """What is done to the images whose codes are decoded for D, as in 'Gaussian noise of 0.25'; None where nothing is.

    Raises:
        CheckpointError: the run is not readable.
    """
    config = record.config
    if family(config.family).noise != "pixels":
        return None
    kinds = {
        "gaussian": "Gaussian noise of",
        "masking": "masking of",
        "salt_and_pepper": "salt and pepper of",
    }
    return f"{kinds[config.corruption]} {config.corruption_level:g}"


def why_not_comparable(first: RunRecord, second: RunRecord) -> str | None:
    """Say why the losses of two runs measure different things, as the end of a sentence; None where they compare.

    Raises:
        CheckpointError: a run is not readable.
    """
    if comparable_key(first) == comparable_key(second):
        return None
    one, two = _data(first), _data(second)
    reasons = []
    if one.dataset != two.dataset:
        reasons.append(f"their data differ ({one.dataset} and {two.dataset})")
    elif one.fingerprint != two.fingerprint:
        reasons.append(f"their data differ (two versions of {one.dataset})")
    a, b = first.config, second.config
    if a.likelihood != b.likelihood:
        reasons.append(f"their likelihoods differ ({a.likelihood} and {b.likelihood})")
    elif a.likelihood == "gaussian" and _sigma(first) != _sigma(second):
        reasons.append(
            f"the sigma of their likelihoods differs ({sigma_words(first)} and {sigma_words(second)})"
        )
    if pixel_words(first) != pixel_words(second):
        reasons.append(f"their pixels are not the same ({pixel_words(first)}, and {pixel_words(second)})")
    pixels = [math.prod(data.padded) for data in (one, two)]
    if pixels[0] != pixels[1]:
        reasons.append(f"their images have different numbers of pixels (n = {pixels[0]:,} and {pixels[1]:,})")
    noise = [corruption_words(record) for record in (first, second)]
    if noise[0] != noise[1]:
        said = " and ".join(f"images with {one}" if one else "clean images" for one in noise)
        reasons.append(f"their D are of the reconstructions of different images ({said})")
    bounds = [bound_words(record) for record in (first, second)]
    if bounds[0] != bounds[1]:
        said = " and ".join(bounds)
        reasons.append(f"they bound different probabilities ({said}): one is told the label")
    return "; ".join(reasons) or "their images are padded differently"


def board_key(record: RunRecord) -> Hashable:
    """Equal for runs that one beta board may show: comparable, and the same family, network and latent size.

    Raises:
        CheckpointError: the run is not readable.
    """
    config = record.config
    return (
        comparable_key(record),
        config.family,
        config.network,
        config.hidden,
        config.latent,
        config.activation,
        config.warmup_epochs,
        config.l2,
        (config.pixel_weight, config.feature_weight, config.adversarial_weight),
        config.free_bits,
        config.mmd_weight,
        config.mmd_bandwidth,
    )


def _data(record: RunRecord) -> DataDocument:
    if record.document is None:
        raise CheckpointError(f"Run '{record.id}' cannot be opened: {record.reason}")
    return record.document.data


def pareto_front(rates: Sequence[float], distortions: Sequence[float]) -> np.ndarray:
    """Mark the points that no other point beats on both rate and distortion (lower is better): (N,) bool.

    Of equal points all are kept.
    """
    points = np.column_stack([rates, distortions]).astype(np.float64).reshape(-1, 2)
    no_worse = (points[:, None] <= points[None]).all(-1)
    better = (points[:, None] < points[None]).any(-1)
    return np.asarray(~(no_worse & better).any(axis=0))
