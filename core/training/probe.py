"""A fixed probe set, seen through a run after each reported epoch: how the latent space formed. No torch in here.

`probe.json` says which images, `probe.f32` holds their means, `shown.npz` the newest reconstructions of a few of them.

`probe.f32` is rows of `2 + n L` little-endian float32: a mark, the means (n, L), the mark again. The mark is the epoch
plus 1, so that a row that a crash tore, or left as zeros, differs at its two ends and ends the reading. The last row is
the newest epoch; the rows before it stand at a stride of reported epochs that doubles whenever they would be more than
`most_rows` allows, and half of them go.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.data.images import SPLITS, ImageSet
from core.errors import CheckpointError
from core.files import atomic_write, one_line, read_arrays, read_json, write_arrays, write_json

DOCUMENT, MEANS, SHOWN = "probe.json", "probe.f32", "shown.npz"

IMAGES = 2000
"""Of a probe set at most"""
SHOWN_IMAGES = 16
"""The first of the probe set, whose reconstructions are kept"""
ROWS = 500
"""Epochs kept at most; fewer where latents are so wide that these would take more than `BYTES`"""
FEWEST_ROWS = 16
BYTES = 64 * 2**20
SHOWN_LIMIT = 256 * 2**20
REMEDY = "delete it, training writes it anew"


@dataclass(frozen=True, eq=False)
class Probe:
    """The means of a probe set through training."""

    split: str
    ids: np.ndarray
    """(n,) int64, rows in the source"""
    labels: np.ndarray
    """(n,) int64, -1 = none"""
    class_names: tuple[str, ...]
    epochs: np.ndarray
    """(E,) int64, ascending; 0 = before training"""
    means: np.ndarray
    """(E, n, L) float32, read-only"""


@dataclass(frozen=True, eq=False)
class Shown:
    """Some images of a probe set, and what the run made of them at the mean after an epoch."""

    epoch: int
    ids: np.ndarray
    """(m,) int64, the first of the probe set's"""
    originals: np.ndarray
    """(m, C, H, W) uint8, in data size"""
    reconstructions: np.ndarray
    """(m, C, H, W) uint8"""


def choose(images: int, *, seed: int) -> np.ndarray:
    """Rows of the probe set among so many images: the first of a seeded permutation, (n,) int64."""
    return np.random.default_rng(seed).permutation(images)[:IMAGES]


