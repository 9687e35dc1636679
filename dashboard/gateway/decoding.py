"""What models make of latents and of images; results are kept, and shared read-only."""

from collections.abc import Iterator, Sequence

import numpy as np
import streamlit as st

from core.families import FAMILIES
from core.generation import lattice_points
from core.store import RunRecord
from dashboard.gateway.listing import opened
from dashboard.gateway.points import labels_of_points, originals


def _frozen(array: np.ndarray) -> np.ndarray:
    """Make a cached array read-only: every session is handed the same one."""
    array.setflags(write=False)
    return array


def needs_labels(record: RunRecord) -> bool:
    """Whether a run is told the label of what it encodes and decodes."""
    return FAMILIES[record.config.family].needs_labels


def decode(record: RunRecord, z: np.ndarray, labels: np.ndarray | int | None = None) -> np.ndarray:
    """Decode latents (N, L) -> expected pixels in [0, 1], (N, C, H, W).

    Args:
        record: of the run.
        z: latents.
        labels: (N,), or one for all, for a run that needs them; others leave them aside.

    Raises:
        CheckpointError: the weights are missing or damaged.
        DataError: labels that are needed and missing, or no classes of the run.
    """
    array = np.ascontiguousarray(z, np.float32)
    told = None
    if needs_labels(record) and labels is not None:
        told = np.broadcast_to(np.asarray(labels, np.int64), (len(array),)).tobytes()
    # the bytes themselves are the key: unlike an array's, their hash is never taken from a sample
    return _decode(str(record.folder), record.stamp, array.tobytes(), told, len(array), _record=record)


@st.cache_resource(max_entries=128, show_spinner=False)
def _decode(
    folder: str, stamp: str, z: bytes, told: bytes | None, rows: int, _record: RunRecord
) -> np.ndarray:
    run = opened(_record)
    labels = None if told is None else np.frombuffer(told, np.int64)
    return _frozen(run.decode(np.frombuffer(z, np.float32).reshape(rows, run.latent), labels))


def lattice(
    record: RunRecord,
    n: int,
    *,
    dimensions: tuple[int, int] = (0, 1),
    base: np.ndarray | None = None,
    centre: np.ndarray | None = None,
    spread: np.ndarray | None = None,
    label: int | None = None,
) -> np.ndarray:
    """Decode the n x n lattice of the p-value map: (n, n, C, H, W), row 0 at the top.

    Args:
        record: of the run.
        n: tiles a side.
        dimensions: the two that the lattice spans.
        base: (L,) where the other dimensions stand; 0 if None.
        centre: (L,) what p = 1/2 means, and
        spread: (L,) the unit of the p-value map; the prior's 0 and 1 if None.
        label: class of all tiles, for a run that needs one.

    Raises:
        CheckpointError: the weights are missing or damaged.
        DataError: a label that is needed and missing.
    """
    run = opened(record)
    z = _lattice_places(record, n, dimensions, base, centre, spread)
    return decode(record, z.reshape(n * n, run.latent), label).reshape(n, n, *run.shape)


def lattice_rows(
    record: RunRecord,
    n: int,
    *,
    dimensions: tuple[int, int] = (0, 1),
    base: np.ndarray | None = None,
    centre: np.ndarray | None = None,
    spread: np.ndarray | None = None,
    label: int | None = None,
) -> Iterator[np.ndarray]:
    """Decode the lattice of `lattice` row by row, from the top: n times (n, C, H, W); nothing is kept.

    It is for work in the background: between two rows a decode that a person waits for has its turn.

    Raises:
        CheckpointError: the weights are missing or damaged.
    """
    for row in _lattice_places(record, n, dimensions, base, centre, spread):
        yield opened(record).decode(row, None if label is None else np.full(len(row), label))


def _lattice_places(
    record: RunRecord,
    n: int,
    dimensions: tuple[int, int],
    base: np.ndarray | None,
    centre: np.ndarray | None,
    spread: np.ndarray | None,
) -> np.ndarray:
    """Latents of a lattice, (n, n, L) float32, row 0 at the top."""
    z = lattice_points(n, latent=record.config.latent, dimensions=dimensions, base=base)
    if centre is not None and spread is not None:
        chosen = list(dimensions)
        z[..., chosen] = z[..., chosen] * spread[chosen] + centre[chosen]
    return z


def decoder_size(record: RunRecord) -> int:
    """Numbers that a run has learned, its encoder's too: how dear it is to decode many places, roughly."""
    assert record.document is not None
    return record.document.parameters


def reconstruct(record: RunRecord, pixels: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """Reconstruct uint8 images (N, C, H, W) at the mean -> (N, C, H, W) in [0, 1].

    `labels` (N,) are those of the images, for a run that needs them.

    Raises:
        CheckpointError: the weights are missing or damaged.
        DataError: images that do not fit, or labels that are needed and missing.
    """
    return opened(record).reconstruct(pixels, labels)


def reconstruct_points(record: RunRecord, map_ids: Sequence[int] | np.ndarray) -> np.ndarray:
    """Reconstruct the images of points at their means -> (N, C, H, W) in [0, 1], kept for the next time.

    Raises:
        DataMissing: the data set is not on this machine.
        CheckpointError: the weights are missing or damaged.
    """
    return _reconstruct_points(
        str(record.folder), record.stamp, tuple(int(one) for one in map_ids), _record=record
    )


@st.cache_resource(max_entries=128, show_spinner=False)
def _reconstruct_points(folder: str, stamp: str, map_ids: tuple[int, ...], _record: RunRecord) -> np.ndarray:
    return _frozen(reconstruct(_record, originals(_record, map_ids), labels_of_points(_record, map_ids)))
