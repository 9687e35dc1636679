"""The beta trade-off: rate against distortion, one point a run (Alemi et al. 2018, Fixing a Broken ELBO)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.figure import new_figure, say_empty
from dashboard.charts.isolines import iso_levels, iso_line
from dashboard.charts.labels import (
    MARK,
    SMALL_PLOT,
    Placed,
    fit_range,
    place_labels,
    reach,
)
from dashboard.charts.points import COLLAPSED_RATE, NATS, TradeoffPoint, beta_text, hover_text, label_of
from dashboard.theme import palette, plotly_text

ISO_NAME_GAP = 0.045
"""Least distance between the names of two lines of equal negative ELBO, as a share of the figure."""


def tradeoff(
    points: Sequence[TradeoffPoint],
    *,
    front: Sequence[bool],
    log_rate: bool = False,
    dark: bool,
    selected: str | None = None,
    units: Mapping[str, str] | None = None,
) -> go.Figure:
    """Draw rate on x and distortion on y, both in nats per image, one point a run.

    Thin lines join points of equal negative ELBO C: distortion = C - rate, straight on linear axes and bent
    on a logarithmic one. The Pareto front is drawn as a staircase: below and left of it lies nothing that any
    of these runs reached. On a logarithmic axis collapsed runs sit at its left edge, at 0.01 nats.

    Args:
        points: the runs; those with a rate or distortion that is not finite are left out.
        front: for each point, whether it is on the Pareto front.
        log_rate: logarithmic rate axis.
        dark: whether the page is dark.
        selected: id of the run to ring.
        units: unit of each of the further scores.

    Returns:
        The figure. Traces of runs hold the run ids in `customdata`; the others have none.

    Raises:
        ValueError: if `front` and `points` differ in length.
    """
    if len(front) != len(points):
        raise ValueError(f"The front needs one mark a run, but there are {len(front)} and {len(points)}.")
    figure = new_figure(
        "Rate and distortion of each run",
        x_title=f"Rate R ({NATS})",
        y_title=f"Distortion D ({NATS}), lower is better",
        uirevision=f"tradeoff|{log_rate}",
        dark=dark,
        height=520,
    )
    kept = [k for k, p in enumerate(points) if np.isfinite(p.rate) and np.isfinite(p.distortion)]
    if not kept:
        return say_empty(figure, "No run of this kind has a rate and a distortion yet.", dark=dark)
    points, marks = [points[k] for k in kept], np.array([bool(front[k]) for k in kept])
    rate = np.array([_drawn_rate(p, log_rate=log_rate) for p in points])
    distortion = np.array([p.distortion for p in points])
    drawn = np.log10(rate) if log_rate else rate
    x_range, y_range, names, right = _lay_out(points, drawn, distortion, log_rate=log_rate)
    _add_iso_lines(figure, points, x_range=x_range, y_range=y_range, log_rate=log_rate, dark=dark)
    _add_front(figure, rate[marks], distortion[marks], dark=dark)
    _add_runs(figure, points, rate, distortion, marks, units=units or {}, dark=dark)
    _add_ring(figure, points, rate, distortion, selected=selected, dark=dark)
    _add_names(figure, names, drawn, distortion, dark=dark)
    figure.update_xaxes(type="log" if log_rate else "linear", range=list(x_range))
    if log_rate:
        decades = x_range[1] - x_range[0]
        dtick = 1 if decades > 2 else "D2" if decades > 0.7 else None
        figure.update_xaxes(dtick=dtick, tickformat=",~g")
    figure.update_yaxes(range=list(y_range))
    figure.update_layout(hovermode="closest", showlegend=True, clickmode="event+select", margin={"r": right})
    return figure


def tradeoff_frame(points: Sequence[TradeoffPoint], *, front: Sequence[bool]) -> pd.DataFrame:
    """Return the points as a table, one row a run, further scores as columns, for CSV."""
    rows = [
        {
            "run": p.run_id,
            "name": p.name,
            "beta": p.beta,
            "reconstruction_weight": p.reconstruction_weight,
            "rate_nats_per_image": p.rate,
            "distortion_nats_per_image": p.distortion,
            "negative_elbo_nats_per_image": p.rate + p.distortion,
            "pareto_front": bool(on_front),
            "collapsed": p.collapsed,
            **{k: v for k, v in p.scores.items() if k not in ("rate", "distortion", "negative_elbo")},
        }
        for p, on_front in zip(points, front, strict=True)
    ]
    return pd.DataFrame(rows)


def _drawn_rate(point: TradeoffPoint, *, log_rate: bool) -> float:
    """Return where a run stands on the rate axis: collapsed runs on the edge of a logarithmic one."""
    return max(point.rate, COLLAPSED_RATE) if log_rate else point.rate


def _lay_out(
    points: Sequence[TradeoffPoint], x: np.ndarray, y: np.ndarray, *, log_rate: bool
) -> tuple[tuple[float, float], tuple[float, float], list[Placed], int]:
    """Return the axes' ranges (x as drawn), the names, and the right margin in pixels that the names need.

    The height is fixed, so names get room above inside the range; the width is not, so a name at the right
    runs into the margin instead, which serves a wide figure as well as a narrow one.
    """
    mark = np.full(len(points), MARK)
    least_x = 0.3 if log_rate else max(0.05 * float(x.max()), 1e-3)
    least_y = max(0.02 * abs(float(y.max())), 1e-3)
    x_range = fit_range(x, before=mark, after=mark, size=SMALL_PLOT[0], least=least_x)
    across = (x - x_range[0]) / (x_range[1] - x_range[0])
    names: list[Placed] = []
    # Room above depends on the names and the names on the room: a second pass settles it.
    for _ in range(2):
        above = mark.copy()
        for name in names:
            above[name.index] = reach(name.text) if name.above else MARK
        y_range = fit_range(y, before=mark, after=above, size=SMALL_PLOT[1], least=least_y)
        up = (y - y_range[0]) / (y_range[1] - y_range[0])
        names = place_labels(
            [label_of(p, across=float(a), up=float(u)) for p, a, u in zip(points, across, up, strict=True)]
        )
    over = [reach(n.text) - (1.0 - across[n.index]) * SMALL_PLOT[0] for n in names if n.above]
    return x_range, y_range, names, int(max([18.0, *over]))


def _add_iso_lines(
    figure: go.Figure,
    points: Sequence[TradeoffPoint],
    *,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    log_rate: bool,
    dark: bool,
) -> None:
    """Draw the lines of equal negative ELBO, each with its level unless that would cover another."""
    colours = palette(dark)
    rates = (10.0 ** x_range[0], 10.0 ** x_range[1]) if log_rate else x_range
    named: list[tuple[float, float]] = []
    first = True
    for level in iso_levels([p.rate + p.distortion for p in points]):
        rate, distortion = iso_line(float(level), rates=rates, distortions=y_range, log_rate=log_rate)
        if not len(rate):
            continue
        figure.add_trace(
            go.Scatter(
                x=rate.astype(np.float32),
                y=distortion.astype(np.float32),
                name="equal negative ELBO, D + R",
                legendgroup="iso",
                showlegend=first,
                meta=[float(level)],
                mode="lines",
                line={"color": colours.muted, "width": 1, "dash": "dot"},
                opacity=0.6,
                hoverinfo="skip",
            )
        )
        first = False
        # Named at their left ends: the names of runs rise to the right, and at rate 0 the level is D itself.
        x = float(np.log10(rate[0]) if log_rate else rate[0])
        spot = ((x - x_range[0]) / np.ptp(x_range), (distortion[0] - y_range[0]) / np.ptp(y_range))
        if any(max(abs(spot[0] - a), abs(spot[1] - b)) < ISO_NAME_GAP for a, b in named):
            continue
        named.append(spot)
        figure.add_annotation(
            x=x,
            y=float(distortion[0]),
            text=f"{level:.6g}",
            showarrow=False,
            xanchor="right" if spot[0] > 0 and rate[0] == 0 else "left",
            yanchor="top" if spot[1] > 1 - ISO_NAME_GAP else "bottom",
            font={"size": 10, "color": colours.muted},
        )


def _add_front(figure: go.Figure, rate: np.ndarray, distortion: np.ndarray, *, dark: bool) -> None:
    """Draw the Pareto front as a staircase through the given runs."""
    order = np.lexsort((-distortion, rate))
    figure.add_trace(
        go.Scatter(
            x=rate[order].astype(np.float32),
            y=distortion[order].astype(np.float32),
            name="Pareto front",
            mode="lines",
            line={"color": palette(dark).accent, "width": 1.5, "shape": "hv"},
            opacity=0.7,
            hoverinfo="skip",
        )
    )


def _add_runs(
    figure: go.Figure,
    points: Sequence[TradeoffPoint],
    rate: np.ndarray,
    distortion: np.ndarray,
    marks: np.ndarray,
    *,
    units: Mapping[str, str],
    dark: bool,
) -> None:
    """Draw the runs in three kinds: on the front, behind it, collapsed."""
    colours = palette(dark)
    collapsed = np.array([p.collapsed for p in points])
    kinds: tuple[tuple[str, np.ndarray, dict[str, Any]], ...] = (
        ("on the front", marks & ~collapsed, {"symbol": "circle", "color": colours.accent}),
        ("behind the front", ~marks & ~collapsed, {"symbol": "circle-open", "color": colours.accent}),
        (
            f"collapsed (R < {COLLAPSED_RATE:g})",
            collapsed,
            {"symbol": "x", "color": colours.text, "opacity": 0.75},
        ),
    )
    for name, chosen, marker in kinds:
        rows = np.flatnonzero(chosen).tolist()
        if not rows:
            continue
        figure.add_trace(
            go.Scatter(
                x=rate[rows].astype(np.float32),
                y=distortion[rows].astype(np.float32),
                name=plotly_text(name),
                mode="markers",
                marker={"size": 10, "line": {"width": 2 if "open" in marker["symbol"] else 0}, **marker},
                text=[beta_text(points[row]) for row in rows],
                customdata=[points[row].run_id for row in rows],
                hovertext=[hover_text(points[row], units=units) for row in rows],
                hovertemplate="%{hovertext}<extra></extra>",
                selected={"marker": {"opacity": 1}},
                unselected={"marker": {"opacity": 0.6}},
            )
        )


def _add_ring(
    figure: go.Figure,
    points: Sequence[TradeoffPoint],
    rate: np.ndarray,
    distortion: np.ndarray,
    *,
    selected: str | None,
    dark: bool,
) -> None:
    """Ring the selected run."""
    rows = [k for k, p in enumerate(points) if p.run_id == selected]
    if rows:
        figure.add_trace(
            go.Scatter(
                x=rate[rows].astype(np.float32),
                y=distortion[rows].astype(np.float32),
                name="in view",
                mode="markers",
                marker={
                    "size": 20,
                    "symbol": "circle-open",
                    "color": palette(dark).text,
                    "line": {"width": 2},
                },
                hoverinfo="skip",
            )
        )


def _add_names(
    figure: go.Figure, names: Sequence[Placed], x: np.ndarray, y: np.ndarray, *, dark: bool
) -> None:
    """Write each run's beta and weight beside its point; x as drawn, so logarithms on a logarithmic axis."""
    for name in names:
        figure.add_annotation(
            x=float(x[name.index]),
            y=float(y[name.index]),
            text="<br>".join(plotly_text(line) for line in name.text.split("\n")),
            align="left",
            textangle=-name.angle,
            showarrow=False,
            xanchor="left" if name.above else "right",
            yanchor="bottom" if name.above else "top",
            xshift=3 if name.above else -3,
            yshift=3 if name.above else -3,
            font={"size": 11, "color": palette(dark).text},
        )
