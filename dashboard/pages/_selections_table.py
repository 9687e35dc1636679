"""The table of the Selections page, and the choice of one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import controls, state
from dashboard.gateway import Selection
from dashboard.pages._selections_dialogs import ask

KEY = "selections-table"
ALL = ""
COLUMNS: dict[str, Any] = {
    "name": st.column_config.TextColumn("Name", width=160),
    "data": st.column_config.TextColumn("Data", width=90),
    "images": st.column_config.NumberColumn("Images", width=60),
    "splits": st.column_config.TextColumn("Of", width=130, help="Images of each split."),
    "origin": st.column_config.TextColumn("Made from", width=280),
    "run": st.column_config.TextColumn("Made on", width=115, help="The run in which they were selected."),
    "made": st.column_config.DatetimeColumn("When", width=125, format="YYYY-MM-DD HH:mm", help="UTC."),
}


def frame(kept: Sequence[Selection], titles: Mapping[str, str]) -> pd.DataFrame:
    """One row a selection; `titles` are the display names of runs."""
    rows = [
        {
            "name": one.name,
            "data": one.dataset,
            "images": len(one),
            "splits": ", ".join(f"{len(rows):,} {split}" for split, rows in one.rows.items()),
            "origin": one.origin,
            "run": None if one.run is None else titles.get(one.run, f"{one.run} (gone)"),
            "made": datetime.fromisoformat(one.created),
        }
        for one in kept
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["made"] = pd.to_datetime(table["made"], utc=True)
    return table


def pick(kept: Sequence[Selection]) -> Selection | None:
    """Choose the selection in use, the same on all pages, or none."""
    known = {one.id: one for one in kept}
    linked = state.linked(controls.SELECTION)
    if linked and linked not in known:
        st.warning(
            f"Selection {controls.plain(linked[:100])} is not here: it was deleted, cannot be read, or the link is "
            "from another machine. The newest one is shown instead.",
            icon=":material/link_off:",
        )
    options = {
        controls.NO_SELECTION: "none",
        **{one.id: f"{one.name} ({one.dataset}, {controls.images_text(len(one))})" for one in kept},
    }
    chosen = controls.select(
        "Selection in use",
        options,
        key=controls.SELECTION,
        default=controls.NO_SELECTION,
        help="The same on every page of a run of its data. A row of the table chooses it too.",
    )
    return known.get(chosen)


def of_data(kept: Sequence[Selection]) -> list[Selection]:
    """Choose the data set whose selections are listed, where there are several."""
    names = sorted({one.dataset for one in kept})
    if len(names) == 1:
        return list(kept)
    with st.container(width=220):
        chosen = controls.select(
            "Data", {ALL: "All data sets", **{name: name for name in names}}, key="dataset", default=ALL
        )
    return [one for one in kept if chosen in (ALL, one.dataset)]


def draw(shown: Sequence[Selection], chosen: Selection | None, titles: Mapping[str, str]) -> None:
    """Draw the table; a click on a row takes that selection in use, a second one none."""
    ids, in_use = [one.id for one in shown], None if chosen is None else chosen.id
    names = [one.name for one in shown]
    before = state.recall(KEY)
    if before is None or before[:3] != (ids, names, in_use):
        # the table knows rows by number and keeps its own choice: another choice from elsewhere begins a new table
        before = (ids, names, in_use, before[3] + 1 if before else 0)
        state.remember(KEY, before)
    table = frame(shown, titles)
    event = st.dataframe(
        table,
        key=f"{KEY}-{before[3]}",
        column_config=COLUMNS,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [ids.index(in_use)] if in_use in ids else []}},
        placeholder="–",
        alt="Table of the selections",
    )
    controls.download_csv(table, filename="selections", key="selections", label="This table (CSV)")
    rows = [k for k in event["selection"]["rows"] if k < len(ids)]
    picked = ids[rows[0]] if rows else None
    if picked != (in_use if in_use in ids else None):
        state.remember(KEY, (ids, names, picked, before[3]))
        controls.put_selection(shown[rows[0]] if rows else None)
        st.rerun()


def reasons(broken: Sequence[Selection]) -> None:
    """List the files that are no readable selections, each with its reason, to be deleted."""
    if not broken:
        return
    with st.container(border=True):
        st.markdown("**Files that cannot be used**")
        for k, one in enumerate(broken):
            with st.container(
                horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
            ):
                st.markdown(
                    f"{controls.plain(one.name)}: {controls.plain(one.reason or '')}", width="stretch"
                )
                if st.button("Delete", key=f"selections-broken-{k}", icon=":material/delete:"):
                    ask("delete", one)
