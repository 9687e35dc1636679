"""Selections: kept ones, queries, and the images of both as a run sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from core import store
from core.analysis import queries
from core.analysis.queries import Query
from core.data.images import split_validation
from core.latents import Latents, concatenated
from core.pixel_errors import BATCH, squared_errors
from core.store import RunRecord, Selection, read_selection, selection_files
from core.store.selections import How, ordered
from dashboard.gateway.listing import opened
from dashboard.gateway.points import (
    ROW_BITS,
    SPLIT_CODES,
    MapData,
    Progress,
    has_images,
    images,
    latents,
    latents_ready,
    originals,
)

SHELF = 32
"""Sets of images whose error maps are kept"""


def selections(dataset: str | None = None) -> list[Selection]:
    """All kept selections, newest first, broken ones last; of a data set, those of its name that can be read.

    Raises:
        CheckpointError: they cannot be listed.
    """
    found = []
    for path in selection_files():
        try:
            stamp = path.lstat()
        except OSError:  # deleted while we look
            continue
        found.append(_selection(str(path), stamp.st_mtime_ns, stamp.st_size, stamp.st_ino))
    return ordered(found, dataset)


@st.cache_resource(max_entries=256, show_spinner=False)
def _selection(path: str, time: int, size: int, inode: int) -> Selection:
    return read_selection(Path(path))


def selections_of(record: RunRecord) -> list[Selection]:
    """Kept selections of the data that a run was trained on, newest first.

    Raises:
        CheckpointError: they cannot be listed.
    """
    return [one for one in selections(record.config.dataset) if is_of(one, record)]


def is_of(selection: Selection, record: RunRecord) -> bool:
    """Whether a selection is of the data that a run was trained on."""
    return selection.data == data_of(record)


def data_of(record: RunRecord) -> tuple[str, str]:
    """Name and fingerprint of a run's data: selections of these are of its images."""
    assert record.document is not None
    return record.document.data.dataset, record.document.data.fingerprint


def save_selection(
    record: RunRecord,
    name: str,
    map_ids: Sequence[int] | np.ndarray,
    *,
    origin: str,
    query: Query | None = None,
) -> Selection:
    """Keep images under a name: of the run's data, in any order.

    Raises:
        ConfigError: the name is empty, too long or taken, or there is no image.
        CheckpointError: they cannot be written.
    """
    dataset, fingerprint = data_of(record)
    return store.save_selection(
        name,
        dataset=dataset,
        fingerprint=fingerprint,
        rows=rows_by_split(map_ids),
        origin=origin,
        run=record.id,
        query=None if query is None else query.document(),
    )


def combine_selections(first: Selection, second: Selection, how: How, name: str) -> Selection:
    """Keep the union, intersection or difference of two selections of one data set under a name.

    Raises:
        ConfigError: they are of different data, nothing is left, or the name is empty, too long or taken.
        CheckpointError: it cannot be written.
    """
    return store.save_selection(
        name,
        dataset=first.dataset,
        fingerprint=first.fingerprint,
        rows=store.combine(first, second, how),
        origin=store.combined_origin(first, second, how),
        run=first.run if first.run == second.run else None,
    )


# --- ids on a map -------------------------------------------------------------------------------------------------


def rows_by_split(map_ids: Sequence[int] | np.ndarray) -> dict[str, list[int]]:
    """Rows in the source by split, ascending, of ids on a map."""
    ids = np.unique(np.asarray(map_ids, np.int64))
    rows = {}
    for code, split in enumerate(SPLIT_CODES):
        of_split = ids[ids >> ROW_BITS == code]
        if len(of_split):
            rows[split] = (of_split & ((1 << ROW_BITS) - 1)).tolist()
    return rows


def selection_map_ids(selection: Selection, record: RunRecord | None = None) -> np.ndarray:
    """Ids on a map of a selection's images, uint32 (N,), ascending.

    Training and validation images are rows of one source, which runs divide differently. With a run, each row gets
    the split that it is in there; without one, or where neither its latents nor the data are here, the split in which
    it was selected.
    """
    rows: Mapping[str, Sequence[int] | np.ndarray] = selection.rows
    if record is not None and ("train" in rows or "validation" in rows):
        source = np.unique(
            np.concatenate([np.asarray(rows.get(s, ()), np.int64) for s in ("train", "validation")])
        )
        held_out = _held_out(record, source)
        if held_out is not None:
            rows = {"test": rows.get("test", ()), "train": source[~held_out], "validation": source[held_out]}
    parts = [
        (SPLIT_CODES.index(split) << ROW_BITS) | np.asarray(numbers, np.int64)
        for split, numbers in rows.items()
    ]
    return np.sort(np.concatenate(parts)).astype(np.uint32)


def _held_out(record: RunRecord, source: np.ndarray) -> np.ndarray | None:
    """Which training rows of the source a run held out for validation, (N,) bool; None where nothing here says."""
    assert record.document is not None
    if not record.document.data.validation:
        return np.zeros(len(source), bool)
    if latents_ready(record, "train"):
        return np.isin(source, latents(record, "train").ids, invert=True)
    if has_images(record):
        config = record.config
        return np.isin(source, _validation_rows(data_of(record), config.validation, config.seed))
    return None


@st.cache_resource(max_entries=16, show_spinner=False)
def _validation_rows(data: tuple[str, str], share: float, seed: int) -> np.ndarray:
    _, held_out = split_validation(images(data[0], "train"), share=share, seed=seed)
    return held_out.ids


