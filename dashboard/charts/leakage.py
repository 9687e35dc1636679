"""Leakage of an attribute vector: whither the images go that are moved along it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.figure import new_figure
from dashboard.theme import class_colour, palette, plotly_text


def leakage_figure(
    strengths: np.ndarray,
    labels: np.ndarray,
    moved_to: np.ndarray,
    *,
    class_names: Sequence[str],
    target: int | None,
    strength: float,
    dark: bool,
) -> go.Figure:
    """Draw, for each label, the share of moved images that went to it, over the strength.

    Args:
        strengths: (S,) multiples of the attribute vector, ascending.
        labels: (K,) labels.
        moved_to: (S, K) shares, 0 to 1.
        class_names: name of each label.
        target: the label that is meant, drawn thick; None where none is.
        strength: the one in view, marked by a line.
        dark: whether the page is dark.

    Returns:
        The figure: one trace a label to which any image went, the one meant first.
    """
    figure = new_figure(
        "Leakage: to which label the moved images go",
        x_title="Strength (multiples of the attribute vector)",
        y_title="Moved images (%)",
        uirevision="leakage",
        dark=dark,
        subtitle="thick: the label that is meant; all others are leakage" if target is not None else "",
        height=380,
    )
    columns = sorted(range(len(labels)), key=lambda k: (labels[k] != target, labels[k]))
    for k in columns:
        label = int(labels[k])
        if label != target and not moved_to[:, k].any():
            continue
        name = plotly_text(class_names[label])
        figure.add_trace(
            go.Scatter(
                x=strengths,
                y=100 * moved_to[:, k],
                name=f"{name} (meant)" if label == target else name,
                meta=[name],
                mode="lines",
                line={"color": class_colour(label), "width": 4 if label == target else 1.8},
                hovertemplate="to %{meta[0]}: <b>%{y:.1f} %</b> at strength %{x:.2f}<extra></extra>",
            )
        )
    figure.add_vline(x=strength, line={"color": palette(dark).muted, "width": 1.5, "dash": "dot"})
    figure.update_layout(showlegend=True, hovermode="closest")
    figure.update_yaxes(range=[0, 100])
    return figure


def leakage_frame(
    strengths: np.ndarray, labels: np.ndarray, moved_to: np.ndarray, *, class_names: Sequence[str]
) -> pd.DataFrame:
    """The shares as a tidy table (strength, label, share of moved images), for CSV."""
    names = [class_names[int(label)] for label in labels]
    return pd.DataFrame(
        {
            "strength": np.repeat(strengths, len(labels)),
            "label": names * len(strengths),
            "share_of_moved_images": moved_to.ravel(),
        }
    )
