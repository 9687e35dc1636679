"""The latent map: linked panels of points over the same images, drawn in the browser.

A Streamlit component of its own, because hover, selection and zoom have to work without a rerun and have to
survive one. `latent_map` packs arrays into bytes (`payload`), the parts under ``web/`` draw them, and `events` reads
what comes back. The parts share one scope and are joined as text, so there is no build step.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.components.latent_map.events import Click, Events, Place, read_events
from dashboard.components.latent_map.panels import Panel, Sprites, make_sprites
from dashboard.components.latent_map.payload import digest, pack, unpack

__all__ = [
    "UNLABELLED",
    "Click",
    "Events",
    "Panel",
    "Place",
    "Sprites",
    "latent_map",
    "make_sprites",
    "unpack",
]

UNLABELLED = 255
MARKERS = ("circle", "triangle", "square", "diamond")
NAME = "vaescope_latent_map"
PARTS = (
    "payload",
    "geometry",
    "splat",
    "state",
    "view",
    "overlay",
    "thumbnail",
    "legend",
    "export",
    "gestures",
    "main",
)

_WEB = Path(__file__).parent / "web"
SCRIPT = "\n".join((_WEB / f"{part}.js").read_text(encoding="utf-8") for part in PARTS)
_COMPONENT = st.components.v2.component(
    NAME,
    html=(_WEB / "map.html").read_text(encoding="utf-8"),
    css=(_WEB / "map.css").read_text(encoding="utf-8"),
    js=SCRIPT,
)


def latent_map(
    panels: Sequence[Panel],
    *,
    key: str,
    ids: np.ndarray,
    classes: np.ndarray,
    class_names: Sequence[str],
    colours: Sequence[str],
    view_key: str,
    markers: np.ndarray | None = None,
    marker_names: Sequence[str] = (),
    marker_title: str = "marker",
    sprites: Sprites | None = None,
    columns: int = 2,
    height: int = 460,
    selected_ids: np.ndarray | None = None,
    report_selection: bool = False,
    id_bits: int = 32,
) -> Events:
    """Draw panels of the same points, linked by hover, selection and legend.

    Args:
        panels: one or more panels; row k of each is the k-th id.
        key: name of this map, unique on the page; zoom, selection and hidden classes are kept under it.
        ids: (N,) whole numbers below 2^32, each once: rows of the images in their source.
        classes: (N,) index into `class_names`, or 255 for a point without a label.
        class_names: names as people know them.
        colours: colours as ``#rrggbb`` in the order of the classes; further classes repeat them with other markers.
        view_key: what the coordinates mean (a run and two dimensions, say): a zoom is kept while it stays the same.
        markers: (N,) 0 circle, 1 triangle, 2 square, 3 diamond, or None for circles.
        marker_names: what the markers mean (``("train", "test")``); shown in the legend when there are two or more.
        marker_title: what they tell, as the heading of their column in the downloaded table (``"split"``).
        sprites: thumbnails for the hovered point, from `make_sprites`, in the order of the ids.
        columns: panels in a row where the width allows it.
        height: greatest height of a row of panels, with title and axes, in CSS pixels.
        selected_ids: a selection to set; it is applied when it differs from the one that was passed before.
        id_bits: people are shown the lower `id_bits` bits of an id: upper bits can tell sources apart.
        report_selection: a new selection reruns the page and arrives in `Events.selection`.

    Returns:
        What happened since the last run. Coordinates of an empty place can lie outside of the panel's domain.

    Raises:
        ValueError: one sentence that names what does not fit together.
    """
    header, sections = _describe(
        panels, ids, classes, class_names, colours, markers, marker_names, sprites, selected_ids
    )
    header |= {
        "key": _text("key", key),
        "view_key": str(view_key),
        "columns": _whole("columns", columns, 1),
        "height": _whole("height", height, 120),
        "report_selection": bool(report_selection),
        "id_bits": _whole("id_bits", id_bits, 1),
        "marker_title": _text("marker_title", marker_title),
    }
    data = pack(header, sections, hashes={"sprites": sprites.digest} if sprites else None)
    result = _COMPONENT(
        key=key,
        data=data,
        # Without a callback of its own a trigger would have no attribute in the result.
        on_click_change=_nothing,
        on_empty_change=_nothing,
        on_selection_change=_nothing,
    )
    return read_events(
        result,
        revision=header["revision"],
        panels=tuple(panel.id for panel in panels),
        ids=sections["ids"],
    )


def _nothing() -> None:
    """Stand in for a callback: pages read the returned events instead."""


def _describe(
    panels: Sequence[Panel],
    ids: np.ndarray,
    classes: np.ndarray,
    class_names: Sequence[str],
    colours: Sequence[str],
    markers: np.ndarray | None,
    marker_names: Sequence[str],
    sprites: Sprites | None,
    selected_ids: np.ndarray | None,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Check that the parts fit together and lay them out as a header and sections."""
    names = [panel.id for panel in panels]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"A latent map needs at least one panel and different panel ids, not {names}.")
    bad = [colour for colour in colours if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour)]
    if bad or not len(colours):
        raise ValueError(f"Colours must be a list of texts like #3f90da; found {bad or 'none'}.")
    sections = {"ids": _ids(ids)}
    count = len(sections["ids"])
    sections["cls"] = _codes("classes", classes, count, len(class_names), UNLABELLED)
    if markers is not None:
        limit = min(len(marker_names) or len(MARKERS), len(MARKERS))
        sections["mk"] = _codes("markers", markers, count, limit, None)
    described = []
    for panel in panels:
        if len(panel.xy) != count:
            raise ValueError(f"Panel {panel.id!r} has {len(panel.xy)} points, but there are {count} ids.")
        sections[f"xy:{panel.id}"] = np.ascontiguousarray(panel.xy, dtype=np.float32)
        described.append(_panel_header(panel))
        if panel.image is not None:
            sections[f"image:{panel.id}"] = np.frombuffer(panel.image, dtype=np.uint8)
    # The revision names the points alone: a cross or contour that moves must not turn a click into a late one.
    points = [digest(sections[name].tobytes()) for name in sections if not name.startswith("image:")]
    header: dict[str, Any] = {
        "revision": digest("|".join([*names, *points]).encode()),
        "panels": described,
        "classes": [str(name) for name in class_names],
        "colours": list(colours),
        "markers": [str(name) for name in marker_names],
    }
    if sprites is not None:
        if sprites.tiles != count:
            raise ValueError(
                f"There are {sprites.tiles} thumbnails for {count} ids; make them of the same images."
            )
        sections["sprites"] = np.frombuffer(sprites.data, dtype=np.uint8)
        header["sprites"] = {"mime": sprites.mime, "tile": list(sprites.tile), "columns": sprites.columns}
    if selected_ids is not None:
        mask = np.isin(sections["ids"], np.asarray(selected_ids))
        sections["selected"] = np.packbits(mask, bitorder="little")
    return header, sections


