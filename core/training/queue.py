"""The queue of training jobs: a process for each, which waits for its turn. No torch in here.

One job trains in a slot at a time; the others wait in the order of their tickets. A process that waits looks at the
files once a second, and one that was killed holds no lock, so that nobody waits for it. A run that is trained in a
terminal, without --detach, waits for nobody: who started it sees it.
"""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from core.config import RunConfig
from core.errors import CheckpointError, ConfigError, Diverged, LockedRun, VAEScopeError
from core.files import one_line, write_json
from core.jobs import PATIENCE, held, launch
from core.store import (
    ID_PATTERN,
    clean_name,
    find,
    is_locked,
    new_id,
    now,
    read_record,
    store_folder,
    why_not_resumed,
)
from core.training.fit import why_not_fit
from core.training.tickets import (
    STARTED,
    Place,
    Ticket,
    ahead,
    change,
    changing,
    lives,
    read_ticket,
    slot_of,
    tickets,
)

POLL = 1.0
"""Seconds between two looks of a process that waits"""


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
        ConfigError: an argument is not what it should be, or a setting does not fit the data set.
        DataError: there is no such data set.
        LockedRun: this run is queued or in training already.
        CheckpointError: there is a run of this id already, none that could go on, or the store cannot be written.
    """
    root = store_folder(store).resolve()
    if resume is not None:
        record = read_record(find(resume, root))
        if refusal := why_not_resumed(record, epochs=epochs):
            raise refusal
        if record.folder.parent.resolve() != root:
            raise CheckpointError(f"Run '{record.id}' cannot go on in {root}: it lies in another store.")
        place, config = Place(root, record.id), record.config
        name, recipe = record.name, record.document.recipe if record.document else None
    elif isinstance(config, RunConfig):
        if unfit := why_not_fit(config):
            raise unfit
        name = clean_name(name if name is not None else recipe or config.family)
        place = Place(
            root, run_id if run_id is not None else new_id(name, taken=lambda one: _is_taken(root, one))
        )
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
            STARTED[place.ticket] = launch(words, log=place.log)
        except CheckpointError:
            place.ticket.unlink(missing_ok=True)
            raise
    return place.id


def _is_taken(root: Path, one: str) -> bool:
    place = Place(root, one)
    return place.run.exists() or place.ticket.exists()


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
        if not ahead(ticket, tickets(place.store)):
            slot = place.slot(ticket.slot)
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
