"""The Compare page of three to eight runs, headless: against the stored arrays, scipy and cases solved by hand."""

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import linalg, spatial, stats
from streamlit.testing.v1 import AppTest

import core
from core.data import catalog
from core.latents import Latents, load_latents
from tests.dashboard.headless import figures, healthy, maps, numbers, open_page, words

ONE, TENTH, HALF, TWO, EIGHT, AE = (
    f"bundled-digits-{end}" for end in ("beta-1", "beta-0p1", "beta-0p5", "beta-2", "8d", "ae")
)
ALL_EIGHT = [
    f"bundled-digits-{end}"
    for end in ("beta-1", "beta-0p1", "beta-0p5", "beta-2", "beta-0", "8d", "ae", "beta-4")
]


def opened(*runs: str, **query: str) -> AppTest:
    return open_page("compare", runs=",".join(runs), **query)


def stored(store: Path, run: str, split: str = "test") -> Latents:
    return load_latents(store / run / f"latents-{split}.npz")


def table(at: AppTest, first_column: str, *, last: str = "") -> list[dict[str, str]]:
    for element in at.dataframe:
        frame = element.value
        if frame.columns[0] == first_column and (not last or last in set(frame[first_column])):
            return frame.to_dict("records")
    raise AssertionError(f"no table of {first_column}")


def scores(at: AppTest) -> dict[str, dict[str, str]]:
    return {line["Score"]: line for line in table(at, "Score", last="Pixels n")}


def figure(at: AppTest, title: str) -> dict[str, Any]:
    (found,) = [one for one in figures(at) if title in one["layout"]["title"]["text"]]
    return found


def link(at: AppTest) -> str:
    value = dict(at.query_params)["runs"]
    return value if isinstance(value, str) else value[0]


def pictures(at: AppTest) -> list[str]:
    return [element.proto.imgs[0].alt for element in at.get("image")]


def altered(store: Path, source: str, new: str, *, config: dict[str, Any], data: dict[str, Any]) -> Path:
    folder = store / new
    shutil.copytree(store / source, folder)
    document = json.loads((folder / "run.json").read_text())
    document |= {"id": new, "name": new}
    document["config"] |= config
    document["data"] |= data
    (folder / "run.json").write_text(json.dumps(document))
    return folder


def select(at: AppTest, key: str, places: list[int], count: int = 360) -> AppTest:
    """Select the points at these places of the map, as the browser reports a lasso."""
    mask = np.zeros(count, np.uint8)
    mask[places] = 1
    bits = base64.b64encode(np.packbits(mask, bitorder="little").tobytes()).decode()
    at.session_state[key] = {"selection": {"bits": bits}}
    return healthy(at.run())


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
    lines = {(line["Run"], line["Score, nats per image"]): line for line in table(at, "Run")}
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
    assert {line["Run"] for line in table(at, "Run")} == {"B"}
    assert "Without C." in words(at)
    assert len([one for one in figures(at) if " by " in one["layout"]["title"]["text"]]) == 2


def test_an_autoencoder_among_others_has_no_rate(bundled_store: Path) -> None:
    at = healthy(opened(ONE, AE, TENTH, split="test"))
    assert scores(at)["Distortion D"]["Better"] == "not marked: only some draw z"
    assert scores(at)["Negative ELBO"]["Better"] == "not marked: betas differ"
    assert {(line["Run"], line["Score, nats per image"]) for line in table(at, "Run")} == {
        ("B", "Distortion D"),
        ("C", "Distortion D"),
        ("C", "Rate R"),
        ("C", "Negative ELBO"),
    }
    panels = maps(at)[0][0]["panels"]
    # one scale for the posteriors; codes have a unit of their own
    assert panels[0]["domain"] == panels[2]["domain"] is not None
    assert panels[1]["domain"] is None


# --- aligned spaces -----------------------------------------------------------------------------------------------


def test_aligned_planes_are_scipys_procrustes(bundled_store: Path) -> None:
    at = healthy(opened(ONE, TENTH, split="test", space="orthogonal"))
    ((header, sections),) = maps(at)
    first, second = (stored(bundled_store, run).means.astype(np.float64) for run in (ONE, TENTH))
    x, y = first - first.mean(0), second - second.mean(0)
    rotation, _ = linalg.orthogonal_procrustes(y, x)
    np.testing.assert_allclose(sections["xy:B-latent"], y @ rotation + first.mean(0), atol=1e-5)
    np.testing.assert_array_equal(sections["xy:A-latent"], first.astype(np.float32))
    *_, disparity = spatial.procrustes(first, second)
    assert header["panels"][1]["title"].startswith(f"B onto A, residual {disparity:.2f}: latent means")
    distance = np.sqrt(np.square(x - y @ rotation).sum() / len(x))
    assert f"B onto A: residual {disparity:.3f}, distance {distance:.3f} prior σ" in words(at)
    assert header["panels"][1]["x_title"] == "along A's z 1 (prior σ)"
    # the prior's centre has moved with the run, so its contours are gone; p-value maps stay raw
    assert header["panels"][0]["circles"] == [1, 2, 3]
    assert header["panels"][1]["circles"] == []
    raw = maps(healthy(opened(ONE, TENTH, split="test")))[0][1]
    np.testing.assert_array_equal(sections["xy:B-p"], raw["xy:B-p"])


