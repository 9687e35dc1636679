"""The latent map: linked panels of points over the same images, drawn in the browser.

A Streamlit component of its own, because hover, selection and zoom have to work without a rerun and have to
survive one. `latent_map` packs arrays into bytes (`payload`), the parts under ``web/`` draw them, and `events` reads
what comes back. The parts share one scope and are joined as text, so there is no build step.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import streamlit as st

from dashboard.components import own_height
from dashboard.components.latent_map import checks
from dashboard.components.latent_map.events import Click, Events, Place, read_events
from dashboard.components.latent_map.lattices import Lattice, lattice_sheet
from dashboard.components.latent_map.numbering import number_panels
from dashboard.components.latent_map.panels import Panel
from dashboard.components.latent_map.payload import digest, pack, unpack
from dashboard.components.latent_map.scale import Scale, make_scale
from dashboard.components.latent_map.sprites import Sprites, make_sprites, serve
from dashboard.theme import UNLABELLED_COLOUR

__all__ = [
    "UNLABELLED",
    "Click",
    "Events",
    "Lattice",
    "Panel",
    "Place",
    "Scale",
    "Sprites",
    "latent_map",
    "lattice_sheet",
    "make_scale",
    "make_sprites",
    "unpack",
]

UNLABELLED = 255
MARKERS = ("circle", "triangle", "square", "diamond")
RENDERERS = ("auto", "splat", "webgl")
NAME = "vaescope_latent_map"
PARTS = (
    "payload",
    "geometry",
    "splat",
    "webgl",
    "state",
    "view",
    "overlay",
    "thumbnail",
    "decoded",
    "scale",
    "legend",
    "export",
    "gestures",
    "hook",
    "main",
)

_WEB = Path(__file__).parent / "web"
SCRIPT = "\n".join(
    [own_height.SCRIPT, *((_WEB / f"{part}.js").read_text(encoding="utf-8") for part in PARTS)]
)
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
    colour: Scale | Mapping[str, Scale] | Literal["classes", "markers"] = "classes",
    sprites: Sprites | None = None,
    columns: int = 2,
    height: int = 460,
    selected_ids: np.ndarray | None = None,
    selected_turn: int = 0,
    report_selection: bool = False,
    id_bits: int = 32,
    renderer: Literal["auto", "splat", "webgl"] = "auto",
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
        colour: what colours mean: the classes, the markers (in the order of `colours`), the numbers of a scale, or in
            each panel, by its id, those of its own; scales of equal ends share a colour bar.
        sprites: thumbnails for the hovered point, from `make_sprites`, in the order of the ids.
        columns: panels in a row where the width allows it; where panels have cells, all columns of the grid.
        height: greatest height of a row of panels, with title and axes, in CSS pixels.
        selected_ids: a selection to set; it is applied when it differs from the one that was passed before.
        selected_turn: another number sets the same selection once more, whatever was selected since.
        id_bits: people are shown the lower `id_bits` bits of an id: upper bits can tell sources apart.
        report_selection: a new selection reruns the page and arrives in `Events.selection`.
        renderer: "auto" draws by WebGL 2 where the machine has a graphics card, else by the CPU; "splat" (the CPU) and
            "webgl" (where there is any, in software too) force one.

    Returns:
        What happened since the last run. Coordinates of an empty place can lie outside of the panel's domain.

    Raises:
        ValueError: one sentence that names what does not fit together.
    """
    header, sections = _describe(
        panels, ids, classes, class_names, colours, markers, marker_names, colour, selected_ids
    )
    if renderer not in RENDERERS:
        raise ValueError(f"The map's renderer must be one of {', '.join(RENDERERS)}, not {renderer!r}.")
    if sprites is not None:
        if sprites.tiles != len(sections["ids"]):
            raise ValueError(
                f"There are {sprites.tiles} thumbnails for {len(sections['ids'])} ids; make them of the same images."
            )
        header["sprites"] = serve(sprites, key=checks.text("key", key))
    # Only the header tells of a lattice: when it arrives the revision stays, and so do zoom, selection and hover.
    for panel, described in zip(panels, header["panels"], strict=True):
        described["lattice"] = panel.lattice and panel.lattice.described(key=f"{key}-{panel.id}")
    header |= {
        "key": checks.text("key", key),
        "view_key": str(view_key),
        "columns": checks.whole("columns", columns, 1),
        "height": checks.whole("height", height, 120),
        "report_selection": bool(report_selection),
        "selected_turn": checks.whole("selected_turn", selected_turn, 0),
        "id_bits": checks.whole("id_bits", id_bits, 1),
        "marker_title": checks.text("marker_title", marker_title),
        "renderer": renderer,
    }
    data = pack(header, sections)
    result = _COMPONENT(
        key=key,
        data=data,
        height=_room(len(panels), columns=columns, height=height, legend=len(sections["ids"]) > 0),
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


def _room(panels: int, *, columns: int, height: int, legend: bool) -> int:
    """Pixels that a map will need on a page wide enough for its rows, with its tools above and its legend below.

    The browser keeps them free until the map's script runs, so that what stands below does not jump; from then on the
    map has the height that its own width asks for (`takeOwnHeight`).
    """
    rows = -(-panels // columns)
    return 36 + rows * (height + 8) - 8 + (30 if legend else 8)


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
    colour: Scale | Mapping[str, Scale] | Literal["classes", "markers"],
    selected_ids: np.ndarray | None,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Check that the parts fit together and lay them out as a header and sections."""
    names = [panel.id for panel in panels]
    if len(class_names) > UNLABELLED:
        raise ValueError(f"A latent map shows at most {UNLABELLED} classes, not {len(class_names)}.")
    if not names or len(set(names)) < len(names):
        raise ValueError(f"A latent map needs at least one panel and different panel ids, not {names}.")
    bad = [one for one in colours if not re.fullmatch(r"#[0-9a-fA-F]{6}", one)]
    if bad or not len(colours):
        raise ValueError(f"Colours must be a list of texts like #3f90da; found {bad or 'none'}.")
    sections = {"ids": checks.whole_ids(ids)}
    count = len(sections["ids"])
    sections["cls"] = checks.codes("classes", classes, count, len(class_names), UNLABELLED)
    if colour == "markers" and markers is None:
        raise ValueError("A map without markers cannot be coloured by them.")
    if markers is not None:
        limit = min(len(marker_names) or len(MARKERS), len(MARKERS))
        sections["mk"] = checks.codes("markers", markers, count, limit, None)
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
    numbered = number_panels(panels, colour, count)
    sections |= numbered.sections
    header: dict[str, Any] = {
        "revision": digest("|".join([*names, *points]).encode()),
        "panels": [one | own for one, own in zip(described, numbered.of_panels, strict=True)],
        "classes": [str(name) for name in class_names],
        "colours": list(colours),
        "markers": [str(name) for name in marker_names],
        "marker_colours": list(colours),
        "unlabelled": UNLABELLED_COLOUR,
        "colour": colour if isinstance(colour, str) else "values",
        # most maps have one bar, or none; `bars` lists them all
        "scale": numbered.bars[0] if numbered.bars else None,
        "bars": numbered.bars,
    }
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
        "cell": None if panel.cell is None else [int(value) for value in panel.cell],
    }
