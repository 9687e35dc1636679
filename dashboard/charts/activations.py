"""How active the units of a code are: the share of activations at each height, over all units and images."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.figure import new_figure, say_empty

BINS = 40


def activation_frame(codes: np.ndarray) -> pd.DataFrame:
    """Count activations (N, L) in 0 to 1 by height: columns from, to, activations, share of all; for CSV."""
    counts, edges = np.histogram(codes, bins=BINS, range=(0.0, 1.0))
    return pd.DataFrame(
        {"from": edges[:-1], "to": edges[1:], "activations": counts, "share": counts / max(codes.size, 1)}
    )


def activation_figure(codes: np.ndarray, *, target: float, dark: bool) -> go.Figure:
    """Draw the share of activations at each height, on a logarithmic scale: few are high in a sparse code.

    Args:
        codes: (N, L) activations in 0 to 1.
        target: rho, the mean activation that training asked of each unit.
        dark: whether the page is dark.

    Returns:
        The figure, one trace of bars.
    """
    figure = new_figure(
        "Activations of all units",
        x_title="Activation (no unit)",
        y_title="Share of activations (%)",
        uirevision="activations",
        dark=dark,
        subtitle=f"mean {codes.mean():.3f}; asked of each unit: {target:g}" if codes.size else "",
        height=320,
    )
    if not codes.size:
        return say_empty(figure, "There is no image.", dark=dark)
    table = activation_frame(codes)
    figure.add_trace(
        go.Bar(
            x=(table["from"] + table["to"]) / 2,
            y=100 * table["share"],
            width=1 / BINS,
            customdata=[
                f"{low:.3f} to {high:.3f}: <b>{100 * share:.2f} %</b> of activations"
                for low, high, share in zip(table["from"], table["to"], table["share"], strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    figure.update_yaxes(type="log")
    figure.update_layout(showlegend=False, bargap=0)
    return figure
