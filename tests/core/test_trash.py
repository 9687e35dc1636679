"""The trash: a run goes in and comes out whole, lies in exactly one place whatever happens, and frees what it says."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import CheckpointError
from core.runs import open_run
from core.store import (
    TRASH,
    annotate,
    delete_run,
    disk_use,
    find,
    list_runs,
    list_trash,
    purge,
    read_record,
    restore_run,
    size_text,
    why_not_deleted,
)
from tests.core.shared import Copy, Edit, Sentence


def contents(folder: Path) -> dict[str, bytes]:
    """All files but the lock, which whoever is killed while holding it leaves."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def ids(store: Path) -> tuple[list[str], list[str]]:
    """Ids of the runs, and of those in the trash."""
    return [record.id for record in list_runs(store)], [entry.id for entry in list_trash(store)]


# ---- there and back


def test_a_run_comes_back_as_it_was(copied: Copy, store: Path) -> None:
    folder = copied("mine-aaaaaa")
    copied("stays")
    annotate(folder, name="A name", note="A note", tags=["paper"], hidden=True)
    before, size = contents(folder), disk_use(folder)
    entry = delete_run(read_record(folder))
    assert not folder.exists()
    assert ids(store) == (["stays"], ["mine-aaaaaa"])
    assert list_trash(store) == [entry]
    assert (entry.record.name, entry.record.tags, entry.record.state) == ("A name", ("paper",), "finished")
    assert entry.size == size
    assert contents(entry.record.folder) == before
    record = restore_run(entry)
    assert (record.id, record.folder, record.note, record.hidden) == ("mine-aaaaaa", folder, "A note", True)
    assert contents(folder) == before
    assert list_trash(store) == []
    assert os.listdir(store / TRASH) == []
    assert open_run("mine-aaaaaa", store=store).decode([[0.0, 0.0]]).shape == (1, 1, 8, 8)


def test_the_time_of_deletion_is_told_in_utc_and_the_last_one_stands_first(copied: Copy, store: Path) -> None:
    delete_run(read_record(copied("a")))
    place = store / TRASH / "20250102T030405Z-abcdef"
    place.mkdir()
    copied("b").rename(place / "b")
    newest, oldest = list_trash(store)
    assert (newest.id, oldest.id) == ("a", "b")
    assert oldest.deleted == "2025-01-02T03:04:05+00:00"
    assert oldest.name == "20250102T030405Z-abcdef"


def test_a_trashed_run_is_no_run(copied: Copy, store: Path, sentence: Sentence) -> None:
    entry = delete_run(read_record(copied("mine-aaaaaa")))
    for run in ("mine-aaaaaa", entry.name, TRASH):
        with pytest.raises(CheckpointError, match="There is no run"):
            find(run, store)
    # opened by its path it can be looked into, but not be deleted a second time
    inside = read_record(find(entry.record.folder, store))
    with pytest.raises(CheckpointError, match="in the trash already") as error:
        delete_run(inside)
    sentence(error.value)
    assert ids(store) == ([], ["mine-aaaaaa"])


def test_an_id_that_is_taken_gives_way_to_a_new_one(copied: Copy, store: Path) -> None:
    first = copied("mine-aaaaaa")
    annotate(first, name="First")
    entry = delete_run(read_record(first))
    annotate(copied("mine-aaaaaa"), name="Second")
    record = restore_run(entry)
    assert record.id != "mine-aaaaaa"
    assert record.id.startswith("mine-aaaaaa-")
    assert {one.id: one.name for one in list_runs(store)} == {"mine-aaaaaa": "Second", record.id: "First"}
    assert open_run(record.id, store=store).name == "First"


@pytest.mark.parametrize("length", [1, 73, 80])
def test_a_new_id_is_an_id_however_long_the_old_one_is(length: int, copied: Copy, store: Path) -> None:
    long = "a" * length
    entry = delete_run(read_record(copied(long)))
    (store / long).write_text("a file in its place")
    assert restore_run(entry).state == "finished"


def test_the_same_id_twice(copied: Copy, store: Path) -> None:
    for name in ("First", "Second"):
        annotate(copied("mine-aaaaaa"), name=name)
        delete_run(read_record(store / "mine-aaaaaa"))
    assert {entry.record.name for entry in list_trash(store)} == {"First", "Second"}
    first = next(entry for entry in list_trash(store) if entry.record.name == "First")
    assert restore_run(first).id == "mine-aaaaaa"
    assert [entry.record.name for entry in list_trash(store)] == ["Second"]


@pytest.mark.parametrize("state", ["damaged", "newer", "interrupted"])
def test_a_broken_run_goes_and_comes_too(state: str, copied: Copy, edit_document: Edit, store: Path) -> None:
    folder = copied("mine-aaaaaa")
    if state == "damaged":
        (folder / "run.json").write_text("{")
    else:
        edit_document(folder, **({"format": 99} if state == "newer" else {"state": "running"}))
    entry = delete_run(read_record(folder))
    assert entry.record.state == state
    assert list_runs(store) == []
    assert restore_run(entry).state == state


# ---- for good


def test_emptying_frees_what_it_says_and_only_what_was_named(copied: Copy, store: Path) -> None:
    named = [delete_run(read_record(copied(one))) for one in ("a", "b")]
    later = delete_run(read_record(copied("c")))
    before = disk_use(store)
    freed = purge(named)
    assert freed == before - disk_use(store) == sum(entry.size for entry in named) > 0
    assert list_trash(store) == [later]
    assert purge(named) == 0  # gone already: nothing more is freed
    assert restore_run(later).id == "c"


