"""What the beta slider steps through: reconstructions, the latent map, the p-value map and the lattice."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from dashboard import controls, gateway, state
from dashboard.charts.density import density_1d
from dashboard.charts.images import image_frame, image_grid, lattice_png, rows_png
from dashboard.components.latent_map import UNLABELLED, Panel, latent_map
from dashboard.gateway import MapData, RunRecord, VAEScopeError
from dashboard.pages._tradeoff_board import Board
from dashboard.theme import CLASS_COLOURS

EXAMPLES = 10
"""Test images whose reconstructions are shown: one a class where there are ten."""
MOST_ROWS = 14
"""Betas in one picture; of more, this many evenly spread ones."""
LATTICE = 15
"""Tiles a side."""
COVERED = 0.995
"""Share of the coordinates that the frame of the latent plane holds."""
WIDE = 2.0
"""A run whose codes reach this many times further than the others' gets a frame of its own."""
POINT = "tradeoff-point"


def picked_run(event: Any) -> str | None:
    """The run whose point is selected in the figure, if any."""
    selection = event.get("selection") if isinstance(event, Mapping) else None
    for point in (selection or {}).get("points", []):
        found = point.get("customdata")
        if isinstance(found, list | tuple):
            found = found[0] if found else None
        if isinstance(found, str):
            return found
    return None


