"""The only importer of core: runs, arrays and scores for the pages, cached by run and file time.

Nothing here imports torch until a model is asked for; `warm_up` does it in the background after the first paint.
Caches are keyed by (folder, stamp) of a run and by parameters, never by arrays, and their arrays are read-only.
"""

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.analysis.comparison import PairedDifference, Setting, differing_settings, paired_scores
from core.analysis.pvalues import (
    Moments,
    moments,
    phi,
    phi_inverse,
    posterior_samples,
    standardise,
    uniformity,
)
from core.analysis.scores import SCORES, better, directions, units
from core.analysis.tradeoff import COLLAPSED, board_key, comparable_key, pareto_front
from core.config import RunConfig, allowed_values, reconstruction_weight
from core.data import catalog
from core.data.images import ImageSet, stratified_sample
from core.errors import CheckpointError, DataError, DataMissing, VAEScopeError
from core.families import FAMILIES
from core.generation import lattice_points, prior_draws
from core.latents import Latents, load_latents
from core.recipes import RECIPES
from core.runs import Run
from core.store import RunRecord, annotate, default_store, delete_run, list_runs, read_history

__all__ = [
    "COLLAPSED",
    "FAMILIES",
    "RECIPES",
    "SCORES",
    "CheckpointError",
    "DataError",
    "DataMissing",
    "ImageSet",
    "Latents",
    "MapData",
    "Moments",
    "PairedDifference",
    "RunConfig",
    "RunRecord",
    "Setting",
    "VAEScopeError",
    "allowed_values",
    "annotate",
    "better",
    "board_key",
    "comparable_key",
    "delete_run",
    "directions",
    "lattice_points",
    "moments",
    "pareto_front",
    "phi",
    "phi_inverse",
    "posterior_samples",
    "prior_draws",
    "reconstruction_weight",
    "standardise",
    "uniformity",
    "units",
]

Progress = Callable[[int, int], None]

MAP_POINTS = 10_000
"""Points on a map at most; where there are more, a stratified, seeded sample is shown and said to be one."""
SMALL_DATA = 5_000
"""Data sets below this many images show both splits by default."""
SPLIT_CODES = ("test", "train", "validation")


_WARM = threading.Event()
"""Set once `warm_up` has imported torch whole: what is only worth drawing then looks here."""


def warm_up() -> None:
    """Import torch in the background, so that the first decode does not wait for it; call after the first paint."""

    def load() -> None:
        import core.encoding

        assert core.encoding
        _WARM.set()

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
    """Rows of a run's history, one an epoch; not to be changed.

    Raises:
        CheckpointError: the file is damaged.
    """
    return _history(str(record.folder), record.stamp)


@st.cache_resource(max_entries=64, show_spinner=False)
def _history(folder: str, stamp: str) -> list[dict[str, Any]]:
    return read_history(Path(folder))


def data_available(dataset: str) -> bool:
    """Whether a data set's files are on this machine.

    Raises:
        DataError: no such data set.
    """
    return catalog.is_available(dataset)


def data_folder() -> Path:
    """Where data sets lie."""
    return catalog.data_folder()


def fetch(dataset: str, progress: Callable[[int, int, str], None]) -> None:
    """Download a data set; `progress` is called with bytes done, bytes in all (0: unknown) and the file's name.

    Raises:
        DataError: every mirror failed; the sentence says where to put the files by hand.
    """
    catalog.fetch(dataset, progress=progress)


@st.cache_resource(max_entries=6, show_spinner=False)
def images(dataset: str, split: str) -> ImageSet:
    """Load an official split ('train' or 'test') of a data set.

    Raises:
        DataMissing: its files are not on this machine.
        DataError: they are damaged.
    """
    return catalog.load(dataset, split)


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
    return SPLIT_CODES[map_id >> 28], map_id & ((1 << 28) - 1)


def map_id(split: str, row: int) -> int:
    """Id on a map of a row in the source of a split."""
    return (SPLIT_CODES.index(split) << 28) | row


def map_data(record: RunRecord, splits: Sequence[str]) -> MapData:
    """Points of a map over some splits, at most `MAP_POINTS` of them: a stratified sample with seed 0.

    Raises:
        DataMissing: latents must be encoded first and the data set is not here.
        CheckpointError: a file is damaged.
    """
    return _map_data(str(record.folder), record.stamp, tuple(splits), _record=record)


@st.cache_resource(max_entries=24, show_spinner=False)
def _map_data(folder: str, stamp: str, splits: tuple[str, ...], _record: RunRecord) -> MapData:
    parts = [latents(_record, split) for split in splits]
    codes = np.concatenate(
        [np.full(len(part), SPLIT_CODES.index(s), np.uint8) for s, part in zip(splits, parts, strict=True)]
    )

    def joined(name: str) -> Any:
        arrays = [getattr(part, name) for part in parts]
        return None if arrays[0] is None else np.concatenate(arrays)

    whole = Latents(**{name: joined(name) for name in Latents.__dataclass_fields__})
    rows = stratified_sample(whole.labels, n=MAP_POINTS, seed=0)
    shown = whole.select(rows)
    ids = (codes[rows].astype(np.uint32) << 28) | shown.ids.astype(np.uint32)
    return MapData(latents=shown, ids=ids, splits=codes[rows], total=len(whole))


