"""The store: which runs are listed, and how broken ones are"""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import store as stores
from core.errors import CheckpointError
from core.runs import open_run
from core.store import (
    NAME_LIMIT,
    annotate,
    append_history,
    list_runs,
    read_record,
    run_lock,
    sound_scores,
)
from tests.core.shared import Copy, Edit, Sentence


def test_a_store_that_is_not_there_or_empty_has_no_runs(tmp_path: Path, store: Path) -> None:
    assert list_runs(tmp_path / "nowhere") == []
    assert list_runs(store) == []
    (store / "file.txt").write_text("not a folder")
    (store / ".hidden").mkdir()
    (store / "_private").mkdir()
    (store / "empty").mkdir()
    (store / "dangling").symlink_to(store / "nothing")
    assert list_runs(store) == []


def test_the_default_store_is_the_environments(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stores.default_store() == store
    monkeypatch.delenv("VAESCOPE_STORE")
    assert stores.default_store() == Path(stores.__file__).parents[2] / "checkpoints"


def test_a_store_that_may_not_be_read_is_one_sentence(
    store: Path, monkeypatch: pytest.MonkeyPatch, sentence: Sentence
) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)  # root may read anything
    with pytest.raises(CheckpointError, match="cannot be read: Permission denied") as error:
        list_runs(store)
    sentence(error.value)


def test_a_run_is_listed_with_what_it_is(copied: Copy, store: Path) -> None:
    copied()
    (record,) = list_runs(store)
    assert (record.id, record.name, record.state, record.reason) == ("copy-1", "Small", "finished", None)
    assert record.readable
    assert not record.bundled
    assert record.config.epochs == 3
    assert record.scores is not None
    assert record.scores["test"]["images"] == 360
    assert record.document is not None
    assert (record.document.data.train, record.document.data.validation) == (1293, 144)
    assert record.problems == ()


def test_newest_first_and_broken_last(copied: Copy, edit_document: Edit, store: Path) -> None:
    for run_id, created in (("b", "2024-01-01T00:00:00+00:00"), ("c", "2025-01-01T00:00:00+00:00")):
        edit_document(copied(run_id), created=created)
    (copied("a") / "run.json").write_text("{")
    assert [record.id for record in list_runs(store)] == ["c", "b", "a"]


def _text(content: str | bytes) -> Callable[[Path, Edit], None]:
    payload = content if isinstance(content, bytes) else content.encode()
    return lambda folder, edit: (folder / "run.json").write_bytes(payload) and None


def _changed(**changes: Any) -> Callable[[Path, Edit], None]:
    return lambda folder, edit: edit(folder, **changes)


def _without(key: str) -> Callable[[Path, Edit], None]:
    def remove(folder: Path, edit: Edit) -> None:
        document = json.loads((folder / "run.json").read_text())
        del document[key]
        (folder / "run.json").write_text(json.dumps(document))

    return remove


def _no_weights(folder: Path, edit: Edit) -> None:
    (folder / "model-3.safetensors").unlink()


def _linked_document(folder: Path, edit: Edit) -> None:
    (folder / "run.json").rename(folder / "other.json")
    (folder / "run.json").symlink_to(folder / "other.json")


def _folder_for_document(folder: Path, edit: Edit) -> None:
    (folder / "run.json").unlink()
    (folder / "run.json").mkdir()


def _giant_document(folder: Path, edit: Edit) -> None:
    with (folder / "run.json").open("wb") as file:
        file.truncate(2**34)


def _no_document(folder: Path, edit: Edit) -> None:
    (folder / "run.json").unlink()


BROKEN: list[tuple[str, Callable[[Path, Edit], None], str, str]] = [
    ("empty", _text(""), "damaged", "damaged"),
    ("bad-json", _text('{"format": 1,'), "damaged", "damaged"),
    ("binary", _text(b"\xff\x00\x80"), "damaged", "damaged"),
    ("nan", _changed(parameters=float("nan")), "damaged", "NaN"),
    ("deep", _text("[" * 200_000), "damaged", "damaged"),
    ("list", _text("[1, 2]"), "damaged", "no JSON object"),
    ("no-config", _without("config"), "damaged", "'config'"),
    ("no-format", _without("format"), "damaged", "'format'"),
    ("no-data", _without("data"), "damaged", "'data'"),
    ("extra-key", _changed(surprise=1), "damaged", "'surprise'"),
    ("unknown-setting", _changed(config__gamma=2), "damaged", "gamma"),
    ("unknown-family", _changed(config__family="nvae"), "damaged", "nvae"),
    ("bad-setting", _changed(config__latent=-3), "damaged", "latent"),
    ("bad-state", _changed(state="sleeping"), "damaged", "state"),
    ("bad-epoch", _changed(epoch=-1), "damaged", "epoch"),
    ("path-weights", _changed(weights="../../model-3.safetensors"), "damaged", "weights"),
    ("absolute-weights", _changed(weights="/etc/passwd"), "damaged", "weights"),
    ("long-name", _changed(name="x" * 10_000), "damaged", "name"),
    ("long-key", _changed(**{"<b>" * 5000: 1}), "damaged", "<b>"),
    ("no-weights", _no_weights, "damaged", "model-3.safetensors is missing"),
    ("linked", _linked_document, "damaged", "missing"),
    ("folder", _folder_for_document, "damaged", "missing"),
    ("giant", _giant_document, "damaged", "larger"),
    ("newer", _changed(format=2, unheard_of={"a": 1}), "newer", "update VAEScope"),
    ("no-document", _no_document, "foreign", "no run.json"),
]


