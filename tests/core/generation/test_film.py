"""Sheets and films, opened again by Pillow."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from core.generation import film_gif, film_order, sheet_png

GREYS = (np.arange(5 * 12).reshape(5, 1, 3, 4) * 4).astype(np.uint8)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_a_film_keeps_every_grey_and_its_order_and_loops() -> None:
    film = opened(film_gif(GREYS, milliseconds=80, scale=2))
    assert film.format == "GIF"
    assert film.info["loop"] == 0  # for ever
    assert film.info["duration"] == 80
    frames = [np.array(frame.convert("L")) for frame in ImageSequence.Iterator(film)]
    assert len(frames) == 8  # 5 forth, and 3 back: neither end twice
    for frame, k in zip(frames, [0, 1, 2, 3, 4, 3, 2, 1], strict=True):
        np.testing.assert_array_equal(frame, GREYS[k, 0].repeat(2, 0).repeat(2, 1))


def test_floats_and_bytes_make_the_same_film() -> None:
    assert film_gif(GREYS) == film_gif(GREYS / np.float32(255))


def test_colours_stay_colours() -> None:
    pixels = np.zeros((2, 3, 4, 4), np.uint8)
    pixels[0, 0], pixels[1, 2] = 255, 255
    frames = [
        np.array(frame.convert("RGB"))
        for frame in ImageSequence.Iterator(opened(film_gif(pixels, there_and_back=False)))
    ]
    assert (frames[0] == (255, 0, 0)).all()
    assert (frames[1] == (0, 0, 255)).all()


@pytest.mark.parametrize("frames, back", [(1, [0]), (2, [0, 1]), (3, [0, 1, 2, 1]), (4, [0, 1, 2, 3, 2, 1])])
def test_the_order_of_a_film(frames: int, back: list[int]) -> None:
    assert film_order(frames, there_and_back=True).tolist() == back
    assert film_order(frames, there_and_back=False).tolist() == list(range(frames))


def test_a_sheet_has_its_images_where_it_says() -> None:
    images = GREYS[:4].reshape(2, 2, 1, 3, 4)
    sheet = np.array(opened(sheet_png(images, gap=3, scale=2)))
    assert sheet.shape == (2 * 6 + 3, 2 * 8 + 3)
    for r in range(2):
        for c in range(2):
            y, x = r * (6 + 3), c * (8 + 3)
            tile = sheet[y : y + 6, x : x + 8]
            np.testing.assert_array_equal(tile, images[r, c, 0].repeat(2, 0).repeat(2, 1))
    assert (sheet[6:9] == 255).all()
    assert (sheet[:, 8:11] == 255).all()


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 20 milliseconds"):
        film_gif(GREYS, milliseconds=10)
    for images in (GREYS[:0], GREYS[0]):
        with pytest.raises(ValueError, match="A film needs images"):
            film_gif(images)
    with pytest.raises(ValueError, match="A sheet needs images"):
        sheet_png(GREYS)
    with pytest.raises(ValueError, match="1 or 3 channels"):
        film_gif(np.zeros((2, 2, 3, 3), np.uint8))
