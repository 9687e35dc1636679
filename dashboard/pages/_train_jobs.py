"""The list of jobs: how each is, what to do next, and the buttons that do it."""

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard import controls, gateway, state
from dashboard.gateway import TrainingJob
from dashboard.pages._train_words import BUTTONS, progress_text, state_badge

SECONDS = 1.0
"""Between two looks at the files, while anything is not over"""
SHOWN = 20
"""Jobs that are listed, of those that are over, until all are asked for"""
_SEEN = "train-seen"


def job_list() -> None:
    """Draw all jobs, and look again by itself while one of them is not over."""
    there = gateway.jobs()
    state.remember(_SEEN, _states(there))
    if any(one.active for one in there):
        st.fragment(controls.guarded(_ticking), run_every=SECONDS)()
    else:
        _cards(there)


def _states(there: Sequence[TrainingJob]) -> tuple[tuple[str, str], ...]:
    return tuple((one.id, one.state) for one in there)


def _ticking() -> None:
    """Draw the list; the whole page follows when a job begins, ends, comes or goes."""
    there = gateway.jobs()
    if state.recall(_SEEN) != _states(there):
        st.rerun()
    _cards(there)


def _cards(there: Sequence[TrainingJob]) -> None:
    over = [one for one in there if not one.active]
    folded = over[SHOWN:] if not state.recall("train-all") else []
    for one in there:
        if one not in folded:
            _card(one)
    if folded and st.button(f"Show {len(folded)} older ones", key="train-older"):
        state.remember("train-all", True)
        st.rerun()


def _card(one: TrainingJob) -> None:
    with st.container(border=True, key=f"train-job-{one.id}", gap="small"):
        where = f" on {one.slot}" if one.slot else " in a terminal"
        st.markdown(f"**{controls.plain(one.name)}** {state_badge(one)} :small[`{one.id}`{where}]")
        if one.status is not None:
            st.progress(one.status.share, text=progress_text(one))
        if one.reason:
            st.markdown(controls.plain(one.reason))
        # the engine's own words, in which there is nothing that a person typed
        st.caption(gateway.what_next(one, BUTTONS))
        with st.container(horizontal=True, gap="small"):
            _buttons(one)
        if one.state in ("failed", "diverged", "interrupted", "stalled"):
            _log(one)


def _buttons(one: TrainingJob) -> None:
    if _button("Watch", one, "visibility", primary=one.active):
        _watch(one.id)
    if one.state == "queued":
        if _button("Take off the queue", one, "playlist_remove"):
            _act(lambda: gateway.stop(one.id))
    elif one.state == "running" and not one.stopping:
        if _button("Stop training", one, "stop", help="Saves, then stops."):
            _act(lambda: gateway.stop(one.id))
    elif one.active and _button("End it now", one, "dangerous", help="Without saving what is not saved yet."):
        _act(lambda: gateway.stop(one.id, now=True))
    over = not one.active and one.slot is not None
    if over and not one.begun and one.config is not None and _button("Queue it again", one, "replay"):
        _act(lambda: gateway.again(one.id))
    if one.begun:
        if _button("Latent space", one, "scatter_plot"):
            controls.go("latent", run=one.id)
        if _button("Loss curves", one, "show_chart"):
            controls.go("curves", runs=one.id)
    if over and _button("Remove from the list", one, "playlist_remove", help="The run stays."):
        _act(lambda: gateway.forget(one.id))


def _watch(run_id: str) -> None:
    state.put("job", run_id)
    state.share("job", run_id, run_id)
    st.rerun()


def _act(act: Callable[[], object]) -> None:
    def done() -> None:
        act()

    controls.attempt(done)


def _button(
    label: str, one: TrainingJob, icon: str, *, primary: bool = False, help: str | None = None
) -> bool:
    key = f"train-{label.lower().replace(' ', '-')}-{one.id}"
    return st.button(
        label, key=key, icon=f":material/{icon}:", type="primary" if primary else "secondary", help=help
    )


def _log(one: TrainingJob) -> None:
    book = st.expander(
        "End of its log", icon=":material/article:", key=f"train-log-{one.id}", on_change="rerun"
    )
    if book.open:
        lines = gateway.tail(one.id)
        book.code("\n".join(lines) or "It has said nothing.", language=None, wrap_lines=True)