def originals(record: RunRecord, map_ids: Sequence[int] | np.ndarray) -> np.ndarray:
    """Images of points, uint8 (N, C, H, W), in the given order.

    Raises:
        DataMissing: the data set is not on this machine.
        DataError: an id that the data set does not have.
    """
    parts = []
    for one in np.asarray(map_ids, np.int64):
        split, row = split_and_row(int(one))
        source = images(record.config.dataset, "test" if split == "test" else "train")
        place = int(np.searchsorted(source.ids, row))
        if place >= len(source) or source.ids[place] != row:
            raise DataError(f"Data set '{record.config.dataset}' has no image {row} in {split}.")
        parts.append(source.pixels[place])
    return np.stack(parts) if parts else np.zeros((0, *opened(record).shape), np.uint8)


def originals_of_map(record: RunRecord, data: MapData) -> np.ndarray:
    """Images of all points of a map, uint8 (N, C, H, W), fast.

    Raises:
        DataMissing: the data set is not on this machine.
    """
    out = np.zeros((len(data.ids), *opened(record).shape), np.uint8)
    for code, split in enumerate(SPLIT_CODES):
        chosen = data.splits == code
        if chosen.any():
            source = images(record.config.dataset, "test" if split == "test" else "train")
            out[chosen] = source.pixels[np.searchsorted(source.ids, data.latents.ids[chosen])]
    return out


@st.cache_data(max_entries=512, show_spinner=False)
def _decode(folder: str, stamp: str, z: bytes, rows: int, _record: RunRecord) -> np.ndarray:
    run = opened(_record)
    return run.decode(np.frombuffer(z, np.float32).reshape(rows, run.latent))


def decode(record: RunRecord, z: np.ndarray) -> np.ndarray:
    """Decode latents (N, L) -> expected pixels in [0, 1], (N, C, H, W).

    Raises:
        CheckpointError: the weights are missing or damaged.
    """
    array = np.ascontiguousarray(z, np.float32)
    # the bytes themselves are the key: unlike an array's, their hash is never taken from a sample
    return _decode(str(record.folder), record.stamp, array.tobytes(), len(array), _record=record)


def lattice(
    record: RunRecord,
    n: int,
    *,
    dimensions: tuple[int, int] = (0, 1),
    base: np.ndarray | None = None,
    centre: np.ndarray | None = None,
    spread: np.ndarray | None = None,
) -> np.ndarray:
    """Decode the n x n lattice of the p-value map: (n, n, C, H, W), row 0 at the top.

    Args:
        record: of the run.
        n: tiles a side.
        dimensions: the two that the lattice spans.
        base: (L,) where the other dimensions stand; 0 if None.
        centre: (L,) what p = 1/2 means, and
        spread: (L,) the unit of the p-value map; the prior's 0 and 1 if None.

    Raises:
        CheckpointError: the weights are missing or damaged.
    """
    run = opened(record)
    z = lattice_points(n, latent=run.latent, dimensions=dimensions, base=base)
    if centre is not None and spread is not None:
        chosen = list(dimensions)
        z[..., chosen] = z[..., chosen] * spread[chosen] + centre[chosen]
    return decode(record, z.reshape(n * n, run.latent)).reshape(n, n, *run.shape)


def reconstruct(record: RunRecord, pixels: np.ndarray) -> np.ndarray:
    """Reconstruct uint8 images (N, C, H, W) at the mean -> (N, C, H, W) in [0, 1].

    Raises:
        CheckpointError: the weights are missing or damaged.
        DataError: images that do not fit.
    """
    return opened(record).reconstruct(pixels)


