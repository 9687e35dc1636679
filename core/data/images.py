"""Image sets: uint8 arrays with labels and row numbers, and how they are padded, split and sampled."""

import dataclasses
import hashlib
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from core.data.room import blocks, like, taken
from core.errors import ConfigError, DataError

SPLITS = ("train", "validation", "test")

# Two draws with one seed must not pick the same rows: a sample of the training images with seed 0 would
# otherwise consist of validation images.
_FOR_SAMPLE, _FOR_VALIDATION = 0, 1


DRAWN_BYTES = 2**28
"""Random bytes drawn at once for binary pixels; each part of a source of so many has a stream of its own"""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """One split of a data set, checked at construction; its arrays are read-only.

    Attributes:
        dataset: name in the catalogue, such as "mnist".
        split: "train", "validation" or "test".
        pixels: uint8 (N, C, H, W), and everywhere x = pixels / 255; or, for vectors of d values, float32
            (N, 1, 1, d), each value scaled to [0, 1]: x itself.
        labels: int64 (N,), an index into `class_names`, or -1 for an image without a label.
        ids: int64 (N,), the image's row in its source (see the loader of the data set).
        class_names: names of the classes, in the order of the labels.
        fingerprint: SHA-256 (hex) of the whole data set's content, equal for all its splits.

    Raises:
        DataError: if an array has another type or shape, or a label names no class.
    """

    dataset: str
    split: str
    pixels: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    class_names: tuple[str, ...]
    fingerprint: str

    def __post_init__(self) -> None:
        """Check types and shapes, and make the arrays read-only."""
        if self.split not in SPLITS:
            raise DataError(f"The split {self.split!r} is unknown: use one of {', '.join(SPLITS)}.")
        vectors = self.pixels.dtype == np.float32 and self.pixels.shape[1:3] == (1, 1)
        if self.pixels.ndim != 4 or not (vectors or self.pixels.dtype == np.uint8):
            raise DataError(
                f"The images of {self.dataset!r} must be uint8 shaped (N, C, H, W), or vectors float32 shaped "
                f"(N, 1, 1, d), but they are {self.pixels.dtype} shaped {self.pixels.shape}."
            )
        for what, array in (("labels", self.labels), ("ids", self.ids)):
            if array.dtype != np.int64 or array.shape != (len(self.pixels),):
                raise DataError(
                    f"The {what} of {self.dataset!r} must be int64 shaped ({len(self.pixels)},), one for "
                    f"each image, but they are {array.dtype} shaped {array.shape}."
                )
        if len(self.labels) and not -1 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise DataError(
                f"The labels of {self.dataset!r} run from {self.labels.min()} to {self.labels.max()}, "
                f"but they must lie between -1 (no label) and {len(self.class_names) - 1}."
            )
        for field in ("pixels", "labels", "ids"):
            view = getattr(self, field).view()  # the caller's own array stays as it was
            view.setflags(write=False)
            object.__setattr__(self, field, view)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image: (channels, height, width)."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    @property
    def kind(self) -> Literal["image", "vector"]:
        """What a row is: an image, or a vector of numbers."""
        return "image" if self.pixels.dtype == np.uint8 else "vector"

    def thresholded(self) -> "ImageSet":
        """Return the images with binary pixels: 255 from x = 0.5 on, else 0."""
        out = like(self.pixels)
        for block in blocks(out):
            out[block] = np.where(self.pixels[block] >= 128, np.uint8(255), np.uint8(0))
        return dataclasses.replace(self, pixels=out)

    def drawn(self) -> "ImageSet":
        """Return the images with binary pixels, 255 with probability x = k / 255: one seeded draw for each image.

        An image's draw depends on its split's source and its row there alone, whatever other images stand beside it.
        """
        out = like(self.pixels)
        wide = max(1, DRAWN_BYTES // max(1, int(np.prod(self.shape))))
        for part in np.unique(self.ids // wide):
            # 1: other numbers than those of z
            seed = [noise_seed(0, self.split), 1, *([int(part)] if part else [])]
            here = np.flatnonzero(self.ids // wide == part)
            own = self.ids[here] - part * wide
            # u is one of 0 to 254, so that P(u < k) is k / 255 exactly
            u = np.random.default_rng(seed).integers(
                0, 255, (int(own.max()) + 1, *self.shape), dtype=np.uint8
            )
            for block in blocks(out):
                rows = slice(*np.searchsorted(here, (block.start, block.stop)))
                out[here[rows]] = np.where(u[own[rows]] < self.pixels[here[rows]], np.uint8(255), np.uint8(0))
        return dataclasses.replace(self, pixels=out)

    def select(self, rows: Sequence[int] | np.ndarray) -> "ImageSet":
        """Return the images at the given rows, in that order.

        Args:
            rows: whole numbers from 0 to N - 1 (repeats allowed), or a boolean mask (N,).

        Raises:
            DataError: if a row lies outside the set, or the mask has another length.
        """
        return self._rows(_row_numbers(rows, len(self), self.dataset), split=self.split)

    def _rows(self, rows: np.ndarray, *, split: str) -> "ImageSet":
        return ImageSet(
            dataset=self.dataset,
            split=split,
            pixels=taken(self.pixels, rows),
            labels=self.labels[rows],
            ids=self.ids[rows],
            class_names=self.class_names,
            fingerprint=self.fingerprint,
        )


def unit(pixels: np.ndarray) -> np.ndarray:
    """Values of a data set as a model sees them, float32 in [0, 1]: bytes over 255, those of vectors as they are."""
    return pixels / np.float32(255) if pixels.dtype == np.uint8 else pixels.astype(np.float32)


def scaled(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Scale columns (..., d) to [0, 1] by their lowest and highest values (d,) -> float32; one of equal values is 0."""
    exact = values.astype(np.float64)
    return ((exact - low) / np.where(high > low, high - low, 1.0)).astype(np.float32)


def pad(pixels: np.ndarray, size: int | tuple[int, int] | None) -> np.ndarray:
    """Centre images on a larger canvas of zeros.

    Args:
        pixels: (..., H, W), any type.
        size: side of the square canvas, or (height, width); None leaves the images as they are.

    Returns:
        Array (..., height, width) of the same type. 28 to 32 adds 2 on each side; an odd remainder goes to
        the bottom and the right.

    Raises:
        ConfigError: if the canvas is smaller than the images.
    """
    if size is None:
        return pixels
    height, width = (size, size) if isinstance(size, int) else size
    rows, columns = pixels.shape[-2:]
    if height < rows or width < columns:
        raise ConfigError(
            f"Images of {rows}x{columns} pixels cannot be padded to {height}x{width}: "
            f"choose a size of at least {max(rows, columns)}, or none."
        )
    if (height, width) == (rows, columns):
        return pixels
    top, left = (height - rows) // 2, (width - columns) // 2
    margins = [(0, 0)] * (pixels.ndim - 2) + [(top, height - rows - top), (left, width - columns - left)]
    return np.pad(pixels, margins)


def crop(array: Any, shape: tuple[int, ...]) -> Any:
    """Undo `pad`: cut the centred images out again, without copying.

    Args:
        array: (..., height, width), any type (only `shape` and slicing are used).
        shape: the images' own shape, (C, H, W) or (H, W).

    Returns:
        View (..., H, W) of `array`.

    Raises:
        ConfigError: if the wanted image is larger than the given ones.
    """
    rows, columns = shape[-2:]
    height, width = array.shape[-2:]
    if rows > height or columns > width:
        raise ConfigError(
            f"Images of {height}x{width} pixels cannot be cropped to {rows}x{columns}: "
            f"choose a size of at most {height}x{width}."
        )
    top, left = (height - rows) // 2, (width - columns) // 2
    return array[..., top : top + rows, left : left + columns]


def held_out(images: int, *, share: float) -> int:
    """How many of so many training images `split_validation` sets aside.

    Raises:
        ConfigError: if the share is out of range.
    """
    if not 0 <= share < 1:  # false for NaN too
        raise ConfigError(f"The validation share is {share!r}, but it must be at least 0 and less than 1.")
    count = int(share * images + 0.5)
    return max(0, min(max(1, count), images - 1)) if share > 0 else count


def split_validation(train: ImageSet, *, share: float, seed: int) -> tuple[ImageSet, ImageSet]:
    """Set a stratified, seeded share of the training images aside for validation.

    The same seed gives the same rows on every machine. Both parts keep the source's order and ids. Images
    without a label form a class of their own, so a set without labels is split at random.

    Args:
        train: the training set, N images.
        share: share for validation, 0 <= share < 1; above 0, both parts get at least one image if N > 1.
        seed: whole number, 0 or larger.

    Returns:
        (train, validation); with share 0, the given set and an empty one.

    Raises:
        ConfigError: if the share or the seed is out of range.
    """
    count = held_out(len(train), share=share)
    chosen = np.zeros(len(train), dtype=bool)
    chosen[_stratified(train.labels, count, _keys(len(train), seed, _FOR_VALIDATION))] = True
    rest = train._rows(np.flatnonzero(~chosen), split=train.split) if count else train
    return rest, train._rows(np.flatnonzero(chosen), split="validation")


def stratified_sample(labels: np.ndarray, *, n: int, seed: int) -> np.ndarray:
    """Choose rows at random so that each class keeps its share.

    Each class of c among N rows gets floor(n c / N) rows, and the largest remainders one more (the lower
    label first when equal), so that the total is exactly n. The same seed gives the same rows everywhere.

    Args:
        labels: whole numbers (N,); -1 (no label) counts as a class.
        n: rows wanted, 0 or more; all N rows if n >= N.
        seed: whole number, 0 or larger.

    Returns:
        int64 (min(n, N),), sorted, no row twice.

    Raises:
        ConfigError: if n or the seed is negative.
        DataError: if the labels are not a vector of whole numbers.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or (labels.size and labels.dtype.kind not in "iu"):
        raise DataError(
            f"Labels must be whole numbers shaped (N,), but they are {labels.dtype} shaped {labels.shape}."
        )
    if n < 0:
        raise ConfigError(f"The number of images to sample is {n!r}, but it must be 0 or more.")
    count = min(operator.index(n), len(labels))
    return _stratified(labels, count, _keys(len(labels), seed, _FOR_SAMPLE))


def noise_seed(seed: int, split: str) -> int:
    """Mix a seed with a split, so that row i of two sources gets different noise: 56 bits, the same everywhere.

    The validation split is part of the training source, and shares its noise: an image keeps its draw when the share
    that is held out changes.
    """
    source = "train" if split == "validation" else split
    return int.from_bytes(hashlib.sha256(f"{seed}:{source}".encode()).digest()[:7], "big")


def _stratified(labels: np.ndarray, count: int, keys: np.ndarray) -> np.ndarray:
    if count == 0 or count == len(labels):
        return np.arange(count, dtype=np.int64)
    classes, sizes = np.unique(labels, return_counts=True)
    # Hamilton's method in whole numbers: no rounding can make the total miss `count`.
    quotas, remainders = np.divmod(count * sizes.astype(np.int64), len(labels))
    quotas[np.argsort(-remainders, kind="stable")[: count - quotas.sum()]] += 1
    chosen = []
    for label, quota in zip(classes, quotas, strict=True):
        rows = np.flatnonzero(labels == label)
        chosen.append(rows[np.argsort(keys[rows], kind="stable")[:quota]])
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def _keys(count: int, seed: int, purpose: int) -> np.ndarray:
    """Return one random uint64 a row; the rows with the smallest ones are taken.

    Raw output of PCG64 rather than `Generator.permutation`: numpy promises the former stays the same from
    version to version, but not the latter (NEP 19).
    """
    if seed < 0:
        raise ConfigError(f"The seed is {seed!r}, but it must be a whole number, 0 or larger.")
    return np.random.PCG64([operator.index(seed), purpose]).random_raw(count)


def _row_numbers(rows: Sequence[int] | np.ndarray, count: int, dataset: str) -> np.ndarray:
    array = np.asarray(rows)
    if array.dtype == bool and array.shape == (count,):
        return np.flatnonzero(array)
    if array.size == 0:
        return np.empty(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DataError(
            f"Rows of {dataset!r} must be a list of whole numbers or a mask of {count} truth values, "
            f"but they are {array.dtype} shaped {array.shape}."
        )
    if array.min() < 0 or array.max() >= count:
        raise DataError(
            f"Rows {array.min()} to {array.max()} of {dataset!r} were asked for, "
            f"but it has {count} images: use rows from 0 to {count - 1}."
        )
    return array.astype(np.int64)
