"""A table whose rows are chosen by boxes; a choice stays with its rows when rows come, go or move."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import state

ROW = 66
"""Height of a row in pixels: that of a thumbnail, and enough for Streamlit to break long texts into lines."""
TALLEST = 20
"""Rows before the table scrolls by itself."""


def chosen_rows(
    frame: pd.DataFrame, rows: Sequence[Hashable], *, key: str, columns: Mapping[str, Any], alt: str
) -> list[int]:
    """Draw a table; return the numbers of the chosen rows.

    Args:
        frame: one row for each of `rows`.
        rows: what each row stands for, whatever its place.
        key: of the widget, and of what is remembered.
        columns: the columns, in order, as Streamlit configures them.
        alt: what the table is, for those who do not see it.
    """
    kept = state.recall(key)
    if kept is None or kept[0] != list(rows):
        # the table knows rows by number only: other rows need a table of their own, begun with the same ones chosen
        before = state.recall(f"{key}-chosen", [])
        kept = (list(rows), (kept[1] + 1) if kept else 0, [k for k, row in enumerate(rows) if row in before])
        state.remember(key, kept)
    event = st.dataframe(
        frame,
        key=f"{key}-{kept[1]}",
        column_config=dict(columns),
        column_order=list(columns),
        hide_index=True,
        row_height=ROW,
        height="content" if len(rows) <= TALLEST else 36 + ROW * TALLEST,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": kept[2]}},
        placeholder="–",
        alt=alt,
    )
    chosen = [k for k in event["selection"]["rows"] if k < len(rows)]
    state.remember(f"{key}-chosen", [rows[k] for k in chosen])
    return chosen
