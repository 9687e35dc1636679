"""Training jobs as real processes, that are killed and stopped."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import LockedRun
from core.store import read_record
from core.training import queue, tickets
from core.training.jobs import ACTIVE, job
from core.training.queue import submit, work
from core.training.tending import stop, tail
from core.training.tickets import Place, read_ticket
from tests.core.shared import Small
from tests.waiting import SECONDS, Waiting, wait


def process(store: Path, name: str) -> "subprocess.Popen[bytes]":
    return tickets.STARTED[Place(store.resolve(), name).ticket]


def test_jobs_are_processes_of_their_own(store: Path, repo: Path, small: Small) -> None:
    """One trains and is stopped, one waits and is killed, two run after it, one is taken off the queue."""
    long, brief = small(epochs=100_000), small(epochs=1)
    first, killed, second, third, left = (
        submit(config, name=f"job {k}") for k, config in enumerate((long, brief, brief, brief, brief))
    )
    try:
        wait((store / first / "history.jsonl").exists)
        wait(lambda: (told := job(first).status) is not None and told.left is not None)
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
        assert job(name).reason is None
        assert work(after, store, lambda ticket: None)  # nobody holds the slot
    finally:
        process(store, name).kill()
