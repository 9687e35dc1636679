"""A film of points: where a fixed set of images lies after each recorded epoch, played in the browser.

A component of its own, because Plotly draws 2,000 points anew too slowly to be played, and forgets its place when newer
epochs come. All epochs are sent once; slider, play button and legend need no rerun.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.components import own_height
from dashboard.components.latent_map.payload import pack
from dashboard.theme import UNLABELLED_COLOUR, class_colour

NAME = "vaescope_film"
HEIGHT = 440
"""Of the drawing at most, in pixels"""
ROOM = 150
"""What stands above and below it, about"""
MOST_BYTES = 10_000_000
"""Of the frames that are sent; of more, every second, third, ... is"""
EDGE = 0.04
"""Share of a range that is left free at each of its ends"""

_WEB = Path(__file__).parent / "web"
_PAYLOAD = Path(__file__).parents[1] / "latent_map" / "web" / "payload.js"
SCRIPT = "\n".join(
    [own_height.SCRIPT, *(path.read_text(encoding="utf-8") for path in (_PAYLOAD, _WEB / "film.js"))]
)
_COMPONENT = st.components.v2.component(
    NAME,
    html=(_WEB / "film.html").read_text(encoding="utf-8"),
    css=(_WEB / "film.css").read_text(encoding="utf-8"),
    js=SCRIPT,
)


def thinned(epochs: int, points: int) -> np.ndarray:
    """Which of so many frames are sent, the last one always: all, unless they are more than `MOST_BYTES`."""
    most = max(2, MOST_BYTES // (8 * max(1, points)))
    step = -(-epochs // most)
    return np.arange(epochs - 1, -1, -step)[::-1]


def film(
    frames: np.ndarray,
    *,
    epochs: np.ndarray,
    of_epochs: int,
    labels: np.ndarray,
    class_names: Sequence[str],
    titles: tuple[str, str],
    key: str,
    subject: str,
    alt: str,
    equal: bool = True,
    marked: bool = True,
) -> None:
    """Draw the points of each epoch on the axes that hold all of them; of one epoch there is nothing to play.

    Args:
        frames: (E, n, 2) positions; a point that is not finite is left out.
        epochs: (E,) ascending.
        of_epochs: that the whole run has.
        labels: (n,) class indices, -1 = none.
        class_names: names of the classes.
        titles: of the two axes, with their units.
        key: name of the film, unique on the page.
        subject: place, hidden classes and axes are kept as long as this stays the same.
        alt: a sentence for people who cannot see it.
        equal: whether both axes have one unit, and so one scale.
        marked: whether the values of the second axis mean something.
    """
    kept = thinned(len(epochs), frames.shape[1])
    frames = np.ascontiguousarray(frames[kept], np.float32)
    known = np.where((labels >= 0) & (labels < len(class_names)), labels, len(class_names))
    count = np.bincount(known, minlength=len(class_names) + 1)
    header = {
        "of": subject,
        "epochs": [int(one) for one in epochs[kept]],
        "of_epochs": int(of_epochs),
        "ranges": [_range(frames[..., axis]) for axis in range(2)],
        "titles": list(titles),
        "equal": equal,
        "marked": marked,
        "classes": [*class_names, "no label"],
        "colours": [*(class_colour(k) for k in range(len(class_names))), UNLABELLED_COLOUR],
        "present": [bool(one) for one in count],
        "alt": alt,
        "height": HEIGHT,
    }
    _COMPONENT(
        key=key,
        data=pack(header, {"frames": frames, "labels": known.astype(np.uint32)}),
        height=HEIGHT + ROOM,
    )


def _range(values: np.ndarray) -> list[float]:
    """Lowest and highest of the finite values, with an edge."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (-1.0, 1.0)
    edge = EDGE * (high - low) or 1.0
    return [low - edge, high + edge]
