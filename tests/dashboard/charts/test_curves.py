"""Loss curves and the rate heat map: what is drawn is what was given."""

import json
import math

import numpy as np
import pytest

from dashboard.charts.curves import (
    Curve,
    curves_frame,
    informative_order,
    loss_curves,
    rate_frame,
    rate_heatmap,
)
from dashboard.charts.figure import MAX_POINTS, decimate
from dashboard.theme import run_colour


def draw(curves: list[Curve], **options: object):
    """Draw with the usual words."""
    options = {"quantity_title": "Negative ELBO", "unit": "nats per image", "dark": True} | options
    return loss_curves(curves, **options)


PAIR = [
    Curve("run a", "train", [1, 2, 3], [30.0, 20.0, 10.0], 0),
    Curve("run a", "validation", [1, 2, 3], [31.0, 22.0, 13.0], 0),
    Curve("run b", "test", [1, 2], [29.0, 28.0], 3),
]


def test_traces_hold_the_values() -> None:
    figure = draw(PAIR)
    assert [list(t.x) for t in figure.data] == [[1, 2, 3], [1, 2, 3], [1, 2]]
    assert [list(t.y) for t in figure.data] == [[30, 20, 10], [31, 22, 13], [29, 28]]
    assert all(t.y.dtype == np.float32 for t in figure.data)


def test_a_run_has_one_colour_and_one_legend_entry() -> None:
    train, validation, other = draw(PAIR).data
    assert train.line.color == validation.line.color == run_colour(0)
    assert other.line.color == run_colour(3) != run_colour(0)
    assert (train.line.dash, validation.line.dash, other.line.dash) == ("solid", "dash", "dash")
    assert [t.showlegend for t in (train, validation, other)] == [True, False, True]
    assert train.legendgroup == validation.legendgroup != other.legendgroup


def test_words_and_units() -> None:
    figure = draw(PAIR)
    assert figure.layout.title.text == "Negative ELBO by epoch"
    assert figure.layout.title.subtitle.text == "solid: train · dashed: validation, test"
    assert figure.layout.xaxis.title.text == "Epoch"
    assert figure.layout.yaxis.title.text == "Negative ELBO (nats per image, lower is better)"
    assert "nats per image" in figure.data[0].hovertemplate
    assert draw(PAIR, unit="", direction="").layout.yaxis.title.text == "Negative ELBO"


def test_names_are_shown_literally() -> None:
    figure = draw([Curve("<b>x</b>", "train", [1], [2.0])])
    assert figure.data[0].name == "&lt;b&gt;x&lt;/b&gt;"
    assert "<b>x</b>" not in json.dumps(json.loads(figure.to_json())["data"])


def test_long_names_are_cut_in_the_legend_but_whole_in_the_hover_box() -> None:
    name = "n" * 80
    (trace,) = draw([Curve(name, "train", [1], [2.0])]).data
    assert len(trace.name) < 40
    assert trace.meta[0] == name


def test_none_nan_and_infinity_are_gaps() -> None:
    (trace,) = draw([Curve("a", "train", [1, 2, 3, 4], [1.0, None, math.inf, 4.0])]).data
    assert np.isnan(trace.y).tolist() == [False, True, True, False]
    assert trace.connectgaps is False


def test_log_axes_leave_out_what_they_cannot_show_and_say_so() -> None:
    figure = draw([Curve("a", "train", [0, 1, 2, 3], [5.0, 0.0, -1.0, 2.0])], log_x=True, log_y=True)
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    assert np.isnan(figure.data[0].y).tolist() == [True, True, True, False]
    assert "3 points" in figure.layout.title.subtitle.text
    assert "points" not in draw(PAIR, log_y=True).layout.title.subtitle.text


def test_uirevision_changes_with_what_the_axes_mean_only() -> None:
    assert draw(PAIR).layout.uirevision == draw(PAIR[:1]).layout.uirevision
    for other in ({"log_y": True}, {"log_x": True}, {"quantity_title": "Rate"}, {"about": "MNIST"}):
        assert draw(PAIR).layout.uirevision != draw(PAIR, **other).layout.uirevision


