"""Traversals: quantiles by the standard library's normal distribution, and what stands still."""

from statistics import NormalDist

import numpy as np
import pytest

from core.generation import quantile_steps, ranked, traversal

QUANTILE = NormalDist().inv_cdf


def test_a_case_solved_by_hand() -> None:
    # quartiles of N(0, 1): two frames stand at p = 1/4 and 3/4
    points = traversal(2, latent=2)
    quartile = 0.6744897501960817
    expected = [[[-quartile, 0], [quartile, 0]], [[0, -quartile], [0, quartile]]]
    np.testing.assert_allclose(points, expected, rtol=1e-6)
    assert points.dtype == np.float32


@pytest.mark.parametrize("steps", [1, 2, 11])
def test_frames_stand_for_equal_shares_of_the_prior(steps: int) -> None:
    np.testing.assert_allclose(quantile_steps(steps), [(k + 0.5) / steps for k in range(steps)])
    row = traversal(steps, latent=1)[0, :, 0]
    np.testing.assert_allclose(row, [QUANTILE((k + 0.5) / steps) for k in range(steps)], atol=1e-7)


def test_only_its_own_dimension_moves_in_a_row() -> None:
    base = np.array([5.0, 6.0, 7.0, 8.0])
    points = traversal(3, latent=4, dimensions=[2, 0], base=base)
    assert points.shape == (2, 3, 4)
    np.testing.assert_array_equal(points[0][:, [0, 1, 3]], np.tile([5, 6, 8], (3, 1)))
    np.testing.assert_array_equal(points[1][:, 1:], np.tile([6, 7, 8], (3, 1)))
    np.testing.assert_allclose(points[0, :, 2], points[1, :, 0])
    assert points[0, 1, 2] == 0  # the median of the prior, wherever the image stands
    assert base.tolist() == [5, 6, 7, 8]


def test_codes_move_in_their_own_units() -> None:
    centre, spread = np.array([10.0, -1.0]), np.array([2.0, 0.5])
    points = traversal(3, latent=2, centre=centre, spread=spread)
    reach = QUANTILE(5 / 6)
    np.testing.assert_allclose(points[0, :, 0], [10 - 2 * reach, 10, 10 + 2 * reach], rtol=1e-6)
    np.testing.assert_allclose(points[1, :, 1], [-1 - 0.5 * reach, -1, -1 + 0.5 * reach], rtol=1e-6)
    assert (points[0, :, 1] == -1).all()  # without a start the others stand at the centre


def test_the_most_informative_dimension_comes_first_and_equals_keep_their_order() -> None:
    assert ranked(np.array([0.5, 2.0, 0.5, 3.0])).tolist() == [3, 1, 0, 2]
    assert ranked(np.zeros(3)).tolist() == [0, 1, 2]


@pytest.mark.parametrize("dimension", [-1, 2])
def test_a_dimension_outside_is_refused(dimension: int) -> None:
    with pytest.raises(ValueError, match="do not all lie"):
        traversal(3, latent=2, dimensions=[dimension])


def test_no_step_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 step"):
        traversal(0, latent=2)
