"""What the colours of the Compare page's maps mean: the numbers that are sent, against the stored arrays."""

from pathlib import Path

import numpy as np
import pytest

from tests.dashboard.compare_page import (
    AE,
    EIGHT,
    ONE,
    TENTH,
    TWO,
    altered,
    opened,
    pictures,
    stored,
)
from tests.dashboard.headless import healthy, maps, words

ZERO = "bundled-digits-beta-0"


def numbers(store: Path, run: str, choice: str) -> np.ndarray:
    latents = stored(store, run)
    distortion = latents.distortion.astype(np.float64)
    if choice == "d":
        return distortion
    assert latents.rate is not None
    return latents.rate.astype(np.float64) + (0 if choice == "r" else distortion)


def panels_of(header: dict) -> dict[str, dict]:
    return {panel["id"]: panel for panel in header["panels"]}


@pytest.mark.parametrize("choice", ["d", "r", "elbo"])
def test_each_run_has_its_own_numbers_on_the_scale_of_all(bundled_store: Path, choice: str) -> None:
    ((header, sections),) = maps(healthy(opened(ONE, TENTH, EIGHT, split="test", colour=choice)))
    pooled = [numbers(bundled_store, run, choice) for run in (ONE, TENTH, EIGHT)]
    for letter, wanted in zip("ABC", pooled, strict=True):
        panel = panels_of(header)[f"{letter}-latent"]
        np.testing.assert_allclose(sections[panel["values"]], wanted, rtol=1e-6)
        assert (panel["whose"], panel["bar"]) == (letter, 0)
    (bar,) = header["bars"]
    assert (bar["low"], bar["high"]) == pytest.approx(
        tuple(np.quantile(np.concatenate(pooled), [0.01, 0.99])), rel=1e-6
    )
    assert bar["note"].endswith("ends at the 1 % and 99 % quantiles of A, B and C")
    assert ", coloured by " in header["panels"][0]["alt"]
    assert "nats per image" in header["panels"][0]["alt"]


def test_both_panels_of_a_run_have_the_same_numbers(bundled_store: Path) -> None:
    ((header, sections),) = maps(healthy(opened(ONE, TENTH, split="test", colour="d")))
    panels = panels_of(header)
    assert panels["B-p"]["values"] == panels["B-latent"]["values"] != panels["A-latent"]["values"]
    assert sorted(name for name in sections if name.startswith("values")) == [
        "values:A-latent",
        "values:B-latent",
    ]


def test_distortions_that_measure_something_else_have_another_bar(bundled_store: Path) -> None:
    altered(bundled_store, TENTH, "gauss", config={"likelihood": "gaussian"}, data={})
    at = healthy(opened(ONE, "gauss", TWO, split="test", colour="d"))
    header = maps(at)[0][0]
    assert [panel["bar"] for panel in header["panels"]] == [0, 1, 0]
    titles = [bar["title"] for bar in header["bars"]]
    assert titles == ["Distortion D of A and C (nats per image)", "Distortion D of B (nats per image)"]
    own = numbers(bundled_store, TENTH, "d")
    assert header["bars"][1]["high"] == pytest.approx(np.quantile(own, 0.99), rel=1e-6)
    assert (
        "Distortion D does not measure the same in A and C as in B, because their likelihoods differ (bernoulli and "
        "gaussian): each has a colour bar of its own"
    ) in words(at)
    # a rate is a divergence from the same prior in all of them
    rates = healthy(opened(ONE, "gauss", TWO, split="test", colour="r"))
    assert len(maps(rates)[0][0]["bars"]) == 1
    assert "does not measure the same" not in words(rates)


def test_a_run_without_a_rate_is_grey_and_said_to_be(bundled_store: Path) -> None:
    at = healthy(opened(ONE, AE, split="test", colour="r"))
    header, sections = maps(at)[0]
    assert np.isnan(sections[panels_of(header)["B-latent"]["values"]]).all()
    assert len(header["bars"]) == 1
    assert header["bars"][0]["note"].endswith("quantiles of A")
    assert header["bars"][0]["missing"] == 0
    assert "B has no posterior, and so no rate: grey crosses." in words(at)
    distortions = healthy(opened(ONE, AE, split="test", colour="d"))
    assert "B has no posterior: D is at the code there, without a draw of z." in words(distortions)
    alone = healthy(opened(AE, AE, split="test", colour="elbo"))
    assert maps(alone)[0][0]["colour"] == "classes"
    assert "Negative ELBO does not apply: these runs have no posterior" in words(alone)


def test_beta_0_does_not_stretch_the_scale_of_rates(bundled_store: Path) -> None:
    header = maps(healthy(opened(ONE, ZERO, TENTH, split="test", colour="r")))[0][0]
    held = np.concatenate([numbers(bundled_store, run, "r") for run in (ONE, TENTH)])
    assert header["bars"][0]["high"] == pytest.approx(np.quantile(held, 0.99), rel=1e-6)
    assert header["bars"][0]["note"].endswith("of A and C, without B (beta 0)")
    assert header["bars"][0]["above"] is True
    # the distortion of beta 0 is as large as the others'
    header = maps(healthy(opened(ONE, ZERO, TENTH, split="test", colour="d")))[0][0]
    assert header["bars"][0]["note"].endswith("of A, B and C")


