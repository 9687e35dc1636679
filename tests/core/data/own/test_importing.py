"""The process that reads a source: progress, interruption and resume, limits; and the commands around it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.cli import main
from core.data import catalog, own
from core.data.own import building
from core.data.own.building import build
from core.data.own.opening import open_source
from core.errors import ConfigError, DataError
from core.jobs import JobState
from tests.core.data.own.conftest import Adds, picture


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """150 small images in three classes, one of them broken."""
    generator = np.random.default_rng(0)
    for k in range(150):
        picture(tmp_path / "many" / "abc"[k % 3] / f"{k:03d}.png", generator.integers(0, 256, (4, 4)))
    (tmp_path / "many" / "b" / "004.png").write_bytes(b"broken")
    return tmp_path / "many"


def staged(path: Path, name: str = "mine") -> own.OwnSet:
    return own.stage(name, path, own.Options(), own.Limits(), look=False, builtin=())


class Killed(BaseException):
    """As if the process had been killed there."""


@pytest.mark.parametrize("stop", [1, 40, 64, 65, 149, 150])
def test_an_import_that_was_cut_off_goes_on_where_it_was(
    adds: Adds, many: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    whole_set = adds(many, name="whole")
    whole = whole_set.document
    monkeypatch.setattr(building, "CHUNK", 32)
    made = staged(many)

    def go(after: int | None) -> list[int]:
        request = own.find_own("mine").request
        read: list[int] = []

        def told(phase: str, done: int, total: int) -> None:
            if phase == "Reading":
                read.append(done)
                if done == after:
                    raise Killed

        build(made.folder, request, open_source(many, request.options, request.limits), told)
        return read

    with pytest.raises(Killed):
        go(stop)
    assert own.find_own("mine").state == "interrupted"
    assert "mine" not in catalog.names()
    assert not catalog.is_available("mine")
    read = go(None)
    assert read[0] == (stop - 1) // 32 * 32 + 1 if stop % 32 else stop - 31  # from the last note on
    document = own.find_own("mine").document
    assert whole is not None
    assert document is not None
    assert document.fingerprint == whole.fingerprint
    assert (
        own.left_out(own.find_own("mine"))
        == own.left_out(whole_set)
        == (("b/004.png", "is no PNG, JPEG, WEBP or BMP image"),)
    )
    assert sorted(path.name for path in made.folder.iterdir()) == [
        "data.json",
        "labels.npy",
        "left-out.json",
        "request.json",
        "values.npy",
    ]


def test_a_source_that_changed_is_read_anew(adds: Adds, many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "CHUNK", 32)
    made = staged(many)
    request = made.request

    def told(phase: str, done: int, total: int) -> None:
        if done == 100:
            raise Killed

    with pytest.raises(Killed):
        build(made.folder, request, open_source(many, request.options, request.limits), told)
    picture(many / "a" / "000.png", np.zeros((4, 4)))
    os.utime(many / "a" / "000.png", (1, 1))
    build(made.folder, request, open_source(many, request.options, request.limits), lambda *_: None)
    found, again = own.find_own("mine").document, adds(many, name="again").document
    assert found is not None
    assert again is not None
    assert found.fingerprint == again.fingerprint


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """24 images of a size that takes a while each."""
    noise = np.random.default_rng(0).integers(0, 256, (2500, 2500, 3)).astype(np.uint8)
    for k in range(24):
        path = tmp_path / "large" / f"{k}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.roll(noise, k, 0)).save(path, compress_level=1)
    return tmp_path / "large"


def test_a_process_that_is_killed_leaves_no_data_set_and_can_go_on(
    home: Path, large: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = own.stage("mine", large, own.Options.make({"size": 16}), own.Limits(), look=False, builtin=())
    seen: list[JobState] = []

    def kill(now: JobState) -> None:
        seen.append(now)
        if now.phase == "Reading" and now.done >= 1:
            os.kill(json.loads(made.job_files.status.read_text())["pid"], signal.SIGKILL)

    own.start(made)
    with pytest.raises(DataError, match="was cut off: `python -m core data resume mine` goes on"):
        own.wait(made, kill)
    assert seen[-1].total == 24
    assert "mine" not in catalog.names()
    assert main(["data", "resume", "mine", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["data"]["train"], told["data"]["test"]) == ("ready", 20, 4)
    assert main(["data", "resume", "mine"]) == 2
    assert "is complete" in capsys.readouterr().err


def test_the_command_adds_shows_trains_and_deletes(
    home: Path, pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pets / "dog" / "bad.jpg").write_bytes(b"no image")
    assert main(["data", "add", "pets", str(pets), "--look"]) == 0
    said = capsys.readouterr().out
    assert "Folder per class: 21 items, stored as images of 3x6x4." in said
    assert "dog/bad.jpg is no PNG" in said
    assert "Nothing was added." in said
    assert not list(home.glob("own-*"))

    assert main(["data", "add", "pets", str(pets), "--set", "size=8", "colour=grey", "test=0.5"]) == 0
    said = capsys.readouterr().out
    assert "Data set 'pets': 10 training and 10 test images of 1x8x8" in said
    assert "Left out, 1:" in said
    assert main(["data", "list"]) == 0
    assert "pets" in capsys.readouterr().out
    store = str(tmp_path / "store")
    words = ["dataset=pets", "epochs=1", "threads=1", "batch_size=4", "hidden=8"]
    assert main(["train", "digits-vae", "--set", *words, "--device", "cpu", "--store", store, "--json"]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert main(["evaluate", trained["id"], "--store", store]) == 0
    capsys.readouterr()

    assert main(["data", "add", "pets", str(pets)]) == 2
    assert "There is a data set 'pets' already" in capsys.readouterr().err
    assert main(["data", "delete", "pets"]) == 2  # nobody to ask
    assert main(["data", "delete", "pets", "--yes"]) == 0
    assert not list(home.glob("own-*"))
    capsys.readouterr()
    assert main(["evaluate", trained["id"], "--store", store]) == 1
    assert "There is no data set 'pets'" in capsys.readouterr().err


def test_limits_of_time_and_memory_hold(
    home: Path, large: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("resource")
    # the alarm falls into the decoding of an image, which must not take it for damage
    assert main(["data", "add", "late", str(large), "--set", "size=8", "--limit", "minutes=0.01"]) == 1
    assert "It took more than 0.01 minutes" in capsys.readouterr().err
    wide = np.zeros((3, 12_000, 12_000), np.uint8)  # 432 MB once unpacked, a row of it 144 MB
    np.savez_compressed(tmp_path / "wide.npz", images=wide)
    assert (
        main(["data", "add", "wide", str(tmp_path / "wide.npz"), "--limit", "memory=1", "--set", "size=8"])
        == 1
    )
    assert "It needs more than 1 GiB of memory" in capsys.readouterr().err
    assert own.list_own() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["../up", "."], "cannot be called '../up'"),
        (["UPPER", "."], "cannot be called 'UPPER'"),
        (["digits", "."], "There is a data set 'digits' already"),
        (
            ["ok", ".", "--set", "size=1"],
            "'size' cannot be '1': .*allowed: none, one side or HEIGHTxWIDTH, from 2 to 512",
        ),
        (["ok", ".", "--set", "shape=8"], "There is no setting 'shape': choose from size"),
        (
            ["ok", ".", "--set", "size"],
            "'size' is not key=value: write --set size=32, with the key one of size",
        ),
        (["ok", ".", "--limit", "memory=0"], "'memory' cannot be '0': .*allowed: numbers from 0.5 to 1024"),
        (["ok", ".", "--set", "fit=squeeze"], "'fit' cannot be 'squeeze': .*allowed: crop, pad, stretch"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_written(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    import re

    assert main(["data", "add", *words]) == 2
    assert re.search(said, capsys.readouterr().err)
    assert not list(home.glob("own-*"))


def test_damaged_files_of_a_data_set_are_told(adds: Adds, pets: Path) -> None:
    one = adds(pets)
    (one.folder / "values.npy").write_bytes(b"\x93NUMPY nothing")
    with pytest.raises(DataError, match="files of data set 'mine' cannot be read"):
        catalog.load("mine", "train")
    np.save(one.folder / "values.npy", np.zeros((2, 3, 6, 4), np.uint8))
    with pytest.raises(DataError, match=r"not what its data\.json says"):
        catalog.load("mine", "train")
    (one.folder / "data.json").write_text("{}")
    assert own.find_own("mine").state == "broken"
    assert "data.json is damaged" in str(own.find_own("mine").reason)
    (one.folder / "request.json").write_text("{")
    assert own.list_own() == []
    with pytest.raises(ConfigError, match="You added no data set 'mine' yet"):
        own.find_own("mine")


def test_what_is_stored_does_not_change_with_time(adds: Adds, pets: Path) -> None:
    first = adds(pets, name="first").document
    time.sleep(0.01)
    second = adds(pets, name="second", test=0.15).document
    third = adds(pets, name="third", seed=1).document
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.fingerprint == second.fingerprint != third.fingerprint


def test_what_cannot_be_started_leaves_no_name_behind(
    home: Path, pets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(own, "wait", stopped)
    assert main(["data", "add", "pets", str(pets), "--look"]) == 130
    assert own.list_own() == []
    assert "resume" not in capsys.readouterr().err  # a look is nothing to go on with
    odd = pets.parent / "caf\udce9"
    assert main(["data", "add", "pets", str(odd)]) == 2
    assert "is no UTF-8: rename" in capsys.readouterr().err
    assert not list(home.glob("own-*"))


def test_removing_what_another_process_is_starting_is_told_plainly(home: Path, many: Path) -> None:
    made = staged(many)
    own.start(made)
    number = json.loads(made.job_files.status.read_text())["pid"]
    os.kill(number, signal.SIGSTOP)  # it does not come to its lock
    # as the page in another process sees and removes it, which knows nothing of the one started here
    page = (
        "from core import jobs; from core.data import own; jobs.PATIENCE = 0.5; one = own.find_own('mine'); "
        "print(one.state); own.delete_own(one); print(own.list_own())"
    )

    def remove(now: JobState) -> None:
        if made.folder.exists():
            ran = subprocess.run([sys.executable, "-c", page], capture_output=True, text=True, check=True)
            assert ran.stdout.split() == ["running", "[]"]

    with pytest.raises(DataError, match="'mine' was removed while it was being read: add it again"):
        own.wait(made, remove)
    assert own.list_own() == []


def test_a_look_offers_columns_of_whole_numbers_as_labels(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.csv").write_text('length,"kind, new",count\n0.5,1,3\n1.5,2,4\n')
    assert main(["data", "add", "mine", str(tmp_path / "t.csv"), "--look"]) == 0
    said = capsys.readouterr().out
    assert "Columns that can be the label (--set label=...): 'kind, new', 'count'." in said


def test_what_is_not_complete_is_listed_and_shown_in_words(
    home: Path, pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    staged(pets, "cut")
    made = own.stage("seen", pets, own.Options(), own.Limits(), look=True, builtin=())
    building.work(made.folder)

    assert main(["data", "show", "seen"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Data set 'seen' was looked at, and is not added yet.",
        "`python -m core data resume seen` adds it, `python -m core data delete seen` removes it.",
    ]
    assert main(["data", "show", "cut"]) == 0
    assert (
        "Data set 'cut' was cut off before it was complete: nothing is added yet." in capsys.readouterr().out
    )
    assert main(["data", "list"]) == 0
    rows = {line.split()[0]: line.split()[1] for line in capsys.readouterr().out.splitlines() if line}
    assert (rows["digits"], rows["cut"], rows["seen"]) == ("embedded", "interrupted", "no")
    assert main(["data", "list", "--json"]) == 0
    states = {row["name"]: row["state"] for row in json.loads(capsys.readouterr().out)}
    assert states == {
        "digits": "ready",
        "mnist": "absent",
        "fashion-mnist": "absent",
        "moons": "ready",
        "swiss-roll": "ready",
        "cut": "interrupted",
        "seen": "looked",
    }
