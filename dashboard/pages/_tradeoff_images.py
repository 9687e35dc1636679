"""Images at every beta: a few test images through all runs of a board, and the one that was clicked."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.images import image_frame, image_grid, rows_png
from dashboard.gateway import Latents, RunRecord, Selection, VAEScopeError
from dashboard.pages._tradeoff_board import Board, stored_latents

EXAMPLES = 10
"""Test images whose reconstructions are shown: one a class where there are ten."""
MOST_ROWS = 14
"""Betas in one picture; of more, this many evenly spread ones."""


def reconstruction_rows(board: Board, kept: Selection | None, split: str) -> None:
    """The same images through every run, smallest beta first: those of the selection in hand, or some test images."""
    st.subheader("The same images at each beta")
    first = board.records[0]
    if not controls.need_data(first):
        return
    chosen = controls.kept_ids(first, kept, most=EXAMPLES, splits=(split,))
    ids = gateway.example_ids(first, EXAMPLES) if chosen is None else chosen
    which = f"{len(ids)} test images, stratified by class (seed 0)"
    if kept is not None and chosen is not None:
        which = f"The first {len(ids)} {split} images of the selection {controls.plain(kept.name)}"
    originals = gateway.originals(first, ids)
    records = _spread(board.records)
    names, rows = ["original"], [gateway.unit(originals)]
    for record in records:
        try:
            rows.append(gateway.reconstruct_points(record, ids))
        except VAEScopeError as error:
            st.warning(
                f"{controls.plain(record.name)} is left out: {controls.plain(str(error))}",
                icon=":material/warning:",
            )
            continue
        names.append(_row_name(record, records))
    scale = max(1, round(52 / originals.shape[-1]))
    frame = image_frame(
        np.concatenate(rows), ids=np.tile([gateway.split_and_row(one)[1] for one in ids], len(rows))
    )
    some = (
        ""
        if len(records) == len(board.records)
        else f" {len(records)} of {len(board.records)} runs, evenly spread."
    )
    controls.picture(
        rows_png(rows, labels=names, scale=scale),
        key="tradeoff-rows",
        filename="reconstructions-by-beta",
        caption=f"{which}, above their reconstructions at the mean of the posterior: smallest beta first, one row a "
        f"run.{some}",
        alt=f"{len(ids)} images and their reconstructions by {len(rows) - 1} runs, smallest beta first",
        frame=frame.assign(shown_as=np.repeat(names, len(frame) // len(names))),
    )


def show_point(board: Board, record: RunRecord, clicked: int | None, *, with_images: bool) -> None:
    """One image and its reconstructions at every beta."""
    if clicked is None:
        st.caption("Click a point to see the image, and its reconstruction at every beta.")
        return
    if not with_images:
        return
    split, row = gateway.split_and_row(clicked)
    original = gateway.originals(record, [clicked])
    names, cells = ["original"], [gateway.unit(original)]
    for one in board.records:
        try:
            cells.append(gateway.reconstruct_points(one, [clicked]))
        except VAEScopeError:
            continue  # said above, under the rows
        names.append(f"{board.betas[one.id]}{_point_scores(one, split, row)}")
    st.subheader(f"Image {row} of the {split} images{_class_words(record, split, row)}")
    st.caption(
        "D and R of this one image, in nats: D at one seeded draw of z; the pictures are decoded at the mean."
    )
    scale = max(1, round(80 / original.shape[-1]))
    with st.container(horizontal=True, gap="small"):
        for cell, name in zip(cells, names, strict=True):
            with st.container(width=controls.pixels(88), gap=None):
                st.image(
                    image_grid(cell, columns=1, scale=scale),
                    caption="  \n".join(controls.plain(part) for part in name.split(": ")),
                    alt=name,
                    width=controls.pixels(80),
                )
    frame = image_frame(np.concatenate(cells), ids=np.arange(len(cells)))
    frame.insert(0, "shown_as", np.repeat(names, len(frame) // len(names)))
    controls.download_csv(frame, filename=f"image-{split}-{row}-by-beta", key="tradeoff-point")


def _class_words(record: RunRecord, split: str, row: int) -> str:
    found = _row(record, split, row)
    if found is None or not record.document:
        return ""
    latents, place = found
    label = int(latents.labels[place])
    names = record.document.data.class_names
    return f", class {controls.plain(names[label])}" if 0 <= label < len(names) else ""


def _point_scores(record: RunRecord, split: str, row: int) -> str:
    found = _row(record, split, row)
    if found is None:
        return ""
    latents, place = found
    rate = f" R {latents.rate[place]:.1f}" if latents.rate is not None else ""
    return f": D {latents.distortion[place]:.1f}{rate}"


def _row(record: RunRecord, split: str, row: int) -> tuple[Latents, int] | None:
    """A run's latents of a split and the place of one image among them; None where it has none."""
    latents = stored_latents(record, split)
    if latents is None:
        return None
    place = np.flatnonzero(latents.ids == row)
    return (latents, int(place[0])) if len(place) else None


def _row_name(record: RunRecord, records: Sequence[RunRecord]) -> str:
    """Name a row by its beta; a number tells runs of one beta apart."""
    beta = record.config.beta
    same = [one.id for one in records if one.config.beta == beta]
    copy = f" #{same.index(record.id) + 1}" if len(same) > 1 else ""
    return f"beta {beta:g}{copy}"


def _spread(records: Sequence[RunRecord]) -> list[RunRecord]:
    chosen = np.unique(np.linspace(0, len(records) - 1, min(len(records), MOST_ROWS)).round().astype(int))
    return [records[k] for k in chosen]
