"""Very wide and narrow windows in a real browser: what grows, and that maps still know where the pointer is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from core.latents import load_latents
from tests.browser.maps import Map

ONE, TENTH = "bundled-digits-beta-1", "bundled-digits-beta-0p1"
Settle = Callable[[Any], None]
LINK = f"/compare?runs={ONE},{TENTH}&split=test&quantity=rate"


def visit(page: Page, url: str, settle: Settle, width: int) -> Map:
    page.set_viewport_size({"width": width, "height": 2000})
    page.goto(url + LINK)
    # the largest windows are drawn slowest: a page of eight megapixels without a graphics card
    expect(page.get_by_test_id("latent-map")).to_have_count(1)
    shown = Map(page)
    expect(page.locator(".js-plotly-plot")).to_have_count(1)  # the curves
    settle(page)
    return shown


def heights(page: Page) -> list[float]:
    return page.evaluate("() => [...document.querySelectorAll('.js-plotly-plot')].map(e => e.offsetHeight)")


@pytest.mark.parametrize("width, scale", [(2400, 1.25), (3000, 1.5)])
def test_a_very_wide_page_is_larger_and_its_maps_know_the_pointer(
    page: Page, app_url: str, settle: Settle, repo: Path, width: int, scale: float
) -> None:
    visit(page, app_url, settle, 1440)
    usual = heights(page)
    shown = visit(page, app_url, settle, width)
    page.wait_for_function(
        "([first, scale]) => document.querySelector('.js-plotly-plot')?.offsetHeight === Math.floor(first * scale)",
        arg=[usual[0], scale],
    )
    assert heights(page) == [pytest.approx(scale * one, abs=1) for one in usual]
    picture = page.get_by_role("img", name="12 prior samples of A and B")
    own, drawn = picture.evaluate("e => [e.naturalWidth, e.getBoundingClientRect().width]")
    assert drawn == pytest.approx(scale * own, abs=1)
    assert page.evaluate("() => getComputedStyle(document.documentElement).fontSize") == f"{16 * scale:g}px"
    # what the link chose is chosen: the page was loaded anew before its widgets were there
    expect(page.get_by_role("radio", name="Rate R")).to_be_checked()
    ids = load_latents(repo / "checkpoints" / ONE / "latents-test.npz").ids
    for one in ids[:3].tolist():
        page.mouse.move(*shown.call("toClient", "B-latent", one))
        hovered = shown.call("hoverId")
        here, there = (shown.call("toClient", "B-latent", other) for other in (one, hovered))
        # another point may lie closer to the whole pixel
        assert abs(here[0] - there[0]) + abs(here[1] - there[1]) < 6
    view = shown.call("view", "A-latent")
    inner = [(view["x0"] + 0.01, view["y0"] + 0.01), (view["x1"] - 0.01, view["y1"] - 0.01)]
    shown.drag([shown.place("A-latent", *corner) for corner in inner], held="Alt")
    shown.wait_selected(360)
    tip = shown.root.locator(".tip")
    page.mouse.move(*shown.call("toClient", "A-latent", int(ids[0])))
    expect(tip).to_be_visible()
    box, at = tip.bounding_box(), shown.call("toClient", "A-latent", shown.call("hoverId"))
    assert box is not None
    assert min(abs(box["x"] - at[0]), abs(box["x"] + box["width"] - at[0])) < 40 * scale
    assert page.console_errors == []  # type: ignore[attr-defined]


def test_a_window_that_is_drawn_larger_is_looked_at_again(page: Page, app_url: str, settle: Settle) -> None:
    visit(page, app_url, settle, 1440)
    first = heights(page)[0]
    page.set_viewport_size({"width": 3000, "height": 2000})
    page.wait_for_function(
        "first => document.querySelector('.js-plotly-plot').offsetHeight === Math.floor(first * 1.5)",
        arg=first,
    )
    expect(page.get_by_role("radio", name="Rate R")).to_be_checked()


def test_a_laptop_loses_little_beside_the_page(page: Page, app_url: str, settle: Settle) -> None:
    visit(page, app_url, settle, 1280)
    box = page.get_by_test_id("stMainBlockContainer")
    assert box.evaluate("e => getComputedStyle(e).paddingLeft") == "40px"
    assert page.evaluate("() => document.cookie.includes('vaescope')") is False
