"""PNG pictures, decoded by Pillow and compared with the pixels that went in."""

import io

import numpy as np
import pytest
from PIL import Image

from dashboard.charts.images import (
    NUMBER_BAND,
    diff_png,
    image_frame,
    image_grid,
    lattice_png,
    rows_png,
    signed_colours,
)

RNG = np.random.default_rng(7)
GREY = RNG.integers(0, 256, (7, 1, 5, 4), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (4, 3, 5, 4), dtype=np.uint8)


def decode(data: bytes) -> np.ndarray:
    """Return PNG bytes as (height, width, 4)."""
    assert data.startswith(b"\x89PNG")
    return np.array(Image.open(io.BytesIO(data)).convert("RGBA"))


def test_grid_places_every_image_exactly() -> None:
    picture = decode(image_grid(GREY, columns=3, gap=2, scale=3))
    assert picture.shape == (3 * 15 + 2 * 2, 3 * 12 + 2 * 2, 4)
    for k in range(7):
        x, y = (k % 3) * 14, (k // 3) * 17
        tile = picture[y : y + 15, x : x + 12]
        expected = GREY[k, 0].repeat(3, axis=0).repeat(3, axis=1)
        assert np.array_equal(tile[..., 0], expected)
        assert (tile[..., 3] == 255).all()
    assert (picture[:, 12:14, 3] == 0).all()  # the gap shows the page
    assert (picture[34:, 14:, 3] == 0).all()  # and so do the two missing places


def test_grid_of_colour_images() -> None:
    picture = decode(image_grid(COLOUR, columns=2, gap=0))
    assert np.array_equal(picture[5:10, 4:8, :3], COLOUR[3].transpose(1, 2, 0))
    assert np.array_equal(picture[0:5, 4:8, :3], COLOUR[1].transpose(1, 2, 0))


def test_floats_are_rounded_and_clipped_and_nan_is_transparent() -> None:
    image = np.array([0.0, 1.0, 0.5, -3.0, 7.0, np.nan], dtype=np.float32).reshape(1, 1, 2, 3)
    picture = decode(image_grid(image, columns=1))
    assert picture[..., 0].ravel().tolist()[:5] == [0, 255, 128, 0, 255]
    assert picture[..., 3].ravel().tolist() == [255] * 5 + [0]


def test_uint8_over_255_is_the_same_picture() -> None:
    assert image_grid(GREY / 255, columns=3) == image_grid(GREY, columns=3)


def test_numbers_stand_above_and_leave_pixels_alone() -> None:
    big = GREY.repeat(6, axis=2).repeat(6, axis=3)
    picture = decode(image_grid(big, columns=4, numbers=True, gap=1))
    for k in range(7):
        x, y = (k % 4) * 25, (k // 4) * (31 + NUMBER_BAND) + NUMBER_BAND
        assert np.array_equal(picture[y : y + 30, x : x + 24, 0], big[k, 0])
        assert picture[y - NUMBER_BAND : y, x : x + 24, 3].max() > 100  # there is ink
    # Two grids that count from elsewhere differ in the bands alone.
    other = decode(image_grid(big, columns=4, numbers=True, gap=1, first=5))
    changed = np.flatnonzero((picture != other).any(axis=(1, 2)))
    assert len(changed)
    assert set(changed // (31 + NUMBER_BAND)) == {0, 1}
    assert (changed % (31 + NUMBER_BAND) < NUMBER_BAND).all()


def test_lattice_tile_stands_in_its_row_and_column() -> None:
    tiles = np.zeros((3, 3, 1, 2, 2), dtype=np.float32)
    tiles[0, 2] = 1.0  # top right
    tiles[2, 0] = 0.2  # bottom left
    picture = decode(lattice_png(tiles, scale=2))
    assert picture.shape == (12, 12, 4)
    assert (picture[0:4, 8:12, 0] == 255).all()
    assert (picture[8:12, 0:4, 0] == 51).all()
    assert picture[..., 0].sum() == 16 * 255 + 16 * 51
    assert (picture[..., 3] == 255).all()


def test_lattice_of_colour_needs_no_square() -> None:
    tiles = RNG.integers(0, 256, (2, 5, 3, 4, 3), dtype=np.uint8)
    picture = decode(lattice_png(tiles))
    assert picture.shape == (8, 15, 4)
    assert np.array_equal(picture[4:8, 9:12, :3], tiles[1, 3].transpose(1, 2, 0))


def test_rows_stack_one_under_another() -> None:
    picture = decode(rows_png([GREY[:3], GREY[3:5]], gap=1, scale=2))
    assert picture.shape == (21, 26, 4)
    assert np.array_equal(picture[11:21:2, 9:17:2, 0], GREY[4, 0])
    assert (picture[11:, 18:, 3] == 0).all()


def test_rows_of_unequal_labels_stand_in_line() -> None:
    row = np.full((1, 1, 4, 4), 200, np.uint8)
    lone, roomy, long = (
        decode(rows_png([row], labels=[label], room_for=room))
        for label, room in (("A", ()), ("A", ["A - original"]), ("A - original", ()))
    )
    assert lone.shape[1] < roomy.shape[1] == long.shape[1]
    assert (roomy[:4, -4:, 0] == 200).all()
    assert decode(rows_png([row], room_for=["A - original"])).shape[1] == 4  # no labels, no room for any


def test_rows_mix_grey_and_colour_and_take_labels() -> None:
    plain = decode(rows_png([COLOUR, GREY[:4]]))
    assert np.array_equal(plain[0:5, 6:10, :3], COLOUR[1].transpose(1, 2, 0))
    assert np.array_equal(plain[7:12, 6:10, 1], GREY[1, 0])
    labelled = decode(rows_png([COLOUR, GREY[:4]], labels=["β 4\nx", "original"]))
    left = labelled.shape[1] - plain.shape[1]
    assert left > 20
    assert np.array_equal(labelled[:5, left:], plain[:5])
    assert labelled[:, : left - 5, 3].max() > 100


def test_error_map_is_white_at_zero_and_signed() -> None:
    original = np.full((1, 1, 1, 3), 0.5)
    other = np.array([0.5, 1.0, 0.0]).reshape(1, 1, 1, 3)
    zero, bright, dark = decode(diff_png(original, other, columns=1, limit=0.5))[0, :, :3]
    assert zero.tolist() == [255, 255, 255]
    assert bright.tolist() == [178, 24, 43]
    assert dark.tolist() == [33, 102, 172]
    half = decode(diff_png(original, other, columns=1, limit=1.0))[0, 1, :3]
    assert half.tolist() == pytest.approx([(255 + c) / 2 for c in (178, 24, 43)], abs=1)


def test_error_map_of_uint8_equals_that_of_floats() -> None:
    assert diff_png(GREY, GREY[::-1], columns=3) == diff_png(GREY / 255, GREY[::-1] / 255, columns=3)


def test_nothing_gives_a_picture_that_says_so() -> None:
    nothing = GREY[:0]
    for data in (
        image_grid(nothing, columns=3),
        rows_png([]),
        rows_png([nothing]),
        lattice_png(np.zeros((0, 0, 1, 8, 8), dtype=np.uint8)),
        diff_png(nothing, nothing, columns=2),
    ):
        assert decode(data)[..., 3].max() > 100


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: image_grid(GREY[0], columns=1), r"\(1, 5, 4\)"),
        (lambda: image_grid(GREY.repeat(2, axis=1), columns=1), r"\(7, 2, 5, 4\)"),
        (lambda: image_grid(GREY.astype(np.int64), columns=1), "int64"),
        (lambda: image_grid(GREY, columns=0), "not 0"),
        (lambda: image_grid(GREY, columns=1, scale=0), "not 0"),
        (lambda: lattice_png(GREY), r"\(7, 1, 5, 4\)"),
        (lambda: rows_png([GREY, GREY[:, :, :4]]), "one size"),
        (lambda: rows_png([GREY], labels=[]), "1 rows and 0 labels"),
        (lambda: diff_png(GREY, GREY[:2], columns=1), "alike"),
        (lambda: diff_png(GREY, GREY, columns=1, limit=0), "above 0"),
        (lambda: image_frame(GREY[0]), "must be"),
    ],
)
def test_misfits_are_named(call, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_frame_names_every_pixel() -> None:
    frame = image_frame(COLOUR, ids=[40, 41, 42, 43])
    assert list(frame.columns) == ["image", "row", "column", "channel", "value"]
    assert len(frame) == COLOUR.size
    line = frame[(frame.image == 42) & (frame.row == 4) & (frame.column == 1) & (frame.channel == 2)]
    assert line.value.tolist() == [COLOUR[2, 2, 4, 1]]
    assert image_frame(GREY).image.max() == 6


def test_signed_colours_are_blue_white_and_red() -> None:
    differences = np.array([-0.5, 0.0, 0.5, 0.25, np.nan]).reshape(5, 1, 1, 1)
    colours = signed_colours(differences, limit=0.5)
    assert colours.shape == (5, 3, 1, 1)
    np.testing.assert_allclose(colours[0].ravel() * 255, [33, 102, 172])
    np.testing.assert_allclose(colours[1].ravel(), 1)
    np.testing.assert_allclose(colours[2].ravel() * 255, [178, 24, 43])
    np.testing.assert_allclose(colours[3].ravel() * 255, [(255 + one) / 2 for one in (178, 24, 43)])
    assert np.isnan(colours[4]).all()
    with pytest.raises(ValueError, match="above 0"):
        signed_colours(differences, limit=0)
