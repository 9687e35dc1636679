"""What a kept selection scores in a run, from its stored latents alone."""

import numpy as np
import streamlit as st

from core.analysis.averages import Averages, averages
from core.errors import CheckpointError
from core.latents import Latents, concatenated, load_latents
from core.runs import Run
from core.store import RunRecord, Selection
from dashboard.gateway.points import SPLIT_CODES
from dashboard.gateway.selections import is_of


def selection_averages(
    record: RunRecord, selection: Selection, splits: tuple[str, ...] = SPLIT_CODES
) -> Averages | None:
    """Average D and R of a selection's images in some splits of a run; None where the run has none of them stored.

    Nothing is encoded for it: pages ask it of many runs at once.
    """
    if record.document is None or record.state == "damaged" or not is_of(selection, record):
        return None
    # the images of an id never change: only its name does
    return _averages(
        str(record.folder), record.stamp, selection.id, splits, _record=record, _selection=selection
    )


@st.cache_resource(max_entries=512, show_spinner=False)
def _averages(
    folder: str,
    stamp: str,
    selection: str,
    splits: tuple[str, ...],
    _record: RunRecord,
    _selection: Selection,
) -> Averages | None:
    # training and validation images are rows of one source, which each run divides in its own way
    source = [row for split in ("train", "validation") for row in _selection.rows.get(split, ())]
    parts = []
    for split in splits:
        wanted = _selection.rows.get("test", ()) if split == "test" else source
        table = _stored(_record, split) if len(wanted) else None
        if table is not None:
            parts.append(table.select(np.flatnonzero(np.isin(table.ids, np.asarray(wanted, np.int64)))))
    return averages(concatenated(parts)) if parts else None


def _stored(record: RunRecord, split: str) -> Latents | None:
    # not through `opened` and `latents`: a page of many runs would push those in use out of their caches
    path = Run(record).latents_path(split)
    try:
        return None if path is None else load_latents(path)
    except CheckpointError:
        return None  # the page of that run says what is wrong with it
