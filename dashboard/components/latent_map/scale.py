"""Points coloured by a number: the scale, its ends and the words of its colour bar."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.theme import POINT_SCALE, SIGNED_POINT_SCALE, SIGNED_POINT_SCALE_DARK

QUANTILES = (0.01, 0.99)
"""Quantiles at the ends of a colour bar: a few extreme images would squeeze all others into one colour."""


@dataclass(frozen=True, eq=False)
class Scale:
    """Numbers that colour the points, one each.

    Attributes:
        values: float32 (N,), NaN where a point has no value.
        name: what it is, as in ``"Distortion D"``.
        unit: its unit, or "" for none.
        direction: ``"lower"`` or ``"higher"``, which of them is better, or None where neither is.
        low: value of the scale's first colour; lower ones have it too.
        high: value of the scale's last colour; higher ones have it too.
        span: what the ends are, in words.
        whose: letter of the run whose numbers these are, where the panels of a map have different ones.
        shared_by: those that share these ends, as the colour bar says it (``"A and B"``), where not all panels do.
        signed: differences about zero: two hues that meet in a grey there.
        says: what a number means, in place of which direction is better; "" for that.
    """

    values: np.ndarray
    name: str
    unit: str
    direction: str | None
    low: float
    high: float
    span: str
    whose: str = ""
    shared_by: str = ""
    signed: bool = False
    says: str = ""

    @property
    def title(self) -> str:
        """Name, those who share the scale, and unit."""
        named = f"{self.name} of {self.shared_by}" if self.shared_by else self.name
        return f"{named} ({self.unit})" if self.unit else named

    def described(self) -> dict[str, Any]:
        """Say what the browser needs to draw the colour bar; JSON values."""
        known = self.values[np.isfinite(self.values)]
        better = "neither is better" if self.direction is None else f"{self.direction} is better"
        stops = SIGNED_POINT_SCALE if self.signed else POINT_SCALE
        return {
            "name": self.name,
            "unit": self.unit,
            "title": self.title,
            "note": f"{self.says or better}; {self.span}" if len(known) else "no point has a value",
            "low": self.low if math.isfinite(self.low) else None,
            "high": self.high if math.isfinite(self.high) else None,
            "below": bool((known < self.low).any()),
            "above": bool((known > self.high).any()),
            "missing": len(self.values) - len(known),
            "signed": self.signed,
            "stops": list(stops),
            "dark_stops": list(SIGNED_POINT_SCALE_DARK if self.signed else POINT_SCALE),
        }


def make_scale(
    values: np.ndarray,
    *,
    name: str,
    unit: str = "",
    direction: str | None = None,
    among: np.ndarray | None = None,
    among_name: str = "all runs",
    whose: str = "",
    shared_by: str = "",
    signed: bool = False,
    says: str = "",
) -> Scale:
    """Choose the ends of a scale: the 1 % and 99 % quantiles of the finite values.

    A signed scale ends at plus and minus the 99 % quantile of their size, so that zero is its middle.

    Args:
        values: (N,) numbers; what is not finite counts as no value.
        name: what it is, as in ``"Distortion D"``.
        unit: its unit, or "" for none.
        direction: ``"lower"`` or ``"higher"``, which of them is better, or None where neither is.
        among: numbers whose quantiles are taken instead, so that several maps share one scale.
        among_name: whose numbers these are, as the colour bar says it.
        whose: see `Scale`.
        shared_by: see `Scale`.
        signed: see `Scale`.
        says: see `Scale`.

    Returns:
        The scale; without any finite value its ends are NaN.

    Raises:
        ValueError: values of another shape.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"A scale needs values of the shape (N,), not {array.shape}.")
    pool = array if among is None else np.asarray(among, dtype=np.float64)
    pool = pool[np.isfinite(pool)]
    low, high = _ends(pool, signed=signed)
    ends = "ends at ± the 99 % quantile of the sizes" if signed else "ends at the 1 % and 99 % quantiles"
    return Scale(
        values=np.where(np.isfinite(array), array, np.nan).astype(np.float32),
        name=name,
        unit=unit,
        direction=direction,
        low=low,
        high=high,
        span=ends + ("" if among is None else f" of {among_name}"),
        whose=whose,
        shared_by=shared_by,
        signed=signed,
        says=says,
    )


def _ends(pool: np.ndarray, *, signed: bool) -> tuple[float, float]:
    if not len(pool):
        return math.nan, math.nan
    if signed:
        reach = float(np.quantile(np.abs(pool), QUANTILES[1]))
        return -reach, reach
    low, high = np.quantile(pool, QUANTILES)
    return float(low), float(high)
