"""What a run would cost, and the button that starts it."""

import streamlit as st

from dashboard import controls, gateway, state
from dashboard.gateway import Measurement
from dashboard.pages._train_form import FIRST, Plan

_STARTED, _TWIN = "train-started", "train-twin"


def start(plan: Plan) -> None:
    """Draw cost, buttons, and the line that does the same in a terminal."""
    _cost(plan)
    _buttons(plan)
    line = gateway.command(plan.config, recipe=plan.recipe or FIRST, name=plan.name, betas=plan.betas)
    st.caption("The same in a terminal; with --detach in a process of its own:")
    st.code(line, language="bash", wrap_lines=True)


def _cost(plan: Plan) -> None:
    found = gateway.cost(plan.config)
    with st.container(border=True, key="train-cost"):
        if found is None or found.error is not None:
            if found is not None:
                st.warning(controls.plain(str(found.error)), icon=":material/warning:")
            if st.button(
                "What would it cost?" if found is None else "Measure again",
                key="train-measure",
                icon=":material/timer:",
                help="Parameters, memory and time, from some seconds of steps whose weights are thrown away.",
            ):
                gateway.measure(plan.config)
                st.rerun()
        elif found.cost is None:
            _measuring(plan)
        else:
            _measured(found, plan)


def _measuring(plan: Plan) -> None:
    def look() -> None:
        found = gateway.cost(plan.config)
        if found is None or found.done:
            st.rerun()
        st.markdown(":material/timer: Measuring: a few steps are really done, and thrown away.")

    st.fragment(look, run_every=0.5)()


def _measured(found: Measurement, plan: Plan) -> None:
    cost = found.cost
    assert cost is not None
    runs = len(plan.configs)
    whole = "The whole run" if runs == 1 else f"All {runs} runs, one by one"
    facts = {
        "Parameters": f"{cost['parameters']:,}",
        "Memory": gateway.size_text(cost["bytes"]),
        "An epoch": controls.span(cost["epoch"]),
        whole: controls.span(cost["seconds"] * runs),
    }
    with st.container(horizontal=True, gap="large"):
        for label, value in facts.items():
            st.metric(label, value, width="content")
    parts = {
        "images": "data_bytes",
        "weights and gradients": "model_bytes",
        "optimiser": "optimiser_bytes",
        "a step": "step_bytes",
    }
    listed = ", ".join(f"{name} {gateway.size_text(cost[key])}" for name, key in parts.items())
    st.caption(
        controls.plain(
            f"Memory: {listed}; what torch itself takes comes on top (1 kB = 1,000 B). Time: {cost['steps']:,} steps "
            f"an epoch by the median of {cost['measured']:,} that were done, with loading and scoring, without writing "
            f"files. Measured on {cost['machine']}"
            + (f" while {found.beside} trained: alone it would be faster." if found.beside else ".")
        )
    )


def _buttons(plan: Plan) -> None:
    turn = int(state.recall(_STARTED, 0))
    settings = tuple(one.model_dump_json() for one in plan.configs)
    asked = state.recall(_TWIN) == settings
    if asked:
        st.warning(
            "The same settings with the same seed are queued or in training already, and would give the same run: "
            "change the seed, or start it all the same.",
            icon=":material/content_copy:",
        )
    runs = len(plan.configs)
    label = "Start" if runs == 1 else f"Start {runs} runs"
    # a second click of a double click names a button that is not there any more
    if st.button(
        f"{label} all the same" if asked else label,
        key=f"train-start-{turn}",
        type="primary",
        icon=":material/play_arrow:",
        help="In a process of its own: closing this page or stopping the dashboard does not touch it.",
    ):
        state.remember(_STARTED, turn + 1)
        if not asked and gateway.twin(plan.configs) is not None:
            state.remember(_TWIN, settings)
            st.rerun()
        state.forget(_TWIN)
        controls.attempt(lambda: _started(plan))


def _started(plan: Plan) -> str:
    if plan.betas:
        ids = gateway.submit_sweep(plan.config, plan.betas, name=plan.name, recipe=plan.recipe)
    else:
        ids = [gateway.submit(plan.config, name=plan.name, recipe=plan.recipe)]
    state.put("train-part", "jobs")
    state.share("train-part", "jobs", "jobs")
    state.put("job", ids[0])
    state.share("job", ids[0], ids[0])
    return f"Started: {plan.name}." if len(ids) == 1 else f"Queued: {len(ids)} runs of {plan.name}."
