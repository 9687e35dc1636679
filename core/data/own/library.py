"""The data sets that a person added: where they lie, what each is, and their arrays as they were stored.

`<data folder>/own/<id>/` holds `request.json` (what was asked for), then `values.npy` and `labels.npy` (the training
rows first, then the test rows), `left-out.json` (what could not be used) and, last and whole, `data.json`: a folder
without it is no data set yet. The id is random; the name is data.
"""

import contextlib
import re
import secrets
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from core.data.files import data_folder
from core.data.own.options import Limits, Options
from core.errors import CheckpointError, ConfigError, DataError
from core.files import one_line, read_json, write_json
from core.jobs import Job, JobState, read_job, stop_job

FORMAT = 1
NAME_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?")
ID_PATTERN = re.compile(r"own-[0-9a-f]{10}")
LEFT_OUT_KEPT = 10_000
"""Items left out that are kept by name; all are counted"""
PATIENCE = 5.0
STATES = {
    "running": "is being read",
    "looked": "was looked at, and is not added yet",
    "interrupted": "was cut off before it was complete: nothing is added yet",
    "stopped": "was stopped before it was complete: nothing is added yet",
    "failed": "could not be added",
    "broken": "cannot be read",
    "ready": "is complete",
}
"""The end of a sentence about a data set"""


class Request(BaseModel):
    """What was asked for: a source and how to read it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    name: str
    path: str
    called: str = ""
    """Name that an uploaded file had where it came from; text only, never a path"""
    created: str
    look: bool
    """Whether a sample is to be shown, and nothing added yet"""
    options: Options
    limits: Limits


class Document(BaseModel):
    """What a data set is: `data.json`, the commit point."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    name: str
    kind: Literal["image", "vector"]
    shape: tuple[int, int, int]
    """(C, H, W); of vectors (1, 1, values)"""
    class_names: tuple[str, ...]
    columns: tuple[str, ...] = ()
    """Of vectors: names of their values, where the source has any"""
    low: tuple[float, ...] = ()
    """Of vectors: value of each column that is stored as 0"""
    high: tuple[float, ...] = ()
    """And as 1"""
    train: int
    test: int
    unlabelled: int
    fingerprint: str
    what: str
    own_split: bool
    """Whether the source had a split of its own"""
    left_out_count: int
    """Items that could not be used; `left_out` names them"""
    created: str


@dataclass(frozen=True)
class OwnSet:
    """A data set that a person added, or one on its way."""

    folder: Path
    request: Request
    document: Document | None
    job: JobState
    reason: str | None = None
    """Why it cannot be read"""

    @property
    def id(self) -> str:
        """Name of its folder."""
        return self.folder.name

    @property
    def name(self) -> str:
        """As people call it."""
        return self.request.name

    @property
    def said(self) -> str:
        """How it is: the end of a sentence about it, with the reason where it failed."""
        why = self.reason or self.job.error
        return f"{STATES[self.state]}: {why}" if why else f"{STATES[self.state]}."

    @property
    def origin(self) -> str:
        """Where it came from, for people: a path, or the name of an uploaded file, which is not kept."""
        return self.request.called or self.request.path

    @property
    def job_files(self) -> Job:
        """Where its import tells how far it is."""
        return job_of(self.folder)

    @property
    def state(self) -> str:
        """'ready', 'running', 'looked' (a sample can be seen), 'interrupted', 'stopped', 'failed' or 'broken'."""
        if self.reason is not None:
            return "broken"
        if self.document is not None:
            return "ready"
        if self.job.state == "none":
            return "looked" if self.request.look and (self.folder / "look.json").exists() else "interrupted"
        return self.job.state


def own_folder() -> Path:
    """Where a person's data sets lie."""
    return data_folder() / "own"


def job_of(folder: Path) -> Job:
    """The job that reads the source of a data set."""
    return Job(folder, "import")


def clean_data_name(name: str, taken: tuple[str, ...]) -> str:
    """Check the name of a data set.

    Args:
        name: as a person gave it.
        taken: names that other data sets have.

    Raises:
        ConfigError: it has other characters than a command line and a link take as they are, or it is taken.
    """
    if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name):
        raise ConfigError(
            f"A data set cannot be called '{one_line(name, limit=60)}': use 1 to 40 of a-z, 0-9, '-' and '_', a letter "
            "or digit first and last."
        )
    if name in taken:
        raise ConfigError(
            f"There is a data set '{name}' already: choose another name, or delete that one first "
            f"(`python -m core data delete {name}`)."
        )
    return name


@contextlib.contextmanager
def _alone() -> Any:
    """Nobody else adds or deletes meanwhile, so that a name is given once.

    Raises:
        DataError: the folder cannot be written, or another process holds it for long.
    """
    folder = own_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise DataError("Another process is changing the data sets: try again in a moment.") from None
    except OSError as error:
        raise DataError(
            f"Data sets cannot be stored in '{folder}' ({error.strerror or error}): make that folder writable, or set "
            "VAESCOPE_DATA to one that is."
        ) from None
    try:
        yield
    finally:
        lock.release()


