"""An npz of images with or without labels, read block by block: the header first, and never an object array."""

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from core.data.own.items import MIB, Item, label_text
from core.data.own.options import Limits
from core.errors import DataError
from core.files import one_line

BLOCK = 1024
"""Images read at a time at most"""
BLOCK_BYTES = 64 * MIB
UNIT_FLOATS = 1.5
"""Floats up to here are taken for values of [0, 1] that some filter has overshot, and are cut at 1"""

# Names that people give, the first that is there counts. Those of Keras's mnist.npz and of MedMNIST come in splits,
# dSprites has 'imgs'.
WHOLE = (
    ("images", "imgs", "x", "X", "data", "pixels", "arr_0"),
    ("labels", "y", "Y", "targets", "target", "arr_1"),
)
SPLITS = (
    (0, ("x_train", "train_images"), ("y_train", "train_labels")),
    (0, ("x_val", "val_images"), ("y_val", "val_labels")),
    (1, ("x_test", "test_images"), ("y_test", "test_labels")),
)


@dataclass(frozen=True)
class _Array:
    """An array of the archive, as its header has it."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool


@dataclass(frozen=True)
class _Part:
    """Images of one split, or of none."""

    images: _Array
    labels: np.ndarray | None
    split: int | None


@dataclass
class Arrays:
    """Images of an npz; arrays of rows with one axis are vectors."""

    path: Path
    archive: zipfile.ZipFile = field(repr=False)
    parts: list[_Part]
    class_names: tuple[str, ...]
    kind: str
    what: str
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        """Number of images."""
        return sum(part.images.shape[0] for part in self.parts)

    @property
    def digest(self) -> str:
        """Of the archive's list: names, sizes and checksums."""
        told = [(one.filename, one.file_size, one.CRC) for one in self.archive.infolist()]
        return hashlib.sha256(repr(told).encode("utf-8", "replace")).hexdigest()

    def items(self, start: int, near: tuple[int, int] | None = None) -> Iterator[Item]:
        """Read the images from `start` on.

        Raises:
            DataError: the archive is damaged, or a value is no number of a pixel.
        """
        before = 0
        for part in self.parts:
            count = part.images.shape[0]
            if start < before + count:
                yield from self._of_part(part, max(0, start - before))
            before += count

    def sample(self, count: int) -> Iterator[Item]:
        """Read the first images."""
        for item, _ in zip(self.items(0), range(count), strict=False):
            yield item

    def _of_part(self, part: _Part, start: int) -> Iterator[Item]:
        array, scale = part.images, self._scale
        row = 0
        for block in _blocks(self.archive, array):
            if row + len(block) > start:
                values = _as_pixels(block, scale) if self.kind == "image" else _as_floats(block)
                _check_finite(values, array.name, row)
                for place in range(max(0, start - row), len(block)):
                    yield Item(
                        f"{array.name}[{row + place}]",
                        values[place],
                        self._label(part, row + place),
                        part.split,
                    )
            row += len(block)

    def _label(self, part: _Part, row: int) -> str | None:
        if part.labels is None:
            return None
        value = part.labels[row]
        if part.labels.dtype.kind in "iu":
            if value < 0:
                return None
            return self.class_names[value] if int(value) < len(self.class_names) else str(int(value))
        return label_text(str(value))

    @cached_property
    def _scale(self) -> float:
        """What a value is multiplied by to be a byte: 0 to 1, or 0 to 255, or 16 bits, told by the largest of all."""
        kinds = {part.images.dtype for part in self.parts}
        if self.kind == "vector":
            return 1.0
        if kinds == {np.dtype(np.bool_)}:
            return 255.0
        largest = max(_largest(self.archive, part.images) for part in self.parts)
        # bytes that are all 0 or 1 are binary images (dSprites), not black ones; floats may pass 1 a little (resampled)
        most = UNIT_FLOATS if any(kind.kind == "f" for kind in kinds) else 1
        return 255.0 if largest <= most else 1.0 if largest <= 255 else 1.0 / 257


