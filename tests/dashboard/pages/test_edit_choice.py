"""Which images the Edit page takes, headless: thumbnails, numbers, splits, nonsense, and data without labels."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import core
from dashboard.pages import _edit_images
from tests.dashboard.edit_page import (
    FASHION,
    NONSENSE,
    TWO,
    frames,
    gallery_items,
    linked,
    options,
    relabelled,
    trained,
)
from tests.dashboard.headless import captions, figures, healthy, open_page, words

__all__ = ["frames"]  # fixtures


def test_a_click_on_a_thumbnail_adds_and_removes_an_image(bundled_store: Path) -> None:
    at = healthy(open_page("edit", run=TWO, rows="21,24"))
    first, second = [item["id"] for item in gallery_items(at)][:2]
    for click, expected in (
        (first, f"21,24,{first}"),
        (second, f"21,24,{first},{second}"),
        (first, f"21,24,{second}"),
        (4711, f"21,24,{second}"),  # no such thumbnail
    ):
        at.session_state["edit-gallery"] = {"pick": {"id": click}}
        healthy(at.run())
        assert linked(at, "rows") == expected
    shown = {item["id"]: item["number"] for item in gallery_items(at)}
    assert shown[second] == 3
    assert shown[first] == 0


def test_toggling_keeps_one_image_and_takes_no_more_than_there_is_room_for() -> None:
    assert _edit_images.toggled([3, 5], 7) == [3, 5, 7]
    assert _edit_images.toggled([3, 5], 3) == [5]
    assert _edit_images.toggled([3], 3) == [3]
    full = list(range(_edit_images.MOST))
    assert _edit_images.toggled(full, 99) == full


@pytest.mark.parametrize(
    "text, rows",
    [
        ("3,17", [3, 17]),
        ("3 17;3", [3, 17]),
        ("", []),
        ("-4 x", [4]),
        ("9" * 5000 + " 21", [10**18, 21]),
    ],
)
def test_rows_are_read_from_any_text(text: str, rows: list[int]) -> None:
    assert _edit_images.rows_of(text) == rows


def test_numbers_that_are_not_there_are_named(bundled_store: Path) -> None:
    at = healthy(open_page("edit", run=TWO, rows="21,22,24"))
    assert "no image 22 among the test images of digits: their numbers are 21, 24, 28, ... " in words(at)
    assert linked(at, "rows") == "21,24"
    at = healthy(open_page("edit", run=TWO, rows="5"))
    assert "Some of its images are shown instead" in words(at)


def test_another_split_has_other_images(bundled_store: Path) -> None:
    at = open_page("edit", run=TWO, rows="21,24")
    at.segmented_control(key="of").set_value("train").run()
    healthy(at)
    stored = core.open_run(TWO).latents("train")
    rows = [int(one) for one in linked(at, "rows").split(",")]
    assert len(rows) == 4
    assert set(rows) <= set(stored.ids.tolist())
    assert "There is no" not in words(at)


def test_without_images_a_traversal_from_the_origin_is_drawn(
    bundled_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: dict[str, pd.DataFrame]
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    at = healthy(open_page("edit", run=FASHION))
    assert set(frames) == {"edit-traversal"}
    assert "not on this machine" in words(at)
    assert "Fetch fashion-mnist" in [button.label.replace("\\", "") for button in at.button]
    assert options(at, "start") == ["the origin, z = 0"]


@pytest.mark.parametrize(
    "settings", [{"latent": 1}, {"latent": 12}, {"family": "ae", "latent": 1}, {"family": "ae", "latent": 3}]
)
@pytest.mark.parametrize("way", ["straight", "spherical"])
def test_any_latent_size(
    store: Path, settings: dict[str, Any], way: str, frames: dict[str, pd.DataFrame]
) -> None:
    run = trained(store, **settings)
    at = healthy(open_page("edit", run=run.id, path=way))
    assert len(frames) == 4
    size = settings["latent"]
    assert len(frames["edit-traversal"]["dimension"].unique()) == min(size, 10)
    assert ("Dimensions" in [box.label for box in at.number_input]) == (size > 10)
    assert ("has no circle to turn" in words(at)) == (size == 1 and way == "spherical")


def test_nonsense_in_the_link_gives_the_defaults(
    bundled_store: Path, frames: dict[str, pd.DataFrame]
) -> None:
    at = healthy(open_page("edit", run=TWO, **NONSENSE))
    assert len(frames) == 3  # one image is no path
    assert linked(at, "rows") == "21"
    assert len(frames["edit-traversal"]["p_value"].unique()) == 11


def test_images_without_labels_have_attributes_by_selection_and_no_leakage(
    bundled_store: Path, frames: dict[str, pd.DataFrame]
) -> None:
    relabelled(bundled_store, np.array([-1]))
    at = healthy(open_page("edit", run=TWO, rows="21,24,28"))
    said = words(at)
    assert "Fewer than two labels" in said
    assert "Leakage onto other labels does not apply" in said
    assert figures(at) == []
    assert len(frames) == 4
    assert "label no label" not in captions(at)


def test_some_images_without_a_label_belong_to_no_group(bundled_store: Path) -> None:
    relabelled(bundled_store, np.array([-1, 3, 5]))
    at = healthy(open_page("edit", run=TWO, rows="21,24", **{"with": "3", "without": "others"}))
    assert "120 and 120 images" in captions(at)  # the 120 without a label are in neither


def test_a_damaged_file_is_a_sentence(bundled_store: Path) -> None:
    (bundled_store / TWO / "latents-test.npz").write_bytes(b"PK nonsense")
    at = open_page("edit", run=TWO)
    (error,) = at.error
    assert "latents-test" in error.value.replace("\\", "")
    assert not at.exception
