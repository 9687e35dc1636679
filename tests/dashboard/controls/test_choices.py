"""Choices whose texts are alike."""

from streamlit.testing.v1 import AppTest

SCRIPT = """
from dashboard import controls
options = {"a": "Same", "b": "Same", "c": "Other"}
controls.select("Box", options, key="box", default="a")
controls.step_slider("Slider", options, key="slider", default="a")
"""


def test_options_of_one_text_can_each_be_chosen() -> None:
    at = AppTest.from_string(SCRIPT, default_timeout=60).run()
    assert at.selectbox[0].options == at.select_slider[0].options == ["Same", "Same #2", "Other"]
    at.selectbox[0].select("Same #2").run()
    assert at.session_state["box"] == "b"
