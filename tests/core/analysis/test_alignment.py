"""Alignment of latent spaces: known motions come back, and scipy's own Procrustes agrees."""

import itertools
import math

import numpy as np
import pytest
from scipy import linalg, spatial
from scipy.stats import ortho_group

from core.analysis.alignment import METHODS, align


def cloud(rows: int = 200, width: int = 3, *, seed: int = 0) -> np.ndarray:
    """Points with another spread in each dimension, away from the origin."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, width)) * np.arange(1, width + 1) + rng.normal(size=width)


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_a_known_rotation_and_reflection_come_back(mirror: float) -> None:
    angle = math.radians(37)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    turn[:, 1] *= mirror
    first = cloud(width=2)
    second = first @ turn + [5.0, -3.0]
    found = align(first, second)
    np.testing.assert_allclose(found.matrix, turn.T, atol=1e-12)
    assert found.mirrored is (mirror < 0)
    np.testing.assert_allclose(found.apply(second), first, atol=1e-12)
    assert found.residual == pytest.approx(0, abs=1e-12)
    assert found.distance == pytest.approx(0, abs=1e-12)
    assert found.images == 200


def test_a_case_solved_by_hand() -> None:
    # corners of a square of side 2, and the same turned by 90 degrees and twice as wide: Q undoes the turn. A corner
    # lies sqrt(2) from the centre, its image 2 sqrt(2): sqrt(2) apart. Scale is no part of the residual.
    first = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    turned = 2 * first @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    found = align(first, turned)
    np.testing.assert_allclose(found.matrix, [[0.0, -1.0], [1.0, 0.0]], atol=1e-12)
    assert found.distance == pytest.approx(math.sqrt(2))
    assert found.residual == pytest.approx(0, abs=1e-12)


def test_scipy_agrees() -> None:
    first = cloud(seed=1)
    second = first @ ortho_group.rvs(3, random_state=2) * 3 + np.random.default_rng(3).normal(
        size=first.shape
    )
    found = align(first, second)
    x, y = first - first.mean(0), second - second.mean(0)
    rotation, _ = linalg.orthogonal_procrustes(y, x)
    np.testing.assert_allclose(found.matrix, rotation, atol=1e-12)
    assert found.distance == pytest.approx(math.sqrt(np.square(x - y @ rotation).sum() / len(x)))
    *_, disparity = spatial.procrustes(first, second)
    assert found.residual == pytest.approx(disparity, rel=1e-9)
    assert align(second, first).residual == pytest.approx(disparity, rel=1e-9)


def test_no_rotation_comes_closer() -> None:
    first, second = cloud(seed=4), cloud(seed=5)
    best = align(first, second).distance
    x, y = first - first.mean(0), second - second.mean(0)
    for seed in range(50):
        other = ortho_group.rvs(3, random_state=seed)
        assert math.sqrt(np.square(x - y @ other).sum() / len(x)) >= best


def test_a_known_permutation_with_signs_comes_back() -> None:
    first = cloud(width=4)
    matrix = np.zeros((4, 4))
    matrix[[0, 1, 2, 3], [2, 0, 3, 1]] = [1, -1, -1, 1]
    second = first @ matrix.T - 7
    found = align(first, second, method="permutation")
    np.testing.assert_array_equal(found.matrix, matrix)
    np.testing.assert_allclose(found.apply(second), first, atol=1e-12)
    assert found.residual == pytest.approx(0, abs=1e-12)


def test_the_permutation_is_the_best_of_all_and_never_beats_the_rotation() -> None:
    first, second = cloud(seed=6), cloud(seed=7)
    found = align(first, second, method="permutation")
    x, y = first - first.mean(0), second - second.mean(0)
    distances = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((-1.0, 1.0), repeat=3):
            matrix = np.zeros((3, 3))
            matrix[range(3), order] = signs
            distances.append(math.sqrt(np.square(x - y @ matrix).sum() / len(x)))
    assert found.distance == pytest.approx(min(distances))
    assert align(first, second).distance <= found.distance


def test_unequal_sizes_are_padded_with_zeros() -> None:
    first = cloud(width=2)
    tilt = ortho_group.rvs(5, random_state=1)
    second = np.pad(first, ((0, 0), (0, 3))) @ tilt
    found = align(first, second)
    assert found.residual == pytest.approx(0, abs=1e-12)
    moved = found.apply(second)
    np.testing.assert_allclose(moved[:, :2], first, atol=1e-12)
    np.testing.assert_allclose(moved[:, 2:], 0, atol=1e-12)
    # the other way round: a plane in five dimensions, laid onto the tilted one
    back = align(second, first)
    np.testing.assert_allclose(back.apply(first), second, atol=1e-12)
    # a line cannot hold a space: of the variances 1, 4 and 9 the third dimension explains 9 of 14
    line, space = cloud(width=3)[:, 2:], cloud(width=3)
    assert align(line, space, method="permutation").apply(space).shape == (200, 3)
    assert align(line, space).residual == pytest.approx(1 - 9 / 14, abs=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_unrelated_clouds_are_far_and_the_residual_stays_in_its_range(method: str) -> None:
    rng = np.random.default_rng(8)
    found = align(rng.normal(size=(5000, 2)), rng.normal(size=(5000, 2)), method=method)  # type: ignore[arg-type]
    assert found.residual is not None
    assert 0.99 < found.residual <= 1
    # two independent standard normal planes: 2 dimensions of variance 2 each
    assert found.distance == pytest.approx(2, abs=0.05)


def test_one_place_for_all_images_has_no_shape() -> None:
    first = cloud(width=2)
    still = np.full((200, 2), 0.1, np.float32)
    for one, two in ((first, still), (still, first), (still, still)):
        found = align(one, two)
        assert found.residual is None
        assert np.isfinite(found.matrix).all()
        assert np.isfinite(found.distance)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="same two or more images"):
        align(np.zeros((3, 2)), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="same two or more images"):
        align(np.zeros((1, 2)), np.zeros((1, 2)))
    with pytest.raises(ValueError, match="finite"):
        align(np.full((3, 2), np.nan), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="no alignment 'bent'"):
        align(cloud(), cloud(), method="bent")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at most 3"):
        align(cloud(), cloud()).apply(np.zeros((2, 4)))
