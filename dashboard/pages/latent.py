"""Latent space: where each image went, how even the p-value map is, and what every place decodes to."""

from typing import Any

import numpy as np
import streamlit as st

from dashboard import controls, gateway
from dashboard.components.latent_map import Events, Panel, latent_map
from dashboard.gateway import RunRecord
from dashboard.pages import _latent_cards as cards
from dashboard.pages import _latent_family as of_family
from dashboard.pages import _latent_manifold as manifold
from dashboard.pages import _latent_pairs as pairs
from dashboard.pages import _latent_projection as projection
from dashboard.pages import _latent_space3d as space3d
from dashboard.pages._latent_classes import under_every_class
from dashboard.pages._latent_view import View, describe_view, view_of

HOW_TO_READ = r"""
**Left, the latent plane.** Each point is an image, at the mean $\mu$ of its posterior $q(z \mid x)$, or at one seeded
sample $z = \mu + \sigma \varepsilon$ of it. Circles stand at 1, 2 and 3 standard deviations of the prior $N(0, I)$.

**Right, the p-value map** $\Phi(z) = \tfrac12\left(1 + \operatorname{erf}(z / \sqrt 2)\right)$, the normal CDF of each
dimension: the whole plane squeezed into the unit square. If the aggregate posterior is the prior, **samples** are
spread evenly here. Means are not: they lack the variance $E[\sigma^2]$ that sampling adds, so where $E[\sigma^2]$ is
small (0.01) both maps agree and uneven density is a real mismatch, and where it is large (0.3) only the samples say
something. For any beta above 0, $E[\mu^2] + E[\sigma^2]$ of the training images comes to 1 once training has converged
(at a small beta that takes very long), in a dead dimension too: it tells how far training is, and is no sign of a
match. The Kolmogorov-Smirnov distance is 0 for an even spread and 1 at worst.

**Below, the decoded manifold**: tile (row $r$, column $c$) of $n \times n$ is the decoder at
$\Phi^{-1}\left(\tfrac{c + 1/2}{n},\ 1 - \tfrac{r + 1/2}{n}\right)$, so a place on the p-value map and the same place on
the manifold are the same $z$.

**D** (distortion) is $-\log p(x \mid z)$ at one seeded draw, **R** (rate) is $KL(q(z \mid x)\,\|\,N(0, I))$, both
in nats per image; their sum, the negative ELBO, is better when lower.

**Colour by** a label, a split, or a number of each image: the bar says which, in which unit, and which direction is
better. Its ends are the 1 % and 99 % quantiles of the images shown; what lies beyond has the colour of the end.

**Over an empty place** the map shows the nearest tile of a lattice of 40 x 40 decoded places, evenly spread over the
p-value map, with the tile's own coordinates; the lattice is there a few seconds after the page. Beyond its outermost
tiles, at 2.24 standard deviations, the nearest tile of the border is shown and said to be one. A click decodes the
place itself.

**A conditional VAE** is told the label of each image, so it has a decoded manifold for each class: what is decoded at a
place has the class that is chosen above the maps, and an image's reconstruction has its own. Its latent space holds
what is left once the label is known; the same $z$ under every class shows what that is.

Drag to pan, Ctrl + wheel to zoom, Alt + drag for a box, Shift + drag for a lasso, a click on a point or on an empty
place to see what is there. With the keyboard: Tab to a map, arrows step from point to point, Enter opens one, Shift +
Enter adds it to the selection, Esc clears, + and - zoom, 0 shows all.
"""

SHAPES = {"pairs": pairs.draw, "projection": projection.draw, "space": space3d.draw}
"""Ways to look at more than two dimensions, beside the plane of two of them."""


def page() -> None:
    """Draw the page: choose, guard, compute, draw."""
    st.title("Latent space")
    records = controls.usable_runs(epochs=True)
    left, middle, right = st.columns([2.2, 1, 1.2])
    with left:
        record = controls.pick_run(records=records)
    with middle:
        colour = controls.pick_colour()
    with right:
        kept = controls.pick_selection(record)
    selection = controls.MapSelection(record, kept, page="latent")
    shape = _pick_shape(record)
    if shape in SHAPES:
        SHAPES[shape](record, colour, selection)
    else:
        _plane(record, colour, selection)
    of_family.draw(record)
    controls.how_to_read(HOW_TO_READ + (projection.HOW_TO_READ if record.config.latent > 2 else ""))


