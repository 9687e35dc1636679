"""The Compare page of two runs, headless: against the stored arrays, scipy and cases solved by hand."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from scipy import stats
from scipy.stats import norm

from dashboard.pages import _compare_map as maps_of
from dashboard.pages import _compare_words as texts
from tests.dashboard.compare_page import (
    AE,
    EIGHT,
    MAP,
    ONE,
    TENTH,
    altered,
    base64_bits,
    curves,
    link,
    opened,
    pictures,
    stored,
    table,
    titles,
    without_data,
)
from tests.dashboard.headless import captions, healthy, maps, words


def test_four_panels_of_the_same_images_hold_both_runs_means_and_p_values(bundled_store: Path) -> None:
    at = healthy(opened(split="test"))
    assert link(at) == f"{ONE},{TENTH}"
    (header, sections), *others = maps(at)
    assert not others
    assert [panel["id"] for panel in header["panels"]] == ["A-latent", "B-latent", "A-p", "B-p"]
    assert header["columns"] == 2
    assert header["report_selection"] is True
    for letter, run in (("A", ONE), ("B", TENTH)):
        latents = stored(bundled_store, run)
        np.testing.assert_array_equal(sections["ids"], latents.ids)
        np.testing.assert_array_equal(sections[f"xy:{letter}-latent"], latents.means)
        np.testing.assert_allclose(sections[f"xy:{letter}-p"], norm.cdf(latents.means), atol=1e-6)
    assert header["sprites"]["tile"] == [8, 8]


def test_both_planes_have_one_scale_unless_asked_otherwise(bundled_store: Path) -> None:
    domains = [panel["domain"] for panel in maps(healthy(opened()))[0][0]["panels"]]
    assert domains[0] == domains[1] is not None
    x0, x1, y0, y1 = domains[0]
    assert x1 - x0 == pytest.approx(y1 - y0)
    for run in (ONE, TENTH):
        means = stored(bundled_store, run, "train").means
        assert x0 < means[:, 0].min() < means[:, 0].max() < x1
        assert y0 < means[:, 1].min() < means[:, 1].max() < y1
    free = [panel["domain"] for panel in maps(healthy(opened(same="0")))[0][0]["panels"]]
    assert free == [None, None, [0, 1, 0, 1], [0, 1, 0, 1]]


def test_small_data_show_both_splits(bundled_store: Path) -> None:
    header, sections = maps(healthy(opened()))[0]
    assert header["markers"] == ["test", "train"]
    assert np.bincount(sections["mk"]).tolist() == [360, 1293]
    assert "1,653 of 1,653 images" in words(opened())


def test_images_that_one_run_held_out_are_absent_from_its_panels(bundled_store: Path) -> None:
    folder = bundled_store / TENTH / "latents-train.npz"
    with np.load(folder) as archive:
        arrays = {name: archive[name][5:] for name in archive.files}
    np.savez(folder, **arrays)
    at = healthy(opened(split="train"))
    sections = maps(at)[0][1]
    first = stored(bundled_store, ONE, "train")
    assert len(sections["ids"]) == 1293
    assert np.isnan(sections["xy:B-latent"]).all(axis=1).sum() == 5
    assert np.isnan(sections["xy:A-latent"]).sum() == 0
    assert "5 of them belong to one run's split only" in words(at)
    gone = set(first.ids[:5].tolist())
    absent = np.isnan(sections["xy:B-latent"]).all(axis=1)
    assert {int(one) & ((1 << 28) - 1) for one in sections["ids"][absent]} == gone


def test_scores_and_their_marks(bundled_store: Path) -> None:
    at = healthy(opened(ONE, TENTH))
    scores = [json.loads((bundled_store / run / "scores.json").read_text())["test"] for run in (ONE, TENTH)]
    rows = table(at, "Score", last="Pixels n")
    distortion = rows["Distortion D"]
    assert [distortion[side] for side in "AB"] == [f"{one['distortion']:.2f}" for one in scores]
    assert distortion["Better"] == "B is better"
    assert distortion["Unit"] == "nats per image"
    assert distortion["Direction"] == "lower is better"
    # across betas the negative ELBO is unmarked, and the page says why
    assert rows["Negative ELBO"]["Better"] == "not marked: betas differ"
    assert "Their betas differ (1 and 0.1)" in words(at)
    assert rows["Rate R"]["Better"] == ""
    assert rows["Reconstruction weight"]["B"] == "640"


def test_the_interval_is_that_of_a_paired_t_test_over_the_test_images(bundled_store: Path) -> None:
    first, second = stored(bundled_store, ONE), stored(bundled_store, TENTH)
    rows = table(healthy(opened(ONE, TENTH)), "Score", last="Pixels n")
    for title, values in (
        ("Distortion D", (first.distortion, second.distortion)),
        ("Rate R", (first.rate, second.rate)),
        ("Negative ELBO", (first.distortion + first.rate, second.distortion + second.rate)),
    ):
        one, two = (value.astype(np.float64) for value in values)
        interval = stats.ttest_rel(one, two).confidence_interval(0.95)
        wanted = [f"{end:+.2f}".replace("-", "−") for end in interval]
        assert rows[title]["95 % interval of A − B"] == " to ".join(wanted)
        assert rows[title]["A − B"] == f"{(one - two).mean():+.2f}".replace("-", "−")


@pytest.mark.parametrize(
    "runs, said",
    [
        ((ONE, TENTH), "at the mean of q(z given x)."),
        ((AE, "bundled-digits-linear"), "at the code."),
        ((ONE, AE), "at the mean of q(z given x), or at the code without a posterior."),
    ],
)
def test_where_reconstructions_are_decoded(bundled_store: Path, runs: tuple[str, str], said: str) -> None:
    assert f"their reconstructions {said}" in captions(healthy(opened(*runs)))


def test_equal_betas_mark_the_negative_elbo_where_the_images_tell_a_difference(bundled_store: Path) -> None:
    at = healthy(opened(ONE, EIGHT))
    rows = table(at, "Score", last="Pixels n")
    assert "Their betas differ" not in words(at)
    one, eight = (stored(bundled_store, run) for run in (ONE, EIGHT))
    for title, values in (
        ("Negative ELBO", [one.distortion + one.rate, eight.distortion + eight.rate]),
        ("Distortion D", [one.distortion, eight.distortion]),
    ):
        told = scipy.stats.ttest_rel(*values).confidence_interval(0.95)
        lower = "AB"[int(np.argmin([value.mean() for value in values]))]
        apart = not told.low <= 0 <= told.high
        assert rows[title]["Better"] == (
            f"{lower} is better" if apart else "not marked: no difference can be told"
        )


def test_eight_dimensions_show_the_two_most_informative_and_any_chosen(bundled_store: Path) -> None:
    at = healthy(opened(ONE, EIGHT, split="test"))
    rates = json.loads((bundled_store / EIGHT / "scores.json").read_text())["test"]["rate_per_dimension"]
    best = np.argsort(rates)[::-1][:2]
    latents = stored(bundled_store, EIGHT)
    header, sections = maps(at)[0]
    np.testing.assert_array_equal(sections["xy:B-latent"], latents.means[:, best])
    assert (
        header["panels"][1]["x_title"]
        == f"z {best[0] + 1} (prior σ; R = {rates[best[0]]:.2f} nats per image)"
    )
    assert "share the seed, not the draws" in captions(at)
    chosen = maps(healthy(opened(ONE, EIGHT, split="test", **{"dx-b": "1", "dy-b": "4"})))[0][1]
    np.testing.assert_array_equal(chosen["xy:B-latent"], latents.means[:, [0, 3]])
    np.testing.assert_array_equal(chosen["xy:A-latent"], stored(bundled_store, ONE).means)


def test_a_run_without_a_posterior(bundled_store: Path) -> None:
    at = healthy(opened(AE, ONE, split="test"))
    header, sections = maps(at)[0]
    codes = stored(bundled_store, AE).means.astype(np.float64)
    np.testing.assert_array_equal(sections["xy:A-latent"], codes.astype(np.float32))
    np.testing.assert_allclose(
        sections["xy:A-p"], norm.cdf((codes - codes.mean(0)) / codes.std(0)), atol=1e-5
    )
    assert "no prior" in header["panels"][2]["title"]
    assert header["panels"][0]["circles"] == []
    assert header["panels"][1]["circles"] == [1, 2, 3]
    rows = table(at, "Score", last="Pixels n")
    assert rows["Rate R"]["A"] == rows["Negative ELBO"]["A"] == "does not apply"
    assert rows["Distortion D"]["Better"] == "not marked: only one draws z"
    assert rows["Distortion at the mean"]["Better"] in ("A is better", "B is better")
    assert "A: does not apply: an autoencoder has no prior" in words(at)
    settings = table(at, "Setting")
    assert (settings["beta"]["A"], settings["beta"]["B"]) == ("does not apply", "1")
    assert "A: Digits, plain autoencoder" in [trace["name"] for trace in curves(at)[0]["data"]]
    rate = healthy(opened(AE, ONE, quantity="rate"))
    assert "A: Rate R does not apply" in words(rate)


def test_the_settings_that_differ_and_no_others(bundled_store: Path) -> None:
    settings = table(healthy(opened(ONE, TENTH)), "Setting")
    assert {name: (row["A"], row["B"]) for name, row in settings.items()} == {
        "beta": ("1", "0.1"),
        "reconstruction_weight": ("64", "640"),
    }


def test_a_selection_shows_its_images_through_both(bundled_store: Path) -> None:
    at = opened(split="test")
    ids = stored(bundled_store, ONE).ids
    bits = np.zeros(360, np.uint8)
    bits[[3, 7, 20]] = 1
    at.session_state[MAP] = {"selection": {"bits": base64_bits(bits)}}
    healthy(at.run())
    assert "**3 images selected**" in words(at)
    assert "3 selected images and their reconstructions by A and B" in pictures(at)
    first = stored(bundled_store, ONE)
    assert f"A: mean D = {first.distortion[[3, 7, 20]].mean():.2f}" in captions(at)
    at.session_state[MAP] = {"selection": {"bits": base64_bits(np.zeros(360, np.uint8))}}
    assert "images selected" not in words(healthy(at.run()))
    assert len(ids) == 360


def test_a_clicked_point_shows_its_image_and_scores_in_both(bundled_store: Path) -> None:
    at = opened(split="test")
    first, second = stored(bundled_store, ONE), stored(bundled_store, TENTH)
    at.session_state[MAP] = {"click": {"panel": "B-p", "id": int(first.ids[11])}}
    healthy(at.run())
    assert f"**Image {first.ids[11]} of test, label {first.labels[11]}**" in words(at)
    rows = {line["Score"]: line for line in at.dataframe[0].value.to_dict("records")}
    assert rows["Distortion D"]["A"] == f"{first.distortion[11]:.2f}"
    assert rows["Rate R"]["B"] == f"{second.rate[11]:.2f}"
    assert rows["Negative ELBO"]["A"] == f"{first.distortion[11] + first.rate[11]:.2f}"


def test_the_same_originals_and_draws_are_shown(bundled_store: Path) -> None:
    at = healthy(opened())
    assert "12 test images and their reconstructions by A and B" in pictures(at)
    assert "12 prior samples of A and B" in pictures(at)
    assert "image k is the same z in both rows" in captions(at)
    assert "with seed 5" in captions(healthy(opened(seed="5")))


def test_runs_on_different_data_have_maps_of_their_own_and_no_marks(
    bundled_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    # stored latents are enough for a map, without thumbnails
    folder = without_data(bundled_store, "far")
    for split in ("test", "train"):
        shutil.copy(bundled_store / ONE / f"latents-{split}.npz", folder)
    at = healthy(opened(ONE, "far"))
    assert [[panel["id"] for panel in header["panels"]] for header, _ in maps(at)] == [
        ["A-latent", "A-p"],
        ["B-latent", "B-p"],
    ]
    assert "sprites" in maps(at)[0][0]
    assert "sprites" not in maps(at)[1][0]
    assert "share no image" in words(at)
    assert "their data differ (digits and mnist)" in words(at)
    rows = table(at, "Score", last="Pixels n")
    assert rows["Distortion D"]["Better"] == "not marked: not comparable"
    assert rows["Distortion D"]["95 % interval of A − B"] == ""
    assert len(curves(at)) == 2
    assert sum("test images and their reconstructions" in alt for alt in pictures(at)) == 2


def test_another_likelihood_is_not_compared_but_shares_its_maps(bundled_store: Path) -> None:
    altered(bundled_store, TENTH, "gauss", config={"likelihood": "gaussian"}, data={})
    at = healthy(opened(ONE, "gauss"))
    assert len(maps(at)) == 1
    assert "their likelihoods differ (bernoulli and gaussian)" in words(at)
    assert table(at, "Score", last="Pixels n")["Negative ELBO"]["Better"] == "not marked: not comparable"
    assert len(curves(at)) == 2


def test_a_one_dimensional_latent_has_its_classes_beside_it() -> None:
    placed = maps_of._placed(np.array([[0.5], [-1.0]]), np.array([1, -1, 0]), np.array([3.1, 0.0, 4.2]))
    np.testing.assert_allclose(placed, [[-1.0, 3.1], [np.nan, np.nan], [0.5, 4.2]], rtol=1e-6)
    assert maps_of.common_domain([np.zeros((3, 1)), np.zeros((3, 2))]) is None


def test_a_common_domain_is_the_square_around_all_points() -> None:
    first, second = np.array([[-1.0, 0.0], [1.0, 1.0]]), np.array([[0.0, -1.0], [3.0, 0.0]])
    # x from -1 to 3 and y from -1 to 1: centre (1, 0), half a side 0.53 * 4
    assert maps_of.common_domain([first, second]) == pytest.approx((1 - 2.12, 1 + 2.12, -2.12, 2.12))


def test_a_name_typed_by_a_person_is_never_markup(bundled_store: Path) -> None:
    altered(bundled_store, TENTH, "odd", config={}, data={})
    (bundled_store / "odd" / "annotations.json").write_text(json.dumps({"name": "<b>x</b> **y** $z$"}))
    at = healthy(opened(ONE, "odd"))
    assert "<b>x</b>" not in words(at)
    assert titles(at)[1].endswith("<b>x</b> **y** $z$")  # the component writes it as text
    assert any("&lt;b&gt;x" in trace["name"] for trace in curves(at)[0]["data"])


@pytest.mark.parametrize(
    "value, name, text", [(0.0, "distortion", "0.00"), (-1.25, "distortion", "−1.25"), (3.0, "pixels", "+3")]
)
def test_signed_numbers(value: float, name: str, text: str) -> None:
    assert texts.signed(value, name) == text
