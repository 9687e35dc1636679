"""The store: run folders, listed, described, annotated, deleted. No torch, no arrays.

`run.json` is the commit point of a run: replaced whole, and last. What a person sets later (name, note, hidden)
lives in `annotations.json`, so that a tracked, bundled run is never changed by looking at it.
"""

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.config import RunConfig
from core.errors import CheckpointError, ConfigError, LockedRun
from core.files import flush_folder, one_line, parse_json, read_bytes, read_json, write_json

FORMAT = 1
ID_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?")
HISTORY_LIMIT = 256 * 2**20
NAME_LIMIT = 120
NOTE_LIMIT = 4000
UNREADABLE = ("damaged", "foreign", "newer")
"""States of folders that cannot be opened; `RunRecord.reason` says why."""


class DataDocument(BaseModel):
    """The part of run.json about the data that a run was trained on."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    dataset: str
    fingerprint: str
    shape: tuple[int, int, int]
    padded: tuple[int, int, int]
    class_names: tuple[str, ...]
    train: int
    validation: int
    test: int


class RunDocument(BaseModel):
    """run.json: what a run is and where its weights are."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    format: int
    id: str
    name: str = Field(max_length=NAME_LIMIT)
    created: str
    updated: str
    state: str = Field(pattern=r"^(running|finished|stopped|diverged|failed)$")
    reason: str | None = None
    bundled: bool = False
    recipe: str | None = None
    sweep: str | None = None
    config: RunConfig
    data: DataDocument
    epoch: int = Field(ge=0)
    weights: str | None = Field(default=None, pattern=r"^model-\d+\.safetensors$")
    parameters: int = Field(ge=0)
    versions: dict[str, str]
    machine: str


@dataclass(frozen=True)
class RunRecord:
    """One row of the listing: a run, or a folder that is not a readable one (`reason` says why)."""

    id: str
    folder: Path
    name: str
    state: str
    """running, interrupted, finished, stopped, diverged, failed; or damaged, foreign, newer"""
    reason: str | None = None
    document: RunDocument | None = None
    scores: dict[str, Any] | None = None
    note: str = ""
    hidden: bool = False
    stamp: str = ""
    """Changes whenever a file that the listing shows has changed: a key for caches."""
    problems: tuple[str, ...] = field(default=())
    """Side files that could not be read; the run itself opens."""

    @property
    def readable(self) -> bool:
        """Whether run.json could be read."""
        return self.document is not None

    @property
    def bundled(self) -> bool:
        """Whether the run came with the project: hidden, never deleted."""
        return self.document is not None and self.document.bundled

    @property
    def config(self) -> RunConfig:
        """Settings of a readable run.

        Raises:
            CheckpointError: the run is not readable.
        """
        if self.document is None:
            raise CheckpointError(f"Run '{self.id}' cannot be opened: {self.reason}")
        return self.document.config


def default_store() -> Path:
    """The folder of runs: VAESCOPE_STORE, else `checkpoints/` beside this package."""
    chosen = os.environ.get("VAESCOPE_STORE")
    return Path(chosen).expanduser() if chosen else Path(__file__).resolve().parent.parent / "checkpoints"


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def clean_name(name: str) -> str:
    """Make a display name one line of visible characters.

    Raises:
        ConfigError: nothing is left, or it is too long.
    """
    plain = one_line(name, limit=max(len(name), NAME_LIMIT))
    if not plain:
        raise ConfigError("A run's name cannot be empty: give it at least one visible character.")
    if len(plain) > NAME_LIMIT:
        raise ConfigError(
            f"A run's name has at most {NAME_LIMIT} characters, this one has {len(plain)}: shorten it."
        )
    return plain


def _plain_note(note: str) -> str:
    """Take out what no text field shows and no UTF-8 file can hold: control characters but new lines and tabs."""
    return "".join(c for c in note if c in "\n\t" or unicodedata.category(c)[0] != "C")


