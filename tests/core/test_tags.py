"""Tags: what is one, what is not, on one run and on many; data, whoever wrote them."""

import json
from pathlib import Path

import pytest

from core.errors import CheckpointError, ConfigError
from core.store import TAG_LIMIT, TAGS_LIMIT, annotate, change_tags, clean_tag, list_runs, read_record
from tests.core.shared import Copy, Edit, Sentence

TAGS = {
    "paper": "paper",
    "  Figure   2 ": "figure 2",
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    "**b** [a](http://b) $x$ :smile:": "**b** [a](http://b) $x$ :smile:",
    "Ünïcode ÄÖ": "ünïcode äö",
    "cafe\u0301": "café",
    "数字": "数字",
    "שלום": "שלום",
    "a\u202eb\x00c": "abc",
    "two\nlines": "two lines",
    "a-b+c": "a-b+c",
    "=1+1": "=1+1",
    "../../x": "../../x",
    "x" * TAG_LIMIT: "x" * TAG_LIMIT,
}


@pytest.mark.parametrize("typed, kept", TAGS.items())
def test_a_tag_is_one_line_of_data_in_lower_case(typed: str, kept: str, copied: Copy) -> None:
    assert clean_tag(typed) == kept
    assert clean_tag(kept) == kept
    folder = copied()
    document = (folder / "run.json").read_bytes()
    assert annotate(folder, tags=[typed]).tags == (kept,)
    assert read_record(folder).tags == (kept,)
    assert json.loads((folder / "annotations.json").read_text(encoding="utf-8")) == {"tags": [kept]}
    assert (folder / "run.json").read_bytes() == document


@pytest.mark.parametrize(
    "typed, why",
    [
        ("", "empty"),
        (" \n\u202e\x00", "empty"),
        ("x" * (TAG_LIMIT + 1), "at most 32"),
        ("x" * 100_000, "at most 32"),
        ("a,b", "comma"),
        ("+a", "begin with"),
        (" -a", "begin with"),
    ],
)
def test_what_is_no_tag_is_refused(typed: str, why: str, copied: Copy, sentence: Sentence) -> None:
    folder = copied()
    annotate(folder, tags=["before"])
    with pytest.raises(ConfigError, match=why) as error:
        annotate(folder, tags=["good", typed])
    assert len(sentence(error.value)) < 250
    assert read_record(folder).tags == ("before",)


def test_tags_are_sets_in_order(copied: Copy) -> None:
    folder = copied()
    assert annotate(folder, tags=["b", "A", "a", " B"]).tags == ("a", "b")
    assert annotate(folder, name="Other").tags == ("a", "b")
    assert annotate(folder, tags=[]).tags == ()
    assert read_record(folder).name == "Other"


def test_the_tags_of_many_runs_change_at_once(copied: Copy, store: Path) -> None:
    for run_id, tags in (("a", ["x", "old"]), ("b", []), ("c", ["y"])):
        annotate(copied(run_id), tags=tags)
    records = sorted(list_runs(store), key=lambda record: record.id)
    changed = change_tags(records[:2], add=["New", "x"], remove=["old", "never there"])
    assert [(record.id, record.tags) for record in changed] == [("a", ("new", "x")), ("b", ("new", "x"))]
    assert read_record(store / "c").tags == ("y",)


def test_a_refusal_changes_none(copied: Copy, store: Path, sentence: Sentence) -> None:
    annotate(copied("a"), tags=[])
    annotate(copied("b"), tags=[f"t{k}" for k in range(TAGS_LIMIT)])
    (store / "photos").mkdir()
    (store / "photos" / "cat.png").write_bytes(b"meow")
    a, b, photos = sorted(list_runs(store), key=lambda record: record.id)
    for records, add, remove, why in (
        ([a, b], ["one more"], [], f"at most {TAGS_LIMIT} tags"),
        ([a, b], ["x"], ["X"], "added and removed"),
        ([a, photos], ["x"], [], "not a run"),
        ([a], ["x", "y,z"], [], "comma"),
    ):
        with pytest.raises((ConfigError, CheckpointError), match=why) as error:
            change_tags(records, add=add, remove=remove)
        sentence(error.value)
        assert read_record(store / "a").tags == ()
    # removing makes room for one
    assert "one more" in change_tags([b], add=["one more"], remove=["t0"])[0].tags
    assert not (store / "photos" / "annotations.json").exists()


@pytest.mark.parametrize(
    "written, read",
    [
        (["B", "a", "a"], ("a", "b")),
        (["good", "", "a,b", "+x", 7, None, ["no"], "y" * 99], ("good",)),
        ([f"t{k:02}" for k in range(50)], tuple(f"t{k:02}" for k in range(TAGS_LIMIT))),
        ("text", ()),
        ({"a": 1}, ()),
        (None, ()),
        (3, ()),
    ],
)
def test_tags_by_another_hand_are_cleaned(written: object, read: tuple[str, ...], copied: Copy) -> None:
    folder = copied()
    (folder / "annotations.json").write_text(json.dumps({"tags": written, "note": "kept"}))
    record = read_record(folder)
    assert record.tags == read
    assert record.note == "kept"
    assert record.problems == ()
    assert set(change_tags([record], add=["x"], remove=read[:1])[0].tags) == {*read[1:], "x"}


def test_a_damaged_and_a_bundled_run_have_tags_too(copied: Copy, edit_document: Edit) -> None:
    edit_document(copied("a"), bundled=True)
    folder = copied("b")
    (folder / "run.json").write_text("{")
    for record in (read_record(folder.with_name("a")), read_record(folder)):
        assert change_tags([record], add=["seen"])[0].tags == ("seen",)


def test_the_stamp_follows_the_tags(copied: Copy) -> None:
    folder = copied()
    before = read_record(folder).stamp
    assert annotate(folder, tags=["a"]).stamp != before
