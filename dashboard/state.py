"""The only reader and writer of session state and of the URL.

A value that a link must carry is a *shared* value: before its widget is drawn `restore` gives the widget its value
(from the URL when the URL has changed, else what was chosen before, on this page or another), and `share` writes
what the widget says back into the URL. Streamlit's own `bind="query-params"` is not used: it writes the text that
people read, so a renamed run would break every link to it.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

T = TypeVar("T")

_KEPT = "kept:"
"""What a shared value was last: survives the widget, which Streamlit forgets on another page."""
_WRITTEN = "written:"
"""What stood in the URL for a shared value when this session last looked."""
_BEFORE = "before:"
"""What stood there before this session last wrote it, and when it did: (text, monotonic seconds)."""
GRACE = 1.5
"""Seconds after a write in which a browser may still send the address as it was: a rerun that was asked for before the
new address arrived there says nothing about going back."""
_REMEMBERED = "remembered:"
_PAGE = "page"


def enter(page: str) -> None:
    """Begin a run of a page: on another page than before, every shared value is given to its widget anew.

    Two pages may share a value and so a widget's key. The widget of the page that was left still answers under it,
    while the new page's widget starts empty, so the old answer must go before `restore` looks.
    """
    if st.session_state.get(_PAGE) == page:
        return
    st.session_state[_PAGE] = page
    for kept in [key for key in st.session_state if isinstance(key, str) and key.startswith(_KEPT)]:
        st.session_state.pop(kept.removeprefix(_KEPT), None)
        st.session_state.pop(
            _WRITTEN + kept.removeprefix(_KEPT), None
        )  # the new page's address says what it says


def restore(key: str, *, parse: Callable[[str], T | None], default: T) -> None:
    """Give the widget `key` its value, before it is drawn.

    Args:
        key: of the widget and of the URL's parameter.
        parse: text of the URL -> value, or None where it says nothing sensible.
        default: where neither the URL nor an earlier choice says anything.
    """
    text = st.query_params.get(key)
    if text != st.session_state.get(_WRITTEN + key) and not _is_late(key, text):
        # a link was followed, or the browser went back, perhaps to where nothing was chosen yet
        value = default if text is None else parse(text)
        if text is None or value is not None:
            st.session_state[_KEPT + key] = value
            st.session_state[key] = value
        st.session_state[_WRITTEN + key] = text
    if key not in st.session_state:
        st.session_state[key] = kept(key, default)


def kept(key: str, default: Any = None) -> Any:
    """Look up what a shared value was last, on this page or another."""
    return st.session_state.get(_KEPT + key, default)


def suggest(key: str, value: Any) -> None:
    """Give a shared value a first choice, where neither the URL nor an earlier choice says anything."""
    if key not in st.query_params and _KEPT + key not in st.session_state:
        put(key, value)


def limit(key: str, allowed: Callable[[Any], bool], default: Any) -> None:
    """Put a shared value back to its default where it is no longer among the allowed ones."""
    if not allowed(st.session_state[key]):
        st.session_state[key] = default


def linked(key: str) -> str:
    """What the URL says for a shared value, as text; empty where it says nothing."""
    return str(st.query_params.get(key, ""))


def share(key: str, value: Any, text: str | None) -> None:
    """Keep what a widget says for other pages, and write `text` into the URL (None: leave it out)."""
    st.session_state[_KEPT + key] = value
    st.session_state[_WRITTEN + key] = text
    there = st.query_params.get(key)
    if there == text:
        return
    st.session_state[_BEFORE + key] = (there, time.monotonic())
    if text is None:
        del st.query_params[key]
    else:
        st.query_params[key] = text


def _is_late(key: str, text: str | None) -> bool:
    """Whether the browser sends what stood in the URL before the session wrote it a moment ago."""
    before, when = st.session_state.get(_BEFORE + key, (None, -GRACE))
    return before == text and time.monotonic() - when < GRACE


def put(key: str, value: Any) -> None:
    """Set a shared value from code: the next run draws its widget with it (call it before the widget, or rerun)."""
    st.session_state[_KEPT + key] = value
    st.session_state.pop(key, None)


def current(key: str) -> Any:
    """Look up the value that a widget has, or will have once `restore` was called for it."""
    return st.session_state.get(key)


def remember(key: str, value: Any) -> None:
    """Keep a value for this session, out of the URL, such as the last clicked point."""
    st.session_state[_REMEMBERED + key] = value


def recall(key: str, default: Any = None) -> Any:
    """Look up what `remember` kept."""
    return st.session_state.get(_REMEMBERED + key, default)


def forget(key: str) -> None:
    """Drop what `remember` kept."""
    st.session_state.pop(_REMEMBERED + key, None)


def as_ids(text: str) -> list[str]:
    """Split the URL's text of several ids: 'a,b' -> ['a', 'b']."""
    return [part for part in text.split(",") if part]


def ids_text(ids: Sequence[str]) -> str:
    """Write several ids into one text of the URL."""
    return ",".join(ids)
