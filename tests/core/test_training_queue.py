"""The queue of training jobs: who is next, who wins, what a ticket holds."""

import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from core.config import RunConfig
from core.errors import CheckpointError, ConfigError, LockedRun, VAEScopeError
from core.store import list_runs
from core.training import jobs
from core.training.jobs import job
from core.training.queue import submit, work
from core.training.sweep import submit_sweep
from core.training.tickets import Ticket, slot_of
from tests.core.shared import Copy, Edit, Sentence, Small
from tests.waiting import SECONDS, states


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


@pytest.mark.parametrize(
    "changes, epochs, says",
    [
        ({"bundled": True}, None, "came with VAEScope"),
        ({"state": "diverged"}, None, "diverged, and would again"),
        ({}, None, "is finished, with all its"),
        ({"resume": None}, 9, "no file to go on from"),
    ],
)
def test_a_run_that_cannot_go_on_is_not_queued(
    changes: dict[str, Any],
    epochs: int | None,
    says: str,
    still: list[list[str]],
    copied: Copy,
    edit_document: Edit,
    sentence: Sentence,
) -> None:
    edit_document(copied(), **changes)
    with pytest.raises(VAEScopeError, match=says) as error:
        submit(None, resume="copy-1", epochs=epochs)
    sentence(error.value)
    assert still == []
    assert jobs.jobs() == []


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


def test_a_config_goes_through_the_ticket_unchanged(still: list[list[str]], store: Path) -> None:
    config = RunConfig.make({"family": "vae", "likelihood": "gaussian", "sigma": 0.3, "device": "cpu"})
    assert job(submit(config)).config == config
