"""Scores of a run: the same at every batch size, and equal to what arithmetic by hand gives."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.analysis.scores import SCORES
from core.config import RunConfig
from core.encoding import Encoded
from core.errors import CheckpointError
from core.runs import open_run
from core.scoring import evaluate, report, rescore, split_scores, write_scores
from tests.core.shared import ROWS, Trained


def _close(one: dict[str, Any], other: dict[str, Any], rel: float = 1e-5) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert other[name] == (None if value is None else pytest.approx(value, rel=rel, abs=1e-7)), name


@pytest.mark.parametrize("family, network", ROWS)
def test_scores_do_not_depend_on_the_batch_size(family: str, network: str, trained: Trained) -> None:
    run = trained(family=family, network=network)
    whole = evaluate(run)
    for size in (1, 7, 100, 128, 1000):
        _close(whole, evaluate(run, batch_size=size))
    assert evaluate(run) == whole  # to the last bit


@pytest.mark.parametrize("family, network", ROWS)
def test_only_codes_between_0_and_1_have_an_activation(family: str, network: str, trained: Trained) -> None:
    run = trained(family=family, network=network)
    codes, scores = run.latents("test").means.astype(np.float64), evaluate(run)
    assert ("mean_activation" in scores) == (run.config.family in ("sae", "cae"))
    assert ("code_variance" in scores) == (not run.has_posterior)
    if "mean_activation" in scores:
        assert 0 < codes.min() < codes.max() < 1
        assert scores["mean_activation"] == pytest.approx(codes.mean(0))
    if "code_variance" in scores:
        assert scores["code_variance"] == pytest.approx(codes.var(0).sum())


@pytest.mark.parametrize("family, network", ROWS)
def test_the_stored_scores_are_those_that_evaluate_gives(family: str, network: str, trained: Trained) -> None:
    run = trained(family=family, network=network)
    assert run.record.scores is not None
    assert set(run.record.scores) == {"id", "test", "train", "validation", "units", "direction"}
    for split in ("test", "train", "validation"):
        _close(run.record.scores[split], evaluate(run, split=split))


@pytest.mark.parametrize("family, network", ROWS)
@pytest.mark.parametrize("validation", [0.1, 0])
def test_a_run_scored_anew_has_the_file_that_training_wrote(
    validation: float, family: str, network: str, copied: Callable[..., Path]
) -> None:
    folder = copied(family=family, network=network, validation=validation)
    path = folder / "scores.json"
    trained, others = json.loads(path.read_text()), sorted(set(folder.iterdir()) - {path})
    path.unlink()
    done = rescore(open_run(folder, device="cpu"), batch_size=100)
    written = json.loads(path.read_text())
    assert done.left_out == {}
    assert done.splits == {split: written[split] for split in done.splits}
    assert list(written) == ["id", *done.splits, "units", "direction"]
    assert list(trained) == ["id", *done.splits, "units", "direction"]
    assert ("validation" in done.splits) == (validation > 0)
    for split in done.splits:
        _close(trained[split], written[split])
    assert written["id"] == "copy-1"
    assert sorted(set(folder.iterdir()) - {path}) == others
    record = open_run(folder).record
    assert record.problems == ()
    assert record.scores == written


def test_scores_that_are_not_finite_are_not_stored(
    copied: Callable[..., Path], sentence: Callable[[BaseException], str]
) -> None:
    folder = copied()
    before = (folder / "scores.json").read_bytes()
    with pytest.raises(CheckpointError, match="not all finite numbers, so none were stored") as error:
        write_scores(folder, {"test": {"distortion": math.inf}})
    sentence(error.value)
    assert (folder / "scores.json").read_bytes() == before


@pytest.mark.parametrize("family, network", ROWS)
def test_every_score_has_a_unit_and_a_direction_and_is_json(
    family: str, network: str, trained: Trained
) -> None:
    run = trained(family=family, network=network)
    document = report(run.id, {"test": evaluate(run, draws=2)})
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert set(document["test"]) <= set(SCORES)
    assert set(document["test"]) <= set(document["units"])
    assert set(document["test"]) <= set(document["direction"])
    for name, value in document["test"].items():
        assert value is None or np.isfinite(value).all(), name


def test_an_order_of_images_changes_nothing(trained: Trained) -> None:
    run = trained()
    images = run.images("test")
    order = np.random.default_rng(0).permutation(len(images))
    shuffled = run.encode_images(images.select(order), batch_size=7)
    _close(evaluate(run), split_scores(shuffled, run.config, pixels=run.pixels))


def test_scores_of_a_subset_are_the_mean_of_its_rows(trained: Trained) -> None:
    run = trained()
    images, rows = run.images("test"), np.arange(0, 360, 7)
    whole = run.encode_images(images)
    part = split_scores(run.encode_images(images.select(rows)), run.config, pixels=64)
    assert part["distortion"] == pytest.approx(whole.distortion[rows].mean(), rel=1e-5)
    assert whole.rate is not None
    assert part["rate"] == pytest.approx(whole.rate[rows].mean(), rel=1e-5)


def test_more_draws_agree_within_their_standard_error(trained: Trained) -> None:
    run = trained(beta=0.1)
    many, few = evaluate(run, draws=64, seed=100), evaluate(run, draws=8)
    assert "distortion_standard_error" not in evaluate(run)
    error = math.hypot(few["distortion_standard_error"], many["distortion_standard_error"])
    assert 0 < many["distortion_standard_error"] < few["distortion_standard_error"]
    assert abs(few["distortion"] - many["distortion"]) < 4 * error
    # the spread of single draws is sqrt(8) times the error of the mean of eight
    singles = [evaluate(run, seed=200 + k)["distortion"] for k in range(30)]
    assert np.std(singles, ddof=1) / few["distortion_standard_error"] == pytest.approx(math.sqrt(8), rel=0.4)
    assert few["rate"] == pytest.approx(many["rate"], rel=1e-6)


def test_the_identities_between_scores(trained: Trained) -> None:
    scores = evaluate(trained(beta=2.0))
    assert scores["negative_elbo"] == pytest.approx(scores["distortion"] + scores["rate"])
    assert scores["objective"] == pytest.approx(scores["distortion"] + 2 * scores["rate"])
    assert sum(scores["rate_per_dimension"]) == pytest.approx(scores["rate"])
    assert (scores["beta"], scores["reconstruction_weight"]) == (2.0, 32.0)
    # the same objective as a source with a weight writes it, w / n times ours
    assert scores["weighted_objective"] == pytest.approx(scores["objective"] * 32 / 64)
    assert scores["weighted_reconstruction"] + scores["rate"] == pytest.approx(scores["weighted_objective"])
    assert 0 < scores["excess_distortion"] < scores["distortion"]


def _encoded(**changes: Any) -> Encoded:
    values: dict[str, Any] = {
        "means": np.array([[1.0, 0.0], [-1.0, 0.02]], np.float32),
        "log_variances": np.log(np.array([[0.5, 1.0], [0.25, 1.0]], np.float32)),
        "distortion": np.array([10.0, 20.0], np.float32),
        "distortion_error": np.array([3.0, 4.0], np.float32),
        "rate_per_dimension": np.array([[1.0, 0.0], [2.0, 0.5]], np.float32),
        "distortion_at_mean": np.array([8.0, 10.0], np.float32),
        "squared_error_at_mean": np.array([2.0, 4.0], np.float32),
        "entropy": np.array([5.0, 6.0], np.float32),
    }
    return Encoded(**{**values, **changes})


def test_scores_by_hand() -> None:
    got = split_scores(_encoded(), RunConfig.make({"beta": 0.5}), pixels=16)
    assert got == {
        "distortion": 15.0,
        "rate": 1.75,
        "negative_elbo": 16.75,
        "objective": 15.875,
        "rate_per_dimension": [1.5, 0.25],
        "excess_distortion": 9.5,
        "distortion_at_mean": 9.0,
        "squared_error_at_mean": 3 / 16,
        "beta": 0.5,
        "reconstruction_weight": 32.0,
        "weighted_reconstruction": 30.0,
        "weighted_objective": 31.75,
        "active_units": 1,  # variances 1 and 0.0001
        "mean_square_of_means": pytest.approx([1.0, 0.0002]),
        "mean_variance": pytest.approx([0.375, 1.0]),
        "pixels": 16,
        "images": 2,
        "distortion_standard_error": 2.5,  # sqrt(9 + 16) / 2
    }


def test_at_beta_0_the_weight_is_infinite_and_so_null() -> None:
    got = split_scores(_encoded(), RunConfig.make({"beta": 0}), pixels=16)
    assert got["objective"] == 15.0
    assert (got["reconstruction_weight"], got["weighted_reconstruction"], got["weighted_objective"]) == (
        None,
        None,
        None,
    )
    assert got["negative_elbo"] == 16.75


def test_what_does_not_apply_is_null() -> None:
    plain = _encoded(log_variances=None, rate_per_dimension=None, distortion_error=None)
    got = split_scores(plain, RunConfig.make({"family": "ae"}), pixels=16)
    for name in (
        "rate",
        "negative_elbo",
        "rate_per_dimension",
        "beta",
        "reconstruction_weight",
        "mean_variance",
    ):
        assert got[name] is None, name
    assert (got["distortion"], got["objective"]) == (15.0, 15.0)
    assert plain.rate is None
    gaussian = split_scores(_encoded(), RunConfig.make({"likelihood": "gaussian"}), pixels=16)
    assert gaussian["excess_distortion"] is None  # its floor is another


def test_sums_are_kept_in_float64() -> None:
    count = 200_000
    values = np.full(count, 100.1, np.float32)
    encoded = _encoded(
        means=np.zeros((count, 1), np.float32),
        log_variances=np.zeros((count, 1), np.float32),
        distortion=values,
        distortion_error=None,
        rate_per_dimension=values[:, None],
        distortion_at_mean=values,
        squared_error_at_mean=values,
        entropy=values,
    )
    got = split_scores(encoded, RunConfig.make({}), pixels=1)
    assert got["distortion"] == pytest.approx(float(np.float32(100.1)), rel=1e-12)
    assert got["rate"] == pytest.approx(float(np.float32(100.1)), rel=1e-12)
