"""Errors as colours: each pixel where it belongs, the scale that its bar says, the average as a figure."""

import io

import numpy as np
import pytest
from PIL import Image

from dashboard.charts.errors import (
    BAR,
    bands_png,
    error_map_figure,
    error_map_frame,
    heat_colours,
    heat_limit,
)
from dashboard.charts.images import NUMBER_BAND


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def test_colours_run_from_dark_to_light_and_stop_at_the_end() -> None:
    values = np.array([[[0.0, 0.5], [1.0, 9.0]]])
    colours = heat_colours(values, limit=1.0)
    assert colours.shape == (1, 3, 2, 2)
    light = colours[0].sum(axis=0)
    assert light[0, 0] < light[0, 1] < light[1, 0] == light[1, 1]
    np.testing.assert_allclose(colours[0, :, 0, 0] * 255, (0, 32, 76), atol=3)  # Cividis begins dark blue
    np.testing.assert_allclose(colours[0, :, 1, 0] * 255, (255, 233, 69), atol=16)  # and ends yellow
    assert np.isnan(heat_colours(np.full((1, 1, 1), np.nan), limit=1)).all()
    for limit in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="above 0"):
            heat_colours(values, limit=limit)


@pytest.mark.parametrize(
    ("values", "limit"),
    [([0.0], 1.0), ([], 1.0), ([0.25], 0.25), ([0.251], 0.26), ([3.0], 3.0), ([0.00123], 0.0013)],
)
def test_the_end_of_the_scale_is_a_round_number_at_or_above_the_values(
    values: list[float], limit: float
) -> None:
    assert heat_limit(np.array(values)) == pytest.approx(limit)


def test_one_odd_pixel_does_not_darken_all_others() -> None:
    values = np.full(1000, 0.1)
    values[0] = 100
    assert heat_limit(values) == pytest.approx(0.1)


def test_each_image_of_a_row_stays_under_the_others_of_its_band() -> None:
    first = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1).repeat(4, 2).repeat(4, 3) * 10
    second = np.zeros((5, 3, 4, 4), np.uint8)
    second[:, 2] = first[:, 0] + 100
    picture = pixels(bands_png([first, second], labels=["a", "b"], heads=list("01234"), columns=3, gap=2))
    left = picture.shape[1] - 3 * (4 + 2) + 2
    band = NUMBER_BAND + 2 * (4 + 2) + 3 * 2
    assert picture.shape[0] == 2 * band - 4 * 2
    for k in range(5):
        x, y = left + (k % 3) * 6, (k // 3) * band + NUMBER_BAND
        assert tuple(picture[y, x]) == (10 * k, 10 * k, 10 * k, 255)
        assert tuple(picture[y + 6, x]) == (0, 0, 10 * k + 100, 255)
    assert picture[band + NUMBER_BAND, left + 2 * 6, 3] == 0  # nothing where the sixth would stand


def test_the_bar_says_its_ends() -> None:
    image = np.zeros((1, 1, 4, 4), np.uint8)
    plain = pixels(bands_png([image], labels=["a"], heads=["0"], columns=1))
    barred = pixels(bands_png([image], labels=["a"], heads=["0"], columns=1, limit=0.5))
    assert barred.shape[0] == plain.shape[0] + BAR
    strip = barred[-BAR + 12]
    colours = strip[(strip[:, 3] == 255) & (strip[:, 0] != 128)].astype(int).sum(axis=1)
    assert colours[2] < colours[len(colours) // 2] < colours[-3]


def test_rows_that_do_not_fit_are_refused() -> None:
    image = np.zeros((2, 1, 4, 4), np.uint8)
    with pytest.raises(ValueError, match="need a label each"):
        bands_png([image], labels=[], heads=["0", "1"], columns=2)
    with pytest.raises(ValueError, match="need a label each"):
        bands_png([image], labels=["a"], heads=["0"], columns=2)
    with pytest.raises(ValueError, match="one size"):
        bands_png([image, np.zeros((2, 1, 5, 5), np.uint8)], labels=["a", "b"], heads=["0", "1"], columns=2)
    assert pixels(bands_png([image[:0]], labels=["a"], heads=[], columns=2)).size


def test_the_average_map_has_row_0_at_the_top_and_says_its_unit() -> None:
    average = np.array([[0.0, 0.5], [1.0, 0.25]])
    figure = error_map_figure(average, images=1, dark=False)
    (heat,) = figure.data
    np.testing.assert_allclose(heat.z, average)
    assert figure.layout.yaxis.autorange == "reversed"
    assert heat.colorbar.title.text == "squared error per pixel"
    assert "1 image, lower is better" in figure.layout.title.subtitle.text
    assert error_map_frame(average).to_numpy().tolist() == [[0, 0, 0], [0, 1, 0.5], [1, 0, 1], [1, 1, 0.25]]
