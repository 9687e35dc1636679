"""Paths: straight ones by hand, spherical ones against scipy, and the cases that have no great circle."""

import numpy as np
import pytest
from scipy.spatial import geometric_slerp

from core.generation import film_positions, lerp, path, slerp

T = np.linspace(0, 1, 9)


def test_a_straight_line_by_hand() -> None:
    np.testing.assert_allclose(lerp([0, 4], [8, 0], np.array([0, 0.25, 1])), [[0, 4], [2, 3], [8, 0]])
    np.testing.assert_allclose(lerp([0, 4], [8, 0], 0.5), [4, 2])


def test_a_quarter_circle_by_hand() -> None:
    half = np.sqrt(0.5)
    np.testing.assert_allclose(slerp([1, 0], [0, 1], 0.5), [half, half])
    np.testing.assert_allclose(
        slerp([2, 0], [0, 4], 0.5), [3 * half, 3 * half]
    )  # the length goes from 2 to 4


@pytest.mark.parametrize("latent", [2, 3, 20])
@pytest.mark.parametrize("seed", range(5))
def test_directions_are_those_of_scipy(latent: int, seed: int) -> None:
    a, b = np.random.default_rng(seed).standard_normal((2, latent))
    points = slerp(a, b, T)
    lengths = np.linalg.norm(points, axis=1)
    np.testing.assert_allclose(lengths, lerp([np.linalg.norm(a)], [np.linalg.norm(b)], T)[:, 0], rtol=1e-12)
    expected = geometric_slerp(a / np.linalg.norm(a), b / np.linalg.norm(b), T)
    np.testing.assert_allclose(points / lengths[:, None], expected, atol=1e-9)
    np.testing.assert_array_equal(points[[0, -1]], [a, b])  # exactly


def test_for_equal_lengths_it_is_the_formula_of_white() -> None:
    a, b = np.array([3.0, 0, 4]), np.array([0, 5.0, 0])
    angle = np.pi / 2
    expected = [(np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle) for t in T]
    np.testing.assert_allclose(slerp(a, b, T), expected, atol=1e-12)


@pytest.mark.parametrize(
    "a, b",
    [
        ([0, 0], [1, 2]),  # an end without a direction
        ([1, 2], [0, 0]),
        ([0, 0], [0, 0]),
        ([1, 2], [2, 4]),  # one direction
        ([1, 2], [1, 2]),
        ([1, 2], [1, 2 + 1e-12]),
        ([3], [-5]),  # one dimension
    ],
)
def test_without_a_great_circle_the_path_is_straight(a: list[float], b: list[float]) -> None:
    np.testing.assert_allclose(slerp(a, b, T), lerp(a, b, T), atol=1e-9)


@pytest.mark.parametrize("scale", [1.0, 2.5])
@pytest.mark.parametrize("a", [[1.0, 0.0], [0.6, 0.8], [1.0, 2.0, -2.0], [1.0] * 6])
def test_opposite_ends_go_halfway_round_a_circle(a: list[float], scale: float) -> None:
    start, end = np.array(a), -scale * np.array(a)
    points = slerp(start, end, T)
    length = np.linalg.norm(start)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), length * lerp([1], [scale], T)[:, 0])
    # the middle stands at right angles, and equal steps make equal angles
    np.testing.assert_allclose(points[4] @ start, 0, atol=1e-12)
    unit = points / np.linalg.norm(points, axis=1)[:, None]
    np.testing.assert_allclose((unit[1:] * unit[:-1]).sum(1), np.cos(np.pi / 8))
    np.testing.assert_array_equal(points[-1], end)


def test_opposite_ends_pass_the_axis_that_is_least_along_them() -> None:
    np.testing.assert_allclose(slerp([0, 3, 0], [0, -3, 0], 0.5), [3, 0, 0], atol=1e-12)


def test_almost_opposite_ends_stay_finite_and_arrive() -> None:
    for off in (1e-6, 1e-8, 1e-12):
        points = slerp([1.0, 0.0, 0.0], [-1.0, off, 0.0], T)
        np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, rtol=1e-6)
        np.testing.assert_array_equal(points[-1], [-1.0, off, 0.0])


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="of one shape"):
        slerp([1.0, 2.0], [1.0, 2.0, 3.0], 0.5)


def test_a_film_shows_each_stop_once() -> None:
    assert film_positions(3, steps=2).tolist() == [0, 0.5, 1, 1.5, 2]
    assert film_positions(2, steps=1).tolist() == [0, 1]
    assert len(film_positions(5, steps=7)) == 4 * 7 + 1
    assert film_positions(4, steps=3)[::3].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("stops, steps", [(1, 5), (0, 5), (2, 0)])
def test_a_film_without_a_way_is_refused(stops: int, steps: int) -> None:
    with pytest.raises(ValueError, match="at least 2 stops"):
        film_positions(stops, steps=steps)
    with pytest.raises(ValueError, match="at least 2 stops"):
        path(np.zeros((stops, 2)), steps=steps)


@pytest.mark.parametrize("spherical", [False, True])
def test_a_path_passes_its_stops_exactly(spherical: bool) -> None:
    stops = np.random.default_rng(3).standard_normal((4, 5)).astype(np.float32)
    frames = path(stops, steps=6, spherical=spherical)
    assert frames.shape == (19, 5)
    assert frames.dtype == np.float32
    np.testing.assert_array_equal(frames[::6], stops)
    between = slerp if spherical else lerp
    np.testing.assert_allclose(frames[6:13], between(stops[1], stops[2], np.arange(7) / 6), atol=1e-6)


def test_a_spherical_path_turns_around_the_centre_in_its_units() -> None:
    centre, spread = np.array([10.0, 20.0]), np.array([1.0, 2.0])
    frames = path(
        np.array([[11.0, 20.0], [10.0, 22.0]]), steps=2, spherical=True, centre=centre, spread=spread
    )
    half = np.sqrt(0.5)  # a quarter of the unit circle, brought back
    np.testing.assert_allclose(frames, [[11, 20], [10 + half, 20 + 2 * half], [10, 22]], rtol=1e-6)
