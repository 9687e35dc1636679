"""Runs renamed, tagged, deleted and brought back; broken ones listed."""

import io
import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from core.store import run_lock
from tests.core.cli.shell import Shell, Terminal, contents, edit


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
    for alone in ("+", "-"):
        assert shell("tag", ae, alone) == 2
        assert "A tag cannot be empty" in shell.err
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
    assert 1e6 < total < 1e7
    assert f"Disk use of these runs: {total / 1e6:.3g} MB" in shell.out
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
