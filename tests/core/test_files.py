"""Files that are whole or absent, whatever fails on the way, and JSON without NaN."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from core.errors import CheckpointError
from core.files import atomic_write, one_line, parse_json, read_bytes, read_json, write_json
from core.store import create_folder
from tests.core.shared import Sentence


def _no_space(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_is_written_is_read(store: Path) -> None:
    path = store / "a.bin"
    for payload in (b"first", b"", os.urandom(100_000)):
        atomic_write(path, payload)
        assert path.read_bytes() == payload
        assert read_bytes(path, limit=100_000) == payload
        assert os.listdir(store) == ["a.bin"]


@pytest.mark.parametrize("call", ["replace", "fsync", "open"])
@pytest.mark.parametrize("before", [None, b"old"])
def test_a_failed_write_leaves_what_was_there_and_no_rubbish(
    call: str, before: bytes | None, store: Path, monkeypatch: pytest.MonkeyPatch, sentence: Sentence
) -> None:
    path = store / "a.bin"
    if before is not None:
        path.write_bytes(before)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, _no_space)
        with pytest.raises(CheckpointError, match=r"'a.bin' could not be written .* No space left") as error:
            atomic_write(path, b"new")
    assert "unchanged" in sentence(error.value)
    assert [p.read_bytes() for p in store.iterdir()] == ([] if before is None else [before])


def test_a_folder_that_cannot_be_flushed_does_not_hide_that_the_file_is_in_place(
    store: Path, monkeypatch: pytest.MonkeyPatch, sentence: Sentence
) -> None:
    path = store / "a.bin"
    path.write_bytes(b"old")
    fsync = os.fsync

    def refuse_folders(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EIO, "Input/output error")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    with pytest.raises(CheckpointError, match="Input/output error") as error:
        atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(store) == ["a.bin"]
    said = sentence(error.value)
    assert "'a.bin' is in place" in said
    for lie in ("could not be written", "unchanged"):
        assert lie not in said
    with pytest.raises(CheckpointError, match="'run-1' is in place") as error:
        create_folder(store, "run-1")
    assert (store / "run-1").is_dir()
    sentence(error.value)


def test_an_interrupted_write_leaves_what_was_there_and_no_rubbish(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store / "a.bin"
    path.write_bytes(b"old")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(store) == ["a.bin"]


def test_a_crash_before_the_rename_leaves_the_old_file(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of events: all bytes are flushed under another name before the old file is replaced."""
    path, events = store / "a.bin", []
    path.write_bytes(b"old")
    fsync, replace = os.fsync, os.replace

    def spy_fsync(handle: int) -> None:
        events.append(("fsync", path.read_bytes()))
        fsync(handle)

    def spy_replace(source: Path, target: Path) -> None:
        assert Path(source).parent == store  # a rename is atomic within one file system only
        events.append(("replace", Path(source).read_bytes()))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "replace", spy_replace)
    atomic_write(path, b"new")
    assert events == [("fsync", b"old"), ("replace", b"new"), ("fsync", b"new")]


def test_a_link_is_replaced_and_what_it_points_at_is_not(store: Path) -> None:
    target, path = store / "target", store / "link"
    target.write_bytes(b"mine")
    path.symlink_to(target)
    atomic_write(path, b"new")
    assert target.read_bytes() == b"mine"
    assert not path.is_symlink()


def test_a_folder_that_is_not_there_is_one_sentence(store: Path, sentence: Sentence) -> None:
    with pytest.raises(CheckpointError, match="No such file or directory") as error:
        atomic_write(store / "no" / "a.bin", b"")
    sentence(error.value)


def test_reading_is_bounded_and_follows_no_links(store: Path, sentence: Sentence) -> None:
    path = store / "a.bin"
    path.write_bytes(b"12345")
    assert read_bytes(path, limit=5) == b"12345"
    link = store / "link"
    link.symlink_to(path)
    for odd, limit, says in (
        (path, 4, "larger than the 4 bytes"),
        (link, 9, "'link' is missing"),
        (store, 9, "is missing"),
        (store / "none", 9, "'none' is missing"),
    ):
        with pytest.raises(CheckpointError, match=says) as error:
            read_bytes(odd, limit=limit)
        sentence(error.value)


def test_json_both_ways(store: Path) -> None:
    value = {"name": "Größe ☃ <b>", "numbers": [1, 2.5, None, True], "deep": {"a": {}}}
    write_json(store / "a.json", value)
    assert read_json(store / "a.json") == value
    assert json.loads((store / "a.json").read_text("utf-8")) == value


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_no_nan_is_ever_written(number: float, store: Path) -> None:
    write_json(store / "a.json", {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(store / "a.json", {"a": [number]})
    assert read_json(store / "a.json") == {"a": 1}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b'{"a": [Infinity]}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": [-1e400]}',
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[1]",
        b"null",
        b'"text"',
        b'{"a": ' + b"9" * 10_000 + b"}",
        b'{"a": 1} {}',
    ],
)
def test_what_is_no_json_object_is_one_sentence(payload: bytes, sentence: Sentence) -> None:
    with pytest.raises(CheckpointError, match=r"'run.json' (is damaged|holds no JSON object)") as error:
        parse_json(payload, "run.json")
    assert len(sentence(error.value)) < 400


def test_a_json_file_of_gigabytes_is_not_read(store: Path) -> None:
    path = store / "run.json"
    with path.open("wb") as file:
        file.truncate(2**33)  # sparse: takes no room
    with pytest.raises(CheckpointError, match="larger than"):
        read_json(path)


@pytest.mark.parametrize(
    "text, line",
    [
        ("plain", "plain"),
        ("two\nlines\tand  spaces ", "two lines and spaces"),
        ("\u202eevil\u202c", "evil"),
        ("bell\x07 null\x00", "bell null"),
        ("lone \udcff surrogate", "lone surrogate"),
        ("日本語 <b>", "日本語 <b>"),
        ("x" * 300, "x" * 197 + "..."),
        (ValueError("an error"), "an error"),
    ],
)
def test_foreign_text_becomes_one_line(text: object, line: str) -> None:
    assert one_line(text) == line
