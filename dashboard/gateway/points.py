"""Points and their images: latents of a split, the points of a map, and the pixels behind their ids."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.config import RunConfig
from core.data import catalog
from core.data.images import ImageSet, stratified_sample
from core.errors import DataError
from core.latents import Latents
from core.runs import as_seen
from core.store import RunRecord
from dashboard.gateway.listing import opened

Progress = Callable[[int, int], None]

MAP_POINTS = 70_000
"""Points on a map at most; where there are more, a stratified, seeded sample is shown and said to be one."""

SMALL_DATA = 5_000
"""Data sets below this many images show both splits by default."""

ROW_BITS = 28
"""Bits of a map's id that hold the row in the source; the split stands above them."""
SPLIT_CODES = ("test", "train", "validation")


def has_images(record: RunRecord) -> bool:
    """Whether the images that a run was trained on are on this machine: its data set, with the same content."""
    assert record.document is not None
    dataset, fingerprint = record.config.dataset, record.document.data.fingerprint
    return catalog.is_available(dataset) and catalog.fingerprint(dataset) == fingerprint


def data_folder() -> Path:
    """Where data sets lie."""
    return catalog.data_folder()


def fetch(dataset: str, progress: Callable[[int, int, str], None]) -> None:
    """Download a data set; `progress` is called with bytes done, bytes in all (0: unknown) and the file's name.

    Raises:
        DataError: every mirror failed; the sentence says where to put the files by hand.
    """
    catalog.fetch(dataset, progress=progress)


def images(dataset: str, split: str) -> ImageSet:
    """Load an official split ('train' or 'test') of a data set.

    Raises:
        DataMissing: its files are not on this machine.
        DataError: they are damaged, or there is no such data set.
    """
    # by content too: a person may delete a data set of theirs, and add another one under its name
    return _images(dataset, catalog.fingerprint(dataset), split)


@st.cache_resource(max_entries=6, show_spinner=False)
def _images(dataset: str, fingerprint: str, split: str) -> ImageSet:
    return catalog.load(dataset, split)


def _seen(record: RunRecord, split: str) -> ImageSet:
    """The official split that holds a split's images, as the run is shown them: grey, or binary."""
    source, config = "test" if split == "test" else "train", record.config
    if config.binarise == "none":
        return images(config.dataset, source)
    return _binary(
        config.dataset, catalog.fingerprint(config.dataset), source, config.binarise, _config=config
    )


@st.cache_resource(max_entries=4, show_spinner=False)
def _binary(dataset: str, fingerprint: str, source: str, binarise: str, _config: RunConfig) -> ImageSet:
    return as_seen(images(dataset, source), _config)


def latents_ready(record: RunRecord, split: str) -> bool:
    """Whether a split's latents are stored or cached, so that `latents` returns at once."""
    return opened(record).latents_path(split) is not None


def latents(record: RunRecord, split: str, progress: Progress | None = None) -> Latents:
    """Posteriors of a split: stored, cached, or encoded now (`progress` is then called with images done and in all).

    Raises:
        DataMissing: they must be encoded and the data set is not on this machine.
        CheckpointError: a file is damaged.
    """
    made = None
    if progress is not None and not latents_ready(record, split):
        # outside the cached function: Streamlit refuses there what draws on the page, such as a bar
        made = opened(record).latents(split, progress=progress)
    return _latents(str(record.folder), record.stamp, split, _record=record, _made=made)


@st.cache_resource(max_entries=24, show_spinner=False)
def _latents(folder: str, stamp: str, split: str, _record: RunRecord, _made: Latents | None) -> Latents:
    return _made if _made is not None else opened(_record).latents(split)


@dataclass(frozen=True, eq=False)
class MapData:
    """The points of a map: rows of one or two splits of a run, perhaps a sample of them."""

    latents: Latents
    """The rows shown; `ids` are rows in the source"""
    ids: np.ndarray
    """(N,) uint32, unique over splits: see `split_and_row`"""
    splits: np.ndarray
    """(N,) uint8, index into SPLIT_CODES"""
    total: int
    """Images before sampling"""

    @property
    def sampled(self) -> bool:
        """Whether fewer points are shown than there are."""
        return len(self.ids) < self.total


def split_and_row(map_id: int) -> tuple[str, int]:
    """Split and row in the source of a point's id on a map."""
    return SPLIT_CODES[map_id >> ROW_BITS], map_id & ((1 << ROW_BITS) - 1)


