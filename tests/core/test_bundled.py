"""The runs that come with the project: which they are, that they open, and that their numbers are still true."""

import json
import math
import re
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from core.analysis.collapse import collapsed_at
from core.analysis.quality import high_frequency_ratio
from core.analysis.tradeoff import COLLAPSED, board_key
from core.bundled import BUNDLED, Bundled, main, rebuild
from core.config import reconstruction_weight
from core.data import catalog
from core.families import FAMILIES
from core.recipes import RECIPES, recipe
from core.runs import Run, open_run
from core.scoring import evaluate
from core.store import ID_PATTERN, list_runs

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
SWEEP = (0, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4)
ROWS = [pytest.param(row, id=row.id) for row in BUNDLED]
DIGITS = [pytest.param(row, id=row.id) for row in BUNDLED if row.keep_latents]


def _open(row: Bundled) -> Run:
    return open_run(CHECKPOINTS / row.id, device="cpu")


def test_the_bundled_runs_are_those_that_were_promised() -> None:
    configs = {row.id: recipe(row.recipe).config.with_settings(row.settings) for row in BUNDLED}
    assert len(configs) == len(BUNDLED)
    digits = {key: config for key, config in configs.items() if config.dataset == "digits"}
    sweep = [digits[row.id] for row in BUNDLED if row.sweep == "bundled-digits"]
    assert sorted(config.beta for config in sweep) == list(SWEEP)
    assert len({config.with_settings({"beta": 1}) for config in sweep}) == 1  # they differ in beta alone
    assert digits["bundled-digits-8d"].latent == 8
    assert {config.latent for config in digits.values() if config.family == "ae"} == {2, 16, 32, 100}
    assert {config.family for config in digits.values()} == set(FAMILIES)  # each has a run to look at
    fashion = [config for config in configs.values() if config.dataset == "fashion-mnist"]
    assert [reconstruction_weight(config.beta, 32 * 32) for config in fashion] == [50, 500, 5000]
    source = recipe("fashion-conv-vae").config
    assert all(config.with_settings({"beta": source.beta}) == source for config in fashion)


@pytest.mark.parametrize("row", ROWS)
def test_the_ids_are_fixed_and_git_keeps_them(row: Bundled) -> None:
    assert ID_PATTERN.fullmatch(row.id)
    assert row.id.startswith("bundled-")
    assert not row.keep_latents or recipe(row.recipe).config.dataset == "digits"


def test_nothing_but_the_bundled_runs_is_in_their_place() -> None:
    found = {folder.name for folder in CHECKPOINTS.glob("bundled-*")}
    assert found == {row.id for row in BUNDLED}


@pytest.mark.parametrize("row", ROWS)
def test_a_bundled_run_opens_and_is_the_one_described(row: Bundled) -> None:
    run = _open(row)
    assert (run.state, run.record.reason, run.record.problems) == ("finished", None, ())
    assert run.record.bundled
    assert (run.id, run.document.id, run.document.name) == (row.id, row.id, row.name)
    assert (run.document.recipe, run.document.sweep) == (row.recipe, row.sweep)
    wanted = recipe(row.recipe).config.with_settings({**row.settings, "device": "cpu"})
    assert run.config == wanted
    assert run.document.data.fingerprint == catalog.fingerprint(run.config.dataset)
    history = run.history()
    assert [entry["epoch"] for entry in history] == list(
        range(wanted.report_every, wanted.epochs + 1, wanted.report_every)
    )
    assert run.document.epoch == wanted.epochs
    images = run.decode(np.zeros((1, run.latent)), labels=0)
    assert images.shape == (1, *run.shape)
    assert 0 <= images.min() < images.max() <= 1
    assert run.record.scores is not None
    scores = run.record.scores["test"]
    followed = history[-1]["validation" if wanted.validation else "test"]
    stored = run.record.scores["validation" if wanted.validation else "test"]
    assert followed["distortion"] == pytest.approx(stored["distortion"], rel=1e-5)
    assert run.has_posterior == (scores["rate"] is not None)


