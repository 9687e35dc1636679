"""The command line, run in this process; what needs a process of its own (imports, pipes) starts one."""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import core
from core.cli import commands, main, terminal
from core.cli.terminal import CountProgress, TrainingProgress, plain, table, width
from core.config import RunConfig
from core.data import catalog
from core.errors import DataError, DataMissing
from core.recipes import RECIPES
from core.store import read_record, run_lock

REPO = Path(__file__).resolve().parents[2]
QUICK = ("--set", "epochs=1", "threads=1", "--device", "cpu")
PROMISED = {
    "distortion",
    "rate",
    "negative_elbo",
    "rate_per_dimension",
    "reconstruction_weight",
    "pixels",
    "images",
    "excess_distortion",
}


def parsed(text: str) -> Any:
    """Parse JSON as strict readers do: NaN and Infinity are no JSON."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in JSON")

    return json.loads(text, parse_constant=refuse)


class Shell:
    """Runs a command in this process; `out` and `err` are what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.out = self.err = ""

    def __call__(self, *words: str) -> int:
        code = main([str(word) for word in words])
        self.out, self.err = self.capsys.readouterr()
        return code

    def json(self, *words: str) -> Any:
        assert self(*words, "--json") == 0, self.err
        return parsed(self.out)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store with one run of each family, trained for one epoch. Not to be written to: see `runs`."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained")
    for recipe in ("digits-vae", "digits-ae"):
        assert main(["train", recipe, *QUICK, "--store", str(folder)]) == 0
    yield folder
    torch.set_num_threads(threads)


@pytest.fixture
def runs(trained: Path, store: Path) -> dict[str, Path]:
    """Copies of the trained runs in the default store, by family."""
    for folder in trained.iterdir():
        shutil.copytree(folder, store / folder.name)
    return {read_record(folder).config.family: folder for folder in store.iterdir()}


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# Help, listings, and what they load


def test_help_names_every_command_and_exit_code() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "core", "--help"], cwd=REPO, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0
    assert ran.stderr == ""
    for name in (
        "recipes",
        "settings",
        "train",
        "sweep",
        "list",
        "show",
        "evaluate",
        "compare",
        "traverse",
        "interpolate",
        "arithmetic",
        "attribute",
        "place",
        "rename",
        "note",
        "tag",
        "delete",
        "trash",
        "data",
    ):
        assert re.search(rf"^    {name} ", ran.stdout, re.MULTILINE), name
    assert "130" in ran.stdout


@pytest.mark.parametrize(
    "command",
    [
        *(
            "train",
            "sweep",
            "evaluate",
            "compare",
            "traverse",
            "interpolate",
            "arithmetic",
            "attribute",
            "place",
        ),
        *("data fetch", "delete", "tag", "trash restore", "trash empty"),
    ],
)
def test_each_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert f"usage: python -m core {command}" in out
    if command == "train":
        assert "beta = n / w" in out
        assert all(name in out for name in RECIPES)


