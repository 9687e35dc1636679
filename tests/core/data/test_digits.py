"""The embedded digits, against scikit-learn's own copy."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from core.data import catalog, digits


def test_pixels_and_labels_are_those_of_scikit_learn() -> None:
    source = load_digits()
    expected = np.array([round(v * 255 / 16) for v in source.data.ravel()], dtype=np.uint8).reshape(
        -1, 1, 8, 8
    )
    for split, count in (("train", 1437), ("test", 360)):
        images = catalog.load("digits", split)
        assert len(images) == count
        assert images.split == split
        np.testing.assert_array_equal(images.pixels, expected[images.ids])
        np.testing.assert_array_equal(images.labels, source.target[images.ids])


def test_the_splits_are_scikit_learns_stratified_ones() -> None:
    source = load_digits()
    train, test = train_test_split(np.arange(1797), test_size=0.2, stratify=source.target, random_state=0)
    assert catalog.load("digits", "train").ids.tolist() == sorted(train)
    assert catalog.load("digits", "test").ids.tolist() == sorted(test)


def test_the_full_range_of_grey_is_used() -> None:
    pixels = catalog.load("digits", "train").pixels
    assert pixels.dtype == np.uint8
    assert set(np.unique(pixels)) == {round(v * 255 / 16) for v in range(17)}


def test_each_class_keeps_its_share() -> None:
    for name, total in (("train", 1437), ("test", 360)):
        counts = np.bincount(catalog.load("digits", name).labels, minlength=10)
        exact = np.bincount(load_digits().target) * total / 1797
        assert abs(counts - exact).max() < 1


def test_the_fingerprint_is_the_same_everywhere() -> None:
    # Pinned: runs store it, so another value would call the bundled runs trained on foreign data.
    assert digits.fingerprint() == "ee87f596210a019798858ad582651a310588d75a2efa8b928df512e33cc9c5a5"
    for split in ("train", "test"):
        assert catalog.load("digits", split).fingerprint == digits.fingerprint()
    assert catalog.fingerprint("digits") == digits.fingerprint()


def test_the_shared_arrays_cannot_be_changed() -> None:
    assert catalog.load("digits", "test") is catalog.load("digits", "test")
    assert not catalog.load("digits", "test").pixels.flags.writeable
