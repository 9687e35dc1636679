"""status.json: how far a run in training is. Written by the process that trains; read without torch.

It is there while the process works, and after one that was killed; how a run ended stands in run.json. What can be
told by it ages: that the process lives is said by the run's lock alone.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from core.errors import CheckpointError
from core.files import one_line, read_json
from core.jobs import Reporter, positive, seconds_since

STATUS = "status.json"
LOADING, TRAINING, SCORING = "loading", "training", "scoring"

SILENCE = 60.0
"""Seconds without a word that are always taken for work: a laptop that swaps, a large file that is written"""
SILENCE_TIMES = 10
"""So many times the usual time between two words are taken for work as well: steps can be long"""


@dataclass(frozen=True)
class Status:
    """How far a run in training is."""

    phase: str
    """'loading', 'training' or 'scoring'"""
    epoch: int
    """From 1; 0 before the first"""
    epochs: int
    step: int
    """Steps done in this epoch"""
    steps: int
    """Steps in an epoch; 0 = nobody knows yet"""
    images_per_second: float | None
    """Over the phase so far; None before its second step"""
    seconds: float
    """Since training began, or went on"""
    left: float | None
    """Seconds until the phase ends (all epochs of training), by its rate so far; None = nobody knows"""
    pid: int | None
    """Number of the process that wrote it; it may be another one's by now, unless the run's lock is held"""
    age: float
    """Seconds since it was written"""
    every: float
    """Usual seconds between two words of this phase"""

    @property
    def share(self) -> float:
        """Share of all epochs that is done, 0 to 1."""
        if self.phase == SCORING:
            return 1.0
        part = self.step / self.steps if self.steps else 0.0
        return min(1.0, max(0.0, self.epoch - 1 + part) / self.epochs) if self.epochs and self.epoch else 0.0

    @property
    def silent(self) -> bool:
        """Whether nothing was told for longer than work explains."""
        return self.age > max(SILENCE, SILENCE_TIMES * self.every)


def read_status(folder: Path) -> Status | None:
    """Read a run's status; None where there is none, or nothing that can be read."""
    try:
        told = read_json(folder / STATUS)
    except CheckpointError:
        return None
    age, left, rate, number = (
        seconds_since(folder / STATUS),
        told.get("left"),
        positive(told.get("rate")),
        told.get("pid"),
    )
    return Status(
        phase=one_line(told.get("phase", ""), limit=60),
        epoch=int(positive(told.get("epoch"))),
        epochs=int(positive(told.get("epochs"))),
        step=int(positive(told.get("step"))),
        steps=int(positive(told.get("steps"))),
        images_per_second=rate or None,
        seconds=positive(told.get("seconds")) + age,
        left=max(0.0, left - age) if isinstance(left, int | float) else None,
        pid=number if isinstance(number, int) else None,
        age=age,
        every=positive(told.get("every")),
    )


class StatusWriter:
    """Tells status.json how far a run is. A status that cannot be written stops nothing."""

    def __init__(self, folder: Path, *, epochs: int, images: int, batch: int, epoch: int = 0) -> None:
        """Begin, with the first phase.

        Args:
            folder: of the run.
            epochs: of the whole run.
            images: training images.
            batch: images of a step.
            epoch: epochs done before.
        """
        self._path = folder / STATUS
        self._report = Reporter(self._path)
        self._epochs, self._images, self._batch = epochs, images, batch
        self._facts = {"epoch": epoch, "epochs": epochs, "step": 0, "steps": 0}
        self._base, self._last = 0, (0, 0)
        self._tell(LOADING, 0, 0)

    def step(self, epoch: int, done: int, steps: int) -> None:
        """Tell a step: `done` of `steps` in `epoch`, from 1."""
        self._facts = {"epoch": epoch, "epochs": self._epochs, "step": done, "steps": steps}
        seen = (epoch - 1) * self._images + min(done * self._batch, self._images)
        self._tell(TRAINING, seen, self._epochs * self._images)

    def scoring(self, done: int, total: int) -> None:
        """Tell that `done` of `total` images of a split are scored; one split follows another."""
        last, of = self._last
        if total != of or done <= last:
            self._base += last
        self._last = done, total
        self._tell(SCORING, self._base + done, self._base + total)

    def _tell(self, phase: str, done: int, total: int) -> None:
        with contextlib.suppress(CheckpointError):
            self._report(phase, done, total, **self._facts)

    def close(self) -> None:
        """Take the status away: from here on run.json says how it ended."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
