"""The queue of training jobs: files in `<store>/.jobs/`, so that every process sees the same. No torch in here.

A job is one run's training by a process of its own. `<run>.json` is its ticket, `<run>.lock` is held by its process for
life, `<run>.log` is what that process says. A slot is a device, and `_slot-<device>.lock` is held by the one job that
trains there; the others wait in the order of their tickets. A process that waits looks at the files once a second, and
one that was killed holds no lock, so that nobody waits for it. Tickets change under `_queue.lock` alone.

A run that is trained in a terminal, without --detach, waits for nobody: who started it sees it.
"""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.config import RunConfig
from core.errors import CheckpointError, ConfigError, Diverged, LockedRun, VAEScopeError
from core.files import one_line, read_json, write_json
from core.jobs import PATIENCE, held, launch, seconds_since
from core.store import (
    ID_PATTERN,
    NAME_LIMIT,
    clean_name,
    find,
    is_locked,
    new_id,
    now,
    read_record,
    store_folder,
)

JOBS = ".jobs"
POLL = 1.0
"""Seconds between two looks of a process that waits"""
GRACE = 60.0
"""Seconds that a process has from its start until it holds its lock; until then it is believed to live"""
BUSY = 20.0
"""Seconds that a change of the queue waits for others: each takes milliseconds"""

_STARTED: dict[Path, subprocess.Popen[bytes]] = {}
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


def tickets(store: Path) -> dict[Place, Ticket | CheckpointError]:
    """All jobs of a store; one that cannot be read is there with the error."""
    found: dict[Place, Ticket | CheckpointError] = {}
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
    process = _STARTED.get(place.ticket)
    if process is not None and process.poll() is not None:
        return False
    # its lock is not there before it takes it for the first time
    return ticket.state == "queued" and not place.lock.exists() and seconds_since(place.ticket) < GRACE


