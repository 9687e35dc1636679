"""Data sets on their way: how far each is, what went wrong, and what can be done."""

import streamlit as st

from dashboard import controls, gateway, state
from dashboard.gateway import OwnSet

_SEEN = "data-way"


def on_their_way(sets: list[OwnSet]) -> None:
    """Draw a box for each data set that is not complete, but for those that were looked at, which the form shows."""
    shown = [one for one in sets if one.state != "looked" and not one.request.look]
    if not shown:
        return
    if any(one.state == "running" for one in shown):
        _watched()
    else:
        for one in shown:
            _box(one)


@st.fragment(run_every=1)
def _watched() -> None:
    """Draw the boxes every second, until one of them changes what stands below."""
    sets = [one for one in gateway.on_their_way() if not one.request.look]
    now = tuple((one.id, one.state) for one in sets)
    before = state.recall(_SEEN)
    state.remember(_SEEN, now)
    if not any(one.state == "running" for one in sets) or (before is not None and before != now):
        state.forget(_SEEN)
        gone = {k for k, _ in before or ()} - {k for k, _ in now}
        added = [row.name for row in gateway.data_sets() if row.own and gateway.own_set(row.name).id in gone]
        if added:
            controls.say(f"Added: {', '.join(added)}.")
        st.rerun()
    for one in sets:
        _box(one)


def _box(one: OwnSet) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        if one.state == "running":
            running_bar(one)
            if st.button("Stop", key=f"data-stop-{one.id}", icon=":material/stop:"):
                controls.attempt(lambda: gateway.stop_import(one))
            return
        st.markdown(f"**{controls.plain(one.name)}** {controls.plain(one.said)}", width="stretch")
        if one.state in ("interrupted", "stopped", "failed") and st.button(
            "Go on", key=f"data-go-{one.id}", icon=":material/play_arrow:", type="primary"
        ):
            controls.attempt(lambda: gateway.add_looked(one))
        if st.button("Remove", key=f"data-remove-{one.id}", icon=":material/delete:"):
            controls.attempt(lambda: gateway.delete_own(one))


def running_bar(one: OwnSet) -> None:
    """Draw how far an import is, with the time left."""
    job = one.job
    share = min(1.0, job.done / job.total) if job.total else 0.0
    left = "" if job.left is None else f", about {controls.span(job.left)} left"
    counted = f" {job.done:,} of {job.total:,}" if job.total else ""
    st.progress(
        share, text=f"{controls.plain(one.name)}: {controls.plain(job.phase)}{counted}{left}", width="stretch"
    )
