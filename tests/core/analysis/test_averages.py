"""Averages over images, by hand."""

import numpy as np
import pytest

from core.analysis.averages import averages
from core.latents import Latents


def table(distortion: list[float], rate: list[float] | None) -> Latents:
    n = len(distortion)
    return Latents(
        ids=np.arange(n),
        labels=np.full(n, -1),
        means=np.zeros((n, 2), np.float32),
        log_variances=None if rate is None else np.zeros((n, 2), np.float32),
        distortion=np.array(distortion, np.float32),
        rate=None if rate is None else np.array(rate, np.float32),
    )


def test_means_and_their_sum() -> None:
    found = averages(table([1, 2, 6], [0.5, 1, 3]))
    assert found is not None
    assert (found.images, found.distortion, found.rate, found.negative_elbo) == (3, 3.0, 1.5, 4.5)


def test_without_a_posterior_there_is_d_alone() -> None:
    found = averages(table([4, 8], None))
    assert found is not None
    assert (found.distortion, found.rate, found.negative_elbo) == (6.0, None, None)


def test_of_no_images_there_is_no_average() -> None:
    assert averages(table([], [])) is None


def test_sums_are_taken_in_float64() -> None:
    # in float32 the small ones would be lost beside the large one
    many = averages(table([2.0**24, *[1.0] * 1000], None))
    assert many is not None
    assert many.distortion == pytest.approx((2.0**24 + 1000) / 1001, rel=1e-12)
