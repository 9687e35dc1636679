"""Projections of latents to two or three dimensions: at once, or by a process in the background."""

import streamlit as st

from core.analysis.projections import Projection
from core.jobs import JobState, read_job, stop_job
from core.projected import Wanted, job_of, path_of, projected, start_projecting, stored_projection
from core.store import RunRecord
from dashboard.gateway.listing import opened

AT_ONCE = "pca"


def projection(record: RunRecord, wanted: Wanted) -> Projection | None:
    """Places of the points of `map_data(record, wanted.splits, most=PROJECTED_POINTS)`, in their order.

    PCA is computed at once; of the others it is None where they are not computed yet.

    Raises:
        NotApplicable: the run's latent is never projected so, or all its images lie in one place.
        DataMissing: latents must be encoded first and the data set is not here.
        DataError: fewer images than a projection needs, or latents that are not finite.
        CheckpointError: a file is damaged.
    """
    path = path_of(job_of(opened(record), wanted))
    try:
        time = path.stat().st_mtime_ns
    except OSError:  # not there
        if wanted.method != AT_ONCE:
            return None
        time = 0
    return _projection(str(record.folder), record.stamp, wanted, time, _record=record)


@st.cache_resource(max_entries=16, show_spinner=False)
def _projection(folder: str, stamp: str, wanted: Wanted, time: int, _record: RunRecord) -> Projection | None:
    run = opened(_record)
    found = projected(run, wanted) if wanted.method == AT_ONCE else stored_projection(run, wanted)
    if found is None:  # damaged: as if it were not there
        return None
    for array in (found.projection.places, found.projection.explained):
        if array is not None:
            array.setflags(write=False)
    return found.projection


def projection_job(record: RunRecord, wanted: Wanted) -> JobState:
    """How the process is that computes a projection, if there is one."""
    return read_job(job_of(opened(record), wanted))


def start_projection(record: RunRecord, wanted: Wanted) -> None:
    """Compute a projection in a process of its own, which outlives the page and the dashboard.

    Raises:
        CheckpointError: no place to keep it can be written, or no process can be started.
    """
    start_projecting(opened(record), wanted)


def stop_projection(record: RunRecord, wanted: Wanted) -> None:
    """End that process; what it had is lost.

    Raises:
        CheckpointError: it does not end.
    """
    stop_job(job_of(opened(record), wanted))
