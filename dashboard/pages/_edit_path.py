"""Interpolation on the Edit page: a path through the chosen images, as a strip and as a film."""

import numpy as np
import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.images import enlarge, image_frame, rows_png
from dashboard.pages._edit_images import TILE, Images

FILM = 192
"""Side of the film, in pixels, about"""


def interpolation(images: Images) -> None:
    """Decode a straight or spherical path through the chosen images."""
    st.subheader("Interpolation")
    if len(images.rows) < 2:
        st.caption(
            "Choose two images or more: the path leads from the first to the last, through all others."
        )
        return
    record = images.record
    spherical, steps = _choose(images)
    stops = images.z(images.rows)
    z = gateway.path(stops, steps=steps, spherical=spherical, centre=images.centre, spread=images.spread)
    positions = gateway.film_positions(len(images.rows), steps=steps)
    # a frame has the class of the nearer image, of two equally near ones the later
    decoded = gateway.decode(record, z, images.told(images.rows)[np.floor(positions + 0.5).astype(int)])
    ways = range(len(images.rows) - 1)
    parts = [decoded[k * steps : (k + 1) * steps + 1] for k in ways]
    frame = image_frame(decoded, ids=np.arange(1, len(decoded) + 1)).rename(columns={"image": "frame"})
    frame.insert(1, "position", np.repeat(positions + 1, len(frame) // len(decoded)))
    words = "a spherical" if spherical else "a straight"
    name = f"{record.id}-{'spherical' if spherical else 'straight'}-{'-'.join(map(str, images.rows))}"
    controls.picture(
        rows_png(
            parts,
            labels=[f"{k + 1} to {k + 2}" for k in ways],
            gap=3,
            scale=enlarge(decoded.shape[-1], to=TILE),
        ),
        key="edit-strip",
        filename=name,
        caption=f"{len(decoded)} frames on {words} path: each row leads from one chosen image to the next, both "
        f"decoded at the {'mean' if images.latents.log_variances is not None else 'code'}. {_told_words(images)}"
        f"{lengths(images, z)}",
        alt=f"{len(decoded)} decoded images on {words} path through {len(images.rows)} images",
        frame=frame,
    )
    controls.say_impossible(record, z)
    _film(decoded, name)


def _told_words(images: Images) -> str:
    """Say as which class frames are decoded, where the run is told one."""
    if not gateway.needs_labels(images.record):
        return ""
    if images.fixed is None:
        return "Each frame is decoded as the class of the nearer image. "
    return f"Each frame is decoded{images.told_words(images.rows[0])}. "


def _choose(images: Images) -> tuple[bool, int]:
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        way = controls.segmented(
            "Path",
            {"straight": "Straight", "spherical": "Spherical"},
            key="path",
            default="straight",
            help="Spherical: the direction turns at constant speed along a great circle around the origin (of codes: "
            "around their average, in standard deviations), and the length changes evenly.",
        )
    with right:
        steps = controls.number("Steps from image to image", key="steps", default=8, low=1, high=30)
    if way == "spherical" and images.record.config.latent == 1:
        st.caption("One dimension has no circle to turn along: the spherical path is the straight one.")
    return way == "spherical", steps


def lengths(images: Images, z: np.ndarray) -> str:
    """How far the frames stand from the origin, against what the prior makes likely."""
    far = np.linalg.norm((z - images.centre) / images.spread, axis=1)
    if images.latents.log_variances is None:
        return (
            f"The frames stand {far.min():.2f} to {far.max():.2f} standard deviations from the average code."
        )
    usual = np.sqrt(z.shape[1])
    return (
        f"The frames stand {far.min():.2f} to {far.max():.2f} prior standard deviations from the origin; draws from "
        f"the prior stand {usual:.2f} away, in root mean square."
    )


def _film(decoded: np.ndarray, name: str) -> None:
    show, choices = st.columns([1, 2], gap="large", vertical_alignment="center")
    with choices:
        pace = controls.number(
            "Milliseconds a frame",
            key="pace",
            default=100,
            low=20,
            high=2000,
            step=20,
            help="A GIF counts in tens.",
        )
        back = controls.toggle(
            "There and back", key="back", default=True, help="So that the loop never jumps."
        )
        film = gateway.film_gif(
            decoded,
            milliseconds=pace,
            there_and_back=back,
            scale=enlarge(decoded.shape[-1], to=FILM),
        )
        st.download_button(
            "Film (GIF)",
            data=film,
            file_name=f"{name}.gif",
            mime="image/gif",
            key="gif-edit-film",
            on_click="ignore",
            icon=":material/animated_images:",
            type="tertiary",
        )
    with show:
        st.image(film, alt=f"The {len(decoded)} frames as a film", caption="The same frames as a film.")
