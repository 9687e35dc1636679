"""The p-value map: Phi(z) a dimension, the standard normal CDF, and how even it is."""

from dataclasses import dataclass

import numpy as np
from scipy import special

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
    """Draw one z ~ q(z given x) an image: (N, L) float32. An image's draw depends on (seed, id) alone.

    The noise of all ids up to the largest is drawn once and indexed, so that a subset of the images, or another
    order of them, gets the same draws.

    Raises:
        ValueError: the latents have no posterior.
    """
    if latents.log_variances is None:
        raise ValueError("Latents without log-variances have no posterior to draw from.")
    rows = int(latents.ids.max()) + 1 if len(latents) else 0
    # PCG64's ziggurat consumes the stream row by row, so a longer draw starts with the shorter one
    noise = np.random.default_rng(seed).standard_normal((rows, latents.means.shape[1]))[latents.ids]
    return (latents.means + np.exp(0.5 * latents.log_variances.astype(np.float64)) * noise).astype(np.float32)


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

    E[mu^2] + E[sigma^2] = 1 holds at a stationary point of the objective at every beta > 0, for a dead dimension
    too: it is a check of convergence, never evidence that the aggregate posterior matches the prior.
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
    from scipy import stats  # half a second to import, and only this needs it

    values = np.asarray(p, np.float64)
    return np.array([stats.kstest(column, "uniform").statistic for column in values.T])


def standardise(codes: np.ndarray) -> np.ndarray:
    """Codes with mean 0 and variance 1 a dimension, for a p-value map of a family without a prior: (N, L) float64."""
    centre, spread = centre_and_spread(codes)
    return (codes.astype(np.float64) - centre) / spread


def centre_and_spread(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average and standard deviation of codes a dimension, (N, L) -> two (L,) float64; a constant one has spread 1."""
    values = codes.astype(np.float64)
    spread = values.std(0)
    return values.mean(0), np.where(spread > 0, spread, 1.0)
