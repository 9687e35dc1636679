"""Arrays that memory does not allow: mapped from disk, with the same rows and the same scores."""

import gc
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core import encoding
from core.config import RunConfig
from core.data import images as images_module
from core.data import own, room
from core.data.images import ImageSet, split_validation
from core.data.own.building import build
from core.data.own.opening import open_source
from core.encoding import pixel_tensor
from core.errors import DataError
from core.runs import load_images
from core.training.run import train


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which an array may take 4 kB, read in blocks of 3 kB."""
    monkeypatch.setattr(room, "most_bytes", lambda: 4000)
    monkeypatch.setattr(room, "BLOCK_BYTES", 3000)


def mapped(array: np.ndarray) -> bool:
    while array is not None:
        if isinstance(array, np.memmap):
            return True
        array = array.base  # type: ignore[assignment]
    return False


def test_rows_are_the_same_and_small_ones_stay_in_memory(home: Path, narrow: None) -> None:
    array = np.random.default_rng(0).integers(0, 256, (100, 1, 8, 8)).astype(np.uint8)
    for count in (62, 63, 500):
        rows = np.random.default_rng(count).integers(0, 100, count)
        found = room.taken(array, rows)
        assert np.array_equal(found, array[rows])
        assert mapped(found) == (count * 64 > 4000)
    del found
    gc.collect()
    assert not list(home.iterdir())  # the file has no name


def test_no_space_is_told(home: Path, narrow: None) -> None:
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"could not be put into .*: free some space"):
        room.taken(np.zeros((100, 64), np.uint8), np.arange(100))


def test_validation_is_the_same_rows_whatever_the_memory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(1)
    images = ImageSet(
        "x",
        "train",
        generator.integers(0, 256, (200, 1, 8, 8)).astype(np.uint8),
        np.arange(200) % 3,
        np.arange(200),
        ("a", "b", "c"),
        "f",
    )
    calm = split_validation(images, share=0.1, seed=3)
    monkeypatch.setattr(room, "most_bytes", lambda: 4000)
    tight = split_validation(images, share=0.1, seed=3)
    for one, two in zip(calm, tight, strict=True):
        assert np.array_equal(one.pixels, two.pixels)
        assert np.array_equal(one.ids, two.ids)
    assert mapped(tight[0].pixels)
    assert not mapped(calm[0].pixels)


@pytest.mark.parametrize("pad", [None, 12])
def test_a_run_on_mapped_images_has_the_same_scores(
    home: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pad: int | None
) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (300, 8, 8, 3)).astype(np.uint8)
    np.savez(tmp_path / "rgb.npz", images=pixels, labels=np.arange(300) % 2)
    one = own.stage("rgb", tmp_path / "rgb.npz", own.Options(), own.Limits(), look=False, builtin=())
    build(
        one.folder,
        one.request,
        open_source(tmp_path / "rgb.npz", one.request.options, one.request.limits),
        lambda *_: None,
    )
    config = RunConfig.make(
        {
            "dataset": "rgb",
            "epochs": 2,
            "hidden": (8,),
            "threads": 1,
            "device": "cpu",
            "batch_size": 50,
            "pad": pad,
        }
    )

    def scores() -> Any:
        folder = train(config, store=store).record.folder
        found = json.loads((folder / "scores.json").read_text())
        return {name: value for name, value in found.items() if name != "id"}

    calm = scores()
    monkeypatch.setattr(room, "most_bytes", lambda: 4000)
    images = load_images(config, "train").pixels
    assert mapped(images)
    made: list[tuple[int, ...]] = []
    monkeypatch.setattr(encoding, "room", lambda shape, dtype: made.append(shape) or room.room(shape, dtype))
    tensor = pixel_tensor(images, config, torch.device("cpu"))
    if pad is None:
        assert tensor.data_ptr() == images.ctypes.data  # the mapped rows themselves
    else:
        assert made == [(len(images), 3, 12, 12)]
    assert scores() == calm


@pytest.mark.parametrize("how", ["thresholded", "drawn"])
def test_binary_pixels_are_the_same_whatever_the_memory(
    home: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    generator = np.random.default_rng(4)
    pixels = generator.integers(0, 256, (300, 1, 8, 8)).astype(np.uint8)
    ids = generator.permutation(500)[:300]
    whole = ImageSet("x", "train", pixels, np.zeros(300, np.int64), ids, ("a",), "f")
    calm = getattr(whole, how)().pixels
    assert set(np.unique(calm)) == {0, 255}
    monkeypatch.setattr(room, "most_bytes", lambda: 4000)
    monkeypatch.setattr(room, "BLOCK_BYTES", 3000)
    tight = getattr(whole, how)().pixels
    assert mapped(tight)
    assert not mapped(calm)
    assert np.array_equal(calm, tight)


def test_a_drawn_image_depends_on_its_row_alone_in_each_part_of_the_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pixels = np.full((40, 1, 8, 8), 128, np.uint8)
    whole = ImageSet("x", "train", pixels, np.zeros(40, np.int64), np.arange(40), ("a",), "f")
    first = whole.drawn().pixels
    monkeypatch.setattr(images_module, "DRAWN_BYTES", 10 * 64)  # ten rows a part
    parts = whole.drawn().pixels
    assert np.array_equal(
        parts[:10], first[:10]
    )  # the first part is what all rows were before there were parts
    assert len({part.tobytes() for part in np.split(parts, 4)}) == 4
    few = np.array([35, 3, 17, 12])
    assert np.array_equal(whole.select(few).drawn().pixels, parts[few])
