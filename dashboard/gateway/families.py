"""What some families alone can be asked: what units of a code add to an image, and images before and after noise."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from core.denoising import Denoised, denoise
from core.store import RunRecord
from core.units import atoms as atoms_of
from dashboard.gateway.listing import opened
from dashboard.gateway.points import split_and_row


def atoms(record: RunRecord) -> np.ndarray:
    """What each unit adds to the decoder's output, (L, C, H, W), read-only: see `core.units.atoms`.

    Raises:
        CheckpointError: the weights are missing or damaged.
    """
    return _atoms(str(record.folder), record.stamp, _record=record)


@st.cache_resource(max_entries=16, show_spinner=False)
def _atoms(folder: str, stamp: str, _record: RunRecord) -> np.ndarray:
    found = atoms_of(opened(_record))
    found.setflags(write=False)
    return found


def denoised(record: RunRecord, map_ids: Sequence[int] | np.ndarray) -> Denoised:
    """Test images of a run before the noise that it was trained on, with it, and reconstructed from it.

    Raises:
        DataMissing: the data set is not on this machine.
        CheckpointError: the weights are missing or damaged.
    """
    rows = tuple(split_and_row(int(one))[1] for one in map_ids)
    return _denoised(str(record.folder), record.stamp, rows, _record=record)


@st.cache_resource(max_entries=16, show_spinner=False)
def _denoised(folder: str, stamp: str, rows: tuple[int, ...], _record: RunRecord) -> Denoised:
    run, config = opened(_record), _record.config
    images = run.images("test")
    chosen = images.select(np.searchsorted(images.ids, rows))
    return denoise(run, chosen, kind=config.corruption, level=config.corruption_level)
