"""Projections against scikit-learn, planted planes and a case solved by hand; determinism, and what is refused."""

import contextlib
import io

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.decomposition import PCA

from core.analysis.projections import FEWEST, METHODS, Projection, project, quality
from core.errors import ConfigError, DataError, NotApplicable, VAEScopeError


def cloud(rows: int = 60, width: int = 5, *, seed: int = 0) -> np.ndarray:
    """A cloud with a spread of its own along each axis, turned, float32."""
    rng = np.random.default_rng(seed)
    spread = rng.normal(size=(rows, width)) * np.arange(width, 0, -1)
    return (spread @ ortho_group.rvs(width, random_state=seed) + 3).astype(np.float32)


def groups(rows: int = 40) -> np.ndarray:
    """Three groups far from each other in six dimensions, float32."""
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(3, 6)) * 10
    return (centres[np.arange(rows) % 3] + rng.normal(size=(rows, 6))).astype(np.float32)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_pca_is_scikit_learns_up_to_sign(dimensions: int) -> None:
    points = cloud()
    made = project(points, "pca", dimensions=dimensions)
    full = PCA(svd_solver="full").fit(points.astype(np.float64))
    wanted = full.transform(points.astype(np.float64))[:, :dimensions]
    signs = np.sign((made.places * wanted).sum(0))
    np.testing.assert_allclose(made.places * signs, wanted, atol=1e-4)
    assert made.explained is not None
    np.testing.assert_allclose(made.explained, full.explained_variance_ratio_[:dimensions], rtol=1e-6)
    assert made.seed is None


def test_the_largest_weight_of_a_pca_axis_is_positive_whichever_way_the_cloud_lies() -> None:
    points = cloud()
    for turned in (points, -points):
        axes, *_ = np.linalg.lstsq(turned - turned.mean(0), project(turned, "pca").places, rcond=None)
        largest = axes[np.abs(axes).argmax(0), [0, 1]]
        assert (largest > 0.1).all()


def test_a_planted_plane_is_recovered_exactly() -> None:
    rng = np.random.default_rng(2)
    plane = rng.normal(size=(200, 2)) * [3, 1]
    axes = np.linalg.qr(rng.normal(size=(7, 2)))[0]
    made = project((plane @ axes.T + 5).astype(np.float32), "pca")
    assert (made.quality.trustworthiness, made.quality.continuity) == (1.0, 1.0)
    assert made.explained is not None
    assert made.explained.sum() == pytest.approx(1, abs=1e-9)
    distances = [np.linalg.norm(one[:, None] - one[None], axis=2) for one in (plane, made.places)]
    np.testing.assert_allclose(distances[0], distances[1], atol=1e-4)


def test_trustworthiness_and_continuity_solved_by_hand() -> None:
    # a, b, c, d, e on a line at 0, 1, 3, 7, 15; the projection exchanges the places of a and e. k = 1, N = 5.
    # Nearest in the projection: a to d, b to e, c to b, d to c, e to b. Their ranks before: 3, 4, 1, 1, 3, so that
    # the excess over k is 2 + 3 + 0 + 0 + 2 = 7, and 1 - 2 / (N k (2 N - 3 k - 1)) 7 = 1 - 2 / (5 (10 - 3 - 1)) 7.
    # Exchanged once more, the places are those from before: continuity has the same ranks.
    high = np.array([[0.0], [1], [3], [7], [15]])
    low = high[[4, 1, 2, 3, 0]]
    found = quality(high, low, neighbours=1)
    assert found.trustworthiness == pytest.approx(1 - 14 / 30)
    assert found.continuity == pytest.approx(1 - 14 / 30)


def test_strangers_side_by_side_cost_trust_and_torn_neighbours_continuity() -> None:
    # A ring pressed flat brings its two halves together: no neighbour is torn away, but strangers meet.
    angle = np.arange(100) / 100 * 2 * np.pi
    ring = np.column_stack([np.cos(angle), 3 * np.sin(angle)])
    flat = quality(ring, ring[:, 1:], neighbours=5)
    assert flat.trustworthiness < 0.9
    assert flat.continuity > 0.97
    # The same ring cut open and rolled out: no strangers meet, but the two ends were neighbours.
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    cut = quality(circle, angle[:, None], neighbours=5)
    assert cut.trustworthiness > 0.99
    assert cut.continuity < cut.trustworthiness


