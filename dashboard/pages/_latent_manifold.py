"""What the decoder makes of the plane: the lattice, draws from the prior, and the case of one dimension."""

import secrets
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import controls, gateway, state
from dashboard.charts.decoded_points import decoded_frame, decoded_points
from dashboard.charts.density import density_1d, density_frame
from dashboard.charts.images import enlarge, image_frame, image_grid, lattice_png
from dashboard.components.latent_map import Events, Panel, latent_map
from dashboard.gateway import RunRecord
from dashboard.pages._latent_cards import Place
from dashboard.pages._latent_view import View

LATTICE = "manifold"


def prior_choice(record: RunRecord) -> np.ndarray | None:
    """Ask for draws from the prior: (k, L) float32, or None where none are wanted, or there is no prior."""
    if not gateway.FAMILIES[record.config.family].has_posterior:
        return None
    on, count, seed, fresh = st.columns([1.4, 1, 1, 1], vertical_alignment="bottom")
    with on:
        wanted = controls.toggle(
            "Draw from the prior",
            key="prior",
            help="k numbered draws z ~ N(0, I) over both maps, and what they decode to.",
        )
    if not wanted:
        return None
    with count:
        k = controls.number("Draws k", key="k", default=12, low=1, high=100)
    with fresh:
        if st.button("New seed", icon=":material/casino:", width="stretch"):
            state.put("seed", secrets.randbelow(100_000))
    with seed:
        chosen = controls.number("Seed", key="seed", default=0, low=0, high=99_999)
    return gateway.prior_draws(k, latent=record.config.latent, seed=chosen)


def prior_pictures(record: RunRecord, drawn: np.ndarray, told: int | None) -> None:
    """Draw the images of the draws, numbered as on the maps."""
    st.subheader("Draws from the prior")
    images = gateway.decode(record, drawn, told)
    frame = pd.DataFrame(drawn, columns=[f"z {k + 1}" for k in range(drawn.shape[1])])
    frame.insert(0, "number", np.arange(1, len(drawn) + 1))
    controls.picture(
        image_grid(images, columns=12, numbers=True, gap=4, scale=enlarge(images.shape[-1], to=84)),
        key="prior",
        filename=f"{record.id}-prior-draws",
        caption=f"{len(drawn)} draws z ~ N(0, I), decoded{controls.class_words(record, told)}, in the order of their "
        "numbers on the maps.",
        alt=f"{len(drawn)} images decoded from the prior",
        frame=frame,
    )


def tiles(record: RunRecord, view: View, place: Place | None, n: int) -> np.ndarray:
    """Decode the lattice of the view: (n, n, C, H, W), row 0 at the top."""
    return gateway.lattice(
        record,
        n,
        dimensions=(view.dimensions[0], view.dimensions[-1]),
        base=(np.zeros(record.config.latent) if place is None else place.base()),
        centre=view.centre,
        spread=view.spread,
        label=view.told,
    )


def _say_impossible(record: RunRecord, view: View, place: Place | None, n: int) -> None:
    """Say where tiles stand at codes that no image has: the corners of the lattice have its extreme ones."""
    ends = np.repeat([[0.5 / n], [1 - 0.5 / n]], len(view.dimensions), axis=1)
    base = np.zeros(record.config.latent) if place is None else place.base()
    controls.say_impossible(record, view.in_space(view.from_unit(ends), base))


