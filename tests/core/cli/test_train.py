"""Training and sweeps, exit codes and their sentences."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.cli import commands, main
from core.cli.terminal import TrainingProgress
from core.config import RunConfig
from core.recipes import RECIPES
from core.store import read_record
from tests.core.cli.shell import QUICK, REPO, Shell


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
        ("traverse x --out x.png --steps 1001", 2, "1001 is not a whole number from 1 to 1000"),
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
