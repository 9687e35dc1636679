"""Scores: shown, evaluated and saved."""

import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import core
from core.cli import main
from core.data import catalog
from core.errors import DataMissing
from core.store import run_lock
from tests.core.cli.shell import PROMISED, Shell, contents, edit, parsed


def test_show_and_evaluate_agree_whatever_the_batch(shell: Shell, runs: dict[str, Path]) -> None:
    shown = shell.json("show", runs["vae"].name)
    test = shown["test"]
    assert test.keys() >= PROMISED
    assert test["images"] == 360
    assert test["pixels"] == 64
    assert test["negative_elbo"] == pytest.approx(test["distortion"] + test["rate"])
    assert test["rate"] == pytest.approx(sum(test["rate_per_dimension"]))
    for words in ((), ("--batch-size", "7"), ("--device", "cpu", "--seed", "0", "--draws", "1")):
        found = shell.json("evaluate", str(runs["vae"]), *words)
        assert found["id"] == shown["id"] == runs["vae"].name
        assert (found["units"], found["direction"]) == (shown["units"], shown["direction"])
        assert found["test"].keys() == test.keys()
        for name in PROMISED:
            assert found["test"][name] == pytest.approx(test[name], rel=1e-5), name
    assert set(test) <= set(shown["units"]) == set(shown["direction"])
    assert shown["units"]["distortion"] == "nats per image"
    assert shown["direction"]["negative_elbo"] == "lower is better"
    assert shown["direction"]["rate"] is None


def test_evaluate_against_the_arrays_of_the_api(shell: Shell, runs: dict[str, Path]) -> None:
    run = core.open_run(runs["vae"].name)
    means, log_variances = run.encode(catalog.load("digits", "test").pixels)
    assert log_variances is not None
    m, v = means.astype(np.float64), log_variances.astype(np.float64)
    kl = 0.5 * (m**2 + np.exp(v) - v - 1)
    found = shell.json("evaluate", runs["vae"].name)
    assert found["test"]["rate_per_dimension"] == pytest.approx(kl.mean(0).tolist(), rel=1e-4)


def test_what_does_not_apply_is_null(shell: Shell, runs: dict[str, Path]) -> None:
    for command in ("show", "evaluate"):
        found = shell.json(command, runs["ae"].name)["test"]
        for name in ("rate", "negative_elbo", "rate_per_dimension", "reconstruction_weight"):
            assert found[name] is None, name
        assert found["distortion"] > 0
    rows = {row["family"]: row for row in shell.json("list")}
    assert rows["ae"]["beta"] is None
    assert rows["ae"]["reconstruction_weight"] is None
    assert rows["vae"]["beta"] == 1


def test_evaluate_other_splits_seeds_and_draws(shell: Shell, runs: dict[str, Path]) -> None:
    shown = shell.json("show", runs["vae"].name)
    for split, images in (("train", 1293), ("validation", 144)):
        found = shell.json("evaluate", runs["vae"].name, "--split", split)
        assert found[split]["images"] == images
        assert "test" not in found
        assert found[split]["distortion"] == pytest.approx(shown[split]["distortion"], rel=1e-5)
    more = shell.json("evaluate", runs["vae"].name, "--seed", "1", "--draws", "3")
    assert (more["seed"], more["draws"]) == (1, 3)
    assert more["test"]["distortion_standard_error"] > 0
    assert more["test"]["distortion"] != shown["test"]["distortion"]
    assert more["test"]["rate"] == pytest.approx(shown["test"]["rate"], rel=1e-5)
    assert shell("evaluate", runs["vae"].name, "--draws", "3") == 0
    assert "Rate per dimension (test, nats per image, largest first): z" in shell.out
    assert shell("evaluate", runs["vae"].name, "--device", "tpu") == 2
    assert "allowed: auto, cpu, cuda" in shell.err


def test_evaluate_and_show_write_nothing(shell: Shell, runs: dict[str, Path], store: Path) -> None:
    before = contents(store)
    for command in ("evaluate", "show"):
        assert shell(command, runs["vae"].name) == 0
    assert shell("list") == 0
    assert contents(store) == before