@pytest.mark.parametrize(
    ("curves", "options", "words"),
    [
        ([], {}, "choose runs"),
        ([Curve("a", "train", [], [])], {}, "No epoch"),
        ([Curve("a", "train", [1], [None])], {}, "No epoch"),
        ([Curve("a", "train", [1], [-1.0])], {"log_y": True}, "linear axis"),
    ],
)
def test_nothing_to_draw_is_said(curves: list[Curve], options: dict, words: str) -> None:
    figure = draw(curves, **options)
    assert len(figure.data) == 0
    assert words in figure.layout.annotations[0].text


def test_decimation_keeps_ends_extremes_and_gaps() -> None:
    rng = np.random.default_rng(3)
    x = np.arange(50_000, dtype=float)
    y = rng.normal(size=len(x))
    y[12_345], y[31_000], y[40_000] = 99.0, -99.0, np.nan
    kept_x, kept_y = decimate(x, y)
    assert 1000 < len(kept_x) <= MAX_POINTS
    assert (kept_x[0], kept_x[-1]) == (0, 49_999)
    assert (np.diff(kept_x) > 0).all()
    assert {12_345.0, 31_000.0, 40_000.0} <= set(kept_x)
    assert np.array_equal(kept_y, y[kept_x.astype(int)], equal_nan=True)


def test_decimation_leaves_short_lines_alone_and_survives_all_nan() -> None:
    x = np.arange(MAX_POINTS, dtype=float)
    assert decimate(x, x)[0] is x
    x = np.arange(9000, dtype=float)
    assert np.isnan(decimate(x, np.full(9000, np.nan))[1]).all()
    with pytest.raises(ValueError, match="not 4"):
        decimate(x, x, limit=4)


def test_long_lines_are_thinned_in_the_figure() -> None:
    e = np.arange(10_000)
    (trace,) = draw([Curve("a", "train", e, np.sin(e / 50))]).data
    assert len(trace.x) <= MAX_POINTS
    assert trace.mode == "lines"
    assert trace.y.max() == pytest.approx(1.0, abs=1e-4)


def test_curves_frame_is_tidy_and_whole() -> None:
    frame = curves_frame(PAIR)
    assert list(frame.columns) == ["run", "split", "epoch", "value"]
    assert len(frame) == 8
    assert frame.iloc[4].tolist() == ["run a", "validation", 2.0, 22.0]
    assert list(curves_frame([]).columns) == list(frame.columns)


RATES = [[0.5, 0.1, 0.2], [1.0, 0.0, 3.0], [1.5, None, 4.0]]


def test_heatmap_rows_are_sorted_and_named_by_their_true_index() -> None:
    figure = rate_heatmap(RATES, [1, 2, 3], dark=False)
    (heat,) = figure.data
    assert heat.customdata[:, 0].tolist() == [3, 1, 2]
    assert list(figure.layout.yaxis.ticktext) == ["z 3", "z 1", "z 2"]
    assert np.allclose(heat.z[0], [0.2, 3.0, 4.0])  # z 3, the most informative
    assert np.allclose(heat.z[1], [0.5, 1.0, 1.5])
    assert np.isnan(heat.z[2, 2])
    assert list(heat.x) == [1, 2, 3]
    top, bottom = figure.layout.yaxis.range[1], figure.layout.yaxis.range[0]
    assert top < bottom  # row 0 is drawn at the top
    assert "nats per image" in heat.hovertemplate
    assert heat.colorbar.title.text == "Rate (nats per image)"


def test_heatmap_thins_names_and_epochs() -> None:
    rates = np.random.default_rng(0).random((5000, 100))
    figure = rate_heatmap(rates, np.arange(5000), dark=True)
    (heat,) = figure.data
    assert len(heat.x) <= 1000
    assert (heat.x[0], heat.x[-1]) == (0, 4999)
    assert len(figure.layout.yaxis.ticktext) <= 24
    # Row 7 of the picture is the eighth most informative dimension of the last epoch.
    assert np.allclose(heat.z[7, -1], np.sort(rates[-1])[::-1][7])