def test_a_mirrored_and_exchanged_copy_is_laid_back_exactly(bundled_store: Path) -> None:
    folder = altered(bundled_store, ONE, "copy", config={"seed": 9}, data={})
    path = folder / "latents-test.npz"
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    means = arrays["means"]
    arrays["means"] = np.ascontiguousarray(means[:, ::-1] * [1, -1] + 2, np.float32)
    np.savez(path, **arrays)
    for space in ("orthogonal", "permutation"):
        at = healthy(opened(ONE, "copy", split="test", space=space))
        sections = maps(at)[0][1]
        np.testing.assert_allclose(sections["xy:B-latent"], means, atol=1e-5)
        assert "B onto A: residual 0.000, distance 0.000 prior σ" in words(at)


def test_another_latent_size_is_padded_and_said_so(bundled_store: Path) -> None:
    at = healthy(opened(ONE, EIGHT, AE, split="test", space="orthogonal"))
    sections = maps(at)[0][1]
    assert all(sections[f"xy:{letter}-latent"].shape == (360, 2) for letter in "ABC")
    assert "2 of 8 dimensions, the rest taken as 0" in words(at)
    first = np.pad(stored(bundled_store, ONE).means.astype(float), ((0, 0), (0, 6)))
    *_, disparity = spatial.procrustes(first, stored(bundled_store, EIGHT).means.astype(float))
    assert f"B onto A: residual {disparity:.3f}" in words(at)
    # the other way round the plane lies in eight dimensions, of which A's two are shown
    back = healthy(opened(EIGHT, ONE, split="test", space="orthogonal"))
    assert maps(back)[0][1]["xy:B-latent"].shape == (360, 2)
    assert f"B onto A: residual {disparity:.3f}" in words(back)


def test_a_latent_of_one_dimension_stands_beside_others(bundled_store: Path) -> None:
    config = core.recipe("digits-vae").config.with_settings({"latent": 1, "epochs": 1, "device": "cpu"})
    line = core.train(config, name="One dimension").id
    for space in ("raw", "orthogonal", "permutation"):
        at = healthy(opened(line, ONE, EIGHT, split="test", space=space, panels="both"))
        panels = {panel["id"]: panel for panel in maps(at)[0][0]["panels"]}
        # laid onto a line everything is a line, beside its classes
        flat = [panels[f"{letter}-latent"]["y_title"].startswith("class") for letter in "ABC"]
        assert flat == [True, space != "raw", space != "raw"]
        assert panels["B-p"]["y_title"].startswith("p-value")
    back = maps(healthy(opened(ONE, line, split="test", space="orthogonal")))[0]
    assert [panel["y_title"] for panel in back[0]["panels"]][1] == "along A's z 2 (prior σ)"
    assert np.isfinite(back[1]["xy:B-latent"]).all()


# --- similarity ---------------------------------------------------------------------------------------------------


def test_similarity_is_a_matrix_with_numbers(bundled_store: Path) -> None:
    at = healthy(opened(ONE, TENTH, EIGHT, split="test"))
    cka, overlap = (table.value.to_numpy() for table in at.table)
    x, y = (stored(bundled_store, run).means.astype(float) for run in (ONE, EIGHT))
    x, y = x - x.mean(0), y - y.mean(0)
    wanted = np.linalg.norm(x.T @ y) ** 2 / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)
    assert cka[0, 2] == pytest.approx(wanted, abs=1e-6)
    assert cka[0, 2] == cka[2, 0]
    np.testing.assert_allclose(np.diag(cka), 1)
    near = [
        np.argsort(np.linalg.norm(z[:, None] - z[None], axis=2) + np.diag(np.full(360, np.inf)), axis=1)[
            :, :10
        ]
        for z in (x, y)
    ]
    shared = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*near, strict=True)])
    assert overlap[0, 2] == pytest.approx(shared, abs=1e-6)
    assert any(f"by chance {10 / 359:.3f}" in words.value for words in at.markdown)


