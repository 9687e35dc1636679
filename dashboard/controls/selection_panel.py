"""What a set of images shows in a run: classes, originals and reconstructions, worst and best, and the errors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import gateway, state
from dashboard.charts.counts import counts_figure, counts_frame
from dashboard.charts.errors import (
    bands_png,
    error_map_figure,
    error_map_frame,
    heat_colours,
    heat_limit,
)
from dashboard.controls.choices import select
from dashboard.controls.colouring import per_image
from dashboard.controls.frames import download_csv, figure, picture
from dashboard.controls.needs import Bar, need_latents
from dashboard.controls.selections import images_text
from dashboard.controls.words import is_dark, plain
from dashboard.gateway import SCORES, ErrorMaps, MapData, RunRecord, VAEScopeError

TILE = 64
"""Side of an image, in pixels, about: pixels are enlarged by whole factors"""
COLUMNS = 12
SIZES = {str(size): str(size) for size in (12, 24, 48, 96)}
"""Images on a page of the grid"""
EXTREME = 6
"""Images shown as worst, and as best"""
AT_ONCE = 2_000
"""Images whose errors are computed without being asked for"""
THREE = ("distortion", "rate", "negative_elbo")
NO_LABEL = "no label"


@dataclass(frozen=True, eq=False)
class Seen:
    """A set of images as a run sees them."""

    record: RunRecord
    data: MapData
    scores: dict[str, np.ndarray]
    """Name -> (N,) nats; without rate and negative ELBO where there is no posterior"""
    here: bool
    """Whether the images of the data set are on this machine"""
    key: str

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes."""
        assert self.record.document is not None
        return self.record.document.data.class_names

    @property
    def by(self) -> str:
        """Score by which images are worse or better."""
        return gateway.worst_first_by(self.data.latents)

    def label(self, row: int) -> str:
        """Label of an image in words."""
        label = int(self.data.latents.labels[row])
        return self.class_names[label] if label >= 0 else NO_LABEL


def selection_panel(record: RunRecord, map_ids: Sequence[int] | np.ndarray, *, key: str) -> None:
    """Draw what a set of images shows in a run.

    Works without labels, without a posterior (then D stands for the negative ELBO), and without the images on this
    machine (then only reconstructions, decoded from the stored means).

    Args:
        record: of the run.
        map_ids: of the images, in any order; those that the run does not have are counted and left out.
        key: of the widgets, unique on the page; also of their values in the URL.
    """
    ids = np.unique(np.asarray(map_ids, np.uint32))
    if not len(ids):
        st.caption("No image is selected.")
        return
    known = gateway.splits_of(record)
    codes = [gateway.SPLIT_CODES.index(split) for split in known]
    of_run = ids[np.isin(ids >> gateway.ROW_BITS, codes)]
    splits = [gateway.SPLIT_CODES[int(code)] for code in np.unique(of_run >> gateway.ROW_BITS)]
    if splits and not need_latents(record, splits):
        return
    data = gateway.points(record, of_run)
    if len(data.ids) < len(ids):
        st.caption(f"This run has {len(data.ids):,} of these {len(ids):,} images; the others are left out.")
    if not len(data.ids):
        return
    scores = {name: values for name in THREE if (values := per_image(data.latents, name)) is not None}
    seen = Seen(record, data, scores, gateway.has_images(record), key)
    left, right = st.columns([1.4, 1], gap="large", vertical_alignment="center")
    with left:
        _counts(seen)
    with right:
        _averages(seen)
    errors = _errors(seen)
    if not seen.here:
        st.caption(
            f"The images of {plain(record.config.dataset)} are not on this machine: what is shown is decoded from the "
            "stored means, without originals and errors."
        )
    try:
        _grid(seen)
        _extremes(seen)
        _error_map(seen, errors)
    except VAEScopeError as error:
        st.error(plain(str(error)), icon=":material/error:")
    download_csv(
        images_frame(seen, errors),
        filename=f"{record.id}-selection",
        key=f"{key}-images",
        label=f"All {images_text(len(data.ids))} (CSV)" if len(data.ids) > 1 else "This image (CSV)",
    )