def test_heatmap_of_nothing_is_said_and_misfits_are_refused() -> None:
    assert "No rate" in rate_heatmap([], [], dark=True).layout.annotations[0].text
    assert "No rate" in rate_heatmap([[None, None]], [1], dark=True).layout.annotations[0].text
    with pytest.raises(ValueError, match=r"\(3, 3\) and 2 epochs"):
        rate_heatmap(RATES, [1, 2], dark=True)


def test_order_uses_the_last_epoch_that_has_rates() -> None:
    assert informative_order([[1.0, 5.0, 3.0], [None, None, None]]).tolist() == [1, 2, 0]
    assert informative_order([[2.0, 2.0, 9.0]]).tolist() == [2, 0, 1]


def test_rate_frame() -> None:
    frame = rate_frame(RATES, [1, 2, 3])
    assert len(frame) == 9
    assert frame.iloc[5].tolist() == [2, "z 3", 3.0]


@pytest.mark.parametrize(
    "by, title, axis, column",
    [
        ("epoch", "Negative ELBO by epoch", "Epoch", "epoch"),
        ("step", "Negative ELBO by step", "Step (batches)", "step"),
        ("time", "Negative ELBO by training time", "Training time (seconds)", "seconds"),
    ],
)
def test_curves_say_what_they_run_over(by: str, title: str, axis: str, column: str) -> None:
    figure = draw(PAIR, by=by)
    assert figure.layout.title.text == title
    assert figure.layout.xaxis.title.text == axis
    assert list(curves_frame(PAIR, by=by).columns) == ["run", "split", column, "value"]
    assert list(curves_frame(PAIR, by=by)[column]) == [1, 2, 3, 1, 2, 3, 1, 2]


# --- bands --------------------------------------------------------------------------------------------------------

BAND = Curve(
    "A and B: mean of 2 seeds",
    "train",
    [1, 2, 3],
    [30.0, 20.0, 10.0],
    2,
    deviations=[1.0, 2.0, 12.0],
    seeds=2,
)


def test_a_band_reaches_one_deviation_to_each_side_of_its_mean() -> None:
    area, line = draw([BAND]).data
    assert list(area.x) == [1, 2, 3, 3, 2, 1]
    assert list(area.y) == [31, 22, 22, -2, 18, 29]
    assert area.fill == "toself"
    assert (area.showlegend, area.hoverinfo) == (False, "skip")
    assert area.legendgroup == line.legendgroup  # hidden and shown together
    assert list(line.y) == [30, 20, 10]
    assert list(line.customdata) == [1, 2, 12]
    assert "± %{customdata" in line.hovertemplate
    red, green, blue = (int(run_colour(2)[k : k + 2], 16) for k in (1, 3, 5))
    assert area.fillcolor == f"rgba({red}, {green}, {blue}, 0.2)"


def test_the_key_says_what_a_band_is() -> None:
    said = "band: mean ± one standard deviation over seeds (n − 1)"
    assert said in draw([BAND]).layout.title.subtitle.text
    assert "band" not in draw(PAIR).layout.title.subtitle.text


def test_a_band_is_cut_off_where_a_logarithmic_axis_ends() -> None:
    area = draw([BAND], log_y=True).data[0]
    # 10 - 12 cannot be drawn: the lowest edge that can is 18, the lowest upper one 22
    assert list(area.y) == [31, 22, 22, 18, 18, 29]
    cut = Curve("c", "train", [0, 1], [2.0, 1.0], deviations=[0.5, 0.5], seeds=2)
    assert list(draw([cut], log_x=True).data[0].x) == [1, 1]


def test_the_table_of_a_band_has_mean_deviation_and_seeds() -> None:
    frame = curves_frame([BAND, PAIR[2]])
    assert list(frame.columns) == ["run", "split", "epoch", "value", "standard_deviation", "seeds"]
    assert frame["standard_deviation"].tolist()[:3] == [1, 2, 12]
    assert frame["standard_deviation"].isna().tolist()[3:] == [True, True]
    assert frame["seeds"].tolist() == [2, 2, 2, 1, 1]