def reconstruction_rows(board: Board) -> None:
    """The same test images through every run, smallest beta first."""
    st.header("The same images at each beta")
    first = board.records[0]
    if not controls.need_data(first):
        return
    ids = gateway.example_points(first, EXAMPLES)
    originals = gateway.originals(first, ids)
    records = _spread(board.records)
    names, rows = ["original"], [originals.astype(np.float32) / 255]
    for record in records:
        try:
            rows.append(gateway.reconstruct_points(record, ids))
        except VAEScopeError as error:
            st.warning(
                f"{controls.plain(record.name)} is left out: {controls.plain(str(error))}",
                icon=":material/warning:",
            )
            continue
        names.append(_row_name(record, records))
    scale = max(1, round(52 / originals.shape[-1]))
    frame = image_frame(
        np.concatenate(rows), ids=np.tile([gateway.split_and_row(one)[1] for one in ids], len(rows))
    )
    some = (
        ""
        if len(records) == len(board.records)
        else f" {len(records)} of {len(board.records)} runs, evenly spread."
    )
    controls.picture(
        rows_png(rows, labels=names, scale=scale),
        key="tradeoff-rows",
        filename="reconstructions-by-beta",
        caption=f"{len(ids)} test images, stratified by class (seed 0), above their reconstructions at the mean of the "
        f"posterior: smallest beta first, one row a run.{some}",
        alt=f"{len(ids)} test images and their reconstructions by {len(rows) - 1} runs, smallest beta first",
        frame=frame.assign(shown_as=np.repeat(names, len(frame) // len(names))),
    )


def maps(board: Board, record: RunRecord, split: str) -> None:
    """Draw latent plane, p-value map and lattice of the run in view."""
    tiles_of = _lattice(record)
    if not controls.need_latents(record, [split]):
        controls.picture(
            lattice_png(tiles_of, scale=_lattice_scale(tiles_of)),
            key="tradeoff-lattice",
            filename=f"lattice-{record.id}",
            caption=_lattice_words(record),
            alt=f"Decoded lattice of {LATTICE} x {LATTICE} tiles",
            frame=None,
        )
        return
    data = gateway.map_data(record, [split])
    if record.config.latent == 1:
        _one_dimension(record, data, tiles_of)
        return
    _say_shown(record, data, split)
    domain, own = _frame(board, record, split)
    if own:
        st.caption(
            f"This run has a frame of its own, ±{domain[1]:g}: at beta {record.config.beta:g} little keeps its codes "
            "near the prior, and they reach much further than those of the other runs."
        )
    with_images = gateway.data_available(record.config.dataset)
    clicked = _clicked(board, data)
    events = latent_map(
        _panels(record, data, domain=domain, lattice=lattice_png(tiles_of), clicked=clicked),
        key="tradeoff-map",
        ids=data.ids,
        classes=np.where(data.latents.labels < 0, UNLABELLED, data.latents.labels).astype(np.uint8),
        class_names=record.document.data.class_names if record.document else (),
        colours=CLASS_COLOURS,
        sprites=controls.sprites(record, data) if with_images else None,
        view_key=f"{board.key}|{split}|{own}",
        columns=3,
        height=440,
    )
    if events.click:
        state.remember(POINT, (board.key, events.click["id"]))
        st.rerun()
    st.caption(_lattice_words(record))
    _point(board, record, clicked, with_images=with_images)


def dimensions_of(record: RunRecord) -> tuple[int, int]:
    """The two dimensions that carry the most rate, in falling order; of two, (0, 1)."""
    if record.config.latent <= 2:
        return (0, record.config.latent - 1)
    rates = ((record.scores or {}).get("test") or {}).get("rate_per_dimension") or []
    order = np.argsort([-float(one) for one in rates], kind="stable") if len(rates) > 1 else np.arange(2)
    return int(order[0]), int(order[1])


def _lattice(record: RunRecord) -> np.ndarray:
    """Decoded tiles (n, n, C, H, W); of a 1-D latent one row (1, n, C, H, W)."""
    tiles = gateway.lattice(record, LATTICE, dimensions=dimensions_of(record))
    return tiles[:1] if record.config.latent == 1 else tiles


def _frame(board: Board, record: RunRecord, split: str) -> tuple[tuple[float, float, float, float], bool]:
    """The rectangle of the latent plane, the same for all runs but those that reach much further."""
    reach = {}
    for one in board.records:
        if gateway.latents_ready(one, split):
            means = gateway.latents(one, split).means[:, list(dimensions_of(one))]
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
    lattice: bytes,
    clicked: int | None,
) -> list[Panel]:
    first, second = dimensions_of(record)
    beta = f"beta {record.config.beta:g}"
    plane = data.latents.means[:, [first, second]]
    unit = gateway.phi(plane).astype(np.float32)
    row = np.flatnonzero(data.ids == clicked)
    spot = tuple(float(one) for one in unit[row[0]]) if len(row) else None
    square = (0.0, 1.0, 0.0, 1.0)
    return [
        Panel(
            id="latent",
            title=f"Latent means, {beta}",
            xy=plane.astype(np.float32),
            x_title=f"mean of z[{first}] (prior standard deviations)",
            y_title=f"mean of z[{second}] (prior standard deviations)",
            domain=domain,
            circles=(1.0, 2.0),
            clickable_empty=False,
            alt=f"Latent means of {len(plane)} images at {beta}, coloured by label; circles at 1 and 2 prior sigma",
        ),
        Panel(
            id="p-values",
            title=f"p-value map, {beta}",
            xy=unit,
            x_title=f"Φ(mean of z[{first}]), no unit",
            y_title=f"Φ(mean of z[{second}]), no unit",
            domain=square,
            clickable_empty=False,
            alt=f"The same images on the unit square, by the normal CDF of each mean, at {beta}",
        ),
        Panel(
            id="lattice",
            title=f"Decoded lattice, {beta}",
            xy=np.full_like(unit, np.nan),
            x_title=f"p-value of z[{first}], no unit",
            y_title=f"p-value of z[{second}], no unit",
            domain=square,
            image=lattice,
            marker=(spot[0], spot[1]) if spot else None,
            clickable_empty=False,
            alt=f"{LATTICE} x {LATTICE} images decoded over the unit square at {beta}",
        ),
    ]


def _say_shown(record: RunRecord, data: MapData, split: str) -> None:
    count = f"{len(data.ids):,} of {data.total:,}" if data.sampled else f"{data.total:,}"
    words = f"{count} {split} images at the mean of their posterior"
    if data.sampled:
        words += " (a stratified sample, seed 0)"
    if record.config.latent > 2:
        first, second = dimensions_of(record)
        words += (
            f", in the two most informative of {record.config.latent} dimensions: {first} and {second}. The lattice "
            "has the others at 0"
        )
    words += ". Drag pans, Ctrl + wheel zooms, a click on a point shows the image at every beta."
    variance = gateway.moments(data.latents).variance
    if variance is not None:
        shown = variance[list(dimensions_of(record))].mean()
        words += f" E[σ²] here: {shown:.2f}; the larger, the more an even p-value map needs samples instead of means."
    st.caption(words)


def _lattice_words(record: RunRecord) -> str:
    where = " along the one dimension" if record.config.latent == 1 else ""
    return (
        f"Decoded lattice{where}: each tile is the image at Φ⁻¹ of its place on the p-value map, "
        f"beta {record.config.beta:g}. All tiles alike: the decoder ignores z."
    )


def _clicked(board: Board, data: MapData) -> int | None:
    """The clicked point, if it belongs to this board and is among the points."""
    key, point = state.recall(POINT, (None, None))
    return point if key == board.key and (data.ids == point).any() else None


def _point(board: Board, record: RunRecord, clicked: int | None, *, with_images: bool) -> None:
    """One image and its reconstructions at every beta."""
    if clicked is None:
        st.caption("Click a point to see the image, and its reconstruction at every beta.")
        return
    if not with_images:
        return
    split, row = gateway.split_and_row(clicked)
    original = gateway.originals(record, [clicked])
    names, cells = ["original"], [original.astype(np.float32) / 255]
    for one in board.records:
        try:
            cells.append(gateway.reconstruct_points(one, [clicked]))
        except VAEScopeError:
            continue  # said above, under the rows
        names.append(f"{board.betas[one.id]}{_point_scores(one, split, row)}")
    st.subheader(f"Image {row} of the {split} images{_class_words(record, split, row)}")
    scale = max(1, round(80 / original.shape[-1]))
    with st.container(horizontal=True, gap="small"):
        for cell, name in zip(cells, names, strict=True):
            with st.container(width=88, gap=None):
                st.image(
                    image_grid(cell, columns=1, scale=scale), caption=controls.plain(name), alt=name, width=80
                )
    frame = image_frame(np.concatenate(cells), ids=np.arange(len(cells)))
    frame.insert(0, "shown_as", np.repeat(names, len(frame) // len(names)))
    controls.download_csv(frame, filename=f"image-{split}-{row}-by-beta", key="tradeoff-point")


def _class_words(record: RunRecord, split: str, row: int) -> str:
    found = _row(record, split, row)
    if found is None or not record.document:
        return ""
    latents, place = found
    label = int(latents.labels[place])
    names = record.document.data.class_names
    return f", class {controls.plain(names[label])}" if 0 <= label < len(names) else ""


def _point_scores(record: RunRecord, split: str, row: int) -> str:
    found = _row(record, split, row)
    if found is None:
        return ""
    latents, place = found
    rate = f" R {latents.rate[place]:.1f}" if latents.rate is not None else ""
    return f": D {latents.distortion[place]:.1f}{rate}"


def _row(record: RunRecord, split: str, row: int) -> tuple[gateway.Latents, int] | None:
    """A run's latents of a split and the place of one image among them; None where it has none."""
    if not gateway.latents_ready(record, split):
        return None
    latents = gateway.latents(record, split)
    place = np.flatnonzero(latents.ids == row)
    return (latents, int(place[0])) if len(place) else None


def _one_dimension(record: RunRecord, data: MapData, tiles: np.ndarray) -> None:
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
                    dark=controls.is_dark(),
                ),
                key=f"tradeoff-density-{p_values}",
                filename=f"density-{record.id}",
            )
    controls.picture(
        lattice_png(tiles, scale=_lattice_scale(tiles)),
        key="tradeoff-lattice",
        filename=f"lattice-{record.id}",
        caption=_lattice_words(record),
        alt=f"{LATTICE} images decoded along the latent dimension",
    )


def _lattice_scale(tiles: np.ndarray) -> int:
    return max(1, round(40 / tiles.shape[-1]))


def _row_name(record: RunRecord, records: Sequence[RunRecord]) -> str:
    """Name a row by its beta; a number tells runs of one beta apart."""
    beta = record.config.beta
    same = [one.id for one in records if one.config.beta == beta]
    copy = f" #{same.index(record.id) + 1}" if len(same) > 1 else ""
    return f"beta {beta:g}{copy}"


def _spread(records: Sequence[RunRecord]) -> list[RunRecord]:
    chosen = np.unique(np.linspace(0, len(records) - 1, min(len(records), MOST_ROWS)).round().astype(int))
    return [records[k] for k in chosen]
