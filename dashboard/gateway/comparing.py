"""Runs against each other: settings, paired scores, and how alike they see the same images."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from core.analysis import alignment as aligning
from core.analysis import similarity as comparing
from core.analysis.comparison import PairedDifference, Setting, differing_settings, paired_rows, paired_scores
from core.analysis.tradeoff import comparable_key
from core.latents import Latents
from core.store import RunRecord
from dashboard.gateway.listing import pixels_per_image
from dashboard.gateway.points import MapData, latents, latents_ready, map_data


def settings_that_differ(*records: RunRecord) -> list[Setting]:
    """Settings in which runs differ, with what they mean and to which runs they apply.

    Raises:
        CheckpointError: a run is not readable.
    """
    configs = [record.config for record in records]
    return differing_settings(*configs, pixels=[pixels_per_image(record) for record in records])


def paired(first: RunRecord, second: RunRecord) -> dict[str, PairedDifference]:
    """Differences first - second of D, R and negative ELBO over the same test images, with their 95 % intervals.

    Empty where the runs are not comparable, or where test latents would have to be encoded first.

    Raises:
        CheckpointError: a file is damaged.
    """
    if comparable_key(first) != comparable_key(second):
        return {}
    if not (latents_ready(first, "test") and latents_ready(second, "test")):
        return {}
    return paired_scores(latents(first, "test"), latents(second, "test"))


def paired_points(
    first: MapData, second: MapData, rows: tuple[np.ndarray, np.ndarray]
) -> dict[str, PairedDifference]:
    """The same differences over chosen points: `rows` are those of the same images in the two maps."""
    return paired_rows(first.latents.select(rows[0]), second.latents.select(rows[1]))


def alignment(
    first: RunRecord, second: RunRecord, splits: Sequence[str], method: aligning.Method
) -> aligning.Alignment | None:
    """Lay the second run's latents onto the first's over the images on both maps; None for fewer than two.

    Raises:
        DataMissing: latents must be encoded first and the data set is not here.
        CheckpointError: a file is damaged.
    """
    return _alignment(_key(first), _key(second), tuple(splits), method, _records=(first, second))


@st.cache_resource(max_entries=64, show_spinner=False)
def _alignment(
    first: tuple[str, str],
    second: tuple[str, str],
    splits: tuple[str, ...],
    method: aligning.Method,
    _records: tuple[RunRecord, RunRecord],
) -> aligning.Alignment | None:
    one, two = (_points(record, splits) for record in _records)
    ids, total = comparing.shared_ids([one, two], sample=max(len(one), len(two), 1))
    if total < 2:
        return None
    found = aligning.align(
        one.means[comparing.rows_of(one, ids)], two.means[comparing.rows_of(two, ids)], method=method
    )
    for array in (found.matrix, found.first_mean, found.second_mean):
        array.setflags(write=False)
    return found


def similarity(records: Sequence[RunRecord], splits: Sequence[str]) -> comparing.Similarity:
    """CKA and neighbourhood overlap of runs on the same data, over the images on all their maps.

    Raises:
        DataMissing: latents must be encoded first and the data set is not here.
        CheckpointError: a file is damaged.
    """
    return _similarity(tuple(_key(record) for record in records), tuple(splits), _records=records)


@st.cache_resource(max_entries=32, show_spinner=False)
def _similarity(
    keys: tuple[tuple[str, str], ...], splits: tuple[str, ...], _records: Sequence[RunRecord]
) -> comparing.Similarity:
    found = comparing.similarity([_points(record, splits) for record in _records])
    found.cka.setflags(write=False)
    found.overlap.setflags(write=False)
    return found


def _key(record: RunRecord) -> tuple[str, str]:
    return str(record.folder), record.stamp


def _points(record: RunRecord, splits: Sequence[str]) -> Latents:
    """Points of a map under their map's ids, which are unique over splits."""
    data = map_data(record, splits)
    return replace(data.latents, ids=data.ids.astype(np.int64))
