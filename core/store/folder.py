"""One run folder: made, locked, replaced, appended to and measured; and where the store is."""

import contextlib
import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.errors import CheckpointError, ConfigError
from core.files import flush_name, one_line, parse_json, read_bytes, write_json
from core.jobs import held
from core.store.documents import RunDocument
from core.store.names import ID_PATTERN

HISTORY_LIMIT = 256 * 2**20


def default_store() -> Path:
    """The folder of runs: VAESCOPE_STORE, else `checkpoints/` beside the package."""
    chosen = os.environ.get("VAESCOPE_STORE")
    return Path(os.path.expanduser(chosen)) if chosen else Path(__file__).resolve().parents[2] / "checkpoints"


def store_folder(store: str | Path | None) -> Path:
    """The folder that a caller means by a store: its path, or the default one if it is None or empty.

    Raises:
        ConfigError: it is no path.
    """
    if store is None:
        return default_store()
    if not isinstance(store, str | Path) or "\0" in str(store):
        raise ConfigError(
            f"A store is the path of a folder, not {one_line(repr(store), limit=60)}: give a text or a Path."
        )
    return Path(os.path.expanduser(store)) if store != "" else default_store()


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def run_lock(folder: Path) -> FileLock:
    """The lock that a training process holds for life; the kernel frees it when the process dies."""
    return FileLock(folder / "lock")


def is_locked(folder: Path) -> bool:
    """Whether a living process holds the run's lock."""
    return held(folder / "lock")


def disk_use(folder: Path) -> int:
    """Bytes of all files in a folder and below it; links are neither followed nor counted."""
    total = 0
    for here, _, names in () if folder.is_symlink() else os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # a file that goes while we count
                status = os.lstat(os.path.join(here, name))
                total += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return total


def size_text(size: float) -> str:
    """Write bytes as people read them, with three digits: 412 B, 1.23 kB (1 kB = 1,000 B), 45.6 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} TB" if size < 999.5 else f"{size:,.0f} TB"


def create_folder(store: Path, run_id: str) -> Path:
    """Make an empty run folder.

    Raises:
        CheckpointError: the id is not one of ours, it is there already, or the store cannot be written.
    """
    if not isinstance(run_id, str) or not ID_PATTERN.fullmatch(run_id):
        raise CheckpointError(f"'{one_line(run_id)}' is no run id: use at most 80 of a-z, 0-9 and '-'.")
    folder = store / run_id
    try:
        store.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    except OSError as error:
        raise CheckpointError(
            f"Run folder '{run_id}' could not be made in {store}: {error.strerror or error}; choose another store "
            "with --store or VAESCOPE_STORE."
        ) from error
    flush_name(folder)
    return folder


def write_document(folder: Path, document: RunDocument) -> None:
    """Replace run.json: from here on a reader sees the new state.

    Raises:
        CheckpointError: the disk is full or the folder cannot be written.
    """
    write_json(folder / "run.json", document.model_dump(mode="json"))


def append_history(folder: Path, row: dict[str, Any]) -> None:
    """Append one epoch's row to history.jsonl and flush it to disk.

    Raises:
        CheckpointError: the disk is full or the folder cannot be written.
        ValueError: a number is not finite.
    """
    line = json.dumps(row, allow_nan=False) + "\n"
    try:
        with (folder / "history.jsonl").open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CheckpointError(
            f"history.jsonl could not be written to {folder}: {error.strerror or error}."
        ) from error


def read_history(folder: Path) -> list[dict[str, Any]]:
    """Read the rows of history.jsonl, one an epoch; a last line still being written is left out.

    Raises:
        CheckpointError: a finished line is damaged.
    """
    path = folder / "history.jsonl"
    if not path.exists():
        return []
    lines = read_bytes(path, limit=HISTORY_LIMIT).split(b"\n")
    return [parse_json(line, "history.jsonl") for line in lines[:-1] if line.strip()]
