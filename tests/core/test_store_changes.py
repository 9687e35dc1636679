"""The store: names and notes, finding, deleting, locks and histories"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.errors import CheckpointError, ConfigError, LockedRun
from core.runs import open_run
from core.store import (
    ID_PATTERN,
    NOTE_LIMIT,
    annotate,
    append_history,
    create_folder,
    delete_run,
    find,
    is_locked,
    list_runs,
    new_id,
    read_history,
    read_record,
    run_lock,
)
from core.store.selections import save_selection
from core.training.queue import submit
from core.training.run import train
from tests.core.shared import NAMES, Copy, Edit, Sentence, Small

# ---- names and notes


@pytest.mark.parametrize("name", NAMES)
def test_an_id_is_safe_whatever_the_name(name: str, store: Path) -> None:
    run_id = new_id(name)
    assert ID_PATTERN.fullmatch(run_id)
    assert new_id(name) != run_id
    assert create_folder(store, run_id).parent == store


def test_ids_are_readable_and_bounded() -> None:
    assert new_id("Digits, beta 0.5").startswith("digits-beta-0-5-")
    assert new_id("Größe").startswith("gro")
    assert new_id("日本").startswith("run-")
    assert len(new_id("x" * 10_000)) < 60


def test_an_id_is_given_once_whatever_chance_says(
    store: Path, small: Small, still: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = iter("aaabbccdeeff")
    monkeypatch.setattr("core.store.names.secrets", SimpleNamespace(token_hex=lambda _: next(ends) * 6))
    made = [train(small(family="pca"), name="x", store=store).id for _ in range(2)]
    made += [submit(small(), name="x", store=store) for _ in range(3)]
    assert made == [f"x-{end * 6}" for end in "abcde"]
    rows = {"test": [1]}
    told = {"dataset": "digits", "fingerprint": "f", "rows": rows, "origin": "By hand.", "store": store}
    first, second = (save_selection(name=f"x{sign}", **told) for sign in "?!")
    assert (first.id, second.id) == ("x-eeeeee", "x-ffffff")


@pytest.mark.parametrize("run_id", ["../x", "a/b", "..", "", ".", "A", "a\n", "a" * 81, "/etc", "-a", "a-"])
def test_no_folder_is_made_from_a_typed_path(run_id: str, store: Path, sentence: Sentence) -> None:
    with pytest.raises(CheckpointError, match="is no run id") as error:
        create_folder(store, run_id)
    sentence(error.value)
    assert list(store.iterdir()) == []


def test_a_folder_is_made_once(store: Path, sentence: Sentence) -> None:
    create_folder(store, "a")
    with pytest.raises(CheckpointError, match="File exists") as error:
        create_folder(store, "a")
    sentence(error.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_display_name_is_data(name: str, copied: Copy, store: Path) -> None:
    record = annotate(copied(), name=name)
    visible = "".join(c for c in name if c.isprintable() or c.isspace())
    assert record.name == " ".join(visible.split())
    assert (record.id, record.folder) == ("copy-1", store / "copy-1")
    assert read_record(record.folder).name == record.name
    assert os.listdir(store) == ["copy-1"]


@pytest.mark.parametrize("name", ["", "   ", "\u202e\x00", "x" * 121, "x" * 10_000])
def test_a_name_that_is_empty_or_too_long_is_refused(name: str, copied: Copy, sentence: Sentence) -> None:
    folder = copied()
    with pytest.raises(ConfigError, match="A run's name") as error:
        annotate(folder, name=name)
    assert len(sentence(error.value)) < 200
    assert read_record(folder).name == "Small"
    assert not (folder / "annotations.json").exists()


def test_a_note_keeps_its_lines_and_has_a_limit(copied: Copy) -> None:
    folder = copied()
    note = "# title\n<img src=x onerror=alert(1)>\n\tשלום"
    assert annotate(folder, note=note).note == note
    with pytest.raises(ConfigError, match="at most 4000 characters, this one has 10000"):
        annotate(folder, note="x" * 10_000)
    assert read_record(folder).note == note
    assert annotate(folder, note="x" * NOTE_LIMIT).note == "x" * NOTE_LIMIT
    assert annotate(folder, note="").note == ""
    assert annotate(folder, note="lone \ud800, control \x1b[31m").note == "lone , control [31m"


def test_each_annotation_leaves_the_others_and_run_json_alone(copied: Copy) -> None:
    folder = copied()
    before = (folder / "run.json").read_bytes()
    annotate(folder, name="New")
    annotate(folder, note="Seen")
    record = annotate(folder, hidden=True)
    assert (record.name, record.note, record.hidden) == ("New", "Seen", True)
    assert annotate(folder, hidden=False).hidden is False
    assert (folder / "run.json").read_bytes() == before


# ---- finding


def test_a_run_is_found_by_id_and_by_path(copied: Copy, store: Path, tmp_path: Path) -> None:
    folder = copied()
    assert find("copy-1", store) == folder
    assert find(folder, tmp_path / "other") == folder.resolve()
    assert find(str(folder), tmp_path / "other") == folder.resolve()


@pytest.mark.parametrize(
    "run",
    [
        "../x",
        "..",
        "",
        "nothing",
        "copy-1/../copy-2",
        "/",
        "\x00",
        "a\x00b",
        "x" * 300,
        "x/" * 5000,
        "\ud800",
        "<b>",
    ],
)
def test_what_is_no_run_is_answered_with_those_there_are(
    run: str, copied: Copy, store: Path, sentence: Sentence
) -> None:
    copied()
    with pytest.raises(CheckpointError, match="There is no run") as error:
        find(run, store)
    text = sentence(error.value)
    assert "copy-1" in text
    text.encode()
    assert len(text) < 600


def test_an_empty_store_says_so(store: Path) -> None:
    with pytest.raises(CheckpointError, match="it is empty"):
        find("x", store)


# ---- deleting


def test_a_deleted_run_is_gone_whole(copied: Copy, store: Path) -> None:
    copied("stays")
    delete_run(read_record(copied()))
    assert [record.id for record in list_runs(store)] == ["stays"]
    assert sorted(os.listdir(store)) == [".trash", "stays"]


def test_a_damaged_run_can_be_deleted(copied: Copy, store: Path) -> None:
    folder = copied()
    (folder / "run.json").write_text("{")
    delete_run(read_record(folder))
    assert not folder.exists()


def test_a_bundled_run_is_hidden_and_never_deleted(
    copied: Copy, edit_document: Edit, sentence: Sentence
) -> None:
    folder = copied()
    edit_document(folder, bundled=True)
    with pytest.raises(CheckpointError, match="hide it instead") as error:
        delete_run(read_record(folder))
    sentence(error.value)
    assert annotate(folder, hidden=True).hidden
    assert read_record(folder).state == "finished"


def test_a_run_in_training_is_not_deleted(copied: Copy, edit_document: Edit, sentence: Sentence) -> None:
    folder = copied()
    with run_lock(folder), pytest.raises(LockedRun, match="being trained") as error:
        delete_run(read_record(folder))
    sentence(error.value)
    assert (folder / "run.json").exists()


def test_what_is_not_ours_is_not_deleted(copied: Copy, store: Path, tmp_path: Path) -> None:
    (store / "photos").mkdir()
    (store / "photos" / "cat.png").write_bytes(b"meow")
    copied("run").rename(tmp_path / "elsewhere")
    (store / "linked").symlink_to(tmp_path / "elsewhere")
    copied("x").rename(store / "Odd Name")
    records = list_runs(store)
    assert len(records) == 3
    for record in records:
        with pytest.raises(CheckpointError, match="not a run of VAEScope"):
            delete_run(record)
    assert (store / "photos" / "cat.png").exists()
    assert (tmp_path / "elsewhere" / "run.json").exists()
    assert (store / "Odd Name" / "run.json").exists()


def test_a_deletion_that_fails_is_one_sentence(
    copied: Copy, monkeypatch: pytest.MonkeyPatch, sentence: Sentence
) -> None:
    folder = copied()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(CheckpointError, match="Permission denied") as error:
        delete_run(read_record(folder))
    sentence(error.value)
    assert read_record(folder).state == "finished"


# ---- locks and states


def test_running_is_believed_only_while_the_lock_is_held(copied: Copy, edit_document: Edit) -> None:
    folder = copied()
    edit_document(folder, state="running")
    record = read_record(folder)
    assert record.state == "interrupted"
    assert "epoch 3" in (record.reason or "")
    with run_lock(folder):
        assert is_locked(folder)
        assert read_record(folder).state == "running"
    assert not is_locked(folder)
    assert read_record(folder).state == "interrupted"
    open_run(folder)


def test_the_lock_of_another_process_is_seen_and_its_death_too(copied: Copy, edit_document: Edit) -> None:
    folder = copied()
    edit_document(folder, state="running")
    script = (
        "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); "
        "print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert read_record(folder).state == "running"
        with pytest.raises(LockedRun):
            delete_run(read_record(folder))
    finally:
        process.kill()
        process.communicate()
    assert read_record(folder).state == "interrupted"


def test_a_finished_run_is_finished_whoever_holds_its_lock(copied: Copy) -> None:
    folder = copied()
    with run_lock(folder):
        assert read_record(folder).state == "finished"


def test_asking_for_the_lock_leaves_no_lock_file(copied: Copy) -> None:
    folder = copied()
    assert not is_locked(folder)
    assert not (folder / "lock").exists()


# ---- history


def test_history_is_what_was_appended(store: Path) -> None:
    rows = [{"epoch": 1, "train": {"rate": None}}, {"epoch": 2, "train": {"rate": 0.1}}]
    assert read_history(store) == []
    for row in rows:
        append_history(store, row)
    assert read_history(store) == rows


def test_a_line_still_being_written_is_left_out(store: Path) -> None:
    append_history(store, {"epoch": 1})
    with (store / "history.jsonl").open("a") as file:
        file.write('{"epoch": 2, "train"')
    assert read_history(store) == [{"epoch": 1}]


@pytest.mark.parametrize("line", ["{", "[]", '{"epoch": NaN}', "\udcff"])
def test_a_damaged_line_is_one_sentence(line: str, store: Path, sentence: Sentence) -> None:
    append_history(store, {"epoch": 1})
    with (store / "history.jsonl").open("ab") as file:
        file.write(line.encode(errors="surrogateescape") + b"\n")
    append_history(store, {"epoch": 3})
    with pytest.raises(CheckpointError, match=r"history\.jsonl") as error:
        read_history(store)
    sentence(error.value)


def test_no_nan_enters_the_history(store: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        append_history(store, {"epoch": 1, "train": float("nan")})
    assert read_history(store) == []


def test_a_copied_folder_under_another_name_is_a_run_of_that_id(copied: Copy, store: Path) -> None:
    shutil.move(copied(), store / "moved")
    (record,) = list_runs(store)
    assert record.id == "moved"
    assert open_run("moved", store=store).id == "moved"
