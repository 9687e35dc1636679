"""From a source to a stored data set, chunk by chunk, so that an import that was cut off goes on where it was.

It runs in a process of its own, under limits of memory and time: what a broken file can do to a decoder ends there.
"""

import contextlib
import hashlib
import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from PIL import Image

from core.data.images import stratified_sample
from core.data.own.items import Item, Source
from core.data.own.library import FORMAT, LEFT_OUT_KEPT, Document, Request, job_of, read_own
from core.data.own.opening import open_source
from core.data.own.options import GIB, Limits, Options
from core.data.own.pictures import fitted, is_grey
from core.data.own.unfit import Unfit
from core.errors import CheckpointError, DataError
from core.files import atomic_write, read_json, write_arrays, write_json
from core.jobs import working

CHUNK = 2048
"""Items between two notes of how far it is"""
PROBED = 200
"""Images that decide whether a source is grey"""
LOOKED = 48
"""Images that a look shows"""
BLOCK_BYTES = 2**24
NO_LABEL = -1

Told = Callable[[str, int, int], None]


def work(folder: Path) -> None:
    """Do what a folder's request asks for, within its limits, and tell its files how far it is.

    Raises:
        DataError: the source cannot be added; the sentence says why.
        LockedRun: another process is at it.
    """
    request = read_own(folder).request
    with working(job_of(folder)) as told, _limited(request.limits):
        try:
            source = open_source(Path(request.path), request.options, request.limits)
            (look if request.look else build)(folder, request, source, told)
        except MemoryError:
            raise DataError(
                f"It needs more than {request.limits.memory:g} GiB of memory: choose a smaller size, or set the limit "
                "higher (memory=...)."
            ) from None


@contextlib.contextmanager
def _limited(limits: Limits) -> Iterator[None]:
    """Bound this process's memory and time, where the system can (POSIX)."""
    if os.name != "posix":
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    most = int(limits.memory * GIB)
    resource.setrlimit(resource.RLIMIT_AS, (most if before[1] < 0 else min(most, before[1]), before[1]))
    handler = signal.signal(signal.SIGALRM, lambda *_: _late(limits))
    signal.setitimer(signal.ITIMER_REAL, limits.minutes * 60)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def _late(limits: Limits) -> NoReturn:
    raise DataError(
        f"It took more than {limits.minutes:g} minutes: take fewer images, or set the limit higher (minutes=...)."
    )


def form_of(source: Source, options: Options) -> tuple[tuple[int, int], int]:
    """The size (height, width) and channels of all images of a source, decided by a sample of it.

    Raises:
        DataError: no image of the sample can be read; the first reason is told.
    """
    wrong = None
    size, grey = options.size, True
    found = False
    for item in source.sample(PROBED):
        if item.value is None:
            wrong = wrong or f"{item.name} {item.wrong}"
            continue
        image = as_image(item.value)
        found = True
        if size is None:
            side = options.crop
            size = (side, side) if side else (image.height, image.width)
        if options.colour != "auto":
            break
        grey = grey and is_grey(image)
        if not grey:
            break
    if not found or size is None:
        raise DataError(f"No image could be read: {wrong or 'there is none'}.")
    if max(size) > 512:
        raise DataError(
            f"The first image has {size[1]} x {size[0]} pixels, and at most 512 x 512 are taken: choose a size, "
            "such as 64."
        )
    channels = {"grey": 1, "rgb": 3}.get(options.colour) or (1 if grey else 3)
    return size, channels


def as_image(value: Any) -> Image.Image:
    """An image of a source as Pillow has it: an array (H, W), (H, W, C) or (C, H, W) becomes one.

    Raises:
        Unfit: it has another number of channels.
    """
    if isinstance(value, Image.Image):
        return value
    if value.ndim == 3 and value.shape[-1] not in (1, 3) and value.shape[0] in (1, 3):
        value = value.transpose(1, 2, 0)
    if value.ndim == 3 and value.shape[-1] == 1:
        value = value[..., 0]
    return Image.fromarray(np.ascontiguousarray(value))


def _row(item: Item, options: Options, size: tuple[int, int], channels: int, kind: str) -> np.ndarray:
    if item.value is None:
        raise Unfit(item.wrong or "cannot be used")
    if kind == "vector":
        return np.asarray(item.value, np.float32)[None, None]
    return fitted(as_image(item.value), options, size=size, channels=channels)


