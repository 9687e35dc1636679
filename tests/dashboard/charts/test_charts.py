"""What all figures share, and that charts stay a leaf."""

import json
import subprocess
import sys

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.charts import PLOT_CONFIG, SVG_CONFIG, plot_config
from dashboard.charts.curves import Curve, loss_curves, rate_heatmap
from dashboard.charts.density import density_1d
from dashboard.charts.tradeoff import TradeoffPoint, tradeoff


def figures(dark: bool) -> list[go.Figure]:
    """One figure of each kind."""
    points = [TradeoffPoint("i", "n", 1.0, 64.0, 4.0, 26.0), TradeoffPoint("j", "m", 2.0, 32.0, 2.0, 30.0)]
    return [
        loss_curves([Curve("a", "train", [1, 2], [3.0, None])], quantity_title="R", unit="nats", dark=dark),
        loss_curves([], quantity_title="R", unit="nats per image", dark=dark),
        rate_heatmap([[0.5, None]], [1], dark=dark),
        tradeoff(points, front=[True, True], dark=dark),
        tradeoff(points, front=[True, False], log_rate=True, dark=dark),
        density_1d(
            [0.1, 0.2, 0.3], [0, 0, -1], class_names=["zero"], title="Means", x_title="z 1", dark=dark
        ),
    ]


@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_has_title_axes_and_revision(dark: bool) -> None:
    for figure in figures(dark):
        assert figure.layout.title.text
        assert figure.layout.xaxis.title.text
        assert figure.layout.yaxis.title.text
        assert figure.layout.uirevision
        for trace in figure.data:
            assert trace.hovertemplate or trace.hoverinfo == "skip"


@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_is_strict_json(dark: bool) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in JSON")

    for figure in figures(dark):
        json.loads(figure.to_json(), parse_constant=refuse)


def test_arrays_travel_as_float32() -> None:
    curve = Curve("a", "train", np.arange(1000), np.random.default_rng(0).random(1000))
    figure = loss_curves([curve], quantity_title="R", unit="nats", dark=True)
    assert json.loads(figure.to_json())["data"][0]["y"]["dtype"] == "f4"


def test_tool_bar() -> None:
    assert PLOT_CONFIG["displaylogo"] is False
    assert PLOT_CONFIG["showSendToCloud"] is False  # no data leaves the machine
    assert PLOT_CONFIG["plotlyServerURL"] == ""
    assert PLOT_CONFIG["typesetMath"] is False
    assert PLOT_CONFIG["toImageButtonOptions"] == {"format": "png", "filename": "vaescope", "scale": 2}
    assert SVG_CONFIG["toImageButtonOptions"]["format"] == "svg"
    assert plot_config("../../etc/pass wd")["toImageButtonOptions"]["filename"] == "etc-pass-wd"
    assert plot_config("...")["toImageButtonOptions"]["filename"] == "vaescope"


def test_charts_are_a_leaf_and_start_light() -> None:
    heavy = ("torch", "streamlit", "core", "scipy.stats", "plotly.express")
    code = (
        "import sys, dashboard.theme, dashboard.charts.curves, dashboard.charts.tradeoff, "
        "dashboard.charts.density, dashboard.charts.images; "
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
