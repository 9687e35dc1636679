"""Going on with a run that is over: from where it stood, to the same epochs or to more."""

import streamlit as st

from dashboard import controls, gateway
from dashboard.gateway import RunRecord


def go_on(record: RunRecord) -> None:
    """Offer to train a run further; says nothing of one that cannot be, whose state says why."""
    assert record.document is not None
    done, part = record.document.stands
    least = done + 1 if record.state == "finished" else max(1, done + bool(part))
    if gateway.why_not_resumed(record, epochs=least) is not None:
        return
    book = st.expander(
        "Go on with it", icon=":material/resume:", key=f"train-go-on-{record.id}", on_change="rerun"
    )
    if not book.open:
        return
    with book:
        epochs = int(
            st.number_input(
                "Epochs in all",
                min_value=least,
                max_value=gateway.box("epochs").high,
                value=2 * done if record.state == "finished" else max(least, record.config.epochs),
                step=1,
                key=f"train-epochs-{record.id}",
                help=f"It has {done:,} epochs behind it{' and a part of the next' if part else ''}.",
            )
        )
        st.caption(controls.plain(gateway.exactness_of(record, epochs=epochs)))
        if st.button("Go on", key=f"train-resume-{record.id}", type="primary", icon=":material/resume:"):
            controls.attempt(lambda: _resumed(record, epochs))


def _resumed(record: RunRecord, epochs: int) -> str:
    gateway.submit(None, resume=record.id, epochs=epochs)
    return f"Goes on: {record.name}."
