"""The trash of a store: deleted runs, whole, until they are restored or deleted for good.

`.trash/<time>-<random>/<id>/` is a deleted run. It goes in and comes out by one rename of its folder, so that a crash
at any moment leaves it in exactly one of the two places. The listing of runs looks into no folder that begins with a
dot, so what is in here is no run until it is restored.
"""

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import Timeout

from core.errors import CheckpointError, LockedRun
from core.files import flush_folder, one_line
from core.store.folder import default_store, disk_use, is_locked, run_lock
from core.store.names import ID_PATTERN
from core.store.records import RunRecord, read_record

TRASH = ".trash"

PATIENCE = 1.0
"""Seconds to wait for a run's lock: whoever asks how a run is holds it for a moment"""

_ENTRY = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{6}")
_TIME = "%Y%m%dT%H%M%SZ"
_GONE = ".gone-"
"""Before the name of an entry that is being deleted for good: it can no longer be restored."""


@dataclass(frozen=True)
class TrashEntry:
    """One deleted run, as it lies in the trash."""

    name: str
    """Folder of the entry in the trash: tells two deleted runs of the same id apart"""
    deleted: str
    """When it was deleted: UTC, ISO 8601, to the second"""
    record: RunRecord
    """The run; its folder is the one in the trash"""
    size: int
    """Bytes on disk"""

    @property
    def id(self) -> str:
        """Id that the run had, and gets back where it is still free."""
        return self.record.id


def why_not_deleted(record: RunRecord) -> CheckpointError | None:
    """Why a run is not deleted, as the error that `delete_run` would raise; None where it can be."""
    folder = record.folder
    if record.at is not None:
        return CheckpointError(
            f"'{record.id}' is an epoch, and runs are deleted whole: leave out @{record.at}."
        )
    if record.bundled:
        return CheckpointError(f"'{record.name}' came with VAEScope and is read-only: hide it instead.")
    if record.state == "foreign" or folder.is_symlink() or not (folder / "run.json").is_file():
        return CheckpointError(
            f"'{record.id}' is not a run of VAEScope: delete it by hand if it is not needed."
        )
    if folder.parent.parent.name == TRASH and _time_of(folder.parent):
        return CheckpointError(f"'{record.name}' is in the trash already: restore it, or empty the trash.")
    return _in_training(record) if is_locked(folder) else None


def _in_training(record: RunRecord) -> LockedRun:
    return LockedRun(f"'{record.name}' is being trained by another process: stop that first, then delete it.")


def delete_run(record: RunRecord) -> TrashEntry:
    """Move a run into the trash of its store; it leaves the listing at once, whole.

    Raises:
        LockedRun: a process is training it.
        CheckpointError: it is bundled, not a run folder of ours, or cannot be moved.
    """
    if refusal := why_not_deleted(record):
        raise refusal
    folder, trash = record.folder, _trash_of(record.folder.parent)
    entry = trash / f"{datetime.now(UTC).strftime(_TIME)}-{secrets.token_hex(3)}"
    lock = run_lock(folder)
    try:
        # held, so that nobody begins to train it between the look and the rename
        lock.acquire(timeout=PATIENCE)
        with lock:
            entry.mkdir(parents=True)
            _flush(trash, folder.parent)
            folder.rename(entry / folder.name)
            (entry / folder.name / "lock").unlink(missing_ok=True)
    except Timeout:
        raise _in_training(record) from None
    except OSError as error:
        _remove_empty(entry)
        raise CheckpointError(
            f"'{record.id}' could not be moved to the trash: {error.strerror or error}; it is where it was."
        ) from error
    _flush(entry, folder.parent)
    return _described(entry / folder.name)


