"""Runs: the home page."""

import streamlit as st

from dashboard import controls


def page() -> None:
    """Draw the page."""
    st.title("Runs")
    for record in controls.usable_runs():
        st.write(controls.plain(record.name), record.state)