def most_rows(numbers: int) -> int:
    """Epochs kept at most, of so many numbers each."""
    return int(np.clip(BYTES // (4 * numbers), FEWEST_ROWS, ROWS))


def _rows(path: Path, numbers: int, *, newest: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Epochs (E,) and means (E, numbers) of the whole rows of a file, up to the first that is not what it should be.

    Read and not mapped: a mapped file that training cuts short would kill the process that looks.
    """
    width = numbers + 2
    payload = b""
    with contextlib.suppress(OSError), path.open("rb") as file:
        count = os.fstat(file.fileno()).st_size // (4 * width)
        file.seek(4 * width * max(0, count - 1) if newest else 0)
        payload = file.read(4 * width * count)
    count = len(payload) // (4 * width)
    table = np.frombuffer(payload, "<f4", count * width).reshape(count, width)
    marks = table[:, 0]
    sound = (marks == table[:, -1]) & (marks >= 1) & (np.diff(marks, prepend=0) > 0)
    whole = count if sound.all() else int(np.argmin(sound))
    return marks[:whole].astype(np.int64) - 1, table[:whole, 1:-1]


def read_probe(folder: Path, *, newest: bool = False) -> Probe | None:
    """Read a run's probe set; None where there is none yet. A last row that is still being written is left out.

    Args:
        folder: of the run.
        newest: only the last epoch's row, without reading the others.

    Raises:
        CheckpointError: its document is damaged.
    """
    path = folder / DOCUMENT
    if not path.is_file():
        return None
    told = read_json(path)
    try:
        ids, labels = (np.asarray(told[name], np.int64) for name in ("ids", "labels"))
        latent, names, split = told["latent"], told["class_names"], told["split"]
        sound = ids.shape == labels.shape == (len(ids),) and isinstance(latent, int) and latent > 0
        sound = sound and split in SPLITS and isinstance(names, list)
    except (KeyError, TypeError, ValueError, OverflowError):
        sound = False
    if not sound:
        raise CheckpointError(f"'{DOCUMENT}' is damaged: {REMEDY}.")
    epochs, means = _rows(folder / MEANS, len(ids) * latent, newest=newest)
    names = tuple(one_line(name, limit=120) for name in names)
    return Probe(split, ids, labels, names, epochs, means.reshape(len(epochs), len(ids), latent))


def read_shown(folder: Path) -> Shown | None:
    """Read the newest reconstructions; None where there are none yet.

    Raises:
        CheckpointError: the file is damaged.
    """
    if not (folder / SHOWN).is_file():
        return None
    arrays = read_arrays(
        folder / SHOWN, ("epoch", "ids", "originals", "reconstructions"), limit=SHOWN_LIMIT, remedy=REMEDY
    )
    try:
        found = Shown(int(arrays["epoch"]), arrays["ids"], arrays["originals"], arrays["reconstructions"])
        sound = (
            found.originals.shape
            == found.reconstructions.shape
            == (len(found.ids), *found.originals.shape[1:])
        )
        sound = sound and found.originals.ndim == 4
        sound = sound and found.originals.dtype == found.reconstructions.dtype == np.uint8
    except (KeyError, TypeError, ValueError):
        sound = False
    if not sound:
        raise CheckpointError(f"'{SHOWN}' is damaged: {REMEDY}.")
    return found


class ProbeWriter:
    """Appends a probe set's means epoch by epoch, and keeps them from growing without end."""

    def __init__(
        self, folder: Path, images: ImageSet, *, latent: int, report_every: int, after: int | None = None
    ) -> None:
        """Begin, or go on after so many epochs: rows of later ones are cut off.

        Args:
            folder: of the run.
            images: the probe set.
            latent: dimensions.
            report_every: epochs from one row to the next, before any was thinned out.
            after: epochs done before; None begins anew.

        Raises:
            CheckpointError: the files cannot be written.
        """
        self._path, self._numbers = folder / MEANS, len(images) * latent
        self._most = most_rows(self._numbers)
        document = {
            "split": images.split,
            "ids": images.ids.tolist(),
            "labels": images.labels.tolist(),
            "class_names": list(images.class_names),
            "latent": latent,
        }
        self.epochs: list[int] = []
        if after is not None and _same(folder, document):
            before = _rows(self._path, self._numbers)[0].tolist()
            self.epochs = [one for one in before if one <= after]
        else:
            write_json(folder / DOCUMENT, document)
        self._size(len(self.epochs))
        # in epochs; the last row may stand off it
        self._stride = int(np.gcd.reduce([0, *self.epochs[:-1]])) or report_every

    def _size(self, rows: int) -> None:
        """Keep so many rows of the file, and nothing after them.

        Raises:
            CheckpointError: it cannot be written.
        """
        try:
            with self._path.open("ab") as file:
                file.truncate(4 * (self._numbers + 2) * rows)
        except OSError as error:
            raise self._cannot(error.strerror or str(error)) from error

    def _cannot(self, why: str) -> CheckpointError:
        return CheckpointError(f"'{MEANS}' could not be written to {self._path.parent}: {why}.")

    def add(self, epoch: int, means: np.ndarray) -> None:
        """Add the means (n, L) after an epoch, the newest so far.

        Raises:
            CheckpointError: they cannot be written; what was there before still reads.
        """
        if self.epochs and self.epochs[-1] % self._stride:
            self.epochs.pop()
        if len(self.epochs) >= self._most:
            self._thin()
        row = _table([epoch], means.reshape(1, -1))
        try:
            # at its place, not at the end: a row that could not be written whole is written over
            with self._path.open("r+b", buffering=0) as file:
                file.seek(len(self.epochs) * len(row))
                whole = file.write(row) == len(row)
        except OSError as error:
            raise self._cannot(error.strerror or str(error)) from error
        if not whole:
            raise self._cannot("the disk is full")
        self.epochs.append(epoch)

    def _thin(self) -> None:
        epochs, means = _rows(self._path, self._numbers)
        while len(self.epochs) >= self._most:
            self._stride *= 2
            self.epochs = [one for one in self.epochs if one % self._stride == 0]
        kept = np.isin(epochs, self.epochs)
        self.epochs = epochs[kept].tolist()
        atomic_write(self._path, _table(self.epochs, means[kept]))


def _table(epochs: list[int], means: np.ndarray) -> bytes:
    """Rows of the file, from means (E, numbers)."""
    marks = np.array(epochs, "<f4")[:, None] + 1
    return np.hstack([marks, means, marks]).astype("<f4").tobytes()


def _same(folder: Path, document: dict[str, Any]) -> bool:
    """Whether a folder has this very probe set already."""
    with contextlib.suppress(CheckpointError):
        return read_json(folder / DOCUMENT) == document
    return False


def write_shown(folder: Path, shown: Shown) -> None:
    """Replace the newest reconstructions.

    Raises:
        CheckpointError: as `write_arrays`.
    """
    write_arrays(
        folder / SHOWN,
        {
            "epoch": np.array(shown.epoch),
            "ids": shown.ids,
            "originals": shown.originals,
            "reconstructions": shown.reconstructions,
        },
    )
