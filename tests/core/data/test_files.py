"""The data folder, and downloads from mirrors that work, fail, lie, break off or never end."""

import gzip
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import astuple
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.data import catalog, files
from core.errors import DataError, DataMissing

# Fixtures `tiny` (a Tiny) and `start_mirror` stand in conftest.py.
StartMirror = Callable[[Callable[[BaseHTTPRequestHandler, str], None]], Any]

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
ALL_GZ = [f"{stem}.gz" for stem in (IMAGES, LABELS, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")]


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".fetch.lock")


def use(monkeypatch: pytest.MonkeyPatch, *mirrors: Any) -> None:
    monkeypatch.setattr(files, "MIRRORS", {"mnist": tuple(getattr(m, "url", m) for m in mirrors)})


def reply(status: int, content: bytes, *headers: tuple[str, str]) -> Callable[..., None]:
    def answer(handler: BaseHTTPRequestHandler, name: str) -> None:
        handler.send_response(status)
        for key, value in headers:
            handler.send_header(key, value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def test_the_folder_is_the_one_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path))
    assert catalog.data_folder() == tmp_path
    monkeypatch.setenv("VAESCOPE_DATA", "~/sets")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert catalog.data_folder() == tmp_path / "sets"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAESCOPE_DATA", "near")
    assert catalog.data_folder() == tmp_path / "near"