def look(folder: Path, request: Request, source: Source, told: Told) -> None:
    """Keep a sample of a source to be shown, as it would be stored, and what is known of the whole.

    Raises:
        DataError: nothing of it can be read.
    """
    options = request.options
    size, channels = form_of(source, options) if source.kind == "image" else ((1, 0), 1)
    rows, labels, wrong = [], [], []
    for done, item in enumerate(source.sample(LOOKED)):
        told("Reading a sample", done, min(LOOKED, len(source)))
        try:
            rows.append(_row(item, options, size, channels, source.kind))
            labels.append(item.label)
        except Unfit as reason:
            wrong.append((item.name, str(reason)))
    if not rows:
        raise DataError(f"No item of the sample can be used: {wrong[0][0]} {wrong[0][1]}.")
    write_arrays(folder / "look.npz", {"values": np.stack(rows)})
    write_json(
        folder / "look.json",
        {
            "kind": source.kind,
            "what": source.what,
            "items": len(source),
            "shape": list(rows[0].shape),
            "labels": labels,
            "columns": list(getattr(source, "columns", ())),
            "left_out": [*source.left_out, *wrong][:LEFT_OUT_KEPT],
            "left_out_count": len(source.left_out) + len(wrong),
        },
    )


class _Part:
    """What is read so far: three files that only grow, and a note of how far each is to be believed."""

    def __init__(self, folder: Path, source: Source, request: Request) -> None:
        self.folder = folder
        self.asked = hashlib.sha256(
            json.dumps([source.digest, request.options.model_dump(mode="json")], sort_keys=True).encode()
        ).hexdigest()
        self.note: dict[str, Any] = {}
        with contextlib.suppress(CheckpointError):
            note = read_json(folder / "part.json")
            if note.get("asked") == self.asked and self._holds(note):
                self.note = note
        if not self.note:
            size, channels = form_of(source, request.options) if source.kind == "image" else ((1, 0), 1)
            self.note = {
                "asked": self.asked,
                "size": list(size),
                "channels": channels,
                "shape": None,
                "done": 0,
                "kept": 0,
                "labels": [],
                "left_out": [list(one) for one in source.left_out[:LEFT_OUT_KEPT]],
                "left_out_count": len(source.left_out),
            }
        self.places = {name: place for place, name in enumerate(self.note["labels"])}
        self.files: dict[str, BinaryIO] = {}

    def path(self, name: str) -> Path:
        """One of the growing files."""
        return self.folder / f"part.{name}"

    def _lengths(self, note: dict[str, Any]) -> dict[str, int]:
        each = int(np.prod(note["shape"] or [0])) * note.get("item", 1)
        return {"values": note["kept"] * each, "labels": note["kept"] * 4, "splits": note["kept"]}

    def _holds(self, note: dict[str, Any]) -> bool:
        try:
            return all(self.path(name).stat().st_size >= size for name, size in self._lengths(note).items())
        except (OSError, KeyError, TypeError):
            return False

    def open(self) -> None:
        """Open the files for what comes, less what no note speaks of."""
        for name, size in self._lengths(self.note).items():
            file = self.path(name).open("r+b" if self.path(name).exists() else "w+b")
            file.truncate(size)
            file.seek(size)
            self.files[name] = file

    def keep(self, rows: list[np.ndarray], labels: list[int], splits: list[int]) -> None:
        """Append a chunk, then note it."""
        if rows:
            self.note["shape"], self.note["item"] = list(rows[0].shape), rows[0].itemsize
            self.files["values"].write(np.stack(rows).tobytes())
            self.files["labels"].write(np.array(labels, np.int32).tobytes())
            self.files["splits"].write(np.array(splits, np.int8).tobytes())
            self.note["kept"] += len(rows)
        for file in self.files.values():
            file.flush()
            os.fsync(file.fileno())
        write_json(self.folder / "part.json", self.note)

    def label(self, name: str | None, limits: Limits) -> int:
        """Number of a label, in the order in which they are met."""
        if name is None:
            return NO_LABEL
        if name not in self.places:
            if len(self.places) >= limits.classes:
                raise DataError(
                    f"It has more than {limits.classes} classes, with '{name}': at most 255 can be told apart on a "
                    "map; choose another label, or leave it out."
                )
            self.places[name] = len(self.places)
            self.note["labels"].append(name)
        return self.places[name]

    def leave_out(self, name: str, why: str) -> None:
        """Note an item that cannot be used."""
        self.note["left_out_count"] += 1
        if len(self.note["left_out"]) < LEFT_OUT_KEPT:
            self.note["left_out"].append([name, why])

    def close(self, *, remove: bool = False) -> None:
        """Close the files, and remove them once they are not needed."""
        for file in self.files.values():
            file.close()
        for name in ("json", "values", "labels", "splits") if remove else ():
            self.path(name).unlink(missing_ok=True)


