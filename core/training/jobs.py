"""Training jobs as people see them: how each is, and what to do next. No torch in here.

What is shown is read from files and locks each time, so that another process, a second tab and a new server see the
same: the tickets of `core.training.tickets`, a run's status.json and run.json. Runs that are trained in a terminal are
listed too, while they train or when they were interrupted.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.config import RunConfig
from core.errors import CheckpointError
from core.files import one_line
from core.store import NAME_LIMIT, RunRecord, first_of, is_locked, read_record, store_folder
from core.training.status import STATUS, Status, read_status
from core.training.tickets import Place, Ticket, Tickets, ahead, lives, read_ticket, tickets

BEGUN = "begun"
NEXT = {
    "queued": "It starts by itself when what is before it on {slot} has ended; stopping takes it off the queue.",
    "running": "It needs nobody, and outlives this window; stopping saves first.",
    "stalled": "Its process lives and has said nothing for {silence}: wait if the machine was asleep or is busy, else "
    "{end} ends it, and the run can be resumed.",
    "interrupted": "Its process ended before its turn: {again} puts it back in the queue.",
    "interrupted begun": "Its process ended without a word (killed, power cut): {resume} goes on from the last "
    "checkpoint.",
    "stopped": "It never began: {again} puts it back in the queue.",
    "stopped begun": "{resume} goes on where it was; what was saved opens.",
    "finished": "Its run was deleted since: {forget} takes it off this list.",
    "finished begun": "Open the run; {longer} trains it further.",
    "diverged": "Train again as the reason says; the last good weights open.",
    "failed": "Mend what the reason says, and {again} puts it back in the queue.",
    "failed begun": "Mend what the reason says, and {resume} goes on from the last checkpoint.",
    "failed unread": "{forget} takes it off this list; then start it again.",
}
"""What to do next in each state; 'begun' where there is a run with something to open, 'unread' where its ticket cannot
be read"""
COMMANDS = {
    "again": "`python -m core jobs again {id}`",
    "end": "`python -m core jobs stop {id} --now`",
    "resume": "`python -m core resume {id}`",
    "longer": "`python -m core resume {id} --epochs N`",
    "forget": "`python -m core jobs forget {id}`",
}
"""What does it in a terminal; a page has buttons instead"""
ACTIVE = ("queued", "running", "stalled")
"""States of jobs that are not over"""


@dataclass(frozen=True)
class TrainingJob:
    """A run's training: how it is, and what to do next."""

    id: str
    """Of the run, and so of the job"""
    name: str
    state: str
    """queued, running, stalled, interrupted, stopped, finished, diverged or failed"""
    reason: str | None = None
    """How it ended, in a sentence"""
    position: int | None = None
    """In the queue of its slot, 1 = the next to start; None unless queued"""
    slot: str | None = None
    """None for a run that is trained in a terminal: it has none"""
    status: Status | None = None
    """How far it is; None before it has begun to train and after it ended"""
    config: RunConfig | None = None
    """None where its ticket is damaged"""
    recipe: str | None = None
    sweep: str | None = None
    submitted: str | None = None
    """UTC, ISO 8601"""
    stopping: bool = False
    """Whether it was asked to stop and has not ended yet"""
    begun: bool = False
    """Whether there is a run folder to open"""

    @property
    def active(self) -> bool:
        """Whether it is not over."""
        return self.state in ACTIVE


def jobs(store: str | Path | None = None) -> list[TrainingJob]:
    """All jobs of a store: those at work, those that wait in their order, and then what is over, the newest first.

    Raises:
        ConfigError: the store is no path.
    """
    root = store_folder(store).resolve()
    known = tickets(root)
    found = [(_order(ticket), _described(place, ticket, known)) for place, ticket in known.items()]
    for path in root.glob(f"*/{STATUS}"):
        place = Place(root, path.parent.name)
        if place not in known and (one := _in_a_terminal(place)):
            found.append((0, one))

    def rank(item: tuple[int, TrainingJob]) -> tuple[int, int, str]:
        order, one = item
        return (
            (("running", "stalled", "queued").index(one.state), order, one.id)
            if one.active
            else (3, -order, one.id)
        )

    return [one for _, one in sorted(found, key=rank)]


