"""Comparison of two runs: small cases solved by hand, and scipy's own paired test."""

import math

import numpy as np
import pytest
from scipy import stats

from core.analysis.comparison import (
    Verdict,
    applies,
    differing_settings,
    judge,
    paired_difference,
    paired_rows,
    paired_scores,
)
from core.analysis.scores import SCORES, Score, directions
from core.config import RunConfig
from core.latents import Latents


def latents(ids: list[int], distortion: list[float], rate: list[float] | None) -> Latents:
    count = len(ids)
    return Latents(
        ids=np.array(ids, np.int64),
        labels=np.zeros(count, np.int64),
        means=np.zeros((count, 2), np.float32),
        log_variances=None if rate is None else np.zeros((count, 2), np.float32),
        distortion=np.array(distortion, np.float32),
        rate=None if rate is None else np.array(rate, np.float32),
    )


def test_a_difference_solved_by_hand() -> None:
    # differences 1, 2, 3, 6: mean 3, squares of deviations 4 + 1 + 0 + 9 = 14, s^2 = 14/3, error = sqrt(14/12)
    found = paired_difference(np.array([2.0, 4.0, 6.0, 10.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    assert found is not None
    assert (found.mean, found.images, found.first_lower) == (3.0, 4, 0.0)
    assert found.standard_error == pytest.approx(math.sqrt(14 / 12))
    # Student's t with 3 degrees of freedom: 3.182446 (table)
    assert found.high == pytest.approx(3 + 3.182446 * math.sqrt(14 / 12), abs=1e-5)
    assert found.low == pytest.approx(3 - 3.182446 * math.sqrt(14 / 12), abs=1e-5)


def test_the_interval_is_that_of_the_paired_t_test() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.normal(20, 5, 50), rng.normal(19, 5, 50)
    found, wanted = paired_difference(first, second), stats.ttest_rel(first, second)
    assert found is not None
    interval = wanted.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.first_lower == np.count_nonzero(first < second) / 50


def test_few_images() -> None:
    assert paired_difference(np.zeros(0), np.zeros(0)) is None
    one = paired_difference(np.array([1.0]), np.array([3.0]))
    assert one is not None
    assert (one.mean, one.standard_error, one.low, one.high, one.first_lower) == (-2.0, None, None, None, 1.0)
    same = paired_difference(np.ones(3), np.ones(3))
    assert same is not None
    assert (same.mean, same.low, same.high) == (0.0, 0.0, 0.0)


def test_pairs_need_the_same_number_of_images() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) and \(2,\)"):
        paired_difference(np.ones(3), np.ones(2))


def test_scores_are_paired_by_id_whatever_the_order() -> None:
    first = latents([7, 3, 9], [10.0, 20.0, 99.0], [1.0, 2.0, 9.0])
    second = latents([3, 7, 4], [18.0, 11.0, 0.0], [2.5, 1.5, 0.0])
    found = paired_scores(first, second)
    # image 3: 20 - 18 = 2 and 2 - 2.5 = -0.5; image 7: 10 - 11 = -1 and 1 - 1.5 = -0.5
    assert {name: (pair.mean, pair.images) for name, pair in found.items()} == {
        "distortion": (0.5, 2),
        "rate": (-0.5, 2),
        "negative_elbo": (0.0, 2),
    }


def test_without_a_posterior_only_distortions_are_compared() -> None:
    found = paired_scores(latents([1, 2], [3.0, 4.0], None), latents([1, 2], [1.0, 1.0], [0.5, 0.5]))
    assert list(found) == ["distortion"]
    assert found["distortion"].mean == 2.5
    assert paired_scores(latents([1], [3.0], None), latents([2], [1.0], None)) == {}


def test_only_settings_that_differ_are_listed() -> None:
    first = RunConfig()
    assert differing_settings(first, RunConfig(), pixels=(64, 64)) == []
    found = differing_settings(
        first, first.with_settings({"beta": 0.5, "hidden": "64,32", "seed": 3}), pixels=(64, 64)
    )
    assert [(one.name, one.values) for one in found] == [
        ("hidden", ((128,), (64, 32))),
        ("beta", (1.0, 0.5)),
        ("reconstruction_weight", (64.0, 128.0)),
        ("seed", (0, 3)),
    ]
    assert all(one.description and one.applies == (True, True) for one in found)


def test_the_weight_is_infinite_at_beta_0_and_differs_with_the_pixels() -> None:
    first = RunConfig()
    zero = differing_settings(first, first.with_settings({"beta": 0}), pixels=(64, 64))
    assert [one.values for one in zero] == [(1.0, 0.0), (64.0, "infinite")]
    padded = differing_settings(first, first.with_settings({"pad": 16}), pixels=(64, 256))
    assert [(one.name, one.values) for one in padded] == [
        ("pad", (None, 16)),
        ("reconstruction_weight", (64.0, 256.0)),
    ]


def test_what_does_not_apply_to_one_differs_and_to_both_does_not() -> None:
    vae, ae = RunConfig(), RunConfig(family="ae")
    found = differing_settings(ae, vae, pixels=(64, 64))
    assert [(one.name, one.applies) for one in found] == [
        ("family", (True, True)),
        ("beta", (False, True)),
        ("reconstruction_weight", (False, True)),
        ("warmup_epochs", (False, True)),
    ]
    # sigma means nothing to a Bernoulli, and the weight nothing to an autoencoder, whatever its pixel count
    assert differing_settings(vae, vae.with_settings({"sigma": 2}), pixels=(64, 64)) == []
    assert [one.name for one in differing_settings(ae, ae.with_settings({"pad": 9}), pixels=(64, 81))] == [
        "pad"
    ]
    assert applies(vae.with_settings({"likelihood": "gaussian"}), "sigma")


def test_an_extra_differs_from_a_family_without_it_once_it_is_on() -> None:
    held, ae = RunConfig(free_bits=0.5), RunConfig(family="ae")
    (found,) = [one for one in differing_settings(ae, held, pixels=(64, 64)) if one.name == "free_bits"]
    assert (found.applies, found.values) == ((False, True), (0.0, 0.5))
    assert [one.name for one in differing_settings(held, RunConfig(), pixels=(64, 64))] == ["free_bits"]


def test_settings_of_three_runs() -> None:
    vae, ae = RunConfig(), RunConfig(family="ae")
    found = differing_settings(vae, vae.with_settings({"seed": 1}), vae, pixels=(64, 64, 64))
    assert [(one.name, one.values) for one in found] == [("seed", (0, 1, 0))]
    found = differing_settings(vae, ae, vae.with_settings({"beta": 2}), pixels=(64, 64, 64))
    assert [(one.name, one.applies) for one in found][:2] == [
        ("family", (True, True, True)),
        ("beta", (True, False, True)),
    ]


def test_rows_are_paired_as_they_stand() -> None:
    # two images with one id, as test image 3 and training image 3 on one map
    first = latents([3, 3], [10.0, 20.0], [1.0, 1.0])
    found = paired_rows(first, latents([3, 3], [9.0, 18.0], [2.0, 2.0]))
    assert (found["distortion"].mean, found["rate"].mean, found["negative_elbo"].mean) == (1.5, -1.0, 0.5)


def test_what_the_same_images_do_not_tell_apart_is_not_marked() -> None:
    vae, yes = [RunConfig()] * 2, [True, True]
    apart = {"distortion": paired_difference(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.1, 4.0]))}
    alike = {"distortion": paired_difference(np.array([1.0, 2.0, 3.0]), np.array([2.0, 1.0, 3.1]))}
    assert apart["distortion"] is not None
    assert apart["distortion"].tells
    for name in ("distortion", "excess_distortion"):
        assert judge(name, [2.0, 3.03], vae, comparable=yes, pairs=apart).best == (0,)
        verdict = judge(name, [2.0, 2.03], vae, comparable=yes, pairs=alike)
        assert (verdict.best, verdict.why_not) == ((), "no difference can be told")
        assert judge(name, [2.0, 2.0], vae, comparable=yes, pairs=alike).best == (0, 1)  # equal, and said so
    assert judge("negative_elbo", [2.0, 2.03], vae, comparable=yes, pairs=alike).best == (0,)