def list_trash(store: Path | None = None) -> list[TrashEntry]:
    """Describe every run in the trash of a store, the last deleted first; anything else that lies there is left out.

    Raises:
        CheckpointError: the trash is a link, or cannot be read.
    """
    trash = _trash_of(store or default_store())
    if not trash.is_dir():
        return []
    entries = []
    try:
        for entry in trash.iterdir():
            if _time_of(entry) is None or entry.is_symlink():
                continue
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # restored while we look
                runs = [one for one in entry.iterdir() if ID_PATTERN.fullmatch(one.name)]
                entries += [_described(run) for run in runs if run.is_dir() and not run.is_symlink()]
    except OSError as error:
        raise CheckpointError(
            f"The trash {trash} cannot be read: {error.strerror or error}; see to its permissions."
        ) from error
    return sorted(entries, key=lambda entry: (entry.deleted, entry.id), reverse=True)


def restore_run(entry: TrashEntry) -> RunRecord:
    """Move a run back from the trash, under the id that it had, or a new one where that is taken.

    Raises:
        CheckpointError: it is no longer in the trash, or cannot be moved.
    """
    folder = entry.record.folder
    place, store = folder.parent, folder.parent.parent.parent
    target = store / folder.name
    while os.path.lexists(target):
        target = store / f"{folder.name[:73].rstrip('-')}-{secrets.token_hex(3)}"
    try:
        folder.rename(target)
    except FileNotFoundError as error:
        raise _missing(entry) from error
    except OSError as error:
        raise CheckpointError(
            f"'{entry.id}' could not be restored: {error.strerror or error}; it is still in the trash."
        ) from error
    _flush(store, place)
    _remove_empty(place)
    return read_record(target)


def purge(entries: Sequence[TrashEntry]) -> int:
    """Delete runs of the trash for good, each out of reach at once and whole; also what an earlier purge left over.

    Returns:
        Bytes freed. An entry that is no longer in the trash frees none.

    Raises:
        CheckpointError: one cannot be deleted; those before it are gone, those after it are still there.
    """
    freed = 0
    for entry in entries:
        folder = entry.record.folder
        gone = folder.parent.with_name(f"{_GONE}{entry.name}-{folder.name}")
        try:
            folder.rename(gone)
            _flush(gone.parent)
            _remove_empty(folder.parent)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise CheckpointError(
                f"'{entry.id}' could not be deleted: {error.strerror or error}; it is still in the trash."
            ) from error
        try:
            shutil.rmtree(gone)
        except OSError as error:
            raise CheckpointError(
                f"'{entry.id}' could not be deleted whole: {error.strerror or error}; empty the trash again "
                "when that is mended."
            ) from error
        freed += entry.size
    for trash in {entry.record.folder.parent.parent for entry in entries}:
        for left in trash.glob(f"{_GONE}*"):
            shutil.rmtree(left, ignore_errors=True)
    return freed


def _trash_of(store: Path) -> Path:
    trash = store / TRASH
    if trash.is_symlink():
        raise CheckpointError(
            f"The trash {one_line(trash)} is a link, and links are not followed: put a folder in its place."
        )
    return trash


def _time_of(place: Path) -> datetime | None:
    """When the run in a folder of the trash was deleted; None where the folder's name is none of ours."""
    found = _ENTRY.fullmatch(place.name)
    try:
        return datetime.strptime(found[1], _TIME).replace(tzinfo=UTC) if found else None
    except ValueError:  # the 99th of a month
        return None


def _described(folder: Path) -> TrashEntry:
    time = _time_of(folder.parent)
    assert time is not None
    return TrashEntry(
        name=folder.parent.name,
        deleted=time.isoformat(timespec="seconds"),
        record=read_record(folder),
        size=disk_use(folder),
    )


def _missing(entry: TrashEntry) -> CheckpointError:
    return CheckpointError(
        f"'{entry.id}' is no longer in the trash: it was restored, or the trash was emptied; look at the list again."
    )


def _flush(*folders: Path) -> None:
    """Make renames last through a power cut; where a system cannot, the rename itself still stands."""
    for folder in folders:
        with contextlib.suppress(OSError):
            flush_folder(folder)


def _remove_empty(place: Path) -> None:
    with contextlib.suppress(OSError):  # not empty, or not there
        place.rmdir()
