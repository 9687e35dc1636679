"""A page with one large latent map, for `benchmarks/latent_map.py`; the environment says how large.

POINTS and PANELS are numbers, RENDERER is what `latent_map` takes.
"""

import os

import numpy as np
import streamlit as st

from dashboard.components.latent_map import Panel, Sprites, latent_map, make_sprites
from dashboard.theme import CLASS_COLOURS

POINTS, PANELS = int(os.environ["POINTS"]), int(os.environ["PANELS"])


@st.cache_resource
def arrays() -> tuple[np.ndarray, list[np.ndarray], Sprites]:
    """Classes, one plane a panel, and 28 x 28 thumbnails that compress like drawings: all from seed 0."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 10, POINTS)
    angle = 0.2 * np.pi * classes
    centres = 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    planes = [(centres + 0.6 * rng.normal(size=(POINTS, 2))).astype(np.float32) for _ in range(PANELS)]
    pixels = rng.integers(0, 256, (POINTS, 1, 28, 28)).astype(np.uint8)
    pixels[rng.random(pixels.shape) < 0.7] = 0
    return classes, planes, make_sprites(pixels)


def page() -> None:
    """Draw the map."""
    st.set_page_config(layout="wide")
    classes, planes, sprites = arrays()
    latent_map(
        [
            Panel(id=str(k), title=f"Run {k + 1}", xy=xy, x_title="z 1", y_title="z 2")
            for k, xy in enumerate(planes)
        ],
        key="benchmark",
        ids=np.arange(POINTS),
        classes=classes,
        class_names=[str(k) for k in range(10)],
        colours=CLASS_COLOURS,
        sprites=sprites,
        view_key="benchmark",
        columns=4 if PANELS > 2 else 2,
        renderer=os.environ.get("RENDERER", "auto"),  # type: ignore[arg-type]
    )


page()
