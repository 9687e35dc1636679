"""Whatever ends a training, its last checkpoint opens, and the rest of the run is what it would have been"""

import errno
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import core
from core.errors import CheckpointError, LockedRun, OutOfMemory, VAEScopeError
from core.runs import open_run
from core.store import annotate, delete_run, list_runs, read_record, why_not_resumed
from core.training.resume import resume
from core.training.run import Hooks, train
from core.training.updates import Descent
from tests.core.dying import SETTINGS
from tests.core.fitting import only_folder
from tests.core.pausing import all_of, names, stop_after
from tests.core.shared import Copy, Edit, Sentence, Small, Trained

REPO = Path(core.__file__).parents[1]
Dies = Callable[[str, Path, float], str]
WATCHED = ("probe.json", "probe.f32", "shown.npz")
CLEAN = {
    "run.json",
    "history.jsonl",
    "scores.json",
    "latents-test.npz",
    "latents-train.npz",
    "model-2.safetensors",
    "resume-2-0.safetensors",
    *WATCHED,
}


@pytest.fixture(scope="module")
def dies() -> Iterator[Dies]:
    """Train in a process that is killed: see tests/core/dying.py."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.core.dying"],
        cwd=REPO,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stdin
        assert process.stdout

        def send(what: str, store: Path, number: float) -> str:
            store.mkdir(exist_ok=True)
            print(what, store, number, file=process.stdin, flush=True)
            return process.stdout.readline().strip()  # type: ignore[union-attr]

        yield send
        process.stdin.close()


@pytest.fixture(scope="module")
def whole(trained: Trained) -> dict[str, Any]:
    """The run that nothing ended."""
    torch.set_num_threads(1)
    return all_of(trained(**SETTINGS))


def check_goes_on(store: Path, whole: dict[str, Any], done: set[Any] | None = None) -> str:
    """Check that what a killed process left opens, goes on to the very same end, and is swept; say how it was.

    Where `done` has a run with the same files and sizes, going on is left out: it was done.
    """
    records = list_runs(store)
    if not records:
        return "nothing"  # no run.json yet
    (record,) = records
    if record.state == "finished":
        return "finished"
    assert record.state == "interrupted", record.reason
    assert record.document
    if record.document.weights is None:
        assert isinstance(why_not_resumed(record), VAEScopeError)  # killed before its first checkpoint
        return "nothing"
    run = open_run(record.folder, device="cpu")
    assert all(torch.isfinite(tensor).all() for tensor in run.model.state_dict().values())
    assert run.document.epoch <= len(run.history())
    left = (record.document.stands, frozenset(map(kind, record.folder.iterdir())))
    if done is None or left not in done:
        assert all_of(resume(record.folder)) == whole
        assert names(record.folder) == CLEAN
        (done if done is not None else set()).add(left)
    return f"{record.document.stands}"


def kind(path: Path) -> tuple[str, int]:
    """Name of a file, without what is random in it, and its size."""
    return re.sub(r"[0-9a-f]{8}(?=\.tmp)", "", path.name), path.stat().st_size


# ---- kill -9


def test_killed_at_any_step_of_writing_a_run_goes_on(
    dies: Dies, whole: dict[str, Any], tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    seen, done = [], set[Any]()
    for k in range(1, 1000):
        store = tmp_path / f"{k}"
        if dies("train", store, k) != "killed":
            break
        seen.append(check_goes_on(store, whole, done))
        shutil.rmtree(store)
    assert check_goes_on(store, whole) == "finished"
    # every checkpoint was the last one of some of these
    assert list(dict.fromkeys(seen)) == [
        "nothing",
        "(0, 0)",
        "(0, 1)",
        "(1, 0)",
        "(1, 1)",
        "(2, 0)",
        "finished",
    ]
    assert len(seen) > 60


def test_killed_at_any_step_of_going_on_a_run_goes_on_again(
    dies: Dies, whole: dict[str, Any], tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    first = tmp_path / "first"
    for k in range(35, 100):  # killed between a row of history and the run.json that covers it
        shutil.rmtree(first, ignore_errors=True)
        dies("train", first, k)
        folder = only_folder(first)
        rows = (
            (folder / "history.jsonl").read_text().count("\n") if (folder / "history.jsonl").exists() else 0
        )
        if rows > json.loads((folder / "run.json").read_text())["epoch"]:
            break
    else:
        raise AssertionError("no kill left a row of history too many")
    (folder / ".model-9.safetensors.0123abcd.tmp").write_bytes(b"part")
    for k in range(1, 12):
        store = tmp_path / f"again-{k}"
        shutil.copytree(first, store)
        assert dies("resume", store, k) == "killed"
        assert check_goes_on(store, whole) in ("(0, 1)", "(1, 1)")
    assert all_of(resume(folder)) == whole
    assert names(folder) == CLEAN


def killed_at_random_moments(dies: Dies, whole: dict[str, Any], tmp_path: Path, count: int) -> None:
    """From the start to a little after the end of a training, by its time here."""
    torch.set_num_threads(1)
    moments = random.Random(0)
    for k in range(count):
        store = tmp_path / f"moment-{k}"
        dies("moment", store, moments.uniform(0.05, 0.5))
        check_goes_on(store, whole)


def test_killed_at_random_moments(dies: Dies, whole: dict[str, Any], tmp_path: Path) -> None:
    killed_at_random_moments(dies, whole, tmp_path, 5)


@pytest.mark.slow
def test_killed_at_a_hundred_random_moments(dies: Dies, whole: dict[str, Any], tmp_path: Path) -> None:
    killed_at_random_moments(dies, whole, tmp_path, 100)


def test_a_note_that_is_being_written_is_no_leftover(copied: Copy, edit_document: Edit, store: Path) -> None:
    folder = copied()
    edit_document(folder, state="stopped")
    note = folder / ".annotations.json.0123abcd.tmp"
    note.write_text("{}")
    (folder / ".history.jsonl.0123abcd.tmp").write_text("")
    (folder / "model-1.safetensors").write_text("")
    resume("copy-1", store=store)
    assert note.exists()
    assert not (folder / ".history.jsonl.0123abcd.tmp").exists()
    assert not (folder / "model-1.safetensors").exists()


# ---- a disk that is full


@pytest.mark.parametrize("call", range(0, 12, 2))
def test_a_full_disk_ends_training_with_the_last_checkpoint(
    call: int,
    store: Path,
    small: Small,
    whole: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    sentence: Sentence,
) -> None:
    torch.set_num_threads(1)
    made = iter(range(10**9))

    def full(real: Callable[..., Any]) -> Callable[..., Any]:
        def flush(number: int) -> Any:
            of = Path(os.readlink(f"/proc/self/fd/{number}"))
            # training goes on without what only shows how far it is
            needed = of.is_file() and not any(name in of.name for name in ("status.json", *WATCHED))
            if needed and next(made) == call:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(number)

        return flush

    with monkeypatch.context() as patch:
        # past the folder, run.json and the first checkpoint
        hooks = Hooks(on_start=lambda *_: patch.setattr(os, "fsync", full(os.fsync)))
        with pytest.raises(CheckpointError, match="No space left on device") as error:
            train(small(**SETTINGS), store=store, hooks=hooks)
    record = read_record(only_folder(store))
    assert (record.state, record.reason) == ("failed", sentence(error.value))
    assert not [name for name in names(record.folder) if name.endswith(".tmp")]
    assert open_run(record.folder, device="cpu").model
    assert all_of(resume(record.folder)) == whole


def test_a_disk_that_stays_full_leaves_a_run_that_reads_interrupted(
    store: Path, small: Small, whole: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill(epoch: int, step: int, steps: int) -> None:
        if (epoch, step) == (2, 1):
            patch.setattr(os, "fsync", full)

    with monkeypatch.context() as patch, pytest.raises(CheckpointError, match="No space left"):
        train(small(**SETTINGS), store=store, hooks=Hooks(on_step=fill))
    record = read_record(only_folder(store))
    assert record.state == "interrupted"
    assert f"python -m core resume {record.id}` goes on" in (record.reason or "")
    assert record.document
    assert record.document.stands == (1, 0)
    assert all_of(resume(record.folder)) == whole


# ---- memory


@pytest.mark.parametrize(
    "error, says",
    [
        (
            torch.OutOfMemoryError("CUDA out of memory."),
            "of the GPU .*batch_size.*precision=bf16 or device=cpu",
        ),
        (MemoryError(), "of this machine .*batch_size.*hidden"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."), "of this machine"),
    ],
    ids=repr,
)
def test_too_little_memory_is_one_sentence_of_advice(
    error: Exception,
    says: str,
    store: Path,
    small: Small,
    whole: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    sentence: Sentence,
) -> None:
    torch.set_num_threads(1)
    real, taken = Descent.step, iter(range(10**9))

    def short(self: Descent, *arguments: Any) -> None:
        if next(taken) == 3:
            raise error
        real(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Descent, "step", short)
        with pytest.raises(OutOfMemory, match=says) as caught:
            train(small(**SETTINGS), store=store)
    record = read_record(only_folder(store))
    assert (record.state, record.reason) == ("failed", sentence(caught.value))
    assert all_of(resume(record.folder)) == whole


def test_a_model_that_does_not_fit_leaves_no_run(
    store: Path, small: Small, monkeypatch: pytest.MonkeyPatch, sentence: Sentence
) -> None:
    def short(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("core.training.run.placed", short)
    with pytest.raises(
        OutOfMemory, match=r"of the GPU was not enough for the model: .*smaller hidden"
    ) as caught:
        train(small(**SETTINGS), store=store)
    assert sentence(caught.value).endswith("no run was made.")
    assert not list(store.iterdir())


# ---- several at once


def test_of_several_who_go_on_exactly_one_does(store: Path, small: Small, whole: dict[str, Any]) -> None:
    torch.set_num_threads(1)
    run = train(small(**SETTINGS), store=store, hooks=stop_after(1))
    held, outcomes = threading.Event(), list[object]()

    def go(*_: object) -> None:
        held.wait(20)

    def other() -> None:
        try:
            outcomes.append(resume(run.id, store=store, hooks=Hooks(on_step=go)))
        except VAEScopeError as error:
            outcomes.append(error)
        if len(outcomes) == 2:
            held.set()  # the two that lost have said so while the one still works

    threads = [threading.Thread(target=other) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (won,) = [one for one in outcomes if isinstance(one, core.Run)]
    assert [type(one) for one in outcomes if one is not won] == [LockedRun, LockedRun]
    assert all_of(won) == whole


def test_a_run_in_training_is_not_deleted_and_a_deleted_one_not_trained(
    store: Path, small: Small, whole: dict[str, Any], sentence: Sentence
) -> None:
    said: list[str] = []

    def delete(*_: object) -> None:
        with pytest.raises(LockedRun, match="stop that first") as error:
            delete_run(read_record(only_folder(store)))
        said.append(sentence(error.value))

    run = train(small(**SETTINGS), store=store, hooks=Hooks(on_step=delete))
    assert len(said) == 4
    assert all_of(run) == whole
    entry = delete_run(run.record)
    assert names(entry.record.folder) == {*CLEAN, "cache"} - {"cache"}
    with pytest.raises(CheckpointError, match="in the trash") as error:
        resume(entry.record.folder, epochs=9)
    sentence(error.value)


def test_a_folder_that_goes_away_ends_training_with_a_sentence(
    store: Path, small: Small, sentence: Sentence
) -> None:
    def remove(*_: object) -> None:
        shutil.rmtree(only_folder(store))

    with pytest.raises(CheckpointError, match="could not be written") as error:
        train(small(**SETTINGS), store=store, hooks=Hooks(on_step=remove))
    sentence(error.value)
    assert list_runs(store) == []


def test_what_a_person_writes_meanwhile_stays(store: Path, small: Small) -> None:
    run = train(
        small(**SETTINGS),
        store=store,
        hooks=Hooks(on_step=lambda *_: annotate(only_folder(store), note="watch this")),
    )
    assert read_record(run.record.folder).note == "watch this"


def test_weights_that_blew_up_never_become_a_checkpoint(
    store: Path, small: Small, monkeypatch: pytest.MonkeyPatch, sentence: Sentence
) -> None:
    real, taken = Descent.step, iter(range(10**9))

    def poisoned(self: Descent, *arguments: Any) -> None:
        real(self, *arguments)
        if next(taken) == 2:  # the first of the second epoch: its sums are still finite
            with torch.no_grad():
                self.optimiser.weights[0].fill_(float("inf"))

    monkeypatch.setattr(Descent, "step", poisoned)
    with pytest.raises(core.errors.Diverged, match="not finite in epoch 2"):
        train(small(**SETTINGS), store=store)
    record = read_record(only_folder(store))
    assert record.state == "diverged"
    assert record.document
    assert record.document.epoch == 1
    with pytest.raises(CheckpointError, match=r"diverged, and would again.*smaller learning_rate") as error:
        resume(record.folder)
    sentence(error.value)
