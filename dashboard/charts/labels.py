"""Where the names of points go, so that they do not cover each other at any width.

A trade-off runs from the upper left to the lower right. Names that rise at 45 degrees therefore lie side by
side across it, whether the curve is steep or flat and the figure wide or narrow; names along either axis
collide on one of the two parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ANGLE = 45
"""Degrees by which names rise to the right."""

SMALL_PLOT = (230.0, 330.0)
"""Width and height in pixels of the smallest plot area in which names must not meet."""

LETTER = 6.2
"""Mean width of a letter in pixels."""

LINE = 15.0
"""Least distance between two lines of text, in pixels."""


MARK = 18.0
"""Room in pixels around a mark."""

MOST_TOLD = 4
"""Runs of different beta that one name tells one by one."""


@dataclass(frozen=True)
class Label:
    """A point that wants a name.

    Attributes:
        across: position on x, 0 at the left and 1 at the right of the plot.
        up: position on y, 0 at the bottom and 1 at the top.
        beta: weight of the rate.
        weight: reconstruction weight; None is infinite.
        note: a word after the numbers, such as "collapsed".
    """

    across: float
    up: float
    beta: float
    weight: float | None
    note: str = ""


@dataclass(frozen=True)
class Placed:
    """A name with its place.

    Attributes:
        index: which of the points the name stands at.
        text: the name; of several points when they are too close to be named apart.
        above: whether it rises from the point to the upper right; else it ends there, from the lower left.
        angle: degrees by which it rises.
        members: indices of all the points that it names.
    """

    index: int
    text: str
    above: bool
    angle: int
    members: tuple[int, ...]


def place_labels(labels: Sequence[Label], *, plot: tuple[float, float] = SMALL_PLOT) -> list[Placed]:
    """Place each name up and right of its point, or down and left where that is taken, or join two names.

    Points that touch share one name from the start. The others are placed in order of beta: first clear of
    all names and points, then clear of names only; what is left joins the nearest name.

    Args:
        labels: the points, in any order.
        plot: width and height in pixels of the plot area that must be served.

    Returns:
        Names that do not meet each other in a plot of that size or larger; each point is in exactly one.
    """
    spots = np.array([(label.across, label.up) for label in labels]).reshape(-1, 2) * plot
    placed: list[tuple[list[int], bool]] = []
    for group in _touching(labels, spots):
        strips = [(above, _strip(labels, spots, group, above)) for above in (True, False)]
        names = [_strip(labels, spots, *other) for other in placed]
        room = float(spots[group[0]].min()) - reach(group_text([labels[k] for k in group]))
        clear = [
            above
            for above, strip in strips
            if (above or room > 0) and not any(_meet(strip, name) for name in names)
        ]
        others = [k for k in range(len(labels)) if k not in group]
        free = [side for side in clear if not any(_covers(strips[not side][1], spots[k]) for k in others)]
        if clear:
            placed.append((group, (free or clear)[0]))
        else:
            gaps = [float(np.linalg.norm(spots[group[0]] - spots[other[0]])) for other, _ in placed]
            placed[int(np.argmin(gaps))][0].extend(group)
    return [
        Placed(members[0], group_text([labels[k] for k in members]), above, ANGLE, tuple(members))
        for members, above in placed
    ]


def fit_range(
    values: np.ndarray, *, before: np.ndarray, after: np.ndarray, size: float, least: float
) -> tuple[float, float]:
    """Return the shortest axis range that holds all points and what stands beside them.

    Args:
        values: (K,) positions on the axis (their logarithm, where it is logarithmic).
        before: (K,) pixels that a point needs towards the axis' start.
        after: (K,) pixels that it needs towards the axis' end.
        size: the axis' length in pixels.
        least: shortest range to return, in units of the axis.

    Returns:
        The range's two ends.
    """
    middle, half = float(values.min() + values.max()) / 2, max(float(np.ptp(values)), least) / 2
    low, high = middle - half, middle + half
    # Needs are pixels, so they grow with the range: each pass adds what the last widening cost.
    for _ in range(30):
        pixel = (high - low) / size
        low, high = (
            min(low, float((values - before * pixel).min())),
            max(high, float((values + after * pixel).max())),
        )
    return low, high


def reach(text: str) -> float:
    """Return how many pixels a name reaches to the side of its point, and as many up or down."""
    length, height = _size(text)
    return (length + height) / float(np.sqrt(2)) + 4


def group_text(labels: Sequence[Label]) -> str:
    """Return one name for points: "β 0.5 (w 128)"; the weight at beta 0 is infinite.

    Points of several betas get a second line: "β 1.5, 2" over "w 42.67, 32", and if they are more than four "β 2 … 9"
    over "w 32 … 7.111 (5 runs)".
    """
    note = f" {labels[0].note}" if labels[0].note and len({label.note for label in labels}) == 1 else ""
    betas = list(dict.fromkeys(f"{label.beta:.4g}" for label in labels))
    weights = list(dict.fromkeys("∞" if label.weight is None else f"{label.weight:.4g}" for label in labels))
    if len(betas) == 1:
        times = f" ×{len(labels)}" if len(labels) > 1 else ""
        return f"β {betas[0]} (w {', '.join(weights)}){times}{note}"
    if len(betas) > MOST_TOLD:
        return f"β {betas[0]} … {betas[-1]}{note}\nw {weights[0]} … {weights[-1]} ({len(labels)} runs)"
    count = f" ({len(labels)} runs)" if len(labels) > len(betas) else ""
    return f"β {', '.join(betas)}{note}\nw {', '.join(weights)}{count}"


def _size(text: str) -> tuple[float, float]:
    """Return the length and height of a name in pixels."""
    lines = text.split("\n")
    return LETTER * max(map(len, lines)), LINE * len(lines)


def _touching(labels: Sequence[Label], spots: np.ndarray) -> list[list[int]]:
    """Group points (in order of beta) that lie closer to a group's first point than half a line."""
    groups: list[list[int]] = []
    for k in sorted(range(len(labels)), key=lambda k: (labels[k].beta, k)):
        near = [g for g in groups if np.linalg.norm(spots[k] - spots[g[0]]) < LINE / 2]
        if near:
            near[0].append(k)
        else:
            groups.append([k])
    return groups


def _strip(
    labels: Sequence[Label], spots: np.ndarray, group: list[int], above: bool
) -> tuple[float, float, float, float]:
    """Return the strip that a name covers: from, to along the text, its place across it and half its height."""
    x, y = spots[group[0]]
    along, across = (x + y) / np.sqrt(2), (x - y) / np.sqrt(2)
    length, height = _size(group_text([labels[k] for k in group]))
    # its nearest corner touches the point, so a higher name begins further off
    far = length + height
    return (along, along + far, across, height / 2) if above else (along - far, along, across, height / 2)


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    """Tell whether two strips of text overlap."""
    return abs(one[2] - other[2]) < one[3] + other[3] and one[0] < other[1] and other[0] < one[1]


def _covers(strip: tuple[float, float, float, float], spot: np.ndarray) -> bool:
    """Tell whether a strip of text covers a point."""
    x, y = spot
    along, across = (x + y) / np.sqrt(2), (x - y) / np.sqrt(2)
    return abs(strip[2] - across) < strip[3] + LINE / 4 and strip[0] < along < strip[1]
