"""`--detach` and `jobs`; no process is started here: tests/core/test_training_processes.py has real ones"""

from pathlib import Path

import pytest

from core.store import read_record
from core.training import queue
from tests.core.cli.shell import QUICK, Shell
from tests.waiting import Waiting


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "launch", lambda words, log: Waiting())


def test_a_detached_run_is_queued_trained_and_forgotten(shell: Shell, store: Path) -> None:
    made = shell.json("train", "digits-vae", *QUICK, "--name", "Mine", "--detach")
    (one,) = made
    assert (one["state"], one["position"], one["slot"], one["name"]) == ("queued", 1, "cpu", "Mine")
    assert one["config"]["epochs"] == 1
    assert shell.json("jobs") == made
    assert shell("jobs", "log", one["id"]) == 0
    assert "has said nothing" in shell.out
    assert shell("jobs", "work", one["id"], "--store", str(store)) == 0  # what the process of a job does
    assert "epoch 1/1" in shell.err
    assert read_record(store / one["id"]).state == "finished"
    assert shell("jobs") == 0
    assert f"resume {one['id']} --epochs N" in shell.out
    assert shell("jobs", "stop", one["id"]) == 0
    assert "nothing to stop" in shell.out
    assert shell("jobs", "forget", one["id"]) == 0
    assert shell.json("jobs") == []
    assert shell("jobs") == 0
    assert "There is no job in" in shell.out


def test_a_detached_sweep_is_a_job_a_beta(shell: Shell, tmp_path: Path) -> None:
    other = ("--store", str(tmp_path / "other"))
    words = ("sweep", "digits-vae", *QUICK, "--beta", "0.5,2", "--name", "sw", "--detach")
    assert shell(*words, *other) == 0
    assert "queued, number 2 on cpu" in shell.out
    assert shell.json("jobs") == []
    made = shell.json("jobs", *other)
    assert [one["name"] for one in made] == ["sw, beta 0.5", "sw, beta 2"]
    ids = [one["id"] for one in made]
    assert shell("jobs", "stop", *ids, *other) == 0
    assert shell.out.count("is stopped") == 2
    assert shell("jobs", "again", ids[0], *other) == 0
    assert [one["state"] for one in shell.json("jobs", *other)] == ["queued", "stopped"]
    assert shell("jobs", "forget", ids[0], *other) == 1
    assert "stop it first" in shell.err


def test_a_failure_is_told_by_the_job(shell: Shell, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(store / "none"))
    (one,) = shell.json("train", "mnist-mlp-vae", "--device", "cpu", "--detach")
    assert shell("jobs", "work", one["id"]) == 1
    said = shell.err
    (after,) = shell.json("jobs")
    assert after["state"] == "failed"
    assert "mnist" in after["reason"]
    assert "again" in after["next"]
    assert f"error: {after['reason']}" in said
