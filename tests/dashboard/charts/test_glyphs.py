"""Vectors as glyphs: where the dot stands and how high the bars are, worked out by hand."""

import numpy as np

from dashboard.charts.glyphs import BAR, GROUND, glyphs, pictured, reading


def test_a_dot_stands_at_its_values_the_second_upwards() -> None:
    values = np.array([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5], [-3.0, 9.0], [np.nan, 0.5]], np.float32)
    found = glyphs(values, side=40)[:, 0]
    assert found.shape == (5, 40, 40)

    def centre(glyph: np.ndarray) -> tuple[float, float]:
        rows, columns = np.nonzero(glyph == 255)
        return float(rows.mean()), float(columns.mean())

    low, high = 0.09 * 40 - 0.5, 40 - 0.09 * 40 - 0.5  # the whole dot is inside
    np.testing.assert_allclose(centre(found[0]), (high, low), atol=0.5)
    np.testing.assert_allclose(centre(found[1]), (low, high), atol=0.5)
    np.testing.assert_allclose(centre(found[2]), (19.5, 19.5), atol=0.5)
    np.testing.assert_allclose(centre(found[3]), (low, low), atol=0.5)  # outside: at the border
    assert (found[4] == GROUND).all()


def test_other_vectors_are_bars() -> None:
    (bars,) = glyphs(np.array([[0.0, 0.5, 1.0, 0.25]]), side=8)[:, 0]
    heights = (bars == BAR).sum(0)
    assert heights.tolist() == [0, 0, 4, 4, 8, 8, 2, 2]
    assert (bars[4:, 2] == BAR).all()  # from the ground up
    assert set(np.unique(bars)) == {GROUND, BAR}


def test_images_are_left_as_they_are() -> None:
    images = np.zeros((2, 1, 3, 3), np.uint8)
    assert pictured(images) is images
    assert pictured(np.zeros((2, 1, 1, 5), np.float32)).shape == (2, 1, 28, 28)


def test_how_a_glyph_is_read_is_said_of_vectors_alone() -> None:
    assert reading((1, 28, 28)) == ""
    assert "dot" in reading((1, 1, 2))
    assert "Each of the 5 values is a bar" in reading((1, 1, 5))
