"""Image sets, padding, splits and samples, against cases solved by hand."""

from typing import Any

import numpy as np
import pytest

from core.data.images import ImageSet, crop, noise_seed, pad, split_validation, stratified_sample
from core.errors import ConfigError, DataError


def image_set(labels: list[int] | np.ndarray, *, shape: tuple[int, int, int] = (1, 2, 3)) -> ImageSet:
    count = len(labels)
    pixels = np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)
    return ImageSet(
        dataset="toy",
        split="train",
        pixels=pixels,
        labels=np.asarray(labels, dtype=np.int64),
        ids=np.arange(count, dtype=np.int64) + 100,
        class_names=tuple("abcdefghij"),
        fingerprint="f" * 64,
    )


def test_arrays_are_read_only_but_the_callers_own_are_left_alone() -> None:
    pixels = np.zeros((2, 1, 2, 2), dtype=np.uint8)
    numbers = np.zeros(2, dtype=np.int64)
    images = ImageSet("toy", "test", pixels, numbers, numbers, ("a",), "0")
    for array in (images.pixels, images.labels, images.ids):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    pixels[0] = 1


def test_shape_and_length() -> None:
    images = image_set([0, 1, 2], shape=(3, 5, 7))
    assert images.shape == (3, 5, 7)
    assert len(images) == 3


def test_select_keeps_rows_together() -> None:
    images = image_set([5, 6, 7, 8])
    chosen = images.select([3, 0, 3])
    assert chosen.labels.tolist() == [8, 5, 8]
    assert chosen.ids.tolist() == [103, 100, 103]
    np.testing.assert_array_equal(chosen.pixels, images.pixels[[3, 0, 3]])
    assert (chosen.dataset, chosen.split, chosen.fingerprint) == ("toy", "train", "f" * 64)
    assert not chosen.pixels.flags.writeable
    assert images.select(images.labels > 6).ids.tolist() == [102, 103]
    assert len(images.select([])) == 0


@pytest.mark.parametrize(
    ("rows", "words"),
    [([0, 4], "0 to 3"), ([-1], "0 to 3"), ([0.5], "float64"), (np.array([True, False]), "mask of 4")],
)
def test_select_refuses_rows_outside(rows: list, words: str) -> None:
    with pytest.raises(DataError, match=words):
        image_set([0, 1, 2, 3]).select(rows)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"split": "dev"}, "train, validation, test"),
        ({"pixels": np.zeros((2, 1, 2, 2))}, "uint8"),
        ({"pixels": np.zeros((2, 4), dtype=np.uint8)}, r"\(N, C, H, W\)"),
        ({"labels": np.zeros(3, dtype=np.int64)}, "labels"),
        ({"ids": np.zeros(2, dtype=np.int32)}, "ids"),
        ({"labels": np.array([0, 2])}, "between -1 .* and 1"),
        ({"labels": np.array([-2, 0])}, "between -1 .* and 1"),
    ],
)
def test_a_set_that_contradicts_itself_is_refused(change: dict, words: str) -> None:
    good: dict[str, Any] = {
        "dataset": "toy",
        "split": "train",
        "pixels": np.zeros((2, 1, 2, 2), dtype=np.uint8),
        "labels": np.array([-1, 1]),
        "ids": np.array([0, 1]),
        "class_names": ("a", "b"),
        "fingerprint": "0",
    }
    ImageSet(**good)
    with pytest.raises(DataError, match=words):
        ImageSet(**(good | change))


def test_28_to_32_adds_two_zeros_on_each_side() -> None:
    ones = np.ones((2, 1, 28, 28), dtype=np.uint8)
    padded = pad(ones, 32)
    assert padded.shape == (2, 1, 32, 32)
    assert padded.dtype == np.uint8
    assert padded[:, :, 2:30, 2:30].all()
    assert padded.sum() == ones.sum()


def test_an_odd_remainder_goes_to_the_bottom_and_the_right() -> None:
    padded = pad(np.full((1, 1, 1, 2), 7, dtype=np.uint8), (4, 5))
    expected = np.zeros((4, 5), dtype=np.uint8)
    expected[1, 1:3] = 7  # three rows to add: one above, two below; three columns: one left, two right
    np.testing.assert_array_equal(padded[0, 0], expected)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 27, 31), (3, 28, 28), (3, 48, 64)])
@pytest.mark.parametrize("size", [None, 64, (65, 67)])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_crop_undoes_pad(shape: tuple[int, int, int], size: int | tuple[int, int] | None, kind: type) -> None:
    images: np.ndarray = np.random.default_rng(1).integers(0, 256, (3, *shape)).astype(kind)
    back = crop(pad(images, size), shape)
    assert back.dtype == kind
    np.testing.assert_array_equal(back, images)


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"28x28 .* 27x27.*at least 28"):
        pad(np.zeros((1, 1, 28, 28), dtype=np.uint8), 27)
    with pytest.raises(ConfigError, match=r"8x8 .* 28x28"):
        crop(np.zeros((1, 1, 8, 8)), (1, 28, 28))


def test_largest_remainders_by_hand() -> None:
    # 7 of 10 rows: shares 3.5, 2.1, 1.4 -> floors 3, 2, 1; the one left goes to the largest remainder.
    labels = np.array([0] * 5 + [1] * 3 + [2] * 2)
    rows = stratified_sample(labels, n=7, seed=3)
    assert np.bincount(labels[rows]).tolist() == [4, 2, 1]
    assert rows.dtype == np.int64
    assert rows.tolist() == sorted(set(rows.tolist()))


