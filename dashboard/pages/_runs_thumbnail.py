"""Thumbnails of the Runs page: a small map of each run, as the address of an inline PNG."""

import io
import logging

import numpy as np
import streamlit as st
from PIL import Image

from dashboard import gateway, theme
from dashboard.charts.images import inline, lattice_png
from dashboard.gateway import RunRecord, VAEScopeError

log = logging.getLogger("vaescope")

SIDE = 112
"""Pixels; shown at half of it, so that it is sharp on a dense screen."""
MARGIN = 5
PRIOR = 2.0
"""Half the width of a map at least, in standard deviations of the prior, so that a collapsed run looks like one."""


def thumbnail(record: RunRecord) -> str | None:
    """A run's small latent map, or its decoded lattice where no latents are stored; None where neither is cheap.

    Returns:
        A `data:image/png;base64,...` address. The background is transparent: it suits both themes.
    """
    stamp = gateway.sketch_stamp(record)
    try:
        if stamp is not None:
            return _map(str(record.folder), stamp, _record=record)
        if gateway.lattice_at_hand(record):
            return _lattice(str(record.folder), record.stamp, _record=record)
        return None
    except VAEScopeError as error:
        # the pages that open this run say what is wrong; a table of all runs goes on without one picture
        log.warning("no thumbnail of run %s: %s", record.id, error)
        return None


@st.cache_resource(max_entries=512, show_spinner=False)
def _map(folder: str, stamp: str, _record: RunRecord) -> str:
    points = gateway.sketch(_record)
    return inline(draw_points(points.xy, points.labels, at_least=PRIOR if points.has_prior else 0))


@st.cache_resource(max_entries=128, show_spinner=False)
def _lattice(folder: str, stamp: str, _record: RunRecord) -> str:
    assert _record.document is not None
    tiles = max(2, round(SIDE / max(_record.document.data.shape[1:])))
    # a run that is told the label has a lattice for each class: the first stands for all
    return inline(lattice_png(gateway.lattice(_record, tiles, label=0)))


def draw_points(xy: np.ndarray, labels: np.ndarray, *, at_least: float = 0, side: int = SIDE) -> bytes:
    """Splat points into a small transparent picture, one unit of x as long as one of y.

    Args:
        xy: (N, 2); points that are not finite are left out. The middle 98 % fill the picture, y upwards.
        labels: (N,) class of each point, -1 = none.
        at_least: half the width of what is shown, at least, in units of `xy`.
        side: width and height in pixels.

    Returns:
        PNG bytes, RGBA.
    """
    finite = np.isfinite(xy).all(axis=1)
    xy, labels = xy[finite].astype(np.float64), labels[finite]
    weights = np.zeros(side * side)
    colours = np.zeros((side * side, 3))
    if len(xy):
        low, high = np.percentile(xy, [1, 99], axis=0)
        half = max(float((high - low).max()) / 2, at_least, 1e-9)
        places = (xy - (low + high) / 2) / half * (side / 2 - MARGIN) * [1, -1] + side / 2
        table = np.array(
            [[int(theme.class_colour(k)[i : i + 2], 16) for i in (1, 3, 5)] for k in range(-1, 10)],
            np.float64,
        )
        rgb = table[np.where(labels < 0, 0, labels % 10 + 1)]
        # few points are drawn as discs, many as dots
        radius = float(np.clip(2.6 - 0.45 * np.log10(len(xy) / 100), 1.0, 2.6))
        reach = int(np.ceil(radius + 0.5))
        corner = np.floor(places)
        for dx in range(-reach, reach + 1):
            for dy in range(-reach, reach + 1):
                column, row = corner[:, 0] + dx, corner[:, 1] + dy
                distance = np.hypot(column + 0.5 - places[:, 0], row + 0.5 - places[:, 1])
                cover = np.clip(radius + 0.5 - distance, 0, 1)
                seen = (cover > 0) & (column >= 0) & (column < side) & (row >= 0) & (row < side)
                at = (row[seen] * side + column[seen]).astype(np.int64)
                weights += np.bincount(at, cover[seen], minlength=side * side)
                for channel in range(3):
                    colours[:, channel] += np.bincount(
                        at, cover[seen] * rgb[seen, channel], minlength=side * side
                    )
    picture = np.zeros((side * side, 4), np.uint8)
    there = weights > 0
    picture[there, :3] = np.round(colours[there] / weights[there, None])
    picture[:, 3] = np.round(255 * np.minimum(weights, 1))
    buffer = io.BytesIO()
    Image.fromarray(picture.reshape(side, side, 4)).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
