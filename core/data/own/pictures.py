"""One image file's bytes as pixels: decoded by Pillow within limits, turned upright, cut, scaled, grey or RGB."""

import io
import warnings
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from core.data.own.options import Limits, Options
from core.data.own.unfit import Unfit
from core.files import one_line

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")

# Modes that Pillow turns to RGB by itself without loss of meaning; alpha and 16 bits are dealt with here.
_PLAIN_MODES = ("1", "L", "P", "RGB", "CMYK", "YCbCr")
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
_DEEP_MODES = ("I;16", "I;16B", "I;16L", "I")


def decoded(payload: bytes, limits: Limits, *, near: tuple[int, int] | None = None) -> Image.Image:
    """Decode an image file to mode L or RGB, upright as its EXIF orientation says.

    Transparent pixels are laid over black, the colour of padding; 16-bit grey is divided by 257.

    Args:
        payload: the file's bytes: PNG, JPEG, WEBP or BMP, told apart by content.
        limits: of its pixels.
        near: (height, width) that will be wanted: a JPEG is then decoded at a size not far above, which is faster.

    Raises:
        Unfit: it is none of these formats, is damaged or too large, or has pixels of another kind.
    """
    if not payload:
        raise Unfit("is empty")
    try:
        with warnings.catch_warnings():
            # the size is judged below, by our own limit
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(payload), formats=FORMATS)
            width, height = image.size
            if width * height > limits.pixels:
                raise Unfit(f"has {width} x {height} pixels, more than the limit of {limits.pixels:,}")
            if near is not None and image.format == "JPEG":
                image.draft(None, (near[1], near[0]))
            image.load()
    except Image.DecompressionBombError:
        raise Unfit("has more pixels than any image should") from None
    except Image.UnidentifiedImageError:
        raise Unfit(f"is no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} image") from None
    except (MemoryError, Unfit):
        raise
    except Exception as error:
        # Pillow's plugins raise a dozen unrelated kinds for bytes that are not what they should be
        raise Unfit(f"is damaged ({one_line(error, limit=80) or type(error).__name__})") from None
    return _plain(ImageOps.exif_transpose(image))


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB"):
        return image
    if image.mode in _DEEP_MODES:
        values = np.asarray(image)
        if values.size and not 0 <= values.min() <= values.max() <= 65_535:
            raise Unfit(f"has pixels of mode '{image.mode}' beyond 16 bits: save it with 8 bits a channel")
        return Image.fromarray((values / 257 + 0.5).astype(np.uint8))
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        grey = image.mode in ("LA", "La", "L", "1")
        clear = image.convert("RGBA")
        black = Image.new("RGBA", clear.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, clear).convert("L" if grey else "RGB")
    if image.mode not in _PLAIN_MODES:
        raise Unfit(f"has pixels of mode '{one_line(image.mode, limit=20)}': save it as grey or RGB")
    return image.convert("L" if image.mode == "1" else "RGB")


def is_grey(image: Image.Image) -> bool:
    """Whether an image has no colour: one channel, or three that are equal at every pixel."""
    if image.mode == "L":
        return True
    values = np.asarray(image)
    return bool((values[..., 0] == values[..., 1]).all() and (values[..., 0] == values[..., 2]).all())


def fitted(image: Image.Image, options: Options, *, size: tuple[int, int], channels: int) -> np.ndarray:
    """Cut and scale an image as the options say.

    Args:
        image: of mode L or RGB.
        options: its `crop` and `fit`.
        size: (height, width) of the result.
        channels: 1 for grey (ITU-R 601 luma, as Pillow computes it), 3 for RGB.

    Returns:
        uint8 (C, H, W).

    Raises:
        Unfit: it is smaller than the square that is to be cut out.
    """
    image = image.convert("L" if channels == 1 else "RGB")
    if options.crop is not None:
        if min(image.size) < options.crop:
            raise Unfit(
                f"has {image.width} x {image.height} pixels, less than the {options.crop} to be cut out"
            )
        left, top = (image.width - options.crop) // 2, (image.height - options.crop) // 2
        image = image.crop((left, top, left + options.crop, top + options.crop))
    wanted = (size[1], size[0])
    if image.size != wanted:
        way: Any = {"crop": ImageOps.fit, "pad": ImageOps.pad}.get(options.fit)
        # averaging as it shrinks: a filter of fixed width would alias
        image = (
            way(image, wanted, Image.Resampling.LANCZOS)
            if way
            else image.resize(wanted, Image.Resampling.LANCZOS)
        )
    values = np.asarray(image)
    return np.ascontiguousarray(values[None] if channels == 1 else values.transpose(2, 0, 1))
