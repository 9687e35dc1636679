"""Densities of one latent dimension against scipy and closed forms."""

import numpy as np
import pytest
from scipy.stats import gaussian_kde, norm

from dashboard.charts.density import class_densities, density_1d, density_frame
from dashboard.theme import UNLABELLED_COLOUR, class_colour

RNG = np.random.default_rng(11)
LABELS = np.repeat([0, 2], [300, 100])
VALUES = np.concatenate([RNG.normal(-1, 0.5, 300), RNG.normal(1.5, 0.8, 100)])
NAMES = ["zero", "one", "<b>two</b>"]


def draw(values=VALUES, labels=LABELS, **options):
    """Draw with the usual words."""
    usual = {"class_names": NAMES, "title": "Means", "x_title": "z 1 (prior σ)", "dark": True}
    return density_1d(values, labels, **(usual | options))


def test_class_density_is_scipys_times_the_share() -> None:
    grid, densities = class_densities(VALUES, LABELS)
    assert list(densities) == [0, 2]
    assert np.allclose(densities[0], 0.75 * gaussian_kde(VALUES[:300])(grid))
    assert np.allclose(densities[2], 0.25 * gaussian_kde(VALUES[300:])(grid))
    assert np.trapezoid(sum(densities.values()), grid) == pytest.approx(1.0, abs=0.005)


def test_traces_hold_the_densities_in_class_colours() -> None:
    figure = draw()
    grid, densities = class_densities(VALUES, LABELS)
    zero, two, everything, prior = figure.data
    assert np.allclose(zero.y, densities[0], atol=1e-6)
    assert np.allclose(everything.y, densities[0] + densities[2], atol=1e-6)
    assert np.allclose(prior.y, norm.pdf(grid), atol=1e-6)
    assert (zero.line.color, two.line.color) == (class_colour(0), class_colour(2))
    assert two.name == "&lt;b&gt;two&lt;/b&gt;"
    assert two.meta[1] == 100
    assert zero.x.dtype == np.float32


def test_p_values_of_the_prior_are_flat_up_to_the_edges() -> None:
    p = (np.arange(4000) + 0.5) / 4000
    grid, densities = class_densities(p, np.zeros(4000, dtype=int), p_values=True)
    assert (grid[0], grid[-1]) == (0.0, 1.0)
    assert np.allclose(densities[0], 1.0, atol=0.01)  # a plain estimate would fall to 0.5 at 0 and 1
    assert gaussian_kde(p)(0.0)[0] < 0.6


def test_p_value_figure_has_the_uniform_line_at_one() -> None:
    figure = draw(norm.cdf(VALUES), p_values=True)
    assert (figure.data[-1].y == 1).all()
    assert tuple(figure.layout.xaxis.range) == (0, 1)
    total = figure.data[-2]
    assert np.trapezoid(total.y.astype(float), total.x.astype(float)) == pytest.approx(1.0, abs=0.01)


def test_collapsed_and_single_values_still_integrate_to_one() -> None:
    for values in (
        [0.3],
        [0.3] * 50,
        list(0.3 + 1e-7 * RNG.normal(size=50)),
        list(1e-3 * RNG.normal(size=50)),
    ):
        grid, densities = class_densities(np.array(values), np.zeros(len(values), dtype=int))
        assert np.trapezoid(densities[0], grid) == pytest.approx(1.0, abs=0.01)
        assert grid[0] <= -3
        assert grid[-1] >= 3


def test_codes_have_no_prior_beside_them() -> None:
    figure = draw(prior=False)
    assert [trace.name for trace in figure.data][-1] == "all images"
    assert "prior" not in figure.layout.title.subtitle.text


def test_nan_is_left_out() -> None:
    values = np.concatenate([VALUES, [np.nan, np.nan]])
    labels = np.concatenate([LABELS, [0, 1]])
    grid, densities = class_densities(values, labels)
    assert list(densities) == [0, 2]
    assert np.allclose(densities[0], 0.75 * gaussian_kde(VALUES[:300])(grid))


def test_unlabelled_and_unnamed_classes() -> None:
    figure = draw([0.0, 0.1, 0.5, 0.6], [-1, -1, 7, 7])
    assert [t.name for t in figure.data[:2]] == ["unlabelled", "class 7"]
    assert figure.data[0].line.color == UNLABELLED_COLOUR


def test_words() -> None:
    figure = draw(title="Samples", x_title="z 1 (prior σ)")
    assert figure.layout.title.text == "Samples"
    assert figure.layout.xaxis.title.text == "z 1 (prior σ)"
    assert "prior" in figure.layout.title.subtitle.text
    assert figure.layout.yaxis.title.text == "Density, scaled by class share"
    assert figure.layout.uirevision


def test_nothing_is_said_and_misfits_are_refused() -> None:
    assert "No image" in draw([], []).layout.annotations[0].text
    assert "No image" in draw([np.nan], [0]).layout.annotations[0].text
    with pytest.raises(ValueError, match="2 and 1"):
        draw([1.0, 2.0], [0])


def test_frame_for_csv() -> None:
    frame = density_frame(VALUES, LABELS, class_names=NAMES)
    assert frame["class"].unique().tolist() == ["zero", "<b>two</b>"]
    assert len(frame) == 512
    assert frame.density.max() == pytest.approx(class_densities(VALUES, LABELS)[1][0].max())
    assert len(density_frame([], [], class_names=NAMES)) == 0
