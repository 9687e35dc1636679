"""A run as a point of the trade-off, and the words that stand beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dashboard.charts.labels import Label, group_text
from dashboard.theme import plotly_text

COLLAPSED_RATE = 0.01
"""Nats per image: below it a run's code says nothing, and a logarithmic axis shows it on this edge."""

NATS = "nats per image"
"""Unit of rate, distortion and negative ELBO."""


@dataclass(frozen=True)
class TradeoffPoint:
    """One run on the trade-off.

    Attributes:
        run_id: the run's id; what a selected point returns.
        name: its display name, as typed by a person.
        beta: weight of the rate, >= 0.
        reconstruction_weight: the equivalent weight of the mean pixel loss; None reads "infinite" (beta 0).
        rate: nats per image.
        distortion: nats per image.
        scores: further scores for the hover box; None reads "does not apply".
        collapsed: whether the rate is below 0.01 nats: its code is unused.
    """

    run_id: str
    name: str
    beta: float
    reconstruction_weight: float | None
    rate: float
    distortion: float
    scores: dict[str, float | None] = field(default_factory=dict)
    collapsed: bool = False


def beta_text(point: TradeoffPoint) -> str:
    """Return a run's two conventions in one name: "β 0.5 (w 128)"; the weight at beta 0 is infinite."""
    return group_text([label_of(point, across=0.0, up=0.0)])


def label_of(point: TradeoffPoint, *, across: float, up: float) -> Label:
    """Return a run as a point that wants a name."""
    note = "collapsed" if point.collapsed else ""
    return Label(across=across, up=up, beta=point.beta, weight=point.reconstruction_weight, note=note)


def hover_text(point: TradeoffPoint, *, units: Mapping[str, str]) -> str:
    """Return the hover box of a run: its name, beta and weight, and all its scores with units."""
    weight = "infinite" if point.reconstruction_weight is None else f"{point.reconstruction_weight:.5g}"
    lines = [
        f"<b>{plotly_text(point.name)}</b>" + (" (collapsed: its code is unused)" if point.collapsed else ""),
        f"beta {point.beta:.5g}, reconstruction weight {weight}",
        f"rate: {point.rate:,.5g} {NATS}",
        f"distortion: {point.distortion:,.5g} {NATS}",
        f"negative ELBO: {point.rate + point.distortion:,.5g} {NATS}",
    ]
    skip = ("rate", "distortion", "negative_elbo")
    return "<br>".join(lines + score_lines(point.scores, units=units, skip=skip))


def score_lines(
    scores: Mapping[str, float | None], *, units: Mapping[str, str], skip: Sequence[str]
) -> list[str]:
    """Return one hover line for each score: its name in words, its value, its unit.

    Args:
        scores: value of each score; None reads "does not apply".
        units: unit of each score, where it has one.
        skip: scores that stand elsewhere.

    Returns:
        Lines, escaped for Plotly.
    """
    lines = []
    for name, value in scores.items():
        if name in skip:
            continue
        unit = units.get(name, "")
        shown = (
            "does not apply" if value is None or not np.isfinite(value) else f"{value:,.5g} {unit}".strip()
        )
        lines.append(plotly_text(f"{name.replace('_', ' ')}: {shown}"))
    return lines
