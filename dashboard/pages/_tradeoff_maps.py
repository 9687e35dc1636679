"""What the beta slider steps through: the latent plane, the p-value map and the decoded lattice of one run."""

import numpy as np
import streamlit as st

from dashboard import controls, gateway, state
from dashboard.charts.density import density_1d
from dashboard.charts.images import image_frame, lattice_png
from dashboard.components.latent_map import UNLABELLED, Panel, latent_map
from dashboard.gateway import MapData, RunRecord, Selection, VAEScopeError
from dashboard.pages import _tradeoff_images as pictures
from dashboard.pages._tradeoff_board import Board, stored_latents
from dashboard.theme import CLASS_COLOURS, dimension_name, latent_axis, p_value_axis

LATTICE = 15
"""Tiles a side."""
COVERED = 0.995
"""Share of the coordinates that the frame of the latent plane holds."""
WIDE = 2.0
"""A run whose codes reach this many times further than the others' gets a frame of its own."""
POINT = "tradeoff-point"


def draw(board: Board, record: RunRecord, split: str, kept: Selection | None) -> None:
    """Draw latent plane, p-value map and lattice of the run in view."""
    told = controls.pick_class(record)
    tiles = _lattice(record, told)
    here = gateway.has_images(record)
    # without the images the offer to fetch them stands above, over the reconstructions
    if not (gateway.latents_ready(record, split) or here) or not controls.need_latents(record, [split]):
        _lattice_alone(record, tiles, told)
        return
    try:
        data = gateway.map_data(record, [split])
    except VAEScopeError as error:
        st.warning(f"The points cannot be shown: {controls.plain(str(error))}", icon=":material/warning:")
        _lattice_alone(record, tiles, told)
        return
    if record.config.latent == 1:
        _one_dimension(record, data, tiles, told)
        return
    _say_shown(record, data, split)
    domain, own = _frame(board, record, split)
    if own:
        st.caption(
            f"This run has a frame of its own, ±{domain[1]:g}: at beta {record.config.beta:g} little keeps its codes "
            "near the prior, and they reach much further than those of the other runs."
        )
    clicked = _clicked(board, data)
    # At beta 0 nothing holds the rate: its numbers, ten times the others', would leave those one colour.
    held = [one for one in board.records if one.config.beta > 0]
    stored = [one for each in held if (one := stored_latents(each, split)) is not None]
    with st.columns([1, 3])[0]:
        chosen_colour = controls.pick_colour()
    colour = controls.colour_of(
        record, data, chosen_colour, among=stored, among_name="the runs with beta above 0"
    )
    selection = controls.MapSelection(record, kept, page="tradeoff")
    events = latent_map(
        _panels(
            record,
            data,
            domain=domain,
            lattice=None if tiles is None else lattice_png(tiles),
            clicked=clicked,
        ),
        key="tradeoff-map",
        ids=data.ids,
        classes=np.where(data.latents.labels < 0, UNLABELLED, data.latents.labels).astype(np.uint8),
        class_names=record.document.data.class_names if record.document else (),
        colours=CLASS_COLOURS,
        markers=np.zeros(len(data.ids), np.uint8),
        marker_names=[split],
        marker_title="split",
        colour=colour,
        sprites=controls.sprites(record, data) if here else None,
        id_bits=gateway.ROW_BITS,
        view_key=f"{board.key}|{split}|{own}",
        columns=3,
        height=440,
        selected_ids=selection.begin(data.ids, key="tradeoff-map"),
        report_selection=True,
    )
    selection.take(events, data.ids)
    if len(selection.ids) > 1:
        selection.bar(
            data.ids, key="tradeoff-selected", origin="Selected on the map of the Beta trade-off page."
        )
    if events.click:
        state.remember(POINT, (board.key, events.click["id"]))
        st.rerun()
    if tiles is not None:
        st.caption(_lattice_words(record, told))
    pictures.show_point(board, record, clicked, with_images=here)


def dimensions_of(record: RunRecord) -> tuple[int, int]:
    """The two dimensions that carry the most rate, in falling order; of two, (0, 1)."""
    if record.config.latent <= 2:
        return (0, record.config.latent - 1)
    rates = gateway.rate_per_dimension(record, "test")
    order = np.arange(2) if rates is None else np.argsort(-rates, kind="stable")
    return int(order[0]), int(order[1])


def _lattice(record: RunRecord, told: int | None) -> np.ndarray | None:
    """Decoded tiles (n, n, C, H, W); of a 1-D latent one row (1, n, C, H, W); None, and why, if they cannot be."""
    try:
        tiles = gateway.lattice(record, LATTICE, dimensions=dimensions_of(record), label=told)
    except VAEScopeError as error:
        st.warning(f"The lattice cannot be decoded: {controls.plain(str(error))}", icon=":material/warning:")
        return None
    return tiles[:1] if record.config.latent == 1 else tiles


def _lattice_alone(record: RunRecord, tiles: np.ndarray | None, told: int | None) -> None:
    """The lattice as a picture, where there are no points to put beside it."""
    if tiles is None:
        return
    frame = image_frame(tiles.reshape(-1, *tiles.shape[2:]))
    controls.picture(
        lattice_png(tiles, scale=max(1, round(40 / tiles.shape[-1]))),
        key="tradeoff-lattice",
        filename=f"lattice-{record.id}",
        caption=_lattice_words(record, told),
        alt=f"{tiles.shape[0]} x {tiles.shape[1]} images decoded over the unit square",
        frame=frame,
    )


