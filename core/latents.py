"""Stored latents: a split's posteriors and scores per image, so that pages open without torch and without the data."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.data.images import SPLITS
from core.errors import CheckpointError
from core.files import read_arrays, write_arrays

LIMIT = 4 * 2**30
"""Bytes: 70,000 images with 1,024 latent dimensions need 0.6 GB."""


@dataclass(frozen=True, eq=False)
class Latents:
    """One split of a run, one row an image. Without a posterior `means` is the code, and the rest is None."""

    ids: np.ndarray
    """(N,) int64, row in the source"""
    labels: np.ndarray
    """(N,) int64, -1 = none"""
    means: np.ndarray
    """(N, L) float32"""
    log_variances: np.ndarray | None
    """(N, L) float32"""
    distortion: np.ndarray
    """(N,) float32, nats"""
    rate: np.ndarray | None
    """(N,) float32, nats"""
    splits: np.ndarray | None = None
    """(N,) int8, index into core.data.images.SPLITS: rows of several splits may stand in one table. In a file it is not
    stored, since the file's name says it; None = not known"""

    def __len__(self) -> int:
        """Count the images."""
        return len(self.ids)

    def select(self, rows: np.ndarray) -> "Latents":
        """Keep some rows, in that order."""
        return Latents(
            ids=self.ids[rows],
            labels=self.labels[rows],
            means=self.means[rows],
            log_variances=None if self.log_variances is None else self.log_variances[rows],
            distortion=self.distortion[rows],
            rate=None if self.rate is None else self.rate[rows],
            splits=None if self.splits is None else self.splits[rows],
        )


def concatenated(tables: Sequence[Latents]) -> Latents:
    """Put tables of one run under one another; there must be at least one."""

    def column(name: str) -> Any:
        arrays = [getattr(table, name) for table in tables]
        return None if any(array is None for array in arrays) else np.concatenate(arrays)

    return Latents(**{name: column(name) for name in Latents.__dataclass_fields__})


def of_split(split: str, rows: int) -> np.ndarray:
    """The column `splits` of so many rows of one split."""
    return np.full(rows, SPLITS.index(split), np.int8)


KINDS = {
    "ids": (1, np.int64),
    "labels": (1, np.int64),
    "means": (2, np.float32),
    "log_variances": (2, np.float32),
    "distortion": (1, np.float32),
    "rate": (1, np.float32),
}
OPTIONAL = ("log_variances", "rate")


def save_latents(path: Path, latents: Latents) -> None:
    """Write an .npz, whole or not at all.

    Raises:
        CheckpointError: the disk is full or the folder cannot be written.
    """
    arrays = {name: getattr(latents, name) for name in KINDS}
    write_arrays(path, {name: array for name, array in arrays.items() if array is not None})


def load_latents(path: Path) -> Latents:
    """Read an .npz of latents; arrays are read-only.

    Raises:
        CheckpointError: missing, damaged, or arrays of the wrong kind or length.
    """
    remedy = "delete it and open the run again"
    arrays: dict[str, np.ndarray | None] = {**read_arrays(path, KINDS, limit=LIMIT, remedy=remedy)}
    for name, (dimensions, kind) in KINDS.items():
        array = arrays.setdefault(name, None)
        if array is None:
            if name in OPTIONAL:
                continue
            raise CheckpointError(f"'{path.name}' has no '{name}': {remedy}.")
        rows = arrays["ids"].shape[0] if arrays["ids"].ndim else -1  # type: ignore[union-attr]
        if array.ndim != dimensions or array.dtype != kind or len(array) != rows:
            raise CheckpointError(f"'{path.name}' has a '{name}' of {array.dtype} {array.shape}: {remedy}.")
        array.setflags(write=False)
    log_variances, means = arrays["log_variances"], arrays["means"]
    if log_variances is not None and log_variances.shape != means.shape:  # type: ignore[union-attr]
        raise CheckpointError(f"'{path.name}' has 'log_variances' of {log_variances.shape}: {remedy}.")
    return Latents(**{name: arrays[name] for name in KINDS})  # type: ignore[arg-type]
