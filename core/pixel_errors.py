"""The error of an image: mean squared error per pixel of its reconstruction at the mean, and how it is cached."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.errors import CheckpointError, DataError
from core.files import atomic_write, one_line, read_bytes

LIMIT = 64 * 2**20
"""Bytes of a cache: 70,000 images take less than 1 MB."""
BATCH = 1000
"""Images at a time: memory and speed only."""

Progress = Callable[[int, int], None]


def squared_errors(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Square what a reconstruction misses, pixel by pixel -> (N, C, H, W) float64, pixels in [0, 1].

    Args:
        images: uint8 (N, C, H, W), or values of vectors, (N, 1, 1, d) in [0, 1].
        reconstructions: floats in [0, 1] of the same shape.

    Raises:
        ValueError: the shapes differ.
    """
    if images.shape != reconstructions.shape:
        raise ValueError(f"Images {images.shape} and reconstructions {reconstructions.shape} must be alike.")
    exact = images.astype(np.float64) / 255 if images.dtype == np.uint8 else images.astype(np.float64)
    return np.square(exact - reconstructions.astype(np.float64))


def errors_at_means(
    decode: Callable[[np.ndarray, np.ndarray], np.ndarray],
    means: np.ndarray,
    labels: np.ndarray,
    images: np.ndarray,
    *,
    batch_size: int = BATCH,
    progress: Progress | None = None,
) -> np.ndarray:
    """Average the squared errors over the pixels and channels of each image -> (N,) float32, lower is better.

    Args:
        decode: latents (B, L), labels (B,) -> pixels in [0, 1], (B, C, H, W) in data size.
        means: (N, L).
        labels: (N,) of the images.
        images: uint8 (N, C, H, W), the same images.
        batch_size: images at a time; the errors do not depend on it.
        progress: called after each batch with images done and images in all.
    """
    found = np.zeros(len(images), np.float32)
    for start in range(0, len(images), batch_size):
        rows = slice(start, min(start + batch_size, len(images)))
        found[rows] = squared_errors(images[rows], decode(means[rows], labels[rows])).mean(axis=(1, 2, 3))
        if progress:
            progress(rows.stop, len(images))
    return found


def in_order_of(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Places of `wanted` rows of a source among `ids`, (N,) int64.

    Raises:
        DataError: one is not among them.
    """
    order = np.argsort(ids, kind="stable")
    places = np.minimum(np.searchsorted(ids, wanted, sorter=order), max(len(ids) - 1, 0))
    if len(wanted) and (not len(ids) or (ids[order[places]] != wanted).any()):
        raise DataError("The stored latents are of other images than the data set has: encode them again.")
    return order[places] if len(wanted) else np.zeros(0, np.int64)


def save_errors(path: Path, ids: np.ndarray, errors: np.ndarray) -> None:
    """Write errors with the rows of their images, whole or not at all.

    Raises:
        CheckpointError: the disk is full or the folder cannot be written.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, ids=ids.astype(np.int64), errors=errors.astype(np.float32))
    atomic_write(path, buffer.getvalue())


def load_errors(path: Path, ids: np.ndarray) -> np.ndarray:
    """Read errors, which must be of these images in this order -> (N,) float32, read-only.

    Raises:
        CheckpointError: missing, damaged, or of other images.
    """
    payload = read_bytes(path, limit=LIMIT)
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LIMIT:
                raise ValueError("it unpacks to more than it may")
            for name in ("ids", "errors"):
                with archive.open(f"{name}.npy") as file:
                    arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:
        # zipfile, zlib and numpy raise a dozen unrelated kinds for bytes that are not what they should be
        raise CheckpointError(
            f"'{path.name}' is damaged: {one_line(error)}; it is made again when it is needed."
        ) from error
    errors = arrays["errors"]
    whole = errors.dtype == np.float32 and errors.shape == ids.shape and bool(np.isfinite(errors).all())
    if not whole or not np.array_equal(arrays["ids"], ids):
        raise CheckpointError(f"'{path.name}' is of other images: it is made again when it is needed.")
    errors.setflags(write=False)
    return errors
