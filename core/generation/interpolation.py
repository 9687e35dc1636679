"""Paths between latents, straight or spherical, and where the frames of a film stand on them. Pure arrays."""

import itertools

import numpy as np

PARALLEL = 1e-7
"""Sine of an angle, in float64, below which two directions count as one: there slerp is lerp to rounding."""


def lerp(a: np.ndarray, b: np.ndarray, t: np.ndarray | float) -> np.ndarray:
    """Straight line: `(1 - t) a + t b`, exact at both ends. a, b (L,), t scalar or (T,) -> (L,) or (T, L) float64."""
    share = np.asarray(t, np.float64)[..., None]
    return (1 - share) * np.asarray(a, np.float64) + share * np.asarray(b, np.float64)


def slerp(a: np.ndarray, b: np.ndarray, t: np.ndarray | float) -> np.ndarray:
    """Spherical path around the origin: a, b (L,), t scalar or (T,) -> (L,) or (T, L) float64, exact at both ends.

    The direction follows the great circle at constant speed (Shoemake 1985), and the length goes linearly from |a| to
    |b|. In many dimensions N(0, I) lies in a shell of radius sqrt(L), which a straight line leaves (White 2016,
    arXiv:1609.04468). White weighs the latents themselves by the sines, which is the same for equal lengths; here no
    point is longer than the longer end.

    Where no great circle is given:
        - an end of length 0 has no direction: the path is straight;
        - equal directions: the path is straight, which is the limit;
        - opposite directions: every great circle is equally short; this one passes through the coordinate axis
          that is most nearly at right angles to them (of equal ones the first). In one dimension: straight.

    Raises:
        ValueError: a and b are not of one shape (L,).
    """
    start, end = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if start.shape != end.shape or start.ndim != 1:
        raise ValueError(f"A path joins two latents of one shape (L,), not {start.shape} and {end.shape}.")
    lengths = float(np.linalg.norm(start)), float(np.linalg.norm(end))
    if min(lengths) == 0.0 or len(start) < 2:
        return lerp(start, end, t)
    first, last = start / lengths[0], end / lengths[1]
    # the angle by atan2: arccos of a rounded cosine loses half of the digits near 0 and pi
    angle = 2 * np.arctan2(np.linalg.norm(first - last), np.linalg.norm(first + last))
    if np.sin(angle) < PARALLEL:
        if angle < 1:
            return lerp(start, end, t)
        angle, across = np.pi, _across(first)
    else:
        across = last - first * (first @ last)
        across /= np.linalg.norm(across)
    share = np.asarray(t, np.float64)[..., None]
    direction = np.cos(share * angle) * first + np.sin(share * angle) * across
    path = ((1 - share) * lengths[0] + share * lengths[1]) * direction
    # the ends themselves, free of the rounding of sines
    return np.where(share == 0, start, np.where(share == 1, end, path))


def _across(direction: np.ndarray) -> np.ndarray:
    """Unit vector at right angles to a direction (L,), L >= 2: the axis that is least along it, made orthogonal."""
    axis = np.zeros_like(direction)
    axis[np.argmin(np.abs(direction))] = 1.0
    across = axis - direction * (direction @ axis)
    return across / np.linalg.norm(across)


def film_positions(stops: int, *, steps: int) -> np.ndarray:
    """Where the frames of a film stand between its stops 0, 1, ...: float64 ((stops - 1) * steps + 1,).

    Frame k stands at k / steps: every `steps`-th frame is a stop, exactly, and no stop is shown twice.

    Raises:
        ValueError: fewer than two stops, or fewer than one step.
    """
    if stops < 2 or steps < 1:
        raise ValueError(f"A film needs at least 2 stops and 1 step between them, not {stops} and {steps}.")
    frames = np.arange((stops - 1) * steps + 1)
    return frames // steps + (frames % steps) / steps


def path(
    stops: np.ndarray,
    *,
    steps: int,
    spherical: bool = False,
    centre: np.ndarray | None = None,
    spread: np.ndarray | None = None,
) -> np.ndarray:
    """Latents along a path through several stops: (K, L) -> ((K - 1) * steps + 1, L) float32.

    Frame i * steps is stop i. A spherical path turns around `centre`, in units of `spread`: the prior's 0 and 1 if
    None; codes without a prior are turned around their average, in standard deviations.

    Args:
        stops: (K, L) latents to pass, K >= 2.
        steps: from each stop to the next.
        spherical: whether to use `slerp` instead of `lerp`.
        centre: (L,).
        spread: (L,), above 0.

    Raises:
        ValueError: fewer than two stops, or fewer than one step.
    """
    points = np.asarray(stops, np.float64)
    if points.ndim != 2:
        raise ValueError(f"Stops are latents (K, L), not {points.shape}.")
    film_positions(len(points), steps=steps)  # refuses too few
    middle = np.zeros(points.shape[1]) if centre is None else np.asarray(centre, np.float64)
    unit = np.ones(points.shape[1]) if spread is None else np.asarray(spread, np.float64)
    between = slerp if spherical else lerp
    shares = np.arange(steps) / steps
    parts = [
        between((a - middle) / unit, (b - middle) / unit, shares) * unit + middle
        for a, b in itertools.pairwise(points)
    ]
    frames = np.concatenate([*parts, points[-1:]])
    frames[::steps] = points  # the stops themselves, free of rounding
    return frames.astype(np.float32)