@pytest.mark.parametrize("row", ROWS)
def test_a_bundled_folder_holds_what_it_needs_and_nothing_else(row: Bundled) -> None:
    run = _open(row)
    files = {item.name for item in run.record.folder.iterdir()}
    files -= {"annotations.json", "cache", "lock"}  # what a visitor leaves, and git ignores
    expected = {"run.json", "scores.json", "history.jsonl", f"model-{run.document.epoch}.safetensors"}
    if row.keep_latents:
        expected |= {"latents-test.npz", "latents-train.npz"}
    assert files == expected
    for name in ("run.json", "scores.json"):
        text = (run.record.folder / name).read_text()
        assert "NaN" not in text
        assert "Infinity" not in text
        assert not re.search(r"/(home|root|work|tmp|Users)/", text)
        json.loads(text)


@pytest.mark.parametrize("row", DIGITS)
def test_the_latents_of_the_digits_open_offline(row: Bundled) -> None:
    run = _open(row)
    for split, count in (("test", 360), ("train", 1293 if run.config.validation else 1437)):
        latents = run.latents(split)
        images = run.images(split)
        assert len(latents) == count
        np.testing.assert_array_equal(latents.ids, images.ids)
        np.testing.assert_array_equal(latents.labels, images.labels)
        assert (latents.rate is not None) == run.has_posterior
    test = run.images("test")
    means, _ = run.encode(test.pixels, test.labels)
    np.testing.assert_allclose(run.latents("test").means, means, rtol=1e-4, atol=1e-4)
    assert zipfile.is_zipfile(run.record.folder / "latents-test.npz")


@pytest.mark.parametrize("row", DIGITS)
def test_the_stored_scores_are_still_what_the_weights_score(row: Bundled) -> None:
    run = _open(row)
    assert run.record.scores is not None
    stored, got = run.record.scores["test"], evaluate(run)
    assert set(stored) == set(got)
    for name, value in got.items():
        assert stored[name] == (None if value is None else pytest.approx(value, rel=1e-5, abs=1e-7)), name


def test_the_bundled_runs_are_small() -> None:
    total = 0
    for folder in CHECKPOINTS.glob("bundled-*"):
        total += sum(item.stat().st_size for item in folder.iterdir() if item.is_file())
    assert 0 < total < 14e6


def test_the_rate_of_the_digits_falls_strictly_with_beta() -> None:
    runs = {run.config.beta: run for run in map(_open, BUNDLED[: len(SWEEP)])}
    assert tuple(sorted(runs)) == SWEEP
    rates = [runs[beta].record.scores["train"]["rate"] for beta in SWEEP]  # type: ignore[index]
    assert all(after < before for before, after in pairwise(rates[1:])), rates
    distinct = [rates[1]]
    for rate in rates[2:]:
        if distinct[-1] - rate > 1e-3:
            distinct.append(rate)
    assert len(distinct) >= 7, rates
    assert rates[0] > rates[1]  # beta 0: nothing holds the rate back
    assert rates[1] > COLLAPSED
    assert len({board_key(run.record) for run in runs.values()}) == 1


def test_the_distortion_of_the_digits_rises_with_beta() -> None:
    runs = [_open(row) for row in BUNDLED[1 : len(SWEEP)]]
    distortions = [run.record.scores["train"]["distortion"] for run in runs]  # type: ignore[index]
    assert distortions[-1] > distortions[0] + 1
    # up to the noise of one draw an image
    assert all(after > before - 0.3 for before, after in pairwise(distortions))


def test_the_fashion_runs_trade_rate_for_reconstruction() -> None:
    runs = [_open(row) for row in BUNDLED if row.sweep == "bundled-fashion"]
    scores = [run.record.scores["test"] for run in runs]  # type: ignore[index]
    assert [score["pixels"] for score in scores] == [1024] * 3
    assert [score["images"] for score in scores] == [10_000] * 3
    rates = [score["rate"] for score in scores]
    assert rates == sorted(rates)
    distortions = [score["distortion"] for score in scores]
    assert distortions == sorted(distortions, reverse=True)


