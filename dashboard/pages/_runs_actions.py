"""What can be done with the chosen runs: open, compare, rename, tag, hide, delete, download."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import controls, gateway, state
from dashboard.gateway import RunRecord, VAEScopeError
from dashboard.pages._runs_words import ask, names, say

MOST = 8
"""Runs that other pages overlay at most."""


def can_open(record: RunRecord) -> bool:
    """Whether a run has a model to look into."""
    return record.document is not None and record.state != "damaged" and record.document.weights is not None


def bar(chosen: Sequence[RunRecord], rows: pd.DataFrame) -> None:
    """Draw the buttons for the chosen runs; each is greyed out where it does not apply, and says why.

    Args:
        chosen: the runs.
        rows: what is known of them, one row each, to be downloaded.
    """
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
        if _button(
            "Train again",
            "again",
            "model_training",
            None
            if one and one.readable
            else "Choose one readable run, to start another one from its settings.",
        ):
            controls.go("train", **{"from": ids})
        ours = [record for record in chosen if record.state != "foreign"]
        if _button("Rename, note", "rename", "edit", None if one and ours else "Choose one run."):
            ask("rename", [record.folder for record in chosen])
        whole = bool(chosen) and len(ours) == len(chosen)
        if _button("Tags", "tag", "label", None if whole else "Choose runs to tag, one or several."):
            ask("tag", [record.folder for record in chosen])
        shown = [record for record in ours if not record.hidden]
        if ours and not shown:
            if _button("Show again", "show", "visibility", None):
                hide(ours, hidden=False)
        elif _button(
            "Hide", "hide", "visibility_off", None if shown else "Choose runs to hide; nothing is deleted."
        ):
            hide(shown, hidden=True)
        if _button(
            "Delete",
            "delete",
            "delete",
            None if chosen else "Choose runs to move to the trash; you are asked first.",
        ):
            ask("delete", [record.folder for record in chosen])
        controls.download_csv(
            rows,
            filename="chosen-runs",
            key="runs-chosen",
            label="CSV",
            quiet=False,
            why_not=None if chosen else "Choose runs to download what the table says of them.",
        )


def _button(label: str, key: str, icon: str, why_not: str | None, *, primary: bool = False) -> bool:
    return st.button(
        label,
        key=f"runs-{key}",
        icon=f":material/{icon}:",
        help=why_not,
        disabled=why_not is not None,
        type="primary" if primary else "secondary",
    )


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
