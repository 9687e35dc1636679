"""Curves over epochs: losses of one or several runs, and the rate of each latent dimension as a heat map."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.figure import SUBTITLE_TOP, as_floats, decimate, new_figure, say_empty
from dashboard.theme import (
    SEQUENTIAL_SCALE,
    SPLIT_DASHES,
    SPLIT_MARKERS,
    dimension_name,
    palette,
    plotly_text,
    run_colour,
    shorten,
)

MAX_COLUMNS = 1000
"""Epochs drawn in one heat map."""

MAX_ROW_NAMES = 24
"""Latent dimensions named beside a heat map; of more, every second, third, ... is named."""

FEW_POINTS = 40
"""Up to this many points a line shows a marker at each."""

STAR = 13
"""Size of the point of a selection, in pixels"""

MANY_CURVES = 8
"""Up to this many curves share one hover box an epoch; with more, the box names the nearest point only."""


@dataclass(frozen=True)
class Axis:
    """What a curve runs over."""

    title: str
    """Of the axis, with its unit"""
    words: str
    """In the figure's title: 'by ...'"""
    column: str
    """In CSV"""
    hover: str
    """Over the values of one place"""


AXES = {
    "epoch": Axis("Epoch", "epoch", "epoch", "epoch %{x}"),
    "step": Axis("Step (batches)", "step", "step", "step %{x:,}"),
    "time": Axis("Training time (seconds)", "training time", "seconds", "%{x:,.4~g} s"),
}
"""What curves can run over."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One quantity of one run over its epochs.

    Attributes:
        name: the run's display name, as typed by a person.
        split: "train", "validation", "test", or "selection": a point of some images.
        epochs: (E,) epoch numbers, or steps or seconds done by then (see `AXES`).
        values: (E,) the quantity; None or NaN leaves a gap.
        colour_index: which of `theme.RUN_COLOURS`; the same for all curves of a run.
        numbers: (E,) epoch numbers where `epochs` holds something else.
        deviations: (E,) of a curve that averages runs over seeds: their standard deviation, drawn as a band.
        seeds: how many runs it averages; 0 of a single run.
    """

    name: str
    split: str
    epochs: Sequence[float] | np.ndarray
    values: Sequence[float | None] | np.ndarray
    colour_index: int = 0
    numbers: Sequence[int] | None = None
    deviations: Sequence[float] | np.ndarray | None = None
    seeds: int = 0


def loss_curves(
    curves: Sequence[Curve],
    *,
    quantity_title: str,
    unit: str,
    log_x: bool = False,
    log_y: bool = False,
    dark: bool,
    direction: str = "lower is better",
    about: str = "",
    by: str = "epoch",
) -> go.Figure:
    """Draw one quantity of one or several runs over their epochs, steps or time.

    A run has one colour and one legend entry, which hides or shows all its curves; train is a solid line,
    held-out data a dashed one. A curve with deviations lies in a band of plus and minus one of them. On a
    logarithmic axis a value at or below zero is a gap, and the subtitle counts them; a band is cut off there.

    Args:
        curves: the curves, in drawing order; at most `MAX_POINTS` points of each are drawn.
        quantity_title: what is drawn, such as "Negative ELBO".
        unit: its unit, such as "nats per image"; may be empty.
        log_x: logarithmic epoch (step, time) axis.
        log_y: logarithmic value axis.
        dark: whether the page is dark.
        direction: "lower is better", "higher is better", or empty where neither holds.
        about: what the values were measured on, such as the data set: a zoom is kept while it stays the same.
        by: what `Curve.epochs` holds, a key of `AXES`.

    Returns:
        The figure, one trace a curve, and before it one of its band, if any.
    """
    curves, axis = list(curves), AXES[by]
    figure = new_figure(
        f"{quantity_title} by {axis.words}",
        x_title=axis.title,
        y_title=f"{quantity_title} ({', '.join(part for part in (unit, direction) if part)})".replace(
            " ()", ""
        ),
        uirevision=f"curves|{quantity_title}|{log_x}|{log_y}|{by}|{about}",
        dark=dark,
    )
    shared_box = len(curves) <= MANY_CURVES
    seen: set[tuple[str, int]] = set()
    hidden = drawn = 0
    for curve in curves:
        x, y = as_floats(curve.epochs), as_floats(curve.values)
        refused = (log_x & (x <= 0)) | (log_y & (y <= 0))
        hidden += int(refused.sum())
        y[refused] = np.nan
        x[x <= 0 if log_x else np.zeros(len(x), dtype=bool)] = np.nan
        x, y = decimate(x, y)
        drawn += int(np.isfinite(y).sum())
        run = (curve.name, curve.colour_index)
        name = plotly_text(curve.name)
        colour = run_colour(curve.colour_index)
        group = f"{curve.colour_index}|{name}"
        if curve.deviations is not None:
            figure.add_trace(_band(curve, colour, group=group, log_x=log_x, log_y=log_y))
        figure.add_trace(
            go.Scatter(
                x=x.astype(np.float32),
                y=y.astype(np.float32),
                name=plotly_text(shorten(curve.name)),
                meta=[name, curve.split],
                customdata=None if curve.deviations is None else _deviations_at(curve, x),
                legendgroup=group,
                showlegend=run not in seen,
                mode="lines+markers" if len(x) <= FEW_POINTS else "lines",
                line={"color": colour, "width": 2, "dash": SPLIT_DASHES.get(curve.split, "dot")},
                marker={
                    "color": colour,
                    "size": STAR if curve.split == "selection" else 5,
                    "symbol": SPLIT_MARKERS.get(curve.split, "x"),
                },
                connectgaps=False,
                hovertemplate="%{meta[0]} · %{meta[1]}: <b>%{y:,.5~g}</b> "
                + ("" if curve.deviations is None else "± %{customdata:,.3~g} ")
                + plotly_text(unit)
                + ("<extra></extra>" if shared_box else f"<br>{axis.hover}<extra></extra>"),
            )
        )
        seen.add(run)
    if not drawn:
        figure.data = ()
        return say_empty(figure, _why_empty(curves, hidden=hidden), dark=dark)
    figure.update_xaxes(type="log" if log_x else "linear", unifiedhovertitle={"text": axis.hover})
    figure.update_yaxes(type="log" if log_y else "linear")
    # Without a format a logarithmic axis names 30 between 10 and 100 as a bare "3".
    if log_x:
        figure.update_xaxes(dtick="D2", tickformat=",~g")
    if log_y:
        figure.update_yaxes(dtick="D1" if _decades(figure) < 1 else "D2", tickformat=",~g")
    figure.update_layout(
        margin={"t": SUBTITLE_TOP},
        hovermode="x unified" if shared_box else "closest",
        showlegend=True,
        title={"subtitle": {"text": _key(curves, hidden=hidden)}},
    )
    return figure