@pytest.mark.parametrize("name, break_it, state, says", [pytest.param(*row, id=row[0]) for row in BROKEN])
def test_a_broken_folder_is_listed_with_the_reason_and_harms_no_other(
    name: str,
    break_it: Callable[[Path, Edit], None],
    state: str,
    says: str,
    copied: Copy,
    edit_document: Edit,
    store: Path,
) -> None:
    copied("good")
    break_it(copied("bad"), edit_document)
    good, bad = (
        list_runs(store)
        if state != "damaged" or name != "no-weights"
        else sorted(list_runs(store), key=lambda record: record.id, reverse=True)
    )
    assert (good.id, good.state) == ("good", "finished")
    assert (bad.id, bad.state) == ("bad", state)
    assert bad.reason is not None
    assert says in bad.reason
    assert bad.reason.endswith(".")
    assert "\n" not in bad.reason
    assert len(bad.reason) < 500
    with pytest.raises(CheckpointError, match="Run 'bad' cannot be opened"):
        open_run("bad", store=store)
    open_run("good", store=store)


def test_all_broken_folders_at_once(copied: Copy, edit_document: Edit, store: Path) -> None:
    copied("good")
    for name, break_it, _, _ in BROKEN:
        break_it(copied(f"bad-{name}"), edit_document)
    records = {record.id: record for record in list_runs(store)}
    assert len(records) == len(BROKEN) + 1
    assert records["good"].state == "finished"
    for name, _, state, _ in BROKEN:
        assert records[f"bad-{name}"].state == state


@pytest.mark.parametrize(
    "name", [b"Upper", b"dot.ted", b"white space", "sch\u00f6n".encode(), b"not-\xff-text", b"x" * 200]
)
def test_a_folder_with_an_odd_name_is_foreign_and_can_be_shown(
    name: bytes, copied: Copy, store: Path
) -> None:
    copied("good")
    os.rename(copied("odd"), os.path.join(os.fsencode(store), name))
    records = list_runs(store)
    assert sorted(record.state for record in records) == ["finished", "foreign"]
    (odd,) = [record for record in records if record.state == "foreign"]
    for text in (odd.id, odd.name, odd.reason or ""):
        text.encode()  # a terminal, a browser and JSON want UTF-8
        assert len(text) <= 200


def test_a_folder_whose_name_reverses_the_text_is_shown_plainly(copied: Copy, store: Path) -> None:
    copied("odd").rename(store / "a\u202eb\nc")
    (odd,) = list_runs(store)
    assert (odd.state, odd.id, odd.name) == ("foreign", "ab c", "ab c")


def test_a_link_to_a_run_is_foreign(copied: Copy, store: Path, tmp_path: Path) -> None:
    copied().rename(tmp_path / "elsewhere")
    (store / "linked").symlink_to(tmp_path / "elsewhere")
    (record,) = list_runs(store)
    assert (record.state, record.id) == ("foreign", "linked")
    assert "link" in (record.reason or "")


