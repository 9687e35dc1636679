"""Files that are either whole or absent: atomic writing, bounded reading."""

import io
import json
import math
import os
import secrets
import unicodedata
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import CheckpointError

JSON_LIMIT = 8 * 2**20
"""Bytes; a run.json of this project is a few kB, so anything near this is not ours."""


def atomic_write(path: Path, payload: bytes) -> None:
    """Write a file so that a reader, or a crash at any moment, meets the old content or the new one, never a part.

    A temporary name in the same folder, flushed to disk, then renamed over the old file; the folder is flushed too.

    Raises:
        CheckpointError: the disk is full or the folder cannot be written; or the file is in place, and the folder
            could not be flushed.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CheckpointError(
            f"'{path.name}' could not be written to {path.parent}: {error.strerror or error}; free some space or "
            "choose another store, what was there before is unchanged."
        ) from error
    flush_name(path)


def flush_name(path: Path) -> None:
    """Make the new name of a file or folder last through a power cut.

    Raises:
        CheckpointError: it cannot; what has that name is there all the same.
    """
    try:
        flush_folder(path.parent)
    except OSError as error:
        raise CheckpointError(
            f"'{path.name}' is in place in {path.parent}, but the folder could not be flushed to disk: "
            f"{error.strerror or error}; a power cut may still undo it, so check the disk and do this again."
        ) from error


def flush_folder(folder: Path) -> None:
    """Make a rename in `folder` last through a power cut, where the system can (POSIX).

    Raises:
        OSError: it cannot; the rename stands all the same.
    """
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write JSON atomically; NaN and Infinity are refused, since JSON has none.

    Raises:
        ValueError: a number is not finite.
        CheckpointError: as `atomic_write`.
    """
    text = json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False)
    atomic_write(path, (text + "\n").encode())


def one_line(text: object, *, limit: int = 200) -> str:
    """Make foreign text fit to stand in a sentence: its visible characters on one line, cut at `limit`."""
    visible = "".join(c for c in str(text) if c.isspace() or unicodedata.category(c)[0] != "C")
    plain = " ".join(visible.split())
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."


def read_bytes(path: Path, *, limit: int) -> bytes:
    """Read a whole file of at most `limit` bytes.

    Raises:
        CheckpointError: missing, larger, not a plain file, or unreadable.
    """
    try:
        if path.is_symlink() or not path.is_file():
            raise CheckpointError(
                f"'{path.name}' is missing from {path.parent}: the run is incomplete; restore the file from "
                "a copy, or delete the run."
            )
        with path.open("rb") as file:
            payload = file.read(limit + 1)
    except OSError as error:
        raise CheckpointError(f"'{path.name}' cannot be read: {error.strerror or error}.") from error
    if len(payload) > limit:
        raise CheckpointError(
            f"'{path.name}' is larger than the {limit} bytes that it may have: it is not ours."
        )
    return payload


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it holds {name}")


def _finite_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"it holds {text[:20]}, which is no finite number")
    return value


def parse_json(
    payload: bytes, name: str, *, remedy: str = "restore it from a copy, or delete the run"
) -> dict[str, Any]:
    """Parse one JSON object; NaN and Infinity are refused. `remedy` is what an error tells people to do.

    Raises:
        CheckpointError: not JSON, not UTF-8, nested too deep, or not an object.
    """
    try:
        value = json.loads(
            payload.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite_float
        )
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"'{name}' is damaged: {one_line(error)}; {remedy}.") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"'{name}' holds no JSON object: {remedy}.")
    return value


def read_json(path: Path) -> dict[str, Any]:
    """Read one JSON object from a file.

    Raises:
        CheckpointError: as `read_bytes` and `parse_json`.
    """
    return parse_json(read_bytes(path, limit=JSON_LIMIT), path.name)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as an .npz, whole or not at all.

    Raises:
        CheckpointError: as `atomic_write`.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    atomic_write(path, buffer.getvalue())


def read_arrays(path: Path, names: Iterable[str], *, limit: int, remedy: str) -> dict[str, np.ndarray]:
    """Read those of the named arrays that an .npz holds; neither the file nor what it unpacks to exceeds `limit` bytes.

    Raises:
        CheckpointError: missing or damaged; `remedy` is what it tells people to do.
    """
    payload, arrays = read_bytes(path, limit=limit), {}
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > limit:
                raise ValueError("it unpacks to more than it may")
            for name in names:
                if f"{name}.npy" in archive.namelist():
                    with archive.open(f"{name}.npy") as file:
                        arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:
        # zipfile, zlib and numpy raise a dozen unrelated kinds for bytes that are not what they should be
        raise CheckpointError(f"'{path.name}' is damaged: {one_line(error)}; {remedy}.") from error
    return arrays