def job(job_id: str, store: str | Path | None = None) -> TrainingJob:
    """Say how one job is.

    Raises:
        CheckpointError: there is no such job; the sentence lists those there are.
        ConfigError: the store is no path.
    """
    there = jobs(store)
    for one in there:
        if one.id == job_id:
            return one
    listing = f"there are {first_of([one.id for one in there], 'jobs')}" if there else "there is none"
    raise CheckpointError(f"There is no job '{one_line(job_id, limit=NAME_LIMIT)}': {listing}.")


def _order(ticket: Ticket | CheckpointError) -> int:
    return ticket.order if isinstance(ticket, Ticket) else 0


def what_next(one: TrainingJob, words: Mapping[str, str] = COMMANDS) -> str:
    """Say what to do next, in one sentence.

    Args:
        one: the job.
        words: what does it, in place of those of `COMMANDS`.
    """
    more = BEGUN if one.begun else "unread" if one.config is None else ""
    key = f"{one.state} {more}" if f"{one.state} {more}" in NEXT else one.state
    silence = f"{one.status.age / 60:.0f} min" if one.status else ""
    told = {name: text.format(id=one.id) for name, text in words.items()}
    return NEXT[key].format(slot=one.slot, silence=silence, **told)


def _described(place: Place, ticket: Ticket | CheckpointError, known: Tickets) -> TrainingJob:
    if isinstance(ticket, CheckpointError):
        return TrainingJob(place.id, place.id, "failed", str(ticket))
    alive = ticket.waits_or_works and lives(place, ticket)
    if ticket.waits_or_works and not alive:
        # it may have ended between our two looks
        with contextlib.suppress(CheckpointError):
            ticket = read_ticket(place)
    begun = (place.run / "run.json").is_file()
    record = read_record(place.run) if begun else None
    state, reason = ticket.state.replace("started", "running"), ticket.reason
    status = read_status(place.run)
    if ticket.waits_or_works and not alive:
        state, reason = _left(ticket, record)
    elif not ticket.waits_or_works and status is not None and is_locked(place.run):
        state, reason = "running", None  # it goes on in a terminal
    if state == "interrupted":
        reason = None  # what to do next says all of it
    if state == "running" and status is not None and status.silent:
        state = "stalled"
    at_work = state in ("running", "stalled")
    queued = state == "queued"
    return TrainingJob(
        id=place.id,
        name=ticket.name,
        state=state,
        reason=None if reason is None else one_line(reason, limit=600),
        position=1 + sum(one.state == "queued" for one in ahead(ticket, known)) if queued else None,
        slot=ticket.slot,
        status=status if at_work else None,
        config=ticket.config,
        recipe=ticket.recipe,
        sweep=ticket.sweep,
        submitted=ticket.submitted,
        stopping=ticket.stop and at_work,
        begun=begun,
    )


def _left(ticket: Ticket, record: RunRecord | None) -> tuple[str, str | None]:
    """State and reason of a job whose process is gone and did not say how it ended."""
    if ticket.state == "queued":
        return "interrupted", None
    document = record.document if record else None
    if record is None or document is None:
        return ("stopped" if ticket.stop else "interrupted"), None
    # what run.json says from before this job is not how this job ended
    if document.state != "running" and document.updated < (ticket.started or ""):
        return "interrupted", None
    return (
        record.state
        if record.state in (*ACTIVE, "finished", "stopped", "diverged", "failed")
        else "interrupted"
    ), (record.reason)


def _in_a_terminal(place: Place) -> TrainingJob | None:
    """A run without a ticket that is in training, or was interrupted."""
    if not (place.run / "run.json").is_file():
        return None
    record, status = read_record(place.run), read_status(place.run)
    if record.document is None or record.state not in ("running", "interrupted"):
        return None
    state = "stalled" if record.state == "running" and status and status.silent else record.state
    return TrainingJob(
        id=record.id,
        name=record.name,
        state=state,
        status=status if state != "interrupted" else None,
        config=record.config,
        recipe=record.document.recipe,
        sweep=record.document.sweep,
        submitted=record.document.created,
        begun=True,
    )
