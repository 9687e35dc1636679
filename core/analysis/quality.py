"""How sharp made images are, against the data: numbers of the images themselves, which no network has a say in."""

import numpy as np

USUAL = 0.95
"""Share of held-out images that count as usual: made images farther from the data than these are unlike it"""
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


def nearest_distances(images: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Distance of each image to the nearest training image, root of the squared error: (N, ...), (M, ...) -> (N,).

    Exact, in float64, with a bounded table of distances.
    """
    from sklearn.metrics import pairwise_distances_argmin_min  # imports in a second, and few pages ask

    flat, known = (one.reshape(len(one), -1).astype(np.float64) for one in (images, train))
    return np.asarray(pairwise_distances_argmin_min(flat, known)[1])


def unlike_share(made: np.ndarray, test: np.ndarray, train: np.ndarray) -> float:
    """Share of made images that are unlike the data: farther from every training image than 95 % of test images are.

    0.05 is what the test images themselves have; higher is more unlike, and lower is nearer to what was trained on than
    fresh images are, which blur brings about too. Distances are those of pixels.

    Args:
        made: (N, C, H, W), values in [0, 1].
        test: (M, C, H, W), held-out images of the data.
        train: (K, C, H, W), the images that were trained on.

    Raises:
        ValueError: if shapes differ, or there is no image.
    """
    if not len(made) or not len(test) or not len(train):
        raise ValueError("Made, test and training images are needed, at least one of each.")
    if not made.shape[1:] == test.shape[1:] == train.shape[1:]:
        raise ValueError("Made, test and training images must be of one size.")
    usual = float(np.quantile(nearest_distances(test, train), USUAL))
    return float((nearest_distances(made, train) > usual).mean())


def outside_prior(means: np.ndarray, *, mass: float = 0.99) -> float:
    """Share of posterior means that lie where N(0, I) is not: outside of the ball that holds `mass` of it.

    The squared radius is that quantile of the chi-squared distribution with L degrees of freedom; means of a matching
    posterior are narrower than the prior, so a share above 1 - mass is codes that ignore it.

    Args:
        means: (N, L), N at least 1.
        mass: of the prior within the ball, between 0 and 1.
    """
    from scipy.stats import chi2

    radius = chi2.ppf(mass, means.shape[1])
    return float((np.square(means, dtype=np.float64).sum(1) > radius).mean())
