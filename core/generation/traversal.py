"""Traversals: one latent dimension moves through its quantiles while all others stand still. Pure arrays."""

from collections.abc import Sequence

import numpy as np

from core.analysis.pvalues import phi_inverse


def quantile_steps(steps: int) -> np.ndarray:
    """Where the frames of a traversal stand on the p-value axis: (steps,) float64, `(k + 1/2) / steps`.

    The middles of equal cells, the rule of the lattice: each frame stands for an equal share of the prior, and an
    odd number of frames has the median, 0, in its middle.

    Raises:
        ValueError: fewer than one step.
    """
    if steps < 1:
        raise ValueError(f"A traversal has at least 1 step, not {steps}.")
    return (np.arange(steps) + 0.5) / steps


def traversal(
    steps: int,
    *,
    latent: int,
    dimensions: Sequence[int] | None = None,
    base: np.ndarray | None = None,
    centre: np.ndarray | None = None,
    spread: np.ndarray | None = None,
) -> np.ndarray:
    """Latents of a traversal by normal quantiles: (rows, steps, latent) float32, one row a dimension.

    In row r dimension j = dimensions[r] takes `centre_j + spread_j * Phi^-1((k + 1/2) / steps)` in frame k, from low to
    high; every other dimension stays at `base`. Steps by quantile: Higgins et al. 2017 (beta-VAE) traverse the
    prior's range; equal shares of the prior keep the frames where the decoder was trained.

    Args:
        steps: frames a row.
        latent: latent dimensions L.
        dimensions: those that move, in the order of the rows; all in the network's order if None.
        base: (L,) where the others stand; `centre` if None.
        centre: (L,) the median of each dimension; 0, the prior's, if None.
        spread: (L,) the unit of each dimension; 1, the prior's, if None.

    Raises:
        ValueError: no step, or a dimension outside of the latent space.
    """
    rows = list(range(latent)) if dimensions is None else [int(k) for k in dimensions]
    if any(not 0 <= k < latent for k in rows):
        raise ValueError(f"Dimensions {rows} do not all lie in a space of {latent} latent dimensions.")
    middle = np.zeros(latent) if centre is None else np.asarray(centre, np.float64)
    unit = np.ones(latent) if spread is None else np.asarray(spread, np.float64)
    stand = middle if base is None else np.asarray(base, np.float64)
    points = np.tile(stand, (len(rows), steps, 1))
    quantiles = phi_inverse(quantile_steps(steps))
    for row, k in enumerate(rows):
        points[row, :, k] = middle[k] + unit[k] * quantiles
    return points.astype(np.float32)


def ranked(worth: np.ndarray) -> np.ndarray:
    """Dimensions by what they tell, most informative first: (L,) worth (rate, or variance of codes) -> (L,) int64.

    Equal ones stay in the network's order.
    """
    return np.argsort(-np.asarray(worth, np.float64), kind="stable")
