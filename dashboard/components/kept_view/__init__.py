"""A reader's zoom or camera, kept while the data of a chart change.

Streamlit mounts a Plotly chart anew at every change of its figure, whatever its key and `uirevision` are. The script
beside this file notes in the browser what the reader did and does it again on the new chart: no rerun, nothing sent.
"""

from pathlib import Path

import streamlit as st

NAME = "vaescope_kept_view"
SCRIPT = (Path(__file__).parent / "kept_view.js").read_text(encoding="utf-8")
_COMPONENT = st.components.v2.component(NAME, js=SCRIPT)


def keep_view(key: str) -> None:
    """Keep zoom, camera and hidden legend entries of the Plotly chart in the same container, in the browser.

    Args:
        key: the chart's key; what was done to it is kept under it as long as the figure's `uirevision` stays the same.
    """
    _COMPONENT(key=f"view-{key}", data={"key": key})
