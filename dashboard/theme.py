"""Colours, fonts and the figure template: one look for every page, dark and light.

A class keeps its colour on every page, whatever the data set's order of drawing, so a colour learned on one
figure reads on the next. A leaf: it imports neither Streamlit nor core.
"""

from dataclasses import dataclass
from functools import cache

import plotly.graph_objects as go
from plotly.colors import sequential as plotly_sequential

CLASS_COLOURS: tuple[str, ...] = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
"""Colour of class 0 to 9: the ten-colour sequence of Petroff, "Accessible Color Sequences for Data
Visualization" (2021, arXiv:2107.02270), optimised for colour-vision deficiency and in its published order."""

UNLABELLED_COLOUR = "#585858"
"""Colour of images without a label; apart from both greys of `CLASS_COLOURS`."""

RUN_COLOURS: tuple[str, ...] = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
    "#9123fb",
    "#9bb560",
    "#964b31",
    "#8f77f6",
    "#526163",
)
"""Colours of runs overlaid in one figure, enough for a sweep over ten betas: six of Okabe and Ito (without
black and yellow, which vanish on a dark and on a light page), then five chosen one by one for the largest
distance to those before under simulated colour-vision deficiency."""

SPLIT_MARKERS: dict[str, str] = {
    "train": "circle",
    "validation": "diamond",
    "test": "square",
    "selection": "star",
}
"""Plotly marker symbol of each split, so that splits differ without colour; a star for a selection of images."""

SPLIT_DASHES: dict[str, str] = {"train": "solid", "validation": "dash", "test": "dash"}
"""Plotly dash of each split's line: train solid, held-out data dashed."""

FONT_FAMILY = '"Source Sans", "Source Sans Pro", "Segoe UI", "Helvetica Neue", Arial, sans-serif'
"""Font of figures: Streamlit's own where it is loaded, else the system's."""

SEQUENTIAL_SCALE = "Cividis"
"""Colour scale of heat maps: perceptually uniform and the same with red-green deficiency (Nunez 2018)."""

POINT_SCALE: tuple[str, ...] = tuple(plotly_sequential.Viridis)
"""Colours of points by a number, dark to light in ten even steps, "#rrggbb": viridis (van der Walt and Smith 2015),
perceptually uniform for deficient colour vision too. Its hues tell small points apart where Cividis is grey."""

SIGNED_POINT_SCALE: tuple[str, ...] = ("#1557a0", "#5f98cf", "#c3c8cf", "#e08a62", "#b2182b")
"""Colours of points by a difference on a light page, in even steps: blue below zero, red above, as in the pictures of
differences, told apart with red-green deficiency too. Zero is a grey that steps back from the page but can be seen."""

SIGNED_POINT_SCALE_DARK: tuple[str, ...] = ("#6cb6ff", "#4a82bd", "#545c68", "#bd6a4e", "#ff8a6b")
"""The same on a dark page: the ends are light, and zero is dark."""


@dataclass(frozen=True)
class Palette:
    """Colours of a figure's furniture in one theme, as CSS colours.

    Attributes:
        text: titles, axis titles and labels.
        muted: secondary text and reference lines.
        grid: grid lines.
        axis: axis lines and ticks.
        surface: opaque backing of hover boxes and of text laid over data.
        accent: the one colour of data that needs no key.
    """

    text: str
    muted: str
    grid: str
    axis: str
    surface: str
    accent: str


LIGHT = Palette(
    text="#1f2733", muted="#667080", grid="#e4e8ee", axis="#a9b2bf", surface="#ffffff", accent="#0f6cbd"
)
"""Furniture on a light page."""

DARK = Palette(
    text="#e6eaf0", muted="#98a3b3", grid="#2a313c", axis="#566172", surface="#1a202a", accent="#5aa9f2"
)
"""Furniture on a dark page."""


def palette(dark: bool) -> Palette:
    """Return the furniture colours of the dark or the light theme."""
    return DARK if dark else LIGHT


