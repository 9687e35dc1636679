"""Tickets of training jobs: files in `<store>/.jobs/`, so that every process sees the same. No torch in here.

A job is one run's training by a process of its own. `<run>.json` is its ticket, `<run>.lock` is held by its process for
life, `<run>.log` is what that process says. A slot is a device, and `_slot-<device>.lock` is held by the one job that
trains there. Tickets change under `_queue.lock` alone.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.config import RunConfig
from core.errors import CheckpointError, ConfigError
from core.files import one_line, read_json, write_json
from core.jobs import held, seconds_since
from core.store import ID_PATTERN, NAME_LIMIT

JOBS = ".jobs"
GRACE = 60.0
"""Seconds that a process has from its start until it holds its lock; until then it is believed to live"""
BUSY = 20.0
"""Seconds that a change of the queue waits for others: each takes milliseconds"""

STARTED: dict[Path, subprocess.Popen[bytes]] = {}
"""Processes started here, by their ticket: whether they live is known at once"""


class Ticket(BaseModel):
    """What is to be trained, and what came of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    order: int
    """Of submission"""
    submitted: str
    """UTC, ISO 8601"""
    slot: str
    name: str = Field(max_length=NAME_LIMIT)
    config: RunConfig
    recipe: str | None = None
    sweep: str | None = None
    resume: bool = False
    """Whether the run is there and goes on"""
    epochs: int | None = Field(default=None, ge=1)
    """To go on to, where it goes on to more than it was to have"""
    state: Literal["queued", "started", "finished", "stopped", "diverged", "failed"] = "queued"
    reason: str | None = None
    stop: bool = False
    """Whether somebody asked it to stop"""
    started: str | None = None
    pid: int | None = None

    @property
    def waits_or_works(self) -> bool:
        """Whether it is not over, as far as it says itself."""
        return self.state in ("queued", "started")


@dataclass(frozen=True)
class Place:
    """Where the files of a job are."""

    store: Path
    id: str
    """Of the run, and so of the job"""

    @property
    def ticket(self) -> Path:
        """What is to be trained."""
        return self.store / JOBS / f"{self.id}.json"

    @property
    def lock(self) -> Path:
        """Held by the process, from its start to its end."""
        return self.store / JOBS / f"{self.id}.lock"

    @property
    def log(self) -> Path:
        """What the process says on stderr."""
        return self.store / JOBS / f"{self.id}.log"

    @property
    def run(self) -> Path:
        """Folder of the run."""
        return self.store / self.id

    def slot(self, name: str) -> FileLock:
        """The lock of a slot of its store."""
        return FileLock(self.store / JOBS / f"_slot-{name.replace(':', '-')}.lock")


def slot_of(device: str) -> str:
    """Name the slot of a device as it was chosen: 'cpu', 'cuda:0', ...

    What 'auto' means is guessed without torch, which a process that waits does not load: a GPU is taken to be there
    where its driver is. A wrong guess (a build of torch for the CPU beside a GPU) only means another queue.
    """
    if device == "auto":
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1")
        driver = any(Path("/dev").glob("nvidia[0-9]*")) or shutil.which("nvidia-smi") is not None
        return "cuda:0" if driver and not hidden else "cpu"
    return "cuda:0" if device == "cuda" else device


def read_ticket(place: Place) -> Ticket:
    """Read a job's ticket.

    Raises:
        CheckpointError: missing or damaged.
    """
    told = read_json(place.ticket)
    try:
        return Ticket.model_validate(told)
    except (ValidationError, ConfigError) as error:
        raise CheckpointError(
            f"'{place.ticket.name}' is damaged ({one_line(str(error))}): forget this job, and start it again."
        ) from error


Tickets = dict[Place, Ticket | CheckpointError]
"""Jobs by where they are; one that cannot be read is there with the error"""


def tickets(store: Path) -> Tickets:
    """All jobs of a store."""
    found: Tickets = {}
    for path in sorted((store / JOBS).glob("*.json")):
        place = Place(store, path.stem)
        if ID_PATTERN.fullmatch(path.stem):
            try:
                found[place] = read_ticket(place)
            except CheckpointError as error:
                if path.exists():  # else it was forgotten at this moment
                    found[place] = error
    return found


def lives(place: Place, ticket: Ticket) -> bool:
    """Whether the process of a job that is not over waits or works."""
    if held(place.lock):
        return True
    process = STARTED.get(place.ticket)
    if process is not None and process.poll() is not None:
        return False
    # its lock is not there before it takes it for the first time
    return ticket.state == "queued" and not place.lock.exists() and seconds_since(place.ticket) < GRACE


def ahead(ticket: Ticket, known: Tickets) -> list[Ticket]:
    """Those of the known jobs that wait or work in the same slot and were submitted before."""
    return [
        its
        for other, its in known.items()
        if isinstance(its, Ticket)
        and (its.slot, its.waits_or_works) == (ticket.slot, True)
        and its.order < ticket.order
        and lives(other, its)
    ]


@contextlib.contextmanager
def changing(store: Path) -> Iterator[None]:
    """Change tickets, one process at a time.

    Raises:
        CheckpointError: the folder cannot be written, or others hold it for too long.
    """
    try:
        (store / JOBS).mkdir(parents=True, exist_ok=True)
        lock = FileLock(store / JOBS / "_queue.lock")
        lock.acquire(timeout=BUSY)
    except Timeout:
        raise CheckpointError(
            f"The queue of {store} is held by another process for long: try again in a minute."
        ) from None
    except OSError as error:
        raise CheckpointError(
            f"The queue in {store} cannot be written: {error.strerror or error}; choose another store with --store "
            "or VAESCOPE_STORE."
        ) from error
    try:
        yield
    finally:
        lock.release()


def change(place: Place, **values: object) -> Ticket:
    """Change a ticket; only within `changing`.

    Raises:
        CheckpointError: it is gone, or cannot be written.
    """
    ticket = read_ticket(place).model_copy(update=values)
    write_json(place.ticket, ticket.model_dump(mode="json"))
    return ticket
