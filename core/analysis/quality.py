"""How sharp made images are, against the data: numbers of the images themselves, which no network has a say in."""

import numpy as np

CUTOFF = 0.25
"""Cycles per pixel from which a frequency counts as high: half of the highest that pixels can hold."""


def high_frequency_energy(images: np.ndarray) -> float:
    """Mean energy of images at high frequencies, per pixel value: 0 for a flat image, lower for a blurred one.

    The sum of squares of an image's discrete Fourier transform (orthonormal, so by Parseval's theorem the squares of
    pixels add up to the same) over all frequencies whose length, in cycles per pixel, is `CUTOFF` or more; over
    channels summed, divided by the number of values, averaged over images.

    Args:
        images: (N, C, H, W), values in [0, 1]; N at least 1.

    Returns:
        The energy, squared pixel values.

    Raises:
        ValueError: if there is no image, or the shape does not fit.
    """
    if images.ndim != 4 or not len(images):
        raise ValueError(f"Images are (N, C, H, W) with N at least 1, not {images.shape}.")
    height, width = images.shape[2:]
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    high = radius >= CUTOFF
    total = 0.0
    for start in range(0, len(images), 1000):  # bounded memory
        spectrum = np.fft.fft2(images[start : start + 1000].astype(np.float64), norm="ortho")
        total += float((np.abs(spectrum[..., high]) ** 2).sum())
    return total / images.size


def high_frequency_ratio(made: np.ndarray, data: np.ndarray) -> float:
    """High-frequency energy of made images over that of the data: 1 is as sharp, below 1 blurred, above 1 noisy.

    Args:
        made: (N, C, H, W), values in [0, 1].
        data: (M, C, H, W) of the same size.

    Raises:
        ValueError: if a shape does not fit, or the data have no energy there.
    """
    if made.shape[1:] != data.shape[1:]:
        raise ValueError(f"Images of {made.shape[1:]} cannot be held against those of {data.shape[1:]}.")
    energy = high_frequency_energy(data)
    if energy == 0:
        raise ValueError("The data have no energy at high frequencies to hold images against.")
    return high_frequency_energy(made) / energy