def class_colour(index: int) -> str:
    """Return the colour of a class on every page.

    Args:
        index: class index; -1 means unlabelled; from 10 on the ten colours repeat.

    Returns:
        A colour as "#rrggbb".

    Raises:
        ValueError: if the index is below -1.
    """
    if index < -1:
        raise ValueError(f"A class index is -1 (unlabelled) or counts from 0, not {index}.")
    return UNLABELLED_COLOUR if index == -1 else CLASS_COLOURS[index % len(CLASS_COLOURS)]


def run_colour(index: int) -> str:
    """Return the colour of the index-th run in an overlay; colours repeat after the last."""
    return RUN_COLOURS[index % len(RUN_COLOURS)]


def plotly_text(text: object) -> str:
    """Escape text so that Plotly shows it literally.

    Plotly reads a small HTML (`<b>`, `<a href>`, `<br>`), entities, and `%{name}` templates in names and
    titles. Names come from people, so all of them are made inert; the reader sees the text as typed.

    Args:
        text: anything with a `str`.

    Returns:
        Text for any Plotly title, name, label or hover text.
    """
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A zero-width joiner breaks the template's opening without being seen.
    return "".join(c for c in escaped.replace("%{", "%\u200d{") if c.isprintable() or c in " \u200d")


def shorten(text: object, limit: int = 36) -> str:
    """Return text of at most `limit` characters, its middle replaced by an ellipsis when it is longer."""
    whole = str(text)
    if len(whole) <= limit:
        return whole
    head = limit // 2
    tail = limit - 1 - head
    return f"{whole[:head]}…{whole[len(whole) - tail :]}"


@cache
def figure_template(dark: bool) -> go.layout.Template:
    """Return the layout template of every figure, made once: a figure that takes it holds a copy.

    Paper and plot are transparent, so the page's own background shows through. Give a figure that uses it to
    `st.plotly_chart(..., theme=None)`, or Streamlit lays its own template over this one.

    Args:
        dark: whether the page is dark.

    Returns:
        A Plotly template.
    """
    colours = palette(dark)
    axis = {
        "gridcolor": colours.grid,
        "linecolor": colours.axis,
        "tickcolor": colours.axis,
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "zeroline": False,
        "automargin": True,
        "title": {"font": {"size": 13}, "standoff": 10},
        "tickfont": {"size": 12, "color": colours.muted},
    }
    return go.layout.Template(
        layout={
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": FONT_FAMILY, "size": 13, "color": colours.text},
            "colorway": list(RUN_COLOURS),
            "title": {
                "x": 0,
                "xref": "paper",
                "xanchor": "left",
                "y": 1,
                "yref": "container",
                "yanchor": "top",
                "pad": {"t": 10},
                "font": {"size": 16, "color": colours.text, "weight": 600},
                "subtitle": {"font": {"size": 12, "color": colours.muted}},
            },
            "margin": {"l": 64, "r": 18, "t": 68, "b": 56},
            "xaxis": axis,
            "yaxis": axis,
            "legend": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 0,
                "yref": "container",
                "yanchor": "bottom",
                "bgcolor": "rgba(0,0,0,0)",
                "font": {"size": 12, "color": colours.text},
            },
            "hoverlabel": {
                "bgcolor": colours.surface,
                "bordercolor": colours.axis,
                "align": "left",
                "font": {"family": FONT_FAMILY, "size": 12, "color": colours.text},
                "namelength": -1,
            },
            "modebar": {
                "bgcolor": "rgba(0,0,0,0)",
                "color": colours.muted,
                "activecolor": colours.accent,
                "orientation": "v",
            },
            "dragmode": "zoom",
        }
    )


def dimension_name(index: int, *, code: bool = False) -> str:
    """Name of a latent dimension, counted from 1: 'z 1', or 'code 1' of a family without a prior."""
    return f"{'code' if code else 'z'} {index + 1}"


def latent_axis(index: int, *, rate: float | None = None, code: bool = False) -> str:
    """Title of an axis of a latent plane, with its unit, and the dimension's rate where it has one."""
    if code:
        return f"{dimension_name(index, code=True)} (no unit)"
    known = "" if rate is None else f"; R = {rate:.2f} nats per image"
    return f"{dimension_name(index)} (prior σ{known})"


def p_value_axis(index: int, *, code: bool = False) -> str:
    """Title of an axis of a p-value map."""
    return f"p-value of {dimension_name(index, code=code)} (no unit)"
