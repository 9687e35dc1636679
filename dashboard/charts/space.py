"""Images as points in three dimensions, to be turned about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.figure import SUBTITLE_TOP, say_empty
from dashboard.theme import POINT_SCALE, SPLIT_MARKERS, class_colour, figure_template, palette, plotly_text

SIZE, SELECTED_SIZE, MARKED_SIZE = 3.2, 6, 11
"""Of a point, and of the rings about a selected and the chosen one, in pixels"""
HEIGHT = 660


@dataclass(frozen=True, eq=False)
class Colouring:
    """Numbers that colour the points: their colour bar's title and its ends."""

    values: np.ndarray
    """(N,), NaN where a point has none"""
    title: str
    low: float
    high: float


def space_3d(
    xyz: np.ndarray,
    *,
    labels: np.ndarray,
    class_names: Sequence[str],
    splits: np.ndarray,
    rows: np.ndarray,
    ids: np.ndarray,
    axes: Sequence[str],
    title: str,
    subtitle: str,
    uirevision: str,
    dark: bool,
    by_split: bool = False,
    colouring: Colouring | None = None,
    marked: int | None = None,
    selected: np.ndarray | None = None,
) -> go.Figure:
    """Draw points in three dimensions, one unit equally long on all axes; a split has its marker.

    Args:
        xyz: (N, 3) coordinates.
        labels: (N,) class indices; -1 is unlabelled.
        class_names: name of each class.
        splits: (N,) 'train', 'validation' or 'test'.
        rows: (N,) rows in the source, for the hover box.
        ids: (N,) whole numbers; a click reports that of its point.
        axes: three titles.
        title: of the figure, in our words.
        subtitle: a line under it.
        uirevision: camera and hidden legend entries are kept as long as this stays the same.
        dark: whether the page is dark.
        by_split: one trace a split, in the split's colour, instead of one a class.
        colouring: numbers that colour the points, in one trace, instead of the classes.
        marked: row of the chosen point, or None.
        selected: rows of the selected points, or None.

    Returns:
        The figure: its traces of points, and the rings about the selected ones and the chosen one.

    Raises:
        ValueError: arrays that do not fit together.
    """
    if xyz.ndim != 2 or xyz.shape[1] != 3 or {len(xyz)} != {len(one) for one in (labels, splits, rows, ids)}:
        raise ValueError(
            f"Each point needs three coordinates and one label, split, row and id, not {xyz.shape}."
        )
    figure = go.Figure()
    figure.update_layout(
        template=figure_template(dark),
        title={"text": title, "subtitle": {"text": subtitle}},
        uirevision=uirevision,
        height=HEIGHT,
        margin={"t": SUBTITLE_TOP, "l": 0, "r": 0, "b": 40},
        legend={"itemsizing": "constant"},
        scene=_scene(axes, uirevision, dark),
    )
    if not len(xyz):
        return say_empty(figure, "No image has a place here.", dark=dark)
    names = [class_names[one] if 0 <= one < len(class_names) else "no label" for one in labels.tolist()]
    symbols = np.array([SPLIT_MARKERS[one] for one in splits])
    for name, chosen, colour in _groups(labels, splits, class_names, by_split=by_split, colouring=colouring):
        marker = {"size": SIZE, "symbol": symbols[chosen].tolist(), "line": {"width": 0}, **colour}
        figure.add_trace(
            go.Scatter3d(
                **_coordinates(xyz[chosen]),
                mode="markers",
                name=plotly_text(name),
                marker=marker,
                showlegend=colouring is None,
                customdata=ids[chosen].astype(np.int64),
                text=[
                    f"<b>{plotly_text(names[k])}</b><br>{splits[k]} image {rows[k]}" for k in chosen.tolist()
                ],
                hovertemplate="%{text}<br>(%{x:.3~f}, %{y:.3~f}, %{z:.3~f})<extra></extra>",
            )
        )
    if selected is not None and len(selected):
        figure.add_trace(_rings(xyz[selected], "selected", size=SELECTED_SIZE, width=1.5, dark=dark))
    if marked is not None:
        figure.add_trace(_rings(xyz[[marked]], "the clicked image", size=MARKED_SIZE, width=3, dark=dark))
    return figure


def _rings(xyz: np.ndarray, name: str, *, size: float, width: float, dark: bool) -> go.Scatter3d:
    marker = {"size": size, "symbol": "circle-open", "color": palette(dark).text, "line": {"width": width}}
    return go.Scatter3d(**_coordinates(xyz), mode="markers", name=name, marker=marker, hoverinfo="skip")


def _groups(
    labels: np.ndarray,
    splits: np.ndarray,
    class_names: Sequence[str],
    *,
    by_split: bool,
    colouring: Colouring | None,
) -> Iterator[tuple[str, np.ndarray, dict[str, Any]]]:
    """Name of each trace, its rows, and the colour of its markers."""
    if colouring is not None:
        bar = {"title": {"text": plotly_text(colouring.title), "side": "right"}, "thickness": 14, "len": 0.7}
        ends = {"cmin": colouring.low, "cmax": colouring.high}
        looks = {**ends, "color": colouring.values, "colorscale": list(POINT_SCALE), "colorbar": bar}
        yield "images", np.arange(len(labels)), looks
    elif by_split:
        for k, split in enumerate(dict.fromkeys(splits.tolist())):
            yield split, np.flatnonzero(splits == split), {"color": class_colour(k)}
    else:
        for label in np.unique(labels).tolist():
            name = class_names[label] if 0 <= label < len(class_names) else "no label"
            yield name, np.flatnonzero(labels == label), {"color": class_colour(label)}


def _coordinates(xyz: np.ndarray) -> dict[str, np.ndarray]:
    return {name: xyz[:, k].astype(np.float32) for k, name in enumerate("xyz")}


def _scene(axes: Sequence[str], uirevision: str, dark: bool) -> dict[str, object]:
    """Axes of equal units, without walls."""
    colours = palette(dark)
    look = {
        "gridcolor": colours.grid,
        "zerolinecolor": colours.axis,
        "showbackground": False,
        "color": colours.muted,
        "showspikes": False,
    }
    each = {
        f"{name}axis": {**look, "title": {"text": plotly_text(text)}}
        for name, text in zip("xyz", axes, strict=True)
    }
    # a little further off than Plotly's own camera, so that the axes' names are inside
    camera = {"eye": {"x": 1.7, "y": 1.7, "z": 1.2}, "center": {"x": 0, "y": 0, "z": -0.12}}
    look_from = {"aspectmode": "data", "camera": camera, "uirevision": uirevision, "dragmode": "orbit"}
    return {**each, **look_from}
