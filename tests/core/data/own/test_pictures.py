"""One image's bytes as pixels, against cases worked out by hand and Pillow itself."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from core.data.own import Limits, Options
from core.data.own.pictures import decoded, fitted, is_grey
from core.data.own.unfit import Unfit

LIMITS = Limits()


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(payload: bytes) -> np.ndarray:
    return np.asarray(decoded(payload, LIMITS))


@pytest.fixture(scope="module")
def colours() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True})])
def test_lossless_formats_keep_every_byte(colours: np.ndarray, kind: str, options: dict[str, bool]) -> None:
    assert np.array_equal(pixels(saved(Image.fromarray(colours), kind, **options)), colours)
    grey = Image.fromarray(colours[..., 0])
    found = decoded(saved(grey, kind, **options), LIMITS).convert("L")
    assert np.array_equal(np.asarray(found), colours[..., 0])


def test_jpeg_is_near(colours: np.ndarray) -> None:
    flat = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    assert np.abs(pixels(saved(Image.fromarray(flat), "JPEG", quality=95)).astype(int) - flat).max() <= 3


def test_sixteen_bits_are_divided_by_257() -> None:
    deep = np.array([[0, 257, 257 * 128], [65_535, 128, 129]], np.uint16)
    assert pixels(saved(Image.fromarray(deep))).tolist() == [[0, 1, 128], [255, 0, 1]]


def test_transparent_pixels_lie_over_black() -> None:
    clear = np.array([[[200, 100, 50, 0], [200, 100, 50, 255], [200, 100, 50, 128]]], np.uint8)
    # 128 / 255 of 200, 100, 50
    assert pixels(saved(Image.fromarray(clear))).tolist() == [[[0, 0, 0], [200, 100, 50], [100, 50, 25]]]
    grey = np.array([[[200, 0], [200, 255]]], np.uint8)
    image = decoded(saved(Image.fromarray(grey, "LA")), LIMITS)
    assert (image.mode, np.asarray(image).tolist()) == ("L", [[0, 200]])


def test_palette_and_one_bit_and_cmyk() -> None:
    indexed = Image.new("P", (2, 1))
    indexed.putpalette([9, 8, 7, 255, 0, 1])
    indexed.putdata([1, 0])
    assert pixels(saved(indexed)).tolist() == [[[255, 0, 1], [9, 8, 7]]]
    assert pixels(saved(Image.fromarray(np.array([[True, False]])))).tolist() == [[255, 0]]
    ink = Image.new("CMYK", (8, 8), (0, 0, 0, 255))
    assert pixels(saved(ink, "JPEG")).max() <= 2


def test_exif_turns_the_image_upright() -> None:
    turned = Image.fromarray(np.array([[0, 50, 100]], np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to see it upright
    assert pixels(saved(turned, "PNG", exif=exif)).tolist() == [[0], [50], [100]]


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"", "is empty"),
        (b"GIF89a and so on", "is no PNG, JPEG, WEBP or BMP image"),
        (saved(Image.new("RGB", (3, 3)), "GIF"), "is no PNG, JPEG, WEBP or BMP image"),
        (saved(Image.effect_noise((64, 64), 50))[:300], "is damaged"),
        (saved(Image.effect_noise((64, 64), 50), "JPEG")[:400], "is damaged"),
    ],
    ids=["empty", "text", "gif", "cut png", "cut jpeg"],
)
def test_what_cannot_be_used(payload: bytes, said: str) -> None:
    with pytest.raises(Unfit, match=said):
        decoded(payload, LIMITS)


@pytest.mark.parametrize(
    ("side", "said"),
    [
        (8_000, "has 8000 x 8000 pixels, more than the limit of 50,000,000"),
        (60_000, "more pixels than any image"),
    ],
)
def test_a_bomb_is_known_by_its_header(side: int, said: str) -> None:
    payload = bytearray(saved(Image.new("L", (1, 1))))
    payload[16:24] = side.to_bytes(4, "big") * 2  # width and height of the first chunk, IHDR
    payload[29:33] = zlib.crc32(payload[12:29]).to_bytes(4, "big")
    with pytest.raises(Unfit, match=said):
        decoded(bytes(payload), LIMITS)


def test_grey_is_told_from_colour(colours: np.ndarray) -> None:
    grey = np.repeat(colours[..., :1], 3, axis=2)
    assert is_grey(Image.fromarray(grey))
    grey[4, 6, 2] ^= 1
    assert not is_grey(Image.fromarray(grey))


def fit(image: np.ndarray, size: tuple[int, int], channels: int = 1, **options: object) -> np.ndarray:
    return fitted(Image.fromarray(image), Options.make(options), size=size, channels=channels)


def test_an_image_of_the_right_size_is_left_alone(colours: np.ndarray) -> None:
    assert np.array_equal(fit(colours, (5, 7), 3), colours.transpose(2, 0, 1))
    assert np.array_equal(fit(colours, (5, 7)), np.asarray(Image.fromarray(colours).convert("L"))[None])


def test_three_ways_to_fit_a_wide_image() -> None:
    """4 x 8: black, white in the middle square, black; to 4 x 4."""
    wide = np.zeros((4, 8), np.uint8)
    wide[:, 2:6] = 255
    assert (fit(wide, (4, 4), fit="crop") == 255).all()
    padded = fit(wide, (4, 4), fit="pad")[0]
    assert (padded[[0, 3]] == 0).all()  # borders above and below
    assert padded[1:3, 1:3].min() > 200
    stretched = fit(wide, (4, 4), fit="stretch")[0]
    assert stretched[:, 0].max() < 60
    assert stretched[:, 1:3].min() > 200


def test_a_square_is_cut_out_of_the_centre() -> None:
    image = np.arange(30).reshape(5, 6).astype(np.uint8)
    assert fit(image, (3, 3), crop=3)[0].tolist() == image[1:4, 1:4].tolist()
    with pytest.raises(Unfit, match="has 6 x 5 pixels, less than the 6 to be cut out"):
        fit(image, (3, 3), crop=6)
