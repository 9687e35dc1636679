"""Under the maps of the Compare page: the clicked image, or the selected ones, as each run sees them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.images import image_frame, image_grid, rows_png
from dashboard.gateway import SCORES
from dashboard.pages._compare_images import TILE, enlarge, tidy
from dashboard.pages._compare_map import Joined
from dashboard.pages._compare_planes import Plane

MOST = 12
"""Selected images in the picture"""
CARD = 176
"""Side of a clicked image, in pixels, about"""


def looked_at(
    planes: Sequence[Plane], joined: Joined, ids: Sequence[int], *, comparable: bool, key: str
) -> None:
    """Show one clicked image in full, or the first of several selected ones."""
    letters = " and ".join(plane.side.letter for plane in planes)
    if not ids:
        st.caption(
            f"Click a point to see its image and what {letters} make of it, or select several with a lasso "
            "(Shift + drag) or a box (Alt + drag): the same images light up in every panel."
        )
    elif len(ids) == 1:
        _one_image(planes, joined, ids[0], comparable=comparable, key=key)
    else:
        _several(planes, joined, ids, key=key)


def _rows_of(planes: Sequence[Plane], joined: Joined, ids: Sequence[int]) -> list[np.ndarray]:
    """Rows of ids in each plane's arrays, -1 where it does not have the image."""
    places = np.searchsorted(joined.data.ids, np.asarray(ids, np.uint32))
    return [rows[places] for rows in joined.rows]


def _at_mean(plane: Plane, rows: np.ndarray) -> np.ndarray:
    """Reconstructions at the stored means, (N, C, H, W); NaN where the run does not have the image."""
    images = np.full((len(rows), *plane.side.shape), np.nan, np.float32)
    here = rows >= 0
    if here.any():
        images[here] = gateway.decode(plane.side.record, plane.data.latents.means[rows[here]])
    return images


def _one_image(planes: Sequence[Plane], joined: Joined, one: int, *, comparable: bool, key: str) -> None:
    record = planes[0].side.record
    assert record.document is not None
    split, source_row = gateway.split_and_row(one)
    rows = _rows_of(planes, joined, [one])
    label = int(joined.data.latents.labels[np.searchsorted(joined.data.ids, one)])
    name = record.document.data.class_names[label] if label >= 0 else "no label"
    pictures, words = [], []
    if gateway.data_available(record.config.dataset):
        pictures.append(gateway.originals(record, [one]) / np.float32(255))
        words.append("original")
    for plane, row in zip(planes, rows, strict=True):
        pictures.append(_at_mean(plane, row))
        words.append(f"by {plane.side.letter}")
    left, right = st.columns([1.2, 1], gap="large")
    images = np.concatenate(pictures)
    with left:
        st.markdown(f"**Image {source_row} of {split}, label {controls.plain(name)}**")
        controls.picture(
            image_grid(images, columns=len(images), gap=10, scale=enlarge(images.shape[-1], to=CARD)),
            key=f"{key}-one",
            filename=f"compare-{split}-{source_row}",
            caption=f"From left to right: {', '.join(words)}. Reconstructions are at the mean of q(z given x).",
            alt=f"Image {source_row} of {split} and its reconstructions",
            frame=image_frame(images, ids=np.arange(len(images))),
        )
    with right:
        table = _scores_of_one(planes, [int(row[0]) for row in rows])
        if not comparable:
            table = table.drop(columns="A − B", errors="ignore")
        st.dataframe(_as_text(table), hide_index=True, width="stretch", key=f"{key}-one-scores")
        note = "nats per image; D at one seeded draw z ~ q(z given x); lower is better for D and the negative ELBO."
        if not comparable and len(planes) == 2:
            note += " These runs' D measure different things, so no difference is shown."
        st.caption(note)
        controls.download_csv(table, filename=f"compare-{split}-{source_row}-scores", key=f"{key}-one-scores")


def _scores_of_one(planes: Sequence[Plane], rows: Sequence[int]) -> pd.DataFrame:
    table: dict[str, list[object]] = {
        "Score": [SCORES[name].title for name in ("distortion", "rate", "negative_elbo")]
    }
    for plane, row in zip(planes, rows, strict=True):
        latents = plane.data.latents
        if row < 0:
            table[plane.side.letter] = [None] * 3
            continue
        distortion = float(latents.distortion[row])
        rate = None if latents.rate is None else float(latents.rate[row])
        table[plane.side.letter] = [distortion, rate, None if rate is None else distortion + rate]
    if len(planes) == 2:
        pairs = zip(table["A"], table["B"], strict=True)
        table["A − B"] = [None if one is None or two is None else one - two for one, two in pairs]  # type: ignore[operator]
    return pd.DataFrame(table, dtype=object)


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    def text(value: object) -> str:
        if isinstance(value, str):
            return value
        return controls.show_number(value).replace("-", "−")  # type: ignore[arg-type]

    return table.map(text)


def _several(planes: Sequence[Plane], joined: Joined, ids: Sequence[int], *, key: str) -> None:
    shown = list(ids[:MOST])
    record = planes[0].side.record
    parts, labels = [], []
    if gateway.data_available(record.config.dataset):
        parts.append(gateway.originals(record, shown) / np.float32(255))
        labels.append("original")
    for plane, rows in zip(planes, _rows_of(planes, joined, shown), strict=True):
        parts.append(_at_mean(plane, rows))
        labels.append(plane.side.letter)
    averages = []
    for plane, rows in zip(planes, _rows_of(planes, joined, ids), strict=True):
        here = plane.data.latents.select(rows[rows >= 0])
        if len(here):
            rate = "" if here.rate is None else f", mean R = {here.rate.mean(dtype=np.float64):.2f}"
            averages.append(
                f"{plane.side.letter}: mean D = {here.distortion.mean(dtype=np.float64):.2f}{rate}"
            )
    of = f", the first {len(shown)} of them shown" if len(ids) > len(shown) else ""
    st.markdown(f"**{len(ids):,} images selected**{of}")
    controls.picture(
        rows_png(parts, labels=labels, gap=4, scale=enlarge(parts[0].shape[-1], to=TILE)),
        key=f"{key}-selected",
        filename="compare-selected",
        caption=f"Reconstructions at the mean. Over all selected, nats per image: {'; '.join(averages)}.",
        alt=f"{len(shown)} selected images and their reconstructions by {' and '.join(labels[-len(planes) :])}",
        frame=tidy(labels, parts, shown),
    )
