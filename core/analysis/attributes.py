"""Attribute vectors: a direction of the latent space that stands for a property, and what else moves along with it.

Pure arrays: latents are posterior means (N, L), or codes brought to standard deviations where there is no prior.
"""

from dataclasses import dataclass

import numpy as np

from core.errors import DataError


def attribute_vector(having: np.ndarray, lacking: np.ndarray) -> np.ndarray:
    """Average latent of the images that have an attribute minus that of those that lack it: (L,) float64.

    Visual attribute vectors, Larsen et al. 2016 (arXiv:1512.09300). Added once to the latent of an image that lacks
    the attribute it gives that image the average amount of it.

    Args:
        having: (N, L).
        lacking: (M, L).

    Raises:
        DataError: one of the groups is empty.
    """
    if not len(having) or not len(lacking):
        raise DataError(
            f"An attribute needs images with it and images without it, but there are {len(having)} and "
            f"{len(lacking)}: choose at least one of each."
        )
    return having.mean(0, dtype=np.float64) - lacking.mean(0, dtype=np.float64)


def analogy(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Arithmetic `a - b + c` of latents (..., L), float64: what a has and b lacks, given to c.

    Vector arithmetic, Radford et al. 2016 (arXiv:1511.06434); with b = c it is a again.
    """
    return np.asarray(a, np.float64) - np.asarray(b, np.float64) + np.asarray(c, np.float64)


def class_means(latents: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average latent of each label that occurs: labels (K,) int64, sorted, and means (K, L) float64.

    Images without a label (-1) belong to none.
    """
    present = np.unique(labels[labels >= 0])
    means = [latents[labels == label].mean(0, dtype=np.float64) for label in present]
    return present, np.stack(means) if means else np.zeros((0, latents.shape[1]))


def nearest_mean(latents: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Classify by the nearest class mean, Euclidean: (N, L) and (K, L) -> (N,) rows of `centres`, the first of equals.

    The classifier of scikit-learn's NearestCentroid; a linear one, since |z - m|^2 = |z|^2 - 2 z m + |m|^2.
    """
    return np.argmax(_scores(latents, centres), axis=1)


def _scores(latents: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Half of |z|^2 - |z - m|^2, largest for the nearest mean: (N, L), (K, L) -> (N, K)."""
    return np.asarray(latents, np.float64) @ centres.T - 0.5 * np.square(centres).sum(1)


@dataclass(frozen=True, eq=False)
class Leakage:
    """What moving images along a vector does to the label that their latent suggests."""

    strengths: np.ndarray
    """(S,) multiples of the vector"""
    labels: np.ndarray
    """(K,) labels, sorted"""
    moved_to: np.ndarray
    """(S, K) share of the images, 0 to 1, whose nearest class mean is this label's now and was another one's at rest"""
    agreement: float
    """Share of the images, at rest, whose nearest class mean is that of their own label; higher means more trust"""

    @property
    def changed(self) -> np.ndarray:
        """(S,) share of the images whose nearest class mean is another one than at rest."""
        return self.moved_to.sum(1)

    def onto_others(self, target: int) -> np.ndarray:
        """(S,) share of the images that went to a label other than the one meant: the leakage, lower is cleaner."""
        return self.moved_to[:, self.labels != target].sum(1)


def leakage(
    moved: np.ndarray,
    own: np.ndarray,
    *,
    vector: np.ndarray,
    strengths: np.ndarray,
    labels: np.ndarray,
    centres: np.ndarray,
) -> Leakage:
    """Move images along a vector and count, for each label, how many now lie nearest to its class mean.

    An attribute vector is a difference of averages: whatever else differs between the two groups is in it too (White
    2016, arXiv:1609.04468, on correlated attributes). A clean vector moves images to the label meant and to no other.
    The count is of latents: it says nothing of whether the decoded image looks like that label.

    Args:
        moved: (N, L) latents of the images that are moved.
        own: (N,) their labels, -1 = none; these count as no agreement.
        vector: (L,).
        strengths: (S,) multiples of the vector.
        labels: (K,) labels, sorted, and
        centres: (K, L) their means, from `class_means`.

    Raises:
        DataError: no image, or fewer than two labels.
    """
    if not len(moved) or len(labels) < 2:
        raise DataError(
            f"Leakage counts images that change between labels, but there are {len(moved)} images and {len(labels)} "
            "labels: choose a split with labelled images of at least two classes."
        )
    # linear in z: moving all images adds the same to each one's score of a label
    scores, slope = _scores(moved, centres), centres @ vector
    rest = np.argmax(scores, axis=1)
    shares = np.zeros((len(strengths), len(labels)))
    for row, strength in enumerate(np.asarray(strengths, np.float64)):
        now = np.argmax(scores + strength * slope, axis=1)
        shares[row] = np.bincount(now[now != rest], minlength=len(labels)) / len(moved)
    return Leakage(
        strengths=np.asarray(strengths, np.float64),
        labels=labels,
        moved_to=shares,
        agreement=float((labels[rest] == own).mean()),
    )
