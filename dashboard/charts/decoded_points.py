"""What a decoder of vectors of two values makes of its latent plane: a net of decoded places over the data."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.figure import new_figure, say_empty
from dashboard.theme import class_colour, palette, plotly_text

SIZE = 5
NO_LABEL = "no label"


def decoded_points(
    decoded: np.ndarray,
    points: np.ndarray,
    labels: np.ndarray,
    *,
    class_names: Sequence[str],
    columns: Sequence[str],
    place: np.ndarray | None = None,
    dark: bool,
) -> go.Figure:
    """Draw the data, and over them the decoded lattice: each of its rows and columns is a line.

    Args:
        decoded: (n, n, 2) values in [0, 1] of the lattice, row 0 at the top of the p-value map.
        points: (N, 2) the data in the same units.
        labels: (N,) an index into `class_names`, or -1.
        class_names: name of each class, any text.
        columns: names of the two values, any text.
        place: (2,) what the chosen place decodes to, or None.
        dark: whether the page is dark.

    Returns:
        The figure, its axes in equal units.
    """
    figure = new_figure(
        "Decoder at the middles of equal p-value cells, in the space of the data",
        x_title=plotly_text(columns[0]),
        y_title=plotly_text(columns[1]),
        uirevision="decoded-points",
        subtitle="Each row and column of the lattice is a line; what lies outside the data's range is at its border.",
        dark=dark,
        height=640,
    )
    for label in np.unique(labels).tolist():
        chosen = points[labels == label]
        figure.add_trace(
            go.Scattergl(
                x=chosen[:, 0].astype(np.float32),
                y=chosen[:, 1].astype(np.float32),
                mode="markers",
                name=plotly_text(class_names[label]) if label >= 0 else NO_LABEL,
                marker={"size": SIZE, "color": class_colour(label), "opacity": 0.55},
                hoverinfo="skip",
            )
        )
    n = len(decoded)
    if not n:
        return say_empty(figure, "Nothing is decoded.", dark=dark)
    gap = np.full((n, 1, 2), np.nan)
    # one trace: every row of the lattice, then every column, with gaps between them
    net = np.concatenate(
        [np.concatenate([decoded, gap], 1), np.concatenate([decoded.transpose(1, 0, 2), gap], 1)]
    )
    net = net.reshape(-1, 2).astype(np.float32)
    figure.add_trace(
        go.Scattergl(
            x=net[:, 0],
            y=net[:, 1],
            mode="lines+markers",
            name="decoded",
            line={"width": 1, "color": palette(dark).text},
            marker={"size": 3},
            hovertemplate="decoded (%{x:.3f}, %{y:.3f})<extra></extra>",
        )
    )
    if place is not None:
        ring = {"size": 16, "symbol": "circle-open", "color": palette(dark).text, "line": {"width": 3}}
        figure.add_trace(
            go.Scattergl(
                x=[float(place[0])], y=[float(place[1])], mode="markers", name="the chosen place", marker=ring
            )
        )
    figure.update_yaxes(scaleanchor="x", scaleratio=1)
    return figure


def decoded_frame(decoded: np.ndarray, columns: Sequence[str]) -> pd.DataFrame:
    """The lattice as a table: row and column of the tile, row 0 at the top, and its two values, for CSV."""
    row, column = np.indices(decoded.shape[:2])
    return pd.DataFrame(
        {
            "row": row.ravel(),
            "column": column.ravel(),
            columns[0]: decoded[..., 0].ravel(),
            columns[1]: decoded[..., 1].ravel(),
        }
    )
