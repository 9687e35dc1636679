"""Training jobs: the queue and every state, within this process; and real processes that are killed and stopped"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.config import RunConfig
from core.errors import CheckpointError, ConfigError, DataMissing, Diverged, LockedRun
from core.files import write_json
from core.store import delete_run, list_runs, read_record
from core.training import jobs, queue, tickets
from core.training.jobs import ACTIVE, NEXT, TrainingJob, job
from core.training.queue import submit, work
from core.training.run import Hooks, train
from core.training.status import STATUS
from core.training.sweep import submit_sweep
from core.training.tending import again, forget, stop, tail
from core.training.tickets import Place, Ticket, read_ticket, slot_of
from tests.core.shared import Edit, Sentence, Small

SECONDS = 150


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not until():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.05)


class Waiting:
    """In place of a process that waits: it lives until it is told otherwise."""

    code: int | None = None

    def poll(self) -> int | None:
        return self.code


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """No process is started: the test calls `work` itself. The words that each would have had."""
    words: list[list[str]] = []

    def launch(given: list[str], *, log: Path) -> Waiting:
        log.write_text("Waiting\n")
        words.append(given)
        return Waiting()

    monkeypatch.setattr(queue, "launch", launch)
    monkeypatch.setattr(queue, "POLL", 0.02)
    return words


def states(store: Path) -> dict[str, str]:
    return {one.id: one.state for one in jobs.jobs(store)}


# ---- the queue


def test_a_job_is_queued_with_its_run_id_and_all_it_needs(
    still: list[list[str]], store: Path, small: Small
) -> None:
    name = submit(small(beta=2), name="Mine", recipe="digits-vae", sweep="s-1")
    one = job(name)
    assert (one.state, one.position, one.slot, one.name) == ("queued", 1, "cpu", "Mine")
    assert one.config == small(beta=2)
    assert (one.recipe, one.sweep) == ("digits-vae", "s-1")
    assert still == [["jobs", "work", name, "--store", str(store.resolve())]]
    assert list_runs(store) == []  # no run before its turn


def test_jobs_of_a_slot_are_done_one_at_a_time_in_order(
    still: list[list[str]], store: Path, small: Small
) -> None:
    ids = [submit(small(), name=f"run {k}") for k in range(3)]
    assert [one.position for one in jobs.jobs()] == [1, 2, 3]
    done, at_once, most = [], [], []

    def task(ticket: Ticket) -> None:
        at_once.append(1)
        most.append(len(at_once))
        time.sleep(0.1)
        done.append(ticket.name)
        at_once.pop()

    threads = [threading.Thread(target=work, args=(name, store, task)) for name in reversed(ids)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)  # the last one is there first, and waits
    for thread in threads:
        thread.join(SECONDS)
    assert done == ["run 0", "run 1", "run 2"]
    assert set(most) == {1}
    assert set(states(store).values()) == {"finished"}


def test_another_slot_waits_for_nobody(still: list[list[str]], store: Path, small: Small) -> None:
    first = submit(small())
    second = submit(small(device="cuda:1"))
    assert (job(first).position, job(second).position, job(second).slot) == (1, 1, "cuda:1")
    assert work(second, store, lambda ticket: None)


@pytest.mark.parametrize("device, slot", [("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:3", "cuda:3")])
def test_a_slot_is_a_device(device: str, slot: str) -> None:
    assert slot_of(device) == slot


def test_auto_is_guessed_from_the_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert slot_of("auto") == "cuda:0"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert slot_of("auto") == "cpu"


def test_of_two_submits_of_a_run_one_wins(still: list[list[str]], store: Path, small: Small) -> None:
    said: list[str] = []

    def one() -> None:
        try:
            said.append(submit(small(), run_id="same"))
        except LockedRun as error:
            said.append(str(error))

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert len(still) == said.count("same") == 1
    assert all("already" in text for text in said if text != "same")


def test_a_run_that_is_there_is_not_begun_again(
    still: list[list[str]], store: Path, small: Small, sentence: Sentence
) -> None:
    (store / "there").mkdir()
    with pytest.raises(CheckpointError, match="There is a run 'there' already") as error:
        submit(small(), run_id="there")
    sentence(error.value)
    for name in ("../x", "a/b", "", "_queue"):
        with pytest.raises(CheckpointError, match="no run id"):
            submit(small(), run_id=name)
    with pytest.raises(ConfigError, match="RunConfig"):
        submit(None)
    with pytest.raises(CheckpointError, match="There is no run 'x'"):
        submit(None, resume="x")
    assert still == []


def test_a_sweep_is_a_job_a_beta(still: list[list[str]], store: Path, small: Small) -> None:
    ids = submit_sweep(small(), [2, 0.5], name="sw", recipe="digits-vae")
    there = jobs.jobs()
    assert [one.id for one in there] == ids
    assert [one.name for one in there] == ["sw, beta 2", "sw, beta 0.5"]
    assert [one.config.beta for one in there if one.config] == [2, 0.5]
    assert len({one.sweep for one in there}) == 1
    with pytest.raises(ConfigError, match="at most 120"):
        submit_sweep(small(), [1], name="x" * 115)
    assert len(still) == 2


def test_a_store_that_cannot_be_written_is_one_sentence(
    still: list[list[str]], store: Path, small: Small, sentence: Sentence
) -> None:
    (store / ".jobs").write_text("a file")
    with pytest.raises(CheckpointError, match="cannot be written") as error:
        submit(small())
    sentence(error.value)


def test_a_process_that_cannot_be_started_leaves_no_job(
    store: Path, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(store / "nothing"))
    with pytest.raises(CheckpointError, match="No process could be started"):
        submit(small())
    assert jobs.jobs() == []


# ---- the states


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
        assert "said nothing for 5 min" in one.next
        assert f"jobs stop {name} --now" in one.next

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
    assert (one.state, one.status) == ("interrupted", None)
    assert f"resume {run.id}" in one.next
    forget(run.id)
    assert jobs.jobs() == []
    assert read_record(run.record.folder).state == "interrupted"


def test_a_job_whose_run_was_deleted_since_says_so(still: list[list[str]], store: Path, small: Small) -> None:
    name = submit(small(epochs=1))
    assert work(name, store, lambda ticket: train(ticket.config, store=store, run_id=name))
    assert "--epochs N" in job(name).next
    delete_run(read_record(store / name))
    assert (job(name).state, job(name).begun) == ("finished", False)
    assert f"jobs forget {name}" in job(name).next


def test_each_state_says_what_to_do_next() -> None:
    told = {key.split()[0] for key in NEXT}
    assert told == {*ACTIVE, "interrupted", "stopped", "finished", "diverged", "failed"}
    for text in NEXT.values():
        assert text.endswith(".")


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


# ---- real processes


def process(store: Path, name: str) -> "subprocess.Popen[bytes]":
    return tickets.STARTED[Place(store.resolve(), name).ticket]


def test_jobs_are_processes_of_their_own(store: Path, repo: Path, small: Small) -> None:
    """One trains and is stopped, one waits and is killed, two run after it, one is taken off the queue."""
    long, brief = small(epochs=100_000), small(epochs=1)
    first, killed, second, third, left = (
        submit(config, name=f"job {k}") for k, config in enumerate((long, brief, brief, brief, brief))
    )
    try:
        wait(lambda: job(first).status is not None and (store / first / "history.jsonl").exists())
        seen = subprocess.run(
            [sys.executable, "-m", "core", "jobs", "--json"],
            cwd=repo,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        there = json.loads(seen.stdout)
        assert [(one["state"], one["position"]) for one in there] == [
            ("running", None),
            ("queued", 1),
            ("queued", 2),
            ("queued", 3),
            ("queued", 4),
        ]
        assert there[0]["status"]["epochs"] == 100_000
        assert there[0]["status"]["left"] > 0

        wait(Place(store.resolve(), killed).lock.exists)
        maps = Path(f"/proc/{process(store, killed).pid}/maps")
        if maps.exists():
            assert "libtorch" not in maps.read_text()  # who waits is light
        process(store, killed).kill()
        process(store, killed).wait(SECONDS)
        assert job(killed).state == "interrupted"
        assert stop(left).state == "stopped"
        assert process(store, left).wait(SECONDS) == 0
        assert [job(one).position for one in (second, third)] == [1, 2]

        with pytest.raises(LockedRun, match="another process"):
            submit(None, resume=first)
        stop(first)
        process(store, first).wait(SECONDS)
        assert job(first).state == "stopped"
        assert job(first).state == read_record(store / first).state
        assert not job(first).stopping
        for one in (second, third):
            wait(lambda name=one: job(name).state not in ACTIVE)  # type: ignore[misc]
            assert job(one).state == "finished", tail(one)
        written = [read_ticket(Place(store.resolve(), one)) for one in (second, third)]
        ended = read_record(store / second).document
        assert ended is not None
        assert (written[1].started or "") >= ended.updated
        assert any("epoch 1/1" in line for line in tail(third))
        assert submit(None, resume=second, epochs=3) == second
        wait(lambda: job(second).state not in ACTIVE)
        assert job(second).state == "finished", tail(second)
        longer = read_record(store / second).document
        assert longer is not None
        assert (longer.epoch, longer.config.epochs) == (3, 3)
        rows = (store / second / "history.jsonl").read_text().splitlines()
        assert [json.loads(row)["epoch"] for row in rows] == [1, 2, 3]
    finally:
        for one in (first, killed, second, third, left):
            process(store, one).kill()


def test_one_that_does_not_answer_is_ended_at_once(
    store: Path, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = submit(small(epochs=100_000))
    try:
        monkeypatch.setattr(queue, "launch", lambda words, log: Waiting())
        after = submit(small())
        wait(lambda: (store / name / "history.jsonl").exists())
        os.kill(process(store, name).pid, signal.SIGSTOP)
        assert stop(name).stopping
        stop(name, now=True)
        assert process(store, name).wait(SECONDS) == -signal.SIGKILL
        assert job(name).state == read_record(store / name).state == "interrupted"
        assert work(after, store, lambda ticket: None)  # nobody holds the slot
    finally:
        process(store, name).kill()


def test_a_config_goes_through_the_ticket_unchanged(still: list[list[str]], store: Path) -> None:
    config = RunConfig.make({"family": "vae", "likelihood": "gaussian", "sigma": 0.3, "device": "cpu"})
    assert job(submit(config)).config == config
