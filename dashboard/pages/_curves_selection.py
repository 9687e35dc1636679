"""The selection in hand beside the curves: what its images cost at the final weights of each run."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.curves import Curve
from dashboard.controls import Series
from dashboard.gateway import Selection

SELECTION = "selection"
"""Name of the "split" of such a point"""


def selection_points(series: Sequence[Series], kept: Selection | None, quantity: str) -> list[Curve]:
    """One point a run at its last epoch: the average of a quantity over the selection, at the weights it has now."""
    points = []
    for one in series:
        over = None if kept is None else gateway.selection_averages(one.record, kept)
        value = None if over is None else getattr(over, quantity, None)
        if value is not None and one.epochs and one.record.state != "running":
            points.append(Curve(one.title, SELECTION, [one.epochs[-1]], [value], one.colour))
    return points


def selection_table(series: Sequence[Series], kept: Selection | None) -> None:
    """Draw the averages over the selection, one row a run; nothing without a selection."""
    if kept is None:
        return
    st.subheader("The selection, at the final weights")
    frame = selection_frame(series, kept)
    if frame.empty:
        st.caption(
            f"None of these runs has stored latents of the images of {controls.plain(kept.name)}: open one on the "
            "Latent space page once, which encodes them."
        )
        return
    number = st.column_config.NumberColumn
    st.caption(
        f"{controls.plain(kept.name)}: averages in nats per image over its images, of all splits whose latents are "
        "stored. The stars at the ends of the curves are the same numbers."
    )
    st.dataframe(
        frame,
        hide_index=True,
        key="curves-selection",
        placeholder="does not apply",
        column_config={
            "run": st.column_config.TextColumn("Run", pinned=True),
            "images": number("Images"),
            "distortion": number("D", format="%.2f", help="Distortion, nats per image; lower is better"),
            "rate": number("R", format="%.2f", help="Rate, nats per image; neither direction is better"),
            "negative_elbo": number(
                "D + R", format="%.2f", help="Negative ELBO, nats per image; lower is better at equal beta"
            ),
        },
    )
    controls.download_csv(frame, filename="selection", key="curves-selection")


def selection_frame(series: Sequence[Series], kept: Selection) -> pd.DataFrame:
    """One row a run that has latents of the selection stored."""
    found = [(one.title, gateway.selection_averages(one.record, kept)) for one in series]
    return pd.DataFrame(
        [
            {
                "run": title,
                "images": over.images,
                "distortion": over.distortion,
                "rate": over.rate,
                "negative_elbo": over.negative_elbo,
            }
            for title, over in found
            if over is not None
        ]
    )