@pytest.mark.parametrize("n", [0, 1, 9, 10, 11, 333, 999, 1000, 5000])
def test_each_class_keeps_its_share_and_the_total_is_exact(n: int) -> None:
    labels = np.random.default_rng(2).choice([-1, 0, 3, 7], p=[0.5, 0.3, 0.199, 0.001], size=1000)
    rows = stratified_sample(labels, n=n, seed=0)
    assert len(rows) == min(n, 1000)
    for label in np.unique(labels):
        share = min(n, 1000) * (labels == label).sum() / 1000
        assert np.floor(share) <= (labels[rows] == label).sum() <= np.ceil(share)


def test_samples_depend_on_the_seed_alone() -> None:
    labels = np.arange(1000) % 10
    first = stratified_sample(labels, n=100, seed=5)
    np.testing.assert_array_equal(first, stratified_sample(labels, n=100, seed=5))
    assert set(first) != set(stratified_sample(labels, n=100, seed=6))


def test_samples_are_the_same_on_every_machine() -> None:
    # Pinned: a change of these rows would silently change every stored split.
    assert stratified_sample(np.arange(40) % 4, n=8, seed=0).tolist() == [2, 3, 11, 13, 18, 20, 21, 32]
    _, validation = split_validation(image_set(np.arange(40) % 4), share=0.2, seed=0)
    assert (validation.ids - 100).tolist() == [4, 5, 7, 10, 12, 17, 18, 35]


def test_each_row_is_equally_likely() -> None:
    labels = np.zeros(20, dtype=np.int64)
    counts = np.zeros(20)
    for seed in range(1000):
        counts[stratified_sample(labels, n=5, seed=seed)] += 1
    # Binomial(1000, 1/4): standard deviation 13.7.
    assert abs(counts - 250).max() < 4 * 13.7


def test_bad_samples_are_refused() -> None:
    with pytest.raises(ConfigError, match="-1"):
        stratified_sample(np.arange(3), n=-1, seed=0)
    with pytest.raises(ConfigError, match="seed is -4"):
        stratified_sample(np.arange(3), n=1, seed=-4)
    with pytest.raises(DataError, match="float64"):
        stratified_sample(np.array([0.5, 1.0]), n=1, seed=0)
    assert stratified_sample(np.array([]), n=3, seed=0).tolist() == []


def test_validation_is_stratified_and_disjoint() -> None:
    whole = image_set(np.repeat([0, 1, 2], [600, 300, 100]))
    train, validation = split_validation(whole, share=0.1, seed=4)
    assert (train.split, validation.split) == ("train", "validation")
    assert np.bincount(validation.labels).tolist() == [60, 30, 10]
    assert np.bincount(train.labels).tolist() == [540, 270, 90]
    assert sorted([*train.ids, *validation.ids]) == whole.ids.tolist()
    assert train.ids.tolist() == sorted(train.ids)
    np.testing.assert_array_equal(validation.pixels, whole.pixels[validation.ids - 100])
    assert validation.fingerprint == whole.fingerprint


def test_validation_depends_on_the_seed_alone() -> None:
    whole = image_set(np.arange(500) % 10)
    first = split_validation(whole, share=0.1, seed=0)[1]
    assert first.ids.tolist() == split_validation(whole, share=0.1, seed=0)[1].ids.tolist()
    assert first.ids.tolist() != split_validation(whole, share=0.1, seed=1)[1].ids.tolist()


def test_a_sample_is_not_the_validation_set_of_the_same_seed() -> None:
    whole = image_set(np.arange(1000) % 10)
    validation = split_validation(whole, share=0.1, seed=0)[1].ids - 100
    sample = stratified_sample(whole.labels, n=100, seed=0)
    assert len(set(validation) & set(sample)) < 30  # 10 expected by chance


def test_each_source_has_its_own_noise_and_validation_is_of_the_training_source() -> None:
    # SHA-256 of "0:test", by the shell: printf 0:test | sha256sum
    assert noise_seed(0, "test") == 0x17ED86BFD1B819
    seeds = {(seed, split): noise_seed(seed, split) for seed in range(50) for split in ("train", "test")}
    assert len(set(seeds.values())) == 100
    assert all(0 <= value < 2**56 for value in seeds.values())
    for seed in range(50):
        assert noise_seed(seed, "validation") == seeds[seed, "train"]


def test_images_without_labels_split_at_random() -> None:
    whole = image_set(np.full(1000, -1))
    train, validation = split_validation(whole, share=0.25, seed=0)
    assert (len(train), len(validation)) == (750, 250)
    assert 250 * 0.35 < (validation.ids - 100 < 500).sum() < 250 * 0.65  # from all over the set


def test_share_zero_keeps_everything() -> None:
    whole = image_set([0, 1, 2])
    train, validation = split_validation(whole, share=0, seed=0)
    assert train.ids.tolist() == whole.ids.tolist()
    assert validation.pixels.shape == (0, 1, 2, 3)
    assert validation.split == "validation"


@pytest.mark.parametrize(
    ("count", "share", "expected"), [(2, 0.01, 1), (2, 0.99, 1), (1, 0.5, 0), (15, 0.1, 2)]
)
def test_both_parts_get_an_image(count: int, share: float, expected: int) -> None:
    train, validation = split_validation(image_set([0] * count), share=share, seed=0)
    assert (len(train), len(validation)) == (count - expected, expected)


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan"), float("inf")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="at least 0 and less than 1"):
        split_validation(image_set([0, 1]), share=share, seed=0)