def _panel_header(panel: Panel) -> dict[str, Any]:
    draws = [] if panel.draws is None else np.asarray(panel.draws, dtype=np.float64).tolist()
    return {
        "id": panel.id,
        "title": panel.title,
        "x_title": panel.x_title,
        "y_title": panel.y_title,
        "alt": panel.alt,
        "domain": None if panel.domain is None else [float(value) for value in panel.domain],
        "square": bool(panel.square),
        "circles": [float(radius) for radius in panel.circles],
        "draws": draws,
        "marker": None if panel.marker is None else [float(value) for value in panel.marker],
        "pixelated": bool(panel.image_pixelated),
        "clickable_empty": bool(panel.clickable_empty),
    }


def _ids(values: np.ndarray) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"ids must be whole numbers of the shape (N,), not {array.dtype.name} {array.shape}."
        )
    if array.size and (int(array.min()) < 0 or int(array.max()) >= 2**32):
        raise ValueError(f"ids must lie between 0 and 2^32 - 1, not {array.min()} to {array.max()}.")
    if len(np.unique(array)) < len(array):
        raise ValueError(
            f"ids must be different; {len(array) - len(np.unique(array))} of {len(array)} repeat."
        )
    return array.astype(np.uint32)


def _codes(name: str, values: np.ndarray, count: int, allowed: int, extra: int | None) -> np.ndarray:
    array = np.asarray(values)
    if array.shape != (count,) or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be whole numbers of the shape ({count},), not {array.dtype.name} {array.shape}."
        )
    bad = array[(array < 0) | (array >= allowed) & (array != (-1 if extra is None else extra))]
    if bad.size:
        also = "" if extra is None else f" or be {extra} (no label)"
        raise ValueError(f"{name} must lie below {allowed}{also}; found {int(bad[0])}.")
    return array.astype(np.uint8)


def _text(name: str, value: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"The map's {name} must be a non-empty text, not {value!r}.")
    return value


def _whole(name: str, value: int, least: int) -> int:
    if not isinstance(value, int) or value < least:
        raise ValueError(f"The map's {name} must be a whole number of at least {least}, not {value!r}.")
    return value
