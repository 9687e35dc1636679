"""Densities against scipy's, and by an integral; neighbours against scikit-learn."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm
from sklearn.neighbors import NearestNeighbors

from core.analysis import density
from core.analysis.density import aggregate_log_density, nearest, prior_log_density
from core.latents import Latents


def latents(means: np.ndarray, log_variances: np.ndarray | None) -> Latents:
    rows = len(means)
    return Latents(
        ids=np.arange(rows),
        labels=np.zeros(rows, np.int64),
        means=means.astype(np.float32),
        log_variances=None if log_variances is None else log_variances.astype(np.float32),
        distortion=np.zeros(rows, np.float32),
        rate=None,
    )


def test_the_prior_is_scipys_standard_normal() -> None:
    z = np.random.default_rng(0).standard_normal((20, 5)) * 3
    np.testing.assert_allclose(prior_log_density(z), multivariate_normal(np.zeros(5)).logpdf(z))


def test_one_standard_posterior_is_the_prior() -> None:
    z = np.linspace(-4, 4, 9)[:, None]
    found = aggregate_log_density(latents(np.zeros((1, 1)), np.zeros((1, 1))), z)
    np.testing.assert_allclose(found, prior_log_density(z))


def test_two_posteriors_by_hand() -> None:
    # N(-1, 1/4) and N(3, 4) at z = 1
    both = latents(np.array([[-1.0], [3.0]]), np.log([[0.25], [4.0]]))
    expected = 0.5 * (norm.pdf(1, -1, 0.5) + norm.pdf(1, 3, 2))
    np.testing.assert_allclose(np.exp(aggregate_log_density(both, np.array([[1.0]]))), [expected], rtol=1e-6)


@pytest.mark.parametrize("chunk", [1, 700, 10**9])
def test_the_average_of_scipys_normals_whatever_the_chunk(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(density, "CHUNK", chunk)
    rng = np.random.default_rng(1)
    means, log_variances = rng.standard_normal((30, 3)), rng.uniform(-3, 0, (30, 3))
    z = rng.standard_normal((11, 3))
    stored = latents(means, log_variances)
    expected = np.mean(
        [
            multivariate_normal(mean, np.diag(np.exp(one))).pdf(z)
            for mean, one in zip(stored.means.astype(float), log_variances.astype(np.float32), strict=True)
        ],
        axis=0,
    )
    np.testing.assert_allclose(np.exp(aggregate_log_density(stored, z)), expected, rtol=1e-5)


def test_it_integrates_to_one() -> None:
    rng = np.random.default_rng(2)
    stored = latents(rng.standard_normal((50, 2)), rng.uniform(-3, 0, (50, 2)))
    axis = np.linspace(-9, 9, 361)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    assert np.exp(aggregate_log_density(stored, grid)).sum() * 0.05**2 == pytest.approx(1, abs=1e-6)


def test_far_away_it_is_small_and_finite() -> None:
    found = aggregate_log_density(latents(np.zeros((2, 2)), np.full((2, 2), -8.0)), np.array([[50.0, 0.0]]))
    assert np.isfinite(found).all()
    assert found[0] < -1e6


def test_without_posteriors_it_is_refused() -> None:
    for stored in (latents(np.zeros((3, 2)), None), latents(np.zeros((0, 2)), np.zeros((0, 2)))):
        with pytest.raises(ValueError, match="there are none"):
            aggregate_log_density(stored, np.zeros((1, 2)))


def test_neighbours_are_those_of_scikit_learn() -> None:
    means = np.random.default_rng(3).standard_normal((200, 4)).astype(np.float32)
    z = np.array([0.3, -1.0, 0.0, 2.0])
    rows, distances = nearest(means, z, k=7)
    expected_distances, expected = NearestNeighbors(n_neighbors=7).fit(means).kneighbors(z[None])
    np.testing.assert_array_equal(rows, expected[0])
    np.testing.assert_allclose(distances, expected_distances[0], rtol=1e-6)


def test_equal_neighbours_keep_their_order_and_few_are_all() -> None:
    rows, distances = nearest(np.array([[1.0], [-1.0], [0.5]]), np.zeros(1), k=5)
    assert rows.tolist() == [2, 0, 1]
    assert distances.tolist() == [0.5, 1, 1]
