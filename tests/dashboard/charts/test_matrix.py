"""Matrices and intervals: what is drawn is what was given."""

import numpy as np
import pytest

from dashboard.charts.intervals import Interval, interval_figure
from dashboard.charts.matrix import matrix_frame, matrix_heatmap

GRID = np.array([[1.0, 0.25, np.nan], [0.25, 1.0, 0.5], [np.nan, 0.5, 1.0]])


def test_a_matrix_shows_its_numbers_from_the_top_left() -> None:
    figure = matrix_heatmap(GRID, ["A", "B", "C"], title="CKA", subtitle="1 the same", dark=True)
    (trace,) = figure.data
    np.testing.assert_array_equal(trace.z, GRID.astype(np.float32))
    assert [list(row) for row in trace.text] == [
        ["1.00", "0.25", ""],
        ["0.25", "1.00", "0.50"],
        ["", "0.50", "1.00"],
    ]
    assert (trace.zmin, trace.zmax) == (0, 1)
    assert list(figure.layout.yaxis.ticktext) == ["A", "B", "C"]
    low, high = figure.layout.yaxis.range
    assert low > high  # the first row is at the top
    assert figure.layout.title.subtitle.text == "1 the same"


def test_names_are_never_markup() -> None:
    figure = matrix_heatmap(np.eye(2), ["<b>x</b>", "B"], title="CKA", subtitle="", dark=False)
    assert figure.layout.yaxis.ticktext[0] == "&lt;b&gt;x&lt;/b&gt;"
    assert figure.data[0].customdata[0][1] == "&lt;b&gt;x&lt;/b&gt; and B"


def test_a_matrix_that_does_not_fit_is_refused_and_an_empty_one_says_so() -> None:
    with pytest.raises(ValueError, match="must be square"):
        matrix_heatmap(GRID, ["A", "B"], title="CKA", subtitle="", dark=True)
    empty = matrix_heatmap(np.full((2, 2), np.nan), ["A", "B"], title="CKA", subtitle="", dark=True)
    assert not empty.data
    assert "nothing to compare" in empty.layout.annotations[0].text


def test_matrices_as_one_table() -> None:
    frame = matrix_frame({"cka": GRID, "overlap": GRID + 1}, ["A", "B", "C"])
    assert len(frame) == 9
    line = frame[(frame["first"] == "B") & (frame["second"] == "C")].iloc[0]
    assert (line["cka"], line["overlap"]) == (0.5, 1.5)


INTERVALS = [
    Interval("B", "Distortion D", 2.0, 1.5, 2.25),
    Interval("B", "Rate R", -1.0, -1.5, -0.75),
    Interval("C", "Distortion D", 0.5, None, None),
]


def test_intervals_reach_from_their_low_to_their_high_end() -> None:
    figure = interval_figure(INTERVALS, title="A minus each run", x_title="nats per image", dark=True)
    distortion, rate = figure.data
    assert list(distortion.x) == [2.0, 0.5]
    assert list(distortion.y) == [0, 2]
    assert list(distortion.error_x.array) == [0.25, 0.0]
    assert list(distortion.error_x.arrayminus) == [0.5, 0.0]
    assert list(rate.x) == [-1.0]
    assert list(rate.error_x.arrayminus) == [0.5]
    assert list(figure.layout.yaxis.ticktext) == ["B", "B", "C"]
    assert figure.layout.shapes[0].x0 == figure.layout.shapes[0].x1 == 0


def test_no_interval_says_so() -> None:
    figure = interval_figure([], title="A minus each run", x_title="nats per image", dark=False)
    assert not figure.data
    assert "no difference" in figure.layout.annotations[0].text