def test_quality_over_a_seeded_sample_says_how_many_points_it_saw() -> None:
    points = cloud(400)
    places = points[:, :2]
    found = quality(points, places, sample=150, seed=3)
    assert (found.judged, found.neighbours) == (150, 10)
    rows = np.sort(np.random.default_rng(3).choice(400, 150, replace=False))
    assert found == quality(points[rows], places[rows])
    assert found != quality(points, places, sample=150, seed=4)
    assert quality(points[:9], places[:9]).neighbours == 4  # more than half of the others are no neighbours


def run(method: str, points: np.ndarray, **options: int) -> tuple[Projection, list[tuple[str, int, int]]]:
    told: list[tuple[str, int, int]] = []
    made = project(points, method, **options, progress=lambda *step: told.append(step))  # type: ignore[arg-type]
    return made, told


def test_t_sne_is_the_same_at_an_equal_seed_and_tells_its_steps() -> None:
    points = groups()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        (first, told), (again, _) = run("tsne", points), run("tsne", points)
    assert said.getvalue() == ""  # what scikit-learn prints is heard, and not passed on
    np.testing.assert_array_equal(first.places, again.places)
    assert (first.seed, first.explained, first.places.shape) == (0, None, (40, 2))
    steps = [done for phase, done, total in told if phase == "Laying out" and total == 1000]
    assert steps == sorted(steps)
    assert steps[0] == 50
    assert steps[-1] > 500
    assert told[-1] == ("Judging", 0, 0)
    assert first.quality.trustworthiness > 0.9


def test_umap_is_the_same_at_an_equal_seed_and_another_at_another() -> None:
    points = groups()
    (first, told), (again, _), (other, _) = (run("umap", points, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.places, again.places)
    assert np.abs(first.places - other.places).max() > 0.1
    assert first.seed == 1
    steps = [(done, total) for phase, done, total in told if phase == "Laying out"]
    assert steps[-1] == (500, 500)
    assert first.quality.trustworthiness > 0.8
    solid = project(points, "umap", dimensions=3)
    assert solid.places.shape == (40, 3)
    assert np.isfinite(solid.places).all()
    # groups stay apart: each point's nearest other one is of its own group
    distances = np.linalg.norm(first.places[:, None] - first.places[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(distances.argmin(1) % 3, np.arange(40) % 3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("width", [1, 2])
def test_a_latent_of_one_or_two_dimensions_is_never_projected(method: str, width: int) -> None:
    with pytest.raises(NotApplicable, match=f"A {width}-D latent is never projected"):
        project(cloud(width=5)[:, :width], method)


BROKEN = cloud()
BROKEN[7, 1] = np.nan
ENDLESS = cloud()
ENDLESS[7, 1] = np.inf
REFUSED: dict[str, tuple[np.ndarray, dict[str, object], type[VAEScopeError], str]] = {
    "3 of 3": (cloud(width=3), {"dimensions": 3}, NotApplicable, "is not projected to 3"),
    "NaN": (BROKEN, {}, DataError, "not finite"),
    "infinite": (ENDLESS, {}, DataError, "not finite"),
    "collapsed": (np.ones((50, 4), np.float32), {}, NotApplicable, "collapsed"),
    "few": (cloud(FEWEST - 1), {}, DataError, "too few"),
    "shape": (cloud()[0], {}, DataError, "shaped"),
    "whole numbers": (np.ones((50, 4), np.int64), {}, DataError, "floats"),
    "method": (cloud(), {"method": "magic"}, ConfigError, "choose one of pca, tsne, umap"),
    "seed": (cloud(), {"seed": -1}, ConfigError, "seed"),
    "dimensions": (cloud(), {"dimensions": 4}, ConfigError, "2 or 3"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_projected_is_refused_in_one_sentence(case: str) -> None:
    points, options, kind, said = REFUSED[case]
    with pytest.raises(kind, match=said) as caught:
        project(points, **{"method": "pca", **options})  # type: ignore[arg-type]
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_as_many_places_as_points_are_judged() -> None:
    for high, low in ((cloud(9), cloud(8)), (cloud(2), cloud(2))):
        with pytest.raises(ValueError, match="Three places or more"):
            quality(high, low)
