"""Runs that differ in nothing but the seed, drawn as one curve: their mean, with a band of one standard deviation."""

from collections.abc import Mapping, Sequence

import numpy as np

from dashboard import gateway
from dashboard.charts.curves import Curve


def seed_curves(members: Sequence[Sequence[Curve]], *, name: str) -> list[Curve]:
    """Average the curves of runs, split by split, at the epochs that all of them have.

    Over time the mean stands at the mean of the runs' times. A split that one run lacks is left out.

    Args:
        members: the curves of each run, of one quantity.
        name: of the runs together; their number is put behind it.
    """
    if not all(members):
        return []
    found = []
    for curve in members[0]:
        same = [one for curves in members for one in curves if one.split == curve.split]
        if len(same) < len(members):
            continue
        band = gateway.band([_by_epoch(one, one.values) for one in same])
        if band is None:
            continue
        places = [_by_epoch(one, one.epochs) for one in same]
        found.append(
            Curve(
                name=f"{name}: mean of {band.seeds} seeds",
                split=curve.split,
                epochs=[
                    sum(float(place[epoch] or 0) for place in places) / len(places) for epoch in band.epochs
                ],
                values=band.means,
                colour_index=curve.colour_index,
                deviations=band.deviations,
                seeds=band.seeds,
            )
        )
    return found


def _by_epoch(curve: Curve, values: Sequence[float | None] | np.ndarray) -> Mapping[int, float | None]:
    numbers = curve.epochs if curve.numbers is None else curve.numbers
    return {int(epoch): value for epoch, value in zip(numbers, values, strict=True)}
