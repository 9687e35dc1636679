"""Vectors as small pictures: a dot in the plane for two values, a bar a value for others."""

import numpy as np

DOT = 0.09
"""Radius of the dot, as a share of the side"""
GROUND = 40
"""Grey of a glyph's ground: seen on a dark page and on a light one"""
BAR = 160
"""Grey of a bar: a white one would run into a white page, and the ground above it read as the bar"""


def is_vector(shape: tuple[int, ...]) -> bool:
    """Whether items of this shape (C, H, W) are vectors: one channel, one row."""
    return tuple(shape[:2]) == (1, 1)


def reading(shape: tuple[int, ...]) -> str:
    """How a glyph of items of this shape (C, H, W) is read, a sentence with a space before it; nothing for images."""
    if not is_vector(shape):
        return ""
    if shape[2] == 2:
        return " A dot stands at its two values, the second upwards."
    return f" Each of the {shape[2]} values is a bar, from the left, as high as it lies between its lowest and highest."


def glyphs(values: np.ndarray, *, side: int) -> np.ndarray:
    """Draw vectors.

    Args:
        values: (N, d) in [0, 1]; what lies outside is drawn at the border, NaN as an empty ground.
        side: height and width in pixels.

    Returns:
        uint8 (N, 1, side, side): of two values a dot at (first, second), the second upwards; else one bar a value, from
        the left, as high as the value.
    """
    out = np.full((len(values), side, side), GROUND, np.uint8)
    known = np.isfinite(values).all(1)
    inside = np.clip(np.nan_to_num(values), 0, 1)
    if values.shape[1] == 2:
        middle = (np.arange(side) + 0.5) / side
        radius = max(DOT, 0.75 / side)
        # the whole dot stays within the picture
        x, y = (radius + inside * (1 - 2 * radius)).T
        far = np.hypot(
            middle[None, None, :] - x[:, None, None], middle[None, :, None] - (1 - y)[:, None, None]
        )
        out[(far <= radius) & known[:, None, None]] = 255
    else:
        column = np.minimum(np.arange(side) * values.shape[1] // side, values.shape[1] - 1)
        height = np.rint(inside[:, column] * side)
        rows = side - np.arange(side)
        out[(rows[None, :, None] <= height[:, None, :]) & known[:, None, None]] = BAR
    return out[:, None]


def pictured(images: np.ndarray, *, side: int = 28) -> np.ndarray:
    """Images (N, C, H, W) as they are; vectors (N, 1, 1, d) as glyphs of `side` pixels, uint8 (N, 1, side, side)."""
    return glyphs(images[:, 0, 0], side=side) if is_vector(images.shape[1:]) else images