def stage(
    name: str,
    path: Path | None,
    options: Options,
    limits: Limits,
    *,
    look: bool,
    builtin: tuple[str, ...],
    upload: str = "",
    called: str = "",
) -> OwnSet:
    """Make the folder of a data set that is to be read.

    Args:
        name: what it shall be called.
        path: its source; None for a file that the caller puts into the folder, see `upload`.
        options: how to read it.
        limits: for the process that reads.
        look: whether only a sample is wanted.
        upload: ending of that file, such as ".npz"; `request.path` of what is returned says where it goes.
        called: name that it had where it came from.
        builtin: names that are taken by others.

    Raises:
        ConfigError: the name cannot be used, or the path has characters that no text file can hold.
        DataError: the folder cannot be written.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"'{one_line(path)}' has a name that is no UTF-8: rename the folder or file first."
        ) from None
    with _alone():
        clean_data_name(name, (*builtin, *(one.name for one in list_own())))
        folder = own_folder() / f"own-{secrets.token_hex(5)}"
        try:
            folder.mkdir()
        except OSError as error:
            raise DataError(f"'{folder}' could not be made ({error.strerror or error}).") from None
        try:
            source = path or folder / f"upload{upload}"
            return ask(folder, name, source, options, limits, look=look, called=one_line(called))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def ask(
    folder: Path, name: str, path: Path, options: Options, limits: Limits, *, look: bool, called: str = ""
) -> OwnSet:
    """Write what is asked for into a data set's folder."""
    request = Request(
        format=FORMAT,
        name=name,
        path=str(path.absolute()),
        called=called,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        look=look,
        options=options,
        limits=limits,
    )
    write_json(folder / "request.json", request.model_dump(mode="json"))
    return read_own(folder)


def read_own(folder: Path) -> OwnSet:
    """Describe one folder; a broken one is described as broken, with the reason.

    Raises:
        DataError: it holds no request, so nobody knows what it is.
    """
    try:
        request = Request.model_validate(read_json(folder / "request.json"))
    except (CheckpointError, ValidationError, ConfigError):
        raise DataError(
            f"'{one_line(folder.name)}' is no data set of ours: its request.json is missing or damaged."
        ) from None
    document, reason = None, None
    if (folder / "data.json").exists():
        try:
            document = Document.model_validate(read_json(folder / "data.json"))
        except (CheckpointError, ValidationError) as error:
            wrong = str(error)
            if isinstance(error, ValidationError):
                first = error.errors()[0]
                wrong = f"'{'.'.join(map(str, first['loc']))}': {first['msg']}"
            reason = (
                f"data.json is damaged ({one_line(wrong, limit=120)}): delete the data set and add it again."
            )
    job = JobState("none") if document else read_job(job_of(folder))
    return OwnSet(folder, request, document, job, reason)


def list_own() -> list[OwnSet]:
    """Describe all data sets that were added or are on their way, by name."""
    found = []
    with contextlib.suppress(OSError):
        for folder in sorted(own_folder().iterdir()):
            if ID_PATTERN.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
                with contextlib.suppress(DataError):
                    found.append(read_own(folder))
    return sorted(found, key=lambda one: one.name)


def find_own(name: str) -> OwnSet:
    """The data set of a name or id.

    Raises:
        ConfigError: there is none.
    """
    sets = list_own()
    for one in sets:
        if name in (one.name, one.id):
            return one
    names = ", ".join(one.name for one in sets)
    raise ConfigError(
        f"You added no data set '{one_line(name, limit=60)}'{f': choose one of {names}' if names else ' yet'}."
    )


def delete_own(own: OwnSet) -> None:
    """Delete a data set, or one on its way; its process is ended first.

    Raises:
        DataError: it cannot be deleted.
        CheckpointError: its process does not end.
    """
    stop_job(job_of(own.folder))
    with _alone():
        try:
            # what makes it a data set goes first: one half deleted is none
            for name in ("data.json", "request.json"):
                (own.folder / name).unlink(missing_ok=True)
            if own.folder.exists():  # else another process did it
                shutil.rmtree(own.folder)
        except OSError as error:
            raise DataError(
                f"Data set '{own.name}' could not be deleted ({error.strerror or error}): delete its folder "
                f"{own.folder} by hand."
            ) from None


def left_out(own: OwnSet) -> tuple[tuple[str, str], ...]:
    """Items of a data set's source that could not be used, the first `LEFT_OUT_KEPT` of them: (name, why).

    Raises:
        DataError: the list is damaged.
    """
    path = own.folder / "left-out.json"
    try:
        return tuple((str(name), str(why)) for name, why in read_json(path)["items"]) if path.exists() else ()
    except (CheckpointError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"The list of what was left out of '{own.name}' is damaged ({one_line(error, limit=100)}); "
            "the data are not."
        ) from None


def arrays(own: OwnSet) -> tuple[np.ndarray, np.ndarray]:
    """Values and labels of a data set, the training rows first.

    Returns:
        Memory-mapped (N, C, H, W), uint8 for images and float32 for vectors; and int64 (N,), -1 = no label.

    Raises:
        DataError: a file is missing or not what data.json says.
    """
    assert own.document is not None
    rows, dtype = (
        own.document.train + own.document.test,
        np.uint8 if own.document.kind == "image" else np.float32,
    )
    try:
        values = np.load(own.folder / "values.npy", mmap_mode="r", allow_pickle=False)
        labels = np.load(own.folder / "labels.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"The files of data set '{own.name}' cannot be read ({one_line(error, limit=100)}): delete it and "
            "add it again."
        ) from None
    if values.shape != (rows, *own.document.shape) or values.dtype != dtype or labels.shape != (rows,):
        raise DataError(
            f"The files of data set '{own.name}' are not what its data.json says: delete it and add it again."
        )
    return values, labels.astype(np.int64)