def new_id(name: str) -> str:
    """Make an id of safe characters from a display name, with a random end so that no two collide."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:48].strip("-") or "run"
    return f"{slug}-{secrets.token_hex(3)}"


def run_lock(folder: Path) -> FileLock:
    """The lock that a training process holds for life; the kernel frees it when the process dies."""
    return FileLock(folder / "lock")


def is_locked(folder: Path) -> bool:
    """Whether a living process holds the run's lock."""
    if not (folder / "lock").exists():
        return False
    lock = run_lock(folder)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    except OSError:
        # a read-only store, say: nobody can be training in it
        return False
    lock.release()
    return False


def create_folder(store: Path, run_id: str) -> Path:
    """Make an empty run folder.

    Raises:
        CheckpointError: the id is not one of ours, it is there already, or the store cannot be written.
    """
    if not ID_PATTERN.fullmatch(run_id):
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
    flush_folder(store)
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


def _stamp(folder: Path) -> str:
    parts = []
    for name in ("run.json", "scores.json", "annotations.json", "history.jsonl"):
        try:
            status = (folder / name).stat()
            parts.append(f"{status.st_mtime_ns}:{status.st_size}")
        except OSError:
            parts.append("-")
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def _read_document(folder: Path) -> RunDocument:
    value = read_json(folder / "run.json")
    version = value.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise NewerFormat(
            f"It was written in format {version}, newer than {FORMAT}: update VAEScope to open it."
        )
    try:
        return RunDocument.model_validate(value)
    except (ValidationError, ConfigError) as error:
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "run.json"
            detail = f"'{one_line(where, limit=80)}': {first['msg']}"
        else:
            detail = str(error).rstrip(".")
        raise CheckpointError(
            f"run.json is damaged or not ours ({one_line(detail)}): restore it from a copy, or delete the run."
        ) from error


class NewerFormat(CheckpointError):
    """A run was written by a later release."""


