"""The README is true: its commands and examples run, its links lead somewhere, its figures are those of the runs."""

import ast
import contextlib
import doctest
import io
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

import core
from core.analysis.pvalues import moments
from core.bundled import BUNDLED
from core.cli import main
from core.cli.parser import build_parser
from core.config import beta_of_weight, reconstruction_weight
from core.data.catalog import DATASETS, info
from core.families import FAMILIES
from core.recipes import FASHION_PIXELS, RECIPES, recipe
from core.store import RunDocument
from core.store.records import UNREADABLE
from core.training.jobs import NEXT
from tests.test_architecture import CORE
from tests.test_setup import make

REPO = Path(__file__).resolve().parents[1]
TEXT = (REPO / "README.md").read_text(encoding="utf-8")
PICTURES_LIMIT = 1_500_000


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)


def section(title: str) -> str:
    """The text under a heading, down to the next one of the same depth or above."""
    found = re.search(
        rf"^(#+) {re.escape(title)}\n(.*?)(?=^\1 |^## |\Z)", TEXT, flags=re.DOTALL | re.MULTILINE
    )
    assert found, f"README.md has no section '{title}'"
    return found[2]


def rows(title: str) -> list[list[str]]:
    """The cells of the tables of a section, without head and rule."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    rules = [k for k, line in enumerate(lines) if set(line) <= set("|-: ")]
    left_out = {one for k in rules for one in (k - 1, k)}
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for k, line in enumerate(lines)
        if k not in left_out
    ]


COMMANDS = [shlex.split(line, comments=True) for block in blocks("bash") for line in block.splitlines()]
CORE_COMMANDS = [words[3:] for words in COMMANDS if words[:3] == ["python", "-m", "core"]]
MAKE_COMMANDS = [words[1:] for words in COMMANDS if words[:1] == ["make"]]


def name_of(words: list[str]) -> str:
    return " ".join(words)


def test_every_command_is_of_a_kind_that_is_checked_here() -> None:
    assert len(CORE_COMMANDS) >= 12
    assert len(MAKE_COMMANDS) >= 5
    assert len(CORE_COMMANDS) + len(MAKE_COMMANDS) == len([words for words in COMMANDS if words])
    assert blocks("python")


def needs_other_data(words: list[str]) -> bool:
    """Whether a command downloads, or reads images that do not come with the project: it is checked, not run."""
    asked = build_parser().parse_args(words)
    if words[:2] == ["data", "fetch"]:
        assert not info(asked.name).embedded
        return True
    if words[0] in ("train", "sweep"):
        settings = dict(pair.split("=", 1) for pair in asked.set)
        return not info(recipe(asked.recipe).config.with_settings(settings).dataset).embedded
    if words[0] == "evaluate":
        return not info(core.open_run(asked.run).config.dataset).embedded
    return False


@pytest.mark.parametrize("words", CORE_COMMANDS, ids=name_of)
def test_a_command_runs_as_written(
    words: list[str],
    bundled_store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if "--out" in words:
        monkeypatch.chdir(tmp_path)  # it writes where it stands
    if "--help" in words:
        with pytest.raises(SystemExit, match="0"):
            main(words)
    elif not needs_other_data(words):
        assert main(words) == 0, capsys.readouterr().err
        said = capsys.readouterr().out
        if "--out" in words:
            assert Path(words[words.index("--out") + 1]).stat().st_size > 500
        if "--json" in words:
            json.loads(said)
        if words[0] in ("train", "sweep") and "--dry-run" not in words:
            name = words[words.index("--name") + 1]
            made = [record for record in core.list_runs() if record.name.startswith(name)]
            assert {record.state for record in made} == {"finished"}
            assert len(made) == (3 if words[0] == "sweep" else 1)


@pytest.mark.parametrize("words", MAKE_COMMANDS, ids=name_of)
def test_make_knows_its_targets(words: list[str]) -> None:
    said = make("-n", *words)
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.strip().splitlines()[-1][:40])
def test_an_example_runs_and_prints_what_its_comments_say(block: str, bundled_store: Path) -> None:
    printed, names = io.StringIO(), {"__name__": "readme"}
    with contextlib.redirect_stdout(printed):
        exec(compile(block, "README.md", "exec"), names)
    for assigned, shape in re.findall(
        r"^([\w, ]+) = .*#(?: both)? (\(\d[\d, ]*\))", block, flags=re.MULTILINE
    ):
        assert {str(getattr(names[one], "shape", None)) for one in assigned.split(", ")} == {shape}
    prints = [
        block.splitlines()[node.lineno - 1]
        for node in ast.parse(block).body
        if isinstance(node, ast.Expr) and ast.unparse(node).startswith("print(")
    ]
    assert len(prints) == len(printed.getvalue().splitlines())
    for line, said in zip(prints, printed.getvalue().splitlines(), strict=True):
        expected = re.findall(r"\d+\.\d+", line.partition("#")[2])
        numbers = re.findall(r"\d+\.\d+(?:e-?\d+)?", said)
        for wanted, number in zip(expected, numbers, strict=False):
            assert f"{float(number):.{len(wanted.partition('.')[2])}f}" == wanted, (line, said)
        assert len(numbers) >= len(expected)


def test_the_example_of_the_package_runs(bundled_store: Path) -> None:
    outcome = doctest.testmod(core)
    assert outcome.failed == 0
    assert outcome.attempted >= 5


def test_the_plain_lines_are_those_behind_make() -> None:
    lines = name_of(blocks("sh"))
    for file in ("requirements.txt", "tests/requirements.txt", "tests/chromium.py", "streamlit_app.py"):
        assert file in lines
        assert (REPO / file).is_file()
    behind = make("-n", "test").stdout + make("-n", "run").stdout
    for part in (
        "-m ruff check .",
        "-m ruff format --check .",
        "-m mypy",
        "-m pytest",
        "-m streamlit run streamlit_app.py",
    ):
        assert part in lines
        assert part in behind


def test_the_builds_of_torch_have_the_pinned_version() -> None:
    pinned = re.search(r"^torch==(\S+)$", (REPO / "requirements.txt").read_text(), flags=re.MULTILINE)
    assert pinned
    named = re.findall(r"torch==(\S+) --index-url", section("CPU or CUDA"))
    assert named == [pinned[1]] * 2


def test_links_lead_somewhere() -> None:
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", TEXT, flags=re.DOTALL | re.MULTILINE), flags=re.MULTILINE
    )
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    targets = re.findall(r"\]\(([^)\s]+)\)", TEXT)
    assert targets
    for target in targets:
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif not target.startswith("https://"):
            assert (REPO / target).is_file(), target
    for named in re.findall(r"`((?:core|dashboard|tests)/[\w/.]+|\.?\w+/\w+\.py)`", TEXT):
        assert (REPO / named).exists(), named


def test_every_picture_is_made_by_the_script_and_shown() -> None:
    pytest.importorskip("playwright", reason="the script drives a browser: tests/requirements.txt")
    from tests.browser.pictures import VIEWS

    shown = re.findall(r"!\[[^\]]{20,}\]\(docs/pictures/(\w+)\.png\)", TEXT)
    assert sorted(shown) == sorted(VIEWS)
    pictures = sorted((REPO / "docs/pictures").iterdir())
    assert [path.name for path in pictures] == [f"{name}.png" for name in sorted(VIEWS)]
    assert sum(path.stat().st_size for path in pictures) < PICTURES_LIMIT


def house() -> list[str]:
    """The paths of the map of the house, in its order."""
    (drawn,) = re.findall(
        r"^```text\n(.*?)^```$", section("Map of the house"), flags=re.DOTALL | re.MULTILINE
    )
    paths, room = [], ""
    for line in drawn.splitlines():
        names = re.split(r" {2,}", line.strip())[0].split(", ")
        if not line.startswith(" "):
            room = names[0] if names[0].endswith("/") else ""
        paths += [room + name if line.startswith(" ") else name for name in names]
    return paths


def test_the_map_of_the_house_is_the_house() -> None:
    drawn = house()
    assert [path for path in drawn if not (REPO / path).exists()] == []
    assert [path for path in drawn if path.endswith("/") and not (REPO / path).is_dir()] == []
    for room in ("core", "dashboard"):
        there = {
            f"{room}/{path.name}{'/' if path.is_dir() else ''}"
            for path in (REPO / room).iterdir()
            if path.suffix == ".py" or (path.is_dir() and path.name != "__pycache__")
        }
        assert there - {f"{room}/__init__.py"} <= set(drawn)


def test_the_map_of_core_is_its_ladder() -> None:
    rungs = [Path(path).stem for path in house() if re.fullmatch(r"core/[^/]+/?", path)]
    assert rungs == list(CORE)


def scores(run: str) -> dict[str, Any]:
    """The stored test scores of a bundled run."""
    return json.loads((REPO / "checkpoints" / run / "scores.json").read_text())["test"]


def test_the_two_conventions_and_the_runs_that_show_them() -> None:
    table = [row for row in rows("How to read beta") if len(row) == 5]
    assert [int(row[1]) for row in table] == [5000, 500, 50]
    for beta, weight, *values in table:
        assert beta_of_weight(float(weight), FASHION_PIXELS) == pytest.approx(float(beta))
        assert reconstruction_weight(float(beta), FASHION_PIXELS) == pytest.approx(float(weight))
        stored = scores(f"bundled-fashion-weight-{weight}")
        assert stored["pixels"] == FASHION_PIXELS == 1024
        assert stored["beta"] == pytest.approx(float(beta))
        assert values == [f"{stored[name]:.2f}" for name in ("distortion", "rate", "negative_elbo")]


def test_the_reference_figures_are_those_of_the_recipes_and_of_the_bundled_run() -> None:
    mnist, fashion = rows("Reference figures")
    assert mnist[0].startswith("`mnist-mlp-vae`, 10 epochs")
    assert fashion[0].startswith("`fashion-conv-vae`, 5 epochs")
    assert f"= {mnist[1]} nats" in RECIPES["mnist-mlp-vae"].reference
    assert fashion[1] in RECIPES["fashion-conv-vae"].reference
    stored = scores("bundled-fashion-weight-500")
    parts = [stored[name] for name in ("weighted_reconstruction", "rate", "weighted_objective")]
    assert fashion[3] == "{:.2f} + {:.2f} = {:.2f}".format(*parts)


def test_the_figures_in_the_text_are_those_of_the_bundled_runs() -> None:
    stored = scores("bundled-fashion-weight-500")
    floor = stored["distortion"] - stored["excess_distortion"]
    assert f"{floor:.2f} of {stored['distortion']:.2f} nats are that floor" in TEXT
    assert scores("bundled-digits-beta-4")["rate"] < 0.01  # "has collapsed"
    rates = sorted(scores("bundled-digits-8d")["rate_per_dimension"], reverse=True)
    assert rates[2] > 0.5 > rates[3] > 0.05 > rates[4]  # "three of eight, and a fourth one a little"
    assert f"{len(BUNDLED)} trained runs" in TEXT


def test_the_figures_of_the_convergence_check_are_those_of_the_stored_latents() -> None:
    sums = {}
    for row in BUNDLED:
        if row.recipe in ("digits-vae", "digits-vae-8d"):
            run = core.open_run(REPO / "checkpoints" / row.id)
            found = moments(run.latents("train"))
            sums[run.id] = (run.config.beta, found.mean_square + found.variance)
    from_one = [value for beta, values in sums.values() if beta >= 1 for value in values]
    assert len(from_one) == 5 * 2 + 8  # five betas of two dimensions, and the run of eight
    said = " ".join(section("What the numbers do not say").split())
    assert f"between {min(from_one):.2f} and {max(from_one):.2f} from beta 1 upwards" in said
    half, small, zero = (max(sums[f"bundled-digits-beta-{name}"][1]) for name in ("0p5", "0p05", "0"))
    assert f"up to {half:.2f} at beta 0.5, {small:.2f} at beta 0.05 and {zero:.2f} at beta 0." in said


def test_the_table_of_data_is_the_catalogue() -> None:
    table = rows("Data")
    assert [row[0] for row in table] == [f"`{name}`" for name in DATASETS]
    for (_, images, _, licence), facts in zip(table, DATASETS.values(), strict=True):
        each = (
            f"{facts.shape[1]}x{facts.shape[2]} grey"
            if facts.kind == "image"
            else f"vectors of {facts.shape[2]} values"
        )
        assert images == f"{facts.train_images:,} train, {facts.test_images:,} test, {each}"
        assert licence == facts.licence


def test_the_states_are_those_of_the_store() -> None:
    pattern = RunDocument.model_fields["state"].metadata[0].pattern
    states = {*pattern.strip("^()$").split("|"), "interrupted", *UNREADABLE}
    assert {row[0].strip("`") for row in rows("Run folders")} == states


def test_the_states_of_jobs_are_theirs() -> None:
    assert [row[0].strip("`") for row in rows("Jobs")] == list(dict.fromkeys(key.split()[0] for key in NEXT))


def test_a_run_folder_holds_what_is_said(bundled_store: Path) -> None:
    (drawn,) = re.findall(r"^```text\n(.*?)^```$", section("Run folders"), flags=re.DOTALL | re.MULTILINE)
    names = [line.split()[0] for line in drawn.splitlines()[1:]]
    said = [
        re.compile(re.sub(r"<\w+>", r"\\w+", re.escape(name).replace(r"\<", "<").replace(r"\>", ">")))
        for name in names
    ]
    files = [path.name for path in (bundled_store / "bundled-digits-beta-1").iterdir()]
    assert [file for file in files if not any(one.fullmatch(file) for one in said)] == []
    assert len(files) >= 6


def test_nothing_is_left_to_fill_in() -> None:
    assert re.findall(r"TODO\S*", TEXT) == []


def test_the_table_of_families_is_the_projects() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \| `(digits-\w+)` \|$", TEXT, flags=re.M)
    assert [name for name, _ in rows] == list(FAMILIES)
    for name, its_recipe in rows:
        assert RECIPES[its_recipe].config.family == name
