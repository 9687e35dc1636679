"""Thumbnails of runs, from stored latents alone."""

from dataclasses import dataclass

import numpy as np

from core.errors import CheckpointError
from core.families import FAMILIES
from core.latents import load_latents
from core.runs import Run
from core.store import RunRecord
from dashboard.gateway.listing import WARM


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
    if not WARM.is_set() or document is None or document.weights is None:
        return False
    if record.state in ("running", "damaged") or not FAMILIES[document.config.family].has_posterior:
        return False  # without a prior nothing says where the lattice should lie
    return document.parameters <= 5_000_000 and document.config.latent >= 2
