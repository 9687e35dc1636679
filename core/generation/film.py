"""Decoded images as files: a sheet (PNG) and a film (GIF)."""

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

SHORTEST = 20
"""Milliseconds a frame: browsers play anything shorter at 100 ms."""


def sheet_png(images: np.ndarray, *, gap: int = 2, scale: int = 1) -> bytes:
    """Lay images out in rows on white, each pixel repeated `scale` times each way: (rows, columns, C, H, W) -> PNG.

    Image (r, c) has its top left pixel at x = c (W scale + gap), y = r (H scale + gap).

    Raises:
        ValueError: a shape that does not fit, or no image.
    """
    if images.ndim != 5 or not images.size:
        raise ValueError(f"A sheet needs images (rows, columns, C, H, W), not {images.shape}.")
    rows, columns = images.shape[:2]
    tiles = _frames(images.reshape(rows * columns, *images.shape[2:]), scale=scale)
    height, width, channels = tiles.shape[1:]
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), 255, np.uint8)
    for k, tile in enumerate(tiles):
        y, x = (k // columns) * (height + gap), (k % columns) * (width + gap)
        sheet[y : y + height, x : x + width] = tile
    buffer = io.BytesIO()
    _picture(sheet).save(buffer, format="PNG")
    return buffer.getvalue()


def film_order(frames: int, *, there_and_back: bool) -> np.ndarray:
    """Order in which a looping film shows its frames: 0 .. n - 1, and back to 1 if wanted, so that nothing jumps."""
    forth = np.arange(frames)
    return np.concatenate([forth, forth[-2:0:-1]]) if there_and_back else forth


def film_gif(
    images: np.ndarray, *, milliseconds: int = 100, there_and_back: bool = True, scale: int = 1
) -> bytes:
    """Make a film that loops for ever: (N, C, H, W) -> GIF, in `film_order`.

    Grey images keep their 256 greys exactly; coloured ones are brought to 256 colours a frame. Equal frames in a row
    are stored as one that stays longer, as Pillow does.

    Args:
        images: uint8, or floats in [0, 1], C = 1 or 3.
        milliseconds: each frame is shown, at least 20; a GIF counts in hundredths of a second, so 25 becomes 20.
        there_and_back: whether the film also runs backwards.
        scale: how often each pixel is repeated each way.

    Raises:
        ValueError: a shape that does not fit, no image, or too short a frame.
    """
    if milliseconds < SHORTEST:
        raise ValueError(f"A frame is shown for at least {SHORTEST} milliseconds, not {milliseconds}.")
    if images.ndim != 4 or not len(images):
        raise ValueError(f"A film needs images (N, C, H, W), not {images.shape}.")
    order = film_order(len(images), there_and_back=there_and_back)
    pictures = [_picture(frame) for frame in _frames(images, scale=scale)]
    first, *rest = [pictures[k] for k in order]
    buffer = io.BytesIO()
    first.save(buffer, format="GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0)
    return buffer.getvalue()


def _frames(images: np.ndarray, *, scale: int) -> np.ndarray:
    """Images (N, C, H, W), uint8 or floats in [0, 1], -> uint8 (N, H scale, W scale, C)."""
    if images.shape[1] not in (1, 3) or scale < 1:
        raise ValueError(
            f"Pictures have 1 or 3 channels and a scale from 1, not {images.shape[1]} and {scale}."
        )
    pixels = images
    if images.dtype != np.uint8:
        pixels = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    return pixels.transpose(0, 2, 3, 1).repeat(scale, axis=1).repeat(scale, axis=2)


def _picture(pixels: np.ndarray) -> "Image":
    """(H, W, 1 or 3) uint8 as a Pillow image, grey or RGB."""
    from PIL import Image  # only files need it, and `import core` is to be quick

    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))
