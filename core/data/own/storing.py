"""The last step of an import: rows in order, the training rows first, and the document that makes it a data set."""

import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from core.data.images import scaled, stratified_sample
from core.data.own.items import Source
from core.data.own.library import FORMAT, Document, Request
from core.data.own.part import NO_LABEL, Part
from core.errors import DataError
from core.files import atomic_write, one_line, write_json

BLOCK_BYTES = 2**24

Told = Callable[[str, int, int], None]
"""Called with the phase, what is done and what there is"""


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Order of class names: numbers in them count as numbers, so that 10 comes after 9."""
    return [
        (0, int(piece), "") if piece.isdigit() and piece.isascii() else (1, 0, piece.casefold())
        for piece in re.split(r"(\d+)", name)
        if piece
    ]


def store(folder: Path, request: Request, source: Source, part: Part, told: Told) -> None:
    """Order the rows, the training images first, and write them; `data.json` comes last."""
    count, shape = part.note["kept"], tuple(part.note["shape"] or (0, 0, 0))
    if count < 2:
        first = (
            f": {part.note['left_out'][0][0]} {part.note['left_out'][0][1]}" if part.note["left_out"] else ""
        )
        raise DataError(
            f"{count or 'No'} of {len(source):,} items can be used, and a data set has at least two{first}."
        )
    met = np.fromfile(part.path("labels"), np.int32, count)
    splits = np.fromfile(part.path("splits"), np.int8, count)
    names = sorted(part.note["labels"], key=lambda name: (_natural(name), name))
    places = np.array([names.index(name) for name in part.note["labels"]] or [0], np.int64)
    labels = np.where(met < 0, NO_LABEL, places[np.maximum(met, 0)])
    own_split = bool((splits == 1).any() and (splits == 0).any())
    if not own_split:
        wanted = min(max(1, int(request.options.test * count + 0.5)), count - 1)
        splits = np.zeros(count, np.int8)
        splits[stratified_sample(labels, n=wanted, seed=request.options.seed)] = 1
    order = np.concatenate([np.flatnonzero(splits != 1), np.flatnonzero(splits == 1)])
    train = int((splits != 1).sum())
    dtype = np.dtype(np.uint8 if source.kind == "image" else np.float32)
    labels = labels[order].astype(np.int32)
    told_of = hashlib.sha256(
        json.dumps(["vaescope-own", FORMAT, source.kind, list(shape), train, names]).encode()
    )
    told_of.update(labels.tobytes())
    low, high = _range(part, count, shape[-1]) if source.kind == "vector" else (None, None)
    with Ordered(part, order, shape, dtype) as rows:
        _write(folder / "values.npy", rows, low, high, told_of, told)
    _save(folder / "labels.npy", labels)
    if part.note["left_out"]:
        write_json(folder / "left-out.json", {"items": part.note["left_out"]})
    document = Document(
        format=FORMAT,
        name=request.name,
        kind="image" if source.kind == "image" else "vector",
        shape=shape,
        class_names=tuple(names),
        columns=tuple(one_line(name, limit=60) for name in getattr(source, "columns", ()))
        if low is not None
        else (),
        low=() if low is None else tuple(low.tolist()),
        high=() if high is None else tuple(high.tolist()),
        train=train,
        test=count - train,
        unlabelled=int((labels < 0).sum()),
        fingerprint=told_of.hexdigest(),
        what=source.what,
        own_split=own_split,
        left_out_count=part.note["left_out_count"],
        created=request.created,
    )
    write_json(folder / "data.json", document.model_dump(mode="json"))


def _save(path: Path, array: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    atomic_write(path, buffer.getvalue())


class Ordered:
    """The rows that were read, in another order, a block at a time: they may be more than the memory holds."""

    def __init__(self, part: Part, order: np.ndarray, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.order, self.shape, self.dtype = order, shape, dtype
        self._path, self._each = part.path("values"), int(np.prod(shape)) * dtype.itemsize

    def __enter__(self) -> "Ordered":
        """Open the file."""
        self._file = self._path.open("rb")
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._file.close()

    def blocks(self) -> Iterator[np.ndarray]:
        """Blocks (n, *shape) in the order."""
        size = max(1, BLOCK_BYTES // self._each)
        for start in range(0, len(self.order), size):
            payload = bytearray()
            for row in self.order[start : start + size].tolist():
                self._file.seek(row * self._each)
                payload += self._file.read(self._each)
            yield np.frombuffer(payload, self.dtype).reshape(-1, *self.shape)


def _range(part: Part, count: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value of each column of vectors, float64."""
    low, high = np.full(columns, np.inf), np.full(columns, -np.inf)
    with Ordered(part, np.arange(count), (1, 1, columns), np.dtype(np.float32)) as rows:
        for block in rows.blocks():
            low = np.minimum(low, block.min(axis=(0, 1, 2)))
            high = np.maximum(high, block.max(axis=(0, 1, 2)))
    return low, high


def _write(
    path: Path, rows: Ordered, low: np.ndarray | None, high: np.ndarray | None, told_of: Any, told: Told
) -> None:
    """Write rows as an .npy, those of vectors scaled to [0, 1] by the range of each column."""
    temporary = path.with_suffix(".tmp")
    count = len(rows.order)
    with temporary.open("wb") as file:
        head = {
            "descr": np.lib.format.dtype_to_descr(rows.dtype),
            "fortran_order": False,
            "shape": (count, *rows.shape),
        }
        np.lib.format.write_array_header_1_0(file, head)
        done = 0
        for block in rows.blocks():
            told("Storing", done, count)
            if low is not None and high is not None:
                block = scaled(block, low, high)
            told_of.update(block.tobytes())
            file.write(block.tobytes())
            done += len(block)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
