"""Images as PNG bytes: grids, rows, the gapless lattice of a manifold, error maps; and a table for CSV.

Pixels are enlarged by repetition, so what is seen is what the model gave; vectors are glyphs. The space between images
and missing pixels (NaN) are transparent: they take the page's background, dark or light.
"""

import base64
import io
import zlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from dashboard.charts.glyphs import glyphs, is_vector

NUMBER_BAND = 16
"""Height in pixels of the strip above each image that holds its number."""

TEXT_GREY = 128
"""Grey of numbers and words: readable on a dark and on a light page."""

NEGATIVE = np.array([33, 102, 172])
POSITIVE = np.array([178, 24, 43])
"""Ends of the error scale (ColorBrewer RdBu, safe with colour-vision deficiency); zero is white."""


def image_grid(
    images: np.ndarray, *, columns: int, numbers: bool = False, gap: int = 1, scale: int = 1, first: int = 1
) -> bytes:
    """Lay images out in rows of `columns`.

    Image k stands in row k // columns and column k % columns. Its top left pixel is at
    x = column * (W * scale + gap), y = row * (H * scale + gap + band) + band, where the band is `NUMBER_BAND`
    with numbers, else 0. There is no gap outside the outer images.

    Args:
        images: (N, C, H, W), C = 1 or 3; uint8, or floats in [0, 1] (clipped; NaN is transparent).
        columns: images in a row, at least 1.
        numbers: whether to write the image's number above it.
        gap: transparent pixels between images, after enlargement.
        scale: how often each pixel is repeated each way, at least 1.
        first: number of the first image.

    Returns:
        PNG bytes; a small picture that reads "no images" when N is 0.

    Raises:
        ValueError: if a shape, a type or a number does not fit; the sentence names it.
    """
    tiles = _tiles(images, scale=scale)
    if columns < 1 or gap < 0:
        raise ValueError(f"A grid needs at least 1 column and no negative gap, not {columns} and {gap}.")
    if not len(tiles):
        return _words_png("no images")
    band = NUMBER_BAND if numbers else 0
    count, height, width, _ = tiles.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    canvas = np.zeros(
        (rows * (height + gap + band) - gap, columns * (width + gap) - gap, tiles.shape[-1]), dtype=np.uint8
    )
    corners = []
    for k, tile in enumerate(tiles):
        x, y = (k % columns) * (width + gap), (k // columns) * (height + gap + band) + band
        canvas[y : y + height, x : x + width] = tile
        corners.append((x, y - band))
    picture = _picture(canvas)
    if numbers:
        for k, (x, y) in enumerate(corners):
            _write(picture, str(first + k), x=x + width // 2, y=y + band // 2, anchor="mm")
    return _png(picture)


def rows_png(
    rows: Sequence[np.ndarray],
    *,
    labels: Sequence[str] | None = None,
    gap: int = 2,
    scale: int = 1,
    room_for: Sequence[str] = (),
) -> bytes:
    """Stack rows of images, image k of each row under image k of the others.

    Args:
        rows: arrays (N, C, H, W) of one image size, as for `image_grid`; N may differ.
        labels: a text at the left of each row, such as "beta 0.5"; the font has ASCII letters only, so
            "β" is written "beta" and any other letter "?".
        gap: transparent pixels between images, after enlargement.
        scale: how often each pixel is repeated each way.
        room_for: other labels that would fit too, so that two pictures with unequal labels stand in line.

    Returns:
        PNG bytes. Without labels image k of row r has its top left pixel at
        x = k * (W * scale + gap), y = r * (H * scale + gap); labels shift all images right alike.

    Raises:
        ValueError: if the rows differ in image size, or labels and rows in number.
    """
    tiles = [_tiles(row, scale=scale) for row in rows]
    if labels is not None and len(labels) != len(tiles):
        raise ValueError(
            f"Each row needs one label, but there are {len(tiles)} rows and {len(labels)} labels."
        )
    filled = [row for row in tiles if len(row)]
    if not filled:
        return _words_png("no images")
    sizes = sorted({row.shape[1:3] for row in filled})
    if len(sizes) > 1:
        raise ValueError(f"Rows must hold images of one size, not {sizes} (height, width, enlarged).")
    height, width = sizes[0]
    words = [_ascii(label) for label in labels or ()]
    asked = [*words, *(_ascii(label) for label in room_for)] if words else []
    left = max((int(_font().getlength(word)) for word in asked), default=-10) + 10
    longest = max(len(row) for row in tiles)
    channels = max(row.shape[-1] for row in filled)
    canvas = np.zeros(
        (len(tiles) * (height + gap) - gap, left + longest * (width + gap) - gap, channels), dtype=np.uint8
    )
    for r, row in enumerate(tiles):
        for k, tile in enumerate(row):
            x, y = left + k * (width + gap), r * (height + gap)
            canvas[y : y + height, x : x + width] = _with_channels(tile, channels)
    picture = _picture(canvas)
    for r, word in enumerate(words):
        _write(picture, word, x=left - 8, y=r * (height + gap) + height // 2, anchor="rm")
    return _png(picture)


def inline(png: bytes) -> str:
    """Write PNG bytes as an address that holds them."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def enlarge(side: int, *, to: int) -> int:
    """Whole factor that brings a side of so many pixels near a wanted one."""
    return max(1, round(to / side))


def lattice_png(tiles: np.ndarray, *, scale: int = 1) -> bytes:
    """Join the tiles of a decoded lattice without gaps, so that it lies over the p-value map.

    Args:
        tiles: (n, n, C, H, W), or (rows, columns, C, H, W); row 0 is the top one, as for `image_grid`.
        scale: how often each pixel is repeated each way.

    Returns:
        PNG bytes; tile (row r, column c) has its top left pixel at (c * W * scale, r * H * scale).

    Raises:
        ValueError: if a shape or type does not fit.
    """
    if tiles.ndim != 5:
        raise ValueError(
            f"Lattice tiles must be (rows, columns, channels, height, width), not {tiles.shape}."
        )
    rows, columns = tiles.shape[:2]
    if rows * columns == 0:
        return _words_png("no images")
    return image_grid(tiles.reshape(rows * columns, *tiles.shape[2:]), columns=columns, gap=0, scale=scale)


def diff_png(
    originals: np.ndarray,
    reconstructions: np.ndarray,
    *,
    columns: int,
    gap: int = 1,
    scale: int = 1,
    limit: float = 1.0,
) -> bytes:
    """Draw the signed error, reconstruction minus original: blue too dark, white right, red too bright.

    Args:
        originals: (N, C, H, W), as for `image_grid`.
        reconstructions: the same shape; uint8 or floats in [0, 1]. Channels are averaged.
        columns: images in a row.
        gap: transparent pixels between images.
        scale: how often each pixel is repeated each way.
        limit: error, in pixel values of [0, 1], at which the colour is full.

    Returns:
        PNG bytes; a NaN pixel is transparent.

    Raises:
        ValueError: if the shapes differ or `limit` is not above 0.
    """
    if originals.shape != reconstructions.shape:
        raise ValueError(
            f"Originals {originals.shape} and reconstructions {reconstructions.shape} must be alike."
        )
    colours = signed_colours(_unit(reconstructions) - _unit(originals), limit=limit)
    return image_grid(colours, columns=columns, gap=gap, scale=scale)


def signed_colours(differences: np.ndarray, *, limit: float = 1.0) -> np.ndarray:
    """Colour signed differences: blue below zero, white at zero, red above.

    Args:
        differences: floats (N, C, H, W), pixel values of [0, 1] minus others; channels are averaged.
        limit: difference at which the colour is full.

    Returns:
        (N, 3, H, W) floats in [0, 1] for `image_grid` and `rows_png`; NaN stays NaN.

    Raises:
        ValueError: if `limit` is not above 0.
    """
    if limit <= 0:
        raise ValueError(f"The error at full colour must be above 0, not {limit}.")
    error = differences.astype(np.float64).mean(axis=1)
    strength = np.clip(np.abs(error) / limit, 0.0, 1.0)[..., None]
    ends = np.where(error[..., None] < 0, NEGATIVE, POSITIVE) / 255.0
    return np.asarray((1.0 + strength * (ends - 1.0)).transpose(0, 3, 1, 2))


def image_frame(images: np.ndarray, *, ids: Sequence[int] | np.ndarray | None = None) -> pd.DataFrame:
    """Return images as a tidy table (image, row, column, channel, value), for CSV.

    Args:
        images: (N, C, H, W); values are kept as they are.
        ids: what to call each image, (N,); by default 0, 1, ...

    Returns:
        One line a pixel and channel, in reading order.

    Raises:
        ValueError: if the shape is not (N, C, H, W).
    """
    if images.ndim != 4:
        raise ValueError(f"Images must be (N, channels, height, width), not {images.shape}.")
    ordered = images.transpose(0, 2, 3, 1)
    image, row, column, channel = (index.ravel() for index in np.indices(ordered.shape, dtype=np.int32))
    names = image if ids is None else np.asarray(ids)[image]
    return pd.DataFrame(
        {"image": names, "row": row, "column": column, "channel": channel, "value": ordered.ravel()}
    )


def rows_frame(
    labels: Sequence[str], parts: Sequence[np.ndarray], ids: Sequence[int] | np.ndarray
) -> pd.DataFrame:
    """Pixels of rows of images as one table: row of the picture, image, row, column, channel, value in [0, 1]."""
    frames = []
    for label, part in zip(labels, parts, strict=True):
        frame = image_frame(part, ids=ids)
        frame.insert(0, "picture_row", label)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _tiles(images: np.ndarray, *, scale: int) -> np.ndarray:
    """Check and enlarge images (N, C, H, W) into uint8 tiles (N, H', W', 2 or 4), grey or RGB with alpha."""
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"Images must be (N, 1 or 3 channels, height, width), not {images.shape}.")
    if scale < 1:
        raise ValueError(f"The enlargement is a whole number from 1, not {scale}.")
    if is_vector(images.shape[1:]):
        images, scale = glyphs(_unit(images)[:, 0, 0], side=images.shape[-1] * scale), 1
    elif images.shape[2] == 1:
        # colours of a vector's values, an error each: as high as a glyph
        images = images.repeat(images.shape[-1], axis=2)
    alpha = np.full((len(images), *images.shape[2:], 1), 255, dtype=np.uint8)
    if images.dtype == np.uint8:
        pixels = images.transpose(0, 2, 3, 1)
    else:
        values = _unit(images)
        alpha[np.isnan(values).any(axis=1)] = 0
        pixels = (
            np.rint(np.clip(np.nan_to_num(values), 0.0, 1.0) * 255).astype(np.uint8).transpose(0, 2, 3, 1)
        )
    tiles = np.concatenate([pixels, alpha], axis=-1)
    return tiles.repeat(scale, axis=1).repeat(scale, axis=2)


def _unit(images: np.ndarray) -> np.ndarray:
    """Return uint8 or float images as float64 in units of [0, 1]."""
    if images.dtype == np.uint8:
        return images / 255.0
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(f"Images must be uint8, or floats in [0, 1], not {images.dtype}.")
    return images.astype(np.float64)


def _with_channels(tile: np.ndarray, channels: int) -> np.ndarray:
    """Turn a grey tile (H, W, 2) into RGBA where the picture holds colour."""
    if tile.shape[-1] == channels:
        return tile
    return np.concatenate([tile[..., :1].repeat(3, axis=-1), tile[..., 1:]], axis=-1)


def _picture(canvas: np.ndarray) -> Image.Image:
    """Return (H, W, 2 or 4) uint8 as a Pillow image, without alpha where all of it is opaque."""
    opaque = bool((canvas[..., -1] == 255).all())
    if opaque:
        return Image.fromarray(
            np.ascontiguousarray(canvas[..., 0] if canvas.shape[-1] == 2 else canvas[..., :3])
        )
    return Image.fromarray(canvas)


def _png(picture: Image.Image) -> bytes:
    """Encode a picture as PNG bytes; runs of equal bytes are most of what an enlarged picture has to save."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", compress_type=zlib.Z_RLE)
    return buffer.getvalue()


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font, which is there on every machine."""
    return ImageFont.load_default(size=12)


def _write(picture: Image.Image, text: str, *, x: int, y: int, anchor: str) -> None:
    """Write grey text into a picture, in place."""
    fill: tuple[int, ...] = (
        (TEXT_GREY, 255) if picture.mode == "LA" else (TEXT_GREY, TEXT_GREY, TEXT_GREY, 255)
    )
    ImageDraw.Draw(picture).text((x, y), text, fill=fill, font=_font(), anchor=anchor)


def _ascii(text: str) -> str:
    """Return text in the one line of letters that the font has."""
    return " ".join(text.replace("β", "beta").encode("ascii", "replace").decode().split())


def _words_png(text: str) -> bytes:
    """Return a small transparent picture that only says why there is none."""
    picture = Image.new("LA", (int(_font().getlength(text)) + 8, 20), (0, 0))
    _write(picture, text, x=4, y=10, anchor="lm")
    return _png(picture)
