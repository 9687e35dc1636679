"""What comes back from the browser: ids and coordinates, checked before a page sees them."""

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np


class Click(TypedDict):
    """A point was clicked: the panel in which, and the point's id."""

    panel: str
    id: int


class Place(TypedDict):
    """An empty place was clicked: the panel, and the place in its data coordinates."""

    panel: str
    x: float
    y: float


@dataclass(frozen=True, eq=False)
class Events:
    """What happened since the last run; each event is there for one run only.

    Attributes:
        click: the point that was clicked, or None.
        empty: the place beside the points that was clicked, or None.
        selection: uint32 ids that a box, lasso or click selected (empty when it was cleared), or None when
            the selection did not change or the page did not ask for it.
    """

    click: Click | None = None
    empty: Place | None = None
    selection: np.ndarray | None = None


def read_events(result: Any, *, revision: str, panels: tuple[str, ...], ids: np.ndarray) -> Events:
    """Read the component's triggers and refuse those that belong to other points.

    An event names the revision of the points that it was made on. When the points were replaced in the meantime,
    it is dropped; so is one that names an unknown panel or id, because it comes from a browser.

    Args:
        result: the component's result, with the attributes ``click``, ``empty`` and ``selection``.
        revision: the revision of the points of this run.
        panels: ids of the panels of this run.
        ids: uint32 (N,), the shared ids of this run.

    Returns:
        The events that apply to these points.
    """

    def current(name: str) -> Mapping[str, Any] | None:
        event = getattr(result, name, None)
        if not isinstance(event, Mapping) or event.get("revision", revision) != revision:
            return None
        if name != "selection" and event.get("panel") not in panels:
            return None
        return event

    return Events(
        click=_click(current("click"), ids),
        empty=_place(current("empty")),
        selection=_selection(current("selection"), ids),
    )


def _click(event: Mapping[str, Any] | None, ids: np.ndarray) -> Click | None:
    if event is None or not _is_number(event.get("id")) or not (ids == event["id"]).any():
        return None
    return {"panel": event["panel"], "id": int(event["id"])}


def _place(event: Mapping[str, Any] | None) -> Place | None:
    if event is None or not (_is_number(event.get("x")) and _is_number(event.get("y"))):
        return None
    return {"panel": event["panel"], "x": float(event["x"]), "y": float(event["y"])}


def _selection(event: Mapping[str, Any] | None, ids: np.ndarray) -> np.ndarray | None:
    if event is None or not isinstance(event.get("bits"), str):
        return None
    try:
        raw = base64.b64decode(event["bits"], validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != (len(ids) + 7) // 8:
        return None
    mask = np.unpackbits(np.frombuffer(raw, dtype=np.uint8), count=len(ids), bitorder="little")
    return ids[mask.astype(bool)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
