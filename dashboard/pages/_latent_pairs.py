"""All pairs: the most informative latent dimensions two by two, one panel a pair, marked alike."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import streamlit as st

from dashboard import controls, gateway, state
from dashboard.components.latent_map import Panel, latent_map
from dashboard.gateway import RunRecord
from dashboard.pages import _latent_cards as cards
from dashboard.pages._latent_view import (
    Asked,
    View,
    count_of,
    keep_dimensions,
    kept_dimensions,
    numbered,
    view_of,
)

MOST = 5
"""Dimensions at most: ten panels, and few runs use more"""
EMPTY = (-4.0, 4.0, -4.0, 4.0)
"""What a panel without points shows"""


def draw(record: RunRecord, colour: str, selection: controls.MapSelection) -> None:
    """Draw the pairs, the clicked image, and the place that was clicked in one of them."""
    chosen: list[int] = []
    ranks: list[controls.Ranked] = []

    def ask(ranked: controls.Ranked) -> Asked:
        counts = {str(m): str(m) for m in range(3, min(MOST, len(ranked.names)) + 1)}
        count = controls.segmented(
            "Dimensions", counts, key="pairs", default=list(counts)[min(1, len(counts) - 1)], help=ranked.help
        )
        chosen.extend(int(key) - 1 for key in list(numbered(ranked))[: int(count)])
        ranks.append(ranked)
        return Asked(kept_dimensions(ranked))

    view = view_of(record, colour=colour, ask=ask)
    st.caption(_words(view, chosen))
    place = cards.Place(record, view)
    events = latent_map(
        [
            _panel(view, chosen, one, other, place.marker)
            for one, other in combinations(range(len(chosen)), 2)
        ],
        key="latent-map",
        ids=view.ids,
        classes=view.classes,
        class_names=view.class_names,
        colours=view.colours,
        markers=view.markers,
        marker_names=view.splits,
        marker_title="split",
        colour=view.colour,
        sprites=controls.sprites(record, view.data) if view.data and view.has_images else None,
        id_bits=gateway.ROW_BITS,
        view_key=f"{record.id}:{view.what}:pairs:{chosen}",
        columns=len(chosen) - 1,
        height=360,
        selected_ids=selection.begin(view.ids, key="latent-map"),
        report_selection=True,
    )
    selection.take(events, view.ids)
    if events.click:
        cards.remember_point(view, events.click["id"])
    if events.empty:
        pair = dict(_pairs(chosen))[events.empty["panel"]]
        keep_dimensions(ranks[0], *pair)
        there = cards.Place(record, replace(view, dimensions=pair))
        moved = there.move_to("latent", events.empty["x"], events.empty["y"])
        if moved or pair != view.dimensions:
            st.rerun()
    if view.data is not None:
        selection.panel(
            view.ids, key="latent-selected", origin="Selected on the pairs of the Latent space page."
        )
    left, right = st.columns(2, gap="large")
    with left:
        cards.point_card(record, view)
    with right:
        place.draw(lattice=False)
        if st.button(f"Show {view.short(view.dimensions[0])} and {view.short(view.dimensions[1])} alone"):
            state.put("shape", "plane")
            st.rerun()


def _pairs(chosen: list[int]) -> list[tuple[str, tuple[int, int]]]:
    """Name of each panel, and the dimensions (across, up) that it shows."""
    return [(f"pair-{a + 1}-{b + 1}", (a, b)) for a, b in combinations(chosen, 2)]


def _panel(view: View, chosen: list[int], one: int, other: int, marker: np.ndarray | None) -> Panel:
    """The panel in the row of the dimension upwards and the column of the one across: a lower triangle."""
    across, up = chosen[one], chosen[other]
    name = f"{view.short(across)} and {view.short(up)}"
    rates = ""
    if view.rates is not None:
        rates = f", R {view.rates[across]:.2f} and {view.rates[up]:.2f} nats"
    here = marker is not None and (across, up) == view.dimensions
    return Panel(
        id=f"pair-{across + 1}-{up + 1}",
        title=name + rates,
        xy=view.coordinates[:, [across, up]].astype(np.float32),
        x_title=view.axis(across),
        y_title=view.axis(up),
        domain=None if len(view.ids) else EMPTY,
        circles=(1.0, 2.0, 3.0) if view.contours else (),
        marker=(float(marker[0]), float(marker[1])) if here and marker is not None else None,
        alt=f"Scatter of {len(view.ids)} images over {name}, coloured by {view.coloured_by}",
        cell=(other - 1, one),
    )


def _words(view: View, chosen: list[int]) -> str:
    """Say what is shown, and how much of the information is in it."""
    words = "No points without the images." if view.data is None else f"{count_of(view.data)}."
    names = ", ".join(view.short(k) for k in chosen)
    if view.rates is None:
        return f"{words} Dimensions {names}, two by two."
    return (
        f"{words} {names} hold {view.rates[chosen].sum():.2f} of the {view.rates.sum():.2f} nats per image that all "
        f"{len(view.rates)} dimensions hold on average. Every panel marks the same images; a click on an empty place "
        "decodes it."
    )
