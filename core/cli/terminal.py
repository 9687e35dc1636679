"""What a terminal is shown: plain text, aligned tables, JSON, and progress with the time left."""

import contextlib
import json
import math
import sys
import time
import unicodedata
from collections.abc import Sequence
from typing import Any, TextIO

from core.config import RunConfig

STOPPED = 130
"""Exit code of what was stopped by Ctrl+C or SIGTERM"""


def plain(text: str) -> str:
    """Make text one line that cannot steer a terminal: control, format and line-breaking characters become escapes."""
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" else c
        for c in text
    )


def emit(*lines: str, stream: TextIO | None = None) -> None:
    """Print lines, each made plain: all output but JSON takes this way. To stdout if no stream is given."""
    for line in lines:
        print(plain(line), file=stream or sys.stdout)


def complain(*lines: str) -> None:
    """Print lines to stderr; a reader that has gone away is no reason to fail."""
    with contextlib.suppress(BrokenPipeError):
        emit(*lines, stream=sys.stderr)


def finite(value: Any) -> Any:
    """Replace every float that JSON cannot hold by None, at any depth."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def emit_json(value: Any) -> None:
    """Print one JSON value, ASCII only, so that no name in it can steer a terminal."""
    print(json.dumps(finite(value), indent=1, allow_nan=False))


def width(text: str) -> int:
    """Columns that a terminal gives to a text: two for wide characters, none for combining ones."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def shorten(text: str, limit: int) -> str:
    """Cut a text that takes more than `limit` columns, and show that it was cut."""
    if width(text) <= limit:
        return text
    while width(text) > limit - 1:
        text = text[:-1]
    return f"{text}\u2026"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> list[str]:
    """Lay out rows under a header in aligned columns; those named in `right` are flush right, as numbers are."""
    cells = [list(header), *([plain(cell) for cell in row] for row in rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        padded = []
        for cell, name, size in zip(row, header, widths, strict=True):
            space = " " * (size - width(cell))
            padded.append(space + cell if name in right else cell + space)
        return "  ".join(padded).rstrip()

    return [line(row) for row in cells]


def number(value: Any, *, decimals: int | None = None) -> str:
    """Write a number with so many decimals, or five significant digits; whole numbers in full, no number as '-'."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "-"
    if decimals is not None:
        return f"{value:,.{decimals}f}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.5g}"


def duration(seconds: float) -> str:
    """Write seconds as 0:07 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _bar(stream: TextIO, **options: Any) -> Any:
    from tqdm import tqdm

    return tqdm(file=stream, dynamic_ncols=True, **options)


class TrainingProgress:
    """One bar over all steps of all runs, with the time left; where stderr is no terminal, one line an epoch.

    Its methods are the hooks of `core.training.run.Hooks`. `started` holds the ids of the runs begun.
    """

    def __init__(
        self, *, runs: int = 1, before: tuple[int, int] = (0, 0), stream: TextIO | None = None
    ) -> None:
        """Of so many runs; the first has `before`, epochs and steps of the next, behind it."""
        self._before = before
        self.started: list[str] = []
        self._runs = runs
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._bar: Any = None
        self._first_end: tuple[int, float] | None = None
        self._epochs = 0

    def start(self, run_id: str, config: RunConfig) -> None:
        """Note that a run has its folder."""
        self.started.append(run_id)
        self._epochs = config.epochs
        if self._bar is not None:
            self._bar.set_postfix_str("", refresh=False)
        self._say(f"Training {run_id}")

    def step(self, epoch: int, done: int, steps: int) -> None:
        """Count one step."""
        if not self._terminal:
            return
        if self._bar is None:
            # every run of a sweep has the same number of steps, known only now
            self._bar = _bar(self._stream, total=self._runs * self._epochs * steps, unit="step")
            self._bar.update(self._before[0] * steps + self._before[1])
        if done == 1:
            self._bar.set_description_str(self._where(epoch), refresh=False)
        self._bar.update(1)

    def epoch(self, row: dict[str, Any]) -> None:
        """Show the held-out D and R of an epoch that ended; `row` is its row of history."""
        split = "validation" if "validation" in row else "test"
        scores = row.get(split) or {}
        values = f"{split} D {number(scores.get('distortion'), decimals=3)}"
        if scores.get("rate") is not None:
            values += f", R {number(scores['rate'], decimals=3)}"
        if self._bar is not None:
            self._bar.set_postfix_str(f"{values} nats")
        elif not self._terminal:
            done = (len(self.started) - 1) * self._epochs + row["epoch"]
            each = self._seconds_an_epoch(done, row)
            left = duration(each * (self._runs * self._epochs - done))
            self._say(f"{self._where(row['epoch'])}: {values} nats per image, {left} left")

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _seconds_an_epoch(self, done: int, row: dict[str, Any]) -> float:
        # counted from the first row on, which is slow for reasons that do not come back
        if self._first_end is None:
            self._first_end = (done, time.monotonic())
            return float(row["seconds"]) / (done - self._before[0])
        first, then = self._first_end
        return (time.monotonic() - then) / (done - first)

    def _where(self, epoch: int) -> str:
        run = f"run {len(self.started)}/{self._runs}, " if self._runs > 1 else ""
        return f"{run}epoch {epoch}/{self._epochs}"

    def _say(self, line: str) -> None:
        # `train ... 2>&1 | head` must not cost anyone a run
        with contextlib.suppress(BrokenPipeError):
            if self._bar is not None:
                self._bar.clear()
            emit(line, stream=self._stream)
            self._stream.flush()


class CountProgress:
    """A bar over images or bytes, for one thing after another; where stderr is no terminal, a line for each thing."""

    def __init__(self, *, unit: str, announce: bool = True, stream: TextIO | None = None) -> None:
        self._unit = unit
        self._announce = announce
        self._stream = stream or sys.stderr
        self._name: str | None = None
        self._bar: Any = None

    def __call__(self, done: int, total: int, name: str = "") -> None:
        """Show that `done` of `total` (0 if unknown) are done of the thing called `name`."""
        if name != self._name:
            self.close()
            self._name = name
            if self._stream.isatty():
                scale = {"unit_scale": True, "unit_divisor": 1024} if self._unit == "B" else {}
                self._bar = _bar(
                    self._stream, total=total or None, desc=plain(name), unit=self._unit, **scale
                )
            elif self._announce:
                complain(f"Downloading {name}")
        if self._bar is not None:
            self._bar.total = total or None
            # a second mirror begins again at 0
            self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