def _frame(board: Board, record: RunRecord, split: str) -> tuple[tuple[float, float, float, float], bool]:
    """The rectangle of the latent plane, the same for all runs but those that reach much further."""
    reach = {}
    for one in board.records:
        if (latents := stored_latents(one, split)) is not None:
            means = latents.means[:, list(dimensions_of(one))]
            reach[one.id] = float(np.quantile(np.abs(means), COVERED)) if len(means) else 0.0
    usual = WIDE * float(np.median(list(reach.values())))
    shared = max([1.0, *(value for value in reach.values() if value <= usual)])
    own = reach[record.id] > WIDE * shared
    side = float(np.ceil(2 * 1.08 * (reach[record.id] if own else shared)) / 2)
    return (-side, side, -side, side), own


def _panels(
    record: RunRecord,
    data: MapData,
    *,
    domain: tuple[float, float, float, float],
    lattice: bytes | None,
    clicked: int | None,
) -> list[Panel]:
    first, second = dimensions_of(record)
    beta = f"beta {record.config.beta:g}"
    plane = data.latents.means[:, [first, second]]
    unit = gateway.phi(plane).astype(np.float32)
    row = np.flatnonzero(data.ids == clicked)
    spot = tuple(float(one) for one in unit[row[0]]) if len(row) else None
    square = (0.0, 1.0, 0.0, 1.0)
    panels = [
        Panel(
            id="latent",
            title=f"Latent means, {beta}",
            xy=plane.astype(np.float32),
            x_title=latent_axis(first),
            y_title=latent_axis(second),
            domain=domain,
            circles=(1.0, 2.0),
            clickable_empty=False,
            alt=f"Latent means of {len(plane)} images at {beta}; circles at 1 and 2 prior sigma",
        ),
        Panel(
            id="p-values",
            title=f"p-value map, {beta}",
            xy=unit,
            x_title=p_value_axis(first),
            y_title=p_value_axis(second),
            domain=square,
            clickable_empty=False,
            alt=f"The same images on the unit square, by the normal CDF of each mean, at {beta}",
        ),
    ]
    if lattice is not None:
        panels.append(
            Panel(
                id="lattice",
                title=f"Decoded lattice, {beta}",
                xy=np.full_like(unit, np.nan),
                x_title=p_value_axis(first),
                y_title=p_value_axis(second),
                domain=square,
                image=lattice,
                marker=(spot[0], spot[1]) if spot else None,
                clickable_empty=False,
                alt=f"{LATTICE} x {LATTICE} images decoded over the unit square at {beta}",
            )
        )
    return panels


def _say_shown(record: RunRecord, data: MapData, split: str) -> None:
    count = f"{len(data.ids):,} of {data.total:,}" if data.sampled else f"{data.total:,}"
    words = f"{count} {split} images at the mean of their posterior"
    if data.sampled:
        words += " (a stratified sample, seed 0)"
    if record.config.latent > 2:
        first, second = dimensions_of(record)
        words += (
            f", in the two most informative of {record.config.latent} dimensions: "
            f"{dimension_name(first)} and {dimension_name(second)}. The lattice "
            "has the others at 0"
        )
    words += ". Drag pans, Ctrl + wheel zooms, a click on a point shows the image at every beta."
    variance = gateway.moments(data.latents).variance
    if variance is not None:
        shown = variance[list(dimensions_of(record))].mean()
        words += (
            f" E[σ²] here: {controls.two_digits(shown)}; the larger, the more an even p-value map needs samples "
            "instead of means."
        )
    st.caption(words)


def _lattice_words(record: RunRecord, told: int | None) -> str:
    where = " along the one dimension" if record.config.latent == 1 else ""
    return (
        f"Decoded lattice{where}{controls.class_words(record, told)}: each tile is the image at Φ⁻¹ of its place "
        f"on the p-value map, beta {record.config.beta:g}. Where all tiles are alike, the decoder ignores z."
    )


def _clicked(board: Board, data: MapData) -> int | None:
    """The clicked point, if it belongs to this board and is among the points."""
    key, point = state.recall(POINT, (None, None))
    return point if key == board.key and (data.ids == point).any() else None


def _one_dimension(record: RunRecord, data: MapData, tiles: np.ndarray | None, told: int | None) -> None:
    """A 1-D latent: densities of its means and of their p-values, and one row of decoded images."""
    names = record.document.data.class_names if record.document else ()
    values = data.latents.means[:, 0]
    left, right = st.columns(2, gap="medium")
    for place, p_values in ((left, False), (right, True)):
        with place:
            controls.figure(
                density_1d(
                    gateway.phi(values) if p_values else values,
                    data.latents.labels,
                    class_names=names,
                    p_values=p_values,
                    title=f"{'p-value map Φ(means)' if p_values else 'Latent means'}: density",
                    x_title=p_value_axis(0) if p_values else latent_axis(0),
                    dark=controls.is_dark(),
                ),
                key=f"tradeoff-density-{p_values}",
                filename=f"density-{record.id}",
            )
    _lattice_alone(record, tiles, told)