def test_the_sparse_units_are_as_active_as_they_were_asked_to_be() -> None:
    """rho = 0.05, 100 units for 64 pixels: every unit between 0.03 and 0.10, on what trained it."""
    run = open_run(CHECKPOINTS / "bundled-digits-sae")
    assert (run.config.latent, run.config.sparsity_target, run.config.sparsity_weight) == (100, 0.05, 1)
    activation = np.array(run.record.scores["train"]["mean_activation"])  # type: ignore[index]
    assert activation.shape == (100,)
    assert 0.03 <= activation.min() <= activation.max() <= 0.10
    by_hand = (0.05 * np.log(0.05 / activation) + 0.95 * np.log(0.95 / (1 - activation))).sum()
    assert run.record.scores["train"]["sparsity"] == pytest.approx(by_hand, rel=1e-4)  # type: ignore[index]


def test_contraction_holds_the_code_still_for_little_distortion() -> None:
    """From lambda 0 to 1 the norm over the code's variance falls at least twofold, and D rises by less than 5 nats."""
    free, held = (
        open_run(CHECKPOINTS / f"bundled-digits-cae{end}").record.scores["test"]
        for end in ("-0", "")  # type: ignore[index]
    )
    assert held["code_variance"] > 0.5  # no dead code: that would have no norm either
    per_variance = [one["contraction"] / one["code_variance"] for one in (free, held)]
    assert per_variance[1] <= per_variance[0] / 2
    assert 0 < held["distortion"] - free["distortion"] < 5


def test_the_vaegan_is_sharper_than_the_vae_of_its_size_and_did_not_collapse() -> None:
    data = catalog.load("digits", "test").pixels / 255
    draws = np.random.default_rng(0).standard_normal((1000, 2)).astype(np.float32)
    vae, gan = (open_run(CHECKPOINTS / f"bundled-digits-{name}") for name in ("conv-vae", "vaegan"))
    assert (vae.config.network, vae.config.hidden) == (gan.config.network, gan.config.hidden)
    blurred, sharp = (high_frequency_ratio(run.decode(draws), data) for run in (vae, gan))
    assert blurred < 0.5
    assert abs(sharp - 1) < 0.5 * abs(blurred - 1)
    assert gan.record.scores["test"]["distortion"] > vae.record.scores["test"]["distortion"]  # type: ignore[index]
    assert collapsed_at(gan.history()) is None


@pytest.mark.parametrize(
    "recipe_name, run_id",
    [
        ("digits-vae", "bundled-digits-beta-1"),
        ("digits-vae-8d", "bundled-digits-8d"),
        ("digits-ae", "bundled-digits-ae"),
        ("digits-coae", "bundled-digits-coae"),
        ("digits-conv-vae", "bundled-digits-conv-vae"),
    ],
)
def test_a_recipes_reference_is_what_its_bundled_run_reached(recipe_name: str, run_id: str) -> None:
    scores = open_run(CHECKPOINTS / run_id).record.scores
    assert scores is not None
    stated = re.search(r"near (\d+(?:\.\d+)?)", RECIPES[recipe_name].reference)
    assert stated is not None
    reached = scores["test"]["negative_elbo"] or scores["test"]["distortion"]
    assert math.isclose(float(stated[1]), reached, abs_tol=0.75)


def test_a_rebuild_replaces_a_run_under_its_own_id(store: Path) -> None:
    row = BUNDLED[0]
    quick = Bundled(row.id, row.name, row.recipe, {**row.settings, "epochs": 1}, row.sweep)
    for _ in range(2):
        rebuild(quick, store=store)
        (record,) = list_runs(store)
        assert (record.id, record.bundled, record.state) == (row.id, True, "finished")
        assert [item.name for item in store.iterdir()] == [row.id]


def test_a_word_that_names_no_bundled_run_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing"]) == 2
    assert "bundled-digits-8d" in capsys.readouterr().err
