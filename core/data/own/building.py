"""From a source to a stored data set, chunk by chunk, so that an import that was cut off goes on where it was.

It runs in a process of its own, under limits of memory and time: what a broken file can do to a decoder ends there.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np

from core.data.images import scaled
from core.data.own.items import Source
from core.data.own.library import LEFT_OUT_KEPT, Request, job_of, read_own
from core.data.own.opening import open_source
from core.data.own.options import GIB, Limits
from core.data.own.part import NO_LABEL, Part
from core.data.own.rows import form_of, row_of
from core.data.own.storing import BLOCK_BYTES, Told, store
from core.data.own.unfit import Unfit
from core.errors import CheckpointError, DataError
from core.files import write_arrays, write_json
from core.jobs import working

CHUNK = 2048
"""Items between two notes of how far it is"""
LOOKED = 48
"""Images that a look shows"""


def work(folder: Path) -> None:
    """Do what a folder's request asks for, within its limits, and tell its files how far it is.

    Raises:
        DataError: the source cannot be added; the sentence says why.
        LockedRun: another process is at it.
    """
    request = read_own(folder).request
    with working(job_of(folder)) as told, _limited(request.limits):
        try:
            path, called = Path(request.path), request.called
            source = open_source(path, request.options, request.limits, called=called)
            (look if request.look else build)(folder, request, source, told)
        except _Late:
            raise DataError(
                f"It took more than {request.limits.minutes:g} minutes: take fewer images, or set the limit higher "
                "(minutes=...)."
            ) from None
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
    handler = signal.signal(signal.SIGALRM, lambda *_: _late())
    signal.setitimer(signal.ITIMER_REAL, limits.minutes * 60)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


class _Late(BaseException):
    """The time is over; no `Exception`, so that nothing that reads an image takes it for damage."""


def _late() -> NoReturn:
    raise _Late


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
            rows.append(row_of(item, options, size, channels, source.kind))
            labels.append(item.label)
        except Unfit as reason:
            wrong.append((item.name, str(reason)))
    if not rows:
        raise DataError(f"No item of the sample can be used: {wrong[0][0]} {wrong[0][1]}.")
    values, columns = np.stack(rows), list(getattr(source, "columns", ()))
    if source.kind == "vector":
        whole = (values == np.rint(values)).all(axis=(0, 1, 2)).tolist()
        columns = [name for name, one in zip(columns, whole, strict=False) if one]  # an npz names none
        # by the range of the sample: that of the whole is known once it is read
        values = scaled(values, values.min(axis=(0, 1, 2)), values.max(axis=(0, 1, 2)))
    write_arrays(folder / "look.npz", {"values": values})
    write_json(
        folder / "look.json",
        {
            "kind": source.kind,
            "what": source.what,
            "items": len(source),
            "shape": list(rows[0].shape),
            "labels": labels,
            "columns": columns,
            "left_out": [*source.left_out, *wrong][:LEFT_OUT_KEPT],
            "left_out_count": len(source.left_out) + len(wrong),
        },
    )


def build(folder: Path, request: Request, source: Source, told: Told) -> None:
    """Read a whole source and store it as a data set; what was read before an interruption is not read again.

    Raises:
        DataError: fewer than two items can be used, a limit is met, or a value is no number.
        CheckpointError: the folder cannot be written.
    """
    try:
        part = Part(folder, source, request)
        part.open()
        try:
            _read(part, request, source, told)
            store(folder, request, source, part, told)
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


def _read(part: Part, request: Request, source: Source, told: Told) -> None:
    size, channels = tuple(part.note["size"]), part.note["channels"]
    rows: list[np.ndarray] = []
    labels: list[int] = []
    splits: list[int] = []
    bytes_ = 0
    for item in source.items(part.note["done"], near=None if request.options.crop else size):
        try:
            row = row_of(item, request.options, size, channels, source.kind)
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
