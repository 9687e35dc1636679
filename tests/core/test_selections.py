"""Selections: kept whole or not at all, listed whatever lies beside them, named once in a data set, combined."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import files
from core.errors import CheckpointError, ConfigError
from core.store import (
    SELECTIONS,
    Selection,
    combine,
    combined_origin,
    delete_selection,
    find_selection,
    list_runs,
    list_selections,
    read_selection,
    rename_selection,
    restore_selection,
    save_selection,
    selection_document,
)
from tests.core.shared import Sentence

PRINT = "ab" * 32
MARKUP = "<script>x</script> **b** =SUM(A1) $x$ ../../etc"


def keep(name: str = "Mine", rows: Any = None, **changes: Any) -> Selection:
    values = {"dataset": "digits", "fingerprint": PRINT, "origin": "By hand.", **changes}
    return save_selection(name, rows={"test": [3, 1, 2]} if rows is None else rows, **values)


def path_of(store: Path, selection: Selection) -> Path:
    return store / SELECTIONS / f"{selection.id}.json"


# --- there and back -----------------------------------------------------------------------------------------------


def test_a_selection_comes_back_as_it_was_kept(store: Path) -> None:
    query = {"labels": ["3", None], "rate": [1.5, None]}
    made = keep("Hard ones", {"test": np.array([9, 2, 9]), "train": (4,)}, run="a-1", query=query)
    assert find_selection(made.id) == find_selection("Hard ones") == made
    assert list_selections() == [made]
    assert made.id.startswith("hard-ones-")
    assert dict(made.rows) == {"train": (4,), "test": (2, 9)}  # sorted, each once, splits in their order
    assert list(made.rows) == ["train", "test"]
    assert len(made) == 3
    assert (made.query, made.run, made.origin, made.reason) == (query, "a-1", "By hand.", None)
    written = json.loads(path_of(store, made).read_text())
    assert written == selection_document(made)
    assert written["format"] == 1
    assert "NaN" not in path_of(store, made).read_text()


def test_a_selection_cannot_be_changed_by_who_reads_it() -> None:
    made = keep()
    with pytest.raises(TypeError):
        made.rows["test"] = ()  # type: ignore[index]
    assert hash(made) == hash(find_selection(made.id))
    assert made  # there is one, whatever its length


def test_selections_are_no_runs(store: Path) -> None:
    keep()
    assert list_runs(store) == []


def test_without_a_folder_there_are_none(store: Path) -> None:
    assert list_selections() == []
    assert list_selections(store / "nowhere") == []


@pytest.mark.parametrize("name", [MARKUP, "Ä é ö", "x" * 120, "日本"])
def test_names_are_data(name: str, store: Path) -> None:
    made = keep(name)
    assert find_selection(name).name == name
    assert path_of(store, made).parent == store / SELECTIONS
    assert path_of(store, made).is_file()
    assert [path.name for path in (store / SELECTIONS).iterdir()] == [f"{made.id}.json"]


def test_a_name_is_one_visible_line() -> None:
    assert keep("a\n\tb\u202e c\x00").name == "a b c"


def test_the_newest_stands_first_and_a_data_set_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for day, (name, dataset) in enumerate((("a", "digits"), ("b", "mnist"), ("c", "digits")), 1):
        monkeypatch.setattr("core.store.selections.now", lambda day=day: f"2026-01-0{day}T00:00:00+00:00")
        keep(name, dataset=dataset)
    assert [one.name for one in list_selections()] == ["c", "b", "a"]
    assert [one.name for one in list_selections(dataset="digits")] == ["c", "a"]


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({}, "at least one image"),
        ({"test": []}, "at least one image"),
        ({"test": [1, -1]}, "Row -1 is no row"),
        ({"test": [2**28]}, "is no row"),
        ({"test": [1.0]}, "whole numbers, not 1.0"),
        ({"test": [True]}, "whole numbers, not True"),
        ({"test": ["1"]}, "whole numbers, not '1'"),
        ({"holdout": [1]}, "no split 'holdout'"),
    ],
)
def test_rows_that_are_none_are_refused_and_nothing_is_written(
    rows: Any, said: str, store: Path, sentence: Sentence
) -> None:
    with pytest.raises(ConfigError) as error:
        keep(rows=rows)
    assert said in sentence(error.value)
    assert not (store / SELECTIONS).exists()


@pytest.mark.parametrize("name", ["", " \n", "\u200b", "x" * 121, 7])
def test_a_name_that_is_none_is_refused(name: Any, sentence: Sentence) -> None:
    with pytest.raises(ConfigError, match="selection's name") as error:
        keep(name)
    sentence(error.value)


def test_a_name_is_there_once_in_a_data_set(sentence: Sentence) -> None:
    first = keep("Mine")
    with pytest.raises(ConfigError, match="is called 'Mine' already") as error:
        keep(" Mine ")
    sentence(error.value)
    other = keep("Mine", dataset="mnist")
    with pytest.raises(CheckpointError, match="is there 2 times") as ambiguous:
        find_selection("Mine")
    assert first.id in sentence(ambiguous.value)
    assert find_selection(other.id) == other


def test_what_is_not_there_is_said_with_what_is(sentence: Sentence) -> None:
    with pytest.raises(CheckpointError, match="none is kept yet") as error:
        find_selection("x")
    sentence(error.value)
    made = keep()
    with pytest.raises(CheckpointError, match=made.id):
        find_selection("../run")


# --- broken ones --------------------------------------------------------------------------------------------------

BROKEN = {
    "cut short": ('{"format": 1, "na', "damaged"),
    "no JSON": ("\x00", "damaged"),
    "a list": ("[]", "no JSON object"),
    "newer": ('{"format": 2}', "newer than 1"),
    "NaN": ('{"format": NaN}', "NaN"),
    "an extra key": (None, "Extra inputs"),
    "a negative row": (None, "is no row"),
    "a row that is a text": (None, "valid integer"),
    "no rows": (None, "keeps no image"),
    "no time": (None, "isoformat"),
    "no name": (None, "empty"),
}


def broken_text(case: str, good: dict[str, Any]) -> str:
    changes: dict[str, dict[str, Any]] = {
        "an extra key": {"more": 1},
        "a negative row": {"rows": {"test": [-1]}},
        "a row that is a text": {"rows": {"test": ["1"]}},
        "no rows": {"rows": {}},
        "no time": {"created": "yesterday"},
        "no name": {"name": " "},
    }
    return BROKEN[case][0] or json.dumps(good | changes[case])


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_says_why_and_breaks_no_other(case: str, store: Path, sentence: Sentence) -> None:
    good = keep("Good")
    bad = store / SELECTIONS / "bad-000000.json"
    bad.write_text(broken_text(case, selection_document(good)))
    listed = list_selections()
    assert listed[0] == good
    assert [one.id for one in listed] == [good.id, "bad-000000"]
    assert not listed[1].readable
    assert BROKEN[case][1] in (listed[1].reason or "")
    assert "\n" not in (listed[1].reason or "")
    assert list_selections(dataset="digits") == [good]
    with pytest.raises(CheckpointError, match="cannot be used") as error:
        find_selection("bad-000000")
    sentence(error.value)
    delete_selection(listed[1])
    assert list_selections() == [good]


def test_a_file_that_is_too_large_is_not_read(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = keep()
    monkeypatch.setattr("core.store.selected.JSON_LIMIT", 10)
    assert "larger than the 10 bytes" in (read_selection(path_of(store, made)).reason or "")


def test_links_are_not_followed(store: Path, tmp_path: Path, sentence: Sentence) -> None:
    made = keep()
    outside = tmp_path / "outside.json"
    path_of(store, made).rename(outside)
    (store / SELECTIONS / "link-000000.json").symlink_to(outside)
    (store / SELECTIONS / "folder-000000.json").mkdir()
    assert {one.id: one.reason for one in list_selections()} == {
        "folder-000000": "It is no file: move it elsewhere.",
        "link-000000": "It is a link, and links are not followed.",
    }
    delete_selection(next(one for one in list_selections() if one.id.startswith("link")))
    assert outside.is_file()  # the link went, not what it names
    elsewhere = tmp_path / "elsewhere"
    (store / SELECTIONS / "folder-000000.json").rmdir()
    (store / SELECTIONS).rename(elsewhere)
    (store / SELECTIONS).symlink_to(elsewhere)
    for act in (list_selections, keep):
        with pytest.raises(CheckpointError, match="is a link") as error:
            act()
        sentence(error.value)
    assert os.listdir(elsewhere) == []


def test_odd_names_of_files_are_shown_and_leave_the_listing_whole(store: Path) -> None:
    good = keep()
    (store / SELECTIONS / "A B\u202e.json").write_text("{}")
    (store / SELECTIONS / ".hidden.json.123.tmp").write_text("{}")
    (store / SELECTIONS / "notes.txt").write_text("x")
    listed = list_selections()
    assert [one.id for one in listed] == [good.id, "A B"]
    assert "rename the file" in (listed[1].reason or "")
    delete_selection(listed[1])
    assert list_selections() == [good]


def test_a_crash_while_writing_leaves_the_old_one(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = keep("Before")
    before = path_of(store, made).read_bytes()

    def crash(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", crash)
    with pytest.raises(CheckpointError, match="No space left"):
        rename_selection(made, "After")
    with pytest.raises(CheckpointError, match="No space left"):
        keep("Another")
    assert path_of(store, made).read_bytes() == before
    assert [path.name for path in (store / SELECTIONS).iterdir()] == [f"{made.id}.json"]


# --- tending ------------------------------------------------------------------------------------------------------


def test_a_rename_keeps_the_id_and_all_else() -> None:
    made, other = keep("One"), keep("Other")
    renamed = rename_selection(made, " Two ")
    assert (renamed.id, renamed.name, renamed.rows) == (made.id, "Two", made.rows)
    assert find_selection("Two") == renamed
    assert rename_selection(renamed, "Two") == renamed  # its own name is not taken
    with pytest.raises(ConfigError, match="already"):
        rename_selection(renamed, "Other")
    assert {one.name for one in list_selections()} == {"Two", other.name}


def test_a_deletion_is_undone(store: Path) -> None:
    made = keep()
    before = path_of(store, made).read_bytes()
    delete_selection(made)
    assert list_selections() == []
    with pytest.raises(CheckpointError, match="gone already"):
        delete_selection(made)
    assert restore_selection(made) == made
    assert path_of(store, made).read_bytes() == before


def test_undone_beside_others_nothing_is_overwritten() -> None:
    made = keep()
    delete_selection(made)
    again = keep("Mine")
    with pytest.raises(ConfigError, match="already"):
        restore_selection(made)
    renamed = rename_selection(again, "Else")
    assert restore_selection(made) == made
    other = restore_selection(rename_selection(made, "Third"))  # its id is taken, by itself
    assert other.id != made.id
    assert {one.id for one in list_selections()} == {made.id, renamed.id, other.id}


@pytest.mark.parametrize(
    ("how", "rows", "words"),
    [
        ("union", {"train": (7,), "test": (1, 2, 3)}, "in 'A' or in 'B'"),
        ("intersection", {"test": (2,)}, "in 'A' and in 'B'"),
        ("difference", {"train": (7,), "test": (1,)}, "in 'A' and not in 'B'"),
    ],
)
def test_combinations_are_those_of_sets(how: Any, rows: dict[str, tuple[int, ...]], words: str) -> None:
    first, second = keep("A", {"test": [1, 2], "train": [7]}), keep("B", {"test": [2, 3]})
    assert combine(first, second, how) == rows
    assert words in combined_origin(first, second, how)


def test_what_cannot_be_combined_is_refused(store: Path, sentence: Sentence) -> None:
    first = keep("A")
    refused = {
        "'B' of mnist": keep("B", dataset="mnist"),
        "another version of it": keep("C", fingerprint="cd" * 32),
        "cannot be combined": read_selection(store / SELECTIONS / "none-000000.json"),
    }
    for said, other in refused.items():
        with pytest.raises(ConfigError) as error:
            combine(first, other, "union")
        assert said in sentence(error.value)
    with pytest.raises(ConfigError, match="not 'xor'"):
        combine(first, first, "xor")  # type: ignore[arg-type]
    assert combine(first, first, "difference") == {}
