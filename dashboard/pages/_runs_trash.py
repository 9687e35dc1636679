"""The trash of the Runs page: deleted runs, to be restored or deleted for good."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import controls, gateway
from dashboard.gateway import TrashEntry, VAEScopeError
from dashboard.pages import _runs_table as table
from dashboard.pages._runs_choice import chosen_rows
from dashboard.pages._runs_thumbnail import thumbnail
from dashboard.pages._runs_words import ask, count, say

COLUMNS: dict[str, Any] = {
    **{
        name: table.COLUMNS[name]
        for name in ("map", "name", "family", "data", "tags", "negative_elbo", "state")
    },
    "disk": table.COLUMNS["disk"],
    "deleted": st.column_config.DatetimeColumn("Deleted", width=130, format="YYYY-MM-DD HH:mm", help="UTC."),
    "why": table.COLUMNS["why"],
}
"""The columns, in order."""


def draw(entries: Sequence[TrashEntry]) -> None:
    """Draw the trash: what lies in it, and what can be done with it."""
    if not entries:
        st.info(
            "The trash is empty. A run that you delete lies here, whole, until you restore it or empty the trash.",
            icon=":material/delete:",
        )
        return
    size = gateway.size_text(sum(entry.size for entry in entries))
    st.caption(
        f"{count(len(entries))} in the trash, {size} on disk. No other page shows them until they are restored; "
        "only emptying the trash frees their space."
    )
    buttons = st.container(horizontal=True, gap="small")
    records = [entry.record for entry in entries]
    frame = table.frame(
        records,
        [thumbnail(record) for record in records],
        {entry.record.folder: entry.size for entry in entries},
    )
    frame["deleted"] = pd.to_datetime([datetime.fromisoformat(entry.deleted) for entry in entries], utc=True)
    rows = [record.folder for record in records]
    shown = table.without_empty(COLUMNS, frame)
    chosen = [
        entries[k]
        for k in chosen_rows(frame, rows, key="runs-trash", columns=shown, alt="Table of the trash")
    ]
    with buttons:
        _bar(entries, chosen)


def _bar(entries: Sequence[TrashEntry], chosen: Sequence[TrashEntry]) -> None:
    why_not = None if chosen else "Choose runs by the boxes at the left of the table."
    if st.button(
        "Restore",
        key="runs-restore",
        icon=":material/restore_from_trash:",
        type="primary" if chosen else "secondary",
        disabled=not chosen,
        help=why_not,
    ):
        _restore(chosen)
    if st.button(
        "Delete for good",
        key="runs-purge",
        icon=":material/delete_forever:",
        disabled=not chosen,
        help=why_not,
    ):
        ask("purge", [entry.record.folder for entry in chosen])
    if st.button("Empty the trash", key="runs-empty", icon=":material/delete_sweep:"):
        ask("purge", [entry.record.folder for entry in entries])


def _restore(entries: Sequence[TrashEntry]) -> None:
    said = []
    for entry in entries:
        try:
            record = gateway.restore_run(entry)
        except VAEScopeError as error:
            st.error(controls.plain(str(error)), icon=":material/error:")
            continue
        other = "" if record.id == entry.id else f" under the new id {record.id}, since its own is taken"
        said.append(f"'{record.name}'{other}")
    if len(said) == len(entries):
        say(f"Restored: {', '.join(said)}.")
        st.rerun()
