"""What can be done with a selection: another name, deletion and its undoing, combinations, downloads, other pages."""

import json
from collections.abc import Callable, Sequence

import streamlit as st

from dashboard import controls, gateway, state
from dashboard.gateway import COMBINED, How, Selection, VAEScopeError

_ASKED = "selections-asked"
_DELETED = "selections-deleted"
HOWS: dict[How, str] = {
    "union": "In either",
    "intersection": "In both",
    "difference": "In this one, not in the other",
}


def ask(what: str, selection: Selection) -> None:
    """Open a question about a selection; draws the page anew."""
    state.remember(_ASKED, (what, selection.id))
    st.rerun()


def close() -> None:
    """Close the question."""
    state.forget(_ASKED)


def bar(shown: Selection, kept: Sequence[Selection]) -> None:
    """Draw the buttons of a selection."""
    others = [one for one in kept if one.data == shown.data and one.id != shown.id]
    with st.container(horizontal=True, gap="small"):
        for page, label, icon in (
            ("latent", "Latent space", "scatter_plot"),
            ("compare", "Compare", "compare"),
        ):
            if st.button(label, key=f"selections-{page}", icon=f":material/{icon}:"):
                controls.go(page, selection=shown.id, **_run_of_link(page))
        if st.button("Rename", key="selections-rename", icon=":material/edit:"):
            ask("rename", shown)
        if st.button(
            "Combine",
            key="selections-combine",
            icon=":material/join:",
            disabled=not others,
            help=None if others else f"There is no other selection of {controls.plain(shown.dataset)} yet.",
        ):
            ask("combine", shown)
        st.download_button(
            "JSON",
            data=lambda: json.dumps(gateway.selection_document(shown), indent=1).encode(),
            file_name=f"{shown.id}.json",
            mime="application/json",
            key="selections-json",
            on_click="ignore",
            icon=":material/download:",
            help="The file of this selection: put it into the folder .selections of another store to have it there.",
        )
        if st.button("Delete", key="selections-delete", icon=":material/delete:"):
            ask("delete", shown)


def _run_of_link(page: str) -> dict[str, str]:
    run = state.kept("run")
    return {"run": run} if page == "latent" and isinstance(run, str) else {}


def questions(every: Sequence[Selection]) -> None:
    """Draw the dialog that was asked for, if any, about a selection that is still there."""
    question = state.recall(_ASKED)
    if question is None:
        return
    what, about = question
    found = next((one for one in every if one.id == about), None)
    if found is None:
        close()
        return
    others = [one for one in every if one.readable and one.data == found.data and one.id != found.id]
    dialogs: dict[str, Callable[[], None]] = {
        "rename": lambda: _rename(found),
        "delete": lambda: _delete(found),
        "combine": lambda: _combine(found, others),
    }
    dialogs[what]()


@st.dialog("Rename", icon=":material/edit:", on_dismiss=close)
def _rename(selection: Selection) -> None:
    with st.form("selections-rename-form", border=False):
        name = st.text_input(
            "Name", selection.name, max_chars=gateway.NAME_LIMIT, key=f"selections-name-{selection.id}"
        )
        st.caption(f"The id stays {controls.plain(selection.id)}, so links keep working.")
        done = st.form_submit_button("Save", type="primary", key="selections-rename-yes")
    if done:
        _do(lambda: f"Saved '{gateway.rename_selection(selection, name).name}'.")


@st.dialog("Delete", icon=":material/delete:", on_dismiss=close)
def _delete(selection: Selection) -> None:
    if selection.readable:
        st.markdown(
            f"**{controls.plain(selection.name)}**, {controls.images_text(len(selection))} of "
            f"{controls.plain(selection.dataset)}, will be deleted. No image and no run is touched."
        )
        st.caption("You can undo this until you leave or delete another one.")
    else:
        st.markdown(
            f"The file **{controls.plain(selection.name)}** cannot be read and will be deleted. This cannot be undone."
        )
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", icon=":material/delete:", key="selections-delete-yes"):
            _do(lambda: _deleted(selection))
        if st.button("Cancel", key="selections-delete-no"):
            close()
            st.rerun()


def _deleted(selection: Selection) -> str:
    in_use = state.kept(controls.SELECTION) == selection.id
    gateway.delete_selection(selection)
    if selection.readable:
        state.remember(_DELETED, (selection, in_use))
    if in_use:
        controls.put_selection(None)
    return f"Deleted '{selection.name}'."


def undo_bar() -> None:
    """Offer to undo the last deletion."""
    last = state.recall(_DELETED)
    if last is None:
        return
    selection, in_use = last
    failure: VAEScopeError | None = None
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"Deleted {controls.plain(selection.name)}, {controls.images_text(len(selection))}.",
            width="stretch",
        )
        if st.button("Undo", key="selections-undo", icon=":material/undo:", type="primary"):
            try:
                back = gateway.restore_selection(selection)
            except VAEScopeError as error:
                failure = error
            else:
                state.forget(_DELETED)
                if in_use:
                    controls.put_selection(back)
                controls.say_of_selections(f"'{back.name}' is back.")
                st.rerun()
        if st.button("Dismiss", key="selections-dismiss", type="tertiary"):
            state.forget(_DELETED)
            st.rerun()
    if failure is not None:
        st.error(controls.plain(str(failure)), icon=":material/error:")


@st.dialog("Combine", icon=":material/join:", on_dismiss=close)
def _combine(first: Selection, others: Sequence[Selection]) -> None:
    by_id = {one.id: one for one in others}
    if not by_id:
        st.markdown("There is no other selection of the same data any more.")
        return
    st.markdown(f"**{controls.plain(first.name)}**, {controls.images_text(len(first))}, with:")
    titles = {one.id: f"{one.name} ({controls.images_text(len(one))})" for one in others}
    second = by_id[
        st.selectbox(
            "Other selection", list(by_id), format_func=lambda one: titles[one], key="selections-other"
        )
    ]
    how: How = st.radio(
        "Keep the images", list(HOWS), format_func=lambda one: HOWS[one], key="selections-how"
    )
    count = sum(len(rows) for rows in gateway.combine(first, second, how).values())
    words = COMBINED[how].format(first.name, second.name)
    st.caption(f"{controls.images_text(count)} {controls.plain(words)}.")
    name = st.text_input("Name", max_chars=gateway.NAME_LIMIT, key="selections-combined-name")
    if st.button(
        "Keep",
        type="primary",
        key="selections-combine-yes",
        disabled=not count,
        icon=":material/bookmark_add:",
    ):

        def combined() -> str:
            made = gateway.combine_selections(first, second, how, name)
            controls.put_selection(made)
            return f"Kept '{made.name}', {controls.images_text(len(made))}. It is the selection in use now."

        _do(combined)


def _do(act: Callable[[], str]) -> None:
    """Do something; where it went well, close the dialog and say what was done, else say what went wrong."""
    try:
        said = act()
    except VAEScopeError as error:
        st.error(controls.plain(str(error)), icon=":material/error:")
        return
    close()
    controls.say_of_selections(said)
    st.rerun()
