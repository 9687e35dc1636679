"""The Python face of the kept view: it sends a key and nothing else, and only for the figures that ask for it."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.kept_view import NAME, SCRIPT

APP = """
import plotly.graph_objects as go
from dashboard.controls import figure
figure(go.Figure(), key="one", filename="one", keep_view={keep})
"""


@pytest.mark.parametrize("keep", [True, False])
def test_a_figure_keeps_its_view_if_it_is_asked_to(keep: bool) -> None:
    app = AppTest.from_string(APP.format(keep=keep), default_timeout=60).run()
    assert not app.exception
    sent = [element.proto for element in app.get("bidi_component")]
    assert [proto.component_name for proto in sent] == [NAME] * keep
    assert [json.loads(proto.json) for proto in sent] == [{"key": "one"}] * keep
    assert len(app.get("plotly_chart")) == 1


def test_the_script_loads_nothing_writes_no_html_and_asks_for_no_rerun() -> None:
    assert SCRIPT.count("export default") == 1
    for word in ("import", "http", "fetch", "HTML", "setStateValue", "setTriggerValue"):
        assert word not in SCRIPT
