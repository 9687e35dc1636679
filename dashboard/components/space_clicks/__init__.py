"""A 3-D Plotly chart's clicked point, told to Python; and a sentence where the browser cannot draw such a chart.

Streamlit reports selections of flat charts only. The script beside this file listens to the chart in its container.
"""

from pathlib import Path

import streamlit as st

NAME = "vaescope_space_clicks"
SCRIPT = (Path(__file__).parent / "space_clicks.js").read_text(encoding="utf-8")
_COMPONENT = st.components.v2.component(NAME, js=SCRIPT)


def space_clicks(key: str, *, without_webgl: str) -> int | None:
    """Hear clicks on the points of the 3-D chart in the same container.

    Args:
        key: name of the listener, unique on the page.
        without_webgl: what to say where the browser has no WebGL, which the chart needs.

    Returns:
        The whole number that a point clicked since the last run has as `customdata`, or None.
    """
    result = _COMPONENT(key=key, data={"without_webgl": without_webgl}, on_click_change=_nothing)
    clicked = result.click
    return clicked if isinstance(clicked, int) and not isinstance(clicked, bool) else None


def _nothing() -> None:
    """Stand in for a callback: without one a trigger has no attribute in the result."""
