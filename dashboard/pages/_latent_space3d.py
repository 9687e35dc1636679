"""Three dimensions: three latent ones as they are, or a projection of all."""

from functools import partial

import numpy as np
import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.space import Colouring, space_3d
from dashboard.components.latent_map import Scale
from dashboard.components.space_clicks import space_clicks
from dashboard.gateway import Projection, RunRecord, Wanted
from dashboard.pages import _latent_cards as cards
from dashboard.pages import _latent_projection as projecting
from dashboard.pages._latent_view import Asked, View, count_of, kept_dimensions, numbered, view_of
from dashboard.theme import SPLIT_MARKERS

KEYS = {"sx": "First", "sy": "Second", "sz": "Third"}
NO_WEBGL = (
    "This browser has no WebGL, which a 3-D view needs: allow hardware acceleration in its settings, or choose All "
    "pairs or Projection above, which need none."
)


def draw(record: RunRecord, colour: str, selection: controls.MapSelection) -> None:
    """Draw the space, and the clicked image beside it."""
    asked: list[tuple[str, int, controls.Ranked]] = []

    def ask(ranked: controls.Ranked) -> Asked:
        own = record.config.latent == 3  # nothing to project to three
        method, seed = (
            ("dims", 0) if own else projecting.pick_method(key="axes", raw="Three latent dimensions")
        )
        asked.append((method, seed, ranked))
        return Asked(
            kept_dimensions(ranked),
            samples=method == "dims",
            contours=False,
            most=gateway.PROJECTED_POINTS,
            decodes=False,
        )

    view = view_of(record, colour=colour, ask=ask)
    method, seed, ranked = asked[0]
    made = None
    if method == "dims":
        chosen = _pick_three(ranked)
        xyz, axes, what = view.coordinates[:, chosen], [_axis(view, k) for k in chosen], view.title
    if view.data is None:
        st.caption("A 3-D view needs the images' latents, and so the images.")
        return
    if method != "dims":
        wanted = Wanted.of(view.splits, method, seed=seed, dimensions=3)
        made = projecting.need_projection(record, wanted, points=len(view.ids))
        if made is None:
            return
        xyz, axes = made.places, projecting.axis_names(made)
        what = f"{gateway.PROJECTIONS[method].title}: {projecting.BADGE}"
        projecting.describe(view, made, latent=record.config.latent)
    else:
        st.caption(
            f"{count_of(view.data)}, at most {gateway.PROJECTED_POINTS:,} are drawn. {view.title}, unprojected."
        )
    left, right = st.columns([3, 2], gap="large")
    with left:
        _figure(record, view, xyz, axes, selection, what=what, made=made)
    with right:
        cards.point_card(record, view)
    if len(selection.ids) > 1:
        selection.panel(view.ids, key="latent-selected", origin="Selected on the Latent space page.")


def _axis(view: View, dimension: int) -> str:
    """Name of a dimension, short enough for an axis that is seen at a slant."""
    if view.rates is None:
        return view.short(dimension)
    return f"{view.short(dimension)} (prior σ; R {view.rates[dimension]:.2f})"


def _pick_three(ranked: controls.Ranked) -> list[int]:
    """Ask for three different dimensions; the most telling ones are the default."""
    names, chosen = numbered(ranked), []
    for column, (key, label) in zip(st.columns(3), KEYS.items(), strict=True):
        rest = {k: name for k, name in names.items() if k not in chosen}
        with column:
            chosen.append(controls.select(label, rest, key=key, default=next(iter(rest)), help=ranked.help))
    return [int(k) - 1 for k in chosen]


def _figure(
    record: RunRecord,
    view: View,
    xyz: np.ndarray,
    axes: list[str],
    selection: controls.MapSelection,
    *,
    what: str,
    made: Projection | None,
) -> None:
    assert view.data is not None
    splits = np.array([gateway.SPLIT_CODES[code] for code in view.data.splits.tolist()])
    scale = view.colour if isinstance(view.colour, Scale) else None
    markers = " and ".join(f"{SPLIT_MARKERS[split]}s are {split} images" for split in view.splits)
    kind = "latent" if made is None else f"{made.method}-{made.seed}"
    drawing = space_3d(
        xyz,
        labels=view.labels,
        class_names=view.class_names,
        splits=splits,
        rows=view.data.latents.ids,
        ids=view.ids,
        axes=axes,
        title=what,
        subtitle=f"{len(xyz):,} points, coloured by {view.coloured_by}; {markers}",
        uirevision=f"{record.id}|{kind}|{'|'.join(axes)}",
        dark=controls.is_dark(),
        by_split=view.colour == "markers",
        colouring=None
        if scale is None
        else Colouring(scale.values, scale.described()["title"], scale.low, scale.high),
        marked=cards.chosen_row(view),
        selected=np.flatnonzero(np.isin(view.ids, selection.ids)),
    )
    with st.container(gap=None):
        controls.figure(
            drawing,
            key="space",
            filename=f"{record.id}-3d-{kind}",
            frame=partial(projecting.frame_of, view, xyz, names=axes),
            alt=f"{len(xyz)} images in three dimensions: {', '.join(axes)}",
            keep_view=True,
        )
        clicked = space_clicks("space-clicks", without_webgl=NO_WEBGL)
    if clicked is not None and clicked in view.ids and clicked != cards.chosen_id():
        cards.remember_point(view, clicked)
        st.rerun()
    st.caption(
        "Drag to turn, drag with the right button to move, click a point to open its image; the buttons at the "
        "figure's corner zoom, and bring the first view back. Rings: what is selected, on a map or by a kept selection."
    )