def build(folder: Path, request: Request, source: Source, told: Told) -> None:
    """Read a whole source and store it as a data set; what was read before an interruption is not read again.

    Raises:
        DataError: fewer than two items can be used, a limit is met, or a value is no number.
        CheckpointError: the folder cannot be written.
    """
    try:
        part = _Part(folder, source, request)
        part.open()
        try:
            _read(part, request, source, told)
            _store(folder, request, source, part, told)
        except BaseException:
            part.close()
            raise
        part.close(remove=True)
        for path in folder.glob("*"):
            # what a look found, and the copy of an uploaded file: all of it is in the data set now
            if path.stem in ("look", "upload"):
                path.unlink(missing_ok=True)
    except OSError as error:
        raise CheckpointError(
            f"The data set could not be written to {folder}: {error.strerror or error}; free some space, or set "
            "VAESCOPE_DATA to another folder."
        ) from error


def _read(part: _Part, request: Request, source: Source, told: Told) -> None:
    size, channels = tuple(part.note["size"]), part.note["channels"]
    rows: list[np.ndarray] = []
    labels: list[int] = []
    splits: list[int] = []
    bytes_ = 0
    for item in source.items(part.note["done"], near=None if request.options.crop else size):
        try:
            row = _row(item, request.options, size, channels, source.kind)
            rows.append(row)
            labels.append(part.label(item.label, request.limits))
            splits.append(NO_LABEL if item.split is None else item.split)
            bytes_ += row.nbytes
        except Unfit as reason:
            part.leave_out(item.name, str(reason))
        part.note["done"] += 1
        if part.note["done"] % CHUNK == 0 or bytes_ > BLOCK_BYTES:
            part.keep(rows, labels, splits)
            rows, labels, splits, bytes_ = [], [], [], 0
        told("Reading", part.note["done"], len(source))
    part.keep(rows, labels, splits)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Order of class names: numbers in them count as numbers, so that 10 comes after 9."""
    return [
        (0, int(piece), "") if piece.isdigit() and piece.isascii() else (1, 0, piece.casefold())
        for piece in re.split(r"(\d+)", name)
        if piece
    ]


def _store(folder: Path, request: Request, source: Source, part: _Part, told: Told) -> None:
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
    _write_ordered(folder / "values.npy", part, order, (count, *shape), dtype, told_of, told)
    _save(folder / "labels.npy", labels)
    if part.note["left_out"]:
        write_json(folder / "left-out.json", {"items": part.note["left_out"]})
    document = Document(
        format=FORMAT,
        name=request.name,
        kind="image" if source.kind == "image" else "vector",
        shape=shape,
        class_names=tuple(names),
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
    import io

    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    atomic_write(path, buffer.getvalue())


def _write_ordered(
    path: Path,
    part: _Part,
    order: np.ndarray,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    told_of: Any,
    told: Told,
) -> None:
    """Write the rows in another order as an .npy, a block at a time: it may be larger than the memory."""
    each = int(np.prod(shape[1:])) * dtype.itemsize
    block = max(1, BLOCK_BYTES // each)
    temporary = path.with_suffix(".tmp")
    source = part.files["values"]
    with temporary.open("wb") as file:
        head = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, head)
        for start in range(0, len(order), block):
            told("Storing", start, len(order))
            payload = bytearray()
            for row in order[start : start + block].tolist():
                source.seek(row * each)
                payload += source.read(each)
            told_of.update(payload)
            file.write(payload)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