def _counts(seen: Seen) -> None:
    labels = seen.data.latents.labels
    counts = counts_frame(labels, class_names=seen.class_names)
    some = counts[counts["images"] > 0]
    figure(
        counts_figure(labels, class_names=seen.class_names, dark=is_dark()),
        key=f"{seen.key}-counts",
        filename="selection-classes",
        frame=counts,
        alt="Images of each class: " + ", ".join(f"{row.label} {row.images}" for row in some.itertuples()),
    )


def _averages(seen: Seen) -> None:
    """Mean, lowest and highest of each score over the images."""
    rows = [
        {
            "nats per image": SCORES[name].title,
            "mean": float(values.mean()),
            "lowest": float(values.min()),
            "highest": float(values.max()),
            "better": SCORES[name].direction or "neither",
        }
        for name, values in seen.scores.items()
    ]
    number = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key=f"{seen.key}-averages",
        column_config=dict.fromkeys(("mean", "lowest", "highest"), number),
        alt="Averages of the scores over the images",
    )
    splits, counts = np.unique(seen.data.splits, return_counts=True)
    where = ", ".join(
        f"{count:,} {gateway.SPLIT_CODES[int(code)]}" for code, count in zip(splits, counts, strict=True)
    )
    note = "" if "rate" in seen.scores else " Rate and negative ELBO do not apply: there is no posterior."
    st.caption(f"{images_text(len(seen.data.ids))}: {where}. D is at one seeded draw of z an image.{note}")


def _errors(seen: Seen) -> ErrorMaps | None:
    """Errors of all images, where they are few or were asked for; None where they are not known."""
    if not seen.here:
        return None
    many = len(seen.data.ids) > AT_ONCE
    ready = gateway.error_maps_ready(seen.record, seen.data)
    if many and not ready and not state.recall(f"{seen.key}-all-errors"):
        return None
    state.forget(f"{seen.key}-all-errors")
    bar = Bar("Errors of the reconstructions:") if many and not ready else None
    try:
        return gateway.error_maps(seen.record, seen.data, bar)
    except VAEScopeError:
        return None  # what is wrong with the weights is said once, by the pictures
    finally:
        if bar is not None:
            bar.close()


# --- pictures -----------------------------------------------------------------------------------------------------


