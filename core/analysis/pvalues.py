"""The p-value map: Phi(z) a dimension, the standard normal CDF, and how even it is."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from core.data.images import SPLITS, noise_seed
from core.data.intake import whole_number
from core.errors import NotApplicable
from core.latents import Latents

CLIP = 1e-12
"""Phi is kept this far from 0 and 1, so that its inverse stays finite (|z| <= 7.03)."""


def phi(z: np.ndarray) -> np.ndarray:
    """Standard normal CDF, in float64, clipped to [1e-12, 1 - 1e-12]: any shape -> the same shape."""
    return np.clip(special.ndtr(np.asarray(z, np.float64)), CLIP, 1 - CLIP)


def phi_inverse(p: np.ndarray) -> np.ndarray:
    """Inverse of `phi`, in float64; p is clipped first, so that 0 and 1 give about -7.03 and 7.03."""
    return special.ndtri(np.clip(np.asarray(p, np.float64), CLIP, 1 - CLIP))


def posterior_samples(latents: Latents, *, seed: int) -> np.ndarray:
    """Draw one z ~ q(z given x) an image: (N, L) float32. An image's draw depends on (seed, source, id) alone.

    The source is that of its split: images of train and test that stand in the same row of their files share no noise,
    and an image has the same draw whether its split is given alone or with another. Rows whose split is not known form
    a source of their own.

    Raises:
        NotApplicable: the latents have no posterior.
        ConfigError: the seed is no whole number from 0.
    """
    if latents.log_variances is None:
        raise NotApplicable(
            "Latents without log-variances have no posterior to draw from: use their means, or a run of a vae."
        )
    seed = whole_number(seed, "seed")
    noise = np.zeros(latents.means.shape)
    if latents.splits is None:
        noise[:] = _noise(latents.ids, latents.means.shape[1], noise_seed(seed, ""))
    else:
        for code in np.unique(latents.splits):
            here = latents.splits == code
            noise[here] = _noise(latents.ids[here], latents.means.shape[1], noise_seed(seed, SPLITS[code]))
    return (latents.means + np.exp(0.5 * latents.log_variances.astype(np.float64)) * noise).astype(np.float32)


def _noise(ids: np.ndarray, latent: int, seed: int) -> np.ndarray:
    """Standard normal noise of some rows of a source, (N, latent): all up to the largest id are drawn, then indexed.

    So a subset of the rows, or another order of them, has the same noise: PCG64's ziggurat consumes the stream row by
    row, and a longer draw starts with the shorter one.
    """
    rows = int(ids.max()) + 1 if len(ids) else 0
    return np.random.default_rng(seed).standard_normal((rows, latent))[ids]


@dataclass(frozen=True)
class Moments:
    """Where the aggregate posterior stands against the prior, one entry a latent dimension."""

    mean: np.ndarray
    """(L,) average of mu; 0 for the prior"""
    mean_square: np.ndarray
    """(L,) E[mu^2], over images"""
    variance: np.ndarray | None
    """(L,) E[sigma^2]: what Phi(means) leaves out and Phi(samples) holds; None without a posterior"""


def moments(latents: Latents) -> Moments:
    """Average mu, mu^2 and sigma^2 over images.

    E[mu^2] + E[sigma^2] = 1 over the training images, in each dimension, where an objective with beta > 0 is
    stationary, for a dead dimension too: scaling mu and sigma by c, and the decoder's first weights by 1 / c, leaves D
    as it is. The slope that enforces it is proportional to beta, so that a small beta comes there late, and beta 0
    never. It is a check of convergence, never evidence that the aggregate posterior matches the prior.
    """
    means = latents.means.astype(np.float64)
    variance = None
    if latents.log_variances is not None:
        variance = np.exp(latents.log_variances.astype(np.float64)).mean(0)
    return Moments(mean=means.mean(0), mean_square=np.square(means).mean(0), variance=variance)


def uniformity(p: np.ndarray) -> np.ndarray:
    """Kolmogorov-Smirnov distance of each column of p from the uniform law on [0, 1]: (N, L) -> (L,), lower is better.

    0 is perfectly even, 1 is all on one border. The distance is shown, not its significance: images of one class
    are not independent draws.
    """
    values = np.sort(np.asarray(p, np.float64), axis=0)
    steps = np.arange(len(values) + 1)[:, None] / len(values)
    # the empirical law jumps from k / N to (k + 1) / N at the k-th value; equal to scipy's kstest, which takes half a
    # second to import and eight times as long
    return np.maximum((steps[1:] - values).max(0), (values - steps[:-1]).max(0))


def standardise(codes: np.ndarray) -> np.ndarray:
    """Codes with mean 0 and variance 1 a dimension, for a p-value map of a family without a prior: (N, L) float64."""
    centre, spread = centre_and_spread(codes)
    return (codes.astype(np.float64) - centre) / spread


def centre_and_spread(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average and standard deviation of codes a dimension, (N, L) -> two (L,) float64; a constant one has spread 1."""
    values = codes.astype(np.float64)
    spread = values.std(0)
    return values.mean(0), np.where(spread > 0, spread, 1.0)
