"""Text and numbers as pages print them, and the guard around a page."""

import functools
import logging
import re
import secrets
from collections.abc import Callable

import streamlit as st

from dashboard import state
from dashboard.gateway import VAEScopeError, reconstruction_weight

log = logging.getLogger("vaescope")

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$&^=@\"'])")


def is_dark() -> bool:
    """Whether the reader looks at the dark theme."""
    return st.context.theme.type == "dark"


def plain(text: str) -> str:
    """Escape text that a person typed, so that Markdown shows it letter by letter."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def show_number(value: float | None, digits: int = 2) -> str:
    """A number as pages print it; what does not apply is said so."""
    return "does not apply" if value is None else f"{value:.{digits}f}"


def weight_text(beta: float, pixels: int) -> str:
    """The reconstruction weight n / beta that a beta is equivalent to: 'infinite' at beta 0."""
    weight = reconstruction_weight(beta, pixels)
    return "infinite" if weight is None else f"{weight:.5g}"


def two_digits(value: float) -> str:
    """A number with two significant digits, or all before the point: 0.083, 0.30, 1.0, 63, 1,234."""
    return f"{value:,.0f}" if abs(value) >= 9.95 else f"{value:#.2g}"


@st.fragment
def how_to_read(text: str) -> None:
    """The short explanation of a page's figures, with their formula; `text` is our own Markdown.

    It is sent when it is opened, and a fragment sends it alone: setting formulas takes the browser longer than any
    other part of most pages, and few visits open them.
    """
    book = st.expander("How to read this", icon=":material/menu_book:", key="how-to-read", on_change="rerun")
    if book.open:
        book.markdown(text)


def guarded(page: Callable[[], None]) -> Callable[[], None]:
    """Wrap a page: an error becomes one sentence, its traceback goes to the server's log under a number."""

    @functools.wraps(page)
    def safe() -> None:
        try:
            page()
        except VAEScopeError as error:
            st.error(plain(str(error)), icon=":material/error:")
        except Exception:
            number = secrets.token_hex(4)
            log.exception("error %s on page %s", number, page.__module__)
            st.error(
                f"This page met an error that it did not expect. Its number is {number}: the details stand under it "
                "in the server's log. Reload the page, or choose another run.",
                icon=":material/error:",
            )

    return safe


def span(seconds: float) -> str:
    """A span of time with its unit: '0.8 s', '45 s', '3 min 20 s', '2 h 5 min'."""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.2g} s" if seconds >= 0.01 or seconds <= 0 else "less than 0.01 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return (
            f"{whole // 60} min {whole % 60} s" if whole % 60 and whole < 600 else f"{round(whole / 60)} min"
        )
    minutes = round(whole / 60)
    return f"{minutes // 60:,} h {minutes % 60} min"


def go(page: str, **choices: str) -> None:
    """Open another page with these choices in its URL, as in `go("latent", run=record.id)`; does not come back.

    Args:
        page: its module's name: runs, latent, curves, tradeoff, compare, edit, selections.
        **choices: parameters of its URL; several ids are joined by `state.ids_text`.
    """
    pages = state.recall("pages")
    if pages is None:  # the page stands alone, without the frame of dashboard.app, as in tests
        state.remember("went", (page, choices))
        st.rerun()
    st.switch_page(pages[page], query_params=choices)
