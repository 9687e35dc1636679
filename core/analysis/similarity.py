"""How alike several runs see the same images, whatever their latent sizes, rotations and scales."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.data.images import stratified_sample
from core.latents import Latents

NEIGHBOURS = 10
"""Nearest neighbours of an image whose overlap is counted."""
SAMPLE = 3_000
"""Images at most: of more, a stratified, seeded sample is compared."""


def linear_cka(first: np.ndarray, second: np.ndarray) -> float | None:
    """Linear centred kernel alignment: 0 nothing in common, 1 the same up to rotation, reflection, shift and scale.

    ||Y^T X||^2 / (||X^T X|| ||Y^T Y||) in Frobenius norms, of the centred arrays: Kornblith, Norouzi, Lee and Hinton,
    "Similarity of Neural Network Representations Revisited", ICML 2019, equation 4. Directions count by their
    variance. No unit; higher is more alike.

    Args:
        first: (N, L1).
        second: (N, L2), the same images in the same order.

    Returns:
        A number in [0, 1]; None where either gives all images one place, or there are fewer than two.

    Raises:
        ValueError: the arrays do not hold the same number of images.
    """
    _check(first, second)
    if len(first) < 2:
        return None
    x, y = (np.asarray(one, np.float64) for one in (first, second))
    x, y = x - x.mean(0), y - y.mean(0)
    if any(np.abs(c).max() <= 1e-9 * max(1.0, np.abs(m).max()) for c, m in ((x, first), (y, second))):
        return None
    cross, own = np.square(y.T @ x).sum(), np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    return min(1.0, float(cross / own))


def nearest(points: np.ndarray, *, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """Rows of the nearest other points by Euclidean distance, (N, L) -> (N, neighbours), nearest first.

    Raises:
        ValueError: there are not that many other points.
    """
    from sklearn.neighbors import NearestNeighbors  # a second to import, and only this needs it

    if not 1 <= neighbours < len(points):
        raise ValueError(
            f"{len(points)} points have no {neighbours} neighbours: choose from 1 to {max(1, len(points) - 1)}."
        )
    tree = NearestNeighbors(n_neighbors=neighbours).fit(np.asarray(points, np.float64))
    return np.asarray(tree.kneighbors(return_distance=False))


def neighbour_overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Average share of an image's neighbours in one run that are its neighbours in the other.

    The mean over images of |A_i and B_i| / k for the k nearest rows A_i and B_i: the neighbourhood overlap, or local
    continuity without its correction for chance (Chen and Buja, "Local Multidimensional Scaling", JASA 104, 2009).
    Chance gives k / (N - 1). No unit; higher is more alike, 1 is the same neighbours.

    Args:
        first: (N, k) rows of the nearest points, from `nearest`.
        second: (N, k) of the same images.

    Raises:
        ValueError: the arrays do not have one shape.
    """
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(
            f"Neighbours of the same images must have one shape, not {first.shape} and {second.shape}."
        )
    return float((first[:, :, None] == second[:, None, :]).any(2).mean())


@dataclass(frozen=True, eq=False)
class Similarity:
    """Every run against every other, over the images that all of them hold."""

    cka: np.ndarray
    """(R, R) float64, symmetric; NaN where a run gives all images one place"""
    overlap: np.ndarray
    """(R, R) float64, symmetric; NaN where there are no two images"""
    images: int
    """Images compared"""
    total: int
    """Images that all runs hold; more than `images` where a sample was compared"""
    neighbours: int

    @property
    def chance(self) -> float | None:
        """Overlap of two runs that have nothing in common, on average."""
        return self.neighbours / (self.images - 1) if self.images > 1 else None


def similarity(
    runs: Sequence[Latents], *, neighbours: int = NEIGHBOURS, sample: int = SAMPLE, seed: int = 0
) -> Similarity:
    """Compare the means (or codes) of runs over the images that all hold, by id.

    Args:
        runs: one split of each run; the ids must name the same images in all.
        neighbours: k of the overlap; fewer where there are not that many other images.
        sample: images at most; of more, a stratified sample.
        seed: of that sample.

    Raises:
        ValueError: no run, or a number below 1.
    """
    if not runs or neighbours < 1 or sample < 1:
        raise ValueError("Similarity needs a run, and at least one neighbour and image.")
    ids, total = shared_ids(runs, sample=sample, seed=seed)
    means = [one.means[rows_of(one, ids)].astype(np.float64) for one in runs]
    count, size = len(ids), len(runs)
    k = max(1, min(neighbours, count - 1))
    cka, overlap = np.full((size, size), np.nan), np.full((size, size), np.nan)
    near = [nearest(one, neighbours=k) for one in means] if count > 1 else []
    for a in range(size):
        for b in range(a, size):
            aligned = linear_cka(means[a], means[b])
            cka[a, b] = cka[b, a] = np.nan if aligned is None else aligned
            if near:
                overlap[a, b] = overlap[b, a] = neighbour_overlap(near[a], near[b])
    return Similarity(cka, overlap, count, total, k)


def shared_ids(runs: Sequence[Latents], *, sample: int = SAMPLE, seed: int = 0) -> tuple[np.ndarray, int]:
    """Ids of the images that all runs hold, sorted, a stratified and seeded sample of them; and how many there are."""
    common = runs[0].ids
    for one in runs[1:]:
        common = np.intersect1d(common, one.ids)
    common = np.sort(common)
    labels = runs[0].labels[rows_of(runs[0], common)]
    return common[stratified_sample(labels, n=sample, seed=seed)], len(common)


def rows_of(latents: Latents, ids: np.ndarray) -> np.ndarray:
    """Rows of ids in a run's arrays; every id must be there."""
    order = np.argsort(latents.ids, kind="stable")
    return order[np.searchsorted(latents.ids, ids, sorter=order)]


def _check(first: np.ndarray, second: np.ndarray) -> None:
    if first.ndim != 2 or second.ndim != 2 or len(first) != len(second):
        raise ValueError(
            f"Runs are compared over the same images, (N, L1) and (N, L2), not {first.shape} and {second.shape}."
        )
