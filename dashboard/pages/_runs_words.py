"""What the Runs page says and asks: sentences for after an action, and the one question that is open."""

from collections.abc import Hashable, Sequence

import streamlit as st

from dashboard import controls, state
from dashboard.gateway import RunRecord

_ASKED = "runs-asked"
_SAID = "runs-said"


def say(text: str) -> None:
    """Say something, letter by letter, once the page has been drawn anew: what was done changes the table."""
    state.remember(_SAID, text)


def said() -> None:
    """Show what `say` kept."""
    if text := state.recall(_SAID):
        state.forget(_SAID)
        st.toast(controls.plain(text), icon=":material/check:")


def names(records: Sequence[RunRecord]) -> str:
    """Names of a few runs, as a person would say them."""
    first = ", ".join(f"'{record.name}'" for record in records[:3])
    return first if len(records) <= 3 else f"{first} and {len(records) - 3} more"


def count(number: int) -> str:
    """A number of runs: '1 run', '2 runs'."""
    return f"{number} run{'' if number == 1 else 's'}"


def ask(what: str, about: Sequence[Hashable]) -> None:
    """Open a question about some runs; draws the page anew.

    It is drawn from outside the fragment of the table, whose own clock would close the dialog.
    """
    state.remember(_ASKED, (what, list(about)))
    st.rerun()


def asked() -> tuple[str, list[Hashable]] | None:
    """The question that is open: what was asked, and about which runs."""
    found: tuple[str, list[Hashable]] | None = state.recall(_ASKED)
    return found


def close() -> None:
    """Close the question."""
    state.forget(_ASKED)
