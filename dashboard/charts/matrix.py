"""A matrix of numbers as a heat map with the numbers written in."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.figure import as_floats, new_figure, say_empty
from dashboard.theme import SEQUENTIAL_SCALE, palette, plotly_text

CELL = 42
"""Least height of a row in pixels."""


def matrix_heatmap(
    values: object,
    names: Sequence[str],
    *,
    title: str,
    subtitle: str,
    dark: bool,
    low: float = 0.0,
    high: float = 1.0,
) -> go.Figure:
    """Draw a square matrix with its numbers, row 0 at the top.

    Args:
        values: (R, R); None or NaN stays empty.
        names: of the rows and columns.
        title: of the figure, in our words.
        subtitle: a line under it: what the numbers are and which direction is better.
        dark: whether the page is dark.
        low: value at the dark end of the scale, and
        high: at its light end.

    Returns:
        The figure, one heat map.

    Raises:
        ValueError: if the matrix does not fit the names.
    """
    grid = as_floats(values)
    figure = new_figure(
        title, x_title="", y_title="", uirevision=f"matrix|{title}", dark=dark, subtitle=subtitle
    )
    if grid.shape != (len(names), len(names)):
        raise ValueError(f"A matrix of {len(names)} runs must be square, not {grid.shape}.")
    if not np.isfinite(grid).any():
        return say_empty(figure, "There is nothing to compare.", dark=dark)
    places = list(range(len(names)))
    figure.add_trace(
        go.Heatmap(
            x=places,
            y=places,
            z=grid.astype(np.float32),
            zmin=low,
            zmax=high,
            text=[["" if np.isnan(one) else f"{one:.2f}" for one in row] for row in grid],
            texttemplate="%{text}",
            textfont={"size": 13},
            customdata=[[f"{plotly_text(a)} and {plotly_text(b)}" for b in names] for a in names],
            hovertemplate="%{customdata}: <b>%{z:.4f}</b><extra></extra>",
            hoverongaps=False,
            colorscale=SEQUENTIAL_SCALE,
            xgap=2,
            ygap=2,
            colorbar={"thickness": 12, "outlinewidth": 0, "tickfont": {"color": palette(dark).muted}},
        )
    )
    ticks = {"tickmode": "array", "tickvals": places, "ticktext": [plotly_text(name) for name in names]}
    figure.update_xaxes(**ticks, showgrid=False, side="bottom")
    figure.update_yaxes(**ticks, showgrid=False, range=[len(names) - 0.5, -0.5])
    figure.update_layout(height=max(260, 150 + CELL * len(names)))
    return figure


def matrix_frame(matrices: dict[str, np.ndarray], names: Sequence[str]) -> pd.DataFrame:
    """Return several (R, R) matrices as one tidy table (first, second, and a column each), for CSV."""
    size = len(names)
    return pd.DataFrame(
        {
            "first": np.repeat(np.asarray(names, object), size),
            "second": np.tile(np.asarray(names, object), size),
            **{name: np.asarray(matrix, np.float64).ravel() for name, matrix in matrices.items()},
        }
    )
