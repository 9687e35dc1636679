"""The trade-off: points, lines of equal negative ELBO, names that do not meet."""

import itertools

import numpy as np
import pytest

from dashboard.charts.isolines import iso_levels, iso_line
from dashboard.charts.labels import LINE, Label, group_text, place_labels, reach
from dashboard.charts.points import beta_text
from dashboard.charts.tradeoff import TradeoffPoint, tradeoff, tradeoff_frame

BETAS = [0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4]
RATES = [13.1, 11.2, 8.6, 6.6, 4.6, 3.4, 2.5, 0.004, 0.002]
DISTORTIONS = [20.3, 20.6, 21.6, 23.2, 26.1, 28.3, 30.4, 37.9, 37.95]


def sweep() -> list[TradeoffPoint]:
    """Nine runs as on the bundled digits, two of them collapsed."""
    return [
        TradeoffPoint(
            f"run-{b}", f"digits {b}", b, 64 / b, r, d, {"active_units": 2.0, "mmd": None}, r < 0.01
        )
        for b, r, d in zip(BETAS, RATES, DISTORTIONS, strict=True)
    ]


def draw(points: list[TradeoffPoint], **options: object):
    """Draw with all runs on the front unless told otherwise."""
    options = {"front": [True] * len(points), "dark": False} | options
    return tradeoff(points, **options)


def named(figure, name: str):
    """Return the first trace of that name."""
    return next(trace for trace in figure.data if trace.name == name)


def test_points_stand_at_rate_and_distortion_and_carry_ids() -> None:
    figure = draw(sweep())
    trace = named(figure, "on the front")
    assert np.allclose(trace.x, RATES[:7])
    assert np.allclose(trace.y, DISTORTIONS[:7])
    assert list(trace.customdata) == [f"run-{b}" for b in BETAS[:7]]
    collapsed = named(figure, "collapsed (R &lt; 0.01)")
    assert list(collapsed.customdata) == ["run-3", "run-4"]
    assert np.allclose(collapsed.x, [0.004, 0.002])
    assert sum(len(t.customdata) for t in figure.data if t.customdata is not None) == 9


def test_axes_say_their_unit() -> None:
    layout = draw(sweep()).layout
    assert layout.xaxis.title.text == "Rate R (nats per image)"
    assert layout.yaxis.title.text == "Distortion D (nats per image), lower is better"
    assert layout.title.text
    assert layout.uirevision != draw(sweep(), log_rate=True).layout.uirevision


def test_collapsed_runs_sit_on_the_edge_of_a_log_axis() -> None:
    figure = draw(sweep(), log_rate=True)
    assert figure.layout.xaxis.type == "log"
    assert np.allclose(named(figure, "collapsed (R &lt; 0.01)").x, 0.01)
    low, high = figure.layout.xaxis.range  # powers of ten
    assert -3 < low < -2
    assert np.log10(13.1) < high < 2


@pytest.mark.parametrize("log_rate", [False, True])
def test_iso_lines_hold_distortion_plus_rate_constant(log_rate: bool) -> None:
    figure = draw(sweep(), log_rate=log_rate)
    lines = [t for t in figure.data if t.legendgroup == "iso"]
    assert len(lines) >= 4
    assert sum(bool(t.showlegend) for t in lines) == 1
    for line in lines:
        level = line.meta[0]
        total = np.asarray(line.x, float) + np.asarray(line.y, float)
        assert np.allclose(total, level, rtol=1e-5)
        assert line.x.min() >= 0
        x = np.log10(line.x.astype(float)) if log_rate else line.x.astype(float)
        assert np.allclose(np.diff(x), np.diff(x).mean(), rtol=0.05, atol=1e-5)  # even on the axis as drawn
        if not log_rate:
            slopes = np.diff(line.y.astype(float)) / np.diff(x)
            assert np.allclose(slopes, -1, atol=1e-2)
    levels = [line.meta[0] for line in lines]
    totals = [r + d for r, d in zip(RATES, DISTORTIONS, strict=True)]
    assert min(levels) <= min(totals)
    assert max(levels) >= max(totals)


