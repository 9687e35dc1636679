"""Differences with their intervals about zero, one line a run."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.figure import new_figure, say_empty
from dashboard.theme import palette, plotly_text

ROW = 26
"""Height of a line in pixels."""
SYMBOLS = ("circle", "square", "diamond", "triangle-up")


@dataclass(frozen=True)
class Interval:
    """One difference of one run.

    Attributes:
        run: short name of the run, such as its letter.
        score: what differs; each score has a marker of its own.
        mean: the difference.
        low: end of its interval; None where there is none.
        high: the other end.
    """

    run: str
    score: str
    mean: float
    low: float | None
    high: float | None


def interval_figure(
    intervals: Sequence[Interval], *, title: str, x_title: str, dark: bool, subtitle: str = ""
) -> go.Figure:
    """Draw differences as points with their intervals, runs from the top, and a line at zero.

    Args:
        intervals: in the order of the lines; those of one run stand together.
        title: of the figure, in our words.
        x_title: what differs, with its unit.
        dark: whether the page is dark.
        subtitle: a line under the title.

    Returns:
        The figure, one trace a score.
    """
    figure = new_figure(
        title, x_title=x_title, y_title="", uirevision=f"intervals|{title}", dark=dark, subtitle=subtitle
    )
    if not intervals:
        return say_empty(figure, "There is no difference to draw.", dark=dark)
    colours = palette(dark)
    for k, score in enumerate(dict.fromkeys(one.score for one in intervals)):
        places = [place for place, one in enumerate(intervals) if one.score == score]
        chosen = [intervals[place] for place in places]
        mean = np.array([one.mean for one in chosen], np.float64)
        low = np.array([one.mean if one.low is None else one.low for one in chosen], np.float64)
        high = np.array([one.mean if one.high is None else one.high for one in chosen], np.float64)
        figure.add_trace(
            go.Scatter(
                x=mean,
                y=places,
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": high - mean,
                    "arrayminus": mean - low,
                    "thickness": 2,
                    "width": 4,
                },
                customdata=np.column_stack([low, high]),
                text=[plotly_text(f"{one.run} · {one.score}") for one in chosen],
                name=plotly_text(score),
                mode="markers",
                marker={"size": 9, "symbol": SYMBOLS[k % len(SYMBOLS)]},
                hovertemplate="%{text}<br><b>%{x:.4~g}</b>, 95 % interval %{customdata[0]:.4~g} to "
                "%{customdata[1]:.4~g}<extra></extra>",
            )
        )
    figure.add_vline(x=0, line={"color": colours.muted, "width": 1, "dash": "dot"})
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(intervals))),
        ticktext=[plotly_text(one.run) for one in intervals],
        range=[len(intervals) - 0.5, -0.5],
        showgrid=False,
    )
    figure.update_layout(height=170 + ROW * len(intervals), showlegend=True, hovermode="closest")
    return figure
