"""What the latent map's colours and shapes mean, in a real Chromium: classes, splits, a number with its bar."""

import csv
import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Page, expect

from dashboard.components.latent_map import SCRIPT
from dashboard.theme import (
    POINT_SCALE,
    SIGNED_POINT_SCALE,
    SIGNED_POINT_SCALE_DARK,
    UNLABELLED_COLOUR,
)
from tests.browser.apps.latent_map_app import COLOURS, NAMES, scene
from tests.browser.map_page import APP, COUNT, lonely
from tests.browser.maps import Map

DATA = scene(COUNT)
LOW, HIGH = np.quantile(DATA["values"][np.isfinite(DATA["values"])], [0.01, 0.99])


def visit(page: Page, serve: Callable[..., str], query: str = "") -> Map:
    page.goto(serve(APP, env={"LATENT_MAP_POINTS": str(COUNT)}) + query)
    return Map(page)


def scale_colours(dark: bool, *, signed: bool = False) -> np.ndarray:
    """(256, 3): the theme's stops by numpy's interpolation, without the end that the page's ground would swallow."""
    hues = (SIGNED_POINT_SCALE_DARK if dark else SIGNED_POINT_SCALE) if signed else POINT_SCALE
    stops = np.array([ImageColor.getrgb(colour) for colour in hues], float)
    at = np.linspace(0.25, 1, 256) if dark else np.linspace(0, 0.85, 256)
    if signed:
        at = np.linspace(0, 1, 256)
    return np.stack([np.interp(at, np.linspace(0, 1, len(stops)), stops[:, c]) for c in range(3)], axis=1)


@pytest.mark.parametrize("dark", [False, True])
def test_points_have_the_colour_of_their_value(page: Page, serve: Callable[..., str], dark: bool) -> None:
    page.emulate_media(color_scheme="dark" if dark else "light")
    latent = visit(page, serve, "?colour=values")
    colours = scale_colours(dark)
    rows = [row for row in lonely(latent, "latent", DATA["xy"]) if row not in (7, 8)][:40]
    share = (DATA["values"][rows].astype(np.float32) - LOW) / (HIGH - LOW)
    wanted = colours[np.clip(np.floor(share * 256), 0, 255).astype(int)]
    assert np.ptp(wanted[:, 0]) > 60  # of many colours
    seen = np.array([latent.call("pixel", "latent", int(DATA["ids"][row]))[:3] for row in rows])
    assert np.abs(seen - wanted).max() <= 2


