"""The figure of leakage: one line a label that any image went to, in per cent, the one meant first."""

import numpy as np

from dashboard.charts.leakage import leakage_figure, leakage_frame
from dashboard.theme import class_colour

STRENGTHS = np.array([-1.0, 0.0, 1.0])
LABELS = np.array([0, 2, 3])
MOVED = np.array([[0.25, 0, 0], [0, 0, 0], [0, 0.5, 0]])
NAMES = ("zero", "one", "<b>two</b>", "three")


def test_lines_are_shares_in_per_cent_in_the_colours_of_the_labels() -> None:
    figure = leakage_figure(STRENGTHS, LABELS, MOVED, class_names=NAMES, target=2, strength=1.0, dark=False)
    meant, leaked = figure.data
    assert meant.name == "&lt;b&gt;two&lt;/b&gt; (meant)"
    assert list(meant.y) == [0, 0, 50]
    assert meant.line.color == class_colour(2)
    assert meant.line.width > leaked.line.width
    assert leaked.name == "zero"
    assert list(leaked.y) == [25, 0, 0]
    assert [shape.x0 for shape in figure.layout.shapes] == [1.0]
    assert tuple(figure.layout.yaxis.range) == (0, 100)


def test_without_a_label_that_is_meant_all_are_alike() -> None:
    figure = leakage_figure(STRENGTHS, LABELS, MOVED, class_names=NAMES, target=None, strength=0.0, dark=True)
    assert {trace.line.width for trace in figure.data} == {1.8}
    assert "meant" not in "".join(trace.name for trace in figure.data)


def test_a_meant_label_is_drawn_even_if_no_image_goes_there() -> None:
    figure = leakage_figure(
        STRENGTHS, LABELS, np.zeros((3, 3)), class_names=NAMES, target=3, strength=0.0, dark=False
    )
    assert [trace.name for trace in figure.data] == ["three (meant)"]


def test_the_table_has_a_row_a_strength_and_label() -> None:
    frame = leakage_frame(STRENGTHS, LABELS, MOVED, class_names=NAMES)
    assert len(frame) == 9
    chosen = frame[(frame["strength"] == 1) & (frame["label"] == "<b>two</b>")]
    assert chosen["share_of_moved_images"].tolist() == [0.5]
