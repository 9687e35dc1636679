"""Attribute vectors: exact on a linear toy; the nearest class mean against scikit-learn; leakage counted by hand."""

import numpy as np
import pytest
from sklearn.neighbors import NearestCentroid

from core.analysis.attributes import analogy, attribute_vector, class_means, leakage, nearest_mean
from core.errors import DataError


def test_on_a_linear_toy_the_vector_is_exactly_the_attribute() -> None:
    # a linear autoencoder: z = W'x, x = W z, with orthonormal columns; images = any base + the attribute or not
    rng = np.random.default_rng(0)
    weights = np.linalg.qr(rng.standard_normal((12, 4)))[0]
    attribute = weights @ np.array([1.0, -2.0, 0.5, 0.0])
    bases = rng.standard_normal((30, 4)) @ weights.T
    lacking, having = bases @ weights, (bases + attribute) @ weights
    vector = attribute_vector(having, lacking)
    np.testing.assert_allclose(vector, [1.0, -2.0, 0.5, 0.0], atol=1e-12)
    np.testing.assert_allclose((lacking + vector) @ weights.T, bases + attribute, atol=1e-12)
    np.testing.assert_allclose((lacking + 3 * vector) @ weights.T, bases + 3 * attribute, atol=1e-12)
    np.testing.assert_allclose(attribute_vector(lacking, having), -vector)


def test_the_groups_may_differ_in_size() -> None:
    vector = attribute_vector(np.array([[1.0, 0.0], [3.0, 0.0]]), np.array([[0.0, 5.0]]))
    np.testing.assert_array_equal(vector, [2, -5])


def test_an_empty_group_is_a_sentence() -> None:
    with pytest.raises(DataError, match=r"there are 0 and 3: choose at least one of each\.$"):
        attribute_vector(np.zeros((0, 2)), np.zeros((3, 2)))


def test_arithmetic_by_hand() -> None:
    a, b, c = np.array([[3.0, 1.0], [1.0, 1.0], [0.0, 4.0]])
    np.testing.assert_array_equal(analogy(a, b, c), [2, 4])
    np.testing.assert_array_equal(analogy(a, b, b), a)


def test_means_of_the_labels_that_occur() -> None:
    latents = np.array([[0.0, 2.0], [4.0, 0.0], [2.0, 4.0], [9.0, 9.0]], np.float32)
    labels, centres = class_means(latents, np.array([7, 2, 7, -1]))
    assert labels.tolist() == [2, 7]
    np.testing.assert_array_equal(centres, [[4, 0], [1, 3]])
    assert class_means(latents, np.full(4, -1))[1].shape == (0, 2)


def test_the_nearest_mean_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 6, 400)
    latents = rng.standard_normal((400, 3)) + np.eye(6, 3)[labels] * 2
    present, centres = class_means(latents, labels)
    expected = NearestCentroid().fit(latents, labels)
    np.testing.assert_allclose(expected.centroids_, centres)
    np.testing.assert_array_equal(present[nearest_mean(latents, centres)], expected.predict(latents))


def test_leakage_by_hand() -> None:
    # means at 0, 10 and 20 on a line; the borders lie at 5 and 15. One step is 4.
    found = leakage(
        np.array([[0.0], [2.0], [12.0], [-20.0]]),
        np.array([3, 3, 3, -1]),
        vector=np.array([4.0]),
        strengths=np.array([0.0, 1.0, 2.0, 4.0]),
        labels=np.array([3, 5, 8]),
        centres=np.array([[0.0], [10.0], [20.0]]),
    )
    # at 1: 4, 6, 16, -16; at 2: 8, 10, 20, -12; at 4: 16, 18, 28, -4
    np.testing.assert_allclose(found.moved_to, [[0, 0, 0], [0, 0.25, 0.25], [0, 0.5, 0.25], [0, 0, 0.75]])
    np.testing.assert_allclose(found.changed, [0, 0.5, 0.75, 0.75])
    np.testing.assert_allclose(found.onto_others(5), [0, 0.25, 0.25, 0.75])
    np.testing.assert_allclose(found.onto_others(8), [0, 0.25, 0.5, 0])
    assert found.agreement == 0.5  # two of four stand nearest to their own mean; no label agrees with none


def test_a_clean_vector_leaks_onto_no_other_label() -> None:
    # four classes on the corners of a square: the first axis tells 0 from 1 and 2 from 3
    corners = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
    zeros = corners[0] + np.random.default_rng(2).uniform(-1, 1, (50, 2))
    clean, mixed = (
        leakage(
            zeros,
            np.zeros(50, np.int64),
            vector=np.array(vector),
            strengths=np.array([1.0]),
            labels=np.arange(4),
            centres=corners,
        )
        for vector in ([4.0, 0.0], [4.0, 4.0])
    )
    assert clean.moved_to.tolist() == [[0, 1, 0, 0]]
    assert clean.onto_others(1).tolist() == [0]
    assert mixed.moved_to.tolist() == [[0, 0, 0, 1]]
    assert mixed.onto_others(1).tolist() == [1]


@pytest.mark.parametrize("images, classes", [(0, 3), (5, 1)])
def test_leakage_without_images_or_labels_is_a_sentence(images: int, classes: int) -> None:
    with pytest.raises(DataError, match=r"at least two classes\.$"):
        leakage(
            np.zeros((images, 2)),
            np.zeros(images, np.int64),
            vector=np.ones(2),
            strengths=np.ones(1),
            labels=np.arange(classes),
            centres=np.zeros((classes, 2)),
        )
