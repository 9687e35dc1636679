"""Items of a source as rows of a data set: one size, one number of channels."""

from typing import Any

import numpy as np
from PIL import Image

from core.data.own.items import Item, Source
from core.data.own.options import MOST_SIDE, Options
from core.data.own.pictures import fitted, is_grey
from core.data.own.unfit import Unfit
from core.errors import DataError

PROBED = 200
"""Images that decide whether a source is grey"""


def form_of(source: Source, options: Options) -> tuple[tuple[int, int], int]:
    """The size (height, width) and channels of all images of a source, decided by a sample of it.

    Raises:
        DataError: no image of the sample can be read; the first reason is told.
    """
    wrong = None
    size, grey = options.size, True
    found = False
    for item in source.sample(PROBED):
        if item.value is None:
            wrong = wrong or f"{item.name} {item.wrong}"
            continue
        image = as_image(item.value)
        found = True
        if size is None:
            side = options.crop
            size = (side, side) if side else (image.height, image.width)
        if options.colour != "auto":
            break
        grey = grey and is_grey(image)
        if not grey:
            break
    if not found or size is None:
        raise DataError(f"No image could be read: {wrong or 'there is none'}.")
    if min(size) < 2:
        raise DataError(
            f"The first image has {size[1]} x {size[0]} pixels, which is no image: give "
            "vectors as (N, D), or choose a size."
        )
    if max(size) > MOST_SIDE:
        raise DataError(
            f"The first image has {size[1]} x {size[0]} pixels, and at most {MOST_SIDE} x {MOST_SIDE} are taken: "
            "choose a size, such as 64."
        )
    channels = {"grey": 1, "rgb": 3}.get(options.colour) or (1 if grey else 3)
    return size, channels


def as_image(value: Any) -> Image.Image:
    """An image of a source as Pillow has it: an array (H, W), (H, W, C) or (C, H, W) becomes one.

    Raises:
        Unfit: it has another number of channels.
    """
    if isinstance(value, Image.Image):
        return value
    if value.ndim == 3 and value.shape[-1] not in (1, 3) and value.shape[0] in (1, 3):
        value = value.transpose(1, 2, 0)
    if value.ndim == 3 and value.shape[-1] == 1:
        value = value[..., 0]
    return Image.fromarray(np.ascontiguousarray(value))


def row_of(item: Item, options: Options, size: tuple[int, int], channels: int, kind: str) -> np.ndarray:
    """A row (C, H, W): uint8 of an image, float32 of a vector, (1, 1, d).

    Raises:
        Unfit: the item cannot be used.
    """
    if item.value is None:
        raise Unfit(item.wrong or "cannot be used")
    if kind == "vector":
        return np.asarray(item.value, np.float32)[None, None]
    return fitted(as_image(item.value), options, size=size, channels=channels)
