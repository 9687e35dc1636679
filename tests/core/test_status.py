"""status.json: what training tells while it works, and what readers make of it"""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from core import jobs
from core.errors import CheckpointError, Diverged
from core.store import is_locked
from core.training.run import Hooks, train
from core.training.status import SCORING, STATUS, TRAINING, Status, StatusWriter, read_status
from tests.core.fitting import only_folder
from tests.core.shared import Small


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    return now


def read(folder: Path) -> Status:
    status = read_status(folder)
    assert status is not None
    return status


def test_training_tells_how_far_it_is_and_takes_it_away(store: Path, small: Small) -> None:
    seen: list[Status] = []

    def look(epoch: int, done: int, steps: int) -> None:
        if not seen:
            folder = only_folder(store)
            assert is_locked(folder)
            seen.append(read(folder))

    run = train(small(), store=store, hooks=Hooks(on_step=look))
    (first,) = seen
    assert (first.phase, first.epoch, first.epochs, first.step) == (TRAINING, 1, 3, 1)
    assert first.steps == 11  # 1,293 images, 128 a step
    assert first.pid == os.getpid()
    assert read_status(run.record.folder) is None


def test_it_is_gone_too_where_training_ends_otherwise(store: Path, small: Small) -> None:
    with pytest.raises(Diverged):
        train(small(beta=1e6, learning_rate=10), store=store)
    assert read_status(only_folder(store)) is None


def test_rate_and_time_left_are_over_all_epochs(store: Path, clock: list[float]) -> None:
    tell = StatusWriter(store, epochs=10, images=1000, batch=300)
    tell.step(1, 1, 4)
    clock[0] = 101.0
    tell.step(1, 4, 4)
    status = read(store)
    assert (status.epoch, status.step, status.steps) == (1, 4, 4)
    # 700 images in a second, 9,000 to go
    assert status.images_per_second == pytest.approx(700)
    assert status.left == pytest.approx(9000 / 700, abs=0.5)
    assert status.share == pytest.approx(0.1)
    clock[0] = 101.5
    tell.step(2, 1, 4)
    assert read(store).epoch == 1  # half a second later: not yet
    tell.scoring(360, 360)
    assert (read(store).phase, read(store).share) == (SCORING, 1.0)


def test_who_goes_on_does_not_count_what_was_done_before(store: Path, clock: list[float]) -> None:
    tell = StatusWriter(store, epochs=10, images=1000, batch=500, epoch=8)
    assert read(store).epoch == 8
    tell.step(9, 1, 2)
    clock[0] = 102.0
    tell.step(9, 2, 2)
    assert read(store).images_per_second == pytest.approx(250)
    assert read(store).left == pytest.approx(4, abs=0.5)


def test_images_scored_add_up_over_the_splits(store: Path, clock: list[float]) -> None:
    tell = StatusWriter(store, epochs=1, images=10, batch=5)
    for done, total in ((1000, 1293), (1293, 1293), (144, 144), (360, 360), (360, 360)):
        clock[0] += 2
        tell.scoring(done, total)
    assert json.loads((store / STATUS).read_text())["done"] == 1293 + 144 + 360 + 360


@pytest.mark.parametrize(
    "every, age, silent", [(1, 30, False), (1, 61, True), (20, 190, False), (20, 201, True)]
)
def test_silence_is_measured_by_the_usual_time_between_two_words(
    every: float, age: float, silent: bool, store: Path
) -> None:
    (store / STATUS).write_text(json.dumps({"phase": "training", "every": every, "left": 1000, "seconds": 5}))
    then = time.time() - age
    os.utime(store / STATUS, (then, then))
    status = read(store)
    assert status.silent is silent
    assert status.left == pytest.approx(1000 - age, abs=2)  # the time goes on between two words


def test_a_full_disk_does_not_end_training(
    store: Path, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise CheckpointError("The disk is full: free some space.")

    monkeypatch.setattr(jobs, "write_json", full)
    assert train(small(), store=store).state == "finished"


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"phase": 3, "epoch": "x", "left": [], "pid": "1", "every": -1}']
)
def test_what_is_damaged_is_no_error(text: str, store: Path) -> None:
    (store / STATUS).write_text(text)
    status = read_status(store)
    assert status is None or (status.epoch, status.left, status.pid, status.share) == (0, None, None, 0)
