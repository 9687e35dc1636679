"""What the Compare page says of many runs together, headless: alignment, similarity, seeds, settings and curves."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import linalg, spatial

import core
from core.data import catalog
from tests.dashboard.compare_page import (
    AE,
    EIGHT,
    ONE,
    TENTH,
    TWO,
    altered,
    figure,
    opened,
    scores,
    stored,
    table,
    table_lines,
)
from tests.dashboard.headless import healthy, maps, numbers, words


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
    assert {line["Run"] for line in table_lines(at, "Run")} == {"C"}
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
    assert {line["Run"] for line in table_lines(at, "Run")} == {"C"}
    assert "Without B." in words(at)


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
    lines = table(healthy(opened(ONE, TENTH, AE)), "Setting")
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
