"""Where to decode: the lattice's tiles by its formula, draws from the prior."""

from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from core.generation import lattice_points, prior_draws

QUANTILE = NormalDist().inv_cdf


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_every_tile_stands_at_the_middle_of_its_cell(n: int) -> None:
    points = lattice_points(n, latent=2)
    assert points.shape == (n, n, 2)
    assert points.dtype == np.float32
    for row in range(n):
        for column in range(n):
            place = (QUANTILE((column + 0.5) / n), QUANTILE(1 - (row + 0.5) / n))
            np.testing.assert_allclose(points[row, column], place, rtol=1e-6, atol=1e-7)


def test_the_corners_of_a_large_lattice() -> None:
    n = 30
    points, edge = lattice_points(n, latent=2), QUANTILE(0.5 / n)
    assert np.isfinite(points).all()  # Phi^-1 of linspace(0, 1) would not be
    np.testing.assert_allclose(points[0, 0], (edge, -edge), rtol=1e-6)  # top left: x low, y high
    np.testing.assert_allclose(points[0, -1], (-edge, -edge), rtol=1e-6)
    np.testing.assert_allclose(points[-1, 0], (edge, edge), rtol=1e-6)
    np.testing.assert_allclose(points[-1, -1], (-edge, edge), rtol=1e-6)


def test_the_middle_of_an_odd_lattice_is_the_origin() -> None:
    np.testing.assert_allclose(lattice_points(3, latent=2)[1, 1], (0, 0), atol=1e-12)


def test_other_dimensions_stand_at_zero_or_at_the_base() -> None:
    plane = lattice_points(4, latent=2)
    points = lattice_points(4, latent=5, dimensions=(3, 1))
    np.testing.assert_array_equal(points[..., [3, 1]], plane)
    assert not points[..., [0, 2, 4]].any()
    base = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    points = lattice_points(4, latent=5, dimensions=(3, 1), base=base)
    np.testing.assert_array_equal(points[..., [3, 1]], plane)
    assert (points[..., [0, 2, 4]] == (1, 3, 5)).all()
    assert base.tolist() == [1, 2, 3, 4, 5]  # the caller's array is not written to


def test_a_single_dimension_runs_along_the_columns() -> None:
    points = lattice_points(3, latent=1, dimensions=(0, 0))
    assert points.shape == (3, 3, 1)
    np.testing.assert_allclose(points[1, :, 0], [QUANTILE(1 / 6), 0, QUANTILE(5 / 6)], atol=1e-7)
    assert (points == points[:1]).all()


@pytest.mark.parametrize("latent, dimensions", [(2, (0, 2)), (2, (-1, 0)), (2, (1, 1)), (1, (0, 1))])
def test_dimensions_that_span_no_plane_are_refused(latent: int, dimensions: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="do not span a plane"):
        lattice_points(3, latent=latent, dimensions=dimensions)


def test_draws_are_standard_normal_and_seeded() -> None:
    draws = prior_draws(4000, latent=3, seed=5)
    assert draws.shape == (4000, 3)
    assert draws.dtype == np.float32
    assert stats.kstest(draws.ravel(), "norm").pvalue > 0.01
    assert abs(np.corrcoef(draws.T) - np.eye(3)).max() < 0.05
    np.testing.assert_array_equal(draws, prior_draws(4000, latent=3, seed=5))
    assert (draws != prior_draws(4000, latent=3, seed=6)).all()


def test_the_first_draws_do_not_depend_on_how_many_follow() -> None:
    np.testing.assert_array_equal(prior_draws(7, latent=2, seed=1), prior_draws(20, latent=2, seed=1)[:7])
    assert prior_draws(0, latent=2, seed=1).shape == (0, 2)
