"""How good made images are: places drawn by chance, decoded, and held against the data."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.analysis.pvalues import centre_and_spread
from core.analysis.quality import high_frequency_ratio, outside_prior, unlike_share
from core.data.images import unit
from core.errors import DataMissing
from core.families import FAMILIES
from core.generation import prior_draws
from core.store import RunRecord
from dashboard.gateway.listing import opened
from dashboard.gateway.points import has_images, images, latents

DRAWS = 1000
MOST = 10_000
"""Images of the data at most that made ones are held against: the first ones of each split"""


@dataclass(frozen=True, eq=False)
class SampleQuality:
    """Numbers of so many decoded draws against the data."""

    draws: int
    sharpness: float
    """High-frequency energy over that of the test images; 1 is as sharp"""
    unlike: float
    """Share that is farther from the training images than 95 % of the test images are"""
    outside: float | None
    """Share of test images whose mean lies outside of the ball that holds 99 % of the prior; None without a prior"""


def chance_places(record: RunRecord, count: int, *, seed: int = 0) -> np.ndarray:
    """Draws (count, L) from the prior; without one, from a normal fitted to each unit of the code on the test images.

    Raises:
        DataMissing: codes must be encoded first and the data set is not on this machine.
    """
    z = prior_draws(count, latent=record.config.latent, seed=seed)
    if FAMILIES[record.config.family].has_posterior:
        return z
    centre, spread = centre_and_spread(latents(record, "test").means)
    return (z * spread + centre).astype(np.float32)


def sample_quality(record: RunRecord, *, seed: int = 0) -> SampleQuality:
    """Decode `DRAWS` places of `chance_places` and hold them against the data.

    Raises:
        DataMissing: the data set is not on this machine.
        CheckpointError: a file is damaged.
    """
    return _sample_quality(str(record.folder), record.stamp, seed, _record=record)


@st.cache_data(max_entries=64, show_spinner=False)
def _sample_quality(folder: str, stamp: str, seed: int, _record: RunRecord) -> SampleQuality:
    if not has_images(_record):
        raise DataMissing(
            f"The images that '{_record.name}' was trained on are not on this machine: add or fetch them."
        )
    run = opened(_record)
    labels = np.arange(DRAWS) % len(run.document.data.class_names) if run.needs_labels else None
    made = run.decode(chance_places(_record, DRAWS, seed=seed), labels)
    test, train = (unit(images(_record.config.dataset, split).pixels[:MOST]) for split in ("test", "train"))
    outside = None
    if FAMILIES[_record.config.family].has_posterior:
        outside = outside_prior(latents(_record, "test").means)
    return SampleQuality(DRAWS, high_frequency_ratio(made, test), unlike_share(made, test, train), outside)
