"""Thumbnails of the points: lossless sheets of tiles in one file, of which the browser fetches the parts it needs.

The file is served by Streamlit's own store of media, under an address made of its content. It stays out of the map's
payload, which travels again whenever a cross moves, and a sheet is fetched by a range request when a point on it is
first pointed at: 70,000 thumbnails cost nothing at the start.
"""

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from zlib import Z_RLE

import numpy as np
import streamlit as st
from PIL import Image
from streamlit import runtime

from dashboard.components.latent_map.payload import digest

PER_SHEET = 1024
"""Tiles on a sheet: at 28 x 28 pixels one is decoded in about 10 ms and takes 3 MB decoded."""
LARGEST_SIDE = 16_384
"""Pixels: Chromium decodes images up to this side everywhere."""
CHANNELS = (1, 3)


@dataclass(frozen=True, eq=False)
class Sprites:
    """Sheets of equally large thumbnails; tile k belongs to the k-th of the shared ids.

    Attributes:
        data: the encoded sheets, one after another.
        mime: type of each sheet, as a browser names it.
        tile: width and height of a tile in pixels.
        columns: tiles in a row of a sheet.
        rows: rows of a full sheet; the last sheet may have fewer.
        ends: where each sheet ends in `data`, in bytes.
        tiles: how many tiles there are.
        digest: hash of `data`, computed once.
    """

    data: bytes
    mime: str
    tile: tuple[int, int]
    columns: int
    rows: int
    ends: tuple[int, ...]
    tiles: int
    digest: str


def make_sprites(pixels: np.ndarray, *, columns: int | None = None, rows: int | None = None) -> Sprites:
    """Put images onto lossless sheets, so that a thumbnail shows the data set's exact pixels.

    Args:
        pixels: uint8 (N, C, H, W), one or three channels, in the order of the ids.
        columns: tiles in a row of a sheet, and
        rows: rows of a full sheet; without them, as fit `PER_SHEET` tiles.

    Returns:
        PNG sheets of up to `PER_SHEET` tiles.

    Raises:
        ValueError: another shape or type, no image at all, or images too large to be thumbnails.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1] not in CHANNELS:
        raise ValueError(
            f"Thumbnails need uint8 (N, 1 or 3, height, width), not {pixels.dtype.name} {pixels.shape}."
        )
    count, _, height, width = pixels.shape
    if not pixels.size:
        raise ValueError(f"Thumbnails need at least one image of at least one pixel, not {pixels.shape}.")
    if max(height, width) > LARGEST_SIDE:
        raise ValueError(
            f"Images of {width} x {height} pixels are too large for thumbnails: at most {LARGEST_SIDE} a side."
        )
    columns = columns or max(1, min(32, LARGEST_SIDE // width))
    rows = rows or max(1, min(PER_SHEET // columns, LARGEST_SIDE // height))
    if columns * width > LARGEST_SIDE or rows * height > LARGEST_SIDE:
        raise ValueError(
            f"A sheet of {columns} x {rows} tiles of {width} x {height} pixels is too large: at most "
            f"{LARGEST_SIDE} a side."
        )
    starts = range(0, count, rows * columns)
    with ThreadPoolExecutor(max_workers=4) as pool:  # Pillow lets other threads run while it packs
        sheets = list(pool.map(lambda k: _sheet(pixels[k : k + rows * columns], columns=columns), starts))
    data = b"".join(sheets)
    return Sprites(
        data=data,
        mime="image/png",
        tile=(width, height),
        columns=columns,
        rows=rows,
        ends=tuple(np.cumsum([len(sheet) for sheet in sheets]).tolist()),
        tiles=count,
        digest=digest(data),
    )


def _sheet(pixels: np.ndarray, *, columns: int) -> bytes:
    """Tiles (N, C, H, W) on one picture (rows * H, columns * W, C), as PNG; the last row may have empty places."""
    count, channels, height, width = pixels.shape
    rows = -(-count // columns)
    tiles = np.zeros((rows * columns, channels, height, width), dtype=np.uint8)
    tiles[:count] = pixels
    # (rows, columns, C, H, W) -> (rows, H, columns, W, C) -> one picture
    grid = tiles.reshape(rows, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    picture = grid.reshape(rows * height, columns * width, channels)
    buffer = io.BytesIO()
    # run lengths alone, and zlib's first level: 70,000 MNIST images take 0.8 s of one core instead of 2.0 s at Pillow's
    # level 3, and come out smaller
    image = Image.fromarray(picture[:, :, 0] if channels == 1 else picture)
    image.save(buffer, format="PNG", compress_level=1, compress_type=Z_RLE)
    return buffer.getvalue()


def serve(sprites: Sprites, *, key: str) -> dict[str, Any]:
    """Make the sheets fetchable for this session, and say where and how: call it in every run of the page.

    Args:
        sprites: the sheets.
        key: of the map; another file under the same key takes this one's place.

    Returns:
        What the browser needs to know; JSON values.
    """
    url = None
    if runtime.exists():
        path = runtime.get_instance().media_file_mgr.add(
            sprites.data, "application/octet-stream", f"latent-map-{key}", file_name=sprites.digest
        )
        base = str(st.get_option("server.baseUrlPath") or "").strip("/")
        url = f"/{base}{path}" if base else path
    return {
        "url": url,
        "hash": sprites.digest,
        "mime": sprites.mime,
        "tile": list(sprites.tile),
        "columns": sprites.columns,
        "rows": sprites.rows,
        "ends": list(sprites.ends),
    }