def _largest(archive: zipfile.ZipFile, array: _Array) -> float:
    largest = 0.0
    row = 0
    for block in _blocks(archive, array):
        _check_finite(block, array.name, row)
        low, high = float(block.min()), float(block.max())
        limit = 65_535 if array.dtype.kind in "iu" else 255
        if low < 0 or high > limit:
            raise DataError(
                f"Array '{array.name}' holds {low if low < 0 else high:g}, which is no pixel: give uint8, floats from "
                "0 to 1 or 0 to 255, or 16-bit whole numbers."
            )
        largest, row = max(largest, high), row + len(block)
        if array.dtype == np.uint8 and largest > 1:
            break  # no other question is open
    return largest


def _check_finite(block: np.ndarray, name: str, row: int) -> None:
    if block.dtype.kind != "f":
        return
    wrong = ~np.isfinite(block.reshape(len(block), -1)).all(axis=1)
    if wrong.any():
        raise DataError(
            f"Array '{name}' holds NaN or infinity, first in row {row + int(np.flatnonzero(wrong)[0])}: replace such "
            "values, or leave these rows out."
        )


def _as_floats(block: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused
        return block.astype(np.float32)


def _as_pixels(block: np.ndarray, scale: float) -> np.ndarray:
    if block.dtype == np.uint8 and scale == 1:
        return block
    return np.clip(np.rint(block.astype(np.float64) * scale), 0, 255).astype(np.uint8)


def _blocks(archive: zipfile.ZipFile, array: _Array) -> Iterator[np.ndarray]:
    each = int(np.prod(array.shape[1:], dtype=np.int64)) * array.dtype.itemsize
    most = max(1, min(BLOCK, BLOCK_BYTES // max(1, each)))
    try:
        with archive.open(f"{array.name}.npy") as file:
            _header(file, array.name)
            for start in range(0, array.shape[0], most):
                rows = min(most, array.shape[0] - start)
                payload = file.read(rows * each)
                if len(payload) < rows * each:
                    raise ValueError(f"it ends within row {start + len(payload) // max(1, each)}")
                yield np.frombuffer(payload, array.dtype).reshape(rows, *array.shape[1:])
    except (DataError, MemoryError, GeneratorExit):
        raise
    except Exception as error:
        # zipfile, zlib and numpy raise a dozen unrelated kinds for bytes that are not what they should be
        raise DataError(
            f"Array '{array.name}' is damaged ({one_line(error, limit=100)}): save the npz again."
        ) from None


def _header(file: Any, name: str) -> _Array:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    return _Array(name, shape, dtype, fortran)


def open_arrays(path: Path, shown: str, limits: Limits) -> Arrays:
    """Look at an npz: which of its arrays are images, and their labels; `shown` is what a sentence calls it.

    Raises:
        DataError: it is no npz, holds no images, holds Python objects, or is larger than the limits.
    """
    try:
        archive = zipfile.ZipFile(path)
        heads = {}
        for entry in archive.infolist():
            if entry.filename.endswith(".npy"):
                name = entry.filename.removesuffix(".npy")
                if entry.file_size > limits.table * MIB:
                    raise DataError(
                        f"Array '{one_line(name, limit=60)}' of '{shown}' unpacks to {entry.file_size / MIB:,.0f} MiB, "
                        f"more than the limit of {limits.table:g}: set it higher (table=...)."
                    )
                with archive.open(entry) as file:
                    heads[name] = _header(file, name)
    except (DataError, MemoryError):
        raise
    except Exception as error:
        raise DataError(
            f"'{shown}' cannot be read as an npz ({one_line(error, limit=100)}): save it with numpy.savez."
        ) from None
    chosen: list[tuple[int | None, _Array, _Array | None]] = [
        (split, x, _first(heads, ys)) for split, xs, ys in SPLITS if (x := _first(heads, xs))
    ]
    if not any(split == 0 for split, _, _ in chosen):
        images = _first(heads, WHOLE[0])
        chosen = [(None, images, _first(heads, WHOLE[1]))] if images else []
    if not chosen:
        names = ", ".join(one_line(name, limit=30) for name in heads) or "none"
        raise DataError(
            f"'{shown}' holds no array of images (its arrays: {names}): call it 'images', with 'labels' beside it if "
            "there are any."
        )
    for array in (array for _, images, labels in chosen for array in (images, labels) if array is not None):
        _check_kind(array, shown)
    if sum(images.shape[0] for _, images, _ in chosen) > limits.items:
        raise DataError(
            f"'{shown}' holds more than {limits.items:,} images: set the limit higher (items=...)."
        )
    parts = [_part(archive, images, labels, split, shown) for split, images, labels in chosen]
    kind = "vector" if len(parts[0].images.shape) == 2 else "image"
    shapes = {part.images.shape[1:] if kind == "vector" else len(part.images.shape) == 2 for part in parts}
    if len(shapes) > 1:
        raise DataError(f"The arrays of '{shown}' have unequal shapes: give images of one shape.")
    if kind == "vector" and parts[0].images.shape[1] > limits.columns:
        raise DataError(
            f"'{shown}' holds vectors of {parts[0].images.shape[1]:,} values, more than the limit of "
            f"{limits.columns:,}: set it higher (columns=...)."
        )
    return Arrays(path, archive, parts, _class_names(archive, heads, shown), kind, f"npz of {kind}s")


def _first(heads: dict[str, _Array], names: tuple[str, ...]) -> _Array | None:
    return next((heads[name] for name in names if name in heads), None)


def _check_kind(array: _Array, shown: str) -> None:
    if array.dtype.hasobject:
        raise DataError(
            f"Array '{array.name}' of '{shown}' holds Python objects, which are never loaded: save it as numbers "
            "(or, for labels, as text of dtype U)."
        )
    if array.fortran and len(array.shape) > 1:
        raise DataError(
            f"Array '{array.name}' of '{shown}' is stored column by column: save numpy.ascontiguousarray of it."
        )


def _part(
    archive: zipfile.ZipFile, images: _Array, labels: _Array | None, split: int | None, shown: str
) -> _Part:
    shape = images.shape
    if images.dtype.kind not in "buif" or len(shape) not in (2, 3, 4) or 0 in shape:
        raise DataError(
            f"Array '{images.name}' of '{shown}' is {images.dtype} of shape {shape}: give numbers of shape (N, H, W), "
            "(N, H, W, C) or (N, C, H, W) with C = 1 or 3, or (N, D) for vectors."
        )
    if len(shape) == 4 and not {shape[1], shape[3]} & {1, 3}:
        raise DataError(
            f"Array '{images.name}' of '{shown}' has shape {shape}: 1 or 3 channels are understood."
        )
    if labels is None:
        return _Part(images, None, split)
    flat = labels.shape[:1] if labels.shape[1:] == (1,) else labels.shape
    if flat != shape[:1] or labels.dtype.kind not in "iuU":
        raise DataError(
            f"Array '{labels.name}' of '{shown}' is {labels.dtype} of shape {labels.shape}: give {shape[0]:,} whole "
            "numbers or texts, one an image."
        )
    return _Part(images, _whole(archive, labels).reshape(-1), split)


def _whole(archive: zipfile.ZipFile, array: _Array) -> np.ndarray:
    blocks = list(_blocks(archive, array))
    return np.concatenate(blocks) if blocks else np.zeros(array.shape, array.dtype)


def _class_names(archive: zipfile.ZipFile, heads: dict[str, _Array], shown: str) -> tuple[str, ...]:
    array = heads.get("class_names")
    if array is None:
        return ()
    _check_kind(array, shown)
    if array.dtype.kind != "U" or len(array.shape) != 1:
        raise DataError(f"Array 'class_names' of '{shown}' must be a row of texts, dtype U.")
    names = tuple(label_text(str(one)) for one in _whole(archive, array))
    if len(set(names)) < len(names):
        raise DataError(f"Array 'class_names' of '{shown}' holds a name twice: give each class its own.")
    return names
