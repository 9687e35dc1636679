"""Similarity of runs: cases solved by hand, a second way to write CKA, and the neighbours counted one by one."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from core.analysis.similarity import (
    linear_cka,
    nearest,
    neighbour_overlap,
    rows_of,
    shared_ids,
    similarity,
)
from core.latents import Latents


def latents(means: np.ndarray, ids: np.ndarray | None = None, labels: np.ndarray | None = None) -> Latents:
    count = len(means)
    return Latents(
        ids=np.arange(count) if ids is None else ids,
        labels=np.zeros(count, np.int64) if labels is None else labels,
        means=means.astype(np.float32),
        log_variances=None,
        distortion=np.zeros(count, np.float32),
        rate=None,
    )


def cloud(rows: int = 300, width: int = 4, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, width)) * np.arange(1, width + 1)


def test_cka_of_a_rotated_mirrored_scaled_and_shifted_copy_is_1() -> None:
    first = cloud()
    turn = ortho_group.rvs(4, random_state=1)
    turn[:, 0] *= -np.sign(np.linalg.det(turn))  # a reflection
    assert linear_cka(first, 3 * first @ turn + 10) == pytest.approx(1, abs=1e-12)
    assert linear_cka(first, np.pad(first, ((0, 0), (0, 3)))) == pytest.approx(1, abs=1e-12)


def test_cka_solved_by_hand() -> None:
    # x along one axis, y with the same axis and an independent one: Y^T X = (4, 0), X^T X = 4, Y^T Y = diag(4, 4)
    first = np.array([[1.0], [1.0], [-1.0], [-1.0]])
    second = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert linear_cka(first, second) == pytest.approx(16 / (4 * 4 * np.sqrt(2)))
    assert linear_cka(first, second[:, 1:]) == pytest.approx(0)


def test_cka_by_kernels_is_the_same() -> None:
    # HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) of centred Gram matrices: the definition, equation 2 of the paper
    first, second = cloud(seed=1), cloud(width=7, seed=2) + cloud(seed=1)[:, :1]
    centre = np.eye(300) - 1 / 300
    one, two = (centre @ (x @ x.T) @ centre for x in (first, second))
    wanted = np.trace(one @ two) / np.sqrt(np.trace(one @ one) * np.trace(two @ two))
    assert linear_cka(first, second) == pytest.approx(wanted, rel=1e-10)


def test_cka_of_one_place_does_not_apply() -> None:
    assert linear_cka(cloud(), np.full((300, 2), 0.1, np.float32)) is None
    assert linear_cka(cloud(rows=1), cloud(rows=1)) is None
    with pytest.raises(ValueError, match="same images"):
        linear_cka(cloud(), cloud(rows=5))


def test_the_nearest_are_those_of_the_sorted_distances() -> None:
    points = cloud(rows=80)
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(nearest(points, neighbours=7), np.argsort(distances, axis=1)[:, :7])
    with pytest.raises(ValueError, match="no 80 neighbours"):
        nearest(points, neighbours=80)


def test_a_point_is_never_its_own_neighbour_even_where_points_coincide() -> None:
    found = nearest(np.zeros((6, 2)), neighbours=3)
    assert not (found == np.arange(6)[:, None]).any()


def test_an_overlap_solved_by_hand() -> None:
    # on a line 0 1 2 3 the two nearest of 0 are 1, 2; in the second run 0 and 3 have changed places
    first = np.array([[1, 2], [0, 2], [1, 3], [2, 1]])
    second = np.array([[2, 1], [3, 2], [3, 1], [1, 2]])
    # shared: 2, 1, 2, 2 of 2
    assert neighbour_overlap(first, second) == pytest.approx((2 + 1 + 2 + 2) / 8)
    with pytest.raises(ValueError, match="one shape"):
        neighbour_overlap(first, second[:3])


def test_unrelated_runs_overlap_by_chance() -> None:
    found = similarity([latents(cloud(rows=2000, seed=s)) for s in (1, 2)], neighbours=20)
    assert found.chance == pytest.approx(20 / 1999)
    assert found.overlap[0, 1] == pytest.approx(20 / 1999, rel=0.2)
    assert found.cka[0, 1] < 0.01


def test_the_matrix_is_symmetric_and_a_rotated_copy_is_like_the_run() -> None:
    first = cloud()
    copy = first @ ortho_group.rvs(4, random_state=3)
    found = similarity([latents(first), latents(copy), latents(cloud(seed=9))])
    np.testing.assert_array_equal(found.cka, found.cka.T)
    np.testing.assert_allclose(np.diag(found.cka), 1, atol=1e-12)
    np.testing.assert_array_equal(np.diag(found.overlap), 1)
    assert found.cka[0, 1] == pytest.approx(1, abs=1e-6)
    assert found.overlap[0, 1] > 0.999  # float32 may exchange two that are equally far
    assert found.overlap[0, 2] < 0.1
    assert (found.images, found.total, found.neighbours) == (300, 300, 10)


def test_images_are_matched_by_id() -> None:
    means = cloud(rows=50)
    order = np.random.default_rng(0).permutation(50)
    shuffled = latents(means[order], ids=order + 100)
    found = similarity([latents(means, ids=np.arange(50) + 100), shuffled], neighbours=5)
    np.testing.assert_allclose(found.cka, 1, atol=1e-12)
    np.testing.assert_array_equal(found.overlap, 1)
    assert rows_of(shuffled, np.array([100, 149])).tolist() == [
        int(np.flatnonzero(order == 0)[0]),
        int(np.flatnonzero(order == 49)[0]),
    ]


def test_only_shared_images_are_compared() -> None:
    means = cloud(rows=50)
    found = similarity([latents(means), latents(means[:30], ids=np.arange(30))], neighbours=5)
    assert (found.images, found.total) == (30, 30)
    alone = similarity([latents(means), latents(means, ids=np.arange(50) + 1000)])
    assert (alone.images, alone.chance) == (0, None)
    assert np.isnan(alone.cka).all()
    assert np.isnan(alone.overlap).all()


def test_many_images_are_sampled_by_class_and_seed() -> None:
    labels = np.repeat([0, 1], [900, 300])
    run = latents(cloud(rows=1200), labels=labels)
    ids, total = shared_ids([run, run], sample=400, seed=0)
    assert total == 1200
    assert np.bincount(labels[ids]).tolist() == [300, 100]
    np.testing.assert_array_equal(ids, shared_ids([run, run], sample=400, seed=0)[0])
    assert (ids != shared_ids([run, run], sample=400, seed=1)[0]).any()
    assert similarity([run, run], sample=400).images == 400


def test_few_images_have_few_neighbours() -> None:
    found = similarity([latents(cloud(rows=4)), latents(cloud(rows=4))])
    assert found.neighbours == 3
    np.testing.assert_array_equal(found.overlap, 1)
    one = similarity([latents(cloud(rows=1)), latents(cloud(rows=1))])
    assert np.isnan(one.overlap).all()
    with pytest.raises(ValueError, match="needs a run"):
        similarity([])
