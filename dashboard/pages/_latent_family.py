"""What some families alone have to show under the maps: units of a sparse code, images before and after denoising."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.activations import activation_figure, activation_frame
from dashboard.charts.images import image_frame, image_grid, signed_colours
from dashboard.gateway import RunRecord, VAEScopeError

COLUMNS = 10
"""Images in a row, of units and of examples"""
ATOM_PIXELS = 48
"""Side of a unit's picture, about: pictures are enlarged by whole factors"""


def draw(record: RunRecord) -> None:
    """Draw what this run's family has; nothing of others."""
    row = gateway.FAMILIES[record.config.family]
    try:
        if "sparsity" in row.terms:
            _units(record)
        if row.noise == "pixels" and gateway.has_images(record):
            _denoised(record)
    except VAEScopeError as error:
        st.error(str(error))


def _units(record: RunRecord) -> None:
    st.subheader("Units of the code")
    if gateway.latents_ready(record, "test"):
        codes = gateway.latents(record, "test").means
        controls.figure(
            activation_figure(codes, target=record.config.sparsity_target, dark=controls.is_dark()),
            key="activations",
            filename=f"{record.id}-activations",
            frame=activation_frame(codes),
            alt=f"Share of activations at each height over {len(codes)} test images; mean {codes.mean():.3f}",
        )
    atoms = gateway.atoms(record)
    limit = float(np.abs(atoms).max())
    unit = "logits" if record.config.likelihood == "bernoulli" else "pixel values"
    one_layer = "" if record.config.hidden else ", a column of the decoder"
    st.caption(
        f"What each of the {len(atoms)} units adds to an image when it goes from 0 to 1 and all others are 0"
        f"{one_layer}: red brighter, blue darker, white nothing; full colour is {limit:.3g} {unit}."
    )
    scale = max(1, round(ATOM_PIXELS / atoms.shape[-1]))
    colours = signed_colours(atoms, limit=limit or 1.0)
    st.image(
        image_grid(colours, columns=COLUMNS, numbers=True, gap=6, scale=scale),
        alt=f"What each of {len(atoms)} units adds to an image",
    )
    controls.download_csv(lambda: image_frame(atoms), filename=f"{record.id}-units", key="units")


def _denoised(record: RunRecord) -> None:
    st.subheader("Clean, noisy, denoised")
    found = gateway.denoised(record, gateway.example_ids(record, COLUMNS))
    said = [
        "equal to the clean ones" if value is None else f"{value:.2f} dB"
        for value in (found.psnr_noisy, found.psnr_denoised)
    ]
    st.caption(
        f"{len(found.clean)} test images, with {gateway.corruption_words(record)} (seed 0), and as the run "
        f"reconstructs them from that. PSNR against the clean ones, higher is better: noisy {said[0]}, "
        f"denoised {said[1]}."
    )
    rows = {"clean": found.clean, "noisy": found.noisy, "denoised": found.denoised}
    scale = max(1, round(ATOM_PIXELS / found.clean.shape[-1]))
    for name, images in rows.items():
        st.image(
            image_grid(images, columns=COLUMNS, gap=6, scale=scale),
            caption=name.capitalize(),
            alt=f"The same {len(images)} images, {name}",
        )

    def table() -> pd.DataFrame:
        parts = [image_frame(images).assign(shown_as=name) for name, images in rows.items()]
        return pd.concat(parts, ignore_index=True)

    controls.download_csv(table, filename=f"{record.id}-denoised", key="denoised")
