"""`select` and `selections`: what is kept, shown, combined and deleted, for people and as JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.analysis.queries import Query, matching
from core.cli import main
from core.cli.selecting import range_of_text
from core.errors import ConfigError
from core.runs import open_run
from core.store import SELECTIONS, find_selection, list_selections, save_selection

ONE = "bundled-digits-beta-1"
MARKUP = "<b>x</b> *y* =1+1 \x1b[31mred"


class Shell:
    """Runs a command in this process; `out` and `err` are what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys, self.out, self.err = capsys, "", ""

    def __call__(self, *words: str) -> int:
        code = main(list(words))
        self.out, self.err = self.capsys.readouterr()
        return code

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], bundled_store: Path) -> Shell:
    return Shell(capsys)


def test_a_query_is_kept_with_the_rows_that_it_finds(shell: Shell) -> None:
    words = (
        "select",
        ONE,
        "--name",
        "Hard",
        "--labels",
        "3, 5",
        "--negative-elbo",
        "26:",
        "--error",
        ":0.08",
    )
    assert shell(*words) == 0
    kept = find_selection("Hard")
    assert f"'Hard' ({kept.id}) keeps {len(kept)} images: {len(kept)} test." in shell.out
    run = open_run(ONE)
    latents, errors = run.latents("test"), run.errors("test")
    total = latents.distortion.astype(np.float64) + latents.rate
    right = np.isin(latents.labels, (3, 5)) & (total >= 26) & (errors <= 0.08)
    assert kept.rows["test"] == tuple(sorted(latents.ids[right].tolist()))
    assert kept.data == (run.document.data.dataset, run.document.data.fingerprint)
    assert kept.run == ONE
    again = Query.from_document(kept.query or {})
    assert kept.origin == again.sentence()
    assert len(matching(latents, again, errors, class_names=run.class_names)) == len(kept)


def test_several_splits_and_json(shell: Shell) -> None:
    words = (
        "select",
        ONE,
        "--name",
        "All ones",
        "--labels",
        "1",
        "--split",
        "train",
        "--split",
        "test",
        "--json",
    )
    assert shell(*words) == 0
    assert set(shell.json["rows"]) == {"train", "test"}
    assert shell.json["images"] == sum(len(rows) for rows in shell.json["rows"].values())
    assert shell.json["query"]["labels"] == ["1"]


def test_rows_are_kept_by_hand_and_must_be_there(shell: Shell) -> None:
    rows = open_run(ONE).latents("test").ids[:3].tolist()
    text = ",".join(map(str, rows))
    assert shell("select", ONE, "--name", "Three", "--rows", text) == 0
    assert find_selection("Three").rows == {"test": tuple(sorted(rows))}
    assert find_selection("Three").query is None
    assert shell("select", ONE, "--name", "Row", "--rows", f"{rows[0]},99999") == 1
    assert "Row 99999 is none of the test images" in shell.err
    assert shell("select", ONE, "--name", "Row", "--rows", "1.5") == 2
    assert len(list_selections()) == 1
    # a query beside them must hold too
    latents = open_run(ONE).latents("test")
    threes = latents.ids[latents.labels == 3][:2].tolist()
    text = ",".join(map(str, [*threes, int(latents.ids[latents.labels == 4][0])]))
    assert shell("select", ONE, "--name", "Threes", "--rows", text, "--labels", "3") == 0
    assert find_selection("Threes").rows == {"test": tuple(sorted(threes))}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([ONE, "--labels", "eleven"], 2, "no label 'eleven'"),
        ([ONE, "--labels", ","], 2, "names no label"),
        ([ONE, "--rate", "3"], 2, "--rate cannot be '3'"),
        ([ONE, "--rate", "3:2"], 2, "is empty"),
        ([ONE, "--distortion", "9999:"], 2, "No image fits"),
        (["bundled-digits-ae", "--rate", "1:"], 1, "does not apply"),
        (["bundled-digits-ae", "--negative-elbo=1:"], 1, "does not apply"),
        (["nowhere"], 1, "There is no run"),
    ],
)
def test_what_cannot_be_kept_is_said_in_one_sentence(
    words: list[str], code: int, said: str, shell: Shell, bundled_store: Path
) -> None:
    assert shell("select", *words, "--name", "x") == code
    assert said in shell.err
    assert shell.err.count("\n") == 1
    assert list_selections() == []
    assert not (bundled_store / SELECTIONS).exists()


@pytest.mark.parametrize(
    ("text", "ends"),
    [("20:30", (20, 30)), ("20:", (20, None)), (":30", (None, 30)), ("-1:1e2", (-1, 100)), (None, None)],
)
def test_ranges_are_read(text: str | None, ends: Any) -> None:
    assert range_of_text("rate", text) == ends


@pytest.mark.parametrize("text", ["20", "a:b", "1:2:3", ""])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--negative-elbo cannot be"):
        range_of_text("negative_elbo", text)


