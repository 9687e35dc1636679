"""Doing something that a button asked for, and saying what came of it on the next drawing of the page."""

from collections.abc import Callable

import streamlit as st

from dashboard import state
from dashboard.controls.words import plain
from dashboard.gateway import VAEScopeError

_SAID = "said"


def say(text: str) -> None:
    """Say something once, on the next drawing of the page."""
    state.remember(_SAID, text)


def said() -> None:
    """Draw what was to be said."""
    text = state.recall(_SAID)
    if text:
        state.forget(_SAID)
        st.toast(plain(text), icon=":material/check:")


def attempt(act: Callable[[], str | None]) -> None:
    """Do something and draw the page anew, or say what went wrong."""
    try:
        text = act()
    except VAEScopeError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    if text:
        say(text)
    st.rerun()