def map_id(split: str, row: int) -> int:
    """Id on a map of a row in the source of a split."""
    return (SPLIT_CODES.index(split) << ROW_BITS) | row


def map_data(record: RunRecord, splits: Sequence[str], *, most: int = MAP_POINTS) -> MapData:
    """Points of a map over some splits, at most so many of them: a stratified sample with seed 0.

    Raises:
        DataMissing: latents must be encoded first and the data set is not here.
        CheckpointError: a file is damaged.
    """
    return _map_data(str(record.folder), record.stamp, tuple(splits), most, _record=record)


@st.cache_resource(max_entries=24, show_spinner=False)
def _map_data(folder: str, stamp: str, splits: tuple[str, ...], most: int, _record: RunRecord) -> MapData:
    parts = [latents(_record, split) for split in splits]
    codes = np.concatenate(
        [np.full(len(part), SPLIT_CODES.index(s), np.uint8) for s, part in zip(splits, parts, strict=True)]
    )

    def joined(name: str) -> Any:
        arrays = [getattr(part, name) for part in parts]
        return None if arrays[0] is None else np.concatenate(arrays)

    whole = Latents(**{name: joined(name) for name in Latents.__dataclass_fields__})
    rows = stratified_sample(whole.labels, n=most, seed=0)
    shown = whole.select(rows)
    ids = (codes[rows].astype(np.uint32) << ROW_BITS) | shown.ids.astype(np.uint32)
    return MapData(latents=shown, ids=ids, splits=codes[rows], total=len(whole))


def originals(record: RunRecord, map_ids: Sequence[int] | np.ndarray) -> np.ndarray:
    """Images of points, uint8 (N, C, H, W), in the given order.

    Raises:
        DataMissing: the data set is not on this machine.
        DataError: an id that the data set does not have.
    """
    parts = [source.pixels[place] for source, place in _in_sources(record, map_ids)]
    return np.stack(parts) if parts else np.zeros((0, *opened(record).shape), np.uint8)


def labels_of_points(record: RunRecord, map_ids: Sequence[int] | np.ndarray) -> np.ndarray:
    """Labels of the images of points, int64 (N,), -1 = none, in the given order.

    Raises:
        DataMissing: the data set is not on this machine.
        DataError: an id that the data set does not have.
    """
    return np.array([source.labels[place] for source, place in _in_sources(record, map_ids)], np.int64)


def _in_sources(record: RunRecord, map_ids: Sequence[int] | np.ndarray) -> Iterator[tuple[ImageSet, int]]:
    """The source of each point, and its place in it."""
    sources: dict[str, ImageSet] = {}
    for one in np.asarray(map_ids, np.int64):
        split, row = split_and_row(int(one))
        if split not in sources:
            sources[split] = _seen(record, split)
        source = sources[split]
        place = int(np.searchsorted(source.ids, row))
        if place >= len(source) or source.ids[place] != row:
            raise DataError(f"Data set '{record.config.dataset}' has no image {row} in {split}.")
        yield source, place


def originals_of_map(record: RunRecord, data: MapData) -> np.ndarray:
    """Images of all points of a map, uint8 (N, C, H, W), fast; vectors as they are, float32 (N, 1, 1, d).

    Raises:
        DataMissing: the data set is not on this machine.
    """
    kind = np.float32 if opened(record).document.data.kind == "vector" else np.uint8
    out = np.zeros((len(data.ids), *opened(record).shape), kind)
    for code, split in enumerate(SPLIT_CODES):
        chosen = data.splits == code
        if chosen.any():
            source = _seen(record, split)
            out[chosen] = source.pixels[np.searchsorted(source.ids, data.latents.ids[chosen])]
    return out


def example_ids(record: RunRecord, n: int, *, split: str = "test", seed: int = 0) -> np.ndarray:
    """Ids on a map of n images, stratified, seeded, ordered by label: the same for all runs of the data. uint32 (n,).

    Raises:
        DataMissing: neither the images nor the run's latents of the split are on this machine.
    """
    source: ImageSet | Latents
    if has_images(record):
        source = images(record.config.dataset, split)
    else:
        source = latents(record, split)
    rows = stratified_sample(source.labels, n=n, seed=seed)
    rows = rows[np.argsort(source.labels[rows], kind="stable")]
    return np.array([map_id(split, int(row)) for row in source.ids[rows]], np.uint32)
