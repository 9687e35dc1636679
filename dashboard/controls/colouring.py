"""What the colours of a map mean: labels, splits, or a number of each image."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import streamlit as st

from dashboard import gateway
from dashboard.components.latent_map import Scale, make_scale
from dashboard.controls.choices import select
from dashboard.controls.words import plain
from dashboard.gateway import Latents, MapData, RunRecord

Colour = Scale | Literal["classes", "markers"]

COLOUR_SCORES = {"d": "distortion", "r": "rate", "elbo": "negative_elbo"}
"""Value of the choice -> name of the score."""
CHOICES = {
    "label": "Label",
    **{key: gateway.SCORES[name].title for key, name in COLOUR_SCORES.items()},
    "split": "Split",
}


def pick_colour(more: Mapping[str, str] | None = None, *, width: int | Literal["stretch"] = "stretch") -> str:
    """Choose what the colours of a map mean: 'label', 'd', 'r', 'elbo', 'split', or one of `more` {value: text}."""
    return select(
        "Colour by",
        {**CHOICES, **(more or {})},
        key="colour",
        default="label",
        help="D, R and their sum are those of each image, in nats, at one seeded draw of z. The bar's ends are the 1 % "
        "and 99 % quantiles of the images shown.",
        width=width,
    )


def colour_of(
    record: RunRecord,
    data: MapData | None,
    chosen: str,
    *,
    among: Sequence[Latents] = (),
    among_name: str = "all runs",
) -> Colour:
    """Turn the choice into what the map draws; says so where a run does not have the number.

    Args:
        record: the run.
        data: its points, None where there are none.
        chosen: what `pick_colour` returned.
        among: latents of all runs that share one scale, so that equal colours are equal numbers.
        among_name: what these runs are called.
    """
    if data is None or chosen == "label":
        return "classes"
    if chosen == "split":
        return "markers"
    score = gateway.SCORES[COLOUR_SCORES[chosen]]
    values = per_image(data.latents, COLOUR_SCORES[chosen])
    if values is None:
        st.caption(
            f"{score.title} does not apply: family {plain(record.config.family)} has no posterior, and so no rate. "
            "The points are coloured by label."
        )
        return "classes"
    pool = [one for each in among if (one := per_image(each, COLOUR_SCORES[chosen])) is not None]
    return make_scale(
        values,
        name=score.title,
        unit=score.unit,
        direction=score.direction,
        among=np.concatenate(pool) if pool else None,
        among_name=among_name,
    )


def per_image(latents: Latents, name: str) -> np.ndarray | None:
    """'distortion', 'rate' or 'negative_elbo' of each image: (N,) float64, nats; None where it does not apply."""
    distortion = latents.distortion.astype(np.float64)
    if name == "distortion":
        return distortion
    if latents.rate is None:
        return None
    rate = latents.rate.astype(np.float64)
    return rate if name == "rate" else distortion + rate
