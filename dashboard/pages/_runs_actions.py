"""What can be done with the chosen runs: open, compare, rename, note, hide, delete."""

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard import controls, gateway, state
from dashboard.gateway import RunRecord, VAEScopeError

MOST = 8
"""Runs that other pages overlay at most."""
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


def can_open(record: RunRecord) -> bool:
    """Whether a run has a model to look into."""
    return record.document is not None and record.state != "damaged" and record.document.weights is not None


def why_not_delete(record: RunRecord) -> str | None:
    """Why a run is not deleted from here, as the end of a sentence; None where it can be."""
    if record.bundled:
        return "came with VAEScope and is read-only; hide it instead"
    if record.state == "foreign":
        return "is not a run of VAEScope; delete it by hand if it is not needed"
    if record.state == "running":
        return "is being trained by another process; stop that first"
    return None


def bar(chosen: Sequence[RunRecord]) -> None:
    """Draw the buttons for the chosen runs; each is greyed out where it does not apply, and says why."""
    one = chosen[0] if len(chosen) == 1 else None
    openable = [record for record in chosen if can_open(record)]
    ids = state.ids_text([record.id for record in chosen])
    with st.container(horizontal=True, gap="small"):
        if _button(
            "Open",
            "open",
            "scatter_plot",
            None if one and openable else "Choose one run that has weights.",
            primary=bool(one and openable),
        ):
            controls.go("latent", run=ids)
        several = 2 <= len(openable) == len(chosen) <= MOST
        if _button(
            f"Compare {len(chosen)}" if several else "Compare",
            "compare",
            "compare",
            None if several else f"Choose 2 to {MOST} runs that have weights.",
            primary=several,
        ):
            controls.go("compare", runs=ids)
        readable = bool(chosen) and all(record.readable for record in chosen) and len(chosen) <= MOST
        if _button(
            "Loss curves", "curves", "show_chart", None if readable else f"Choose 1 to {MOST} readable runs."
        ):
            controls.go("curves", runs=ids)
        ours = [record for record in chosen if record.state != "foreign"]
        if _button("Rename, note", "rename", "edit", None if one and ours else "Choose one run."):
            _ask("rename", chosen)
        shown = [record for record in ours if not record.hidden]
        if ours and not shown:
            if _button("Show again", "show", "visibility", None):
                hide(ours, hidden=False)
        elif _button(
            "Hide", "hide", "visibility_off", None if shown else "Choose runs to hide; nothing is deleted."
        ):
            hide(shown, hidden=True)
        if _button(
            "Delete", "delete", "delete", None if chosen else "Choose runs to delete; you are asked first."
        ):
            _ask("delete", chosen)


def _button(label: str, key: str, icon: str, why_not: str | None, *, primary: bool = False) -> bool:
    return st.button(
        label,
        key=f"runs-{key}",
        icon=f":material/{icon}:",
        help=why_not,
        disabled=why_not is not None,
        type="primary" if primary else "secondary",
    )


def names(records: Sequence[RunRecord]) -> str:
    """Names of a few runs, as a person would say them."""
    first = ", ".join(f"'{record.name}'" for record in records[:3])
    return first if len(records) <= 3 else f"{first} and {len(records) - 3} more"


def hide(records: Sequence[RunRecord], *, hidden: bool) -> None:
    """Hide runs from every page, or show them again; draws the page anew."""
    try:
        for record in records:
            gateway.annotate(record.folder, hidden=hidden)
    except VAEScopeError as error:
        st.error(controls.plain(str(error)), icon=":material/error:")
        return
    say(
        f"Hidden: {names(records)}. 'Show hidden' lists them."
        if hidden
        else f"Shown again: {names(records)}."
    )
    st.rerun()


# --- questions ----------------------------------------------------------------------------------------------------


def _ask(what: str, records: Sequence[RunRecord]) -> None:
    # asked from outside the fragment of the table, whose own clock would close the dialog
    state.remember(_ASKED, (what, [record.folder for record in records]))
    st.rerun()


