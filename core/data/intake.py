"""Images as callers hand them over, brought to the one form that models take."""

import numpy as np
from numpy.typing import ArrayLike

from core.data.images import pad
from core.errors import DataError

Shape = tuple[int, int, int]


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
    given = array = np.asarray(images)
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
        array = array.astype(np.float32)
        if array.size and not (array.min() >= 0 and array.max() <= 1):  # true for NaN too
            raise DataError("Float images must lie in [0, 1], these do not: divide by 255, or pass uint8.")
    else:
        raise DataError(f"Images of type {array.dtype} are not understood: give uint8, or floats in [0, 1].")
    return np.ascontiguousarray(pad(array, padded[1:]))
