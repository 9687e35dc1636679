"""What surrounds the decoded place on the Latent space page: the densities there, and the nearest training images."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.images import image_grid
from dashboard.gateway import RunRecord
from dashboard.pages._latent_view import View

NEAREST = 8
TILE = 48
"""Side of a neighbour, in pixels, about"""


def surroundings(record: RunRecord, view: View, z: np.ndarray) -> None:
    """Say how dense aggregate posterior and prior are at z (L,), and show the training images nearest to it."""
    controls.say_impossible(record, z)
    if not gateway.latents_ready(record, "train"):
        st.caption("The density there and the nearest training images need the training images' latents.")
        # a large set takes a while to encode: only when asked for
        if not gateway.has_images(record) or not st.button("Encode the training images", key="place-encode"):
            return
        controls.need_latents(record, ("train",))
    stored = gateway.latents(record, "train")
    _densities(record, z)
    rows, distances = gateway.nearest_rows(record, "train", z, k=NEAREST)
    labels = stored.labels[rows]
    names = [view.class_names[label] if label >= 0 else "no label" for label in labels.tolist()]
    unit = "prior standard deviations" if view.what != "code" else "standard deviations of the codes"
    what = "codes" if view.what == "code" else "means"
    words = (
        f"The {len(rows)} training images whose {what} are nearest in the latent space, {distances[0]:.3f} to "
        f"{distances[-1]:.3f} {unit} away. Labels: {controls.plain(', '.join(names))}."
    )
    if gateway.has_images(record):
        pixels = gateway.originals(record, [gateway.map_id("train", int(one)) for one in stored.ids[rows]])
        png = image_grid(pixels, columns=NEAREST, gap=3, scale=max(1, round(TILE / pixels.shape[-1])))
        st.image(
            png,
            width=controls.width_of(png),
            alt=f"The {len(rows)} training images nearest to the place",
            caption=words,
        )
    else:
        st.caption(words)
    table = pd.DataFrame({"train_image": stored.ids[rows], "label": names, "distance": distances})
    controls.download_csv(
        table, filename=f"{record.id}-place-nearest", key="place-nearest", label="Nearest (CSV)"
    )


def _densities(record: RunRecord, z: np.ndarray) -> None:
    found = gateway.densities_at(record, "train", z)
    if found is None:
        st.caption(
            "Densities do not apply: a run without a posterior has no aggregate posterior and no prior."
        )
        return
    aggregate, prior = found
    log_ratio = aggregate - prior
    ratio = f"{np.exp(log_ratio):.3g}" if abs(log_ratio) < 20 else f"e to the {log_ratio:.0f}"
    st.caption(
        f"Log density there, in nats (higher is denser): aggregate posterior of the training images {aggregate:.2f}, "
        f"prior {prior:.2f}. Their ratio is {ratio}: 1 is a match, more means more images there than the prior expects."
    )
