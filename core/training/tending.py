"""What is done to training jobs: stopped, forgotten, queued again; and the end of what they said. No torch in here."""

import os
import signal
from pathlib import Path

from core.errors import CheckpointError, LockedRun
from core.files import one_line
from core.jobs import signal_holder
from core.store import store_folder
from core.training.jobs import TrainingJob, job
from core.training.queue import submit
from core.training.status import STATUS, read_status
from core.training.tickets import Place, change, changing, read_ticket

TAIL = 64 * 2**10
"""Bytes at the end of a log that are looked at"""
LINE = 500
"""Characters of a line of the log that are shown"""


def stop(job_id: str, store: str | Path | None = None, *, now: bool = False) -> TrainingJob:
    """Take a job off the queue, or ask its process to save and stop; one that is over is left as it is.

    The process ends when it has saved: `job` says when.

    Args:
        job_id: of the job.
        store: its store.
        now: end the process at once, without saving: for one that does not answer.

    Returns:
        The job, as it is right after.

    Raises:
        CheckpointError: there is no such job, or the store cannot be written.
    """
    one = job(job_id, store)
    place = Place(store_folder(store).resolve(), one.id)
    sent = getattr(signal, "SIGKILL", signal.SIGTERM) if now else signal.SIGTERM
    told = not one.active
    if not told and one.slot is not None:
        with changing(place.store):
            ticket = read_ticket(place)
            told = ticket.waits_or_works
            if ticket.state == "queued":
                change(place, state="stopped", reason="It was taken off the queue.", stop=True)
            elif ticket.state == "started":
                change(place, stop=True)
                signal_holder(place.lock, ticket.pid, sent)
    if not told and (status := read_status(place.run)):  # it is trained in a terminal
        signal_holder(place.run / "lock", status.pid, sent)
    return job(job_id, store)


def tail(job_id: str, store: str | Path | None = None, *, lines: int = 40) -> list[str]:
    """Read the last lines of a job's log, each one line of visible characters; none where there is no log.

    Raises:
        CheckpointError: there is no such job, or its log cannot be read.
    """
    place = Place(store_folder(store).resolve(), job(job_id, store).id)
    try:
        with place.log.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - TAIL))
            text = file.read(TAIL).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CheckpointError(f"'{place.log.name}' cannot be read: {error.strerror or error}.") from error
    whole = text.splitlines()[1 if size > TAIL else 0 :]
    plain = [one_line(line, limit=LINE) for line in whole]
    return [line for line in plain if line][-lines:]


def forget(job_id: str, store: str | Path | None = None) -> None:
    """Remove what is kept of a job that is over; its run stays.

    Raises:
        LockedRun: it is not over.
        CheckpointError: there is no such job, or its files cannot be removed.
    """
    one = job(job_id, store)
    place = Place(store_folder(store).resolve(), one.id)
    with changing(place.store):
        if job(job_id, store).active:
            raise LockedRun(f"Job '{one.id}' is {one.state}: stop it first.")
        try:
            for path in (place.ticket, place.log, place.lock, place.run / STATUS):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise CheckpointError(
                f"Job '{one.id}' could not be forgotten: {error.strerror or error}."
            ) from error


def again(job_id: str, store: str | Path | None = None) -> str:
    """Queue a job again whose run has not begun: it was killed or stopped while it waited, or failed before.

    Raises:
        LockedRun: it is not over.
        CheckpointError: there is no such job, or its run is there, and can be resumed instead.
    """
    one = job(job_id, store)
    if one.active:
        raise LockedRun(f"Job '{one.id}' is {one.state} already: wait for it, or stop it.")
    ticket = read_ticket(Place(store_folder(store).resolve(), one.id))
    if ticket.resume:
        return submit(None, resume=one.id, epochs=ticket.epochs, store=store)
    if one.begun:
        raise CheckpointError(f"Run '{one.id}' has begun: `python -m core resume {one.id}` goes on with it.")
    return submit(
        ticket.config,
        name=ticket.name,
        recipe=ticket.recipe,
        sweep=ticket.sweep,
        store=store,
        run_id=one.id,
    )
