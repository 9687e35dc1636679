"""Scikit-learn's 8x8 digits: inside the package, so always at hand and never downloaded."""

import hashlib
from functools import cache

import numpy as np

from core.data.images import ImageSet

NAME = "digits"
CLASS_NAMES = tuple("0123456789")
SHAPE = (1, 8, 8)
TRAIN_IMAGES, TEST_IMAGES = 1437, 360


@cache
def load(split: str) -> ImageSet:
    """Return the digits of one split, in the order of the source.

    The 1,797 images of `sklearn.datasets.load_digits` hold whole numbers from 0 to 16, stored here as
    round(v * 255 / 16). The test split is scikit-learn's `train_test_split(test_size=360, stratify=labels,
    random_state=0)`.

    Args:
        split: "train" (1,437 images) or "test" (360).

    Returns:
        Images uint8 (N, 1, 8, 8); `ids` are rows of `load_digits`.
    """
    pixels, labels, test_rows = _source()
    train_rows = np.setdiff1d(np.arange(len(labels), dtype=np.int64), test_rows)
    rows = {"train": train_rows, "test": test_rows}[split]
    return ImageSet(
        dataset=NAME,
        split=split,
        pixels=pixels[rows],
        labels=labels[rows],
        ids=rows,
        class_names=CLASS_NAMES,
        fingerprint=fingerprint(),
    )


@cache
def fingerprint() -> str:
    """Return the SHA-256 (hex) of all pixels, labels and rows of the test split.

    Each as plain bytes of a fixed type and byte order, so that numpy's version and the machine do not matter.
    The test rows belong to it because runs are only comparable on the same split.
    """
    pixels, labels, test_rows = _source()
    digest = hashlib.sha256()
    for array, kind in ((pixels, "u1"), (labels, "<i8"), (test_rows, "<i8")):
        digest.update(array.astype(kind).tobytes(order="C"))
    return digest.hexdigest()


@cache
def _source() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # Imported here because scikit-learn takes a second to import, and most commands do not need it.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    source = load_digits()
    pixels = np.rint(source.images * (255 / 16)).astype(np.uint8).reshape(-1, *SHAPE)
    labels = source.target.astype(np.int64)
    _, test_rows = train_test_split(
        np.arange(len(labels), dtype=np.int64), test_size=TEST_IMAGES, stratify=labels, random_state=0
    )
    return pixels, labels, np.sort(test_rows)
