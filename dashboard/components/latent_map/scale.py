"""Points coloured by a number: the scale, its ends and the words of its colour bar."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.theme import POINT_SCALE

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
    """

    values: np.ndarray
    name: str
    unit: str
    direction: str | None
    low: float
    high: float
    span: str

    def described(self) -> dict[str, Any]:
        """Say what the browser needs to draw the colour bar; JSON values."""
        known = self.values[np.isfinite(self.values)]
        better = "neither is better" if self.direction is None else f"{self.direction} is better"
        return {
            "name": self.name,
            "unit": self.unit,
            "title": f"{self.name} ({self.unit})" if self.unit else self.name,
            "note": f"{better}; {self.span}" if len(known) else "no point has a value",
            "low": self.low if math.isfinite(self.low) else None,
            "high": self.high if math.isfinite(self.high) else None,
            "below": bool((known < self.low).any()),
            "above": bool((known > self.high).any()),
            "missing": len(self.values) - len(known),
            "stops": list(POINT_SCALE),
        }


def make_scale(
    values: np.ndarray,
    *,
    name: str,
    unit: str = "",
    direction: str | None = None,
    among: np.ndarray | None = None,
    among_name: str = "all runs",
) -> Scale:
    """Choose the ends of a scale: the 1 % and 99 % quantiles of the finite values.

    Args:
        values: (N,) numbers; what is not finite counts as no value.
        name: what it is, as in ``"Distortion D"``.
        unit: its unit, or "" for none.
        direction: ``"lower"`` or ``"higher"``, which of them is better, or None where neither is.
        among: numbers whose quantiles are taken instead, so that several maps share one scale.
        among_name: whose numbers these are, as the colour bar says it.

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
    low, high = np.quantile(pool, QUANTILES) if len(pool) else (math.nan, math.nan)
    return Scale(
        values=np.where(np.isfinite(array), array, np.nan).astype(np.float32),
        name=name,
        unit=unit,
        direction=direction,
        low=float(low),
        high=float(high),
        span="ends at the 1 % and 99 % quantiles" + ("" if among is None else f" of {among_name}"),
    )
