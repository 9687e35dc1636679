"""What callers hand over, checked: images and latents brought to the one form that models take, counts and seeds."""

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from core.data.images import ImageSet, pad
from core.errors import ConfigError, DataError
from core.files import one_line

Shape = tuple[int, int, int]

LARGEST = 2**31 - 1
"""Of counts and seeds, as of the setting `seed`."""


def whole_number(value: Any, name: str, *, least: int = 0) -> int:
    """Check a count or a seed that is called `name`: a whole number of Python or numpy, `least` to 2**31 - 1.

    Raises:
        ConfigError: it is none, or out of range.
    """
    try:
        # True would pass for 1, and is more likely a slip
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    if number is None or not least <= number <= LARGEST:
        raise ConfigError(
            f"'{name}' cannot be {one_line(repr(value), limit=60)}: give a whole number from {least} to {LARGEST}."
        )
    return number


def _array(given: ArrayLike, what: str) -> np.ndarray:
    try:
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        # rows of unequal length, a tensor that wants its gradient or lies on a GPU: numpy and torch say which
        reason = one_line(error).partition(". ")[0].rstrip(".")
        raise DataError(
            f"{what} cannot be read as an array ({reason}): give one array of numbers, a row each."
        ) from error


def as_model_images(images: ArrayLike, *, shape: Shape, padded: Shape, run: str) -> np.ndarray:
    """Check images and bring them to a model: float32 (N, C, H, W) in [0, 1], padded, contiguous.

    Args:
        images: uint8, or floats in [0, 1]; (N, C, H, W), (N, H, W) or (N, pixels); data size (padded here) or padded
            size.
        shape: (C, H, W) of the data.
        padded: (C, H, W) that the model takes.
        run: name of the run, for the sentence of an error.

    Raises:
        DataError: another shape, type or range.
    """
    if isinstance(images, ImageSet):
        raise DataError(f"Run '{run}' takes an array of images, not an ImageSet: give its `.pixels`.")
    given = array = _array(images, "Images")
    if array.ndim == 2:
        array = next((array.reshape(-1, *s) for s in (shape, padded) if array.shape[1] == np.prod(s)), array)
    elif array.ndim == 3 and shape[0] == 1:
        array = array[:, None]
    if array.ndim != 4 or array.shape[1:] not in (shape, padded):
        raise DataError(
            f"Images of shape {given.shape} do not fit run '{run}': give (N, {', '.join(map(str, shape))}), the "
            f"padded size {padded}, or one flat row an image."
        )
    if array.dtype == np.uint8:
        array = array.astype(np.float32) / np.float32(255)
    elif np.issubdtype(array.dtype, np.floating):
        # before the cast, which may overflow; true for NaN too
        if array.size and not (array.min() >= 0 and array.max() <= 1):
            raise DataError(
                f"Float images must lie in [0, 1], and these run from {array.min():g} to {array.max():g}: divide by "
                "255, or pass uint8."
            )
        array = array.astype(np.float32)
    else:
        raise DataError(f"Images of type {array.dtype} are not understood: give uint8, or floats in [0, 1].")
    return np.ascontiguousarray(pad(array, padded[1:]))


def as_model_latents(z: ArrayLike, *, latent: int) -> np.ndarray:
    """Check latents and bring them to a model: finite float32 (N, latent), a copy that torch may own.

    Raises:
        DataError: another shape or type, or numbers that are not finite.
    """
    array = _array(z, "Latents")
    if array.dtype.kind in "biuf" and array.ndim == 2 and array.shape[1] == latent:
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused
            latents = array.astype(np.float32, order="C")
        if np.isfinite(latents).all():
            return latents
    raise DataError(
        f"Latents of type {array.dtype} and shape {array.shape} do not fit: give finite numbers, (N, {latent})."
    )


def as_model_labels(labels: ArrayLike | None, *, rows: int, classes: int, run: str) -> np.ndarray:
    """Check labels and bring them to a model: int64 (rows,), a copy that torch may own; one label is that of all rows.

    Args:
        labels: whole numbers from 0 to classes - 1, (rows,) or one.
        rows: images or latents that they belong to.
        classes: number of classes that the run knows.
        run: name of the run, for the sentence of an error.

    Raises:
        DataError: none are given, another shape or type, or a label that is no class.
    """
    choice = f"from 0 to {classes - 1}"
    if labels is None:
        raise DataError(
            f"Run '{run}' is told the label of each row, and none was given: give labels, whole numbers {choice}, or "
            "one for all rows."
        )
    array = _array(labels, "Labels")
    if not array.size and array.shape == (rows,):
        return np.zeros(0, np.int64)
    if array.dtype.kind not in "iu" or array.shape not in ((), (rows,)):
        raise DataError(
            f"Labels of type {array.dtype} and shape {array.shape} do not fit run '{run}': give {rows} whole numbers "
            f"{choice}, or one for all rows."
        )
    if (array == -1).any():
        raise DataError(
            f"A label of -1 means that there is none, and run '{run}' is told the label of each row: leave these rows "
            f"out, or choose their labels {choice}."
        )
    if array.size and not (array.min() >= 0 and array.max() < classes):
        wrong = int(array.min() if array.min() < 0 else array.max())
        raise DataError(f"Run '{run}' has no class {wrong}: choose labels {choice}.")
    return np.broadcast_to(array, (rows,)).astype(np.int64)
