"""How much room the window has: less space lost beside a page on a laptop, everything larger on a very wide screen.

The style sheet beside this file enlarges text and widgets at once, and the maps by `--room`. Figures and pictures are
made in Python, so the script tells it the same factor: by a cookie, and when the window changes its size.
"""

from pathlib import Path

import streamlit as st

NAME = COOKIE = "vaescope_room"
SCALES = (1.0, 1.25, 1.5)
"""Factors that the style sheet has: below 2200 pixels, from there on, and from 3000"""
_HERE = Path(__file__).parent
SCRIPT = (_HERE / "room.js").read_text(encoding="utf-8")
STYLE = (_HERE / "room.css").read_text(encoding="utf-8")
# not isolated: the styles are those of the page around it
_COMPONENT = st.components.v2.component(NAME, css=STYLE, js=SCRIPT, isolate_styles=False)


def look_at_room(known: float | None) -> float:
    """Set the page's styles; return the factor by which figures and pictures are enlarged.

    Args:
        known: the factor that was returned last, None in a new session: then a cookie of the last one is asked.
    """
    fresh = known is None
    if known is None:
        known = read_scale(_number(st.context.cookies.get(COOKIE, "")), 1.0)
    result = _COMPONENT(key="room", data={"known": known, "fresh": fresh}, on_scale_change=_nothing)
    return read_scale(result.scale, known)


def read_scale(said: object, known: float) -> float:
    """The factor that a browser says; what is none of `SCALES` changes nothing."""
    return float(said) if isinstance(said, int | float) and said in SCALES else known


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _nothing() -> None:
    """Stand in for a callback, without which the result would have no attribute."""