def test_listings_load_no_torch(runs: dict[str, Path]) -> None:
    heavy = {"torch", "streamlit", "plotly", "sklearn", "tqdm"}
    code = f"""
import sys
from core.cli import main
words = ["list"], ["recipes"], ["settings"], ["data", "list"], ["show", {runs["vae"].name!r}], ["show", "nothing"]
words += ["tag", {runs["vae"].name!r}, "+a"], ["delete", {runs["vae"].name!r}, "--yes"], ["trash", "list"]
words += ["trash", "restore", {runs["vae"].name!r}], ["trash", "empty", "--yes"]
codes = [main(list(one)) for one in words]
assert codes == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0], codes
loaded = {{name.partition(".")[0] for name in sys.modules}} & {heavy!r}
assert not loaded, loaded
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr


def test_recipes_as_text_and_as_json(shell: Shell) -> None:
    rows = shell.json("recipes")
    assert {row["name"]: RunConfig.make(row["config"]) for row in rows} == {
        name: recipe.config for name, recipe in RECIPES.items()
    }
    assert shell("recipes") == 0
    assert all(recipe.sentence in shell.out for recipe in RECIPES.values())
    assert "hidden=32,64,128" in shell.out


def test_printed_settings_of_a_recipe_make_that_recipe(shell: Shell) -> None:
    assert shell("recipes") == 0
    lines = shell.out.splitlines()
    for name, recipe in RECIPES.items():
        pairs = lines[lines.index(name) + 3].split()
        assert RunConfig.make(dict(pair.split("=") for pair in pairs)) == recipe.config


def test_settings_say_what_is_allowed(shell: Shell) -> None:
    rows = {row["key"]: row for row in shell.json("settings")}
    assert list(rows) == list(RunConfig.model_fields)
    assert rows["dataset"]["allowed"] == "digits, mnist, fashion-mnist"
    assert rows["likelihood"]["allowed"] == "bernoulli, gaussian"
    assert all(row["description"] for row in rows.values())
    assert shell("settings") == 0
    assert "optimiser=adam\n" in shell.out
    assert "allowed: adam, adamw" in shell.out


def test_an_empty_store_says_how_to_train(shell: Shell) -> None:
    assert shell("list") == 0
    assert "python -m core train digits-vae" in shell.out
    assert shell.json("list") == []


# Training


def test_train_prints_what_show_prints(shell: Shell, store: Path) -> None:
    made = shell.json(
        "train", "digits-vae", "--set", "epochs=2", "latent=3", *QUICK, "--set", "beta=0.5", "--name", "Mine"
    )
    assert "epoch 1/1: validation D" in shell.err
    assert made["name"] == "Mine"
    assert (made["state"], made["recipe"], made["epoch"]) == ("finished", "digits-vae", 1)
    assert (made["config"]["latent"], made["config"]["beta"]) == (3, 0.5)
    assert len(made["test"]["rate_per_dimension"]) == 3
    assert made["test"]["reconstruction_weight"] == 64 / 0.5
    assert [path.name for path in store.iterdir()] == [made["id"]]
    assert shell.json("show", made["id"]) == made


def test_train_text_ends_with_the_scores(shell: Shell, store: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert shell("train", "digits-ae", *QUICK, "--store", str(other)) == 0
    (folder,) = other.iterdir()
    assert folder.name in shell.out
    assert re.search(r"^Distortion D +\d+\.\d+ .* nats per image +lower is better$", shell.out, re.MULTILINE)
    assert re.search(r"^Rate R +- +- +- ", shell.out, re.MULTILINE)
    assert "-: does not apply." in shell.out
    assert not list(store.iterdir())


def test_divergence_fails_and_keeps_the_run(shell: Shell, store: Path) -> None:
    words = ("train", "digits-vae", *QUICK, "--set", "beta=1e6", "learning_rate=10", "epochs=3", "--json")
    assert shell(*words) == 1
    assert shell.out == ""
    (folder,) = store.iterdir()
    assert read_record(folder).state == "diverged"
    assert f"Run '{folder.name}' is stored as diverged" in shell.err
    assert re.search(r"^error: .*not finite.*smaller learning_rate", shell.err, re.MULTILINE)


def test_ctrl_c_keeps_the_run_and_says_so(shell: Shell, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(self: TrainingProgress, row: dict[str, Any]) -> None:
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(TrainingProgress, "epoch", press)
    assert shell("train", "digits-vae", *QUICK, "--set", "epochs=5", "--json") == 130
    assert shell.out == ""
    (folder,) = store.iterdir()
    assert f"Run '{folder.name}' is stored as stopped, with the weights of epoch 2." in shell.err
    (row,) = shell.json("list")
    assert (row["state"], row["epoch"], row["test"]) == ("stopped", 2, None)
    assert shell.json("show", folder.name)["test"] is None
    assert shell.json("evaluate", folder.name)["test"]["images"] == 360


def test_sweep(shell: Shell, store: Path) -> None:
    rows = shell.json("sweep", "digits-vae", "--beta", "2,0.5", *QUICK, "--name", "Two")
    assert [row["name"] for row in rows] == ["Two, beta 2", "Two, beta 0.5"]
    assert [row["test"]["reconstruction_weight"] for row in rows] == [32, 128]
    assert rows[0]["sweep"] == rows[1]["sweep"] is not None
    assert {path.name for path in store.iterdir()} == {row["id"] for row in rows}
    assert "run 2/2, epoch 1/1" in shell.err


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("--beta", "1,0.5,1"), "Each beta may stand once in a sweep, these do not: 1, 0.5, 1."),
        (("--beta", "1,1.0"), "Each beta may stand once"),
        (("--beta", "1,x"), "--beta cannot be '1,x'"),
        (("--beta", ""), "--beta cannot be ''"),
        (("--beta", "1,-1"), "'beta' cannot be -1.0"),
        (("--beta", "nan"), "'beta' cannot be nan"),
        (("--beta", "1", "--set", "beta=2"), "leave beta out of --set"),
        (("--beta", "1", "--set", "family=ae"), "Family 'ae' has no rate"),
        (("--beta", "1,0.25", "--name", "n" * 112), "at most 120 characters, this one has 123"),
    ],
)
def test_a_wrong_sweep_trains_nothing(
    shell: Shell, store: Path, words: tuple[str, ...], sentence: str
) -> None:
    assert shell("sweep", "digits-vae", *QUICK, *words) == 2
    assert shell.err.startswith("error: ")
    assert sentence in shell.err
    assert not list(store.iterdir())


# Errors


@pytest.mark.parametrize(
    "line, code, sentence",
    [
        ("", 2, "the following arguments are required: COMMAND"),
        ("fly", 2, "invalid choice: 'fly'"),
        ("list --store", 2, "expected one argument"),
        ("list --jso", 2, "unrecognized arguments: --jso"),
        ("train", 2, "required: RECIPE"),
        ("train nothing", 2, f"There is no recipe 'nothing': choose one of {', '.join(RECIPES)}."),
        ("train digits-vae --set epochs", 2, "'epochs' is not key=value"),
        (
            "train digits-vae --set speed=9",
            2,
            f"no setting 'speed': choose from {', '.join(RunConfig.model_fields)}.",
        ),
        ("train digits-vae --set likelihood=poisson", 2, "(allowed: bernoulli, gaussian)"),
        ("train digits-vae --set epochs=0", 2, "'epochs' cannot be '0'"),
        ("train digits-vae --set family=gan", 2, "no family 'gan': choose one of vae, cvae"),
        ("train digits-vae --set dataset=cifar", 2, "use one of digits, mnist, fashion-mnist"),
        ("train digits-vae --device tpu", 2, "(allowed: auto, cpu, cuda"),
        (
            "train digits-vae --set batch_size=5000",
            2,
            "batch_size 5000 is more than the 1293 training images",
        ),
        ("sweep digits-vae", 2, "required: --beta"),
        ("show nothing", 1, "There is no run 'nothing'"),
        ("show ../..", 1, "There is no run '../..'"),
        ("evaluate nothing", 1, "There is no run 'nothing'"),
        ("evaluate x --split all", 2, "invalid choice: 'all'"),
        ("evaluate x --draws 0", 2, "0 is not a whole number from 1"),
        ("evaluate x --seed -1", 2, "-1 is not a whole number from 0"),
        ("evaluate x --save --split test", 2, "leave out --split, --seed and --draws"),
        ("evaluate x --save --seed 0", 2, "leave out --split, --seed and --draws"),
        ("evaluate x --save --draws 2", 2, "leave out --split, --seed and --draws"),
        ("evaluate nothing --save", 1, "There is no run 'nothing'"),
        ("evaluate x --batch-size many", 2, "invalid whole number value: 'many'"),
        ("data", 2, "required: COMMAND"),
        ("data fetch cifar", 2, "use one of digits, mnist, fashion-mnist"),
    ],
)
def test_exit_codes_and_sentences(shell: Shell, store: Path, line: str, code: int, sentence: str) -> None:
    assert shell(*line.split()) == code
    assert shell.out == ""
    assert shell.err.startswith("error: ")
    assert shell.err.count("\n") == 1
    assert sentence.lower() in shell.err.lower()
    assert not list(store.iterdir())


@pytest.mark.parametrize("json_option", [(), ("--json",)])
def test_missing_data_says_what_to_run(
    shell: Shell, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, json_option: tuple[str, ...]
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    assert shell("train", "mnist-mlp-vae", *json_option) == 1
    assert shell.out == ""
    assert shell.err.startswith("error: ")
    assert shell.err.count("\n") == 1
    assert "`python -m core data fetch mnist`" in shell.err
    assert not list(store.iterdir())


def test_control_characters_in_arguments_do_not_reach_the_terminal(shell: Shell) -> None:
    assert shell("show", "\x1b]0;title\x07") == 1
    assert "\x1b" not in shell.err
    assert "\x07" not in shell.err
    assert shell("train", "digits-vae", "--set", "\x1b[2J=1") == 2
    assert "\x1b" not in shell.err
    assert "\\x1b[2J" in shell.err


def test_too_little_memory_is_a_sentence_and_a_defect_is_not_hidden(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
    monkeypatch.setattr(commands, "list_runs", lambda store: (_ for _ in ()).throw(error))
    assert shell("list") == 1
    assert shell.err.startswith("error: The memory is not enough")
    monkeypatch.setattr(commands, "list_runs", lambda store: (_ for _ in ()).throw(RuntimeError("a defect")))
    with pytest.raises(RuntimeError, match="a defect"):
        main(["list"])


def test_a_store_in_a_file_fails_with_a_sentence(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert shell("train", "digits-vae", *QUICK, "--store", str(tmp_path / "file")) == 1
    assert re.match(r"error: .*choose another store", shell.err)


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_closed_pipe_is_quiet() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "core", "settings"], cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr as stream:
        assert stream.read() == b""
    assert process.wait(60) == 141


# Scores


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
    """The words after `python -m core` of the one command that a text tells people to run."""
    (command,) = re.findall("`python -m core (.*?)`", text)
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


# Damaged and foreign folders


def test_damaged_folders_are_listed_with_the_reason(shell: Shell, runs: dict[str, Path], store: Path) -> None:
    good = runs["vae"].name
    shutil.copytree(runs["vae"], store / "newer")
    edit(store / "newer" / "run.json", format=99)
    shutil.copytree(runs["vae"], store / "truncated")
    (store / "truncated" / "run.json").write_bytes((runs["vae"] / "run.json").read_bytes()[:300])
    shutil.copytree(runs["vae"], store / "no-weights")
    (store / "no-weights" / "model-1.safetensors").unlink()
    (store / "holiday").mkdir()
    (store / "holiday" / "photo.txt").write_text("sun")
    rows = {row["id"]: row for row in shell.json("list")}
    assert {name: rows[name]["state"] for name in rows if name not in (good, runs["ae"].name)} == {
        "newer": "newer",
        "truncated": "damaged",
        "no-weights": "damaged",
        "holiday": "foreign",
    }
    for name in ("newer", "truncated", "holiday"):
        assert rows[name]["reason"]
        assert all(
            rows[name][key] is None for key in ("family", "dataset", "latent", "beta", "epochs", "test")
        )
    assert rows[good]["state"] == "finished"
    assert all(row.keys() == rows[good].keys() for row in rows.values())
    assert shell("list") == 0
    assert "holiday: It has no run.json" in shell.out
    assert good in shell.out
    for command in ("show", "evaluate"):
        for name in ("newer", "truncated", "no-weights", "holiday"):
            assert shell(command, name) == 1
            assert shell.err.startswith("error: ")
            assert shell.out == ""


def test_control_characters_in_a_run_cannot_steer_the_terminal(shell: Shell, runs: dict[str, Path]) -> None:
    evil = "\x1b[31mred\x07\u202e\nid"
    edit(runs["vae"] / "run.json", name=evil, state="stopped", reason=evil, recipe=evil, machine=evil)
    (runs["vae"] / "annotations.json").write_text(json.dumps({"note": evil}))
    for words in (("list",), ("show", runs["vae"].name), ("evaluate", runs["vae"].name)):
        assert shell(*words) == 0
        assert not set("\x1b\x07\u202e") & set(shell.out)
        assert "red" in shell.out
        if words[0] != "evaluate":
            assert "\\x1b[31mred\\x07\\u202e\\nid" in shell.out
        shell.json(*words)
        assert shell.out.isascii()
        assert not set("\x1b\x07") & set(shell.out)


# Names, notes, deleting


def test_rename_and_note(shell: Shell, runs: dict[str, Path]) -> None:
    assert shell("rename", runs["vae"].name, "A better name") == 0
    assert shell("note", runs["vae"].name, "keep <b>this</b>") == 0
    found = shell.json("show", str(runs["vae"]))
    assert (found["name"], found["note"]) == ("A better name", "keep <b>this</b>")
    assert found["id"] == runs["vae"].name
    assert shell("rename", runs["vae"].name, " \x00 ") == 2
    assert shell.json("show", runs["vae"].name)["name"] == "A better name"


@pytest.mark.parametrize("words", [("rename", "x"), ("note", "x"), ("delete", "--yes"), ("tag", "+x")])
def test_a_foreign_folder_is_left_alone(shell: Shell, store: Path, words: tuple[str, ...]) -> None:
    (store / "holiday").mkdir()
    (store / "holiday" / "photo.txt").write_text("sun")
    before = contents(store)
    assert shell(words[0], "holiday", words[1]) == 1
    assert "'holiday' is not a run of VAEScope" in shell.err
    assert contents(store) == before


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "answer, deleted",
    [("y", True), ("YES ", True), ("", False), ("n", False), ("yesterday", False), (None, False)],
)
def test_delete_asks(
    shell: Shell, runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch, answer: str | None, deleted: bool
) -> None:
    def typed() -> str:
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", typed)
    assert shell("delete", runs["vae"].name) == (0 if deleted else 1)
    assert "to the trash" in shell.err
    assert "? [y/N]" in shell.err
    assert runs["vae"].name in shell.err
    assert runs["vae"].exists() is not deleted
    assert [row["id"] for row in shell.json("trash", "list")] == ([runs["vae"].name] if deleted else [])
    assert runs["ae"].exists()


def test_delete_without_a_terminal_wants_yes(
    shell: Shell, runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert shell("delete", runs["vae"].name) == 2
    assert "add --yes" in shell.err
    assert runs["vae"].exists()
    assert shell("delete", runs["vae"].name, "--yes") == 0
    assert not runs["vae"].exists()
    assert [row["family"] for row in shell.json("list")] == ["ae"]


def test_bundled_and_locked_runs_are_not_deleted(shell: Shell, runs: dict[str, Path]) -> None:
    edit(runs["ae"] / "run.json", bundled=True)
    assert shell("delete", runs["ae"].name, "--yes") == 1
    assert "read-only" in shell.err
    with run_lock(runs["vae"]):
        assert shell("delete", runs["vae"].name, "--yes") == 1
    assert "being trained" in shell.err
    # one that stays keeps all: nothing is half done
    assert shell("delete", runs["vae"].name, runs["ae"].name, "--yes") == 1
    assert all(folder.exists() for folder in runs.values())
    assert shell.json("trash", "list") == []


# Tags, the trash, disk use


def test_tag(shell: Shell, runs: dict[str, Path]) -> None:
    vae, ae = runs["vae"].name, runs["ae"].name
    assert shell("tag", vae, ae, "+Paper", "+figure 2", "+x") == 0
    assert f"Run '{vae}' is tagged figure 2, paper, x." in shell.out
    assert shell("tag", "-x", ae, "-never", "+<b>") == 0
    assert shell.json("show", vae)["tags"] == ["figure 2", "paper", "x"]
    assert shell.json("show", ae)["tags"] == ["<b>", "figure 2", "paper"]
    assert shell("show", ae) == 0
    assert re.search(r"^tags +<b>, figure 2, paper$", shell.out, re.MULTILINE)
    assert shell("list") == 0
    assert re.search(r"disk +tags$", shell.out, re.MULTILINE)
    # no change asked for: it says which there are
    assert shell("tag", ae) == 0
    assert shell.out == f"Run '{ae}' is tagged <b>, figure 2, paper.\n"
    assert shell("tag", ae, "-<b>", "-figure 2", "-paper") == 0
    assert shell.out == f"Run '{ae}' has no tag.\n"
    # a tag that looks like the short form of help
    assert shell("tag", ae, "+h") == 0
    assert shell("tag", ae, "-h") == 0
    assert shell.json("show", ae)["tags"] == []


def test_list_by_tag(shell: Shell, runs: dict[str, Path]) -> None:
    assert shell("tag", runs["vae"].name, "+a", "+b") == 0
    assert shell("tag", runs["ae"].name, "+a") == 0
    for words, families in (
        (("--tag", "A"), {"vae", "ae"}),
        (("--tag", "a", "--tag", "b"), {"vae"}),
        (("--tag", "none"), set()),
    ):
        assert {row["family"] for row in shell.json("list", *words)} == families
    assert shell("list", "--tag", "none") == 0
    assert "is tagged none" in shell.out
    assert shell("list", "--tag", "a,b") == 2


@pytest.mark.parametrize(
    "words, code, why",
    [
        (("+a,b",), 2, "comma"),
        (("++a",), 2, "begin with"),
        (("+" + "x" * 33,), 2, "at most 32"),
        (("+ ",), 2, "empty"),
        (("+a", "-a"), 2, "added and removed"),
        (("nothing", "+a"), 1, "There is no run 'nothing'"),
        (("--wrong", "+a"), 2, "--wrong"),
    ],
)
def test_a_wrong_tag_changes_nothing(
    shell: Shell, runs: dict[str, Path], words: tuple[str, ...], code: int, why: str
) -> None:
    assert shell("tag", runs["vae"].name, runs["ae"].name, *words) == code
    assert why in shell.err
    assert [row["tags"] for row in shell.json("list")] == [[], []]


def test_tagging_nothing_is_a_sentence(shell: Shell, runs: dict[str, Path]) -> None:
    assert shell("tag", "+a") == 2
    assert "RUN" in shell.err


def test_disk_use_is_listed_in_bytes(shell: Shell, runs: dict[str, Path], store: Path) -> None:
    (store / "photos").mkdir()
    (store / "photos" / "a.txt").write_text("a")
    listed = {row["id"]: row["bytes"] for row in shell.json("list")}
    for folder in runs.values():
        assert listed[folder.name] == sum(len(content) for content, _ in contents(folder).values())
    assert listed["photos"] is None
    assert shell("list") == 0
    total = sum(listed[folder.name] for folder in runs.values())
    assert 1000 < total < 1e6
    assert f"Disk use of these runs: {total / 1000:.3g} kB" in shell.out
    assert shell("show", runs["vae"].name) == 0
    assert re.search(rf"^disk +{listed[runs['vae'].name] / 1000:.3g} kB$", shell.out, re.MULTILINE)


def test_the_trash_and_back(shell: Shell, runs: dict[str, Path], store: Path) -> None:
    vae, ae = runs["vae"].name, runs["ae"].name
    before = contents(runs["vae"])
    size = shell.json("show", vae)["bytes"]
    assert shell("trash", "list") == 0
    assert "is empty" in shell.out
    assert shell("delete", vae, ae, "--yes") == 0
    assert f"trash restore {vae}" in shell.out
    assert shell.json("list") == []
    (row,) = [row for row in shell.json("trash", "list") if row["id"] == vae]
    assert (row["bytes"], row["family"], row["test"]["images"]) == (size, "vae", 360)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", row["deleted"])
    assert shell("trash", "list") == 0
    assert vae in shell.out
    assert ae in shell.out
    assert row["entry"] in shell.out
    assert shell("show", vae) == 1
    assert shell("trash", "restore", "nothing") == 1
    assert "the trash holds" in shell.err
    assert shell("trash", "restore", vae, row["entry"]) == 0
    assert shell.out == f"Run '{vae}' is restored.\n"
    assert contents(runs["vae"]) == before
    assert [one["id"] for one in shell.json("list")] == [vae]


def test_a_run_that_is_in_the_trash_twice_is_named_by_its_entry(
    shell: Shell, runs: dict[str, Path], trained: Path, store: Path
) -> None:
    vae = runs["vae"].name
    assert shell("delete", vae, "--yes") == 0
    shutil.copytree(trained / vae, store / vae)
    assert shell("delete", vae, "--yes") == 0
    assert shell("trash", "restore", vae) == 1
    said = shell.err
    entries = [row["entry"] for row in shell.json("trash", "list")]
    assert len(entries) == 2
    assert all(entry in said for entry in entries)
    assert shell("trash", "restore", *entries) == 0
    assert "its id was taken meanwhile" in shell.out
    assert len(shell.json("list")) == 3


def test_a_run_elsewhere_goes_to_a_trash_beside_it(
    shell: Shell, runs: dict[str, Path], store: Path, tmp_path: Path
) -> None:
    (tmp_path / "other runs").mkdir()
    folder = runs["vae"].rename(tmp_path / "other runs" / "elsewhere")
    assert shell("delete", folder, "--yes") == 0
    said = re.search(r"`python -m core (.+)`", shell.out)
    assert said
    assert shell.json("trash", "list") == []
    assert not folder.exists()
    assert shell(*shlex.split(said[1])) == 0  # what it says, as a shell reads it
    assert folder.exists()


@pytest.mark.parametrize("answer, emptied", [("y", True), ("", False), ("no", False)])
def test_emptying_the_trash_asks_and_says_what_it_frees(
    shell: Shell, runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch, answer: str, emptied: bool
) -> None:
    vae, ae = runs["vae"].name, runs["ae"].name
    size = f"{shell.json('show', vae)['bytes'] / 1000:.3g} kB"
    assert shell("trash", "empty", "--yes") == 0
    assert "nothing to delete" in shell.out
    assert shell("delete", vae, ae, "--yes") == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert shell("trash", "empty") == 2
    assert "add --yes" in shell.err
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda: answer)
    assert shell("trash", "empty", vae) == (0 if emptied else 1)
    assert f"for good, which frees {size} and cannot be undone" in shell.err
    assert vae in shell.err
    left = {row["id"] for row in shell.json("trash", "list")}
    assert left == ({ae} if emptied else {vae, ae})
    if emptied:
        assert shell("trash", "empty", vae, "--yes") == 1  # gone, and said so
        assert shell("trash", "empty", "--yes") == 0
        assert shell.json("trash", "list") == []


# Data sets


def test_data_list(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path))
    rows = {row["name"]: row for row in shell.json("data", "list")}
    assert {name: row["available"] for name, row in rows.items()} == {
        "digits": True,
        "mnist": False,
        "fashion-mnist": False,
    }
    assert rows["digits"]["train_images"] + rows["digits"]["test_images"] == 1797
    assert shell("data", "list") == 0
    assert str(tmp_path) in shell.out
    assert re.search(r"^mnist +no +1x28x28 +60,000 +10,000 ", shell.out, re.MULTILINE)


def test_data_fetch(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell("data", "fetch", "digits") == 0
    assert "nothing to download" in shell.out

    def fetch(name: str, *, progress: Any) -> None:
        for file in ("images.gz", "labels.gz"):
            for done in (10, 20):
                progress(done, 0, f"{name}/{file}")

    monkeypatch.setattr(catalog, "fetch", fetch)
    assert shell("data", "fetch", "mnist") == 0
    assert shell.err.splitlines() == ["Downloading mnist/images.gz", "Downloading mnist/labels.gz"]
    assert "MNIST is complete" in shell.out

    def fail(name: str, *, progress: Any) -> None:
        raise DataError("Every mirror failed: try again.")

    monkeypatch.setattr(catalog, "fetch", fail)
    assert shell("data", "fetch", "mnist") == 1
    assert shell.err == "error: Every mirror failed: try again.\n"


# Progress and tables


def epoch_row(epoch: int, rate: float | None = 6.25) -> dict[str, Any]:
    return {"epoch": epoch, "seconds": 30.0, "validation": {"distortion": 20.5, "rate": rate}}


def test_the_bar_counts_all_steps_and_shows_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    stream = Terminal()
    progress = TrainingProgress(runs=2, stream=stream)
    for run in ("first", "second"):
        progress.start(run, RunConfig(epochs=3))
        for epoch in (1, 2, 3):
            for done in range(1, 11):
                progress.step(epoch, done, 10)
            progress.epoch(epoch_row(epoch))
    progress.close()
    shown = stream.getvalue()
    assert "Training first" in shown
    last = shown.rstrip().splitlines()[-1].split("\r")[-1]
    assert "run 2/2, epoch 3/3" in last
    assert "60/60" in last
    assert "validation D 20.500, R 6.250 nats" in last
    assert re.search(r"30/60 \[\d\d:\d\d<\d\d:\d\d", shown)
    assert progress.started == ["first", "second"]


def test_without_a_terminal_a_line_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((100.0, 110.0, 120.0))
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    stream = io.StringIO()
    progress = TrainingProgress(stream=stream)
    progress.start("one", RunConfig(epochs=3))
    for epoch in (1, 2):
        progress.step(epoch, 1, 1)
        progress.epoch(epoch_row(epoch))
    progress.epoch({"epoch": 3, "seconds": 10.0, "test": {"distortion": 20.5, "rate": None}})
    progress.close()
    assert stream.getvalue().splitlines() == [
        "Training one",
        "epoch 1/3: validation D 20.500, R 6.250 nats per image, 1:00 left",
        "epoch 2/3: validation D 20.500, R 6.250 nats per image, 0:10 left",
        "epoch 3/3: test D 20.500 nats per image, 0:00 left",
    ]


def test_a_reader_that_has_gone_away_costs_no_run() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    progress = TrainingProgress(stream=Gone())
    progress.start("one", RunConfig(epochs=1))
    progress.epoch(epoch_row(1))
    assert progress.started == ["one"]


def test_the_download_bar_follows_a_second_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    progress = CountProgress(unit="B", stream=stream)
    for done, total in ((1024, 4096), (3072, 4096), (512, 2048), (2048, 2048)):
        progress(done, total, "images.gz")
    progress.close()
    assert "images.gz: 100%" in stream.getvalue()
    assert "2.00k/2.00k" in stream.getvalue()


def test_tables_are_aligned_for_wide_and_combining_characters() -> None:
    lines = table(("name", "n"), [("数字", "7"), ("e\u0301", "12"), ("\x1b", "5")], right=("n",))
    assert [width(line) for line in lines] == [8, 8, 8, 8]
    assert lines[0] == "name   n"
    assert lines[2].endswith("12")
    assert plain("a\tb\r\u2028é数") == "a\\tb\\r\\u2028é数"


@pytest.mark.parametrize(
    "seconds, text", [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3599, "59:59"), (3723, "1:02:03")]
)
def test_durations(seconds: float, text: str) -> None:
    assert terminal.duration(seconds) == text