def lattice_map(record: RunRecord, view: View, place: Place, decoded: controls.DecodedPlane | None) -> Events:
    """Draw the decoded manifold on the unit square of the p-value map; clicks on a tile are events."""
    st.subheader("Decoded manifold")
    left, right = st.columns([1, 3], vertical_alignment="bottom")
    with left:
        n = controls.number("Tiles a side", key="n", default=20, low=2, high=40)
    with right:
        points = controls.toggle("Show the points over it", key="over", help="The points of the p-value map.")
    images = tiles(record, view, place, n)
    _say_impossible(record, view, place, n)
    shown = points and view.data is not None
    marker = None if place.marker is None else view.to_unit(place.marker)
    planes = view.to_unit(view.plane(view.coordinates)) if shown else np.zeros((0, 2))
    if view.told is not None:
        st.caption(f"Every tile is decoded{controls.class_words(record, view.told)}.")
    events = latent_map(
        [
            Panel(
                id=LATTICE,
                title=f"Decoder at the middles of {n} x {n} cells of the p-value map",
                xy=planes.astype(np.float32),
                x_title=view.p_axis(view.dimensions[0]),
                y_title=view.p_axis(view.dimensions[1]),
                domain=(0.0, 1.0, 0.0, 1.0),
                image=lattice_png(images),
                marker=None if marker is None else (float(marker[0]), float(marker[1])),
                alt=f"{n} x {n} decoded images over the unit square of p-values",
                lattice=None if decoded is None else decoded.on(unit=True),
            )
        ],
        key="manifold",
        ids=view.ids if shown else np.zeros(0, np.uint32),
        classes=view.classes if shown else np.zeros(0, np.uint8),
        class_names=view.class_names,
        colours=view.colours,
        markers=view.markers if shown else np.zeros(0, np.uint8),
        marker_names=view.splits,
        marker_title="split",
        colour=view.colour if shown else "classes",
        sprites=controls.sprites(record, view.data) if shown and view.has_images and view.data else None,
        id_bits=gateway.ROW_BITS,
        view_key=f"{view.key}:{n}",
        columns=1,
        height=760,
    )
    grid = images.reshape(n * n, *images.shape[2:])
    controls.download_csv(
        image_frame(grid), filename=f"{record.id}-manifold", key="manifold", label="Pixels of all tiles (CSV)"
    )
    return events


def is_plane(record: RunRecord) -> bool:
    """Whether a run's data are vectors of two values, which can be drawn as points."""
    assert record.document is not None
    return record.document.data.kind == "vector" and record.document.data.shape[-1] == 2


def plane_of_vectors(record: RunRecord, view: View, place: Place) -> None:
    """Draw the decoded lattice as points among the data: decoding gives a place, and no image."""
    st.subheader("Decoded manifold")
    with st.container(width=220):
        n = controls.number("Places a side", key="n", default=20, low=2, high=40)
    decoded = tiles(record, view, place, n)[:, :, 0, 0]
    _say_impossible(record, view, place, n)
    columns = gateway.value_names(record)
    points = np.zeros((0, 2), np.float32)
    if view.data is not None and view.has_images:
        points = gateway.originals_of_map(record, view.data)[:, 0, 0]
    chosen = None
    if place.marker is not None:
        z = view.in_space(place.marker, place.base())[None].astype(np.float32)
        chosen = gateway.decode(record, z, view.told)[0, 0, 0]
    controls.figure(
        decoded_points(
            decoded,
            points,
            view.labels if len(points) else np.zeros(0, np.int64),
            class_names=view.class_names,
            columns=columns,
            place=chosen,
            dark=controls.is_dark(),
        ),
        key="decoded-points",
        filename=f"{record.id}-decoded",
        frame=partial(decoded_frame, decoded, columns),
        alt=f"{n} x {n} decoded places as a net over the points of the data",
    )


def densities(record: RunRecord, view: View) -> None:
    """Draw a 1-D latent: value on x, density a class."""
    if view.data is None:
        return
    values = view.plane(view.coordinates)
    for column, p_values in zip(st.columns(2), (False, True), strict=True):
        shown = (view.to_unit(values) if p_values else values)[:, 0]
        with column:
            controls.figure(
                density_1d(
                    shown,
                    view.labels,
                    class_names=view.class_names,
                    p_values=p_values,
                    title=f"{view.p_title if p_values else view.title}: density",
                    x_title=view.p_axis(0) if p_values else view.axis(0),
                    prior=view.what != "code",
                    dark=controls.is_dark(),
                ),
                key=f"density-{p_values}",
                filename=f"{record.id}-density{'-p' if p_values else ''}",
                frame=partial(
                    density_frame, shown, view.labels, class_names=view.class_names, p_values=p_values
                ),
            )


def line(record: RunRecord, view: View) -> None:
    """Draw the decoded manifold of a 1-D latent: one row of tiles."""
    st.subheader("Decoded line")
    n = controls.number("Tiles", key="n", default=20, low=2, high=40)
    images = tiles(record, view, None, n)[0]
    _say_impossible(record, view, None, n)
    controls.picture(
        image_grid(images, columns=n, gap=2, scale=enlarge(images.shape[-1], to=64)),
        key="line",
        filename=f"{record.id}-line",
        caption="The decoder at the middles of equal p-value cells, from low to high"
        f"{controls.class_words(record, view.told)}.",
        alt=f"{n} images decoded along the latent line",
        frame=partial(image_frame, images),
    )