def test_runs_of_three_data_sets_are_compared_within_each(
    bundled_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    mnist = {"dataset": "mnist", "fingerprint": catalog.fingerprint("mnist")}
    altered(bundled_store, ONE, "far", config={"dataset": "mnist"}, data=mnist)
    far = altered(bundled_store, TENTH, "farther", config={"dataset": "mnist"}, data=mnist)
    at = healthy(opened(ONE, "far", TENTH, "farther", split="test"))
    ids = [[panel["id"] for panel in header["panels"]] for header, _ in maps(at)]
    assert ids == [["A-latent", "C-latent"], ["B-latent", "D-latent"]]
    assert "A and C saw digits and B and D saw mnist" in words(at)
    assert len([one for one in at.markdown if "Linear CKA" in one.value]) == 2
    assert {line["Run"] for line in table(at, "Run")} == {"C"}
    for file in far.glob("latents-*"):
        file.unlink()
    at = healthy(opened(ONE, "far", TENTH, "farther", split="test"))
    assert "D: similarity needs the images" in words(at)
    # of three without their images those whose latents are stored are still shown
    altered(bundled_store, TWO, "far-c", config={"dataset": "mnist"}, data=mnist)
    at = healthy(opened("far", "farther", "far-c", split="test"))
    assert [[panel["id"] for panel in header["panels"]] for header, _ in maps(at)] == [
        ["A-latent", "C-latent"]
    ]
    assert {line["Run"] for line in table(at, "Run")} == {"C"}
    assert "Without B." in words(at)


# --- selection ----------------------------------------------------------------------------------------------------


def test_a_selection_goes_through_every_run_with_difference_images(bundled_store: Path) -> None:
    at = opened(ONE, TENTH, TWO, split="test")
    chosen = [3, 7, 20, 40]
    select(at, "compare-map-abc", chosen)
    assert "**4 images selected**" in words(at)
    assert "4 selected images and their reconstructions by A, B and C" in pictures(at)
    assert "Differences of A, B, C from the original" in pictures(at)
    one, two = (stored(bundled_store, run).distortion[chosen].astype(float) for run in (ONE, TWO))
    changes = {(line["Run"], line["Score, nats per image"]): line for line in table(at, "Run")}
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
    line = next(line for line in table(at, "Run") if line["Score, nats per image"] == "Distortion D")
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


# --- seeds, settings, curves --------------------------------------------------------------------------------------


def test_runs_that_differ_in_the_seed_get_a_mean_and_a_spread(bundled_store: Path) -> None:
    folder = altered(bundled_store, ONE, "seed-1", config={"seed": 1}, data={})
    document = json.loads((folder / "scores.json").read_text())
    first = document["test"]["distortion"]
    document["test"]["distortion"] = first + 3
    (folder / "scores.json").write_text(json.dumps(document))
    at = healthy(opened(ONE, TENTH, "seed-1"))
    line = scores(at)["Distortion D"]
    assert line["Mean ± SD of A, C"] == f"{first + 1.5:.2f} ± {3 / np.sqrt(2):.2f}"
    assert "A and C differ in the seed alone" in words(at)
    assert not any("Mean ± SD" in name for name in scores(healthy(opened(ONE, TENTH)))["Distortion D"])
    two = healthy(opened(ONE, "seed-1"))
    assert scores(two)["Distortion D"]["Mean ± SD of A, B"] == line["Mean ± SD of A, C"]


def test_settings_of_three_runs_that_differ_and_no_others(bundled_store: Path) -> None:
    lines = {line["Setting"]: line for line in table(healthy(opened(ONE, TENTH, AE)), "Setting")}
    assert [lines["beta"][letter] for letter in "ABC"] == ["1", "0.1", "does not apply"]
    assert [lines["family"][letter] for letter in "ABC"] == ["vae", "vae", "ae"]
    assert "epochs" not in lines


@pytest.mark.parametrize("over", ["epoch", "step", "time"])
def test_curves_run_over_epochs_steps_or_time(over: str, bundled_store: Path) -> None:
    at = healthy(opened(ONE, TENTH, TWO, along=over))
    drawn = figure(at, " by ")
    rows = [json.loads(line) for line in (bundled_store / ONE / "history.jsonl").read_text().splitlines()]
    wanted = {
        "epoch": [row["epoch"] for row in rows],
        # 1,293 training images in batches of 64: 21 steps an epoch
        "step": [21 * row["epoch"] for row in rows],
        "time": np.cumsum([row["seconds"] for row in rows]).tolist(),
    }[over]
    assert numbers(drawn["data"][0]["x"]) == pytest.approx(wanted, rel=1e-5)
    assert len(drawn["data"]) == 6


def test_a_history_without_seconds_says_so(bundled_store: Path) -> None:
    path = bundled_store / TENTH / "history.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text(
        "".join(json.dumps({k: v for k, v in row.items() if k != "seconds"}) + "\n" for row in rows)
    )
    at = healthy(opened(ONE, TENTH, along="time"))
    assert "B: its history holds no seconds" in words(at)
    assert len(figure(at, " by ")["data"]) == 2


def test_the_same_run_under_two_letters_says_so(bundled_store: Path) -> None:
    at = healthy(opened(ONE, TENTH, ONE))
    assert "A and C are the same run, so they cannot differ below" in words(at)
    assert not any("Mean ± SD" in name for name in scores(at)["Distortion D"])
