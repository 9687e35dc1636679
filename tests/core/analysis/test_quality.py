"""Sharpness: waves of known frequency, Parseval's theorem, a blur."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from core.analysis.quality import (
    high_frequency_energy,
    high_frequency_ratio,
    nearest_distances,
    outside_prior,
    unlike_share,
)


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


def test_images_are_unlike_the_data_beyond_what_fresh_images_are() -> None:
    """On a line of one pixel: training at 0 and 1, tests 0.00, 0.01 ... 0.19 away; made by hand beyond and within."""
    train = np.array([0.0, 1.0]).reshape(2, 1, 1, 1)
    test = (np.arange(20) / 100).reshape(20, 1, 1, 1)
    np.testing.assert_allclose(nearest_distances(test, train), np.arange(20) / 100)
    made = np.array([0.0, 0.15, 0.5, 0.83, 1.3]).reshape(5, 1, 1, 1)
    # usual reaches 0.1805: only 0.5 (0.5 away) and 1.3 (0.3 away) are beyond
    assert unlike_share(made, test, train) == 2 / 5
    assert unlike_share(test, test, train) == 1 / 20
    with pytest.raises(ValueError, match="of one size"):
        unlike_share(np.zeros((1, 1, 2, 1)), test, train)
    with pytest.raises(ValueError, match="at least one of each"):
        unlike_share(made[:0], test, train)


def test_means_outside_of_the_prior_are_counted() -> None:
    # in two dimensions the ball of mass 1 - exp(-r^2 / 2) is known: 99 % lie within r = 3.0349
    line = np.array([[0.0, 0.0], [3.03, 0.0], [0.0, -3.04], [2.2, 2.2]])
    assert outside_prior(line) == 2 / 4
    draws = np.random.default_rng(0).standard_normal((100_000, 5))
    assert outside_prior(draws) == pytest.approx(0.01, abs=0.0015)
