"""The linked maps of the Compare page: both runs' latent planes and p-value maps over the same images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard import controls, gateway, state, theme
from dashboard.components.latent_map import UNLABELLED, Events, Panel, latent_map
from dashboard.gateway import Latents, MapData
from dashboard.pages._compare_planes import Plane


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


def draw_maps(planes: Sequence[Plane], *, same_axes: bool, key: str) -> tuple[Joined, list[int]]:
    """Draw linked panels of planes over the same data; return the images and what was selected or clicked last."""
    joined = join([plane.data for plane in planes])
    data = joined.data
    record = planes[0].side.record
    assert record.document is not None
    labels, shown = data.latents.labels, np.unique(data.splits)
    events = latent_map(
        _panels(planes, joined, same_axes=same_axes),
        key=key,
        ids=data.ids,
        classes=np.where(labels < 0, UNLABELLED, labels).astype(np.uint8),
        class_names=record.document.data.class_names,
        colours=theme.CLASS_COLOURS,
        markers=np.searchsorted(shown, data.splits).astype(np.uint8),
        marker_names=[gateway.SPLIT_CODES[code] for code in shown],
        marker_title="split",
        sprites=controls.sprites(record, data) if gateway.data_available(record.config.dataset) else None,
        id_bits=gateway.ROW_BITS,
        view_key="|".join(
            f"{plane.side.record.id}:{plane.dimensions}:{plane.what}:{same_axes}" for plane in planes
        ),
        columns=2,
        height=480,
        report_selection=True,
    )
    return joined, _looked_at(events, key=key, ids=data.ids)


def _looked_at(events: Events, *, key: str, ids: np.ndarray) -> list[int]:
    """Ids selected last, in the map's order; remembered, because an event lasts one run only."""
    if events.selection is not None:
        state.remember(key, events.selection.tolist())
    elif events.click:
        state.remember(key, [events.click["id"]])
    kept = np.asarray(state.recall(key, []), np.uint32)
    return kept[np.isin(kept, ids)].tolist()


def _panels(planes: Sequence[Plane], joined: Joined, *, same_axes: bool) -> list[Panel]:
    domain = common_domain([plane.chosen for plane in planes]) if same_axes and len(planes) > 1 else None
    labels = joined.data.latents.labels
    lift = controls.class_rows(labels)
    latent, p_values = [], []
    for plane, rows in zip(planes, joined.rows, strict=True):
        letter = plane.side.letter
        flat = len(plane.dimensions) == 1
        x = plane.axis(0)
        y = controls.CLASS_ROWS if flat else plane.axis(1)
        titles = {"means": "latent means", "samples": "posterior samples", "codes": "codes"}
        latent.append(
            Panel(
                id=f"{letter}-latent",
                title=f"{letter}: {titles[plane.what]} · {plane.side.record.name}",
                xy=_placed(plane.chosen, rows, lift),
                x_title=x,
                y_title=y,
                domain=None if flat else domain,
                circles=(1.0, 2.0, 3.0) if plane.side.has_posterior and not flat else (),
                square=not flat,
                alt=f"Run {letter}: scatter of {(rows >= 0).sum()} images over {x} and {y}, coloured by label",
                clickable_empty=False,
            )
        )
        of = {"means": "Φ(means)", "samples": "Φ(samples)", "codes": "Φ(standardised codes), no prior"}[
            plane.what
        ]
        p_values.append(
            Panel(
                id=f"{letter}-p",
                title=f"{letter}: p-value map {of}",
                xy=_placed(plane.p_values, rows, lift),
                x_title=plane.p_axis(0),
                y_title=y if flat else plane.p_axis(1),
                domain=(0.0, 1.0, float(labels.min(initial=0)) - 0.5, float(labels.max(initial=0)) + 0.5)
                if flat
                else (0.0, 1.0, 0.0, 1.0),
                square=not flat,
                alt=f"Run {letter}: the same images by the normal CDF of each coordinate",
                clickable_empty=False,
            )
        )
    # like beside like: both planes in one row, both p-value maps in the next
    return [*latent, *p_values]


def _placed(points: np.ndarray, rows: np.ndarray, lift: np.ndarray) -> np.ndarray:
    """Points (M, 1 or 2) at the rows of a map -> (N, 2) float32, NaN where the run does not have the image."""
    xy = np.full((len(rows), 2), np.nan, np.float32)
    here = rows >= 0
    xy[here, : points.shape[1]] = points[rows[here]]
    if points.shape[1] == 1:
        xy[here, 1] = lift[here]
    return xy


def common_domain(planes: Sequence[np.ndarray]) -> tuple[float, float, float, float] | None:
    """Smallest square around all points of several planes (N, 2), with a margin; None where one is not a plane."""
    if any(plane.shape[1] != 2 or not len(plane) for plane in planes):
        return None
    low = np.min([plane.min(0) for plane in planes], axis=0).astype(np.float64)
    high = np.max([plane.max(0) for plane in planes], axis=0).astype(np.float64)
    centre, half = (low + high) / 2, 0.53 * max(float((high - low).max()), 1e-3)
    return (centre[0] - half, centre[0] + half, centre[1] - half, centre[1] + half)


def describe_maps(planes: Sequence[Plane], joined: Joined) -> None:
    """Say how many images are shown, of what, and how far each run stands from the prior."""
    data = joined.data
    parts = [f"{len(data.ids):,} of {data.total:,} images"]
    if len(data.ids) < data.total:
        parts[0] += " (a stratified sample with seed 0)"
    if joined.alone:
        parts.append(
            f"{joined.alone:,} of them belong to one run's split only and are absent from the other's maps"
        )
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
    st.caption("  \n".join(parts))
