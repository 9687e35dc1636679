"""The question before a data set is deleted."""

import streamlit as st

from dashboard import controls, gateway, state
from dashboard.gateway import OwnSet, VAEScopeError

_ASKED = "data-asked"


def ask_to_delete(one: OwnSet) -> None:
    """Ask before a data set is deleted; draws the page anew."""
    state.remember(_ASKED, one.id)
    st.rerun()


def close() -> None:
    """Close the question."""
    state.forget(_ASKED)


def question() -> None:
    """Draw the question that was asked, about a data set that is still there."""
    asked = state.recall(_ASKED)
    if asked is None:
        return
    try:
        found = gateway.own_set(asked)
    except VAEScopeError:
        close()
        return
    _delete(found)


@st.dialog("Delete data set", icon=":material/delete:", on_dismiss=close)
def _delete(one: OwnSet) -> None:
    st.markdown(
        f"**{controls.plain(one.name)}**, {gateway.size_text(gateway.own_size(one))}, will be deleted for good. What "
        "it was made from is not touched."
    )
    count = gateway.runs_of(one.name)
    if count:
        st.caption(
            f"{count:,} run{'' if count == 1 else 's'} of this data stay{'s' if count == 1 else ''}: latents and "
            "scores can be seen, the images cannot."
        )
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", icon=":material/delete:", key="data-delete-yes"):
            controls.attempt(lambda: _deleted(one))
        if st.button("Cancel", key="data-delete-no"):
            close()
            st.rerun()


def _deleted(one: OwnSet) -> str:
    gateway.delete_own(one)
    close()
    return f"Data set {one.name} is deleted."
