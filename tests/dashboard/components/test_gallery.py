"""The gallery: the picture that it sends, and which clicks it believes."""

import base64
import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dashboard.components.gallery import _sheet, gallery, read_pick


def opened(address: str) -> np.ndarray:
    kind, _, payload = address.partition(",")
    assert kind == "data:image/png;base64"
    return np.array(Image.open(io.BytesIO(base64.b64decode(payload))))


def test_the_sheet_holds_the_images_below_one_another() -> None:
    images = (np.arange(3 * 4 * 5).reshape(3, 1, 4, 5) * 4).astype(np.uint8)
    np.testing.assert_array_equal(opened(_sheet(images)), images[:, 0].reshape(12, 5))
    np.testing.assert_array_equal(opened(_sheet(images / np.float32(255))), images[:, 0].reshape(12, 5))


def test_colours_keep_their_channels() -> None:
    images = np.zeros((2, 3, 2, 2), np.uint8)
    images[0, 0], images[1, 2] = 255, 200
    sheet = opened(_sheet(images))
    assert sheet.shape == (4, 2, 3)
    assert (sheet[:2] == (255, 0, 0)).all()
    assert (sheet[2:] == (0, 0, 200)).all()


@pytest.mark.parametrize(
    "event, expected",
    [
        (None, None),
        ({"id": 7, "click": 5}, (7, 5)),
        ({"id": 7, "click": "5"}, (7, 0)),
        ({"id": 8}, None),
        ({"id": "7"}, None),
        ({"id": True}, None),
        ({}, None),
        ("7", None),
    ],
)
def test_a_click_names_a_thumbnail_that_is_there(event: Any, expected: tuple[int, int] | None) -> None:
    assert read_pick(SimpleNamespace(pick=event), [1, 7]) == expected


def test_each_image_has_its_own_id_and_name() -> None:
    images = np.zeros((2, 1, 4, 4), np.uint8)
    for ids, names in (([1], ["a"]), ([1, 1], ["a", "b"]), ([1, 2], ["a"])):
        with pytest.raises(ValueError, match="need as many different ids"):
            gallery(images, ids=ids, names=names, chosen=[], key="g", label="all")
