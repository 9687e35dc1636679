"""Under the maps of the Compare page: the clicked image, or the selected ones, as each run sees them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.images import enlarge, image_frame, image_grid, rows_frame, rows_png
from dashboard.gateway import SCORES, PairedDifference
from dashboard.pages._compare_differences import WIDEST, difference_images
from dashboard.pages._compare_images import CARD, TILE, columns_of_cards
from dashboard.pages._compare_map import Joined
from dashboard.pages._compare_pairs import pairs_table
from dashboard.pages._compare_planes import Plane
from dashboard.pages._compare_sides import at_the_mean, letters_of

MOST = 12
"""Selected images in the picture"""
PAIRED = ("distortion", "rate", "negative_elbo")


def looked_at(
    planes: Sequence[Plane],
    joined: Joined,
    ids: Sequence[int],
    *,
    reasons: Mapping[str, str | None],
    key: str,
) -> None:
    """Show one clicked image in full, or the first of several selected ones.

    Args:
        planes: of runs on the same data.
        joined: their images.
        ids: of the images that were selected or clicked last.
        reasons: by letter why a run's losses measure something else than A's; None where they compare.
        key: of the widgets.
    """
    letters = letters_of([plane.side for plane in planes])
    if not ids:
        st.caption(
            f"Click a point to see its image and what {letters} make of it, or select several with a lasso "
            "(Shift + drag) or a box (Alt + drag): the same images light up in every panel."
        )
        return
    first = planes[0]
    others = [
        plane for plane in planes[1:] if first.side.letter == "A" and reasons[plane.side.letter] is None
    ]
    if len(ids) == 1:
        _one_image(planes, others, joined, ids[0], key=key)
    else:
        _several(planes, others, joined, ids, key=key)


def _rows_of(planes: Sequence[Plane], joined: Joined, ids: Sequence[int]) -> list[np.ndarray]:
    """Rows of ids in each plane's arrays, -1 where it does not have the image."""
    places = np.searchsorted(joined.data.ids, np.asarray(ids, np.uint32))
    return [rows[places] for rows in joined.rows]


def _at_mean(plane: Plane, rows: np.ndarray) -> np.ndarray:
    """Reconstructions at the stored means, (N, C, H, W); NaN where the run does not have the image or cannot decode."""
    images = np.full((len(rows), *plane.side.shape), np.nan, np.float32)
    here = rows >= 0
    # a run whose weights cannot be read is named further down, where the images of all runs stand
    with suppress(gateway.VAEScopeError):
        if here.any():
            images[here] = gateway.decode(
                plane.side.record, plane.data.latents.means[rows[here]], plane.data.latents.labels[rows[here]]
            )
    return images


def _originals(plane: Plane, ids: Sequence[int]) -> np.ndarray | None:
    """Images (N, C, H, W) in [0, 1]; None where the data set is not on this machine."""
    record = plane.side.record
    if not gateway.has_images(record):
        return None
    return gateway.unit(gateway.originals(record, ids))


def _one_image(
    planes: Sequence[Plane], others: Sequence[Plane], joined: Joined, one: int, *, key: str
) -> None:
    record = planes[0].side.record
    assert record.document is not None
    split, source_row = gateway.split_and_row(one)
    rows = _rows_of(planes, joined, [one])
    label = int(joined.data.latents.labels[np.searchsorted(joined.data.ids, one)])
    name = record.document.data.class_names[label] if label >= 0 else "no label"
    original = _originals(planes[0], [one])
    parts = [_at_mean(plane, row) for plane, row in zip(planes, rows, strict=True)]
    words = [f"by {plane.side.letter}" for plane in planes]
    images = np.concatenate(parts if original is None else [original, *parts])
    words = words if original is None else ["original", *words]
    left, right = st.columns([1.2, 1], gap="large")
    with left:
        st.markdown(f"**Image {source_row} of {split}, label {controls.plain(name)}**")
        controls.picture(
            image_grid(
                images,
                columns=columns_of_cards(len(images)),
                gap=10,
                scale=enlarge(images.shape[-1], to=CARD),
            ),
            key=f"{key}-one",
            filename=f"compare-{split}-{source_row}",
            caption=f"From left to right: {', '.join(words)}. "
            f"Reconstructions are {at_the_mean([plane.side for plane in planes])}.",
            alt=f"Image {source_row} of {split} and its reconstructions",
            frame=partial(image_frame, images, ids=np.arange(len(images))),
        )
        difference_images(
            [plane.side.letter for plane in planes],
            original,
            parts,
            [one],
            key=f"{key}-one-difference",
            filename=f"compare-{split}-{source_row}-difference",
            first=planes[0].side.letter,
        )
    with right:
        table = _scores_of_one(planes, others, [int(row[0]) for row in rows])
        st.dataframe(_as_text(table), hide_index=True, width="stretch", key=f"{key}-one-scores")
        note = "nats per image; D at one seeded draw z ~ q(z given x); lower is better for D and the negative ELBO."
        if len(planes) == 2 and not others:
            note += " These runs' D measure different things, so no difference is shown."
        elif len(others) < len(planes) - 1:
            note += " Differences are shown for the runs whose D measures what A's does."
        st.caption(note)
        controls.download_csv(table, filename=f"compare-{split}-{source_row}-scores", key=f"{key}-one-scores")


