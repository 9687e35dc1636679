"""Nothing jumps: what comes later finds its room, at every width, and a click moves nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.maps import Map

Settle = Callable[[Any], None]
RUN = "bundled-digits-beta-1"
# Heights of a component's place in the page from the moment at which it is there, before its script has run.
WATCH = """(name) => {
    window.heights = [];
    const look = () => {
        const one = document.querySelector(`.st-key-${name}`);
        if (one) window.heights.push(one.getBoundingClientRect().height);
    };
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
    const next = () => { look(); requestAnimationFrame(next); };
    next();
}"""


def to(page: Page, title: str, settle: Settle) -> None:
    """Follow a link of the sidebar."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    settle(page)


def room_and_heights(page: Page, name: str) -> tuple[float, list[float]]:
    """The height that a watched component has now, and all that it had on the way."""
    box = page.locator(f".st-key-{name}").bounding_box()
    assert box is not None
    return box["height"], page.evaluate("window.heights")


def top_of(page: Page, heading: str) -> float:
    """Where a heading stands, in pixels from the top of the page's content."""
    return float(
        page.get_by_role("heading", name=heading).evaluate(
            "e => e.getBoundingClientRect().top + document.querySelector('[data-testid=stMain]').scrollTop"
        )
    )


@pytest.mark.parametrize("width, height", [(1280, 900), (1440, 1000), (3840, 2160)])
def test_a_page_that_is_opened_again_has_the_map_s_room_from_the_start(
    page: Page, app_url: str, settle: Settle, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{app_url}/latent?run={RUN}&split=test&n=4")
    settle(page)
    Map(page, index=0, of=2)
    to(page, "Runs", settle)
    expect(page.get_by_test_id("latent-map")).to_have_count(0)
    page.evaluate(WATCH, "latent-map")
    to(page, "Latent space", settle)
    Map(page, index=0, of=2)
    own, heights = room_and_heights(page, "latent-map")
    assert heights
    assert max(abs(one - own) for one in heights) <= 1


@pytest.mark.parametrize(
    "title, name, off", [("Latent space", "latent-map", 30), ("Edit images", "edit-gallery", 62)]
)
def test_the_first_visit_finds_about_the_room(
    page: Page, app_url: str, settle: Settle, title: str, name: str, off: int
) -> None:
    """Nobody has seen it yet: the room is the one that Python asks for, but for a row of the legend or of images."""
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.goto(app_url)
    settle(page)
    page.evaluate(WATCH, name)
    to(page, title, settle)
    page.locator(f".st-key-{name}[data-own-height]").wait_for()
    own, heights = room_and_heights(page, name)
    assert heights
    assert max(abs(one - own) for one in heights) <= off


def test_a_click_on_a_point_moves_nothing(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/latent?run={RUN}&split=test&n=4")
    settle(page)
    shown = Map(page, index=0, of=2)
    expect(page.get_by_alt_text("Reconstruction at the mean").first).to_be_visible()
    before = [top_of(page, name) for name in ("The place", "Decoded manifold")]
    points = shown.call("shownIds")
    shown.root.scroll_into_view_if_needed()
    page.mouse.click(*shown.call("toClient", "latent", points[40]))
    expect(page.get_by_text("test image 0", exact=False)).to_have_count(0)
    settle(page)
    assert [top_of(page, name) for name in ("The place", "Decoded manifold")] == pytest.approx(before, abs=1)


@pytest.mark.parametrize("height, row", [(2160, 2160 / 1.5 / 2), (1100, 520)])
def test_a_high_and_wide_window_lets_the_maps_grow(
    page: Page, app_url: str, settle: Settle, height: int, row: float
) -> None:
    """From 3,000 px wide the page is 1.5 times as large; a row of maps may then take half of the window's height."""
    page.set_viewport_size({"width": 3840, "height": height})
    page.goto(f"{app_url}/latent?run={RUN}&split=test&n=4")
    settle(page)
    shown = Map(page, index=0, of=2)
    page.wait_for_function(
        "([root, high]) => Math.abs(root.__latentMap.rect('latent').h - high) <= 2",
        arg=[shown.root.element_handle(), row - 72],
    )
