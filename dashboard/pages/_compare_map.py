"""The linked maps of the Compare page: latent planes and p-value maps of runs over the same images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from dashboard import controls, gateway, theme
from dashboard.components.latent_map import UNLABELLED, Lattice, Panel, Scale, latent_map
from dashboard.gateway import Latents, MapData
from dashboard.pages._compare_colours import colours_of, in_words, panel_colours
from dashboard.pages._compare_planes import RAW, SPACES, Choices, Plane
from dashboard.pages._compare_sides import columns_of, letters_of

FEW = 12
"""Images that a button selects: as many as the picture of selected images shows"""


@dataclass(frozen=True, eq=False)
class Joined:
    """All images that any of the planes shows, and where each plane has them."""

    data: MapData
    rows: tuple[np.ndarray, ...]
    """For each plane (N,) rows in its arrays, -1 where it does not have the image"""

    @property
    def alone(self) -> int:
        """Images that not every plane has."""
        return int((np.stack(self.rows) < 0).any(0).sum())


def join(parts: Sequence[MapData]) -> Joined:
    """Bring the points of several runs on the same data together by id: a union, sorted by id."""
    ids = np.unique(np.concatenate([part.ids for part in parts]))
    splits, labels = np.zeros(len(ids), np.uint8), np.full(len(ids), -1, np.int64)
    source = np.zeros(len(ids), np.int64)
    rows = []
    for part in parts:
        places = np.searchsorted(ids, part.ids)
        found = np.full(len(ids), -1, np.int64)
        found[places] = np.arange(len(part.ids))
        rows.append(found)
        splits[places], labels[places], source[places] = part.splits, part.latents.labels, part.latents.ids
    points = Latents(
        ids=source,
        labels=labels,
        means=np.zeros((len(ids), 0), np.float32),
        log_variances=None,
        distortion=np.zeros(len(ids), np.float32),
        rate=None,
    )
    total = max(len(ids), *(part.total for part in parts))
    return Joined(MapData(latents=points, ids=ids, splits=splits, total=total), tuple(rows))


def draw_maps(
    planes: Sequence[Plane], choices: Choices, selection: controls.MapSelection, *, key: str
) -> tuple[Joined, list[int]]:
    """Draw linked panels of planes over the same data; return the images and what was selected or clicked last."""
    joined = join([plane.data for plane in planes])
    data = joined.data
    record = planes[0].side.record
    assert record.document is not None
    labels, shown = data.latents.labels, np.unique(data.splits)
    colours = colours_of(planes, joined.rows, choices)
    panels = [
        replace(panel, alt=f"{panel.alt}, coloured by {in_words(colours)}")
        for panel in _panels(planes, joined, choices)
    ]
    events = latent_map(
        panels,
        key=key,
        ids=data.ids,
        classes=np.where(labels < 0, UNLABELLED, labels).astype(np.uint8),
        class_names=record.document.data.class_names,
        colours=theme.CLASS_COLOURS,
        markers=np.searchsorted(shown, data.splits).astype(np.uint8),
        marker_names=[gateway.SPLIT_CODES[code] for code in shown],
        marker_title="split",
        colour=panel_colours(colours, panels),
        sprites=controls.sprites(record, data) if gateway.has_images(record) else None,
        id_bits=gateway.ROW_BITS,
        view_key="|".join(
            f"{plane.side.record.id}:{plane.dimensions}:{plane.what}:{choices.same_axes}:{choices.space}"
            for plane in planes
        ),
        columns=_columns(len(planes), choices),
        height=480,
        report_selection=True,
        selected_ids=selection.begin(data.ids, key=key),
        selected_turn=selection.turn,
    )
    selection.take(events, data.ids)
    if isinstance(colours, Scale) and colours.signed:
        _pick_extremes(colours, data.ids, selection, key=key)
    ids = selection.ids
    return joined, ids[np.isin(ids, data.ids)].tolist()


def _pick_extremes(change: Scale, ids: np.ndarray, selection: controls.MapSelection, *, key: str) -> None:
    """Buttons that select the images whose score changed most, one way or the other."""
    order = np.argsort(change.values, kind="stable")  # images that a run does not have are NaN, and last
    order = order[: int(np.isfinite(change.values).sum())]
    few = min(FEW, len(order))
    with st.container(horizontal=True, gap="small"):
        for end, word, rows in (
            ("high", "largest", order[::-1][:few]),
            ("low", "smallest", order[:few]),
        ):
            st.button(
                f"Select the {few} {word} {change.name.rsplit(', ', 1)[-1]}",
                key=f"{key}-{end}",
                icon=f":material/{'arrow_upward' if end == 'high' else 'arrow_downward'}:",
                type="tertiary",
                on_click=selection.put,
                args=(ids[rows],),
                help=f"Where {change.name}, is {word}, that first. {change.says[:1].upper()}{change.says[1:]}.",
            )


def _columns(planes: int, choices: Choices) -> int:
    """Panels in a row: three runs or more where they have one each, one run with its two; fewer where it is narrow."""
    if planes <= 2 or planes == 4 or choices.panels == "both":
        return 2
    return columns_of(planes)


def _panels(planes: Sequence[Plane], joined: Joined, choices: Choices) -> list[Panel]:
    scaled = within_reach(planes) if choices.same_axes else []
    domain = common_domain([plane.shown for plane in scaled]) if len(scaled) > 1 else None
    lift = controls.class_rows(joined.data.latents.labels)
    latent, p_values = [], []
    for plane, rows in zip(planes, joined.rows, strict=True):
        tiles = plane.decoded
        # a plane that was turned onto another run's shows no dimension of its own along its axes
        own = None if tiles is None or plane.alignment is not None else tiles.on(unit=False)
        latent.append(
            _latent_panel(plane, rows, lift, domain=domain if plane in scaled else None, lattice=own)
        )
        unit = None if tiles is None else tiles.on(unit=True)
        p_values.append(_p_panel(plane, rows, lift, joined.data.latents.labels, lattice=unit))
    if choices.panels == "latent":
        return latent
    if choices.panels == "p":
        return p_values
    if len(planes) > 2:
        # a run's two maps stand beside each other
        return [panel for pair in zip(latent, p_values, strict=True) for panel in pair]
    # like beside like: both planes in one row, both p-value maps in the next
    return [*latent, *p_values]


def _latent_panel(
    plane: Plane,
    rows: np.ndarray,
    lift: np.ndarray,
    *,
    domain: tuple[float, float, float, float] | None,
    lattice: Lattice | None,
) -> Panel:
    letter, shown = plane.side.letter, plane.shown
    flat = shown.shape[1] == 1
    x = plane.axis(0)
    y = controls.CLASS_ROWS if flat else plane.axis(1)
    title, onto = {"means": "latent means", "samples": "posterior samples", "codes": "codes"}[plane.what], ""
    if plane.alignment is not None and plane.onto is not None:
        residual = controls.show_number(plane.alignment.residual)
        onto = f" onto {plane.onto.side.letter}, residual {residual}"
    # a shift has moved the prior's centre away from the origin, about which contours are drawn
    own = plane.side.has_posterior and not flat and plane.alignment is None
    return Panel(
        id=f"{letter}-latent",
        title=f"{letter}{onto}: {title} · {plane.side.record.name}",
        xy=_placed(shown, rows, lift),
        x_title=x,
        y_title=y,
        domain=None if flat else domain,
        circles=(1.0, 2.0, 3.0) if own else (),
        square=not flat,
        alt=f"Run {letter}: scatter of {(rows >= 0).sum()} images over {x} and {y}",
        clickable_empty=False,
        lattice=lattice,
    )


def _p_panel(
    plane: Plane, rows: np.ndarray, lift: np.ndarray, labels: np.ndarray, *, lattice: Lattice | None
) -> Panel:
    letter = plane.side.letter
    flat = len(plane.dimensions) == 1
    of = {"means": "Φ(means)", "samples": "Φ(samples)", "codes": "Φ(standardised codes), no prior"}[
        plane.what
    ]
    return Panel(
        id=f"{letter}-p",
        title=f"{letter}: p-value map {of}",
        xy=_placed(plane.p_values, rows, lift),
        x_title=plane.p_axis(0),
        y_title=controls.CLASS_ROWS if flat else plane.p_axis(1),
        domain=(0.0, 1.0, float(labels.min(initial=0)) - 0.5, float(labels.max(initial=0)) + 0.5)
        if flat
        else (0.0, 1.0, 0.0, 1.0),
        square=not flat,
        alt=f"Run {letter}: the same images by the normal CDF of each coordinate",
        clickable_empty=False,
        lattice=lattice,
    )


def _placed(points: np.ndarray, rows: np.ndarray, lift: np.ndarray) -> np.ndarray:
    """Points (M, 1 or 2) at the rows of a map -> (N, 2) float32, NaN where the run does not have the image."""
    xy = np.full((len(rows), 2), np.nan, np.float32)
    here = rows >= 0
    xy[here, : points.shape[1]] = points[rows[here]]
    if points.shape[1] == 1:
        xy[here, 1] = lift[here]
    return xy


WIDE = 2.0
"""A run that reaches this many times further than is usual has axes of its own: all others would be dots on its"""


def _could_share(plane: Plane) -> bool:
    """Whether it is a plane in units of the prior: codes have a unit of their own, and a 1-D latent one axis only."""
    return plane.what != "codes" and plane.shown.shape[1] == 2


def within_reach(planes: Sequence[Plane]) -> list[Plane]:
    """The planes of posteriors that can share a scale: of three and more, those that reach no more than usually far."""
    scaled = [plane for plane in planes if _could_share(plane)]
    if len(scaled) < 3:
        return scaled
    reach = [float(np.abs(plane.shown).max(initial=0.0)) for plane in scaled]
    usual = WIDE * float(np.median(reach))
    return [plane for plane, far in zip(scaled, reach, strict=True) if far <= usual]


def common_domain(planes: Sequence[np.ndarray]) -> tuple[float, float, float, float] | None:
    """Smallest square around all points of several planes (N, 2), with a margin; None where one is not a plane."""
    if any(plane.shape[1] != 2 or not len(plane) for plane in planes):
        return None
    low = np.min([plane.min(0) for plane in planes], axis=0).astype(np.float64)
    high = np.max([plane.max(0) for plane in planes], axis=0).astype(np.float64)
    centre, half = (low + high) / 2, 0.53 * max(float((high - low).max()), 1e-3)
    return (centre[0] - half, centre[0] + half, centre[1] - half, centre[1] + half)


def describe_maps(planes: Sequence[Plane], joined: Joined, choices: Choices) -> None:
    """Say how many images are shown, of what, how far each run stands from the prior, and how they were aligned."""
    data = joined.data
    parts = [f"{len(data.ids):,} of {data.total:,} images"]
    if len(data.ids) < data.total:
        parts[0] += " (a stratified sample with seed 0)"
    if joined.alone:
        whose = (
            "one run's split only and are absent from the other's maps"
            if len(planes) == 2
            else "some runs' splits only and are absent from the others' maps"
        )
        parts.append(f"{joined.alone:,} of them belong to {whose}")
    for plane in planes:
        letter = plane.side.letter
        if plane.what == "codes":
            parts.append(f"{letter}: codes, standardised before Φ; it has no posterior, prior or rate")
            continue
        spread = gateway.moments(plane.data.latents)
        assert spread.variance is not None
        distance = gateway.uniformity(plane.p_values)
        numbers = ", ".join(f"{controls.two_digits(spread.variance[k])}" for k in plane.dimensions)
        uneven = ", ".join(f"{one:.3f}" for one in distance)
        parts.append(f"{letter}: E[σ²] = {numbers}, distance of Φ({plane.what}) from even = {uneven}")
    if any(plane.what != "codes" for plane in planes):
        parts.append(
            "E[σ²] and the distance (Kolmogorov-Smirnov's, lower is more even) stand once for each dimension shown"
        )
    far = [plane.side for plane in planes if _could_share(plane) and plane not in within_reach(planes)]
    if choices.same_axes and far and choices.panels != "p":
        has = "has axes of its own: it reaches" if len(far) == 1 else "have axes of their own: they reach"
        parts.append(f"{letters_of(far)} {has} more than {WIDE:g} times further than is usual here")
    st.caption("  \n".join(parts))
    _describe_alignment(planes, choices)


def _describe_alignment(planes: Sequence[Plane], choices: Choices) -> None:
    """Residual and distance of each run that was laid onto the first, lower is more alike."""
    laid = [plane for plane in planes if plane.alignment is not None]
    if choices.space == RAW or len(planes) < 2:
        return
    first = planes[0].side.letter
    for plane in planes[1:]:
        if plane.alignment is None:
            st.caption(f"{plane.side.letter} is not aligned: it shares fewer than two images with {first}.")
    if not laid:
        return
    how = {
        "orthogonal": "turned, mirrored and shifted as a whole",
        "permutation": "changed in the order and signs of its dimensions alone, and shifted",
    }[choices.space]
    lines = [
        f"{SPACES[choices.space]}: each run's latent space is {how} onto {first}'s, fitted to the means of the "
        f"images that both hold; not scaled. P-value maps stay raw: a shift would move the prior."
    ]
    for plane in laid:
        fit = plane.alignment
        assert fit is not None
        unit = "" if "codes" in (plane.what, planes[0].what) else " prior σ"
        mirrored = ", mirrored" if fit.mirrored and choices.space == "orthogonal" else ""
        sizes = [one.side.record.config.latent for one in (plane, planes[0])]
        padded = (
            "" if sizes[0] == sizes[1] else f", {min(sizes)} of {max(sizes)} dimensions, the rest taken as 0"
        )
        lines.append(
            f"{plane.side.letter} onto {first}: residual {controls.show_number(fit.residual, 3)}, "
            f"distance {fit.distance:.3f}{unit}{mirrored}, over {fit.images:,} images{padded}"
        )
    lines.append(
        "Residual: 0 is one shape, 1 nothing in common, scale left out. Distance: root mean square over images. Lower "
        "is more alike in both"
    )
    st.caption("  \n".join(lines))
