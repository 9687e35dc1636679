"""Error by the size of a code: trained on against fresh, with and without a penalty."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboard.charts.figure import new_figure
from dashboard.theme import RUN_COLOURS, plotly_text


@dataclass(frozen=True)
class ErrorLine:
    """One kind of run: its errors by size."""

    name: str
    sizes: Sequence[int]
    train: Sequence[float]
    test: Sequence[float]


def errors_by_size(lines: Sequence[ErrorLine], *, dark: bool) -> go.Figure:
    """Draw each kind's error on trained (solid) and on fresh images (dashed), the sizes on a logarithmic axis."""
    figure = new_figure(
        "Error by the size of the code",
        x_title="Numbers in the code (the image has 64)",
        y_title="Squared error per pixel",
        uirevision="codes",
        dark=dark,
        subtitle="lower is better · solid: train · dashed: fresh",
        height=400,
    )
    for k, line in enumerate(lines):
        for split, values, dash in (("train", line.train, "solid"), ("test", line.test, "dash")):
            figure.add_trace(
                go.Scatter(
                    x=list(line.sizes),
                    y=list(values),
                    name=f"{plotly_text(line.name)}, {split}",
                    mode="lines+markers",
                    line={"color": RUN_COLOURS[k % len(RUN_COLOURS)], "dash": dash, "width": 2},
                    hovertemplate=f"%{{x}} numbers, {split}: <b>%{{y:.5f}}</b><extra></extra>",
                )
            )
    sizes = sorted({size for line in lines for size in line.sizes})
    figure.update_xaxes(type="log", tickmode="array", tickvals=sizes, ticktext=[str(one) for one in sizes])
    figure.update_yaxes(rangemode="tozero")
    figure.update_layout(showlegend=True)
    return figure
