"""IDX files, the format of MNIST and its kin: read whole, checked in full, raw or gzip-compressed.

An IDX file is big-endian: two zero bytes, the type (8: unsigned byte), the number of dimensions, each
dimension as a 32-bit whole number, then the values. Images have the magic number 0x00000803 and labels
0x00000801 (http://yann.lecun.com/exdb/mnist/).
"""

import gzip
import hashlib
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import DataError

_KINDS = {0x00000803: "images", 0x00000801: "labels"}


@dataclass(frozen=True)
class IdxFile:
    """What one official file must hold.

    Attributes:
        dataset: name of the data set in the catalogue, such as "mnist".
        name: official file name without ".gz", such as "train-images-idx3-ubyte".
        shape: (N, H, W) of images or (N,) of labels.
        sha256: SHA-256 (hex) of the uncompressed bytes.
    """

    dataset: str
    name: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def magic(self) -> int:
        """First four bytes of the file, as one number."""
        return 0x00000800 + len(self.shape)

    @property
    def header_bytes(self) -> int:
        """Bytes before the first value."""
        return 4 + 4 * len(self.shape)

    @property
    def size(self) -> int:
        """Bytes of the whole file, uncompressed."""
        return self.header_bytes + math.prod(self.shape)


def read_idx(path: Path, *, expected: IdxFile) -> np.ndarray:
    """Read one file and check every byte of it.

    Args:
        path: the file, raw or gzip-compressed (told apart by content).
        expected: what it must hold.

    Returns:
        Read-only uint8 array of the expected shape.

    Raises:
        DataError: if the file cannot be read, is empty, truncated, too long or not gzip, or has another magic
            number, shape or SHA-256; the sentence names the file, what is wrong and what to do.
    """
    try:
        return _checked(_content(path, expected), expected)
    except _Wrong as wrong:
        raise DataError(
            f"The file '{path.name}' in '{path.parent}' {wrong}: delete it and run "
            f"`python -m core data fetch {expected.dataset}`, or put the official file into that folder."
        ) from None


def problem(path: Path, *, expected: IdxFile) -> str | None:
    """Say what is wrong with a file, as the end of a sentence ("is empty"), or None if it is good."""
    try:
        _checked(_content(path, expected), expected)
    except _Wrong as wrong:
        return str(wrong)
    return None


class _Wrong(Exception):
    """What is wrong with a file, as the end of a sentence."""


def _content(path: Path, expected: IdxFile) -> bytes:
    """Read and decompress at most one byte more than expected, however much a gzip file claims to hold."""
    limit = expected.size + 1
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if not start:
                raise _Wrong("is empty")
            if start[:2] == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=file) as unpacked:
                    return unpacked.read(limit)
            # A browser may unpack a download and keep its name: a raw IDX file called .gz is accepted.
            if path.suffix == ".gz" and start[:2] != b"\0\0":
                raise _Wrong(f"is not a gzip file (it begins with {start!r})")
            return file.read(limit)
    except EOFError:
        raise _Wrong("is truncated: its gzip content breaks off before the end") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise _Wrong(f"is damaged: its gzip content cannot be unpacked ({error})") from None
    except OSError as error:
        raise _Wrong(f"cannot be read ({error.strerror or error})") from None


def _checked(raw: bytes, expected: IdxFile) -> np.ndarray:
    """Return the values of a file's bytes; the SHA-256 comes last, for the other checks say more."""
    kind = _KINDS[expected.magic]
    if len(raw) < expected.header_bytes:
        raise _Wrong(f"is truncated: it ends after {len(raw)} of {expected.size:,} bytes")
    (magic,) = struct.unpack_from(">I", raw)
    if magic != expected.magic:
        found = f"IDX {_KINDS[magic]}" if magic in _KINDS else "something else"
        raise _Wrong(
            f"has the wrong magic number: IDX {kind} (0x{expected.magic:08x}) belong there, "
            f"but it holds {found} (0x{magic:08x})"
        )
    shape = struct.unpack_from(f">{len(expected.shape)}I", raw, 4)
    if shape != expected.shape:
        raise _Wrong(
            f"has the wrong count: {_counted(expected.shape, kind)} belong there, "
            f"but it announces {_counted(shape, kind)}"
        )
    if len(raw) < expected.size:
        raise _Wrong(f"is truncated: it ends after {len(raw):,} of {expected.size:,} bytes")
    if len(raw) > expected.size:
        raise _Wrong(f"is too long: it goes on after its {expected.size:,} bytes")
    sha256 = hashlib.sha256(raw).hexdigest()
    if sha256 != expected.sha256:
        raise _Wrong(
            f"is not the official file: the SHA-256 of its uncompressed content is {sha256[:12]}... "
            f"instead of {expected.sha256[:12]}..."
        )
    return np.frombuffer(raw, dtype=np.uint8, offset=expected.header_bytes).reshape(expected.shape)


def _counted(shape: tuple[int, ...], kind: str) -> str:
    each = f" of {shape[1]}x{shape[2]}" if len(shape) == 3 else ""
    return f"{shape[0]:,} {kind}{each}"
