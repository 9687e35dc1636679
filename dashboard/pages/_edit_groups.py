"""The two groups of images whose difference is an attribute vector, and how kept selections give them."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import controls, gateway
from dashboard.gateway import Selection
from dashboard.pages._edit_images import Images

REST = "rest"
"""Value of the choice of all images that are not in the selection"""


@dataclass(frozen=True, eq=False)
class Groups:
    """The images that have an attribute and those that lack it, as rows of the split's latents."""

    having: np.ndarray
    lacking: np.ndarray
    name: str
    """What the vector leads to and from, as in '3 minus 5'"""
    target: int | None
    """The label that it leads to; None where those that have it bear none"""


def of_selections(images: Images, left: DeltaGenerator, right: DeltaGenerator) -> Groups | None:
    """Ask for a kept selection to go to, and one, or all other images, to come from; says why where it is None."""
    all_places = {one.id: _places(images, one) for one in gateway.selections_of(images.record)}
    kept = [one for one in gateway.selections_of(images.record) if len(all_places[one.id])]
    if not kept:
        st.info(
            f"No kept selection has {images.split} images of this run's data. Make one from a query on the Selections "
            "page, or on a map with a lasso; the images below are taken instead.",
            icon=":material/info:",
        )
        return None
    names = {one.id: f"{one.name} ({len(all_places[one.id]):,} {images.split} images)" for one in kept}
    by_id = {one.id: one for one in kept}
    with left:
        having = controls.select("To the average of", names, key="tosel", default=kept[0].id)
    with right:
        others = {key: name for key, name in names.items() if key != having} | {REST: "all other images"}
        lacking = controls.select("From the average of", others, key="fromsel", default=REST)
    there = all_places[having]
    rest = np.setdiff1d(np.arange(len(images.latents)), there)
    start = rest if lacking == REST else all_places[lacking]
    if not len(start):
        st.info(
            "The selection holds all images of the split, so no other image is left to come from: choose another one.",
            icon=":material/info:",
        )
        return None
    own = images.latents.labels[there]
    counts = np.bincount(own[own >= 0]) if (own >= 0).any() else np.zeros(0, np.int64)
    return Groups(
        having=there,
        lacking=start,
        name=f"the average of {by_id[having].name} minus that of "
        f"{'all other images' if lacking == REST else by_id[lacking].name}",
        target=int(counts.argmax()) if len(counts) else None,
    )


def _places(images: Images, selection: Selection) -> np.ndarray:
    """Places of a selection's images among the latents of the split that is edited."""
    # training and validation images are rows of one source, which each run divides in its own way
    sources = ("test",) if images.split == "test" else ("train", "validation")
    rows = [row for split in sources for row in selection.rows.get(split, ())]
    return np.flatnonzero(np.isin(images.latents.ids, np.asarray(rows, np.int64)))