def ahead(place: Place, ticket: Ticket) -> list[Place]:
    """Jobs that wait or work in the same slot and were submitted before."""
    return [
        other
        for other, its in tickets(place.store).items()
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


def submit(
    config: RunConfig | None,
    *,
    name: str | None = None,
    recipe: str | None = None,
    sweep: str | None = None,
    store: str | Path | None = None,
    resume: str | Path | None = None,
    epochs: int | None = None,
    run_id: str | None = None,
) -> str:
    """Queue a run's training, and start the process that waits for its turn; it outlives this one.

    Args:
        config: every setting; None where a run goes on, which has its own.
        name: display name; the recipe's or the family's if None.
        recipe: name of the recipe that the config came from.
        sweep: name shared by the runs of one sweep.
        store: folder of runs; the default one if None.
        resume: a run that goes on, by its id or folder, in place of a new one.
        epochs: to go on to, if more than it was to have.
        run_id: id of the new run; made from the name if None.

    Returns:
        The id of the run, which is the job's too.

    Raises:
        ConfigError: an argument is not what it should be.
        LockedRun: this run is queued or in training already.
        CheckpointError: there is a run of this id already, none that could go on, or the store cannot be written.
    """
    root = store_folder(store).resolve()
    if resume is not None:
        record = read_record(find(resume, root))
        if record.bundled or record.folder.parent.resolve() != root:
            raise CheckpointError(
                f"Run '{record.id}' cannot go on in {root}: it came with VAEScope, or lies in another store."
            )
        place, config = Place(root, record.id), record.config
        name, recipe = record.name, record.document.recipe if record.document else None
    elif isinstance(config, RunConfig):
        name = clean_name(name if name is not None else recipe or config.family)
        place = Place(root, run_id if run_id is not None else new_id(name))
    else:
        raise ConfigError("A job is submitted with a RunConfig: give core.recipe('digits-vae').config, say.")
    if not isinstance(place.id, str) or not ID_PATTERN.fullmatch(place.id):
        raise CheckpointError(f"'{one_line(place.id)}' is no run id: use at most 80 of a-z, 0-9 and '-'.")
    with changing(root):
        known = tickets(root)
        before = known.get(place)
        waits = isinstance(before, Ticket) and before.waits_or_works and lives(place, before)
        # the process of a job that was stopped lives on for a moment
        if waits or held(place.lock) or is_locked(place.run):
            raise LockedRun(f"Run '{place.id}' is queued or in training already: wait for it, or stop it.")
        if resume is None and place.run.exists():
            raise CheckpointError(f"There is a run '{place.id}' already: choose another id.")
        ticket = Ticket(
            order=1 + max((its.order for its in known.values() if isinstance(its, Ticket)), default=0),
            submitted=now(),
            slot=slot_of(config.device),
            name=name,
            config=config,
            recipe=recipe,
            sweep=sweep,
            resume=resume is not None,
            epochs=epochs,
        )
        place.lock.unlink(missing_ok=True)
        write_json(place.ticket, ticket.model_dump(mode="json"))
        try:
            words = ["jobs", "work", place.id, "--store", str(root)]
            _STARTED[place.ticket] = launch(words, log=place.log)
        except CheckpointError:
            place.ticket.unlink(missing_ok=True)
            raise
    return place.id


def work(job_id: str, store: str | Path | None, task: Callable[[Ticket], object]) -> bool:
    """Be the process of a job: wait for its turn, do it, and say in its ticket how it ended.

    Args:
        job_id: of the job.
        store: that it was submitted to.
        task: trains what the ticket says; what it raises is passed on.

    Returns:
        Whether its turn came; else it was taken off the queue.

    Raises:
        LockedRun: another process is this job's.
        CheckpointError: there is no such job, or its files cannot be read or written.
    """
    place = Place(store_folder(store).resolve(), job_id)
    if not ID_PATTERN.fullmatch(job_id) or not place.ticket.is_file():
        raise CheckpointError(f"There is no job '{one_line(job_id)}': submit it first.")
    lock = FileLock(place.lock)
    try:
        # whoever asks whether it is held holds it for a moment
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise LockedRun(
            f"Another process works on job '{job_id}' already: wait for it, or stop it."
        ) from None
    try:
        slot = _turn(place)
        if slot is None:
            return False
        try:
            _do(place, task)
        finally:
            slot.release()
        return True
    finally:
        lock.release()


def _turn(place: Place) -> FileLock | None:
    """Wait until nobody is ahead and the slot is free, and take it; None where the job was taken off the queue."""
    while True:
        try:
            ticket = read_ticket(place)
        except CheckpointError:
            return None
        if ticket.state != "queued":
            return None
        if not ahead(place, ticket):
            slot = FileLock(place.store / JOBS / f"_slot-{ticket.slot.replace(':', '-')}.lock")
            try:
                slot.acquire(blocking=False)
            except Timeout:
                pass
            else:
                if _begins(place):
                    return slot
                slot.release()
                return None
        time.sleep(POLL)


def _begins(place: Place) -> bool:
    """Mark a job as started, unless it was taken off the queue at the last moment."""
    with contextlib.suppress(CheckpointError), changing(place.store):
        if read_ticket(place).state == "queued":
            change(place, state="started", started=now(), pid=os.getpid())
            return True
    return False


def _do(place: Place, task: Callable[[Ticket], object]) -> None:
    try:
        task(read_ticket(place))
    except BaseException as error:
        _ends(place, *_how(error))
        raise
    record = read_record(place.run)
    reason = record.reason if record.document else None
    _ends(place, "stopped" if record.state == "stopped" else "finished", reason)


def _how(error: BaseException) -> tuple[str, str]:
    """How a job ended that an error ended, and why in a sentence."""
    if isinstance(error, KeyboardInterrupt):
        return "stopped", "It was stopped by hand."
    if isinstance(error, VAEScopeError):
        return "diverged" if isinstance(error, Diverged) else "failed", str(error)
    if isinstance(error, MemoryError):
        return "failed", "The memory was not enough: choose smaller settings (hidden, latent, batch_size)."
    return "failed", f"{type(error).__name__}: {one_line(error)}; the log has the details."


def _ends(place: Place, state: str, reason: str | None) -> None:
    # forgotten by hand, or on a full disk: then the run's own state is what is told
    with contextlib.suppress(CheckpointError), changing(place.store):
        change(place, state=state, reason=reason)