@pytest.mark.parametrize("choice, word", [("d", "better"), ("r", "lower"), ("elbo", "lower")])
def test_the_change_from_a_is_the_same_in_every_panel(bundled_store: Path, choice: str, word: str) -> None:
    ((header, sections),) = maps(healthy(opened(ONE, TENTH, split="test", colour=f"{choice}-change")))
    change = numbers(bundled_store, ONE, choice) - numbers(bundled_store, TENTH, choice)
    np.testing.assert_allclose(sections["values"], change, atol=1e-4)
    assert {panel["values"] for panel in header["panels"]} == {"values"}
    scale = header["scale"]
    reach = np.quantile(np.abs(change), 0.99)
    assert (scale["low"], scale["high"]) == pytest.approx((-reach, reach), rel=1e-5)
    assert scale["name"].endswith(", A − B")
    # betas differ, so a lower negative ELBO is not better; a rate never is
    assert scale["note"].startswith(f"red: {word} in B; blue: {word} in A; ends at ±")
    same = opened(ONE, EIGHT, split="test", colour="elbo-change")
    assert maps(healthy(same))[0][0]["scale"]["note"].startswith("red: better in B")


def test_a_is_held_against_the_run_that_is_chosen(bundled_store: Path) -> None:
    at = healthy(opened(ONE, TENTH, TWO, split="test", colour="d-change", against="c"))
    change = numbers(bundled_store, ONE, "d") - numbers(bundled_store, TWO, "d")
    np.testing.assert_allclose(maps(at)[0][1]["values"], change, atol=1e-4)
    at.selectbox(key="against").select("b")
    change = numbers(bundled_store, ONE, "d") - numbers(bundled_store, TENTH, "d")
    np.testing.assert_allclose(maps(healthy(at.run()))[0][1]["values"], change, atol=1e-4)


def test_a_change_needs_two_runs_that_measure_the_same(bundled_store: Path) -> None:
    altered(bundled_store, TENTH, "gauss", config={"likelihood": "gaussian"}, data={})
    at = healthy(opened(ONE, "gauss", split="test", colour="d-change"))
    assert "d-change" not in at.selectbox(key="colour").options
    assert maps(at)[0][0]["colour"] == "classes"
    three = healthy(opened(ONE, "gauss", TWO, split="test", colour="d-change"))
    assert three.selectbox(key="against").options == ["A − C"]
    without = healthy(opened(ONE, AE, split="test", colour="r-change"))
    assert "The change of Rate R from A to B does not apply: B without a posterior has no rate." in words(
        without
    )
    assert maps(without)[0][0]["colour"] == "classes"


def test_an_image_that_a_run_does_not_have_has_no_number(bundled_store: Path) -> None:
    path = altered(bundled_store, TENTH, "part", config={}, data={}) / "latents-test.npz"
    with np.load(path) as archive:
        arrays = {name: archive[name][:350] for name in archive.files}
    np.savez(path, **arrays)
    header, sections = maps(healthy(opened(ONE, "part", split="test", colour="d")))[0]
    assert np.isnan(sections["values:B-latent"]).sum() == 10
    assert header["bars"][0]["missing"] == 0  # it is not drawn there either
    change = maps(healthy(opened(ONE, "part", split="test", colour="d-change")))[0][1]["values"]
    assert np.isnan(change).sum() == 10


@pytest.mark.parametrize("end", ["high", "low"])
def test_the_images_that_changed_most_are_selected_and_shown(bundled_store: Path, end: str) -> None:
    at = healthy(opened(ONE, TENTH, split="test", colour="d-change"))
    change = numbers(bundled_store, ONE, "d") - numbers(bundled_store, TENTH, "d")
    wanted = np.argsort(-change if end == "high" else change)[:12]
    turn = maps(at)[0][0]["selected_turn"]
    at.button(key=f"compare-map-ab-{end}").click()
    header, sections = maps(healthy(at.run()))[0]
    mask = np.unpackbits(sections["selected"], bitorder="little")[:360]
    assert set(np.flatnonzero(mask)) == set(wanted.tolist())
    assert "12 images selected" in words(at)
    assert any("12 selected images" in alt for alt in pictures(at))
    # a second click selects them once more, whatever was selected in the browser since
    assert header["selected_turn"] == turn + 1
    at.button(key=f"compare-map-ab-{end}").click()
    assert maps(healthy(at.run()))[0][0]["selected_turn"] == turn + 2


def test_no_button_selects_where_colours_mean_something_else(bundled_store: Path) -> None:
    at = healthy(opened(ONE, TENTH, split="test", colour="d"))
    assert not [button for button in at.button if str(button.key).startswith("compare-map")]