def test_iso_line_by_hand() -> None:
    rate, distortion = iso_line(10.0, rates=(-1.0, 20.0), distortions=(4.0, 9.0), log_rate=False)
    assert (rate[0], distortion[0]) == (1.0, 9.0)  # comes in through the top
    assert (rate[-1], distortion[-1]) == (6.0, 4.0)  # leaves through the bottom
    rate, distortion = iso_line(10.0, rates=(-1.0, 5.0), distortions=(0.0, 20.0), log_rate=False)
    assert (rate[0], distortion[0]) == (0.0, 10.0)  # no rate below 0
    assert (rate[-1], distortion[-1]) == (5.0, 5.0)
    rate, distortion = iso_line(10.0, rates=(0.01, 8.0), distortions=(0.0, 20.0), log_rate=True)
    assert np.isclose(rate[100] / rate[99], rate[1] / rate[0])
    assert np.allclose(distortion, 10.0 - rate)
    assert len(iso_line(10.0, rates=(0.0, 1.0), distortions=(20.0, 30.0), log_rate=False)[0]) == 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([31.2, 38.9], [30, 32, 34, 36, 38, 40]),
        ([260.0, 290.0], [260, 270, 280, 290]),
        ([100.0], [100]),
        # one run far off, as at beta 0, must not widen the steps of the others
        (
            [24.5, 25.0, 25.5, 26.0, 26.5, 27.0, 27.5, 82.0],
            [24, 25, 26, 27, 28, 30, 32, 40, 48, 64, 128],
        ),
    ],
)
def test_iso_levels_are_round_and_span_the_runs(values: list[float], expected: list[float]) -> None:
    levels = iso_levels(values)
    assert levels[0] <= min(values)
    assert levels[-1] >= max(values)
    assert np.allclose(levels[: len(expected)], expected)


def test_front_is_a_staircase_through_the_marked_runs() -> None:
    mask = [True, False, True, True, True, True, True, False, False]
    figure = draw(sweep(), front=mask)
    front = named(figure, "Pareto front")
    expected = sorted((r, d) for r, d, on in zip(RATES, DISTORTIONS, mask, strict=True) if on)
    assert np.allclose(np.c_[front.x, front.y], expected)
    assert front.line.shape == "hv"
    assert list(named(figure, "behind the front").customdata) == ["run-0.1"]


def test_names_give_both_conventions() -> None:
    figure = draw(sweep())
    assert list(named(figure, "on the front").text)[3] == "β 0.5 (w 128)"
    texts = [a.text for a in figure.layout.annotations]
    assert "β 0.5 (w 128)" in texts
    assert "β 3, 4 collapsed<br>w 21.33, 16" in texts  # two runs in one place share a name
    assert beta_text(TradeoffPoint("i", "n", 0.0, None, 20.0, 20.0)) == "β 0 (w ∞)"


def test_annotations_on_a_log_axis_stand_at_logarithms() -> None:
    (note,) = [a for a in draw(sweep(), log_rate=True).layout.annotations if a.text.startswith("β 2 ")]
    assert note.x == pytest.approx(np.log10(2.5))
    assert note.y == pytest.approx(30.4)


def test_hover_holds_all_scores_with_units_and_literal_names() -> None:
    point = TradeoffPoint(
        "i", "<b>x</b>", 0.0, None, 20.0, 21.5, {"active_units": 2.0, "excess_distortion": 7.25, "mmd": None}
    )
    figure = draw([point], units={"excess_distortion": "nats per image"})
    (text,) = named(figure, "on the front").hovertext
    assert text.split("<br>") == [
        "<b>&lt;b&gt;x&lt;/b&gt;</b>",
        "beta 0, reconstruction weight infinite",
        "rate: 20 nats per image",
        "distortion: 21.5 nats per image",
        "negative ELBO: 41.5 nats per image",
        "active units: 2",
        "excess distortion: 7.25 nats per image",
        "mmd: does not apply",
    ]
    assert "(collapsed" in named(draw(sweep()), "collapsed (R &lt; 0.01)").hovertext[0]


def test_selected_run_is_ringed() -> None:
    ring = named(draw(sweep(), selected="run-1"), "in view")
    assert (float(ring.x[0]), float(ring.y[0])) == pytest.approx((4.6, 26.1))
    assert all(t.name != "in view" for t in draw(sweep(), selected="gone").data)


