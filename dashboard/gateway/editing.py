"""Moving through the latent space: units, attribute vectors and what leaks, and what surrounds a place."""

import numpy as np
import streamlit as st

from core.analysis.attributes import Leakage, class_means, leakage
from core.analysis.density import aggregate_log_density, nearest, prior_log_density
from core.analysis.pvalues import centre_and_spread
from core.data.images import stratified_sample
from core.families import FAMILIES
from core.store import RunRecord
from dashboard.gateway.listing import opened
from dashboard.gateway.points import latents


def split_units(record: RunRecord, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Centre and unit of each latent dimension, two (L,) float64: the prior's 0 and 1, or the codes' own.

    Without a prior these are the average and the standard deviation of the split's codes.

    Raises:
        DataMissing: a run without a prior, whose latents must be encoded first, and the data set is not here.
        CheckpointError: a file is damaged.
    """
    run = opened(record)
    if FAMILIES[record.config.family].has_posterior:
        return np.zeros(run.latent), np.ones(run.latent)
    return centre_and_spread(latents(record, split).means)


def some_rows(record: RunRecord, split: str, n: int, *, seed: int) -> list[int]:
    """Rows in the source of n images of a split, stratified, seeded, ordered by label.

    Raises:
        DataMissing: latents must be encoded first and the data set is not here.
        CheckpointError: a file is damaged.
    """
    stored = latents(record, split)
    rows = stratified_sample(stored.labels, n=n, seed=seed)
    rows = rows[np.argsort(stored.labels[rows], kind="stable")]
    return [int(one) for one in stored.ids[rows]]


def label_means(record: RunRecord, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels that occur in a split, (K,), and the means of their latents, (K, L) in the units of `split_units`.

    Raises:
        DataMissing: latents must be encoded first and the data set is not here.
        CheckpointError: a file is damaged.
    """
    return _label_means(str(record.folder), record.stamp, split, _record=record)


@st.cache_resource(max_entries=16, show_spinner=False)
def _label_means(folder: str, stamp: str, split: str, _record: RunRecord) -> tuple[np.ndarray, np.ndarray]:
    stored = latents(_record, split)
    centre, spread = split_units(_record, split)
    labels, centres = class_means((stored.means - centre) / spread, stored.labels)
    labels.setflags(write=False)
    centres.setflags(write=False)
    return labels, centres


def leak(
    record: RunRecord, split: str, *, places: np.ndarray, vector: np.ndarray, strengths: np.ndarray
) -> Leakage:
    """Move some images of a split along a vector and count whither: see `core.analysis.attributes.leakage`.

    Args:
        record: of the run.
        split: of the images.
        places: (N,) rows in the split's latents.
        vector: (L,) in latent units; it is brought to those of `split_units`, in which distances are taken.
        strengths: (S,) multiples of it.

    Raises:
        DataError: no image, or fewer than two labels.
        CheckpointError: a file is damaged.
    """
    stored = latents(record, split)
    centre, spread = split_units(record, split)
    labels, centres = label_means(record, split)
    return leakage(
        (stored.means[places] - centre) / spread,
        stored.labels[places],
        vector=vector / spread,
        strengths=strengths,
        labels=labels,
        centres=centres,
    )


def nearest_rows(record: RunRecord, split: str, z: np.ndarray, *, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (k,) of a split's latents nearest to z (L,), and their distances, in the units of `split_units`.

    Raises:
        DataMissing: latents must be encoded first and the data set is not here.
        CheckpointError: a file is damaged.
    """
    centre, spread = split_units(record, split)
    means = latents(record, split).means
    return nearest((means - centre) / spread, (np.asarray(z, np.float64) - centre) / spread, k=k)


def densities_at(record: RunRecord, split: str, z: np.ndarray) -> tuple[float, float] | None:
    """Log densities of a split's aggregate posterior and of the prior at z (L,), nats; None without a posterior.

    Raises:
        DataMissing: latents must be encoded first and the data set is not here.
        CheckpointError: a file is damaged.
    """
    stored = latents(record, split)
    if stored.log_variances is None:
        return None
    place = np.asarray(z, np.float64)[None]
    return float(aggregate_log_density(stored, place)[0]), float(prior_log_density(place)[0])