@pytest.mark.parametrize("name", ["scores.json", "annotations.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": NaN}', "\x00"])
def test_a_damaged_side_file_is_a_problem_and_the_run_opens(
    name: str, content: str, copied: Copy, store: Path
) -> None:
    (copied() / name).write_text(content)
    (record,) = list_runs(store)
    assert record.state == "finished"
    (problem,) = record.problems
    assert name in problem
    open_run(record.id, store=store)


DAMAGED_SCORES = ["", "{", "[]", '{"a": NaN}', "\x00", '{"test": {"rate": "x"}}', '{"train": []}']


@pytest.mark.parametrize("content", DAMAGED_SCORES)
def test_damaged_scores_name_the_command_that_mends_them(
    content: str, copied: Copy, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied()
    (folder / "scores.json").write_text(content)
    (problem,) = read_record(folder).problems
    assert "`python -m core evaluate copy-1 --save` writes it anew." in problem
    assert "\n" not in problem
    # an id says nothing in another store, so that the path is given, as a shell takes it
    moved = tmp_path / "other store" / "copy-1"
    moved.parent.mkdir()
    folder.rename(moved)
    (problem,) = read_record(moved).problems
    (command,) = re.findall("`(.*)`", problem)
    assert shlex.split(command) == ["python", "-m", "core", "evaluate", str(moved), "--save"]


def test_scores_behind_a_link_or_too_large_name_it_too(copied: Copy, tmp_path: Path) -> None:
    path = copied() / "scores.json"
    path.rename(tmp_path / "scores.json")
    path.symlink_to(tmp_path / "scores.json")
    (problem,) = read_record(path.parent).problems
    assert problem.endswith("`python -m core evaluate copy-1 --save` writes it anew.")
    path.unlink()
    with path.open("wb") as file:
        file.truncate(2**33)
    (problem,) = read_record(path.parent).problems
    assert problem.endswith("`python -m core evaluate copy-1 --save` writes it anew.")


@pytest.mark.skipif(not shutil.which("git"), reason="bundled runs are mended by git")
def test_damaged_scores_of_a_bundled_run_are_brought_back_as_the_sentence_says(
    copied: Copy, edit_document: Edit, store: Path, tmp_path: Path
) -> None:
    folder = copied()
    edit_document(folder, bundled=True)
    sound = (folder / "scores.json").read_bytes()
    owner = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "."), (*owner, "commit", "-qm", "runs")):
        subprocess.run(["git", "-C", str(store), *words], check=True, capture_output=True)
    (folder / "scores.json").write_text("{")
    (problem,) = read_record(folder).problems
    assert "--save" not in problem
    (command,) = re.findall("`(.*)`", problem)
    subprocess.run(shlex.split(command), check=True, cwd=tmp_path)
    assert (folder / "scores.json").read_bytes() == sound
    assert read_record(folder).problems == ()


def test_damaged_scores_of_a_run_in_training_wait_for_its_end(copied: Copy, edit_document: Edit) -> None:
    folder = copied()
    edit_document(folder, state="running")
    (folder / "scores.json").write_text("{")
    with run_lock(folder):
        (problem,) = read_record(folder).problems
    assert problem.endswith("training writes it anew at its end.")


def test_sound_splits_are_read_from_between_damaged_ones(copied: Copy) -> None:
    folder = copied()
    path = folder / "scores.json"
    stored = json.loads(path.read_text())
    assert sound_scores(folder / "scores.json", latent=2) == {
        split: stored[split] for split in ("train", "validation", "test")
    }
    path.write_text(json.dumps({**stored, "train": {"rate": [1, 2, 3]}, "validation": 7}))
    assert sound_scores(folder / "scores.json", latent=2) == {"test": stored["test"]}
    for content in ("{", "[]"):
        path.write_text(content)
        assert sound_scores(folder / "scores.json", latent=2) == {}
    path.unlink()
    assert sound_scores(folder / "scores.json", latent=2) == {}


def test_annotations_by_another_hand_are_cleaned(copied: Copy) -> None:
    folder = copied()
    odd = {"name": "a\u202eb\n\ud800" + "x" * 10_000, "note": ["list"], "hidden": "yes", "more": {}}
    (folder / "annotations.json").write_text(json.dumps(odd))
    record = read_record(folder)
    assert record.name.startswith("ab xxx")
    assert len(record.name) <= NAME_LIMIT
    assert record.note == "['list']"
    assert record.hidden is False
    (folder / "annotations.json").write_text(json.dumps({"name": None, "note": "a\ud800b\u202e\nc"}))
    record = read_record(folder)
    assert (record.name, record.note) == ("Small", "ab\nc")


def test_the_stamp_changes_with_every_file_that_is_shown(copied: Copy, edit_document: Edit) -> None:
    folder = copied()
    stamps = [read_record(folder).stamp, read_record(folder).stamp]
    assert stamps[0] == stamps[1]
    annotate(folder, note="x")
    stamps.append(read_record(folder).stamp)
    append_history(folder, {"epoch": 4})
    stamps.append(read_record(folder).stamp)
    edit_document(folder, state="stopped")
    stamps.append(read_record(folder).stamp)
    (folder / "scores.json").unlink()
    stamps.append(read_record(folder).stamp)
    assert len(set(stamps)) == 5