def test_empty_and_unfinished_runs_are_said() -> None:
    assert "No run" in draw([]).layout.annotations[0].text
    half = TradeoffPoint("i", "n", 1.0, 64.0, float("nan"), 20.0)
    assert "No run" in draw([half]).layout.annotations[0].text
    assert len(named(draw([half, *sweep()]), "on the front").x) == 7
    with pytest.raises(ValueError, match="1 and 9"):
        draw(sweep(), front=[True])


@pytest.mark.parametrize("log_rate", [False, True])
@pytest.mark.parametrize("dark", [False, True])
def test_one_run_alone_has_room(log_rate: bool, dark: bool) -> None:
    figure = draw(sweep()[:1], log_rate=log_rate, dark=dark)
    low, high = figure.layout.xaxis.range
    x = np.log10(13.1) if log_rate else 13.1
    assert low < x < high
    assert figure.layout.yaxis.range[0] < 20.3 < figure.layout.yaxis.range[1]


def test_frame_for_csv() -> None:
    frame = tradeoff_frame(sweep(), front=[True] * 9)
    assert frame.loc[4, "negative_elbo_nats_per_image"] == pytest.approx(30.7)
    assert frame.loc[7, "collapsed"]
    assert "active_units" in frame.columns
    assert len(tradeoff_frame([], front=[])) == 0


def box(placed, spot: np.ndarray) -> tuple[float, float, float]:
    """Return the strip that a name covers: from, to along 45 degrees, and its place across."""
    length = 6.2 * max(map(len, placed.text.split("\n")))
    along, across = (spot[0] + spot[1]) / np.sqrt(2), (spot[0] - spot[1]) / np.sqrt(2)
    return (along, along + length, across) if placed.above else (along - length, along, across)


@pytest.mark.parametrize("size", [(230, 330), (400, 330), (1100, 330)])
def test_names_of_a_sweep_do_not_meet_at_any_width(size: tuple[int, int]) -> None:
    across = (np.array(RATES) + 0.5) / 15
    up = (np.array(DISTORTIONS) - 19) / 24
    labels = [Label(float(a), float(u), b, 64 / b) for a, u, b in zip(across, up, BETAS, strict=True)]
    names = place_labels(labels)
    assert sorted(k for name in names for k in name.members) == list(range(9))
    strips = [box(n, np.array([across[n.index] * size[0], up[n.index] * size[1]])) for n in names]
    for pair in itertools.combinations(names, 2):
        one, other = (strips[names.index(name)] for name in pair)
        lines = sum(len(name.text.split("\n")) for name in pair)
        apart = abs(one[2] - other[2]) >= LINE * lines / 2 - 1
        assert apart or one[1] <= other[0] or other[1] <= one[0]


def test_touching_points_share_a_name_and_a_point_is_not_covered() -> None:
    labels = [Label(0.5, 0.5, 1.0, 64.0), Label(0.5, 0.5, 1.0, 64.0)]
    (name,) = place_labels(labels)
    assert name.text == "β 1 (w 64) ×2"
    # The second point lies up and right of the first, where its name would go: it goes down and left.
    first, second = place_labels([Label(0.5, 0.5, 1.0, 64.0), Label(0.6, 0.57, 2.0, 32.0)])
    assert (first.above, second.above) == (False, True)
    assert place_labels([]) == []


def test_group_text() -> None:
    three = [Label(0, 0, b, 64 / b, "collapsed") for b in (2, 3, 4)]
    assert group_text(three[:1]) == "β 2 (w 32) collapsed"
    assert group_text(three) == "β 2, 3, 4 collapsed\nw 32, 21.33, 16"
    assert group_text([Label(0, 0, 1.5, 42.6667), Label(0, 0, 2, 32)]) == "β 1.5, 2\nw 42.67, 32"
    assert group_text([Label(0, 0, b, 64 / b) for b in (1, 1, 2)]) == "β 1, 2\nw 64, 32 (3 runs)"
    assert group_text([Label(0, 0, b, 64 / b) for b in (1, 2, 4, 8, 16)]) == "β 1 … 16\nw 64 … 4 (5 runs)"
    assert reach("twelve chars") > reach("four")
    assert reach("twelve\nchars") < reach("twelve chars")
