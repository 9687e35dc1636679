"""Projections: a latent space of three or more dimensions laid out in two or three, and what that costs.

A projection is not the latent space: places in it cannot be decoded, and `quality` says how many neighbours it keeps.
"""

import contextlib
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.data.intake import whole_number
from core.errors import ConfigError, DataError, NotApplicable

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, steps done, steps in all; 0 in all: nobody knows)."""

POINTS = 10_000
"""Points projected at most: t-SNE takes about two minutes for them, on one core."""
FEWEST = 20
"""Points below which neighbourhoods mean nothing, and UMAP cannot lay out a graph."""
NEIGHBOURS = 10
JUDGED = 2_000
"""Points at most over which `quality` is taken: its memory grows with their square, 32 MB a table here."""
PERPLEXITY = 30.0
TSNE_STEPS = 1000
UMAP_NEIGHBOURS = 15


@dataclass(frozen=True)
class Method:
    """One way to project."""

    name: str
    title: str
    seeded: bool
    """Whether chance, and so the seed, has a part in it"""
    sentence: str


METHODS = {
    row.name: row
    for row in (
        Method("pca", "PCA", False, "The linear plane of largest variance: exact, and the same every time."),
        Method("tsne", "t-SNE", True, "Keeps near neighbours near; distances between groups mean little."),
        Method(
            "umap",
            "UMAP",
            True,
            "Keeps near neighbours near, by a graph; distances between groups mean little.",
        ),
    )
}


@dataclass(frozen=True)
class Quality:
    """How well places keep neighbours, both from 0 to 1, no unit, higher is better; see `quality`."""

    trustworthiness: float
    continuity: float
    neighbours: int
    judged: int
    """Points that it was taken over"""


@dataclass(frozen=True, eq=False)
class Projection:
    """Latents laid out in two or three dimensions."""

    method: str
    seed: int | None
    """None where chance has no part"""
    places: np.ndarray
    """(N, 2 or 3) float32; axes without a unit, but those of PCA, which are latent units"""
    explained: np.ndarray | None
    """(2 or 3,) share of the variance along each axis, of PCA"""
    quality: Quality


def project(
    means: np.ndarray,
    method: str,
    *,
    seed: int = 0,
    dimensions: int = 2,
    progress: Progress | None = None,
) -> Projection:
    """Lay latents out in two or three dimensions: the same at an equal seed, on the same machine.

    - 'pca': principal component analysis (scikit-learn), centred, not scaled. Of each axis the largest weight is
      positive. Chance has no part in it.
    - 'tsne': t-SNE (van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 9, 2008; scikit-learn's Barnes-Hut)
      from a PCA start, perplexity 30, or a third of the points where there are fewer than 90. In one thread.
    - 'umap': UMAP (McInnes, Healy and Melville, arXiv:1802.03426, 2018; umap-learn), 15 exact neighbours, minimal
      distance 0.1. A seed makes umap-learn keep to one thread.

    Args:
        means: (N, L) means or codes, all of them; what to project of more than `POINTS` is the caller's choice.
        method: a name of `METHODS`.
        seed: whole number from 0.
        dimensions: 2 or 3.
        progress: called on the way.

    Raises:
        NotApplicable: there are no more than `dimensions` latent dimensions, or all points lie in one place.
        DataError: fewer than `FEWEST` points, or numbers that are not finite.
        ConfigError: no such method, no whole seed, or another number of dimensions.
    """
    points, seed = _checked(means, method, seed, dimensions), whole_number(seed, "seed")
    say = progress or (lambda phase, done, total: None)
    explained = None
    if method == "pca":
        places, explained = _pca(points, dimensions)
    elif method == "tsne":
        places = _tsne(points, seed, dimensions, say)
    else:
        places = _umap(points, seed, dimensions, say)
    say("Judging", 0, 0)
    return Projection(
        method=method,
        seed=seed if METHODS[method].seeded else None,
        places=np.ascontiguousarray(places, np.float32),
        explained=explained,
        quality=quality(points, places),
    )


def refuse(latent: int, dimensions: int) -> None:
    """Refuse to project a latent that can be drawn as it is.

    Raises:
        NotApplicable: there are no more than two latent dimensions, or no more than wanted.
    """
    if latent <= 2:
        raise NotApplicable(
            f"A {latent}-D latent is never projected: its own dimensions can all be seen, so look at these."
        )
    if latent <= dimensions:
        raise NotApplicable(
            f"A {latent}-D latent is not projected to {dimensions} dimensions: look at its own, or project it to two."
        )


def quality(
    high: np.ndarray, low: np.ndarray, *, neighbours: int = NEIGHBOURS, sample: int = JUDGED, seed: int = 0
) -> Quality:
    """Count what a projection does to neighbourhoods.

    Venna and Kaski, "Neighborhood Preservation in Nonlinear Projection Methods", ICANN 2001; scikit-learn's
    `trustworthiness`, and the same with the two spaces exchanged.

    With r(i, j) the rank of j among the neighbours of i in the latent space, trustworthiness is
    1 - 2 / (N k (2 N - 3 k - 1)) sum_i sum_j (r(i, j) - k) over the j that are among the k nearest of i in the
    projection and not in the latent space: it falls when strangers are drawn side by side. Continuity exchanges the two
    spaces: it falls when neighbours are torn apart. Distances are Euclidean.

    Args:
        high: (N, L) latents.
        low: (N, d) their places.
        neighbours: k; fewer where there are not twice as many other points.
        sample: points at most; of more, a random sample.
        seed: of that sample.

    Raises:
        ValueError: fewer than three points, or arrays of different length.
    """
    from sklearn.manifold import trustworthiness  # a second to import, and only projecting needs it

    if len(high) != len(low) or len(high) < 3:
        raise ValueError(
            f"Three places or more are judged, one a point, not {len(low)} of {len(high)} points."
        )
    high, low = np.asarray(high, np.float64), np.asarray(low, np.float64)
    if len(high) > sample:
        rows = np.sort(np.random.default_rng(seed).choice(len(high), sample, replace=False))
        high, low = high[rows], low[rows]
    k = min(neighbours, (len(high) - 1) // 2)
    return Quality(
        trustworthiness=float(trustworthiness(high, low, n_neighbors=k)),
        continuity=float(trustworthiness(low, high, n_neighbors=k)),
        neighbours=k,
        judged=len(high),
    )


def _checked(means: np.ndarray, method: str, seed: int, dimensions: int) -> np.ndarray:
    if method not in METHODS:
        raise ConfigError(f"There is no projection '{method}': choose one of {', '.join(METHODS)}.")
    if dimensions not in (2, 3):
        raise ConfigError(f"A projection has 2 or 3 dimensions, not {dimensions!r}: choose one of these.")
    points = np.asarray(means)
    if points.ndim != 2 or points.dtype.kind != "f":
        raise DataError(f"Latents to project are floats shaped (N, L), not {points.dtype} {points.shape}.")
    refuse(points.shape[1], dimensions)
    if len(points) < FEWEST:
        raise DataError(
            f"{len(points)} images are too few to project: take at least {FEWEST}, or another split."
        )
    if not np.isfinite(points).all():
        raise DataError(
            "Some of these latents are not finite, so there is no distance between them: train the run anew."
        )
    if not np.ptp(points, axis=0).any():
        raise NotApplicable(
            "All images have the same latent, so there is nothing to project: the run has collapsed."
        )
    return np.ascontiguousarray(points, np.float32)


def _pca(points: np.ndarray, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.decomposition import PCA

    fit = PCA(dimensions, svd_solver="covariance_eigh" if len(points) > points.shape[1] else "full")
    # an axis has no direction of its own: scikit-learn makes the largest weight positive
    places = fit.fit_transform(points.astype(np.float64))
    return places, np.asarray(fit.explained_variance_ratio_, np.float64)


def _tsne(points: np.ndarray, seed: int, dimensions: int, say: Progress) -> np.ndarray:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    say("Finding neighbours", 0, 0)
    fit = TSNE(
        dimensions,
        perplexity=min(PERPLEXITY, (len(points) - 1) / 3),
        max_iter=TSNE_STEPS,
        init="pca",
        random_state=seed,
        verbose=2,
    )
    heard = _Heard(re.compile(r"Iteration (\d+):"), lambda done: say("Laying out", done, TSNE_STEPS))
    # several threads add up in any order, and a last digit grows to another layout; and they spin while they wait
    with threadpool_limits(1), contextlib.redirect_stdout(heard):
        return np.asarray(fit.fit_transform(points))


def _umap(points: np.ndarray, seed: int, dimensions: int, say: Progress) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    near = min(UMAP_NEIGHBOURS, len(points) - 1)
    say("Finding neighbours", 0, 0)
    distances, rows = NearestNeighbors(n_neighbors=near).fit(points).kneighbors(points)
    say("Loading and compiling", 0, 0)
    steps = 500 if len(points) <= 10_000 else 200  # umap-learn's own choice, named to know the end
    heard = _Heard(re.compile(r"^(\d+)/"), lambda done: say("Laying out", done, steps))
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # its part for TensorFlow is missing, and nothing new will be placed later
        from umap import UMAP

        fit = UMAP(
            n_components=dimensions,
            n_neighbors=near,
            n_epochs=steps,
            random_state=seed,
            n_jobs=1,
            # exact ones; its own search is approximate, and compiles for a minute before it starts
            precomputed_knn=(rows.astype(np.int32), distances.astype(np.float32), None),
            tqdm_kwds={"disable": False, "file": heard, "bar_format": "{n}/{total}\n", "mininterval": 0.2},
        )
        return np.asarray(fit.fit_transform(points))


class _Heard:
    """A stream that reads progress from what a library prints, and swallows it."""

    def __init__(self, pattern: re.Pattern[str], on_step: Callable[[int], None]) -> None:
        self._pattern, self._on_step = pattern, on_step

    def write(self, text: str) -> int:
        for line in re.split(r"[\r\n]", text):
            if found := self._pattern.search(line):
                self._on_step(int(found[1]))
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""
