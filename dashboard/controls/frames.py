"""Figures and pictures with their downloads."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Literal, TypeAlias

import pandas as pd
import streamlit as st
from plotly.graph_objects import Figure

from dashboard import state
from dashboard.charts import plot_config
from dashboard.charts.figure import enlarged
from dashboard.components import kept_view

Frame: TypeAlias = pd.DataFrame | Callable[[], pd.DataFrame]
"""A table to download, or what makes it: a page need not make what nobody asks for"""


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """CSV of a frame; names and text cells that a spreadsheet would run as a formula are quoted with an apostrophe."""

    def safe(value: Any) -> Any:
        return (
            f"'{value}"
            if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
            else value
        )

    return frame.map(safe).rename(columns=safe).to_csv(index=False).encode()


def download_csv(
    frame: Frame,
    *,
    filename: str,
    key: str,
    label: str = "Data (CSV)",
    quiet: bool = True,
    why_not: str | None = None,
) -> None:
    """A button that downloads a frame as `<filename>.csv`; drawn as plain text if `quiet`, greyed out with a reason."""
    st.download_button(
        label,
        data=lambda: csv_bytes(frame() if callable(frame) else frame),
        file_name=f"{filename}.csv",
        mime="text/csv",
        key=f"csv-{key}",
        on_click="ignore",
        icon=":material/table:",
        type="tertiary" if quiet else "secondary",
        help=why_not,
        disabled=why_not is not None,
    )


def figure(
    drawing: Figure,
    *,
    key: str,
    filename: str,
    frame: Frame | None = None,
    alt: str = "",
    keep_view: bool = False,
) -> None:
    """Show a Plotly figure with its downloads: PNG from the figure's own bar, made in the browser, and CSV.

    Args:
        drawing: the figure.
        key: name of the figure, unique on the page.
        filename: of the downloads, without an ending.
        frame: the table behind the figure, offered as CSV.
        alt: a sentence for people who cannot see the figure.
        keep_view: for a figure that changes while it is looked at: zoom, hidden legend entries and full screen
            outlive a change of its data, as long as its `uirevision` stays the same.
    """
    shown = sized(drawing)
    with st.container(gap=None) if keep_view else nullcontext():
        st.plotly_chart(
            shown,
            key=key,
            width="stretch",
            height=room_of(shown),
            theme=None,
            config=plot_config(filename),
            alt=alt or None,
        )
        if keep_view:
            kept_view.keep_view(key)
    if frame is not None:
        download_csv(frame, filename=filename, key=key)


def _scale() -> float:
    """By how much a very wide window enlarges what is drawn."""
    return float(state.recall("scale", 1.0))


def sized(drawing: Figure) -> Figure:
    """A figure as a page draws it: larger in a very wide window."""
    return enlarged(drawing, _scale())


def pixels(count: int) -> int:
    """A width for what is as wide as so many pixels elsewhere, enlarged in a very wide window."""
    return round(count * _scale())


def width_of(png: bytes) -> int | Literal["content"]:
    """Width of a PNG on the page: its own, enlarged in a very wide window."""
    if _scale() == 1:
        return "content"
    return pixels(int.from_bytes(png[16:20], "big"))  # the width stands in a PNG's first chunk


def room_of(drawing: Figure) -> int | Literal["content"]:
    """Height to keep free for a figure: its own, so that what stands below does not jump when it is drawn."""
    return int(drawing.layout.height) if drawing.layout.height else "content"


def picture(
    png: bytes, *, key: str, filename: str, caption: str, alt: str, frame: Frame | None = None
) -> None:
    """Show a PNG picture with its downloads, at its own size or the column's width."""
    st.image(png, caption=caption, alt=alt, width=width_of(png))
    left, right = st.columns(2)
    with left:
        st.download_button(
            "Picture (PNG)",
            data=png,
            file_name=f"{filename}.png",
            mime="image/png",
            key=f"png-{key}",
            on_click="ignore",
            icon=":material/image:",
            type="tertiary",
        )
    if frame is not None:
        with right:
            download_csv(frame, filename=filename, key=key)
