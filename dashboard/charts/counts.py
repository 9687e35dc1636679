"""How many images of each class there are: a bar a class, in the class's own colour."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.figure import new_figure, say_empty
from dashboard.theme import class_colour, plotly_text

NO_LABEL = "no label"
MOST_NAMED = 40
"""Classes that have room for their names and numbers"""


def class_counts(labels: np.ndarray, *, classes: int) -> dict[int, int]:
    """Count images by label: {label: images} of every class in order, and of -1 (no label) last if there are any."""
    counts = {k: int((labels == k).sum()) for k in range(classes)}
    without = int((labels < 0).sum())
    return {**counts, -1: without} if without or not classes else counts


def counts_figure(labels: np.ndarray, *, class_names: Sequence[str], dark: bool) -> go.Figure:
    """Draw the images of each class.

    Args:
        labels: (N,) an index into `class_names`, or -1 for no label.
        class_names: name of each class, any text.
        dark: whether the page is dark.

    Returns:
        The figure, one trace of bars.
    """
    counts = class_counts(labels, classes=len(class_names))
    figure = new_figure(
        "Images of each class", x_title="Class", y_title="Images", uirevision="counts", dark=dark, height=300
    )
    if not len(labels):
        return say_empty(figure, "There is no image.", dark=dark)
    names = [plotly_text(_name(label, class_names)) for label in counts]
    shares = 100 * np.array(list(counts.values())) / len(labels)
    figure.add_trace(
        go.Bar(
            x=list(range(len(counts))),
            y=list(counts.values()),
            marker={"color": [class_colour(label) for label in counts]},
            text=[f"{count:,}" for count in counts.values()] if len(counts) <= MOST_NAMED else None,
            textposition="outside",
            cliponaxis=False,
            meta=names,
            customdata=[
                f"{name}: <b>{count:,}</b> images, {share:.1f} %"
                for name, count, share in zip(names, counts.values(), shares, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    # of very many classes every so manieth is named; the pointer names each
    step = -(-len(names) // MOST_NAMED)
    figure.update_xaxes(tickvals=list(range(0, len(names), step)), ticktext=names[::step], showgrid=False)
    figure.update_yaxes(rangemode="tozero")
    figure.update_layout(showlegend=False, bargap=0.25)
    return figure


def split_counts_frame(labels: Mapping[str, np.ndarray], *, class_names: Sequence[str]) -> pd.DataFrame:
    """Return the images of each class and split, one line each, for CSV."""
    frames = []
    for split, of in labels.items():
        frame = counts_frame(of, class_names=class_names)
        frame.insert(0, "split", split)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def counts_frame(labels: np.ndarray, *, class_names: Sequence[str]) -> pd.DataFrame:
    """The counts as a table (label, images, share of all), for CSV."""
    counts = class_counts(labels, classes=len(class_names))
    return pd.DataFrame(
        {
            "label": [_name(label, class_names) for label in counts],
            "images": list(counts.values()),
            "share": [count / max(len(labels), 1) for count in counts.values()],
        }
    )


def _name(label: int, class_names: Sequence[str]) -> str:
    return class_names[label] if label >= 0 else NO_LABEL
