"""Kept selections on every page: choosing one, and keeping what is selected now."""

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from dashboard import gateway, state
from dashboard.controls.choices import select
from dashboard.controls.words import plain
from dashboard.gateway import Query, RunRecord, Selection, VAEScopeError

SELECTION = "selection"
"""The selection in hand: its id, in the URL and carried from page to page."""
NO_SELECTION = ""
"""Value of the choice 'none': no id is empty, and a link leaves it out."""
HOW = (
    "Named sets of images, kept with the runs, for every page and every run of the same data. Make one from a query on "
    "the Selections page, or select images on a map with a lasso and keep them."
)
_SAID = "selections-said"


def images_text(count: int) -> str:
    """A number of images: '1 image', '2,000 images'."""
    return f"{count:,} image{'' if count == 1 else 's'}"


def pick_selection(record: RunRecord | None, *, key: str = SELECTION) -> Selection | None:
    """Choose one of the kept selections of a run's data, or none; its id lives in the URL.

    Where there is none yet it draws a greyed-out box that says how to make one. A link to a selection that is gone, or
    is of other data, says so. Without a run, the selections of all data are offered.
    """
    said_of_selections()
    try:
        if record is None:
            kept = [one for one in gateway.selections() if one.reason is None]
        else:
            kept = gateway.selections_of(record)
    except VAEScopeError as error:
        st.warning(plain(str(error)), icon=":material/warning:")
        kept = []
    _say_unknown(record, kept, key)
    if not kept:
        state.share(key, NO_SELECTION, None)
        st.selectbox("Selection", ["none"], key=f"{key}-nothing", disabled=True, help=f"None yet. {HOW}")
        return None
    of = {one.id: "" if record is not None else f" of {one.dataset}" for one in kept}
    titles = {one.id: f"{one.name} ({images_text(len(one))}{of[one.id]})" for one in kept}
    chosen = select("Selection", {NO_SELECTION: "none", **titles}, key=key, default=NO_SELECTION, help=HOW)
    return next((one for one in kept if one.id == chosen), None)


def _say_unknown(record: RunRecord | None, kept: Sequence[Selection], key: str) -> None:
    linked = state.linked(key)
    if not linked or any(one.id == linked for one in kept):
        return
    try:
        others = {one.id: one for one in gateway.selections()}
    except VAEScopeError:
        others = {}
    shown = plain(linked[:100])
    why = "is gone: it was deleted, or the link is from another machine"
    if (other := others.get(linked)) is not None and other.reason is not None:
        why = f"cannot be read: {plain(other.reason.rstrip('.'))}"
    elif other is not None and record is not None:
        why = f"cannot be used here: it is of {plain(other.dataset)}, and this run is of {plain(record.config.dataset)}"
        if other.dataset == record.config.dataset:
            why = "cannot be used here: it is of another version of this run's data"
    st.warning(f"Selection {shown} {why}. No selection is used instead.", icon=":material/link_off:")


def put_selection(selection: Selection | None, *, key: str = SELECTION) -> None:
    """Make a selection, or none, the one in hand; takes hold when the page is drawn anew."""
    chosen = NO_SELECTION if selection is None else selection.id
    state.put(key, chosen)
    # a link may name another one, and this page may not have looked at it
    state.share(key, chosen, chosen or None)


def keep_selection(
    record: RunRecord,
    map_ids: Sequence[int] | np.ndarray,
    *,
    origin: str,
    key: str,
    query: Query | None = None,
    primary: bool = False,
    then: Callable[[], None] | None = None,
) -> None:
    """Draw the button 'Keep selection', which asks for a name, keeps these images and takes them in hand.

    Not to be called in a fragment with a clock of its own, which would close the question.

    Args:
        record: of the run that they were selected on.
        map_ids: of the images.
        origin: one sentence: how they were selected, such as "Lasso on the Latent space page.".
        key: of the widgets, unique on the page.
        query: what they were asked for by, if they were.
        primary: whether the button stands out.
        then: called once they are kept, before the page is drawn anew.
    """
    said_of_selections()
    count, asked = len(map_ids), f"keep-selection:{key}"
    if st.button(
        "Keep selection",
        key=f"{key}-keep",
        icon=":material/bookmark_add:",
        type="primary" if primary and count else "secondary",
        disabled=not count,
        help=None if count else "Select images first: there are none to keep.",
    ):
        state.remember(asked, True)
    if not state.recall(asked):
        return
    if not count:
        state.forget(asked)
        return

    @st.dialog("Keep selection", icon=":material/bookmark_add:", on_dismiss=lambda: state.forget(asked))
    def ask() -> None:
        with st.form(f"{key}-keep-form", border=False):
            name = st.text_input(
                "Name",
                key=f"{key}-keep-name",
                max_chars=gateway.NAME_LIMIT,
                placeholder="Such as: hard threes",
            )
            st.caption(
                f"{images_text(count)} of {plain(record.config.dataset)}. {plain(origin)} Every page and every run of "
                "the same data can use them."
            )
            done = st.form_submit_button("Keep", type="primary", key=f"{key}-keep-yes")
        if done:
            try:
                made = gateway.save_selection(record, name, map_ids, origin=origin, query=query)
            except VAEScopeError as error:
                st.error(plain(str(error)), icon=":material/error:")
                return
            state.forget(asked)
            put_selection(made)
            if then is not None:
                then()
            say_of_selections(
                f"Kept '{made.name}', {images_text(len(made))}. It is the selection in use now."
            )
            st.rerun()

    ask()


def say_of_selections(text: str) -> None:
    """Say something, letter by letter, once the page has been drawn anew."""
    state.remember(_SAID, text)


def said_of_selections() -> None:
    """Show what `say_of_selections` kept, once."""
    if text := state.recall(_SAID):
        state.forget(_SAID)
        st.toast(plain(text), icon=":material/check:")
