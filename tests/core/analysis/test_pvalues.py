"""Phi and its inverse, evenness, and the trap that Phi(means) is not Phi(samples)."""

from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from core.analysis.pvalues import (
    CLIP,
    moments,
    phi,
    phi_inverse,
    posterior_samples,
    standardise,
    uniformity,
)
from core.errors import ConfigError, NotApplicable
from core.latents import Latents, of_split


def _latents(
    means: np.ndarray, variance: float | None, ids: np.ndarray | None = None, split: str | None = None
) -> Latents:
    count = len(means)
    log_variances = None
    if variance is not None:
        log_variances = np.full(means.shape, np.log(variance), np.float32)
    return Latents(
        ids=np.arange(count) if ids is None else ids,
        labels=np.zeros(count, np.int64),
        means=means.astype(np.float32),
        log_variances=log_variances,
        distortion=np.zeros(count, np.float32),
        rate=None if variance is None else np.zeros(count, np.float32),
        splits=None if split is None else of_split(split, count),
    )


def _joined(*parts: Latents) -> Latents:
    columns = {name: [getattr(part, name) for part in parts] for name in Latents.__dataclass_fields__}
    return Latents(**{name: np.concatenate(arrays) for name, arrays in columns.items()})


def test_phi_against_the_standard_library() -> None:
    z = np.linspace(-6, 6, 101)
    np.testing.assert_allclose(phi(z), [NormalDist().cdf(value) for value in z], rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(phi(np.array([0.0, 1.959963984540054])), [0.5, 0.975], rtol=1e-12)


def test_phi_of_its_inverse_is_the_identity() -> None:
    p = np.concatenate([np.geomspace(CLIP, 0.5, 200), 1 - np.geomspace(1e-11, 0.5, 200)])
    np.testing.assert_allclose(phi(phi_inverse(p)), p, rtol=1e-9)
    z = np.linspace(-7, 7, 2001)
    # above +5 a p next to 1 has few digits left in float64
    np.testing.assert_allclose(phi_inverse(phi(z)), z, atol=1e-4)
    np.testing.assert_allclose(phi_inverse(phi(z[z < 5])), z[z < 5], atol=1e-9)


def test_both_are_float64_and_clipped() -> None:
    z = np.array([-np.inf, -40, 40, np.inf], np.float32)
    assert phi(z).dtype == np.float64
    np.testing.assert_array_equal(phi(z), [CLIP, CLIP, 1 - CLIP, 1 - CLIP])
    ends = phi_inverse(np.array([0.0, 1.0], np.float32))
    assert ends.dtype == np.float64
    np.testing.assert_allclose(ends, [NormalDist().inv_cdf(1e-12), -NormalDist().inv_cdf(1e-12)], rtol=1e-5)
    assert phi(np.zeros((2, 3, 4))).shape == (2, 3, 4)


def test_normal_samples_are_uniform_under_phi() -> None:
    z = np.random.default_rng(0).standard_normal((5000, 2))
    for column in phi(z).T:
        assert stats.kstest(column, "uniform").pvalue > 0.01
    assert (uniformity(phi(z)) < 1.63 / np.sqrt(5000)).all()  # the 1 % point of Kolmogorov's law
    assert (uniformity(phi(z + 0.2)) > 0.05).all()


def test_evenness_by_hand() -> None:
    p = np.array([[0.25, 0.5, 0.0], [0.75, 0.5, 0.0]])
    np.testing.assert_allclose(uniformity(p), [0.25, 0.5, 1.0])


@pytest.mark.parametrize("rows", [1, 2, 17, 5000])
def test_the_distance_is_scipys_to_the_last_digit(rows: int) -> None:
    rng = np.random.default_rng(rows)
    columns = [rng.random(rows), rng.beta(2, 5, rows), np.round(rng.random(rows), 1), np.full(rows, 1.0)]
    p = np.stack(
        [*columns, phi(rng.normal(0, 9, rows))], axis=1
    )  # even, uneven, with ties, at a border, clipped
    expected = [stats.kstest(column, "uniform").statistic for column in p.T]
    np.testing.assert_array_equal(uniformity(p), expected)


def test_samples_of_a_matching_posterior_are_uniform_and_its_means_are_not() -> None:
    # the aggregate of N(mu, 0.4) with mu ~ N(0, 0.6) is N(0, 1)
    rng = np.random.default_rng(1)
    latents = _latents(np.sqrt(0.6) * rng.standard_normal((20_000, 2)), 0.4)
    samples = posterior_samples(latents, seed=0)
    assert samples.shape == (20_000, 2)
    assert samples.dtype == np.float32
    assert (uniformity(phi(samples)) < 1.63 / np.sqrt(20_000)).all()
    assert (uniformity(phi(latents.means)) > 0.04).all()
    both = moments(latents)
    np.testing.assert_allclose(both.mean_square + both.variance, 1, atol=0.02)


def test_the_draw_of_an_image_depends_on_its_id_and_the_seed_alone() -> None:
    rng = np.random.default_rng(2)
    ids = rng.permutation(500)[:200]
    latents = _latents(rng.standard_normal((200, 3)), 0.5, ids)
    samples = posterior_samples(latents, seed=3)
    rows = rng.permutation(200)[:50]
    np.testing.assert_array_equal(posterior_samples(latents.select(rows), seed=3), samples[rows])
    np.testing.assert_array_equal(posterior_samples(latents, seed=3), samples)
    assert (posterior_samples(latents, seed=4) != samples).all()


def test_rows_of_two_splits_share_no_noise() -> None:
    means = np.zeros((4000, 2))
    noise = {
        split: posterior_samples(_latents(means, 1.0, split=split), seed=0)
        for split in ("test", "train", "validation")
    }
    both = np.corrcoef(noise["test"].ravel(), noise["train"].ravel())[0, 1]
    assert abs(both) < 4 / np.sqrt(means.size)  # four standard errors of the correlation of independent draws
    for drawn in noise.values():
        assert stats.kstest(drawn.ravel(), "norm").pvalue > 0.001
    # held-out images are rows of the training source: another share of them changes no image's draw
    np.testing.assert_array_equal(noise["validation"], noise["train"])


def test_an_image_has_the_same_draw_whether_its_split_is_shown_alone_or_with_another() -> None:
    rng = np.random.default_rng(4)
    test = _latents(rng.standard_normal((300, 2)), 0.5, split="test")
    train = _latents(rng.standard_normal((700, 2)), 0.5, ids=rng.permutation(900)[:700], split="train")
    alone = np.concatenate([posterior_samples(part, seed=5) for part in (test, train)])
    joined = _joined(test, train)
    np.testing.assert_array_equal(posterior_samples(joined, seed=5), alone)
    order = rng.permutation(1000)[:400]
    np.testing.assert_array_equal(posterior_samples(joined.select(order), seed=5), alone[order])


def test_draws_have_the_posteriors_mean_and_variance() -> None:
    latents = _latents(np.full((20_000, 1), 1.5), 0.25)
    samples = posterior_samples(latents, seed=0)
    assert stats.kstest(samples[:, 0], "norm", args=(1.5, 0.5)).pvalue > 0.01


def test_latents_without_a_posterior_have_no_samples() -> None:
    with pytest.raises(NotApplicable, match="no posterior"):
        posterior_samples(_latents(np.zeros((3, 2)), None), seed=0)
    assert moments(_latents(np.ones((3, 2)), None)).variance is None


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None])
def test_a_seed_that_is_none_is_a_sentence(seed: object) -> None:
    with pytest.raises(ConfigError, match=r"'seed' cannot be .*: give a whole number from 0"):
        posterior_samples(_latents(np.zeros((3, 2)), 1.0), seed=seed)  # type: ignore[arg-type]


def test_no_rows_have_no_draws() -> None:
    for split in (None, "test"):
        assert posterior_samples(_latents(np.zeros((0, 2)), 1.0, split=split), seed=0).shape == (0, 2)


def test_moments_by_hand() -> None:
    got = moments(_latents(np.array([[1.0, 0.0], [3.0, 0.0]]), 0.5))
    np.testing.assert_allclose(got.mean, [2, 0])
    np.testing.assert_allclose(got.mean_square, [5, 0])
    np.testing.assert_allclose(got.variance, [0.5, 0.5], rtol=1e-6)  # type: ignore[arg-type]


def test_standardised_codes_have_mean_0_and_variance_1_and_a_constant_stays_finite() -> None:
    codes = np.column_stack([np.arange(10) * 7.0 + 3, np.full(10, 4.0)])
    got = standardise(codes.astype(np.float32))
    assert got.dtype == np.float64
    np.testing.assert_allclose(got.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(got.std(0), [1, 0])
