"""The selection in hand at every beta: what its images cost, beside what all images of the split do."""

import pandas as pd
import streamlit as st

from dashboard import controls, gateway
from dashboard.gateway import Selection
from dashboard.pages._tradeoff_board import Board

SCORES = ("distortion", "rate", "negative_elbo")


def selection_at_each_beta(board: Board, kept: Selection | None, split: str) -> None:
    """Draw the table of averages over the selection's images of a split, one row a run; nothing without a selection."""
    if kept is None:
        return
    frame = selection_frame(board, kept, split)
    st.markdown(f"**The selection {controls.plain(kept.name)} at each beta**")
    if frame.empty:
        st.caption(
            f"It has no {split} image whose latents are stored with a run of this board: choose other images above, or "
            "open a run on the Latent space page once, which encodes its images."
        )
        return
    number = st.column_config.NumberColumn
    st.dataframe(
        frame,
        hide_index=True,
        key="tradeoff-selection",
        placeholder="does not apply",
        column_config={
            "run": st.column_config.TextColumn("Run", pinned=True),
            "beta": number("Beta", format="%g"),
            "images": number("Images"),
            "distortion": number(
                "D, nats", format="%.2f", help="Average over the selection; lower is better"
            ),
            "distortion_all": number("D of all", format="%.2f", help=f"Average over all {split} images"),
            "rate": number("R, nats", format="%.2f", help="Average over the selection; neither is better"),
            "rate_all": number("R of all", format="%.2f", help=f"Average over all {split} images"),
            "negative_elbo": number("D + R, nats", format="%.2f", help="Unmarked across betas"),
            "negative_elbo_all": number(
                "D + R of all", format="%.2f", help=f"Average over all {split} images"
            ),
        },
    )
    st.caption(
        f"Averages in nats per image, of the {split} images of the selection and of all {split} images."
    )
    controls.download_csv(frame, filename="selection-by-beta", key="tradeoff-selection")


def selection_frame(board: Board, kept: Selection, split: str) -> pd.DataFrame:
    """One row a run, smallest beta first: averages over the selection, and the stored ones over the whole split."""
    rows = []
    for record in board.records:
        over = gateway.selection_averages(record, kept, (split,))
        if over is None:
            continue
        row: dict[str, object] = {"run": record.name, "beta": record.config.beta, "images": over.images}
        for name in SCORES:
            row[name] = getattr(over, name)
            row[f"{name}_all"] = gateway.score(record, name, split)
        rows.append(row)
    return pd.DataFrame(rows)
