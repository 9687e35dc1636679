"""Errors as colours: images over their reconstructions and errors, with a colour bar, and the average error map."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from PIL import Image, ImageDraw
from plotly.colors import get_colorscale, sample_colorscale, unlabel_rgb

from dashboard.charts.figure import new_figure
from dashboard.charts.images import (
    NUMBER_BAND,
    TEXT_GREY,
    _ascii,
    _font,
    _png,
    _tiles,
    _with_channels,
    _words_png,
    _write,
)
from dashboard.theme import SEQUENTIAL_SCALE

UNIT = "squared error per pixel"
BAR = 44
"""Height in pixels that the colour bar takes under a picture."""
BAR_WIDTH = 220
_HEAT = np.array(
    [
        unlabel_rgb(one)
        for one in sample_colorscale(get_colorscale(SEQUENTIAL_SCALE), np.linspace(0, 1, 256).tolist())
    ]
)
"""(256, 3) colours of the scale, 0 to 255."""


def heat_colours(values: np.ndarray, *, limit: float) -> np.ndarray:
    """Colour values from 0 to `limit` by the scale of heat maps; what lies beyond has the colour of the end.

    Args:
        values: (N, H, W), 0 or more; NaN stays NaN.
        limit: value at the light end of the scale.

    Returns:
        (N, 3, H, W) floats in [0, 1], for `image_grid`, `rows_png` and `bands_png`.

    Raises:
        ValueError: if `limit` is not above 0.
    """
    if not limit > 0:
        raise ValueError(f"The value at the end of the scale must be above 0, not {limit}.")
    steps = np.rint(np.clip(np.nan_to_num(values) / limit, 0, 1) * 255).astype(np.int64)
    colours = np.where(np.isnan(values)[..., None], np.nan, _HEAT[steps] / 255)
    return np.asarray(colours.transpose(0, 3, 1, 2))


def heat_limit(values: np.ndarray) -> float:
    """Value for the end of the scale: the 99.5 % quantile, rounded up to two digits; 1 where all is 0 or nothing."""
    finite = values[np.isfinite(values)]
    top = float(np.quantile(finite, 0.995)) if finite.size else 0.0
    if top <= 0:
        return 1.0
    unit = 10.0 ** (np.floor(np.log10(top)) - 1)
    return float(np.ceil(top / unit - 1e-9) * unit)


def bands_png(
    rows: Sequence[np.ndarray],
    *,
    labels: Sequence[str],
    heads: Sequence[str],
    columns: int,
    gap: int = 3,
    scale: int = 1,
    limit: float | None = None,
) -> bytes:
    """Break rows of images that belong together into bands of `columns`: image k of each row stays under the others.

    Args:
        rows: arrays (N, C, H, W) of one shape but for the channels, such as originals, reconstructions and errors.
        labels: a text at the left of each row.
        heads: a text above each image, (N,), such as its number.
        columns: images in a band; the picture is so wide however few there are, so that no page stretches it.
        gap: transparent pixels between images; bands stand four times as far apart.
        scale: how often each pixel is repeated each way.
        limit: value at the end of the scale of `heat_colours`, drawn as a bar under the picture; None draws none.

    Returns:
        PNG bytes; image k of row r of the band b = k // columns has its top left pixel at
        x = left + (k % columns) * (W * scale + gap), y = b * height of a band + NUMBER_BAND + r * (H * scale + gap),
        where left is what the labels need.

    Raises:
        ValueError: if rows, labels and heads do not fit one another.
    """
    tiles = [_tiles(row, scale=scale) for row in rows]
    count = len(heads)
    if len(labels) != len(tiles) or any(len(row) != count for row in tiles):
        raise ValueError(
            f"{len(tiles)} rows need a label each and {count} images each, not {len(labels)} labels and rows of "
            f"{[len(row) for row in tiles]}."
        )
    if not count or not tiles:
        return _words_png("no images")
    if len({row.shape[1:3] for row in tiles}) > 1:
        raise ValueError("Rows must hold images of one size.")
    height, width = tiles[0].shape[1:3]
    left = max(int(_font().getlength(_ascii(label))) for label in labels) + 10
    band = NUMBER_BAND + len(tiles) * (height + gap) + 3 * gap
    bands = -(-count // columns)
    wide = left + columns * (width + gap) - gap
    size = (
        max(wide, left + BAR_WIDTH + 90) if limit else wide,
        bands * band - 4 * gap + (BAR if limit else 0),
    )
    canvas = np.zeros((size[1], size[0], 4), np.uint8)
    for r, row in enumerate(tiles):
        for k, tile in enumerate(row):
            x = left + (k % columns) * (width + gap)
            y = (k // columns) * band + NUMBER_BAND + r * (height + gap)
            canvas[y : y + height, x : x + width] = _with_channels(tile, 4)
    picture = Image.fromarray(canvas)
    for b in range(bands):
        for r, label in enumerate(labels):
            y = b * band + NUMBER_BAND + r * (height + gap) + height // 2
            _write(picture, _ascii(label), x=left - 8, y=y, anchor="rm")
    for k, head in enumerate(heads):
        x = left + (k % columns) * (width + gap) + width // 2
        _write(picture, _ascii(head), x=x, y=(k // columns) * band + NUMBER_BAND // 2, anchor="mm")
    if limit:
        _draw_bar(picture, limit, x=left, y=size[1] - BAR + 8)
    return _png(picture)


def _draw_bar(picture: Image.Image, limit: float, *, x: int, y: int) -> None:
    """Draw the scale from 0 to `limit` with its unit, in place."""
    steps = np.linspace(0, 255, BAR_WIDTH).round().astype(int)
    colours = np.broadcast_to(_HEAT[steps].round().astype(np.uint8), (10, BAR_WIDTH, 3))
    picture.paste(Image.fromarray(np.ascontiguousarray(colours)), (x, y))
    grey = (TEXT_GREY, TEXT_GREY, TEXT_GREY, 255)
    ImageDraw.Draw(picture).rectangle((x - 1, y - 1, x + BAR_WIDTH, y + 10), outline=grey)
    _write(picture, "0", x=x, y=y + 18, anchor="lm")
    _write(picture, UNIT, x=x + BAR_WIDTH // 2, y=y + 18, anchor="mm")
    _write(picture, f"{limit:.2g} or more", x=x + BAR_WIDTH - 14, y=y + 18, anchor="lm")


def error_map_figure(average: np.ndarray, *, images: int, dark: bool) -> go.Figure:
    """Draw the average error of each pixel, row 0 at the top, one square a pixel.

    Args:
        average: (H, W) squared error, mean over the images.
        images: how many they are.
        dark: whether the page is dark.

    Returns:
        The figure, one heat map with its colour bar.
    """
    figure = new_figure(
        "Where the error is",
        x_title="Column",
        y_title="Row",
        uirevision="error-map",
        dark=dark,
        subtitle=f"mean of {images:,} image{'' if images == 1 else 's'}, lower is better",
        height=380,
    )
    figure.add_trace(
        go.Heatmap(
            z=average.astype(np.float32),
            zmin=0,
            colorscale=SEQUENTIAL_SCALE,
            colorbar={"title": {"text": UNIT, "side": "right"}, "thickness": 14},
            hovertemplate="row %{y}, column %{x}: <b>%{z:.4f}</b><extra></extra>",
        )
    )
    figure.update_xaxes(constrain="domain", showgrid=False)
    figure.update_yaxes(autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False)
    return figure


def error_map_frame(average: np.ndarray) -> pd.DataFrame:
    """The average error of each pixel as a table (row, column, squared_error), for CSV."""
    row, column = (index.ravel() for index in np.indices(average.shape, dtype=np.int32))
    return pd.DataFrame({"row": row, "column": column, "squared_error": average.ravel()})
