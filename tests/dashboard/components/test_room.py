"""The room of the window, headless: what is believed of the browser, and what it enlarges."""

import json
import re
from typing import Any

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.room import NAME, SCALES, SCRIPT, STYLE, read_scale


@pytest.mark.parametrize(
    "said, scale",
    [(1.5, 1.5), (1, 1.0), (1.25, 1.25), (7, 1.25), (None, 1.25), ("1.5", 1.25), (float("nan"), 1.25)],
)
def test_only_a_known_factor_is_believed(said: object, scale: float) -> None:
    assert read_scale(said, 1.25) == scale


def test_the_style_sheet_has_the_same_factors() -> None:
    found = [float(one) for one in re.findall(r"--room: ([0-9.]+);", STYLE)]
    assert tuple(found) == SCALES
    # text grows as the maps do
    sizes = [float(one) for one in re.findall(r"--room: [0-9.]+; font-size: ([0-9.]+)px", STYLE)]
    assert sizes == [16 * factor for factor in SCALES[1:]]


def test_the_script_loads_nothing_and_writes_no_html() -> None:
    assert SCRIPT.count("export default") == 1
    for word in ("import", "http", "fetch", "HTML", "eval"):
        assert word not in SCRIPT


def test_the_browser_is_told_what_is_known() -> None:
    app = AppTest.from_string(
        "import streamlit as st\n"
        "from dashboard import state\n"
        "from dashboard.components.room import look_at_room\n"
        "state.remember('scale', look_at_room(state.recall('scale')))\n"
        "st.text(state.recall('scale'))"
    ).run()
    assert not app.exception
    (proto,) = [element.proto for element in app.get("bidi_component")]
    assert proto.component_name == NAME
    assert json.loads(proto.json) == {"known": 1.0, "fresh": True}
    app.session_state["room"] = {"scale": 1.5}
    assert app.run().text[0].value == "1.5"
    assert json.loads(app.get("bidi_component")[0].proto.json) == {"known": 1.0, "fresh": False}
    assert app.run().text[0].value == "1.5"  # a trigger is there for one run, the factor stays


FIGURE = """
import plotly.graph_objects as go
from dashboard import state
from dashboard.controls import figure, pixels
import streamlit as st
state.remember("scale", {scale})
figure(go.Figure(go.Scatter(x=[1], y=[2], line={{"width": 2}}), layout={{"height": 400}}), key="a", filename="a")
st.text(pixels(100))
"""


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_figures_grow(scale: float) -> None:
    app = AppTest.from_string(FIGURE.format(scale=scale), default_timeout=60).run()
    assert not app.exception
    drawn: dict[str, Any] = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert drawn["layout"]["height"] == 400 * scale
    assert drawn["data"][0]["line"]["width"] == 2 * scale
    assert app.text[0].value == str(round(100 * scale))


def test_a_figure_is_enlarged_in_pixels_alone() -> None:
    from dashboard.charts.figure import enlarged, new_figure

    figure = new_figure("T", x_title="x", y_title="y", uirevision="u", dark=True, subtitle="s")
    figure.add_trace(
        go.Scatter(
            x=[1, 2], y=[3, 4], marker={"size": 5}, line={"width": 2}, error_x={"array": [1, 2], "width": 3}
        )
    )
    figure.add_trace(go.Scatter(x=[1], y=[1], marker={"size": [7, 8], "sizeref": 1}))
    figure.add_annotation(text="a", x=2, y=3, xshift=4, font={"size": 10})
    large = enlarged(figure, 1.5)
    assert list(large.data[0].x) == [1, 2]
    assert (large.data[0].marker.size, large.data[0].line.width, large.data[0].error_x.width) == (7.5, 3, 4.5)
    assert list(large.data[0].error_x.array) == [1, 2]
    assert list(large.data[1].marker.size) == [7, 8]  # data
    note = large.layout.annotations[0]
    assert (note.x, note.y, note.xshift, note.font.size) == (2, 3, 6, 15)
    assert large.layout.height == 1.5 * figure.layout.height
    assert large.layout.margin.t == 1.5 * figure.layout.margin.t
    fonts = [one.layout.template.layout.title.font.size for one in (large, figure)]
    assert fonts[0] == 1.5 * fonts[1]
    assert large.layout.template.layout.legend.y == figure.layout.template.layout.legend.y
    assert enlarged(figure, 1.0) is figure
