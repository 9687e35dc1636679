"""Sharpness: waves of known frequency, Parseval's theorem, a blur."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from core.analysis.quality import high_frequency_energy, high_frequency_ratio


def wave(cycles: int, size: int = 16) -> np.ndarray:
    """One image of a cosine along x with so many cycles over its width, amplitude 1/2 about 1/2."""
    line = 0.5 + 0.5 * np.cos(2 * np.pi * cycles * np.arange(size) / size)
    return np.tile(line, (size, 1))[None, None]


@pytest.mark.parametrize("cycles, high", [(1, False), (3, False), (4, True), (7, True)])
def test_a_wave_counts_by_its_frequency(cycles: int, high: bool) -> None:
    # a cosine of amplitude 1/2 has the mean square 1/8
    assert high_frequency_energy(wave(cycles)) == pytest.approx(0.125 if high else 0, abs=1e-12)


def test_white_noise_has_its_share_of_the_plane() -> None:
    noise = np.random.default_rng(0).normal(size=(4000, 2, 16, 16))
    radius = np.hypot(np.fft.fftfreq(16)[:, None], np.fft.fftfreq(16)[None])
    share = (radius >= 0.25).mean()  # Parseval: each frequency has the variance of a pixel
    assert high_frequency_energy(noise) == pytest.approx(share, rel=0.01)


def test_a_blur_lowers_the_ratio_and_noise_raises_it() -> None:
    rng = np.random.default_rng(0)
    data = rng.random((50, 1, 28, 28))
    blurred = gaussian_filter(data, (0, 0, 1, 1))
    assert high_frequency_ratio(data, data) == 1
    assert high_frequency_ratio(blurred, data) < 0.1
    assert high_frequency_ratio(data + rng.normal(0, 0.3, data.shape), data) > 1.3
    # the mean over images, however many there are at a time
    many = np.concatenate([data] * 45)
    assert high_frequency_energy(many) == pytest.approx(high_frequency_energy(data), rel=1e-12)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="with N at least 1"):
        high_frequency_energy(np.zeros((0, 1, 8, 8)))
    with pytest.raises(ValueError, match="cannot be held against"):
        high_frequency_ratio(np.zeros((1, 1, 8, 8)), np.zeros((1, 1, 9, 8)))
    with pytest.raises(ValueError, match="no energy"):
        high_frequency_ratio(wave(4, 8), np.ones((1, 1, 8, 8)))
