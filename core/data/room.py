"""Room for arrays: in memory where they fit, else in a file without a name that the system maps and takes back."""

import os
import tempfile
from collections.abc import Iterator

import numpy as np

from core.data.files import data_folder
from core.errors import DataError

SHARE = 4
"""An array may take one part in so many of the machine's memory; a larger one is mapped from disk."""
BLOCK_BYTES = 2**26


def most_bytes() -> int:
    """Bytes that one array may take in memory."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // SHARE
    except (AttributeError, OSError, ValueError):
        return 2**31  # where the system does not say


def fits(array: np.ndarray, rows: int | None = None) -> bool:
    """Whether a copy of an array, or of so many of its rows, may stand in memory."""
    share = 1.0 if rows is None or not len(array) else rows / len(array)
    return array.nbytes * share <= most_bytes()


def room(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An empty array in a file that goes when the array does.

    Raises:
        DataError: there is no space for it in the data folder.
    """
    folder = data_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            if hasattr(os, "posix_fallocate"):
                # a file with holes would end the process later, when a page of it finds no space
                os.posix_fallocate(file.fileno(), 0, max(1, int(np.prod(shape)) * dtype.itemsize))
            return np.memmap(file, dtype, "w+", shape=shape)
    except OSError as error:
        raise DataError(
            f"{int(np.prod(shape)) * dtype.itemsize / 1e9:,.1f} GB could not be put into '{folder}' "
            f"({error.strerror or error}): free some space, or set VAESCOPE_DATA to another folder."
        ) from None


def like(array: np.ndarray) -> np.ndarray:
    """An empty array of the shape and type of another: in memory where it fits, else mapped.

    Raises:
        DataError: there is no space for it in the data folder.
    """
    return np.empty_like(array) if fits(array) else room(array.shape, array.dtype)


def blocks(array: np.ndarray) -> Iterator[slice]:
    """Slices of rows that cover an array, about `BLOCK_BYTES` each."""
    rows = max(1, BLOCK_BYTES * len(array) // max(1, array.nbytes))
    for start in range(0, len(array), rows):
        yield slice(start, start + rows)


def taken(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows of an array, in that order: in memory where they fit, else mapped."""
    if fits(array, len(rows)):
        return np.asarray(array[rows])
    out = room((len(rows), *array.shape[1:]), array.dtype)
    for block in blocks(out):
        out[block] = array[rows[block]]
    return out
