"""Selections: named sets of images, listed, looked at through any run, combined, and made from a query."""

from collections.abc import Sequence

import streamlit as st

from dashboard import controls, gateway, state
from dashboard.gateway import RunRecord, Selection
from dashboard.pages import _selections_dialogs as dialogs
from dashboard.pages import _selections_table as table
from dashboard.pages._selections_query import query_form

HOW_TO_READ = r"""
A selection is a set of rows of a data set, with a name. It belongs to the data, not to a run: the same images can be
looked at through every run that was trained on them, on every page. It lies beside the runs, in `.selections`.

**A query** asks for labels, for ranges of **D**, **R** and **negative ELBO** of each image (nats, at one seeded draw of
$z$), and for a range of its **error**: the mean over the pixels of $(x - \hat x)^2$, where $\hat x$ is the
reconstruction at the mean $\mu$ and pixels lie in $[0, 1]$. All that is asked for must hold, and both ends of a range
are let through. A kept selection keeps the rows that were found: it does not change when the run does.

**Worst and best** are by negative ELBO, $D + R$, in nats per image, lower is better; by D for a family without a
posterior. Images that were chosen because they look bad in one run favour every other run: compare runs on all test
images.

**Errors** in the pictures are $(x - \hat x)^2$ of each pixel, averaged over colour channels. A bar says what the
colours mean; its end is the 99.5 % quantile of the pixels in that picture. The large map averages them over all images
of the selection.
"""
PARTS = {"kept": "Kept selections", "query": "New from a query"}


def page() -> None:
    """Draw the page: choose, guard, compute, draw."""
    st.title("Selections")
    controls.said_of_selections()
    dialogs.undo_bar()
    every = gateway.selections()
    kept, broken = [one for one in every if one.readable], [one for one in every if not one.readable]
    part = "query"
    if kept:
        part = controls.segmented("Show", PARTS, key="part", default="kept")
    else:
        st.info(
            "No selection is kept yet. A selection is a set of images with a name: keep what this query finds, or "
            "select images on a map with a lasso. It can then be used on every page and with every run of the same "
            "data.",
            icon=":material/bookmarks:",
        )
    if part == "kept":
        _kept(kept)
    else:
        query_form()
    table.reasons(broken)
    dialogs.questions(every)
    controls.how_to_read(HOW_TO_READ)


def _kept(kept: Sequence[Selection]) -> None:
    titles = run_titles()
    listing = st.container()
    left, right = st.columns(2)
    with left:
        chosen = table.pick(kept)
    shown = chosen or kept[0]
    with right:
        record = _run_for(shown)
    with listing:
        table.draw(table.of_data(kept), chosen, titles)
    st.subheader(controls.plain(shown.name), anchor=False)
    in_use = "" if chosen else " None is in use on the other pages; the newest is shown here."
    st.caption(f"{controls.plain(shown.origin)}{in_use}")
    dialogs.bar(shown, kept)
    if record is not None:
        controls.selection_panel(record, gateway.selection_map_ids(shown, record), key="s")


def run_titles() -> dict[str, str]:
    """{id: display name} of all runs, hidden ones too."""
    return {record.id: record.name for record in gateway.runs(hidden=True)}


def _run_for(selection: Selection) -> RunRecord | None:
    """Choose the run through which a selection is looked at; says so where there is none of its data."""
    records = controls.usable_runs(epochs=True)
    fit = [record for record in records if gateway.data_of(record) == selection.data]
    if not fit:
        st.info(
            f"No run of {controls.plain(selection.dataset)} can be opened, so nothing of its images is shown.",
            icon=":material/info:",
        )
        return None
    ids = [record.id for record in fit]
    default = selection.run if selection.run in ids else controls.default_run(fit)
    if state.linked("run") not in ids and state.linked("run") in [record.id for record in records]:
        # the run that was in view is of other data: no reason to call its link a wrong one
        state.put("run", default)
        state.share("run", default, default)
    return controls.pick_run("Through run", records=fit, default=controls.run_in_hand(ids) or default)