def posteriors(record: RunRecord, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Encode uint8 images -> means and log-variances (None without a posterior), (N, L).

    Raises:
        CheckpointError: the weights are missing or damaged.
    """
    return opened(record).encode(pixels)


def pixels_per_image(record: RunRecord) -> int:
    """n: values per padded image."""
    assert record.document is not None
    channels, height, width = record.document.data.padded
    return channels * height * width


def score(record: RunRecord, name: str, split: str = "test") -> float | None:
    """One stored score of a split, None where it is not there or does not apply."""
    value = ((record.scores or {}).get(split) or {}).get(name)
    return float(value) if isinstance(value, int | float) else None


# --- thumbnails and sizes of the Runs page ------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Sketch:
    """What a thumbnail draws: a run's test images in its two most informative dimensions."""

    xy: np.ndarray
    """(N, 2) float32; a 1-D latent lies on x, with the class on y"""
    labels: np.ndarray
    """(N,) int64, -1 = none"""
    has_prior: bool
    """Whether N(0, I) is the measure of the plane"""


def sketch_stamp(record: RunRecord) -> str | None:
    """Name and time of the file that `sketch` reads, a key for caches; None where no test latents are stored."""
    if record.document is None or record.state == "damaged":
        return None
    path = Run(record).latents_path("test")
    try:
        return f"{path.name}:{path.stat().st_mtime_ns}" if path else None
    except OSError:  # taken away between two looks
        return None


def sketch(record: RunRecord) -> Sketch:
    """Stored means of the test images, the two most informative dimensions of them; not cached, without torch.

    Raises:
        CheckpointError: the file is damaged, or none is stored (`sketch_stamp` is None then).
    """
    # not through `opened`: a page of many thumbnails would push the models in use out of that cache
    path = Run(record).latents_path("test")
    if path is None:
        raise CheckpointError(
            f"Run '{record.name}' has no stored latents: open it on the Latent space page first."
        )
    stored = load_latents(path)
    if stored.means.shape[1] == 1:
        lanes = np.column_stack([stored.means[:, 0], stored.labels]).astype(np.float32)
        return Sketch(lanes, stored.labels, False)
    rates = ((record.scores or {}).get("test") or {}).get("rate_per_dimension")
    worth = np.asarray(rates if rates else stored.means.var(axis=0), np.float64)
    if worth.shape != (stored.means.shape[1],):
        worth = stored.means.var(axis=0)
    # of equal ones the first; two chosen ones stay in their order, so that a 2-D latent keeps its axes
    chosen = np.sort(np.argsort(-worth, kind="stable")[:2])
    return Sketch(stored.means[:, chosen], stored.labels, FAMILIES[record.config.family].has_posterior)


def lattice_at_hand(record: RunRecord) -> bool:
    """Whether decoding a small `lattice` of a run is cheap now: torch is loaded, and the model is small and done."""
    document = record.document
    if not _WARM.is_set() or document is None or document.weights is None:
        return False
    if record.state in ("running", "damaged") or not FAMILIES[document.config.family].has_posterior:
        return False  # without a prior nothing says where the lattice should lie
    return document.parameters <= 5_000_000 and document.config.latent >= 2


def folder_size(record: RunRecord) -> int:
    """Bytes of all files in a run's folder."""
    total = 0
    for path in record.folder.rglob("*"):
        with contextlib.suppress(OSError):  # a file that goes while we count
            total += path.lstat().st_size if not path.is_dir() else 0
    return total


def example_ids(record: RunRecord, n: int, *, seed: int) -> np.ndarray:
    """Ids on a map of n test images, a stratified, seeded sample ordered by label: the same for all runs of the data.

    Raises:
        DataMissing: neither the images nor the run's test latents are on this machine.
    """
    source: ImageSet | Latents
    if data_available(record.config.dataset):
        source = images(record.config.dataset, "test")
    else:
        source = latents(record, "test")
    rows = stratified_sample(source.labels, n=n, seed=seed)
    rows = rows[np.argsort(source.labels[rows], kind="stable")]
    return np.array([map_id("test", int(row)) for row in source.ids[rows]], np.uint32)


def settings_that_differ(first: RunRecord, second: RunRecord) -> list[Setting]:
    """Settings of two runs that differ, with what they mean and to which run they apply.

    Raises:
        CheckpointError: a run is not readable.
    """
    pixels = (pixels_per_image(first), pixels_per_image(second))
    return differing_settings(first.config, second.config, pixels=pixels)


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


def example_points(record: RunRecord, n: int, *, split: str = "test") -> list[int]:
    """Choose n images of an official split by `map_id`: stratified, seed 0, in order of their class.

    Raises:
        DataMissing: the data set is not on this machine.
    """
    source = images(record.config.dataset, split)
    rows = stratified_sample(source.labels, n=n, seed=0)
    rows = rows[np.argsort(source.labels[rows], kind="stable")]
    return [map_id(split, int(row)) for row in source.ids[rows]]


def reconstruct_points(record: RunRecord, map_ids: Sequence[int]) -> np.ndarray:
    """Reconstruct the images of points at their means -> (N, C, H, W) in [0, 1], kept for the next time.

    Raises:
        DataMissing: the data set is not on this machine.
        CheckpointError: the weights are missing or damaged.
    """
    return _reconstruct_points(str(record.folder), record.stamp, tuple(map_ids), _record=record)


@st.cache_data(max_entries=512, show_spinner=False)
def _reconstruct_points(folder: str, stamp: str, map_ids: tuple[int, ...], _record: RunRecord) -> np.ndarray:
    return reconstruct(_record, originals(_record, map_ids))
