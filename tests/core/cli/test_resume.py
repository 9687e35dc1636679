"""The command that trains further, signals, and epochs on the command line"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.cli.terminal import TrainingProgress
from core.store import read_record
from tests.core.cli.shell import REPO, Shell, Terminal, edit
from tests.core.fitting import only_folder
from tests.core.pausing import all_of

SLOW = ("batch_size=1", "epochs=50", "threads=1", "checkpoint_minutes=0")
"""Minutes, if nothing stopped it"""


def start(store: Path, *settings: str) -> "subprocess.Popen[str]":
    """Train in another process, up to its first step."""
    words = ["train", "digits-vae", "--set", *settings, "--device", "cpu", "--store", str(store)]
    process = subprocess.Popen(
        [sys.executable, "-m", "core", *words],
        cwd=REPO,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stderr
    assert "Training" in process.stderr.readline()
    return process


def test_a_signal_saves_and_then_ends(store: Path) -> None:
    process = start(store, *SLOW)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    record = read_record(only_folder(store))
    assert record.state == "stopped"
    assert record.document
    epoch, step = record.document.stands
    assert (epoch, step > 0) == (0, True)  # in the middle of the first epoch, and nothing of it lost
    assert record.reason == f"Stopped by hand in epoch 1, after step {step}."
    assert "Stopping at the next step" in said
    assert f"`python -m core resume {record.id}` goes on from step {step} of epoch 1." in said
    assert "Traceback" not in said


def test_a_second_signal_ends_at_once(store: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def press_twice(self: TrainingProgress, epoch: int, done: int, steps: int) -> None:
        if (epoch, done) == (2, 3):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(TrainingProgress, "step", press_twice)
    before = signal.getsignal(signal.SIGTERM)
    assert shell("train", "digits-vae", "--set", "epochs=3", "threads=1", "--device", "cpu") == 130
    assert signal.getsignal(signal.SIGTERM) == before
    record = read_record(only_folder(store))
    assert record.document
    assert (record.state, record.document.stands) == ("stopped", (1, 0))


def press(monkeypatch: pytest.MonkeyPatch, epoch: int, step: int) -> None:
    """Press Ctrl+C after a step."""
    real = TrainingProgress.step

    def stepped(self: TrainingProgress, now: int, done: int, steps: int) -> None:
        real(self, now, done, steps)
        if (now, done) == (epoch, step):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(TrainingProgress, "step", stepped)


def test_a_run_that_was_stopped_goes_on_to_the_same_end(
    store: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("train", "digits-vae", "--set", "epochs=2", "threads=1", "--device", "cpu")
    assert shell(*words, "--name", "whole") == 0
    whole = only_folder(store)
    with monkeypatch.context() as patch:
        press(patch, 2, 5)
        assert shell(*words, "--name", "paused", "--json") == 130
    assert shell.out == ""
    (paused,) = [folder for folder in store.iterdir() if folder != whole]
    assert f"Run '{paused.name}' is stored as stopped, with the weights of epoch 1." in shell.err
    (command,) = re.findall(r"`python -m core (resume .*?)` goes on from step 5 of epoch 2\.", shell.err)
    made = shell.json(*command.split())
    assert shell.err.startswith("Exact: the run goes on as if it had not paused, bit for bit.\n")
    assert (made["state"], made["epoch"], made["stands"]) == ("finished", 2, [2, 0])
    from core.runs import open_run

    assert all_of(open_run(paused, device="cpu")) == all_of(open_run(whole, device="cpu"))


def test_a_stopped_sweep_trains_no_other_run(
    store: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    press(monkeypatch, 1, 2)
    assert shell("sweep", "digits-vae", "--beta", "1,2", "--set", "epochs=1", "threads=1") == 130
    assert read_record(only_folder(store)).state == "stopped"


def test_more_epochs(runs: dict[str, Path], shell: Shell) -> None:
    folder = runs["ae"]
    assert shell("resume", folder.name) == 2
    assert "is finished, with all its 1 epochs: give it more in all, such as --epochs 2" in shell.err
    assert shell("resume", folder.name, "--epochs", "3") == 0
    assert "epoch 2/3" in shell.err
    assert "epochs     3 of 3" in shell.out
    assert shell("resume", folder.name, "--epochs", "0") == 2


def test_what_is_not_exact_is_said_first(runs: dict[str, Path], shell: Shell) -> None:
    path = runs["ae"] / "run.json"
    edit(path, arithmetic={"device": "NVIDIA H200", "threads": 1, "torch": "1.0", "precision": "fp32"})
    assert shell("resume", runs["ae"].name, "--epochs", "2") == 0
    assert re.match(r"Not exact: the device was NVIDIA H200, now CPU .*; torch was 1\.0, now ", shell.err)


def test_the_bar_begins_where_training_stood() -> None:
    stream = Terminal()
    progress = TrainingProgress(before=(2, 3), stream=stream)
    from core.config import RunConfig

    progress.start("x", RunConfig(epochs=4))
    progress.step(3, 4, 10)
    progress.close()
    assert "24/40" in stream.getvalue()


def test_an_epoch_is_a_run_wherever_runs_are_read(
    trained: Path, store: Path, shell: Shell, tmp_path: Path
) -> None:
    words = ("--set", "epochs=2", "keep_every=1", "threads=1", "--device", "cpu", "--name", "kept")
    assert shell("train", "digits-vae", *words) == 0
    assert re.search(r"^kept +1, 2 \(best\): RUN@EPOCH opens one$", shell.out, re.MULTILINE)
    run = only_folder(store).name
    shown = shell.json("show", f"{run}@1")
    assert (shown["id"], shown["epoch"], shown["test"]) == (f"{run}@1", 1, None)
    assert shell("show", f"{run}@1") == 0
    assert f"`python -m core evaluate {run}@1 --save` computes them" in shell.out
    assert shell.json("evaluate", f"{run}@1", "--save")["epoch"] == 1
    scored = shell.json("show", f"{run}@1")["test"]
    assert scored["distortion"] > shell.json("show", run)["test"]["distortion"]
    compared = shell.json("compare", run, f"{run}@1")
    assert [one["id"] for one in compared["runs"].values()] == [run, f"{run}@1"]
    assert shell("sample", f"{run}@1", "--out", str(tmp_path / "x.png")) == 0


@pytest.mark.parametrize(
    "words", [("rename", "RUN", "x"), ("note", "RUN", "x"), ("tag", "RUN", "+x"), ("delete", "RUN", "--yes")]
)
def test_what_is_done_to_whole_runs_is_not_done_through_an_epoch(
    words: tuple[str, ...], runs: dict[str, Path], shell: Shell
) -> None:
    folder = runs["vae"]
    edit(folder / "run.json", kept={"0": "model-0.safetensors"})
    assert shell(*(f"{folder.name}@0" if word == "RUN" else word for word in words)) == 2
    assert "leave out @0" in shell.err
    assert folder.exists()
    assert not (folder / "annotations.json").exists()
