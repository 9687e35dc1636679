"""The questions of the Runs page: another name, tags, what to delete, what to delete for good."""

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard import controls, gateway
from dashboard.gateway import RunRecord, TrashEntry, VAEScopeError
from dashboard.pages._runs_actions import hide
from dashboard.pages._runs_words import asked, close, count, names, say

SHOWN = 8
"""Runs that a question names before its list scrolls by itself."""


def questions(records: Sequence[RunRecord], entries: Sequence[TrashEntry]) -> None:
    """Draw the dialog that was asked for, if any, about those of its runs that are still there."""
    question = asked()
    if question is None:
        return
    what, keys = question
    about = [record for record in records if record.folder in keys]
    lying = [entry for entry in entries if entry.record.folder in keys]
    if not (lying if what == "purge" else about):
        close()
        return
    known = sorted({tag for record in records for tag in record.tags})
    dialogs: dict[str, Callable[[], None]] = {
        "rename": lambda: _rename(about[0]),
        "tag": lambda: _tag(about, known),
        "delete": lambda: _delete(about),
        "purge": lambda: _purge(lying),
    }
    dialogs[what]()


@st.dialog("Rename, note", icon=":material/edit:", on_dismiss=close)
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
        close()
        say(f"Saved '{after.name}'.")
        st.rerun()


@st.dialog("Tags", icon=":material/label:", on_dismiss=close)
def _tag(records: list[RunRecord], known: list[str]) -> None:
    owned = sorted({tag for record in records for tag in record.tags})
    common = [tag for tag in owned if all(tag in record.tags for record in records)]
    st.markdown(f"For {controls.plain(names(records))}:")
    with st.form("runs-tag-form", border=False):
        typed = st.text_input(
            "New tags",
            key="runs-tag-new",
            placeholder="paper, figure 2",
            help=f"One or several, with commas between. A tag is one line of at most {gateway.TAG_LIMIT} characters in "
            "lower case.",
        )
        offered = [tag for tag in known if tag not in common]
        chosen = st.multiselect(
            "Add", offered, key="runs-tag-add", placeholder="Tags that other runs have", disabled=not offered
        )
        gone = st.multiselect(
            "Remove", owned, key="runs-tag-remove", placeholder="Tags of these runs", disabled=not owned
        )
        st.caption("Tags lie beside each run on this machine; its weights and scores are not touched.")
        done = st.form_submit_button("Save", type="primary", key="runs-tag-save")
    if done:
        new = [word for word in typed.split(",") if word.strip()]
        try:
            gateway.change_tags(records, add=[*new, *chosen], remove=gone)
        except VAEScopeError as error:
            st.error(controls.plain(str(error)), icon=":material/error:")
            return
        close()
        say(f"Tags of {count(len(records))} saved.")
        st.rerun()


@st.dialog("Delete", icon=":material/delete:", on_dismiss=close)
def _delete(records: list[RunRecord]) -> None:
    refused = {record.folder: why for record in records if (why := gateway.why_not_deleted(record))}
    doomed = [record for record in records if record.folder not in refused]
    if doomed:
        size = sum(gateway.folder_size(record) or 0 for record in doomed)
        st.markdown(f"**{count(len(doomed))} will move to the trash**, {gateway.size_text(size)} in all:")
        _list([f"**{controls.plain(record.name)}** {controls.plain(_facts(record))}" for record in doomed])
        st.caption(
            "The trash keeps them whole, so they can be restored, until you empty it; only that frees their space."
        )
    if refused:
        st.markdown("**Not deleted:**" if doomed else "**This cannot be deleted here:**")
        _list([controls.plain(str(why)) for why in refused.values()])
    with st.container(horizontal=True):
        if doomed and st.button(
            f"Delete {count(len(doomed))}", type="primary", icon=":material/delete:", key="runs-delete-yes"
        ):
            _done(
                doomed,
                gateway.delete_run,
                lambda: f"In the trash: {names(doomed)}. 'Trash' brings them back.",
            )
        hideable = [record for record in records if not record.hidden and record.state != "foreign"]
        if hideable and st.button("Hide instead", icon=":material/visibility_off:", key="runs-delete-hide"):
            close()
            hide(hideable, hidden=True)
        if st.button("Cancel", key="runs-delete-no"):
            close()
            st.rerun()


@st.dialog("Delete for good", icon=":material/delete_forever:", on_dismiss=close)
def _purge(entries: list[TrashEntry]) -> None:
    size = gateway.size_text(sum(entry.size for entry in entries))
    st.markdown(
        f"**{count(len(entries))} will be deleted for good**, which frees {size}. This cannot be undone:"
    )
    _list(
        [
            f"**{controls.plain(entry.record.name)}** {controls.plain(_facts(entry.record))}"
            for entry in entries
        ]
    )
    st.caption("Lost: weights, loss curves, scores, stored latents, notes and tags.")
    with st.container(horizontal=True):
        label = f"Delete {count(len(entries))} for good"
        if st.button(label, type="primary", icon=":material/delete_forever:", key="runs-purge-yes"):
            try:
                freed = gateway.purge(entries)
            except VAEScopeError as error:
                st.error(controls.plain(str(error)), icon=":material/error:")
                return
            close()
            say(f"{count(len(entries))} deleted for good, {gateway.size_text(freed)} freed.")
            st.rerun()
        if st.button("Cancel", key="runs-purge-no"):
            close()
            st.rerun()


def _list(lines: Sequence[str]) -> None:
    """A list of lines, already made plain; a long one scrolls, and none is left out."""
    with st.container(height=260 if len(lines) > SHOWN else "content", border=len(lines) > SHOWN):
        st.markdown("\n".join(f"- {line}" for line in lines))


def _facts(record: RunRecord) -> str:
    size = gateway.size_text(gateway.folder_size(record) or 0)
    if record.document is None:
        return f"({record.state}; {size}; id {record.id})"
    return f"({record.document.config.dataset}, {record.document.epoch} epochs; {size}; id {record.id})"


def _done(records: Sequence[RunRecord], act: Callable[[RunRecord], object], after: Callable[[], str]) -> None:
    """Do something to each run; where all went well, close the dialog and say so, else say what went wrong."""
    failed = False
    for record in records:
        try:
            act(record)
        except VAEScopeError as error:
            failed = True
            st.error(controls.plain(str(error)), icon=":material/error:")
    if not failed:
        close()
        say(after())
        st.rerun()
