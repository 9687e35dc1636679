"""Scikit-learn's moons and swiss roll as vectors of two values: data drawn whole, beside what is decoded."""

import hashlib
from functools import cache

import numpy as np

from core.data.images import ImageSet, scaled

MOONS, SWISS_ROLL = "moons", "swiss-roll"
SHAPE = (1, 1, 2)
TRAIN_POINTS, TEST_POINTS = 2000, 500
NOISE = {MOONS: 0.05, SWISS_ROLL: 0.3}
"""Standard deviation of the Gaussian noise on each coordinate, in the source's own units"""
CLASS_NAMES = {
    MOONS: ("upper moon", "lower moon"),
    SWISS_ROLL: tuple(f"part {k} of 5, from the middle" for k in range(1, 6)),
}


@cache
def load(name: str, split: str) -> ImageSet:
    """Return the points of one split, in the order of the source.

    2,500 points of `sklearn.datasets.make_moons` or `make_swiss_roll`, `random_state=0`, with the noise of `NOISE`; the
    last 500 are the test split. Of the swiss roll its first and third coordinate are taken, the plane in which it is
    rolled; its classes are five equal parts of the position along the roll. Each column is scaled to [0, 1].

    Args:
        name: "moons" or "swiss-roll".
        split: "train" (2,000 points) or "test" (500).

    Returns:
        Vectors float32 (N, 1, 1, 2); `ids` are rows of the source.
    """
    values, labels = _source(name)
    rows = (
        np.arange(TRAIN_POINTS) if split == "train" else np.arange(TRAIN_POINTS, TRAIN_POINTS + TEST_POINTS)
    )
    return ImageSet(
        dataset=name,
        split=split,
        pixels=values[rows],
        labels=labels[rows],
        ids=rows.astype(np.int64),
        class_names=CLASS_NAMES[name],
        fingerprint=fingerprint(name),
    )


@cache
def fingerprint(name: str) -> str:
    """Return the SHA-256 (hex) of the scaled values, rounded to 1e-6, and the labels: the same on every machine."""
    values, labels = _source(name)
    digest = hashlib.sha256(np.rint(values.astype(np.float64) * 1e6).astype("<i8").tobytes())
    digest.update(labels.astype("<i8").tobytes())
    return digest.hexdigest()


@cache
def _source(name: str) -> tuple[np.ndarray, np.ndarray]:
    # Imported here because scikit-learn takes a second to import, and most commands do not need it.
    from sklearn.datasets import make_moons, make_swiss_roll

    count = TRAIN_POINTS + TEST_POINTS
    if name == MOONS:
        points, labels = make_moons(count, noise=NOISE[name], random_state=0)
    else:
        rolled, along = make_swiss_roll(count, noise=NOISE[name], random_state=0)
        points = rolled[:, [0, 2]]
        labels = np.argsort(np.argsort(along)) * len(CLASS_NAMES[name]) // count
    values = scaled(points, points.min(0), points.max(0))
    return values[:, None, None], labels.astype(np.int64)
