"""Difference images of the Compare page: where a reconstruction departs from the original, or from A's."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st

from dashboard import controls
from dashboard.charts.images import enlarge, image_grid, rows_frame, rows_png, signed_colours
from dashboard.pages._compare_images import CARD, TILE, columns_of_cards

WIDEST = "A - original"
"""The longest label of a row: the images themselves leave room for it too, and so stand in line with the differences"""
KINDS = {"original": "From the original", "first": "From A", "off": "None"}


def difference_images(
    letters: Sequence[str],
    originals: np.ndarray | None,
    reconstructions: Sequence[np.ndarray],
    ids: Sequence[int],
    *,
    key: str,
    filename: str,
    first: str = "A",
) -> None:
    """Draw each run's reconstructions minus the originals, or minus the first run's, on one colour scale.

    Args:
        letters: of the runs.
        originals: (N, C, H, W) in [0, 1], None where the data set is not here.
        reconstructions: of each run, the same shape.
        ids: what to call each image in CSV.
        key: of the picture's widgets.
        filename: of its downloads.
        first: letter of the first run.
    """
    kinds = {**KINDS, "first": f"From {first}"}
    if originals is None:
        kinds.pop("original")
    if len(letters) < 2:
        kinds.pop("first")
    # runs on other data than A have a picture, and so a choice, of their own
    kind = controls.segmented(
        "Difference images",
        kinds,
        key="difference" if first == "A" else f"difference-{first.lower()}",
        default="original" if originals is not None else "off",
    )
    if kind == "off":
        return
    if kind == "original" and originals is not None:
        names, base, of = list(letters), originals, "the original"
        parts = list(reconstructions)
    else:
        names, base, of = list(letters[1:]), reconstructions[0], f"{first}'s reconstruction"
        parts = list(reconstructions[1:])
    differences = [part - base for part in parts]
    limit = max((float(np.nanmax(np.abs(one), initial=0.0)) for one in differences), default=0.0)
    if not limit:
        st.caption(f"No pixel differs from {of}.")
        return
    labels = [f"{name} - {'original' if kind == 'original' else first}" for name in names]
    rows = [signed_colours(one, limit=limit) for one in differences]
    size, order = rows[0].shape[-1], ""
    if len(ids) == 1:
        # as the image itself stands: large, one run after the other
        order = f"From left to right: {', '.join(labels)}. "
        png = image_grid(
            np.concatenate(rows), columns=columns_of_cards(len(rows)), gap=10, scale=enlarge(size, to=CARD)
        )
    else:
        png = rows_png(rows, labels=labels, gap=4, scale=enlarge(size, to=TILE), room_for=[WIDEST])
    controls.picture(
        png,
        key=key,
        filename=filename,
        caption=f"{order}Reconstruction minus {of}, channels averaged: blue is darker, white equal, red brighter; "
        f"full colour at ±{limit:.2f} of the range of a pixel (0 to 1), the largest difference here.",
        alt=f"Differences of {', '.join(names)} from {of}",
        frame=partial(rows_frame, labels, differences, ids),
    )
