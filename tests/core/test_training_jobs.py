"""Training jobs: every state and what to do next; stopped, forgotten, read."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.config import RunConfig
from core.errors import CheckpointError, DataMissing, Diverged, LockedRun
from core.files import write_json
from core.store import delete_run, read_record
from core.training import jobs, tickets
from core.training.jobs import ACTIVE, BEGUN, COMMANDS, NEXT, TrainingJob, job, what_next
from core.training.queue import submit, work
from core.training.run import Hooks, train
from core.training.status import STATUS
from core.training.tending import again, forget, stop, tail
from core.training.tickets import Place, Ticket
from tests.core.shared import Edit, Sentence, Small
from tests.waiting import states


def test_a_job_trains_its_run(still: list[list[str]], store: Path, small: Small) -> None:
    name = submit(small(), name="Mine", recipe="digits-vae", sweep="s-1")
    seen: list[TrainingJob] = []

    def task(ticket: Ticket) -> None:
        seen.append(job(name))
        hooks = Hooks(on_epoch=lambda row: seen.append(job(name)))
        train(
            ticket.config,
            name=ticket.name,
            store=store,
            recipe=ticket.recipe,
            sweep=ticket.sweep,
            run_id=name,
            hooks=hooks,
        )

    assert work(name, store, task)
    assert [one.state for one in seen] == ["running"] * 4
    assert (seen[0].status, seen[0].begun) == (None, False)
    status = seen[1].status
    assert status is not None
    assert (status.phase, status.epochs) == ("training", 3)
    one = job(name)
    assert (one.state, one.begun, one.status) == ("finished", True, None)
    document = read_record(store / name).document
    assert document is not None
    assert (document.name, document.recipe, document.sweep) == ("Mine", "digits-vae", "s-1")


@pytest.mark.parametrize(
    "error, state, reason",
    [
        (
            Diverged("The rate was not finite: train again."),
            "diverged",
            "The rate was not finite: train again.",
        ),
        (DataMissing("mnist is not here: fetch it."), "failed", "mnist is not here: fetch it."),
        (KeyboardInterrupt(), "stopped", "It was stopped by hand."),
        (KeyError("x\ny"), "failed", "KeyError: 'x\\ny'; the log has the details."),
        (MemoryError(), "failed", "The memory was not enough"),
    ],
)
def test_how_it_ended_is_kept_in_words(
    error: BaseException, state: str, reason: str, still: list[list[str]], store: Path, small: Small
) -> None:
    name = submit(small())

    def task(ticket: Ticket) -> None:
        raise error

    with pytest.raises(type(error)):
        work(name, store, task)
    one = job(name)
    assert one.state == state
    assert one.reason is not None
    assert one.reason.startswith(reason)
    following = submit(small())
    assert job(following).position == 1
    assert work(following, store, lambda ticket: None)  # the slot is free


def test_a_job_that_says_nothing_is_stalled(still: list[list[str]], store: Path, small: Small) -> None:
    name = submit(small())

    def task(ticket: Ticket) -> None:
        (store / name).mkdir()
        status = store / name / STATUS
        write_json(status, {"phase": "training", "epoch": 2, "epochs": 9, "every": 1.0})
        assert job(name).state == "running"
        then = time.time() - 300
        os.utime(status, (then, then))
        one = job(name)
        assert one.state == "stalled"
        assert "said nothing for 5 min" in what_next(one)
        assert f"jobs stop {name} --now" in what_next(one)

    assert work(name, store, task)


def test_a_job_whose_process_died_unseen_is_interrupted(
    still: list[list[str]], store: Path, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = submit(small())
    place = Place(store.resolve(), name)
    tickets.STARTED[place.ticket].code = 1  # type: ignore[misc]
    assert job(name).state == "interrupted"
    del tickets.STARTED[place.ticket]
    assert job(name).state == "queued"  # another process gives it a minute to take its lock
    then = time.time() - 2 * tickets.GRACE
    os.utime(place.ticket, (then, then))
    assert job(name).state == "interrupted"
    assert again(name) == name
    assert job(name).state == "queued"
    assert still[0] == still[1]


def test_what_run_json_says_from_before_is_not_how_this_job_ended(
    still: list[list[str]], store: Path, small: Small, edit_document: Edit
) -> None:
    """A run that goes on, whose process was killed before it wrote anything."""
    run = train(small(epochs=1), store=store)
    name = submit(None, resume=run.id, epochs=5)
    place = Place(store.resolve(), name)
    with tickets.changing(place.store):
        tickets.change(place, state="started", started="2999-01-01T00:00:00+00:00")
    assert job(name).state == "interrupted"
    edit_document(run.record.folder, updated="2999-01-01T00:00:01+00:00")
    assert job(name).state == "finished"


def test_who_is_trained_in_a_terminal_is_listed_too(store: Path, small: Small, edit_document: Edit) -> None:
    seen: list[TrainingJob] = []
    run = train(small(epochs=1), store=store, hooks=Hooks(on_epoch=lambda row: seen.extend(jobs.jobs())))
    (one,) = seen
    assert (one.id, one.state, one.slot, one.begun) == (run.id, "running", None, True)
    assert jobs.jobs() == []
    edit_document(run.record.folder, state="running")
    (run.record.folder / STATUS).write_text("{}")  # as a process leaves it that was killed
    (one,) = jobs.jobs()
    assert (one.state, one.status, one.reason) == ("interrupted", None, None)  # said once, by what to do next
    assert f"resume {run.id}" in what_next(one)
    forget(run.id)
    assert jobs.jobs() == []
    assert read_record(run.record.folder).state == "interrupted"


def test_a_job_whose_run_was_deleted_since_says_so(still: list[list[str]], store: Path, small: Small) -> None:
    name = submit(small(epochs=1))
    assert work(name, store, lambda ticket: train(ticket.config, store=store, run_id=name))
    assert "--epochs N" in what_next(job(name))
    delete_run(read_record(store / name))
    assert (job(name).state, job(name).begun) == ("finished", False)
    assert f"jobs forget {name}" in what_next(job(name))


def test_each_state_says_what_to_do_next() -> None:
    told = {key.split()[0] for key in NEXT}
    assert told == {*ACTIVE, "interrupted", "stopped", "finished", "diverged", "failed"}
    one = TrainingJob("one-000001", "One", "running", slot="cpu")
    places = {name: f"<{name}>" for name in COMMANDS}
    used = set()
    for key in NEXT:
        state, more = [*key.split(), ""][:2]
        # a ticket that can be read has settings
        config = None if more == "unread" else RunConfig.make({})
        told = what_next(replace(one, state=state, begun=more == BEGUN, config=config), places)
        assert told.endswith(".")
        assert "{" not in told
        assert told == NEXT[key].format(slot="cpu", silence="", **places)
        used |= {name for name, text in places.items() if text in told}
    assert used == set(COMMANDS)


# ---- stopping, forgetting, reading


def test_a_stop_takes_a_job_off_the_queue(still: list[list[str]], store: Path, small: Small) -> None:
    first, second = submit(small()), submit(small())
    assert stop(first).state == "stopped"
    assert job(second).position == 1
    assert not work(first, store, lambda ticket: pytest.fail("it was stopped"))
    assert stop(first).state == "stopped"  # again: nothing to do
    again(first)
    assert [job(second).position, job(first).position] == [1, 2]


def test_a_number_that_may_be_anyones_is_not_signalled(
    still: list[list[str]], store: Path, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = submit(small())
    place = Place(store.resolve(), name)
    with tickets.changing(place.store):
        tickets.change(place, state="started", started="2020-01-01T00:00:00+00:00", pid=os.getpid())
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("it signalled a process that may be anyone's"))
    assert stop(name).state == "interrupted"


def test_only_what_is_over_is_forgotten(still: list[list[str]], store: Path, small: Small) -> None:
    name = submit(small())
    with pytest.raises(LockedRun, match="stop it first"):
        forget(name)
    stop(name)
    forget(name)
    assert jobs.jobs() == []
    assert not list((store / ".jobs").glob(f"{name}*"))
    with pytest.raises(CheckpointError, match="There is no job"):
        forget(name)


def test_the_end_of_the_log_is_plain_text(still: list[list[str]], store: Path, small: Small) -> None:
    name = submit(small())
    log = Place(store.resolve(), name).log
    log.write_bytes(b"first\n\x1b[31mred\x07\x1b[0m\rsecond\xff\n\n" + b"x" * 2000 + b"\nlast\n")
    assert tail(name, lines=3)[0].startswith("second")
    red = tail(name)[1]
    assert red == "[31mred[0m"  # no escape, no bell
    assert [len(line) for line in tail(name)][3] == 500
    assert tail(name, lines=1) == ["last"]
    log.write_bytes(b"0123456789\n" * 20_000)
    assert set(tail(name, lines=10_000)) == {"0123456789"}  # none cut in two
    log.unlink()
    assert tail(name) == []


@pytest.mark.parametrize("name", ["nothing", "../../etc/passwd", "_queue", "", "x\x1b[31m"])
def test_a_job_that_is_not_there_is_one_sentence(name: str, store: Path, sentence: Sentence) -> None:
    for what in (job, stop, tail, forget, again):
        with pytest.raises(CheckpointError, match="There is no job") as error:
            what(name)
        assert "\x1b" not in sentence(error.value)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"config": {"family": "no"}}'])
def test_a_damaged_ticket_breaks_nothing(
    text: str, still: list[list[str]], store: Path, small: Small
) -> None:
    name, other = submit(small()), submit(small())
    Place(store.resolve(), name).ticket.write_text(text)
    assert states(store) == {name: "failed", other: "queued"}
    assert "damaged" in (job(name).reason or "") or "no JSON" in (job(name).reason or "")
    assert work(other, store, lambda ticket: None)
    forget(name)
    assert states(store) == {other: "finished"}


def test_a_run_that_is_deleted_while_it_trains_is_one_sentence(
    still: list[list[str]], store: Path, small: Small, sentence: Sentence
) -> None:
    name = submit(small())

    def task(ticket: Ticket) -> None:
        with pytest.raises(LockedRun, match="being trained"):
            delete_run(read_record(train_folder()))

    def train_folder() -> Path:
        return store / name

    def trains(ticket: Ticket) -> None:
        def look(row: dict[str, Any]) -> None:
            task(ticket)
            shutil.rmtree(train_folder())  # as no page does it

        train(ticket.config, store=store, run_id=name, hooks=Hooks(on_epoch=look))

    with pytest.raises(CheckpointError) as error:
        work(name, store, trains)
    sentence(error.value)
    one = job(name)
    assert (one.state, one.begun) == ("failed", False)
    assert again(name) == name
