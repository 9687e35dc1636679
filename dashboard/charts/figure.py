"""What all figures share: title, template, axis titles, and the sentence shown where nothing can be drawn."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.theme import figure_template, palette, plotly_text

MAX_POINTS = 2000
"""Points drawn in one line: more than any screen has columns, few enough to redraw while a run trains."""

TITLE_TOP, SUBTITLE_TOP = 48, 68
"""Top margins in pixels, without and with a line under the title."""


def new_figure(
    title: str,
    *,
    x_title: str,
    y_title: str,
    uirevision: str,
    dark: bool,
    subtitle: str = "",
    height: int = 440,
) -> go.Figure:
    """Return an empty figure with its furniture.

    Args:
        title: the figure's title, in our words (not escaped: escape user text with `plotly_text` first).
        x_title: name of the x axis with its unit.
        y_title: name of the y axis with its unit.
        uirevision: zoom and hidden legend entries are kept as long as this stays the same.
        dark: whether the page is dark.
        subtitle: a line under the title.
        height: height in pixels.

    Returns:
        A figure without traces.
    """
    # the layout as a whole takes a fifth of the time of `update_layout`, which validates and copies piece by piece
    return go.Figure(
        layout={
            "template": figure_template(dark),
            "title": {"text": title, "subtitle": {"text": subtitle}},
            "xaxis": {"title": {"text": x_title}},
            "yaxis": {"title": {"text": y_title}},
            "uirevision": uirevision,
            "height": height,
            "margin": {"t": SUBTITLE_TOP if subtitle else TITLE_TOP},
        }
    )


PIXELS = {
    "size", "width", "height", "ticklen", "standoff", "thickness", "outlinewidth", "borderpad", "entrywidth",
    "xshift", "yshift", "ax", "ay", "xgap", "ygap",
}  # fmt: skip
"""Names of a figure's settings that are pixels"""
SIDES = {"t", "r", "b", "l", "pad"}
"""Those of a margin or a padding"""


def enlarged(figure: go.Figure, factor: float) -> go.Figure:
    """The same figure with all its text, lines, markers, margins and its height larger, for a very wide page.

    Sizes of data (a marker's in a list) and places in data or paper coordinates stay as they are.
    """
    if factor == 1:
        return figure
    described = figure.to_plotly_json()
    for trace in described["data"]:
        for name in ("marker", "line", "textfont", "colorbar", "error_x", "error_y"):
            if name in trace:
                trace[name] = _times(trace[name], factor, name)
    described["layout"] = _times(described["layout"], factor, "layout")
    return go.Figure(described)


def _times(value: Any, factor: float, name: str) -> Any:
    if isinstance(value, dict):
        sides = name in ("margin", "pad")
        return {
            key: one * factor
            if (key in PIXELS or (sides and key in SIDES)) and isinstance(one, int | float)
            else _times(one, factor, key)
            for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_times(one, factor, name) for one in value]
    return value


def say_empty(figure: go.Figure, message: str, *, dark: bool) -> go.Figure:
    """Put one readable sentence in the middle of a figure that has nothing to draw.

    Args:
        figure: the figure; its axes lose their ticks and grid.
        message: what is missing; shown literally.
        dark: whether the page is dark.

    Returns:
        The same figure.
    """
    figure.update_xaxes(showgrid=False, showticklabels=False, ticks="", range=[0, 1], type="linear")
    figure.update_yaxes(showgrid=False, showticklabels=False, ticks="", range=[0, 1], type="linear")
    figure.add_annotation(
        text=plotly_text(message),
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": 14, "color": palette(dark).muted},
    )
    return figure


def as_floats(values: Any) -> np.ndarray:
    """Return numbers as a float64 array of the same shape, with None and infinities as NaN (a gap)."""
    array = np.asarray(values, dtype=object if isinstance(values, list | tuple) else None)
    array = np.array(array, dtype=np.float64)  # None becomes NaN
    array[~np.isfinite(array)] = np.nan
    return array


def decimate(x: np.ndarray, y: np.ndarray, *, limit: int = MAX_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Thin a line to at most `limit` points without losing its ends, its peaks or its gaps.

    The points between the first and the last fall into equal buckets; each keeps its lowest and its highest
    point, and one NaN if it has any.

    Args:
        x: (N,) positions, in drawing order.
        y: (N,) values; NaN is a gap.
        limit: most points to keep, at least 5.

    Returns:
        x and y of the kept points, in their order; the inputs themselves when they are short enough.

    Raises:
        ValueError: if `limit` is below 5.
    """
    if limit < 5:
        raise ValueError(f"A line needs at least 5 points to keep its ends and extremes, not {limit}.")
    if len(x) <= limit:
        return x, y
    keep = {0, len(x) - 1}
    for bucket in np.array_split(np.arange(1, len(x) - 1), (limit - 2) // 3):
        gaps = np.isnan(y[bucket])
        if gaps.any():
            keep.add(int(bucket[gaps.argmax()]))
        if not gaps.all():
            keep.add(int(bucket[np.nanargmin(y[bucket])]))
            keep.add(int(bucket[np.nanargmax(y[bucket])]))
    rows = np.array(sorted(keep))
    return x[rows], y[rows]
