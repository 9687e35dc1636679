"""Pickers of runs."""

from collections.abc import Iterable, Sequence

import numpy as np
import streamlit as st

from dashboard import gateway, state
from dashboard.controls.choices import select
from dashboard.controls.words import go, plain
from dashboard.gateway import RunRecord

DEFAULT_RUN = "bundled-digits-beta-1"


def usable_runs(*, epochs: bool = False) -> list[RunRecord]:
    """Runs that can be opened: readable, with weights, not hidden. Without any, says what to do and ends the page.

    With `epochs` those that a run keeps besides its last follow it, each as a run of its own.
    """
    records = gateway.runs()
    usable = [
        record
        for record in records
        if record.document is not None and record.state != "damaged" and record.document.weights
    ]
    if not usable:
        empty_store(broken=len(records))
        st.stop()
    if epochs:
        return [one for record in usable for one in (record, *gateway.kept_epochs(record))]
    return usable


def empty_store(*, broken: int = 0) -> None:
    """Say that there is no run to show, and how to train the first one."""
    others = (
        f" {broken} other folders are listed on the Runs page, with the reason why each cannot be opened."
        if broken
        else ""
    )
    st.info(
        f"No run can be shown yet.{others} Train the first one; it takes seconds, here or in a terminal:",
        icon=":material/info:",
    )
    offer_training()
    st.code("python -m core train digits-vae", language="bash")
    st.caption(
        f"Runs are read from {plain(str(gateway.store_path()))}; a new one is found when the page is reloaded."
    )


def offer_training(**query: str) -> None:
    """A way to the Train page, at what `query` says."""
    if st.button("Open the Train page", key="to-train", icon=":material/model_training:"):
        go("train", **query)


def default_run(records: Sequence[RunRecord]) -> str:
    """Id of a sensible first run: the bundled beta = 1, else the newest that is finished, else the newest."""
    by_id = {record.id: record for record in records}
    if DEFAULT_RUN in by_id:
        return DEFAULT_RUN
    return next((record.id for record in records if record.state == "finished"), records[0].id)


def run_in_hand(ids: Iterable[str]) -> str | None:
    """Id of the run that was looked at last on a page of one run, if it is among these; of its epoch, else its own."""
    known, run = set(ids), state.kept("run") or ""
    return next((one for one in (run, run.partition("@")[0]) if one in known), None)


def run_titles(records: Sequence[RunRecord]) -> dict[str, str]:
    """{id: display name}, with the id behind names that stand twice, and the state of runs that are not finished.

    An epoch of a run says whether it is the best; it stands as it is, whatever becomes of its run.
    """
    names = [record.name for record in records]
    titles = {}
    for record in records:
        title = record.name if names.count(record.name) == 1 else f"{record.name} ({record.id})"
        if record.at is not None:
            best = record.document is not None and record.document.best == record.at
            titles[record.id] = f"{title} (the best)" if best else title
        else:
            titles[record.id] = title if record.state == "finished" else f"{title} [{record.state}]"
    return titles


def pick_run(
    label: str = "Run",
    *,
    key: str = "run",
    records: Sequence[RunRecord] | None = None,
    default: str | None = None,
) -> RunRecord:
    """Choose one run; its id lives in the URL. Ends the page with a sentence where there is none."""
    choices = list(records) if records is not None else usable_runs(epochs=True)
    _say_unknown(key, choices)
    first = default or default_run(choices)
    chosen = select(label, run_titles(choices), key=key, default=first, always_linked=True)
    record = next(record for record in choices if record.id == chosen)
    if record.reason:
        st.warning(plain(record.reason), icon=":material/warning:")
    say_dead_code(record)
    return record


def say_dead_code(record: RunRecord, *, name: str = "") -> None:
    """Say of a run whose code is the same for every image that it is, under its `name` where several are shown."""
    if said := gateway.dead_code_sentence(record.scores, record.config):
        st.warning(f"{plain(name)}: {said}" if name else said, icon=":material/warning:")


def pick_runs(
    label: str, *, key: str, records: Sequence[RunRecord], default: Sequence[str], most: int = 8
) -> list[RunRecord]:
    """Choose several runs; their ids live in the URL. May be empty: the page says what to do then."""
    by_id = {record.id: record for record in records}
    _say_unknown(key, records)

    def parse(text: str) -> list[str] | None:
        return [one for one in dict.fromkeys(state.as_ids(text)) if one in by_id][:most] or None

    state.restore(key, parse=parse, default=[one for one in default if one in by_id])
    state.limit(
        key, lambda value: all(one in by_id for one in value), [one for one in default if one in by_id]
    )
    titles = run_titles(records)
    chosen = st.multiselect(
        label,
        list(by_id),
        key=key,
        format_func=lambda one: titles[one],
        max_selections=most,
        placeholder="Choose runs",
    )
    state.share(key, list(chosen), state.ids_text(chosen) or None)
    return [by_id[one] for one in chosen]


def _say_unknown(key: str, records: Sequence[RunRecord]) -> None:
    known = {record.id for record in records}
    missing = [one for one in state.as_ids(state.linked(key)) if one not in known]
    if missing:
        st.warning(
            f"The link names {plain(', '.join(missing)[:200])}, which cannot be shown here: it was deleted (the "
            "trash of the Runs page may still have it), hidden, or does not fit this page. Another run is shown "
            "instead.",
            icon=":material/link_off:",
        )


def say_impossible(record: RunRecord, z: np.ndarray) -> None:
    """Say of decoded latents (..., L) where the run's encoder never gives such codes."""
    if said := gateway.impossible_code(gateway.FAMILIES[record.config.family], z):
        st.caption(said)