def curves_frame(curves: Sequence[Curve], *, by: str = "epoch") -> pd.DataFrame:
    """Return all points of the curves as a tidy table (run, split, epoch, value), for CSV; see `AXES` for `by`.

    Where a curve averages seeds, `value` is the mean, and two more columns hold the deviation and the number of seeds.
    """
    column = AXES[by].column
    banded = any(curve.deviations is not None for curve in curves)
    parts = [
        pd.DataFrame(
            {
                "run": curve.name,
                "split": curve.split,
                column: as_floats(curve.epochs),
                "value": as_floats(curve.values),
                "standard_deviation": np.nan if curve.deviations is None else as_floats(curve.deviations),
                "seeds": max(1, curve.seeds),
            }
        )
        for curve in curves
    ]
    columns = ["run", "split", column, "value", *(("standard_deviation", "seeds") if banded else ())]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def rate_heatmap(rates: Any, epochs: Sequence[int] | np.ndarray, *, dark: bool) -> go.Figure:
    """Draw the rate of each latent dimension over the epochs.

    Rows are sorted by the rate at the last epoch that has one, the most informative at the top, and named as on
    every page (`theme.dimension_name`).

    Args:
        rates: (E, L) nats per image; None or NaN leaves a gap.
        epochs: (E,) epoch numbers.
        dark: whether the page is dark.

    Returns:
        The figure, one heat map; `customdata` holds the number of each row's dimension, counted from 1.

    Raises:
        ValueError: if the two shapes do not fit.
    """
    grid, columns = as_floats(rates), np.asarray(epochs)
    figure = new_figure(
        "Rate of each latent dimension",
        x_title="Epoch",
        y_title="Latent dimension",
        uirevision=f"rate-heatmap|{grid.shape[-1:]}",
        dark=dark,
        subtitle="most informative dimension first · 0 nats: not used",
    )
    if grid.size == 0 or not np.isfinite(grid).any():
        return say_empty(figure, "No rate per dimension is recorded for this run.", dark=dark)
    if grid.ndim != 2 or len(columns) != len(grid):
        raise ValueError(
            f"Rates must be (epochs, dimensions) with one epoch number a row, "
            f"not rates {grid.shape} and {len(columns)} epochs."
        )
    order = informative_order(grid)
    shown = np.unique(np.linspace(0, len(grid) - 1, min(len(grid), MAX_COLUMNS)).round().astype(int))
    grid, columns = grid[shown][:, order], columns[shown]
    step = -(-len(order) // MAX_ROW_NAMES)
    named = np.arange(0, len(order), step)
    figure.add_trace(
        go.Heatmap(
            x=columns.astype(np.float32),
            y=np.arange(len(order), dtype=np.int16),
            z=grid.T.astype(np.float32),
            customdata=np.broadcast_to(order[:, None] + 1, grid.T.shape).astype(np.int16),
            colorscale=SEQUENTIAL_SCALE,
            zmin=0,
            ygap=1 if len(order) <= MAX_ROW_NAMES else 0,
            hoverongaps=False,
            hovertemplate="z %{customdata}<br>epoch %{x}<br>rate <b>%{z:.4~g}</b> nats per image"
            "<extra></extra>",
            colorbar={
                "title": {"text": "Rate (nats per image)", "side": "right", "font": {"size": 12}},
                "thickness": 12,
                "outlinewidth": 0,
                "tickfont": {"color": palette(dark).muted},
            },
        )
    )
    # two dimensions in the height of twenty would be two slabs of colour
    figure.update_layout(height=min(440, 200 + 40 * len(order)))
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(
        showgrid=False,
        range=[len(order) - 0.5, -0.5],
        tickmode="array",
        tickvals=named.tolist(),
        ticktext=[dimension_name(int(order[row])) for row in named],
    )
    return figure


def rate_frame(rates: Any, epochs: Sequence[int] | np.ndarray) -> pd.DataFrame:
    """Return rates (E, L) as a tidy table (epoch, dimension, rate in nats per image), for CSV."""
    grid = as_floats(rates).reshape(len(epochs), -1)
    return pd.DataFrame(
        {
            "epoch": np.repeat(np.asarray(epochs), grid.shape[1]),
            "dimension": np.tile([dimension_name(k) for k in range(grid.shape[1])], len(grid)),
            "rate_nats_per_image": grid.ravel(),
        }
    )


def informative_order(rates: Any) -> np.ndarray:
    """Return latent dimensions (L,) by falling rate at the last epoch that has rates, ties in order."""
    grid = as_floats(rates)
    rows = np.flatnonzero(np.isfinite(grid).any(axis=1))
    last = grid[rows[-1]] if len(rows) else np.zeros(grid.shape[1])
    return np.argsort(-np.where(np.isnan(last), -np.inf, last), kind="stable")


def _band(curve: Curve, colour: str, *, group: str, log_x: bool, log_y: bool) -> go.Scatter:
    """The area of one standard deviation to each side of a mean: along its upper edge, and back along the lower."""
    x, y = as_floats(curve.epochs), as_floats(curve.values)
    reach = as_floats(curve.deviations)
    drawn = np.isfinite(y) & np.isfinite(reach)
    if log_x:
        drawn &= x > 0
    if log_y:
        drawn &= y > 0
    x, low, high = x[drawn], (y - reach)[drawn], (y + reach)[drawn]
    if log_y and len(low):
        # an edge at or below 0 lies infinitely deep: the band ends at the lowest value that can be drawn
        low = np.maximum(low, np.min(np.concatenate([low[low > 0], high])))
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return go.Scatter(
        x=np.concatenate([x, x[::-1]]).astype(np.float32),
        y=np.concatenate([high, low[::-1]]).astype(np.float32),
        fill="toself",
        fillcolor=f"rgba({red}, {green}, {blue}, 0.2)",
        line={"width": 0},
        mode="lines",
        legendgroup=group,
        showlegend=False,
        hoverinfo="skip",
    )


def _deviations_at(curve: Curve, x: np.ndarray) -> np.ndarray:
    """Deviations at the places that are drawn."""
    places = as_floats(curve.epochs)
    assert curve.deviations is not None
    return np.interp(x, places, as_floats(curve.deviations)).astype(np.float32)


def _key(curves: Sequence[Curve], *, hidden: int) -> str:
    """Say in words what solid, dashed and a band mean, and how many values a logarithmic axis cannot show."""
    splits = list(dict.fromkeys(curve.split for curve in curves))
    solid = [plotly_text(split) for split in splits if SPLIT_DASHES.get(split) == "solid"]
    dashed = [plotly_text(split) for split in splits if SPLIT_DASHES.get(split) not in ("solid", None)]
    parts = [f"solid: {', '.join(solid)}"] if solid else []
    parts += [f"dashed: {', '.join(dashed)}"] if dashed else []
    parts += ["star: the selection, at the final weights"] if "selection" in splits else []
    if any(curve.deviations is not None for curve in curves):
        parts.append("band: mean ± one standard deviation over seeds (n − 1)")
    if hidden:
        parts.append(f"{hidden} points at or below 0 left out on the log axis")
    return " · ".join(parts)


def _why_empty(curves: Sequence[Curve], *, hidden: int) -> str:
    """Say why there is nothing to draw, and what to do."""
    if hidden:
        return "No value is above 0: choose a linear axis."
    return "No epoch is recorded yet." if curves else "Nothing to draw: choose runs that have this quantity."


def _decades(figure: go.Figure) -> float:
    """Return how many powers of ten the drawn values span."""
    values = np.concatenate([np.asarray(trace.y, dtype=np.float64) for trace in figure.data])
    values = values[np.isfinite(values)]
    return float(np.log10(values.max() / values.min()))
