"""How much stands at a place of the latent space: the aggregate posterior, the prior, and the nearest images."""

import numpy as np
from scipy import special

from core.latents import Latents

CHUNK = 2_000_000
"""Numbers in memory at a time"""


def prior_log_density(z: np.ndarray) -> np.ndarray:
    """Log density of N(0, I): (M, L) -> (M,) float64, nats; higher means more of the prior there."""
    points = np.asarray(z, np.float64)
    return -0.5 * (np.square(points).sum(1) + points.shape[1] * np.log(2 * np.pi))


def aggregate_log_density(latents: Latents, z: np.ndarray) -> np.ndarray:
    """Log density of the aggregate posterior: (M, L) -> (M,) float64, nats; higher means more images there.

    `q(z) = 1/N sum_i N(z; mu_i, diag sigma_i^2)`, the average of the posteriors of all N images (Makhzani et al. 2016,
    arXiv:1511.05644), exactly and in all L dimensions. Where it equals the prior's at every z, the two match.

    Raises:
        ValueError: the latents have no posterior, or there are none.
    """
    if latents.log_variances is None or not len(latents):
        raise ValueError("An aggregate posterior is the average of posteriors, and there are none.")
    points = np.asarray(z, np.float64)
    means = latents.means.astype(np.float64)
    log_variances = latents.log_variances.astype(np.float64)
    constant = -0.5 * (log_variances.sum(1) + means.shape[1] * np.log(2 * np.pi))
    precision = np.exp(-log_variances)
    found = np.empty(len(points))
    size = max(1, CHUNK // means.size)
    for start in range(0, len(points), size):
        part = slice(start, start + size)
        squares = np.square(points[part, None] - means) * precision
        found[part] = special.logsumexp(constant - 0.5 * squares.sum(2), axis=1)
    return found - np.log(len(means))


def nearest(means: np.ndarray, z: np.ndarray, *, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the k latents nearest to a place, Euclidean: (N, L), (L,) -> rows (k,), nearest first, and distances (k,).

    Of equal ones the first comes first; fewer than k where there are fewer.
    """
    distances = np.sqrt(np.square(means.astype(np.float64) - np.asarray(z, np.float64)).sum(1))
    rows = np.argsort(distances, kind="stable")[:k]
    return rows, distances[rows]
