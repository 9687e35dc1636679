"""Train: start runs as processes of their own, watch them learn, stop them, and see the latent space form."""

import streamlit as st

from dashboard import controls, gateway, state
from dashboard.gateway import TrainingJob
from dashboard.pages._train_form import form
from dashboard.pages._train_jobs import job_list
from dashboard.pages._train_start import start
from dashboard.pages._train_watch import watch
from dashboard.pages._train_words import progress_text

HOW_TO_READ = r"""
**A job** is a process of its own, which neither this page nor its server needs: close the tab, reload, or stop the
dashboard, and it goes on. What is shown is read from files in the folder of runs, so a second tab and
`python -m core jobs` see the same. One job trains on a device at a time; the others wait in the order in which they
were started. **Stop training** saves, then stops.

**What would it cost?** Parameters are exact. Memory is what images, weights, gradients, optimiser and one step take,
besides torch itself. Time is extrapolated from some seconds of steps that are really done, with weights that are thrown
away; the first epochs of a run can be slower.

**Curves.** Solid: averages over the epoch while the weights move. Dashed: held-out images, at the epoch's final
weights. The negative ELBO is $D + R$, the objective $D + \beta R$, in nats per image.

**Latent map.** The means of a fixed set of up to 2,000 held-out images after each recorded epoch, the same images every
time, epoch 0 before training. The time-lapse plays what was recorded, and nothing in between; its axes hold all epochs,
so what moves is the code and not the frame. At most 500 epochs are kept: of longer runs every second, fourth, ... . Of
more than two dimensions you choose two; at first those whose means vary the most. One dimension is drawn over a jitter,
which has no meaning.

**Reconstructions** are decoded from the means of the first images of that set.
"""
PARTS = {"new": "New run", "jobs": "Jobs"}


def page() -> None:
    """Draw the page: choose, guard, compute, draw."""
    st.title("Train")
    controls.said()
    linked = bool(state.linked("job")) and not state.linked("from")
    part = controls.segmented("Show", PARTS, key="train-part", default="jobs" if linked else "new")
    if part == "jobs":
        _jobs()
    else:
        _at_work([one for one in gateway.jobs() if one.active])
        plan = form()
        if plan is not None:
            start(plan)
    controls.how_to_read(HOW_TO_READ)


def _at_work(active: list[TrainingJob]) -> None:
    """One line on what trains already."""
    if not active:
        return
    first = active[0]
    more = f", and {len(active) - 1} more" if len(active) > 1 else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":material/model_training: **{controls.plain(first.name)}**: "
            f"{progress_text(first).lower() if first.status else first.state}{more}.",
            width="stretch",
        )
        if st.button("Watch", key="train-look", icon=":material/visibility:"):
            state.put("train-part", "jobs")
            state.put("job", first.id)
            st.rerun()


def _jobs() -> None:
    options = gateway.watchable()
    if not options:
        st.info(
            "No job yet. Start one under New run: `digits-vae` takes seconds, and needs no download.",
            icon=":material/model_training:",
        )
        st.code("python -m core train digits-vae --detach", language="bash")
        return
    controls.guarded(lambda: watch(options, next(iter(options))))()
    there = gateway.jobs()
    if there:
        st.subheader("All jobs")
        job_list()