def test_the_bar_the_tip_the_table_and_the_speech_say_the_number(
    page: Page, serve: Callable[..., str]
) -> None:
    latent = visit(page, serve, "?colour=values")
    bar = latent.root.get_by_role("img", name="Colour bar of Distortion D (nats)")
    expect(bar).to_be_visible()
    name = bar.get_attribute("aria-label") or ""
    assert f"\u2264 {LOW:.3g} to" in name
    assert f"to \u2265 {HIGH:.3g};" in name
    expect(bar.locator(".scale-note")).to_have_text(
        "lower is better; ends at the 1 % and 99 % quantiles; 2 without a value: grey crosses"
    )
    row = int(next(row for row in lonely(latent, "p", DATA["p"]) if row > 20))
    page.mouse.move(*latent.call("toClient", "p", int(DATA["ids"][row])))
    value = np.float32(DATA["values"][row])
    expect(latent.root.locator(".tip .value")).to_have_text(f"Distortion D: {value:.3g} nats")
    latent.panel(0).focus()
    page.keyboard.press("ArrowRight")
    k = int(np.flatnonzero(DATA["ids"] == latent.call("hoverId"))[0])
    expect(latent.root.get_by_role("status")).to_contain_text(f"Distortion D: {DATA['values'][k]:.3g} nats")
    with page.expect_download() as download:
        latent.root.get_by_role("button", name="Download CSV").click()
    table = list(csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    assert table[0][:4] == ["id", "class", "split", "Distortion D (nats)"]
    assert [line[3] for line in table[8:10]] == ["", ""]  # rows 7 and 8 have no value
    numbers = np.array([line[3] or "nan" for line in table[1:]], np.float32)
    np.testing.assert_array_equal(numbers, DATA["values"].astype(np.float32))
    # the classes are filters still, and are told by name
    latent.root.locator(".chip").nth(1).click()
    assert set(latent.call("shownIds")) == set(DATA["ids"][DATA["classes"] != 1].tolist())


def seen_and_wanted(
    latent: Map,
    panel: str,
    xy: np.ndarray,
    values: np.ndarray,
    ends: tuple[float, float],
    colours: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Colours (K, 3) of points that stand alone: on the page, and of their numbers by numpy."""
    rows = [row for row in lonely(latent, panel, xy) if np.isfinite(values[row])][:40]
    share = (values[rows].astype(np.float32) - ends[0]) / (ends[1] - ends[0])
    wanted = colours[np.clip(np.floor(share * 256), 0, 255).astype(int)]
    seen = np.array([latent.call("pixel", panel, int(DATA["ids"][row]))[:3] for row in rows])
    return seen, wanted


@pytest.mark.parametrize("renderer", ["splat", "webgl"])
def test_each_panel_has_numbers_of_its_own_on_one_scale(
    page: Page, serve: Callable[..., str], renderer: str
) -> None:
    page.emulate_media(color_scheme="light")
    latent = visit(page, serve, f"?colour=own&renderer={renderer}")
    expect(latent.root).to_have_attribute("data-backend", renderer)
    both = np.concatenate([DATA["values"], DATA["others"]])
    ends = tuple(np.quantile(both[np.isfinite(both)], [0.01, 0.99]))
    colours = scale_colours(dark=False)
    for panel, xy, name in (("latent", DATA["xy"], "values"), ("p", DATA["p"], "others")):
        seen, wanted = seen_and_wanted(latent, panel, xy, DATA[name], ends, colours)
        assert np.abs(seen - wanted).max() <= 4
        assert np.ptp(wanted[:, 0]) > 40  # of many colours
    # hiding a class leaves each panel its own colours
    latent.root.locator(".chip").nth(1).click()
    seen, wanted = seen_and_wanted(
        latent, "p", np.where(DATA["classes"][:, None] == 1, np.nan, DATA["p"]), DATA["others"], ends, colours
    )
    assert np.abs(seen - wanted).max() <= 4
    expect(latent.root.locator(".scale")).to_have_count(1)
    expect(latent.root.locator(".scale-note")).to_have_text(
        "neither is better; ends at the 1 % and 99 % quantiles of all runs; 2 without a value: grey crosses"
    )


def test_the_tip_and_the_table_tell_the_numbers_of_each_panel(page: Page, serve: Callable[..., str]) -> None:
    latent = visit(page, serve, "?colour=own")
    row = int(next(row for row in lonely(latent, "p", DATA["p"]) if row > 20))
    page.mouse.move(*latent.call("toClient", "p", int(DATA["ids"][row])))
    a, b = (np.float32(DATA[name][row]) for name in ("values", "others"))
    expect(latent.root.locator(".tip .value")).to_have_text(f"Distortion D: A {a:.3g}, B {b:.3g} nats")
    dot = latent.root.locator(".tip .name").evaluate("e => e.style.getPropertyValue('--dot')")
    red, green, blue = latent.call("pixel", "p", int(DATA["ids"][row]))[:3]
    assert np.abs(np.array(ImageColor.getrgb(dot.replace(" ", ""))) - (red, green, blue)).max() <= 2
    with page.expect_download() as download:
        latent.root.get_by_role("button", name="Download CSV").click()
    table = list(csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    assert table[0][3:5] == ["Distortion D of A (nats)", "Distortion D of B (nats)"]
    for column, name in ((3, "values"), (4, "others")):
        numbers = np.array([line[column] or "nan" for line in table[1:]], np.float32)
        np.testing.assert_array_equal(numbers, DATA[name].astype(np.float32))


@pytest.mark.parametrize("dark", [False, True])
def test_differences_have_two_hues_that_meet_at_zero(
    page: Page, serve: Callable[..., str], dark: bool
) -> None:
    page.emulate_media(color_scheme="dark" if dark else "light")
    latent = visit(page, serve, "?colour=signed")
    change = DATA["values"] - DATA["others"]
    reach = float(np.quantile(np.abs(change[np.isfinite(change)]), 0.99))
    colours = scale_colours(dark, signed=True)
    seen, wanted = seen_and_wanted(latent, "latent", DATA["xy"], change, (-reach, reach), colours)
    assert np.abs(seen - wanted).max() <= 2
    red, blue = seen[:, 0].astype(int), seen[:, 2].astype(int)
    assert (red > blue + 40).any()
    assert (blue > red + 40).any()
    ticks = latent.root.locator(".scale-ticks span")
    expect(ticks.nth(1)).to_have_text("0")
    expect(latent.root.locator(".scale-note")).to_contain_text(
        "red: B; ends at ± the 99 % quantile of the sizes"
    )


def test_the_picture_holds_the_bar(page: Page, serve: Callable[..., str]) -> None:
    page.emulate_media(color_scheme="light")
    latent = visit(page, serve, "?colour=values")
    with page.expect_download() as download:
        latent.root.get_by_role("button", name="Download PNG").click()
    picture = np.asarray(Image.open(download.value.path()).convert("RGB")).astype(float)
    stage = latent.root.locator(".stage").bounding_box()
    assert stage is not None
    strip = picture[16 + int(stage["height"]) + 8 + 25, 16 : 16 + 260]
    wanted = scale_colours(dark=False)[np.round(np.linspace(0, 255, 260)).astype(int)]
    assert np.abs(strip - wanted).max() <= 6


def test_a_point_without_a_value_is_a_grey_cross(page: Page, serve: Callable[..., str]) -> None:
    latent = visit(page, serve, "?colour=values")
    # zoom until nothing else is near
    for _ in range(30):
        if 7 in lonely(latent, "latent", DATA["xy"], away=14):
            break
        latent.zoom("latent", *DATA["xy"][7])
    point = int(DATA["ids"][7])
    assert latent.call("pixel", "latent", point)[:3] == list(ImageColor.getrgb(UNLABELLED_COLOUR))
    alpha = latent.pixels("latent")[..., 3].astype(float)
    view, rect = latent.call("view", "latent"), latent.call("rect", "latent")
    x = (DATA["xy"][7, 0] - view["x0"]) / (view["x1"] - view["x0"]) * rect["w"]
    y = (view["y1"] - DATA["xy"][7, 1]) / (view["y1"] - view["y0"]) * rect["h"]
    around = [(3, 3), (-3, 3), (3, -3), (-3, -3)], [(4, 0), (-4, 0), (0, 4), (0, -4)]
    arms, gaps = ([alpha[int(y + dy), int(x + dx)] for dx, dy in places] for places in around)
    assert min(arms) > max(gaps) + 40


def test_splits_have_the_colours_and_classes_keep_their_names(page: Page, serve: Callable[..., str]) -> None:
    latent = visit(page, serve, "?colour=markers")
    for row in lonely(latent, "latent", DATA["xy"])[:20]:
        wanted = ImageColor.getrgb(COLOURS[DATA["markers"][row]])
        assert tuple(latent.call("pixel", "latent", int(DATA["ids"][row]))[:3]) == wanted
    row = int(next(row for row in lonely(latent, "p", DATA["p"]) if DATA["classes"][row] == 3))
    page.mouse.move(*latent.call("toClient", "p", int(DATA["ids"][row])))
    expect(latent.root.locator(".tip .name")).to_have_text(NAMES[3])


def test_points_without_a_label_have_the_one_grey_of_every_page(
    page: Page, serve: Callable[..., str]
) -> None:
    latent = visit(page, serve)
    latent.root.locator(".chip").get_by_text("no label", exact=True).dblclick()
    unlabelled = np.flatnonzero((DATA["classes"] == 255) & np.isfinite(DATA["xy"][:, 0]))
    assert set(latent.call("shownIds")) == set(DATA["ids"][DATA["classes"] == 255].tolist())
    for row in unlabelled:
        seen = latent.call("pixel", "latent", int(DATA["ids"][row]))
        assert seen[:3] == list(ImageColor.getrgb(UNLABELLED_COLOUR))


def test_more_than_ten_classes_in_two_splits_all_look_different(page: Page) -> None:
    page.goto("about:blank")
    shapes = page.evaluate(
        """async (script) => {
            const js = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
            const head = { colour: "classes", colours: Array(10).fill("#000000"), markers: ["test", "train"] };
            const of = (mk, type, marker) => js.shapeIndex({ head, mk }, type, marker);
            return [
                Array.from({ length: 40 }, (_, type) => [0, 1].map((marker) => of([], type, marker))),
                Array.from({ length: 80 }, (_, type) => of(null, type, 0)),
                of([], 255, 1),
            ];
        }""",
        SCRIPT,
    )
    both, single, unlabelled = shapes
    looks = {(k % 10, shape) for k, pair in enumerate(both) for shape in pair}
    assert len(looks) == 80
    assert both[0] == [0, 1]  # test circles, train triangles, as the legend of the splits shows
    assert len({(k % 10, shape) for k, shape in enumerate(single)}) == 80
    assert unlabelled == 1