def _scores_of_one(planes: Sequence[Plane], others: Sequence[Plane], rows: Sequence[int]) -> pd.DataFrame:
    """D, R and negative ELBO of an image in each run, and A minus those that compare."""
    table: dict[str, list[object]] = {"Score": [SCORES[name].title for name in PAIRED]}
    for plane, row in zip(planes, rows, strict=True):
        values = _three(plane, np.array([row])) if row >= 0 else {}
        table[plane.side.letter] = [float(values[name][0]) if name in values else None for name in PAIRED]
    first = planes[0].side.letter
    for plane in others:
        letter = plane.side.letter
        pairs = zip(table[first], table[letter], strict=True)
        table[f"{first} − {letter}"] = [
            None if one is None or two is None else one - two  # type: ignore[operator]
            for one, two in pairs
        ]
    return pd.DataFrame(table, dtype=object)


def _three(plane: Plane, rows: np.ndarray) -> dict[str, np.ndarray]:
    """D, R and negative ELBO of rows of a plane, (N,) nats each; without R where there is no posterior."""
    latents = plane.data.latents
    distortion = latents.distortion[rows].astype(np.float64)
    if latents.rate is None:
        return {"distortion": distortion}
    rate = latents.rate[rows].astype(np.float64)
    return {"distortion": distortion, "rate": rate, "negative_elbo": distortion + rate}


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    def text(value: object) -> str:
        if isinstance(value, str):
            return value
        return controls.show_number(value).replace("-", "−")  # type: ignore[arg-type]

    return table.map(text)


def _several(
    planes: Sequence[Plane], others: Sequence[Plane], joined: Joined, ids: Sequence[int], *, key: str
) -> None:
    shown = list(ids[:MOST])
    original = _originals(planes[0], shown)
    letters = [plane.side.letter for plane in planes]
    made = [
        _at_mean(plane, rows) for plane, rows in zip(planes, _rows_of(planes, joined, shown), strict=True)
    ]
    parts = made if original is None else [original, *made]
    labels = letters if original is None else ["original", *letters]
    rows_of_all = _rows_of(planes, joined, ids)
    averages = []
    for plane, rows in zip(planes, rows_of_all, strict=True):
        here = plane.data.latents.select(rows[rows >= 0])
        if len(here):
            rate = "" if here.rate is None else f", mean R = {here.rate.mean(dtype=np.float64):.2f}"
            averages.append(
                f"{plane.side.letter}: mean D = {here.distortion.mean(dtype=np.float64):.2f}{rate}"
            )
    of = f", the first {len(shown)} of them shown" if len(ids) > len(shown) else ""
    st.markdown(f"**{len(ids):,} images selected**{of}")
    controls.picture(
        rows_png(parts, labels=labels, gap=4, scale=enlarge(parts[0].shape[-1], to=TILE), room_for=[WIDEST]),
        key=f"{key}-selected",
        filename="compare-selected",
        caption=f"Reconstructions at the mean. Over all selected, nats per image: {'; '.join(averages)}.",
        alt=f"{len(shown)} selected images and their reconstructions by {letters_of([p.side for p in planes])}",
        frame=partial(rows_frame, labels, parts, shown),
    )
    difference_images(
        letters,
        original,
        made,
        shown,
        key=f"{key}-selected-difference",
        filename="compare-selected-difference",
        first=letters[0],
    )
    _changes(planes, others, joined, ids, rows_of_all, key=key)


def _changes(
    planes: Sequence[Plane],
    others: Sequence[Plane],
    joined: Joined,
    ids: Sequence[int],
    rows_of_all: Sequence[np.ndarray],
    *,
    key: str,
) -> None:
    """How D, R and the negative ELBO of the selected images change from A to each other run, paired."""
    first = planes[0]
    pairs: dict[str, Mapping[str, PairedDifference]] = {}
    for plane, rows in zip(planes, rows_of_all, strict=True):
        both = (rows_of_all[0] >= 0) & (rows >= 0)
        if plane in others and both.any():
            pairs[plane.side.letter] = gateway.paired_points(
                first.data, plane.data, (rows_of_all[0][both], rows[both])
            )
    letter = first.side.letter
    if pairs:
        st.markdown(f"**Change over the selected images: {letter} against each run**")
        pairs_table(letter, pairs, key=f"{key}-changes", filename="compare-selected-differences")
        st.caption(
            "Paired image by image, 95 % interval of the mean (Student's t). Images that were chosen because they "
            "looked good or bad in one run favour or harm it: only all test images, below, say which is better."
        )
    controls.download_csv(
        _per_image(planes, others, joined, ids, rows_of_all),
        filename="compare-selected-scores",
        key=f"{key}-scores",
        label="Scores of each image (CSV)",
    )


def _per_image(
    planes: Sequence[Plane],
    others: Sequence[Plane],
    joined: Joined,
    ids: Sequence[int],
    rows_of_all: Sequence[np.ndarray],
) -> pd.DataFrame:
    """One line a selected image: split, row, label, each run's D, R and negative ELBO, and A minus each."""
    places = np.searchsorted(joined.data.ids, np.asarray(ids, np.uint32))
    split_rows = [gateway.split_and_row(int(one)) for one in ids]
    frame: dict[str, object] = {
        "split": [split for split, _ in split_rows],
        "image": [row for _, row in split_rows],
        "label": joined.data.latents.labels[places],
    }
    found = []
    for plane, rows in zip(planes, rows_of_all, strict=True):
        values = {}
        for name, numbers in _three(plane, np.maximum(rows, 0)).items():
            values[name] = np.where(rows >= 0, numbers, np.nan)
            frame[f"{name}_{plane.side.letter.lower()}"] = values[name]
        found.append(values)
    first = planes[0].side.letter.lower()
    for plane, values in zip(planes, found, strict=True):
        if plane in others:
            for name in values.keys() & found[0].keys():
                frame[f"{name}_{first}_minus_{plane.side.letter.lower()}"] = found[0][name] - values[name]
    return pd.DataFrame(frame)