def _close() -> None:
    state.forget(_ASKED)


def questions(records: Sequence[RunRecord]) -> None:
    """Draw the dialog that was asked for, if any, about those of its runs that are still there."""
    asked: tuple[str, list[object]] | None = state.recall(_ASKED)
    if asked is None:
        return
    about = [record for record in records if record.folder in asked[1]]
    if not about:
        _close()
        return
    dialog: Callable[[], None] = {"rename": lambda: _rename(about[0]), "delete": lambda: _delete(about)}[
        asked[0]
    ]
    dialog()


@st.dialog("Rename, note", icon=":material/edit:", on_dismiss=_close)
def _rename(record: RunRecord) -> None:
    with st.form("runs-rename-form", border=False):
        name = st.text_input("Name", record.name, max_chars=120, key=f"runs-name-{record.id}")
        note = st.text_area(
            "Note",
            record.note,
            max_chars=4000,
            height=140,
            key=f"runs-note-{record.id}",
            placeholder="What you want to remember about this run",
        )
        st.caption(
            f"The id stays {controls.plain(record.id)}, so links keep working. Name and note lie beside the run "
            "on this machine; its weights and scores are not touched."
        )
        done = st.form_submit_button("Save", type="primary", key="runs-rename-save")
    if done:
        try:
            after = gateway.annotate(record.folder, name=name if name != record.name else None, note=note)
        except VAEScopeError as error:
            st.error(controls.plain(str(error)), icon=":material/error:")
            return
        _close()
        say(f"Saved '{after.name}'.")
        st.rerun()


@st.dialog("Delete", icon=":material/delete:", on_dismiss=_close)
def _delete(records: list[RunRecord]) -> None:
    refused = [record for record in records if why_not_delete(record)]
    doomed = [record for record in records if not why_not_delete(record)]
    if doomed:
        size = sum(gateway.folder_size(record) for record in doomed)
        st.markdown(
            f"**{_count(doomed)} will be deleted for good**, {size / 1e6:.1f} MB in all. This cannot be undone."
        )
        _list(doomed, lambda record: _lost(record))
        st.caption(
            "Lost: weights, loss curves, scores, stored latents and the note. Hidden runs are only out of sight."
        )
    if refused:
        st.markdown("**Not deleted:**" if doomed else "**This cannot be deleted here:**")
        _list(refused, lambda record: why_not_delete(record) or "")
    with st.container(horizontal=True):
        if doomed and st.button(
            f"Delete {_count(doomed)}", type="primary", icon=":material/delete:", key="runs-delete-yes"
        ):
            _delete_now(doomed)
        hideable = [record for record in records if not record.hidden and record.state != "foreign"]
        if hideable and st.button("Hide instead", icon=":material/visibility_off:", key="runs-delete-hide"):
            _close()
            hide(hideable, hidden=True)
        if st.button("Cancel", key="runs-delete-no"):
            _close()
            st.rerun()


def _count(records: Sequence[RunRecord]) -> str:
    return f"{len(records)} run{'' if len(records) == 1 else 's'}"


def _list(records: Sequence[RunRecord], after: Callable[[RunRecord], str]) -> None:
    st.markdown(
        "\n".join(
            f"- **{controls.plain(record.name)}** {controls.plain(after(record))}" for record in records
        )
    )


def _lost(record: RunRecord) -> str:
    if record.document is None:
        return f"({record.state}; id {record.id})"
    return f"({record.document.config.dataset}, {record.document.epoch} epochs; id {record.id})"


def _delete_now(records: Sequence[RunRecord]) -> None:
    gone = []
    for record in records:
        try:
            gateway.delete_run(record)
            gone.append(record)
        except VAEScopeError as error:
            st.error(controls.plain(str(error)), icon=":material/error:")
    if len(gone) == len(records):
        _close()
        say(f"Deleted: {names(gone)}.")
        st.rerun()
