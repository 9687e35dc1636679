"""Projections of a run: of which images, computed by whom, and kept where, so that each is computed once."""

import contextlib
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from core.analysis.projections import METHODS, POINTS, Progress, Projection, Quality, project, refuse
from core.data.images import SPLITS, stratified_sample
from core.data.intake import whole_number
from core.errors import CheckpointError, ConfigError, VAEScopeError
from core.files import one_line, read_arrays, write_arrays
from core.jobs import Job, start_job
from core.latents import Latents
from core.runs import Run

FORMAT = 1
"""Of the stored file; with another number, or after a change of the methods' settings, it is made again."""
LIMIT = 64 * 2**20
ORDER = ("test", "train", "validation")
"""Of the splits: the same images whatever order they are asked in"""
KINDS = {
    "format": ("i8", 0),
    "ids": ("i8", 1),
    "splits": ("i1", 1),
    "places": ("f4", 2),
    "explained": ("f8", 1),
    "quality": ("f8", 1),
    "counts": ("i8", 1),
}


@dataclass(frozen=True)
class Wanted:
    """Which projection: of which images, how, and into how many dimensions."""

    splits: tuple[str, ...]
    method: str
    seed: int = 0
    dimensions: int = 2

    @staticmethod
    def of(splits: str | Sequence[str], method: str, *, seed: int = 0, dimensions: int = 2) -> "Wanted":
        """Check what a caller wants; a method without chance has seed 0.

        Raises:
            ConfigError: an unknown split or method, no whole seed, or another number of dimensions than 2 and 3.
        """
        asked = (splits,) if isinstance(splits, str) else tuple(splits)
        unknown = [one for one in asked if one not in SPLITS]
        if unknown or not asked:
            raise ConfigError(
                f"There is no split '{one_line((*unknown, '')[0], limit=60)}': choose from {', '.join(SPLITS)}."
            )
        if method not in METHODS:
            raise ConfigError(
                f"There is no projection '{one_line(method, limit=60)}': choose one of {', '.join(METHODS)}."
            )
        if dimensions not in (2, 3):
            raise ConfigError(f"A projection has 2 or 3 dimensions, not {dimensions!r}: choose one of these.")
        seed = whole_number(seed, "seed") if METHODS[method].seeded else 0
        return Wanted(tuple(one for one in ORDER if one in asked), method, seed, int(dimensions))


@dataclass(frozen=True, eq=False)
class Projected:
    """A projection, and the images whose latents it lays out: row i of both is the same image."""

    projection: Projection
    latents: Latents
    total: int
    """Images before sampling"""
    stored: Path | None
    """Where it is kept; None where nothing can be written"""


def points_of(run: Run, splits: Sequence[str]) -> tuple[Latents, int]:
    """Images whose latents are projected, at most `POINTS`, a stratified sample with seed 0; and how many there are.

    Raises:
        DataMissing: latents must be encoded and the data set is not on this machine.
        DataError: the run has no images of a split.
        CheckpointError: a file is damaged.
    """
    parts = [run.latents(split) for split in splits]

    def joined(name: str) -> Any:
        arrays = [getattr(part, name) for part in parts]
        return None if arrays[0] is None else np.concatenate(arrays)

    whole = Latents(**{field.name: joined(field.name) for field in fields(Latents)})
    return whole.select(stratified_sample(whole.labels, n=POINTS, seed=0)), len(whole)


def job_of(run: Run, wanted: Wanted) -> Job:
    """The job that computes a projection; the file it makes has its name, and lies beside."""
    refuse(run.latent, wanted.dimensions)
    name = (
        f"projection-{'-'.join(wanted.splits)}-{wanted.method}-{wanted.dimensions}d-seed{wanted.seed}"
        f"-{run.document.epoch}"
    )
    return Job(_home(run), name)


def path_of(job: Job) -> Path:
    """The file that a job makes."""
    return job.folder / f"{job.name}.npz"


def _home(run: Run) -> Path:
    """The run's own cache; where its folder cannot be written, a folder in the user's cache."""
    own = run.record.folder / "cache"
    if os.access(own if own.exists() else own.parent, os.W_OK):
        return own
    place = hashlib.sha256(os.fsencode(run.record.folder.resolve())).hexdigest()[:12]
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(caches) / "vaescope" / f"{run.record.folder.name}-{place}"


