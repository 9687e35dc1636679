"""The Compare page of three to eight runs, headless: panels, marks, selections through every run."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.dashboard.compare_page import (
    AE,
    ALL_EIGHT,
    EIGHT,
    ONE,
    TENTH,
    TWO,
    altered,
    figure,
    link,
    opened,
    pictures,
    scores,
    select,
    stored,
    table_lines,
)
from tests.dashboard.headless import figures, healthy, maps, numbers, words


def test_three_runs_stand_in_a_row_over_the_same_images(bundled_store: Path) -> None:
    at = healthy(opened(ONE, TENTH, EIGHT, split="test"))
    assert link(at) == f"{ONE},{TENTH},{EIGHT}"
    ((header, sections),) = maps(at)
    assert [panel["id"] for panel in header["panels"]] == ["A-latent", "B-latent", "C-latent"]
    assert header["columns"] == 3
    np.testing.assert_array_equal(sections["xy:B-latent"], stored(bundled_store, TENTH).means)
    domains = [panel["domain"] for panel in header["panels"]]
    assert domains[0] == domains[1] == domains[2] is not None
    both = maps(healthy(opened(ONE, TENTH, EIGHT, split="test", panels="both")))[0][0]
    assert [panel["id"] for panel in both["panels"]] == [
        f"{letter}-{kind}" for letter in "ABC" for kind in ("latent", "p")
    ]
    assert both["columns"] == 2


def test_a_run_that_reaches_much_further_has_axes_of_its_own(bundled_store: Path) -> None:
    zero = "bundled-digits-beta-0"
    at = healthy(opened(ONE, TENTH, zero, split="test"))
    domains = [panel["domain"] for panel in maps(at)[0][0]["panels"]]
    assert domains[0] == domains[1] is not None
    assert domains[2] is None
    reach = [np.abs(stored(bundled_store, run).means).max() for run in (ONE, TENTH, zero)]
    assert reach[2] > 2 * np.median(reach)
    assert "C has axes of its own: it reaches more than 2 times further than is usual here" in words(at)
    assert domains[0][1] - domains[0][0] < reach[2]
    # two runs are shown as they are: which of them reaches far is what one looks for
    two = maps(healthy(opened(ONE, zero, split="test")))[0][0]["panels"]
    assert two[0]["domain"] == two[1]["domain"] is not None
    assert "axes of its own" not in words(opened(ONE, TENTH, EIGHT, split="test"))


def test_eight_runs_and_no_more(bundled_store: Path) -> None:
    at = healthy(opened(*ALL_EIGHT, "bundled-digits-beta-3", split="test"))
    assert link(at) == ",".join(ALL_EIGHT)
    assert "names 9 runs, and the page compares 8 at most" in words(at)
    assert len(maps(at)[0][0]["panels"]) == 8
    assert maps(at)[0][0]["columns"] == 4
    assert [key for button in at.button if (key := button.key) == "add-run"] == []
    lines = scores(at)
    assert lines["Rate R"]["G"] == "does not apply"
    for letter, run in zip("ABCDEFGH", ALL_EIGHT, strict=True):
        wanted = json.loads((bundled_store / run / "scores.json").read_text())["test"]["distortion"]
        assert lines["Distortion D"][letter] == f"{wanted:.2f}"
    assert "12 test images and their reconstructions by A, B, C, D, E, F, G and H" in pictures(at)


def test_a_run_is_added_and_removed(bundled_store: Path) -> None:
    at = opened(ONE, EIGHT, **{"dx-b": "1", "dy-b": "4"})
    at.button(key="add-run").click()
    healthy(at.run())
    assert link(at).startswith(f"{ONE},{EIGHT},bundled-digits-")
    assert at.selectbox(key="run-c").value not in (ONE, EIGHT)
    at.selectbox(key="run-c").select(TWO)
    healthy(at.run())
    assert link(at) == f"{ONE},{EIGHT},{TWO}"
    at.menu_button(key="remove-run").click("A")
    healthy(at.run())
    # those behind it move up, with the dimensions chosen for them
    assert link(at) == f"{EIGHT},{TWO}"
    assert [at.selectbox(key=f"run-{side}").value for side in "ab"] == [EIGHT, TWO]
    assert maps(at)[0][0]["panels"][0]["x_title"].startswith("z 1 ")
    assert maps(at)[0][0]["panels"][0]["y_title"].startswith("z 4 ")
    assert "dx-b" not in dict(at.query_params)


def test_swapping_exchanges_the_first_two_of_three(bundled_store: Path) -> None:
    at = opened(ONE, TENTH, TWO)
    at.button(key="swap").click()
    assert link(healthy(at.run())) == f"{TENTH},{ONE},{TWO}"


def test_the_best_of_three_is_marked_and_each_is_compared_with_a(bundled_store: Path) -> None:
    at = healthy(opened(ONE, TENTH, TWO))
    assert scores(at)["Distortion D"]["Better"] == "B is best"
    assert scores(at)["Negative ELBO"]["Better"] == "not marked: betas differ"
    assert "A − B" not in scores(at)["Distortion D"]
    first = stored(bundled_store, ONE)
    lines = {(line["Run"], line["Score, nats per image"]): line for line in table_lines(at, "Run")}
    assert len(lines) == 6
    for letter, run in (("B", TENTH), ("C", TWO)):
        other = stored(bundled_store, run)
        one, two = (latents.distortion.astype(np.float64) + latents.rate for latents in (first, other))
        interval = stats.ttest_rel(one, two).confidence_interval(0.95)
        line = lines[letter, "Negative ELBO"]
        assert line["A − run"] == f"{(one - two).mean():+.2f}".replace("-", "−")
        assert line["95 % interval"] == " to ".join(f"{end:+.2f}".replace("-", "−") for end in interval)
        assert line["A is lower on"] == f"{100 * (one < two).mean():.0f} %"
        told = interval.low <= 0 <= interval.high
        lower = "A" if (one - two).mean() < 0 else letter
        assert line["Verdict"] == ("no difference can be told" if told else f"{lower} is lower")
    drawn = figure(at, "A minus each run")
    assert [trace["name"] for trace in drawn["data"]] == ["Distortion D", "Rate R", "Negative ELBO"]
    one, two = first.distortion.astype(float), stored(bundled_store, TENTH).distortion
    assert numbers(drawn["data"][0]["x"])[0] == pytest.approx((one - two).mean())


def test_runs_that_measure_something_else_are_left_out_of_marks_and_differences(bundled_store: Path) -> None:
    altered(bundled_store, TENTH, "gauss", config={"likelihood": "gaussian"}, data={})
    at = healthy(opened(ONE, TENTH, "gauss"))
    assert "C is not, because their likelihoods differ (bernoulli and gaussian)" in words(at)
    assert scores(at)["Distortion D"]["Better"] == "B is best of A, B"
    assert {line["Run"] for line in table_lines(at, "Run")} == {"B"}
    assert "Without C." in words(at)
    assert len([one for one in figures(at) if " by " in one["layout"]["title"]["text"]]) == 2


def test_an_autoencoder_among_others_has_no_rate(bundled_store: Path) -> None:
    at = healthy(opened(ONE, AE, TENTH, split="test"))
    assert scores(at)["Distortion D"]["Better"] == "not marked: only some draw z"
    assert scores(at)["Negative ELBO"]["Better"] == "not marked: betas differ"
    assert {(line["Run"], line["Score, nats per image"]) for line in table_lines(at, "Run")} == {
        ("B", "Distortion D"),
        ("C", "Distortion D"),
        ("C", "Rate R"),
        ("C", "Negative ELBO"),
    }
    panels = maps(at)[0][0]["panels"]
    # one scale for the posteriors; codes have a unit of their own
    assert panels[0]["domain"] == panels[2]["domain"] is not None
    assert panels[1]["domain"] is None


def test_a_selection_goes_through_every_run_with_difference_images(bundled_store: Path) -> None:
    at = opened(ONE, TENTH, TWO, split="test")
    chosen = [3, 7, 20, 40]
    select(at, "compare-map-abc", chosen)
    assert "**4 images selected**" in words(at)
    assert "4 selected images and their reconstructions by A, B and C" in pictures(at)
    assert "Differences of A, B, C from the original" in pictures(at)
    one, two = (stored(bundled_store, run).distortion[chosen].astype(float) for run in (ONE, TWO))
    changes = {(line["Run"], line["Score, nats per image"]): line for line in table_lines(at, "Run")}
    interval = stats.ttest_rel(one, two).confidence_interval(0.95)
    assert changes["C", "Distortion D"]["A − run"] == f"{(one - two).mean():+.2f}".replace("-", "−")
    assert changes["C", "Distortion D"]["95 % interval"] == " to ".join(
        f"{end:+.2f}".replace("-", "−") for end in interval
    )
    at.segmented_control(key="difference").select("first")
    healthy(at.run())
    assert "Differences of B, C from A's reconstruction" in pictures(at)
    at.segmented_control(key="difference").select("off")
    healthy(at.run())
    assert not any(alt.startswith("Differences") for alt in pictures(at))


def test_a_selection_stays_when_a_run_joins_and_when_it_leaves(bundled_store: Path) -> None:
    at = opened(ONE, TENTH, split="test")
    assert "selected" not in maps(at)[0][1]
    select(at, "compare-map-ab", [3, 7, 20])
    # what was selected in the browser is not sent back to it, lest it undo what was selected since
    assert "selected" not in maps(at)[0][1]
    at.session_state["compare-map-ab"] = {}
    at.button(key="add-run").click()
    healthy(at.run())
    assert "**3 images selected**" in words(at)
    sections = maps(at)[0][1]
    bits = np.unpackbits(sections["selected"], count=360, bitorder="little")
    np.testing.assert_array_equal(np.flatnonzero(bits), [3, 7, 20])
    select(at, "compare-map-abc", [5, 6])
    at.session_state["compare-map-abc"] = {}
    at.menu_button(key="remove-run").click("C")
    healthy(at.run())
    assert "**2 images selected**" in words(at)
    bits = np.unpackbits(maps(at)[0][1]["selected"], count=360, bitorder="little")
    np.testing.assert_array_equal(np.flatnonzero(bits), [5, 6])


def test_a_selection_of_both_splits_is_paired_image_by_image(bundled_store: Path) -> None:
    at = opened(ONE, TENTH)
    _, sections = maps(at)[0]
    places = [0, 10, 400, 1000]
    select(at, "compare-map-ab", places, count=len(sections["ids"]))
    assert "**4 images selected**" in words(at)
    wanted = []
    for point in sections["ids"][places].tolist():
        split, row = ("test", "train")[point >> 28], point & ((1 << 28) - 1)
        values = []
        for run in (ONE, TENTH):
            latents = stored(bundled_store, run, split)
            values.append(float(latents.distortion[latents.ids == row][0]))
        wanted.append(values[0] - values[1])
    line = next(line for line in table_lines(at, "Run") if line["Score, nats per image"] == "Distortion D")
    assert line["A − run"] == f"{np.mean(wanted):+.2f}".replace("-", "−")
    assert line["A is lower on"] == f"{100 * np.mean(np.array(wanted) < 0):.0f} %"


def test_a_clicked_image_shows_its_change_against_each_run(bundled_store: Path) -> None:
    at = opened(ONE, TENTH, TWO, split="test")
    one, two = stored(bundled_store, ONE), stored(bundled_store, TWO)
    at.session_state["compare-map-abc"] = {"click": {"panel": "B-latent", "id": int(one.ids[11])}}
    healthy(at.run())
    lines = {line["Score"]: line for line in at.dataframe[0].value.to_dict("records")}
    wanted = float(one.distortion[11]) - float(two.distortion[11])
    assert lines["Distortion D"]["A − C"] == f"{wanted:.2f}".replace("-", "−")
    assert f"Image {one.ids[11]} of test and its reconstructions" in pictures(at)


def test_the_same_run_under_two_letters_says_so(bundled_store: Path) -> None:
    at = healthy(opened(ONE, TENTH, ONE))
    assert "A and C are the same run, so they cannot differ below" in words(at)
    assert not any("Mean ± SD" in name for name in scores(at)["Distortion D"])
