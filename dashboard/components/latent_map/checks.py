"""What a page hands to the latent map, checked piece by piece: a mistake is named here and not in the browser."""

import numpy as np


def whole_ids(values: np.ndarray) -> np.ndarray:
    """The ids as uint32 (N,), each once; a ValueError says what is wrong with others."""
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"ids must be whole numbers of the shape (N,), not {array.dtype.name} {array.shape}."
        )
    if array.size and (int(array.min()) < 0 or int(array.max()) >= 2**32):
        raise ValueError(f"ids must lie between 0 and 2^32 - 1, not {array.min()} to {array.max()}.")
    ordered = np.sort(array)  # np.unique takes seven times as long
    repeated = int((ordered[1:] == ordered[:-1]).sum())
    if repeated:
        raise ValueError(f"ids must be different; {repeated} of {len(array)} repeat.")
    return array.astype(np.uint32)


def codes(name: str, values: np.ndarray, count: int, allowed: int, extra: int | None) -> np.ndarray:
    """Small whole numbers (N,) below `allowed`, or `extra`, as uint8; a ValueError names the first that is not."""
    array = np.asarray(values)
    if array.shape != (count,) or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be whole numbers of the shape ({count},), not {array.dtype.name} {array.shape}."
        )
    bad = array[(array < 0) | (array >= allowed) & (array != (-1 if extra is None else extra))]
    if bad.size:
        also = "" if extra is None else f" or be {extra} (no label)"
        raise ValueError(f"{name} must lie below {allowed}{also}; found {int(bad[0])}.")
    return array.astype(np.uint8)


def text(name: str, value: str) -> str:
    """A text that is not empty, or a ValueError."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"The map's {name} must be a non-empty text, not {value!r}.")
    return value


def whole(name: str, value: int, least: int) -> int:
    """A whole number of at least `least`, or a ValueError."""
    if not isinstance(value, int) or value < least:
        raise ValueError(f"The map's {name} must be a whole number of at least {least}, not {value!r}.")
    return value
