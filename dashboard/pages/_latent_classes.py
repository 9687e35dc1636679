"""The same latents under every class, of a run that is told the label: one row a latent, one column a class."""

import numpy as np
import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.images import enlarge, image_frame, rows_png
from dashboard.gateway import RunRecord

TILE = 48
"""Side of an image, in pixels, about"""


def under_every_class(record: RunRecord, place: np.ndarray | None) -> None:
    """Decode the chosen place (L,), if there is one, and some draws from the prior as every class."""
    if not gateway.needs_labels(record):
        return
    st.subheader("The same z under every class")
    left, right, _ = st.columns([1, 1, 2], vertical_alignment="bottom")
    with left:
        count = controls.number("Draws from the prior", key="zs", default=6, low=1, high=30)
    with right:
        seed = controls.number("Seed of the draws", key="zseed", default=0, low=0, high=99_999)
    drawn = gateway.prior_draws(count, latent=record.config.latent, seed=seed)
    rows, labels = drawn, [f"draw {k + 1}" for k in range(count)]
    if place is not None:
        rows, labels = np.concatenate([place[None], drawn]).astype(np.float32), ["the place", *labels]
    names = controls.class_names_of(record)
    z, told = gateway.under_every_label(rows, classes=len(names))
    images = gateway.decode(record, z, told)
    grid = images.reshape(len(rows), len(names), *images.shape[1:])
    frame = image_frame(images, ids=np.repeat(np.arange(1, len(rows) + 1), len(names)))
    frame = frame.rename(columns={"image": "row"})
    pixels = len(frame) // len(images)
    frame.insert(0, "z", np.repeat(np.repeat(labels, len(names)), pixels))
    frame.insert(1, "class", np.repeat(np.tile(names, len(rows)), pixels))
    first = "the chosen place, then " if place is not None else ""
    controls.picture(
        rows_png(list(grid), labels=labels, gap=3, scale=enlarge(images.shape[-1], to=TILE)),
        key="classes",
        filename=f"{record.id}-every-class",
        caption=f"One row a latent: {first}{count} draws z ~ N(0, I) with seed {seed}. One column a class, from left "
        f"to right: {controls.plain(', '.join(names))}. What a row has in common is what z holds besides the class.",
        alt=f"{len(rows)} latents, each decoded as {len(names)} classes",
        frame=frame,
    )
