"""Runs as the store lists them: records, histories, stored scores, and torch loaded in time."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.runs import Run
from core.store import RunRecord, TrashEntry, default_store, disk_use, list_runs, list_trash, read_history

WARM = threading.Event()
"""Set once `warm_up` has imported torch whole: what is only worth drawing then looks here."""


def warm_up() -> None:
    """Import torch in the background, so that the first decode does not wait for it; call after the first paint."""

    def load() -> None:
        import core.encoding

        assert core.encoding
        WARM.set()

    if not any(thread.name == "warm-up" for thread in threading.enumerate()):
        threading.Thread(target=load, name="warm-up", daemon=True).start()


def store_path() -> Path:
    """The folder whose runs are shown."""
    return default_store()


def runs(*, hidden: bool = False) -> list[RunRecord]:
    """List the store, newest first, broken runs too; read anew each time, so that other processes' runs appear."""
    return [record for record in list_runs() if hidden or not record.hidden]


def opened(record: RunRecord) -> Run:
    """Open a run, once for all sessions until its files change.

    Raises:
        CheckpointError: it is broken.
    """
    return _opened(str(record.folder), record.stamp, _record=record)


@st.cache_resource(max_entries=16, show_spinner=False)
def _opened(folder: str, stamp: str, _record: RunRecord) -> Run:
    return Run(_record)


def history(record: RunRecord) -> list[dict[str, Any]]:
    """Rows of a run's history, one an epoch, up to the one that it is opened at; not to be changed.

    Raises:
        CheckpointError: the file is damaged.
    """
    return _history(str(record.folder), record.stamp, record.at)


@st.cache_resource(max_entries=64, show_spinner=False)
def _history(folder: str, stamp: str, at: int | None) -> list[dict[str, Any]]:
    return [row for row in read_history(Path(folder)) if at is None or row["epoch"] <= at]


def score(record: RunRecord, name: str, split: str = "test") -> float | None:
    """One stored score of a split, None where it is not there or does not apply."""
    value = ((record.scores or {}).get(split) or {}).get(name)
    return float(value) if isinstance(value, int | float) else None


def can_be_scored(record: RunRecord) -> bool:
    """Whether `rescore` may store scores of a run: one that came with the project, or trains, is not written to."""
    return not record.bundled and (record.state != "running" or record.at is not None)


def rescore(record: RunRecord, progress: Callable[[int, int], None]) -> None:
    """Score a run from its weights and store its scores; `progress` is called with images done and in all of a split.

    Raises:
        DataMissing: the data set is not on this machine.
        DataError: it is damaged, or not what the run was trained on.
        LockedRun: a process is training the run.
        CheckpointError: its weights are missing or damaged, or its folder cannot be written.
    """
    from core import scoring  # with torch

    scoring.rescore(opened(record), progress=progress)


def rate_per_dimension(record: RunRecord, split: str) -> np.ndarray | None:
    """Stored rate of each dimension, nats per image: (L,), None without a posterior or before the first scores."""
    return score_per_dimension(record, "rate_per_dimension", split)


def score_per_dimension(record: RunRecord, name: str, split: str) -> np.ndarray | None:
    """One stored score of each dimension: (L,), None where it is not there or does not apply."""
    stored = ((record.scores or {}).get(split) or {}).get(name)
    return np.asarray(stored, np.float64) if isinstance(stored, list) and None not in stored else None


def pixels_per_image(record: RunRecord) -> int:
    """n: values per padded image."""
    assert record.document is not None
    channels, height, width = record.document.data.padded
    return channels * height * width


def folder_size(record: RunRecord) -> int | None:
    """Bytes on disk of a run's folder; None of a folder that is no run, which may hold anything."""
    return None if record.state == "foreign" else disk_use(record.folder)


def steps_per_epoch(record: RunRecord) -> int:
    """Batches of one epoch: the training images that were not held out, by batches, the last one perhaps smaller."""
    assert record.document is not None
    images = record.document.data.train
    return -(-images // record.config.step_size(images))


def trash() -> list[TrashEntry]:
    """Runs in the trash of the store, the last deleted first; read anew each time.

    Raises:
        CheckpointError: it cannot be read.
    """
    return list_trash()