def points(record: RunRecord, map_ids: Sequence[int] | np.ndarray) -> MapData:
    """Latents of the images with these ids, in their order, as a run's map has them; without those it does not have.

    Raises:
        DataMissing: latents must be encoded first and the data set is not here.
        CheckpointError: a file is damaged.
    """
    ids = np.asarray(map_ids, np.uint32)
    codes = (ids >> ROW_BITS).astype(np.uint8)
    parts, places = [], []
    for code in np.unique(codes).tolist():
        of_split = np.flatnonzero(codes == code)
        table = latents(record, SPLIT_CODES[code])
        rows, here = _rows_of(table, ids[of_split].astype(np.int64) & ((1 << ROW_BITS) - 1))
        parts.append(table.select(rows[here]))
        places.append(of_split[here])
    if not parts:
        parts, places = [latents(record, "test").select(np.zeros(0, np.int64))], [np.zeros(0, np.int64)]
    order = np.argsort(np.concatenate(places), kind="stable")
    whole = concatenated(parts).select(order)
    kept = np.sort(np.concatenate(places))
    return MapData(latents=whole, ids=ids[kept], splits=codes[kept], total=len(ids))


def _rows_of(table: Latents, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of rows of the source in a table, and whether each is there, both (N,)."""
    order = np.argsort(table.ids, kind="stable")
    places = order[np.minimum(np.searchsorted(table.ids, wanted, sorter=order), len(table) - 1)]
    return places, table.ids[places] == wanted


# --- errors and queries -------------------------------------------------------------------------------------------


def errors_ready(record: RunRecord, split: str) -> bool:
    """Whether a split's errors are cached, so that `errors` returns at once."""
    return opened(record).errors_path(split) is not None


def errors(record: RunRecord, split: str, progress: Progress | None = None) -> np.ndarray:
    """Mean squared error per pixel of each image's reconstruction at the mean, in the order of `latents`: (N,) float32.

    Args:
        record: of the run.
        split: of the images.
        progress: called with images done and in all where they are computed now.

    Raises:
        DataMissing: they must be computed and the data set is not on this machine.
        CheckpointError: the weights are missing or damaged.
    """
    made = None
    if progress is not None and not errors_ready(record, split):
        # outside the cached function: Streamlit refuses there what draws on the page, such as a bar
        made = opened(record).errors(split, progress=progress)
    return _errors(str(record.folder), record.stamp, split, _record=record, _made=made)


@st.cache_resource(max_entries=24, show_spinner=False)
def _errors(folder: str, stamp: str, split: str, _record: RunRecord, _made: np.ndarray | None) -> np.ndarray:
    return _made if _made is not None else opened(_record).errors(split)


def matching_ids(record: RunRecord, query: Query) -> np.ndarray:
    """Ids on a map of the images of a run that a query asks for, uint32 (N,), ascending.

    Raises:
        ConfigError: a label that the data do not have.
        NotApplicable: a rate is asked of a family without a posterior.
        DataMissing: latents or errors must be computed first and the data set is not here.
        CheckpointError: a file is damaged.
    """
    assert record.document is not None
    found = []
    for split in query.splits:
        table = latents(record, split)
        rows = queries.matching(
            table,
            query,
            errors(record, split) if query.error is not None else None,
            class_names=record.document.data.class_names,
        )
        found.append((SPLIT_CODES.index(split) << ROW_BITS) | table.ids[rows])
    return np.sort(np.concatenate(found)).astype(np.uint32)


def splits_of(record: RunRecord) -> tuple[str, ...]:
    """The splits of which a run has images, the test images first."""
    assert record.document is not None
    return tuple(split for split in SPLIT_CODES if getattr(record.document.data, split))


# --- pictures of the error ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ErrorMaps:
    """Squared errors of reconstructions at the mean over a set of images, pixels in [0, 1], channels averaged."""

    per_image: np.ndarray
    """(N,) float32, mean over the pixels"""
    average: np.ndarray
    """(H, W) float64, mean over the images"""


def error_maps(record: RunRecord, data: MapData, progress: Progress | None = None) -> ErrorMaps:
    """Errors of a set of images, kept for the next time.

    Args:
        record: of the run.
        data: the images, one or more: see `points`.
        progress: called with images done and in all, where they are computed now.

    Raises:
        DataMissing: the data set is not on this machine.
        CheckpointError: the weights are missing or damaged.
    """
    shelf, key = _shelf(), (str(record.folder), record.stamp, data.ids.tobytes())
    if key not in shelf:
        shelf[key] = _error_maps(record, data, progress)
        while len(shelf) > SHELF:
            shelf.pop(next(iter(shelf)), None)
    return shelf[key]


@st.cache_resource(show_spinner=False)
def _shelf() -> dict[tuple[str, str, bytes], ErrorMaps]:
    # not one cached result a set of images: Streamlit refuses inside such a function what draws a bar on the page
    return {}


def error_maps_ready(record: RunRecord, data: MapData) -> bool:
    """Whether `error_maps` returns at once."""
    return (str(record.folder), record.stamp, data.ids.tobytes()) in _shelf()


def _error_maps(record: RunRecord, data: MapData, progress: Progress | None) -> ErrorMaps:
    run, count = opened(record), len(data.ids)
    per_image = np.zeros(count, np.float32)
    total = np.zeros(run.shape[1:])
    for start in range(0, count, BATCH):
        rows = slice(start, min(start + BATCH, count))
        made = run.decode(data.latents.means[rows], data.latents.labels[rows])
        squares = squared_errors(originals(record, data.ids[rows]), made)
        per_image[rows] = squares.mean(axis=(1, 2, 3))
        total += squares.mean(axis=1).sum(axis=0)
        if progress is not None:
            progress(rows.stop, count)
    average = total / max(count, 1)
    for array in (per_image, average):
        array.setflags(write=False)
    return ErrorMaps(per_image, average)
