"""Matrices and intervals: what is drawn is what was given."""

import numpy as np
import pytest

from dashboard.charts.intervals import Interval, interval_figure
from dashboard.charts.matrix import matrix_frame, matrix_table

GRID = np.array([[1.0, 0.25, np.nan], [0.25, 1.0, 0.5], [np.nan, 0.5, 1.0]])


def shown(values: object, names: list[str]) -> tuple[list[list[str]], list[list[dict[str, str]]]]:
    """Texts and styles of a table's cells, as Streamlit sends them."""
    table = matrix_table(values, names)
    table._compute()
    texts = [[table._display_funcs[row, column](value) for column, value in enumerate(line)]
             for row, line in enumerate(table.data.to_numpy())]  # fmt: skip
    styles = [[dict(table.ctx[row, column]) for column in range(len(names))] for row in range(len(names))]
    return texts, styles


def test_a_matrix_shows_its_numbers_on_the_colours_of_the_scale() -> None:
    texts, styles = shown(GRID, ["A", "B", "C"])
    assert texts == [["1.00", "0.25", ""], ["0.25", "1.00", "0.50"], ["", "0.50", "1.00"]]
    # the ends of Cividis (Nunez et al. 2018), with black on the light one and white on the dark one
    assert styles[0][0] == {
        "background-color": "rgb(254, 232, 56)",
        "color": "#000000",
        "text-align": "center",
    }
    assert styles[0][2] == {}
    _, ends = shown(np.zeros((1, 1)), ["A"])
    assert ends[0][0]["background-color"] == "rgb(0, 34, 78)"
    assert ends[0][0]["color"] == "#ffffff"


def test_a_matrix_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="must be square"):
        matrix_table(GRID, ["A", "B"])


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
