"""The figure of class counts: a bar a class in its colour, images without a label last."""

import numpy as np

from dashboard.charts.counts import counts_figure, counts_frame
from dashboard.theme import UNLABELLED_COLOUR, class_colour

NAMES = ("zero", "<b>one</b>", "two")
LABELS = np.array([0, 2, 2, -1, 2])


def test_bars_are_counts_in_the_colours_of_the_classes() -> None:
    figure = counts_figure(LABELS, class_names=NAMES, dark=False)
    (bars,) = figure.data
    assert list(bars.y) == [1, 0, 3, 1]
    assert list(bars.marker.color) == [*(class_colour(k) for k in range(3)), UNLABELLED_COLOUR]
    assert list(figure.layout.xaxis.ticktext) == ["zero", "&lt;b&gt;one&lt;/b&gt;", "two", "no label"]
    assert "60.0 %" in bars.customdata[2]


def test_without_images_it_says_so() -> None:
    figure = counts_figure(np.zeros(0, np.int64), class_names=NAMES, dark=True)
    assert not figure.data
    assert figure.layout.annotations[0].text == "There is no image."


def test_the_table_has_names_as_they_are_and_shares_that_add_up() -> None:
    frame = counts_frame(LABELS, class_names=NAMES)
    assert frame["label"].tolist() == ["zero", "<b>one</b>", "two", "no label"]
    assert frame["images"].tolist() == [1, 0, 3, 1]
    assert frame["share"].sum() == 1
    assert counts_frame(np.array([1]), class_names=NAMES)["label"].tolist() == list(NAMES)
    assert counts_frame(np.array([-1, -1]), class_names=())["images"].tolist() == [2]


def test_of_very_many_classes_some_are_named_and_all_are_drawn() -> None:
    names = [f"class {k}" for k in range(200)]
    figure = counts_figure(np.arange(200), class_names=names, dark=False)
    assert len(figure.data[0].y) == 200
    assert figure.data[0].text is None
    assert figure.data[0].customdata[199].startswith("class 199")
    assert list(figure.layout.xaxis.ticktext) == names[::5]
    assert list(figure.layout.xaxis.tickvals) == list(range(0, 200, 5))