def _pick_shape(record: RunRecord) -> str:
    """Ask how to look at more than two dimensions; a 1-D or 2-D latent can be seen as it is."""
    if record.config.latent <= 2:
        return "plane"
    return controls.segmented(
        "View",
        {"plane": "Two dimensions", "pairs": "All pairs", "projection": "Projection", "space": "3-D"},
        key="shape",
        default="plane",
        help="Two latent dimensions, the most informative ones two by two, all of them projected to a plane, or three.",
    )


def _plane(record: RunRecord, colour: str, selection: controls.MapSelection) -> None:
    view = view_of(record, colour=colour)
    describe_view(record, view)
    if view.flat:
        manifold.densities(record, view)
    _maps(record, view, selection)


def _maps(record: RunRecord, view: View, selection: controls.MapSelection) -> None:
    drawn = manifold.prior_choice(record)
    place = cards.Place(record, view)
    decoded = place.surrounded()
    events = latent_map(
        _panels(view, drawn=drawn, marker=place.marker, decoded=decoded),
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
        view_key=view.key,
        columns=2,
        height=520,
        selected_ids=selection.begin(view.ids, key="latent-map"),
        report_selection=True,
    )
    selection.take(events, view.ids)
    _react(events, view, place)
    if view.data is not None:
        selection.panel(
            view.ids, key="latent-selected", origin="Selected on the map of the Latent space page."
        )
    left, right = st.columns(2, gap="large")
    with left:
        cards.point_card(record, view)
    with right:
        place.draw()
    if drawn is not None:
        manifold.prior_pictures(record, drawn, view.told)
    under_every_class(record, None if place.marker is None else view.in_space(place.marker, place.base()))
    if view.flat:
        manifold.line(record, view)
        controls.await_lattices([decoded])
        return
    if manifold.is_plane(record):
        manifold.plane_of_vectors(record, view, place)
        controls.await_lattices([decoded])
        return
    events = manifold.lattice_map(record, view, place, decoded)
    controls.await_lattices([decoded])
    if events.empty and place.move_to(manifold.LATTICE, events.empty["x"], events.empty["y"]):
        st.rerun()


def _panels(
    view: View,
    *,
    drawn: np.ndarray | None,
    marker: np.ndarray | None,
    decoded: controls.DecodedPlane | None,
) -> list[Panel]:
    planes = view.plane(view.coordinates)
    draws = None if drawn is None else view.plane(drawn)
    first, second = view.dimensions[0], view.dimensions[-1]
    rows = controls.class_rows(view.labels)
    frame = (controls.OWN_ROW - 0.5, len(view.class_names) - 0.5) if view.flat else None

    def panel(kind: str, title: str, axes: tuple[str, str], *, unit: bool, alt: str, **looks: Any) -> Panel:
        def place(plane: np.ndarray | None, heights: np.ndarray | None = None) -> np.ndarray | None:
            if plane is None:
                return None
            return view.on_panel(view.to_unit(plane) if unit else plane, rows=heights).astype(np.float32)

        cross = place(marker)
        return Panel(
            id=kind,
            title=title,
            xy=place(planes, rows),  # type: ignore[arg-type]
            x_title=axes[0],
            y_title=controls.CLASS_ROWS if view.flat else axes[1],
            draws=place(draws),
            marker=None if cross is None else (float(cross[0]), float(cross[1])),
            square=not view.flat,
            alt=alt,
            lattice=None if decoded is None else decoded.on(unit=unit),
            **looks,
        )

    axes = view.axis(first), view.axis(second)
    empty = (-4.0, 4.0, *(frame or (-4.0, 4.0)))
    return [
        panel(
            "latent",
            view.title,
            axes,
            unit=False,
            domain=None if len(planes) else empty,
            circles=(1.0, 2.0, 3.0) if view.contours else (),
            alt=f"Scatter of {len(planes)} images over {' and '.join(dict.fromkeys(axes))}, "
            f"coloured by {view.coloured_by}",
        ),
        panel(
            "p-values",
            view.p_title,
            (view.p_axis(first), view.p_axis(second)),
            unit=True,
            domain=(0.0, 1.0, *(frame or (0.0, 1.0))),
            alt=f"The same {len(planes)} images on the unit square, by the normal CDF of each coordinate",
        ),
    ]


def _react(events: Events, view: View, place: cards.Place) -> None:
    """Keep what was clicked; a click on an empty place moves the cross, so the map is drawn again."""
    if events.click:
        cards.remember_point(view, events.click["id"])
    if events.empty and place.move_to(events.empty["panel"], events.empty["x"], events.empty["y"]):
        st.rerun()