def test_the_best_of_several_is_marked_only_among_comparable_ones() -> None:
    vae, ae = RunConfig(), RunConfig(family="ae")
    same, yes = [vae] * 3, [True] * 3
    assert judge("distortion", [3.0, 1.0, 2.0], same, comparable=yes) == Verdict((1,), (0, 1, 2))
    assert judge("distortion", [3.0, 1.0, 2.0], same, comparable=[True, False, True]) == Verdict((2,), (0, 2))
    assert judge("distortion", [1.0, 1.0, 2.0], same, comparable=yes).best == (0, 1)
    assert judge("distortion", [1.0, None, 2.0], same, comparable=yes) == Verdict((0,), (0, 2))
    assert judge("distortion", [1.0, None, None], same, comparable=yes) == Verdict()
    assert judge("rate", [1.0, 2.0, 3.0], same, comparable=yes) == Verdict()
    assert judge("distortion", [1.0, 2.0], [vae] * 2, comparable=[True, False]).why_not == "not comparable"
    betas = [vae, vae.with_settings({"beta": 2})]
    assert judge("negative_elbo", [1.0, 2.0], betas, comparable=[True, True]).why_not == "betas differ"
    assert judge("distortion", [1.0, 2.0], betas, comparable=[True, True]).best == (0,)
    assert judge("distortion", [1.0, 2.0], [vae, ae], comparable=[True, True]).why_not == "only one draws z"
    assert judge("distortion", [1.0, 2.0, 3.0], [vae, ae, ae], comparable=yes).why_not == "only some draw z"
    assert judge("distortion_at_mean", [1.0, 2.0], [vae, ae], comparable=[True, True]).best == (0,)


def test_higher_can_be_better_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCORES, "sharpness", Score("Sharpness", "none", "higher", "More is better."))
    assert judge("sharpness", [1.0, 2.0], [RunConfig()] * 2, comparable=[True, True]).best == (1,)
    assert directions()["sharpness"] == "higher is better"
