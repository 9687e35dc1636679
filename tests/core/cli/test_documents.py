"""Help, listings, settings and recipes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.cli import main
from core.config import RunConfig
from core.recipes import RECIPES
from tests.core.cli.shell import REPO, Shell

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
    assert rows["dataset"]["allowed"] == "digits, mnist, fashion-mnist, moons, swiss-roll"
    assert rows["likelihood"]["allowed"] == "bernoulli, gaussian"
    assert all(row["description"] for row in rows.values())
    assert shell("settings") == 0
    assert "optimiser=adam\n" in shell.out
    assert "allowed: adam, adamw" in shell.out


def test_an_empty_store_says_how_to_train(shell: Shell) -> None:
    assert shell("list") == 0
    assert "python -m core train digits-vae" in shell.out
    assert shell.json("list") == []
