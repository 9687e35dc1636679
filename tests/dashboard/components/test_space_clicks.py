"""The Python face of clicks in space: what it sends, and which clicks it believes."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.space_clicks import NAME, SCRIPT

APP = """
import streamlit as st
from dashboard.components.space_clicks import space_clicks
st.text(f"clicked {space_clicks('ears', without_webgl='No WebGL.')!r}")
"""


@pytest.mark.parametrize(
    ("sent", "read"),
    [(None, None), (7, 7), (0, 0), ("7", None), (7.5, None), (True, None), ({"id": 7}, None)],
)
def test_only_whole_numbers_are_clicks(sent: Any, read: int | None) -> None:
    app = AppTest.from_string(APP, default_timeout=60)
    if sent is not None:
        app.session_state["ears"] = {"click": sent}
    app.run()
    assert not app.exception
    assert app.text[0].value == f"clicked {read!r}"
    (element,) = app.get("bidi_component")
    assert element.proto.component_name == NAME
    assert json.loads(element.proto.json) == {"without_webgl": "No WebGL."}


def test_the_script_loads_nothing_and_writes_no_html() -> None:
    assert SCRIPT.count("export default") == 1
    for word in ("import", "http", "fetch", "HTML"):
        assert word not in SCRIPT
