"""Data sets, bars and tables."""

import io
import re
from pathlib import Path
from typing import Any

import pytest

from core.cli import terminal
from core.cli.terminal import CountProgress, TrainingProgress, plain, table, width
from core.config import RunConfig
from core.data import catalog
from core.errors import DataError
from tests.core.cli.shell import Shell, Terminal


def test_data_list(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path))
    rows = {row["name"]: row for row in shell.json("data", "list")}
    assert {name: row["available"] for name, row in rows.items()} == {
        "digits": True,
        "mnist": False,
        "fashion-mnist": False,
        "moons": True,
        "swiss-roll": True,
    }
    assert rows["digits"]["train_images"] + rows["digits"]["test_images"] == 1797
    assert shell("data", "list") == 0
    assert str(tmp_path) in shell.out
    assert re.search(r"^mnist +no +1x28x28 +60,000 +10,000 ", shell.out, re.MULTILINE)


def test_data_fetch(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell("data", "fetch", "digits") == 0
    assert "nothing to download" in shell.out

    def fetch(name: str, *, progress: Any) -> None:
        for file in ("images.gz", "labels.gz"):
            for done in (10, 20):
                progress(done, 0, f"{name}/{file}")

    monkeypatch.setattr(catalog, "fetch", fetch)
    assert shell("data", "fetch", "mnist") == 0
    assert shell.err.splitlines() == ["Downloading mnist/images.gz", "Downloading mnist/labels.gz"]
    assert "MNIST is complete" in shell.out

    def fail(name: str, *, progress: Any) -> None:
        raise DataError("Every mirror failed: try again.")

    monkeypatch.setattr(catalog, "fetch", fail)
    assert shell("data", "fetch", "mnist") == 1
    assert shell.err == "error: Every mirror failed: try again.\n"


# Progress and tables


def epoch_row(epoch: int, rate: float | None = 6.25) -> dict[str, Any]:
    return {"epoch": epoch, "seconds": 30.0, "validation": {"distortion": 20.5, "rate": rate}}


def test_the_bar_counts_all_steps_and_shows_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    stream = Terminal()
    progress = TrainingProgress(runs=2, stream=stream)
    for run in ("first", "second"):
        progress.start(run, RunConfig(epochs=3))
        for epoch in (1, 2, 3):
            for done in range(1, 11):
                progress.step(epoch, done, 10)
            progress.epoch(epoch_row(epoch))
    progress.close()
    shown = stream.getvalue()
    assert "Training first" in shown
    last = shown.rstrip().splitlines()[-1].split("\r")[-1]
    assert "run 2/2, epoch 3/3" in last
    assert "60/60" in last
    assert "validation D 20.500, R 6.250 nats" in last
    assert re.search(r"30/60 \[\d\d:\d\d<\d\d:\d\d", shown)
    assert progress.started == ["first", "second"]


def test_without_a_terminal_a_line_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((100.0, 110.0, 120.0))
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    stream = io.StringIO()
    progress = TrainingProgress(stream=stream)
    progress.start("one", RunConfig(epochs=3))
    for epoch in (1, 2):
        progress.step(epoch, 1, 1)
        progress.epoch(epoch_row(epoch))
    progress.epoch({"epoch": 3, "seconds": 10.0, "test": {"distortion": 20.5, "rate": None}})
    progress.close()
    assert stream.getvalue().splitlines() == [
        "Training one",
        "epoch 1/3: validation D 20.500, R 6.250 nats per image, 1:00 left",
        "epoch 2/3: validation D 20.500, R 6.250 nats per image, 0:10 left",
        "epoch 3/3: test D 20.500 nats per image, 0:00 left",
    ]


def test_a_reader_that_has_gone_away_costs_no_run() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    progress = TrainingProgress(stream=Gone())
    progress.start("one", RunConfig(epochs=1))
    progress.epoch(epoch_row(1))
    assert progress.started == ["one"]


def test_the_download_bar_follows_a_second_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    progress = CountProgress(unit="B", stream=stream)
    for done, total in ((1024, 4096), (3072, 4096), (512, 2048), (2048, 2048)):
        progress(done, total, "images.gz")
    progress.close()
    assert "images.gz: 100%" in stream.getvalue()
    assert "2.00k/2.00k" in stream.getvalue()


def test_tables_are_aligned_for_wide_and_combining_characters() -> None:
    lines = table(("name", "n"), [("数字", "7"), ("e\u0301", "12"), ("\x1b", "5")], right=("n",))
    assert [width(line) for line in lines] == [8, 8, 8, 8]
    assert lines[0] == "name   n"
    assert lines[2].endswith("12")
    assert plain("a\tb\r\u2028é数") == "a\\tb\\r\\u2028é数"


@pytest.mark.parametrize(
    "seconds, text", [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3599, "59:59"), (3723, "1:02:03")]
)
def test_durations(seconds: float, text: str) -> None:
    assert terminal.duration(seconds) == text