@pytest.mark.parametrize("value", [None, "", "  "])
def test_the_default_folder_lies_beside_core(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("VAESCOPE_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("VAESCOPE_DATA", value)
    assert catalog.data_folder() == Path(files.__file__).parents[2] / "data"


@pytest.mark.parametrize("form", ["{}", "{}.gz", "dotted {}", "dotted {}.gz"])
def test_each_form_of_a_file_is_found(tiny: Any, form: str) -> None:
    for name in tiny.arrays:
        content = tiny.raw(name)
        stem = name.replace("-idx", ".idx") if "dotted" in form else name
        gz = form.endswith(".gz")
        tiny.put(name, gzip.compress(content) if gz else content, as_name=stem + (".gz" if gz else ""))
    assert catalog.is_available("mnist")
    train = catalog.load("mnist", "train")
    np.testing.assert_array_equal(train.pixels[:, 0], tiny.arrays[IMAGES])
    assert train.labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert train.ids.tolist() == list(range(12))
    assert catalog.load("mnist", "test").labels.tolist() == [9, 8, 7, 6, 5]
    assert not train.pixels.flags.writeable


def test_missing_files_are_listed_with_the_remedy(tiny: Any) -> None:
    assert not catalog.is_available("mnist")
    with pytest.raises(DataMissing) as caught:
        catalog.load("mnist", "train")
    sentence = str(caught.value)
    assert f"'{tiny.folder}' lacks {IMAGES}.gz, {LABELS}.gz:" in sentence
    assert "run `python -m core data fetch mnist`" in sentence
    assert "put the official files into that folder" in sentence
    assert "VAESCOPE_DATA" in sentence

    tiny.put(IMAGES, tiny.raw(IMAGES))
    assert not catalog.is_available("mnist")
    with pytest.raises(DataMissing, match=f"lacks {LABELS}.gz:"):
        catalog.load("mnist", "train")


def test_a_folder_of_a_files_name_is_not_the_file(tiny: Any) -> None:
    (tiny.folder / IMAGES).mkdir(parents=True)
    with pytest.raises(DataMissing):
        catalog.load("mnist", "train")


def test_a_bad_copy_beside_a_good_one_does_no_harm(tiny: Any) -> None:
    tiny.put_all()
    tiny.put(IMAGES, b"unfinished")
    assert len(catalog.load("mnist", "train")) == 12
    tiny.put(IMAGES, b"", as_name=f"{IMAGES}.gz")
    with pytest.raises(DataError, match=rf"'{IMAGES}' in .* is truncated.*data fetch mnist"):
        catalog.load("mnist", "train")


def test_fetch_downloads_each_file_once(
    tiny: Any, start_mirror: StartMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror, second = start_mirror(tiny.serve), start_mirror(tiny.serve)
    use(monkeypatch, mirror, second)
    catalog.fetch("mnist")
    assert mirror.asked == ALL_GZ
    assert listing(tiny.folder) == sorted(ALL_GZ)
    assert len(catalog.load("mnist", "train")) == 12
    catalog.fetch("mnist")
    assert mirror.asked == ALL_GZ
    assert second.asked == []


def test_fetch_keeps_good_files_and_replaces_bad_ones(
    tiny: Any, start_mirror: StartMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.put_all()
    kept = tiny.put(IMAGES, tiny.raw(IMAGES), as_name="train-images.idx3-ubyte")
    (tiny.folder / f"{IMAGES}.gz").unlink()
    tiny.put(LABELS, b"\x1f\x8b broken", as_name=f"{LABELS}.gz")
    before = kept.stat()
    mirror = start_mirror(tiny.serve)
    use(monkeypatch, mirror)
    catalog.fetch("mnist")
    assert mirror.asked == [f"{LABELS}.gz"]
    assert (kept.stat().st_mtime_ns, kept.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert len(catalog.load("mnist", "train")) == 12


def test_progress_counts_the_bytes_of_each_file(
    tiny: Any, start_mirror: StartMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, start_mirror(tiny.serve))
    calls: list[tuple[int, int, str]] = []
    catalog.fetch("mnist", progress=lambda done, total, file: calls.append((done, total, file)))
    assert list(dict.fromkeys(file for _, _, file in calls)) == ALL_GZ
    for name in ALL_GZ:
        own = [(done, total) for done, total, file in calls if file == name]
        size = (tiny.folder / name).stat().st_size
        assert own[-1] == (size, size)
        assert [done for done, _ in own] == sorted(done for done, _ in own)


def test_progress_without_an_announced_size(
    tiny: Any, start_mirror: StartMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unannounced(handler: BaseHTTPRequestHandler, name: str) -> None:
        reply(200, gzip.compress(tiny.raw(name.removesuffix(".gz"))))(handler, name)

    use(monkeypatch, start_mirror(unannounced))
    last: dict[str, tuple[int, int]] = {}
    catalog.fetch("mnist", progress=lambda done, total, file: last.update({file: (done, total)}))
    assert last == {name: ((tiny.folder / name).stat().st_size, 0) for name in ALL_GZ}


def never_ends(handler: BaseHTTPRequestHandler, name: str) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(bytes(1 << 16))
    except OSError:
        pass


def silent(handler: BaseHTTPRequestHandler, name: str) -> None:
    time.sleep(0.5)


FAILING: dict[str, tuple[Callable[..., None], str]] = {
    "absent": (reply(404, b"no"), "HTTP status 404"),
    "broken server": (reply(503, b"no"), "HTTP status 503"),
    "a page instead": (reply(200, b"<html>log in</html>"), "is not a gzip file (it begins with b'<htm')"),
    "nothing": (reply(200, b"", ("Content-Length", "0")), "what it sends is empty"),
    "other content": (reply(200, gzip.compress(bytes(30000))), "has the wrong magic number"),
    "broken off": (reply(200, b"\x1f\x8b", ("Content-Length", "5000")), "the connection broke off"),
    "no end": (never_ends, "it sends more than the file can hold"),
    "silence": (silent, "no answer in time"),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_failing_mirror_moves_on_to_the_next(
    tiny: Any, start_mirror: StartMirror, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setattr(files, "READ_SECONDS", 0.2)
    bad, good = start_mirror(FAILING[case][0]), start_mirror(tiny.serve)
    use(monkeypatch, bad, good)
    tiny.put_all()
    (tiny.folder / f"{IMAGES}.gz").unlink()
    catalog.fetch("mnist")
    assert bad.asked == good.asked == [f"{IMAGES}.gz"]
    assert listing(tiny.folder) == sorted(ALL_GZ)
    assert len(catalog.load("mnist", "train")) == 12


@pytest.mark.parametrize("case", FAILING)
def test_when_all_mirrors_fail_one_sentence_says_what_was_tried(
    tiny: Any, start_mirror: StartMirror, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setattr(files, "READ_SECONDS", 0.2)
    answer, reason = FAILING[case]
    bad = start_mirror(answer)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}/mnist/"
        use(monkeypatch, bad, closed)
        with pytest.raises(DataError) as caught:
            catalog.fetch("mnist")
    sentence = str(caught.value)
    assert f"'{IMAGES}.gz'" in sentence
    assert bad.url in sentence
    assert reason in sentence
    assert f"{closed} (no connection)" in sentence
    assert "run `python -m core data fetch mnist` again" in sentence
    assert f"put the official file into '{tiny.folder}' by hand" in sentence
    assert "\n" not in sentence
    assert listing(tiny.folder) == []  # nothing half-done is left


def test_an_interrupted_download_leaves_nothing(
    tiny: Any, start_mirror: StartMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, start_mirror(tiny.serve))

    def interrupt(done: int, total: int, file: str) -> None:
        assert len(listing(tiny.folder)) == 1  # the temporary file lies in the same folder
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        catalog.fetch("mnist", progress=interrupt)
    assert listing(tiny.folder) == []
    catalog.fetch("mnist")
    assert catalog.is_available("mnist")


def test_what_a_killed_download_left_is_cleared_away_after_a_day(
    tiny: Any, start_mirror: StartMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tiny.put(IMAGES, b"half", as_name=f".{IMAGES}.1-aa.part.gz")
    young = tiny.put(IMAGES, b"half", as_name=f".{IMAGES}.2-bb.part.gz")
    os.utime(old, (time.time() - 2 * 24 * 3600,) * 2)
    use(monkeypatch, start_mirror(tiny.serve))
    catalog.fetch("mnist")
    assert not old.exists()
    assert young.exists()


def test_a_folder_that_cannot_be_made_gets_one_sentence(
    tiny: Any, start_mirror: StartMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.folder.parent.write_text("a file where the folder should be")
    use(monkeypatch, start_mirror(tiny.serve))
    with pytest.raises(DataError) as caught:
        catalog.fetch("mnist")
    assert f"cannot be stored in '{tiny.folder}'" in str(caught.value)
    assert "set VAESCOPE_DATA" in str(caught.value)


FETCH = """
import json, sys
from core.data import files
from core.data.idx import IdxFile
rows, url = json.loads(sys.argv[1])
files.FILES = {"mnist": tuple(IdxFile(d, n, tuple(s), h) for d, n, s, h in rows)}
files.MIRRORS = {"mnist": (url,)}
files.fetch("mnist")
"""


def test_processes_that_fetch_at_once_share_the_downloads(tiny: Any, start_mirror: StartMirror) -> None:
    def slow(handler: BaseHTTPRequestHandler, name: str) -> None:
        time.sleep(0.15)
        tiny.serve(handler, name)

    mirror = start_mirror(slow)
    told = json.dumps([[astuple(file) for file in tiny.files], mirror.url])
    root = Path(files.__file__).parents[2]
    both = [subprocess.Popen([sys.executable, "-c", FETCH, told], cwd=root) for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert mirror.asked == ALL_GZ
    assert listing(tiny.folder) == sorted(ALL_GZ)
    assert len(catalog.load("mnist", "train")) == 12


def test_a_complete_folder_is_not_written_to(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.put_all()
    use(monkeypatch, "http://127.0.0.1:9/never-asked/")
    catalog.fetch("mnist")
    assert sorted(os.listdir(tiny.folder)) == sorted(ALL_GZ)  # not even a lock: the folder may be read-only
