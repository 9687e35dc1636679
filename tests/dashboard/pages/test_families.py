"""The Families page: a run of each family side by side, and lessons whose every claim is held to the scores."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import norm
from streamlit.testing.v1 import AppTest

import core
from core.analysis.pvalues import centre_and_spread
from core.analysis.quality import high_frequency_ratio, unlike_share
from core.config import RunConfig
from core.data import catalog
from core.families import FAMILIES
from core.generation import prior_draws
from core.lessons import LESSONS
from core.store import delete_run
from core.training.run import train
from tests.dashboard.headless import captions, figures, healthy, maps, numbers, open_page, words


def opened(**query: str) -> AppTest:
    return healthy(open_page("families", **query))


def table(at: AppTest) -> dict[str, dict[str, float]]:
    """Rows of the page's table by the run's title there."""
    (frame,) = (one.value for one in at.dataframe)
    return {row["run"]: row for row in frame.to_dict("records")}


def test_every_family_has_a_run_side_by_side(bundled_store: Path) -> None:
    at = opened()
    (frame,) = (one.value for one in at.dataframe)
    assert list(frame["family"]) == [row.title for row in FAMILIES.values()]
    header, sections = maps(at)[0]
    assert len(header["panels"]) == len(FAMILIES)
    first = core.open_run("bundled-digits-beta-1", store=bundled_store).latents("test")
    np.testing.assert_array_equal(sections["xy:run-0"], first.means)
    for row, panel in zip(frame.to_dict("records"), header["panels"], strict=True):
        # more than two numbers are never shown as if they were the code
        assert ("PCA, a projection" in panel["title"]) == (row["latent"] > 2)
    assert "original" not in words(at)  # a picture's label, not a sentence
    assert len(at.get("image")) >= 3


def test_what_cannot_be_projected_takes_nothing_else_away(
    bundled_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.analysis.projections.FEWEST", 10_000)
    at = opened()
    wide = [row["run"] for row in table(at).values() if row["latent"] > 2]
    header, _ = maps(at)[0]
    assert len(header["panels"]) == len(FAMILIES) - len(wide) > 0
    for title in wide:
        assert f"Without {title}: 360 images are too few to project" in words(at)
    assert len(at.get("image")) >= 3
    assert "How to read this" in words(at) + " ".join(one.label for one in at.expander)


def test_a_data_set_and_its_runs_stand_in_the_link(bundled_store: Path) -> None:
    at = opened(**{"families-data": "digits"}, members="bundled-digits-ae,bundled-digits-8d")
    assert list(table(at)) == ["Digits, plain autoencoder", "Digits, 8 dimensions"]
    assert "No run of these families is shown: Variational autoencoder" not in words(at)
    assert "Denoising autoencoder" in words(at)


def test_a_dead_code_is_named_beside_its_run(bundled_store: Path) -> None:
    at = opened(members="bundled-digits-ae,bundled-digits-beta-4")
    (said,) = [one.value for one in at.warning]
    assert said.split(":")[:2] == [list(table(at))[1], " Its code is dead"]


def test_the_runs_of_the_lessons_come_with_the_project(bundled_store: Path) -> None:
    for row in LESSONS.values():
        for case in row.cases:
            run = core.open_run(case.run, store=bundled_store)
            assert run.record.bundled


def test_codes_gap_and_penalty_are_as_the_lesson_says(bundled_store: Path) -> None:
    at = opened(lesson="codes")
    rows = table(at)
    for case in LESSONS["codes"].cases:
        run = core.open_run(case.run, store=bundled_store)
        assert run.record.scores is not None
        for split in ("train", "test"):
            assert rows[case.title][split] == run.record.scores[split]["squared_error_at_mean"]
    plain, held = ([rows[f"{size} numbers{end}"] for size in (2, 16, 100)] for end in ("", ", penalty"))
    for split in ("train", "test"):  # "with 16 they fall to about a quarter"
        assert 0.15 < plain[1][split] / plain[0][split] < 0.33
    falls = [1 - plain[2][split] / plain[1][split] for split in ("train", "test")]
    assert 0.5 > falls[0] > falls[1] > 0  # "a little further, that on trained images by the larger share"
    assert plain[2]["ratio"] > plain[1]["ratio"]  # "fresh images cost more times as much"
    assert all(
        b["ratio"] < a["ratio"] for a, b in zip(plain, held, strict=True)
    )  # "narrows the gap everywhere"
    assert all(held[k][split] > plain[k][split] for k in (1, 2) for split in ("train", "test"))
    assert held[0]["test"] < plain[0]["test"]  # "pays for the narrow code alone"
    (figure,) = figures(at)
    drawn = {trace["name"]: numbers(trace["y"]) for trace in figure["data"]}
    for end, lines in (("no penalty", plain), ("with penalty", held)):
        for split in ("train", "test"):
            assert drawn.pop(f"{end}, {split}") == [one[split] for one in lines]
    assert not drawn


def test_holes_are_as_the_lesson_says(bundled_store: Path) -> None:
    at = opened(lesson="holes")
    rows = table(at)
    data = {split: catalog.load("digits", split).pixels / 255 for split in ("train", "test")}
    for case in LESSONS["holes"].cases:
        run = core.open_run(case.run, store=bundled_store)
        means = run.latents("test").means
        z = prior_draws(1000, latent=2, seed=0)
        if not run.has_posterior:
            centre, spread = centre_and_spread(means)
            z = (z * spread + centre).astype(np.float32)
        made = run.decode(z)
        assert rows[case.title]["sharpness"] == pytest.approx(high_frequency_ratio(made, data["test"]))
        assert rows[case.title]["unlike"] == pytest.approx(
            100 * unlike_share(made, data["test"], data["train"])
        )
    assert np.isnan(rows["Autoencoder"]["outside"])
    assert rows["VAE, beta 0"]["outside"] > 50  # "most lie where the prior is not"
    assert rows["VAE, beta 1"]["outside"] < 1  # "codes lie where the prior has its mass"
    assert all(
        row["unlike"] < 5 for row in rows.values()
    )  # "hardly any place is farther than fresh images are"
    header, sections = maps(at)[0]
    assert [panel["title"] for panel in header["panels"]] == [case.title for case in LESSONS["holes"].cases]
    for k, (panel, case) in enumerate(zip(header["panels"], LESSONS["holes"].cases, strict=True)):
        run = core.open_run(case.run, store=bundled_store)
        x0, x1, y0, y1 = panel["domain"]
        codes = run.latents("test").means
        assert (codes > (x0, y0)).all()
        assert (codes < (x1, y1)).all()
        picture = np.asarray(Image.open(io.BytesIO(sections[f"image:run-{k}"].tobytes())))
        side = (x1 - x0) / 16
        for row, column in ((0, 0), (0, 15), (15, 3)):  # the top row shows the largest values upwards
            place = (x0 + (column + 0.5) * side, y1 - (row + 0.5) * side)
            tile = picture[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] / 255
            np.testing.assert_allclose(tile, run.decode(np.array([place]))[0, 0], atol=1 / 255)


def test_remedies_for_blur_are_as_the_lesson_says(bundled_store: Path) -> None:
    rows = table(opened(lesson="blur"))
    baseline, mmd, deeper, gan = (rows[name] for name in ("Baseline", "MMD", "Deeper", "VAE-GAN"))
    assert 0.1 < mmd["sharpness"] - baseline["sharpness"] < 0.4  # "brings back some of it"
    assert 0 < mmd["distortion"] - baseline["distortion"] < 1  # "for little D"
    sharper = sorted((baseline, mmd, gan), key=lambda row: row["sharpness"])
    assert [row["unlike"] for row in sharper] == sorted(row["unlike"] for row in sharper)
    assert deeper["unlike"] < baseline["unlike"]  # "the most like the data"
    assert gan["unlike"] > 10  # "more than a tenth"
    assert baseline["sharpness"] < 0.5
    assert 0 < deeper["sharpness"] - baseline["sharpness"] < 0.1  # "sharpens little by itself"
    assert abs(gan["sharpness"] - 1) < 0.15
    assert gan["distortion"] > baseline["distortion"] + 2
    assert gan["unlike"] > baseline["unlike"] + 2


def test_a_store_without_the_runs_of_a_lesson_says_so(bundled_store: Path) -> None:
    (bundled_store / "bundled-digits-vaegan").rename(bundled_store.parent / "elsewhere")
    at = opened(lesson="blur")
    assert "needs bundled runs that this store does not have: bundled-digits-vaegan" in words(at)
    assert not at.dataframe


def test_runs_whose_images_are_elsewhere_show_what_needs_none(
    bundled_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    at = opened(**{"families-data": "fashion-mnist"})
    assert "not on this machine" in words(at)
    assert len(table(at)) == 1
    assert not maps(at)
    (picture,) = at.get("image")
    assert picture.proto.imgs[0].alt.startswith("64 decoded places of Fashion, weight")


def test_decoded_places_that_a_sigmoid_code_never_takes_are_said_to_be_so(bundled_store: Path) -> None:
    config = RunConfig.make(
        {"family": "sae", "latent": 2, "epochs": 20, "learning_rate": 1e-2, "threads": 1, "device": "cpu"}
    )
    run = train(config, name="Flat", store=bundled_store, run_id="flat-aaaaaa")
    codes = run.latents("test").means.astype(np.float64)
    low, high = (codes.mean(0) + norm.ppf(q) * codes.std(0) for q in (0.5 / 8, 1 - 0.5 / 8))
    assert min(low.min(), 1 - high.max()) < 0  # the truth of it
    said = "The encoder never gives such a code: its units lie between 0 and 1, and here they are "
    assert captions(opened()).count(said) == 1  # of the newest run of its family, and of no other
    delete_run(run.record)
    assert said not in captions(opened())