def stored_projection(run: Run, wanted: Wanted) -> Projected | None:
    """Load a projection that was computed before; None where there is none, or its file is damaged.

    Raises:
        NotApplicable: the run's latent is never projected so.
        DataMissing, DataError, CheckpointError: as `points_of`.
    """
    path = path_of(job_of(run, wanted))
    if not path.is_file():
        return None
    latents, total = points_of(run, wanted.splits)
    try:
        return Projected(_load(path, wanted, latents), latents, total, path)
    except CheckpointError:
        return None  # made again


def projected(run: Run, wanted: Wanted, *, progress: Progress | None = None) -> Projected:
    """Load a projection, or else compute it now and keep it.

    Raises:
        NotApplicable: the run's latent is never projected so, or all its images lie in one place.
        DataError: fewer images than a projection needs, or latents that are not finite.
        DataMissing, CheckpointError: as `points_of`.
    """
    if (before := stored_projection(run, wanted)) is not None:
        return before
    job = job_of(run, wanted)
    latents, total = points_of(run, wanted.splits)
    made = project(
        latents.means, wanted.method, seed=wanted.seed, dimensions=wanted.dimensions, progress=progress
    )
    kept: Path | None = None
    with contextlib.suppress(OSError, VAEScopeError):  # a full disk: slower next time, right all the same
        job.folder.mkdir(parents=True, exist_ok=True)
        _save(path_of(job), made, latents)
        kept = path_of(job)
        for old in job.folder.glob("projection-*.npz"):
            if not old.stem.endswith(
                tuple(f"-{epoch}" for epoch in (run.document.epoch, *run.document.kept))
            ):
                old.unlink(missing_ok=True)
    return Projected(made, latents, total, kept)


def start_projecting(run: Run, wanted: Wanted) -> None:
    """Start to compute a projection in the background: `core.jobs.read_job(job_of(run, wanted))` says how it is.

    Raises:
        NotApplicable: the run's latent is never projected so.
        CheckpointError: neither the run's folder nor the user's cache can be written.
    """
    job = job_of(run, wanted)
    try:
        job.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(
            f"A projection needs a place to be kept, and {job.folder} cannot be made: {error.strerror or error}."
        ) from error
    split = wanted.splits[0] if len(wanted.splits) == 1 else "both"
    at = "" if run.record.at is None else f"@{run.record.at}"
    words = ["project", f"{run.record.folder.resolve()}{at}", "--method", wanted.method, "--split", split]
    words += ["--seed", str(wanted.seed), "--dimensions", str(wanted.dimensions)]
    start_job(job, words)


def _save(path: Path, made: Projection, latents: Latents) -> None:
    assert latents.splits is not None
    arrays = {
        "format": np.array(FORMAT),
        "ids": latents.ids,
        "splits": latents.splits,
        "places": made.places,
        "quality": np.array([made.quality.trustworthiness, made.quality.continuity]),
        "counts": np.array([made.quality.neighbours, made.quality.judged]),
    }
    if made.explained is not None:
        arrays["explained"] = made.explained
    write_arrays(path, arrays)


def _load(path: Path, wanted: Wanted, latents: Latents) -> Projection:
    """Read a stored projection, checked against the images that it must be of.

    Raises:
        CheckpointError: it is damaged, or of other images.
    """
    arrays = read_arrays(path, KINDS, limit=LIMIT, remedy="delete it and project again")
    explained = arrays.get("explained")
    shapes = {"places": (len(latents), wanted.dimensions), "quality": (2,), "counts": (2,)}
    sound = all(
        name in arrays
        and arrays[name].dtype == np.dtype(kind)
        and arrays[name].ndim == dimensions
        and arrays[name].shape == shapes.get(name, arrays[name].shape)
        and np.isfinite(arrays[name]).all()
        for name, (kind, dimensions) in KINDS.items()
        if name != "explained" or wanted.method == "pca"
    )
    if (
        not sound
        or arrays["format"] != FORMAT
        or not np.array_equal(arrays["ids"], latents.ids)
        or latents.splits is None
        or not np.array_equal(arrays["splits"], latents.splits)
        or (arrays["quality"] < 0).any()
        or (arrays["quality"] > 1).any()
    ):
        raise CheckpointError(
            f"'{path.name}' is not a projection of these images: delete it and project again."
        )
    arrays["places"].setflags(write=False)
    return Projection(
        method=wanted.method,
        seed=wanted.seed if METHODS[wanted.method].seeded else None,
        places=arrays["places"],
        explained=explained if wanted.method == "pca" else None,
        quality=Quality(
            trustworthiness=float(arrays["quality"][0]),
            continuity=float(arrays["quality"][1]),
            neighbours=int(arrays["counts"][0]),
            judged=int(arrays["counts"][1]),
        ),
    )
