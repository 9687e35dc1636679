"""The histogram of activations, against counts by hand."""

import numpy as np
import pytest

from dashboard.charts.activations import BINS, activation_figure, activation_frame


def test_each_activation_is_counted_once_at_its_height() -> None:
    codes = np.array([[0.01, 0.02, 0.99], [0.5, 1.0, 0.0]])
    table = activation_frame(codes)
    assert len(table) == BINS
    assert table["activations"].sum() == 6
    assert table["activations"].iloc[0] == 3  # 0, 0.01 and 0.02
    assert table["activations"].iloc[-1] == 2  # 0.99 and 1
    assert table["share"].sum() == pytest.approx(1)


@pytest.mark.parametrize("dark", [True, False])
def test_the_figure_holds_the_shares_in_percent(dark: bool) -> None:
    codes = np.random.default_rng(0).random((50, 4))
    figure = activation_figure(codes, target=0.05, dark=dark)
    (bars,) = figure.data
    assert sum(bars.y) == pytest.approx(100)
    assert f"mean {codes.mean():.3f}" in figure.layout.title.subtitle.text
    assert not activation_figure(np.zeros((0, 4)), target=0.05, dark=dark).data
