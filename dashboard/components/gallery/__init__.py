"""A gallery of thumbnails that are chosen by a click or a key: small images as buttons, in the order of choice."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from PIL import Image

from dashboard.components import own_height

NAME = "vaescope_gallery"
WIDE = 1050
"""Pixels across for which room is kept before the browser says how wide the page is: those of a 1440 wide window."""
_WEB = Path(__file__).parent / "web"
SCRIPT = own_height.SCRIPT + (_WEB / "gallery.js").read_text(encoding="utf-8")
_COMPONENT = st.components.v2.component(
    NAME,
    html=(_WEB / "gallery.html").read_text(encoding="utf-8"),
    css=(_WEB / "gallery.css").read_text(encoding="utf-8"),
    js=SCRIPT,
)


class Pick(NamedTuple):
    """A click on a thumbnail."""

    id: int
    """Of the image"""
    click: int
    """Which click of this browser it was: tells a new one from one that was met before"""


def gallery(
    images: np.ndarray,
    *,
    ids: Sequence[int],
    names: Sequence[str],
    chosen: Sequence[int],
    key: str,
    label: str,
    side: int = 52,
) -> Pick | None:
    """Draw thumbnails as buttons; those chosen bear their number.

    Args:
        images: (N, C, H, W), C = 1 or 3; uint8, or floats in [0, 1].
        ids: N different whole numbers.
        names: N texts, for the tooltip and for screen readers.
        chosen: ids in the order of their numbers, from 1; those not among `ids` only take up a number.
        key: name of this gallery, unique on the page.
        label: what the whole gallery is, for screen readers.
        side: width of a thumbnail in CSS pixels.

    Returns:
        The last click, or None; a run may meet the same one again.

    Raises:
        ValueError: images, ids and names differ in number, or an id repeats.
    """
    if not len(images) == len(ids) == len(names) == len(set(ids)):
        raise ValueError(
            f"{len(images)} images need as many different ids and names, not {len(set(ids))} and {len(names)}."
        )
    numbers = {int(one): k + 1 for k, one in enumerate(chosen)}
    result = _COMPONENT(
        key=key,
        data={
            "label": label,
            "side": side,
            "sheet": _sheet(images) if len(images) else "",
            "items": [
                {"id": int(one), "name": name, "number": numbers.get(int(one), 0)}
                for one, name in zip(ids, names, strict=True)
            ],
        },
        height=_room(len(images), side=side),
        on_pick_change=_nothing,
    )
    return read_pick(result, ids)


def read_pick(result: Any, ids: Sequence[int]) -> Pick | None:
    """Read the click; what names no thumbnail is refused, because it comes from a browser."""
    event = getattr(result, "pick", None)
    if not isinstance(event, Mapping):
        return None
    one, click = event.get("id"), event.get("click")
    if not isinstance(one, int) or isinstance(one, bool) or one not in ids:
        return None
    return Pick(one, click if isinstance(click, int) else 0)


def _room(images: int, *, side: int) -> int:
    """Pixels down that the thumbnails will take on a wide page; on another one the script lets go of them."""
    each = side + 2 + 6  # border and gap, see gallery.css
    rows = -(-images // max(1, (WIDE + 6) // each))
    return max(1, rows) * each


def _nothing() -> None:
    """Stand in for a callback: pages read what is returned instead."""


def _sheet(images: np.ndarray) -> str:
    """All images below one another as one PNG, as the address that a style sheet takes."""
    pixels = images
    if images.dtype != np.uint8:
        pixels = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    rows = pixels.transpose(0, 2, 3, 1).reshape(-1, pixels.shape[3], pixels.shape[1])
    picture = Image.fromarray(np.ascontiguousarray(rows[..., 0] if rows.shape[-1] == 1 else rows))
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