def _bands(seen: Seen, rows: np.ndarray, *, most: int = COLUMNS) -> bytes:
    """Originals over reconstructions over errors of some of the images, with their rows in the source above them."""
    ids = seen.data.ids[rows]
    made = gateway.decode(seen.record, seen.data.latents.means[rows], seen.data.latents.labels[rows])
    heads = [str(gateway.split_and_row(int(one))[1]) for one in ids]
    scale = max(1, round(TILE / made.shape[-1]))
    columns = max(1, min(most, COLUMNS * TILE // (made.shape[-1] * scale)))
    if not seen.here:
        return bands_png([made], labels=["at the mean"], heads=heads, columns=columns, scale=scale)
    originals = gateway.originals(seen.record, ids)
    squares = np.square(gateway.unit(originals) - made).mean(axis=1)
    limit = heat_limit(squares)
    return bands_png(
        [originals, made, heat_colours(squares, limit=limit)],
        labels=["original", "at the mean", "error"],
        heads=heads,
        columns=columns,
        scale=scale,
        limit=limit,
    )


def _grid(seen: Seen) -> None:
    count = len(seen.data.ids)
    st.subheader("Originals and reconstructions", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=150):
            size = int(select("Images a page", SIZES, key=f"{seen.key}-size", default="24"))
        title = SCORES[seen.by].title
        orders = {
            "row": "By row",
            "label": "By label",
            "worst": f"Worst {title} first",
            "best": f"Best {title} first",
        }
        with st.container(width=250):
            order = select("Order", orders, key=f"{seen.key}-order", default="row")
        page = page_number(f"{seen.key}-page", pages=-(-count // size))
    values = seen.scores[seen.by]
    keys = {
        "row": seen.data.ids,
        "label": seen.data.latents.labels,
        "worst": -values,
        "best": values,
    }
    rows = np.argsort(keys[order], kind="stable")[(page - 1) * size : page * size]
    first = (page - 1) * size + 1
    picture(
        _bands(seen, rows),
        key=f"{seen.key}-grid",
        filename=f"{seen.record.id}-selection-{first}",
        caption=f"Images {first:,} to {first + len(rows) - 1:,} of {count:,}. The number is the row in the data set; "
        "reconstructions are at the mean" + ("; errors are squared, pixels in [0, 1]." if seen.here else "."),
        alt=f"{len(rows)} images and their reconstructions at the mean",
    )


def page_number(key: str, *, pages: int) -> int:
    """Turn pages, counted from 1; the number lives in the URL. Draws nothing where there is one page."""

    def parse(text: str) -> int | None:
        return int(text) if text.isascii() and text.isdigit() and len(text) < 9 and int(text) > 0 else None

    state.restore(key, parse=parse, default=1)
    state.limit(key, lambda value: 1 <= value <= pages, 1)
    page = int(state.current(key))
    if pages > 1:
        # Streamlit's own choice begins at a page that is given once, so another choice from elsewhere begins a new one
        before = state.recall(key)
        if before is None or before[:2] != (pages, page):
            before = (pages, page, before[2] + 1 if before else 0)
        # stretched, or it takes the width of the pages that it had before for all that there is
        turned = int(st.pagination(pages, default=page, width="stretch", key=f"{key}-{before[2]}"))
        state.remember(key, (pages, turned, before[2]))
        if turned != page:
            page = turned
            state.put(key, page)
    state.share(key, page, None if page == 1 else str(page))
    return page


def _extremes(seen: Seen) -> None:
    if len(seen.data.ids) < 2:
        return
    score = SCORES[seen.by]
    worst, best = gateway.extremes(seen.data.latents, seen.by, EXTREME)
    for column, rows, name in zip(st.columns(2, gap="large"), (worst, best), ("Worst", "Best"), strict=True):
        with column:
            st.subheader(f"{name} by {score.title}", anchor=False)
            words = [
                f"{gateway.split_and_row(int(seen.data.ids[row]))[1]} ({plain(seen.label(row))}) "
                f"{seen.scores[seen.by][row]:.2f}"
                for row in rows
            ]
            picture(
                _bands(seen, rows, most=EXTREME),
                key=f"{seen.key}-{name.lower()}",
                filename=f"{seen.record.id}-selection-{name.lower()}",
                caption=f"{score.title}, {score.unit}, lower is better: {', '.join(words)}.",
                alt=f"The {len(rows)} {name.lower()} images by {score.title}",
            )


def _error_map(seen: Seen, errors: ErrorMaps | None) -> None:
    if not seen.here:
        return
    st.subheader("Where the error is, over all of them", anchor=False)
    if errors is None:
        st.caption(
            f"These are {images_text(len(seen.data.ids))}: their average error is computed when you ask for it, once."
        )
        if st.button("Compute the errors", key=f"{seen.key}-errors", icon=":material/calculate:"):
            state.remember(f"{seen.key}-all-errors", True)
            st.rerun()
        return
    left, right = st.columns([1.4, 1], gap="large", vertical_alignment="center")
    with left:
        figure(
            error_map_figure(errors.average, images=len(errors.per_image), dark=is_dark()),
            key=f"{seen.key}-error-map",
            filename=f"{seen.record.id}-selection-error-map",
            frame=error_map_frame(errors.average),
            alt="Average squared error of each pixel over the images",
        )
    with right:
        mean = float(errors.per_image.mean(dtype=np.float64))
        st.markdown(
            f"**{mean:.4f}** mean squared error per pixel of the reconstruction at the mean, pixels in [0, 1], lower "
            f"is better. The lowest image has {errors.per_image.min():.4f}, the highest {errors.per_image.max():.4f}."
        )


def images_frame(seen: Seen, errors: ErrorMaps | None) -> pd.DataFrame:
    """One line an image: split, row, label, D, R, negative ELBO in nats, and its error where it is known."""
    splits_and_rows = [gateway.split_and_row(int(one)) for one in seen.data.ids]
    frame = pd.DataFrame(
        {
            "split": [split for split, _ in splits_and_rows],
            "row": [row for _, row in splits_and_rows],
            "label": [seen.label(row) for row in range(len(seen.data.ids))],
            **{f"{name} (nats)": values for name, values in seen.scores.items()},
        }
    )
    if errors is not None:
        frame["squared error per pixel"] = errors.per_image
    return frame
