"""The same latents under every label, for models that are told one. Pure arrays."""

import numpy as np


def under_every_label(z: np.ndarray, *, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Latents (k, L) -> latents (k * classes, L) and labels (k * classes,) int64 of a grid, row by row.

    Row i of the grid is z[i], column j is label j: image i * classes + j of what they decode to.

    Raises:
        ValueError: no class, or latents that are not (k, L).
    """
    if z.ndim != 2 or classes < 1:
        raise ValueError(f"A grid needs latents (k, L) and at least 1 class, not {z.shape} and {classes}.")
    return np.repeat(z, classes, axis=0), np.tile(np.arange(classes), len(z))