def test_a_selection_is_shown_through_any_run_of_its_data(shell: Shell) -> None:
    shell("select", ONE, "--name", "Threes", "--labels", "3")
    assert shell("selections", "show", "Threes", "--json") == 0
    shown = shell.json
    assert shown["run"] == shown["made_on"] == ONE
    assert shown["classes"] == [{"label": "3", "images": shown["images"]}]
    latents = open_run(ONE).latents("test")
    total = (latents.distortion.astype(np.float64) + latents.rate)[latents.labels == 3]
    assert shown["scores"]["negative_elbo"] == pytest.approx(total.mean())
    assert [one["negative_elbo"] for one in shown["worst"]] == pytest.approx(
        np.sort(total)[::-1][:5].tolist()
    )
    assert [one["negative_elbo"] for one in shown["best"]] == pytest.approx(np.sort(total)[:5].tolist())
    assert shell("selections", "show", "Threes", "--run", "bundled-digits-ae", "--worst", "2") == 0
    assert "worst by Distortion D" in shell.out
    assert "Rate" not in shell.out
    assert shell("selections", "show", "Threes", "--run", "bundled-fashion-weight-50") == 1
    assert "choose a run of the same data" in shell.err


def test_validation_rows_of_one_run_are_training_rows_of_another(shell: Shell) -> None:
    shell("select", ONE, "--name", "Held out", "--split", "validation", "--labels", "1")
    kept = find_selection("Held out")
    assert list(kept.rows) == ["validation"]
    assert shell("selections", "show", "Held out", "--json") == 0
    assert shell.json["images_in_run"] == len(kept)
    data = open_run(ONE).document.data
    save_selection(
        "Said to be of train",
        dataset=data.dataset,
        fingerprint=data.fingerprint,
        rows={"train": kept.rows["validation"]},
        origin="x",
        run=ONE,
    )
    assert shell("selections", "show", "Said to be of train", "--json") == 0
    assert shell.json["images_in_run"] == len(kept)
    assert {one["split"] for one in shell.json["worst"]} == {"validation"}


def test_one_made_on_no_run_says_how_to_score_it(shell: Shell) -> None:
    data = open_run(ONE).document.data
    save_selection("By hand", dataset="digits", fingerprint=data.fingerprint, rows={"test": [5]}, origin="x")
    assert shell("selections", "show", "By hand") == 0
    assert "--run" in shell.out


def test_the_list_holds_broken_ones_with_the_reason(shell: Shell, bundled_store: Path) -> None:
    assert shell("selections", "list") == 0
    assert "No selection is kept" in shell.out
    shell("select", ONE, "--name", MARKUP, "--labels", "3")
    (bundled_store / SELECTIONS / "bad-000000.json").write_text("{")
    assert shell("selections", "list") == 0
    assert "<b>x</b> *y* =1+1 [31mred" in shell.out
    assert "\x1b" not in shell.out
    assert "'bad-000000' cannot be used" in shell.out
    assert shell("selections", "list", "--json") == 0
    assert [one.get("reason") is None for one in shell.json] == [True, False]
    assert shell("selections", "list", "--dataset", "mnist", "--json") == 0
    assert shell.json == []


def test_renamed_combined_and_deleted(shell: Shell) -> None:
    for name, labels in (("A", "3,5"), ("B", "5,8")):
        shell("select", ONE, "--name", name, "--labels", labels)
    a, b = (set(find_selection(name).rows["test"]) for name in "AB")
    for how, rows in (("union", a | b), ("intersection", a & b), ("difference", a - b)):
        assert shell("selections", "combine", "A", "B", "--how", how, "--name", how) == 0
        assert set(find_selection(how).rows["test"]) == rows
    assert shell("selections", "combine", "A", "A", "--how", "difference", "--name", "none") == 2
    assert "at least one image" in shell.err
    assert shell("selections", "rename", "A", "First") == 0
    assert shell("selections", "rename", "B", "First") == 2
    assert shell("selections", "delete", "First", "B") == 2  # there is no terminal to ask on
    assert "--yes" in shell.err
    assert shell("selections", "delete", "First", find_selection("B").id, "--yes") == 0
    assert {one.name for one in list_selections()} == {"union", "intersection", "difference"}


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 1), ("", 1)])
def test_a_deletion_asks(answer: str, left: int, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell("select", ONE, "--name", "A", "--labels", "3")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda: answer)
    assert shell("selections", "delete", "A") == left
    assert "Delete 1 selection for good: 'A'" in shell.err
    assert len(list_selections()) == left


def test_a_broken_one_can_be_deleted(shell: Shell, bundled_store: Path) -> None:
    (bundled_store / SELECTIONS).mkdir()
    (bundled_store / SELECTIONS / "bad-000000.json").write_text("{")
    assert shell("selections", "show", "bad-000000") == 1
    assert shell("selections", "delete", "bad-000000", "--yes") == 0
    assert list_selections() == []
