"""The theme against published palettes and a simulation of colour-vision deficiency."""

import itertools

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard import theme

# Petroff 2021, arXiv:2107.02270, table of the ten-colour sequence, as RGB.
PETROFF = [
    (63, 144, 218),
    (255, 169, 14),
    (189, 31, 1),
    (148, 164, 162),
    (131, 45, 182),
    (169, 107, 89),
    (231, 99, 0),
    (185, 172, 112),
    (113, 117, 129),
    (146, 218, 221),
]

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def linear(colour: str) -> np.ndarray:
    """sRGB "#rrggbb" to linear RGB."""
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Linear RGB to CIELAB under D65."""
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.072175],
            [0.0193339, 0.119192, 0.9503041],
        ]
    )
    t = to_xyz @ np.clip(rgb, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2."""
    low, high = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def least_distance(colours: list[str], vision: str) -> float:
    """Least CIE76 distance of two colours as seen with that vision."""
    seen = [lab(VISION[vision] @ linear(c)) for c in colours]
    return min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))


def test_class_colours_are_petroffs_ten_in_order() -> None:
    assert list(theme.CLASS_COLOURS) == [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in PETROFF]


@pytest.mark.parametrize("vision", VISION)
def test_colours_stay_apart_with_colour_vision_deficiency(vision: str) -> None:
    assert least_distance(list(theme.CLASS_COLOURS), vision) > 15
    assert least_distance(list(theme.RUN_COLOURS), vision) > 15


def test_the_distance_test_can_fail() -> None:
    # Two reds and greens that a deuteranope confuses, though they are far apart otherwise.
    assert least_distance(["#c0504d", "#77933c"], "normal") > 60
    assert least_distance(["#b5651d", "#6b8e23"], "deuteranopia") < 15


@pytest.mark.parametrize("page", ["#ffffff", "#10141b"])
def test_lines_of_runs_are_visible_on_both_pages(page: str) -> None:
    assert min(contrast(colour, page) for colour in theme.RUN_COLOURS) > 2.2


def test_unlabelled_grey_is_no_class_colour() -> None:
    distances = [
        np.linalg.norm(lab(linear(theme.UNLABELLED_COLOUR)) - lab(linear(c))) for c in theme.CLASS_COLOURS
    ]
    assert min(distances) > 10


@pytest.mark.parametrize(("dark", "page"), [(True, "#10141b"), (False, "#ffffff")])
def test_text_is_readable(dark: bool, page: str) -> None:
    colours = theme.palette(dark)
    assert contrast(colours.text, page) > 10
    assert contrast(colours.muted, page) > 4.5  # WCAG AA for small text
    assert contrast(colours.text, colours.surface) > 7


@pytest.mark.parametrize("vision", VISION)
def test_the_sequential_scale_rises_evenly_in_lightness(vision: str) -> None:
    light = np.array([lab(VISION[vision] @ linear(colour))[0] for colour in theme.POINT_SCALE])
    steps = np.diff(light)
    assert steps.min() > 0
    assert steps.max() < 1.5 * steps.mean()
    assert light[-1] - light[0] > 60


def test_class_colour_by_index() -> None:
    assert theme.class_colour(0) == "#3f90da"
    assert theme.class_colour(9) == "#92dadd"
    assert theme.class_colour(12) == theme.class_colour(2)
    assert theme.class_colour(-1) == theme.UNLABELLED_COLOUR
    with pytest.raises(ValueError, match="-2"):
        theme.class_colour(-2)


def test_run_colour_repeats() -> None:
    assert theme.run_colour(len(theme.RUN_COLOURS)) == theme.run_colour(0)
    assert len(set(theme.RUN_COLOURS)) == len(theme.RUN_COLOURS) >= 10


@pytest.mark.parametrize(
    ("typed", "escaped"),
    [
        ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
        ("a & b", "a &amp; b"),
        ("&lt;", "&amp;lt;"),
        ("%{meta[0]}", "%\u200d{meta[0]}"),
        ("Ankle boot β \u4e2d", "Ankle boot β \u4e2d"),
        ("two\nlines\x07", "twolines"),
        ("\u202eevil", "evil"),
        (3.5, "3.5"),
    ],
)
def test_plotly_text_is_literal(typed: object, escaped: str) -> None:
    assert theme.plotly_text(typed) == escaped


def test_shorten_keeps_both_ends() -> None:
    assert theme.shorten("short", 10) == "short"
    assert theme.shorten("0123456789", 10) == "0123456789"
    assert theme.shorten("0123456789a", 10) == "01234…789a"[:5] + "…" + "789a"
    for limit in (3, 8, 9, 36):
        assert len(theme.shorten("x" * 99, limit)) == limit


@pytest.mark.parametrize("dark", [True, False])
def test_template_lets_the_page_show_through(dark: bool) -> None:
    figure = go.Figure(layout={"template": theme.figure_template(dark)})
    layout = figure.layout.template.layout
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert layout.font.color == theme.palette(dark).text
    assert tuple(layout.colorway) == theme.RUN_COLOURS


def test_splits_differ_without_colour() -> None:
    assert len(set(theme.SPLIT_MARKERS.values())) == len(theme.SPLIT_MARKERS) == 4
    assert theme.SPLIT_DASHES["train"] == "solid" != theme.SPLIT_DASHES["validation"]


def test_a_figure_holds_a_copy_of_the_template() -> None:
    figure = go.Figure(layout={"template": theme.figure_template(True)})
    figure.layout.template.layout.font.size = 99
    figure.update_layout(template={"layout": {"font": {"size": 98}}})
    assert theme.figure_template(True).layout.font.size == 13
