"""The table of data sets, and one of them: its images, its classes, and what was left out of it."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.counts import counts_figure, split_counts_frame
from dashboard.charts.glyphs import reading
from dashboard.charts.images import enlarge, image_frame, image_grid
from dashboard.gateway import DatasetInfo, VAEScopeError
from dashboard.pages import _data_dialogs as dialogs

SHOWN = 60
COLUMNS = 15
TILE = 44
"""Side in pixels that an image is enlarged to"""
SPLITS = {"train": "Train", "test": "Test"}


def size_words(shape: tuple[int, ...], kind: str) -> str:
    """The size of an item: '28 x 28 grey', '64 x 64 RGB', '2 values'."""
    channels, height, width = shape
    return (
        f"{width} values" if kind == "vector" else f"{width} × {height} {'grey' if channels == 1 else 'RGB'}"
    )


def sets_view() -> None:
    """Draw the table and the data set that is chosen."""
    rows = gateway.data_sets()
    _table(rows)
    by_name = {row.name: row for row in rows}
    left, right = st.columns([1, 1.6], vertical_alignment="bottom")
    with left:
        name = controls.select(
            "Data set", {row.name: row.title for row in rows}, key="set", default=rows[0].name
        )
    row = by_name[name]
    if not gateway.is_here(row):
        controls.offer_data(row.name)
        return
    with right:
        split = controls.segmented("Images", SPLITS, key="set-split", default="train")
    try:
        _examples(row, split)
        _classes(row)
    except VAEScopeError as error:
        st.error(controls.plain(str(error)), icon=":material/error:")
    if row.own:
        _own(row)
    _use(row)


def _table(rows: tuple[DatasetInfo, ...]) -> None:
    frame = pd.DataFrame(
        {
            "name": [row.name for row in rows],
            "items": [size_words(row.shape, row.kind) for row in rows],
            "classes": [len(row.class_names) for row in rows],
            "train": [row.train_images for row in rows],
            "test": [row.test_images for row in rows],
            "here": [gateway.is_here(row) for row in rows],
            "source": [row.source for row in rows],
            "licence": [row.licence for row in rows],
        }
    )
    st.dataframe(
        frame,
        key="data-table",
        hide_index=True,
        alt="Table of the data sets",
        column_config={
            "name": st.column_config.TextColumn("Name", width=140),
            "items": st.column_config.TextColumn("Each", width=110),
            "classes": st.column_config.NumberColumn("Classes", width=70),
            "train": st.column_config.NumberColumn("Train", width=80, format="localized"),
            "test": st.column_config.NumberColumn("Test", width=80, format="localized"),
            "here": st.column_config.CheckboxColumn("Here", width=60, help="On this machine."),
            "source": st.column_config.TextColumn("Source", width=320),
            "licence": st.column_config.TextColumn("Licence", width=140),
        },
    )
    controls.download_csv(frame, filename="data-sets", key="data-sets", label="This table (CSV)")


def examples_grid(values: np.ndarray) -> bytes:
    """Some items of a data set as one picture, PNG bytes."""
    return image_grid(values, columns=COLUMNS, scale=enlarge(max(values.shape[2:]), to=TILE), gap=2)


def _examples(row: DatasetInfo, split: str) -> None:
    found = gateway.examples(row.name, split, SHOWN)
    controls.picture(
        examples_grid(found.images),
        key="data-examples",
        filename=f"{row.name}-{split}-examples",
        caption=f"{len(found.rows)} of {len(found.labels):,} {split} items, in the order of their labels "
        f"(stratified, seed 0).{reading(found.images.shape[1:])}",
        alt=f"Examples of the {split} items of this data set, in the order of their labels",
        frame=lambda: image_frame(found.images, ids=found.rows),
    )


def _classes(row: DatasetInfo) -> None:
    labels = {split: gateway.images(row.name, split).labels for split in SPLITS}
    if not row.class_names:
        st.caption(
            "These data have no labels: points bear one colour, and families that need a label cannot be trained."
        )
        return
    frame = split_counts_frame(labels, class_names=row.class_names)
    every = np.concatenate(list(labels.values()))
    controls.figure(
        counts_figure(every, class_names=row.class_names, dark=controls.is_dark()),
        key="data-classes",
        filename=f"{row.name}-classes",
        frame=frame,
        alt="Number of items of each class, both splits together",
    )


def _own(row: DatasetInfo) -> None:
    one = gateway.own_set(row.name)
    assert one.document is not None
    drawn = f"at random, stratified, seed {one.request.options.seed}"
    st.caption(
        f"Added from {controls.plain(one.origin)}: {controls.plain(one.document.what)}, split "
        f"{'as the source has it' if one.document.own_split else drawn}, {gateway.size_text(gateway.own_size(one))}."
    )
    try:
        left_out_table(gateway.left_out(one), one.document.left_out_count)
    except VAEScopeError as error:
        st.error(controls.plain(str(error)), icon=":material/error:")
    if st.button("Delete", key="data-delete", icon=":material/delete:"):
        dialogs.ask_to_delete(one)


def left_out_table(items: tuple[tuple[str, str], ...], count: int) -> None:
    """Draw what could not be used, with the reasons."""
    if not count:
        st.caption("Nothing was left out.")
        return
    frame = pd.DataFrame(items, columns=["file", "why"])
    with st.expander(f"Left out: {count:,}", key="data-left-out"):
        st.dataframe(
            frame,
            hide_index=True,
            height=260,
            alt="What was left out, and why",
            column_config={
                "file": st.column_config.TextColumn("What", width=320),
                "why": st.column_config.TextColumn("Why", width=420),
            },
        )
        if count > len(frame):
            st.caption(f"The first {len(frame):,} of them.")
        controls.download_csv(frame, filename="left-out", key="left-out", label="This list (CSV)")


def _use(row: DatasetInfo) -> None:
    if gateway.is_here(row) and st.button("Train on it", key="data-train", icon=":material/model_training:"):
        recipe, _ = gateway.first_settings(row.name, row.kind, row.train_images)
        controls.go("train", recipe=recipe, on=row.name)
    st.caption("The same in a terminal:")
    st.code(gateway.first_training(row.name, row.kind, row.train_images), language="sh")
