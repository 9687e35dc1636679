"""Data: the data sets that runs can be trained on, what is in them, and a person's own to be added."""

import streamlit as st

from dashboard import controls, gateway
from dashboard.pages import _data_dialogs as dialogs
from dashboard.pages._data_add import add_form
from dashboard.pages._data_sets import sets_view
from dashboard.pages._data_way import on_their_way

HOW_TO_READ = """
A data set is a training split and a test split of images of one size, or of vectors of one length. The validation
images of a run are taken from its training split.

**Your own images** are read in a process of its own, under limits of memory and time, and stored as 8-bit grey or RGB
values in one file that is mapped from disk: it may be larger than memory. Everywhere else $x = k / 255$. Transparent
pixels lie over black, 16-bit values are divided by 257, and photographs are turned upright as their EXIF data say. What
cannot be used is left out and listed with the reason; a file that is wrong as a whole is refused, and nothing of it is
added.

**Labels** are the names of the folders, an array beside the images, or a column that you name. **Splits** are those of
the source, where it has any, else a stratified share with a seed.

**Deleting** a data set deletes the copy that was made, never the source. Runs that were trained on it stay.
"""
PARTS = {"sets": "Data sets", "add": "Add your own"}


def page() -> None:
    """Draw the page: choose, guard, compute, draw."""
    st.title("Data")
    controls.said()
    dialogs.question()
    part = controls.segmented("Show", PARTS, key="data-part", default="sets")
    on_their_way(gateway.on_their_way())
    if part == "sets":
        sets_view()
    else:
        add_form()
    controls.how_to_read(HOW_TO_READ)