def _annotations(folder: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    path = folder / "annotations.json"
    if not path.exists():
        return {}, ()
    try:
        return read_json(path), ()
    except CheckpointError as error:
        return {}, (str(error),)


def _checked_scores(scores: dict[str, Any], latent: int) -> dict[str, Any]:
    """Refuse scores whose shape would trip a reader: splits are objects of numbers, null, or a number a dimension."""
    for split in ("train", "validation", "test"):
        for name, value in (
            scores.get(split, {}) if isinstance(scores.get(split, {}), dict) else {"": ""}
        ).items():
            listed = isinstance(value, list) and len(value) == latent
            if not all(one is None or type(one) in (int, float) for one in (value if listed else [value])):
                raise CheckpointError(
                    f"'scores.json' is damaged: '{one_line(f'{split} {name}', limit=60)}' is no score; "
                    "evaluate the run again, or restore the file from a copy."
                )
    return scores


def read_record(folder: Path) -> RunRecord:
    """Describe one folder; a broken one is described as broken, with the reason, never raised."""
    # a folder's name may hold anything, bytes that are no text too: shown, it is one line of plain characters
    shown = one_line(folder.name, limit=NAME_LIMIT) or "(no visible name)"
    if folder.is_symlink():
        return RunRecord(shown, folder, shown, "foreign", "It is a link, and links are not followed.")
    if not ID_PATTERN.fullmatch(folder.name):
        reason = "Its folder's name has other characters than a-z, 0-9 and '-': rename the folder to open it."
        return RunRecord(shown, folder, shown, "foreign", reason)
    if not (folder / "run.json").exists():
        reason = "It has no run.json, so it is not a run of VAEScope: move it elsewhere."
        return RunRecord(folder.name, folder, folder.name, "foreign", reason)
    annotations, problems = _annotations(folder)
    name = one_line(annotations.get("name") or "", limit=NAME_LIMIT)
    note = _plain_note(str(annotations.get("note") or ""))[:NOTE_LIMIT]
    hidden, stamp = annotations.get("hidden") is True, _stamp(folder)
    try:
        document = _read_document(folder)
    except CheckpointError as error:
        state = "newer" if isinstance(error, NewerFormat) else "damaged"
        return RunRecord(
            folder.name, folder, name or folder.name, state, str(error), note=note, hidden=hidden, stamp=stamp
        )
    state, why = document.state, document.reason
    if state == "running" and not is_locked(folder):
        state = "interrupted"
        why = f"Training ended without a word after epoch {document.epoch}; the weights of that epoch open."
    elif document.weights and not (folder / document.weights).is_file():
        state = "damaged"
        why = f"{document.weights} is missing: restore it from a copy, or delete the run."
    scores = None
    if (folder / "scores.json").exists():
        try:
            scores = _checked_scores(read_json(folder / "scores.json"), document.config.latent)
        except CheckpointError as error:
            problems = (*problems, str(error))
    return RunRecord(
        id=folder.name,
        folder=folder,
        name=name or one_line(document.name, limit=NAME_LIMIT) or folder.name,
        state=state,
        reason=why,
        document=document,
        scores=scores,
        note=note,
        hidden=hidden,
        stamp=stamp,
        problems=problems,
    )


def list_runs(store: Path | None = None) -> list[RunRecord]:
    """Describe every folder of a store, newest first; broken ones last. A store that is not there is empty."""
    root = store or default_store()
    if not root.is_dir():
        return []
    records = []
    for folder in root.iterdir():
        if folder.name.startswith((".", "_")) or not folder.is_dir():
            continue
        try:
            if not folder.is_symlink() and {item.name for item in folder.iterdir()} <= {"lock"}:
                continue  # about to become a run: its first run.json is not there yet
            records.append(read_record(folder))
        except OSError as error:
            shown = one_line(folder.name, limit=NAME_LIMIT)
            reason = f"It cannot be read: {one_line(error.strerror or error)}."
            records.append(RunRecord(shown, folder, shown, "damaged", reason))
    records.sort(key=lambda record: record.id)
    records.sort(key=lambda record: record.document.created if record.document else "", reverse=True)
    return records


def find(run: str | Path, store: Path | None = None) -> Path:
    """Find a run's folder from its id in the store, or from a path.

    Raises:
        CheckpointError: there is no such run; the sentence lists some that are.
    """
    root = store or default_store()
    if isinstance(run, str) and ID_PATTERN.fullmatch(run) and (root / run).is_dir():
        return root / run
    with contextlib.suppress(OSError, ValueError):  # a name too long, or with a zero byte, is no path
        if (Path(run) / "run.json").is_file():
            return Path(run).resolve()
    known = [record.id for record in list_runs(root) if record.readable]
    listing = f"those there are: {', '.join(known[:12])}" if known else "it is empty"
    raise CheckpointError(f"There is no run '{one_line(run, limit=NAME_LIMIT)}' in {root}: {listing}.")


def annotate(
    folder: Path, *, name: str | None = None, note: str | None = None, hidden: bool | None = None
) -> RunRecord:
    """Set a run's display name, note, or whether listings hide it; None leaves a value alone.

    Raises:
        ConfigError: the name is empty or too long, or the note too long.
        CheckpointError: the folder cannot be written.
    """
    values, _ = _annotations(folder)
    if name is not None:
        values["name"] = clean_name(name)
    if note is not None:
        if len(note) > NOTE_LIMIT:
            raise ConfigError(
                f"A note has at most {NOTE_LIMIT} characters, this one has {len(note)}: shorten it."
            )
        values["note"] = _plain_note(note)
    if hidden is not None:
        values["hidden"] = hidden
    write_json(folder / "annotations.json", values)
    return read_record(folder)


def delete_run(record: RunRecord) -> None:
    """Delete a run folder for good; it leaves the listing at once, whole.

    Raises:
        LockedRun: a process is training it.
        CheckpointError: it is bundled, or not a run folder of ours.
    """
    if record.bundled:
        raise CheckpointError(f"'{record.name}' came with VAEScope and is read-only: hide it instead.")
    folder = record.folder
    if record.state == "foreign" or folder.is_symlink() or not (folder / "run.json").is_file():
        raise CheckpointError(
            f"'{record.id}' is not a run of VAEScope: delete it by hand if it is not needed."
        )
    if is_locked(folder):
        raise LockedRun(
            f"'{record.name}' is being trained by another process: stop that first, then delete it."
        )
    trash = folder.with_name(f".deleted-{folder.name}-{secrets.token_hex(3)}")
    try:
        folder.rename(trash)
        shutil.rmtree(trash)
    except OSError as error:
        raise CheckpointError(f"'{record.id}' could not be deleted: {error.strerror or error}.") from error