def test_two_runs_of_one_entry_are_two(copied: Copy, store: Path) -> None:
    entry = delete_run(read_record(copied("a")))
    copied("b").rename(entry.record.folder.with_name("b"))
    both = {one.id: one for one in list_trash(store)}
    purge([both["a"]])
    assert restore_run(both["b"]).id == "b"


def test_what_is_not_in_the_trash_any_more_is_one_sentence(
    copied: Copy, store: Path, sentence: Sentence
) -> None:
    entry = delete_run(read_record(copied("a")))
    purge([entry])
    with pytest.raises(CheckpointError, match="no longer in the trash") as error:
        restore_run(entry)
    sentence(error.value)
    assert list_runs(store) == []


def test_what_is_not_ours_in_the_trash_stays(copied: Copy, store: Path, tmp_path: Path) -> None:
    entry = delete_run(read_record(copied("a")))
    trash = store / TRASH
    (trash / "photos").mkdir()
    (trash / "photos" / "cat.png").write_bytes(b"meow")
    (trash / "20259999T999999Z-abcdef").mkdir()
    (trash / "20250101T000000Z-abcdef").symlink_to(tmp_path)
    (trash / "20250101T000001Z-abcdef").write_text("a file")
    (entry.record.folder.parent / "Odd Name").mkdir()
    assert list_trash(store) == [entry]
    purge(list_trash(store))
    assert (trash / "photos" / "cat.png").exists()
    assert tmp_path.exists()
    assert list_trash(store) == []


def test_links_are_not_followed(copied: Copy, store: Path, tmp_path: Path, sentence: Sentence) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x" * 5000)
    folder = copied("a")
    size = disk_use(folder)
    (folder / "cache").mkdir(exist_ok=True)
    (folder / "cache" / "mine").symlink_to(tmp_path / "mine")
    (folder / "letter.txt").symlink_to(tmp_path / "mine" / "letter.txt")
    assert disk_use(folder) == size
    purge([delete_run(read_record(folder))])
    assert (tmp_path / "mine" / "letter.txt").exists()
    # the trash itself as a link: nothing goes through it
    shutil.rmtree(store / TRASH)
    (store / TRASH).symlink_to(tmp_path / "mine")
    folder = copied("b")
    for act in (lambda: delete_run(read_record(folder)), lambda: list_trash(store)):
        with pytest.raises(CheckpointError, match="links are not followed") as error:
            act()
        sentence(error.value)
    assert [record.id for record in list_runs(store)] == ["b"]
    assert os.listdir(tmp_path / "mine") == ["letter.txt"]


def test_why_not_deleted_says_what_delete_would(copied: Copy, edit_document: Edit) -> None:
    folder = copied("a")
    assert why_not_deleted(read_record(folder)) is None
    edit_document(folder, bundled=True)
    with pytest.raises(CheckpointError) as error:
        delete_run(read_record(folder))
    assert str(why_not_deleted(read_record(folder))) == str(error.value)


# ---- a crash between any two steps


class Killed(BaseException):
    """The process ends here."""


def kill_at(patch: pytest.MonkeyPatch, step: int, *, done: bool) -> None:
    """End at the n-th call that touches a folder or the disk, right before it or, if `done`, right after."""
    left = [step]

    def wrapped(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*words: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0 and not done:
                raise Killed
            try:
                return real(*words, **options)
            finally:
                if left[0] == 0:
                    raise Killed

        return call

    for name in ("mkdir", "rename", "replace", "rmdir", "unlink", "fsync"):
        patch.setattr(os, name, wrapped(name))


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("action", ["delete", "restore", "purge"])
def test_a_crash_leaves_a_run_in_one_place_and_whole(
    action: str, done: bool, copied: Copy, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied("mine-aaaaaa")
    whole = contents(store / "mine-aaaaaa")
    steps = 0
    while True:
        for one in list_trash(store):
            purge([one])
        shutil.rmtree(store / "mine-aaaaaa", ignore_errors=True)
        folder = copied("mine-aaaaaa")
        record = read_record(folder)
        entry = delete_run(record) if action != "delete" else None
        steps += 1
        with monkeypatch.context() as patch:
            kill_at(patch, steps, done=done)
            try:
                if entry is None:
                    delete_run(record)
                else:
                    (restore_run if action == "restore" else lambda one: purge([one]))(entry)
            except Killed:
                killed = True
            else:
                killed = False
        runs, trashed = ids(store)
        left = [*runs, *trashed]
        if action == "purge":
            assert runs == []
            assert left in ([], ["mine-aaaaaa"])
        else:
            assert left == ["mine-aaaaaa"]
        for place in (*list_runs(store), *(one.record for one in list_trash(store))):
            assert place.state == "finished"
            assert contents(place.folder) == whole
        if not killed:
            break
    assert steps > (4 if action == "purge" else 3)
    # what an interrupted purge left over goes with the next one
    purge([delete_run(read_record(copied("other")))])
    assert [name for name in os.listdir(store / TRASH) if name.startswith(".")] == []


# ---- disk use


def test_disk_use_is_the_bytes_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name, size in (("one", 10), ("a/two", 200), ("a/b/.three", 3000)):
        (tmp_path / name).write_bytes(b"x" * size)
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a")
    (tmp_path / "copy").symlink_to(tmp_path / "a" / "b" / ".three")
    assert disk_use(tmp_path) == 3210
    assert disk_use(tmp_path / "a" / "again") == 0
    assert disk_use(tmp_path / "nothing") == 0


@pytest.mark.parametrize(
    "size, text",
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1234, "1.23 kB"),
        (45_600, "45.6 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (7_400_000, "7.4 MB"),
        (12_345_678_901, "12.3 GB"),
        (10**15 * 3, "3,000 TB"),
    ],
)
def test_sizes_as_people_read_them(size: int, text: str) -> None:
    assert size_text(size) == text
