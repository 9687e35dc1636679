"""Traversals on the Edit page: one row a latent dimension, most informative first."""

import numpy as np
import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.images import enlarge, image_frame, rows_png
from dashboard.gateway import RunRecord
from dashboard.pages._edit_images import TILE, Images

ORIGIN = "origin"
ROWS = 10
"""Dimensions shown at first, at most; of more, so many are asked for"""


def traversals(record: RunRecord, images: Images | None) -> None:
    """Move one dimension at a time through its quantiles, from a chosen image or from the origin."""
    st.subheader("Traversals")
    has_prior = gateway.FAMILIES[record.config.family].has_posterior
    if images is None and not has_prior:
        st.caption(
            "A run without a prior is traversed in the units of its codes, and these need the images, which are not "
            "on this machine."
        )
        return
    ranked = controls.ranked_dimensions(record, "test" if images is None else images.split)
    first, second, third = st.columns([2, 1, 1], vertical_alignment="bottom")
    with first:
        starts = {ORIGIN: "the origin, z = 0" if has_prior else "the average code"}
        if images is not None:
            starts |= {str(row): images.title(row) for row in images.rows}
        start = controls.select(
            "Start from", starts, key="start", default=list(starts)[min(1, len(starts) - 1)]
        )
    with second:
        steps = controls.number("Frames a row", key="frames", default=11, low=3, high=31, step=2)
    with third:
        size = record.config.latent
        count = size
        if size > ROWS:
            count = controls.number("Dimensions", key="dims", default=ROWS, low=1, high=size)
    dimensions = list(ranked.names)[:count]
    base = None if images is None or start == ORIGIN else images.z([int(start)])[0]
    z = gateway.traversal(
        steps,
        latent=size,
        dimensions=dimensions,
        base=base,
        centre=None if images is None else images.centre,
        spread=None if images is None else images.spread,
    )
    told = _told(record, images, None if start == ORIGIN else int(start))
    decoded = gateway.decode(record, z.reshape(-1, size), told)
    rows = decoded.reshape(len(dimensions), steps, *decoded.shape[1:])
    p = gateway.quantile_steps(steps)
    names = [ranked.names[k] for k in dimensions]
    frame = image_frame(decoded, ids=np.tile(np.arange(1, steps + 1), len(dimensions)))
    pixels = len(frame) // len(decoded)
    frame.insert(0, "dimension", np.repeat(np.asarray(dimensions) + 1, steps * pixels))
    frame.insert(2, "p_value", np.repeat(np.tile(p, len(dimensions)), pixels))
    frame.insert(3, "z", np.repeat(np.concatenate([z[r, :, k] for r, k in enumerate(dimensions)]), pixels))
    unit = "prior" if has_prior else "codes, standardised"
    low, high = z[0, [0, -1], dimensions[0]]
    rows_named = controls.plain(", ".join(map(short, names)))
    controls.picture(
        rows_png(
            list(rows), labels=[short(name) for name in names], gap=3, scale=enlarge(rows.shape[-1], to=TILE)
        ),
        key="edit-traversal",
        filename=f"{record.id}-traversal-{start}",
        caption=f"One row a dimension: {rows_named}. {ranked.help} From left to right the dimension moves through the "
        f"quantiles {p[0]:.3f} to {p[-1]:.3f} of the {unit}, that is {low:.2f} to {high:.2f} in the first row, in "
        f"steps of equal probability; all others stand at {controls.plain(starts[start])}."
        f"{f' Decoded{controls.class_words(record, told)}.' if told is not None else ''}",
        alt=f"{len(dimensions)} rows of {steps} decoded images, one latent dimension moving in each",
        frame=frame,
    )
    controls.say_impossible(record, z)


def _told(record: RunRecord, images: Images | None, row: int | None) -> int | None:
    """Class that a traversal is decoded as: the chosen one, else the image's own, else the first."""
    if not gateway.needs_labels(record):
        return None
    if images is None:
        return 0
    return int(images.told([row])[0]) if row is not None else images.fixed or 0


def short(name: str) -> str:
    """Name of a dimension for a picture, whose font has ASCII letters only."""
    return name.replace(" · ", ", ").replace("nats per image", "nats")