def test_a_run_in_training_is_evaluated(shell: Shell, runs: dict[str, Path]) -> None:
    folder = runs["vae"]
    edit(folder / "run.json", state="running")
    (folder / "scores.json").unlink()
    with run_lock(folder):
        assert shell.json("show", folder.name)["state"] == "running"
        found = shell.json("evaluate", folder.name)
    assert found["state"] == "running"
    assert found["test"]["images"] == 360
    assert shell.json("show", folder.name)["state"] == "interrupted"
    assert shell("show", folder.name) == 0
    assert "No scores yet" in shell.out


def test_scores_that_json_cannot_hold_are_left_out(shell: Shell, runs: dict[str, Path]) -> None:
    path = runs["vae"] / "scores.json"
    path.write_text(path.read_text().replace('"distortion": ', '"distortion": 1e999, "was": ', 1))
    assert shell.json("show", runs["vae"].name)["test"] is None
    assert {row["id"] for row in shell.json("list")} == {folder.name for folder in runs.values()}
    assert shell("list") == 0


@pytest.mark.parametrize(
    "scores", [{"test": "none"}, {"test": {"distortion": "x", "rate_per_dimension": 3}}, {}]
)
def test_scores_of_another_shape_break_nothing(
    shell: Shell, runs: dict[str, Path], scores: dict[str, Any]
) -> None:
    (runs["vae"] / "scores.json").write_text(json.dumps(scores))
    for words in (("list",), ("show", runs["vae"].name)):
        assert shell(*words) == 0
        assert parsed(json.dumps(shell.json(*words)))


# Scores written anew


def command_in(text: str) -> list[str]:
    """The words after `python -m core` of the one command that a text tells people to score with."""
    (command,) = re.findall("`python -m core (evaluate .*?)`", text)
    return shlex.split(command)


def same_scores(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for split in ("train", "validation", "test"):
        assert found[split].keys() == expected[split].keys()
        for name, value in expected[split].items():
            assert found[split][name] == (None if value is None else pytest.approx(value, rel=1e-5)), name


@pytest.mark.parametrize("family", ["vae", "ae"])
@pytest.mark.parametrize("damage", ["{", '{"test": {"rate": "x"}}', None])
def test_lost_scores_come_back_by_the_command_that_show_names(
    shell: Shell, runs: dict[str, Path], family: str, damage: str | None
) -> None:
    folder, path = runs[family], runs[family] / "scores.json"
    sound = json.loads(path.read_text())
    path.unlink()
    if damage is not None:
        path.write_text(damage)
    assert shell("show", folder.name) == 0
    assert ("problem" in shell.out) == (damage is not None)
    assert ("No scores yet" in shell.out) == (damage is None)
    words, before = command_in(shell.out), contents(folder)
    assert words == ["evaluate", folder.name, "--save"]
    assert shell(*words) == 0, shell.err
    assert f"Stored in {path}." in shell.out
    assert re.search(r"^score +test +train +validation +unit", shell.out, re.MULTILINE)
    stored = parsed(path.read_text())
    same_scores(stored, sound)
    assert {key: stored[key] for key in ("id", "units", "direction")} == {
        key: sound[key] for key in ("id", "units", "direction")
    }
    after = contents(folder)
    assert {name for name in {*before, *after} if before.get(name) != after.get(name)} == {"scores.json"}
    shown = shell.json("show", folder.name)
    assert shown["problems"] == []
    same_scores(shown, sound)


def test_what_was_saved_is_printed_as_json(shell: Shell, runs: dict[str, Path]) -> None:
    path = runs["vae"] / "scores.json"
    path.write_text("{")
    found = shell.json("evaluate", runs["vae"].name, "--save", "--batch-size", "100", "--device", "cpu")
    stored = parsed(path.read_text())
    assert {key: found[key] for key in stored} == stored
    assert (found["seed"], found["draws"], found["saved"], found["left_out"]) == (0, 1, str(path), {})
    assert (found["state"], found["epoch"]) == ("finished", 1)


@pytest.mark.parametrize("state", ["stopped", "interrupted"])
def test_a_run_that_ended_before_it_was_scored_is_scored(
    shell: Shell, runs: dict[str, Path], state: str
) -> None:
    folder = runs["vae"]
    sound = json.loads((folder / "scores.json").read_text())
    edit(folder / "run.json", state="running" if state == "interrupted" else state)
    for name in ("scores.json", "latents-test.npz", "latents-train.npz"):
        (folder / name).unlink()
    assert shell("show", folder.name) == 0
    assert "No scores yet" in shell.out
    assert shell(*command_in(shell.out)) == 0
    shown = shell.json("show", folder.name)
    assert shown["state"] == state
    same_scores(shown, sound)


def test_a_run_outside_the_default_store_is_named_by_its_path(
    shell: Shell, runs: dict[str, Path], tmp_path: Path
) -> None:
    store = tmp_path / "another store"
    store.mkdir()
    folder = runs["vae"].rename(store / runs["vae"].name)
    (folder / "scores.json").unlink()
    assert shell("show", folder.name, "--store", str(store)) == 0
    assert shell(*command_in(shell.out)) == 0
    assert shell.json("show", str(folder))["test"]["images"] == 360


def test_bundled_runs_and_runs_in_training_are_not_scored_anew(
    shell: Shell, runs: dict[str, Path], store: Path
) -> None:
    edit(runs["ae"] / "run.json", bundled=True)
    (runs["vae"] / "scores.json").write_text("{")
    edit(runs["vae"] / "run.json", state="running")
    with run_lock(runs["vae"]):
        before = contents(store)
        for family, says in (
            ("ae", "came with VAEScope and is read-only"),
            ("vae", "is being trained by another"),
        ):
            assert shell("evaluate", runs[family].name, "--save", "--json") == 1
            assert shell.out == ""
            assert shell.err.startswith("error: ")
            assert shell.err.count("\n") == 1
            assert says in shell.err
        assert contents(store) == before
        assert shell("show", runs["vae"].name) == 0
        assert "training writes it anew at its end" in shell.out
        (runs["vae"] / "scores.json").unlink()
        assert shell("show", runs["vae"].name) == 0
        assert "No scores yet: training stores them at its end." in shell.out
    (runs["ae"] / "scores.json").unlink()
    assert shell("show", runs["ae"].name) == 0
    assert "restore scores.json" in shell.out
    assert "--save" not in shell.out


def without(monkeypatch: pytest.MonkeyPatch, *missing: str) -> None:
    """Take official splits of the data set away."""
    load = catalog.load

    def some(name: str, split: str) -> Any:
        if split in missing:
            raise DataMissing(f"The {split} images are not here: fetch them.")
        return load(name, split)

    monkeypatch.setattr(catalog, "load", some)


def test_what_cannot_be_scored_keeps_what_is_stored_of_it(
    shell: Shell, runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = runs["vae"] / "scores.json"
    sound = json.loads(path.read_text())
    marked = {**sound["train"], "distortion": 12345.0}
    edit(path, test={**sound["test"], "rate": "x"}, train=marked, validation=["damaged"])
    without(monkeypatch, "train")
    found = shell.json("evaluate", runs["vae"].name, "--save")
    stored = parsed(path.read_text())
    assert stored["train"] == found["train"] == marked
    assert "validation" not in stored
    assert stored["test"]["rate"] == pytest.approx(sound["test"]["rate"], rel=1e-5)
    assert found["left_out"] == dict.fromkeys(
        ("train", "validation"), "The train images are not here: fetch them."
    )
    assert shell("evaluate", runs["vae"].name, "--save") == 0
    assert "The train split was not scored, what was stored of it stays: The train images" in shell.out
    assert "The validation split was not scored, and nothing is stored of it: The train images" in shell.out
    assert shell.json("show", runs["vae"].name)["problems"] == []


def test_without_any_images_nothing_is_written(
    shell: Shell, runs: dict[str, Path], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (runs["vae"] / "scores.json").write_text("{")
    before = contents(store)
    without(monkeypatch, "train", "test")
    assert shell("evaluate", runs["vae"].name, "--save") == 1
    assert shell.err == "error: The test images are not here: fetch them.\n"
    assert contents(store) == before


def test_a_full_disk_leaves_the_scores_as_they_were(
    shell: Shell, runs: dict[str, Path], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = contents(store)
    monkeypatch.setattr(os, "replace", full)
    assert shell("evaluate", runs["vae"].name, "--save") == 1
    assert "'scores.json' could not be written" in shell.err
    assert contents(store) == before


def test_help_says_what_save_writes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "--save score all splits and write scores.json of the run anew" in said
    assert "Bundled runs and runs in training are refused" in said
