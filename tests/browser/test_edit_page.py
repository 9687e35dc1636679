"""The Edit page in a real browser: thumbnails as buttons, the film that plays, the link that keeps it all."""

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from core.data import catalog

Settle = Callable[[Any], None]
RUN = "bundled-digits-beta-1"


@pytest.fixture
def edit(page: Page, app_url: str, settle: Settle) -> Page:
    page.set_viewport_size({"width": 1280, "height": 1600})
    page.goto(f"{app_url}/edit?run={RUN}")
    settle(page)
    expect(page.get_by_test_id("gallery").get_by_role("button")).to_have_count(40)
    return page


def rows(page: Page) -> list[str]:
    return re.findall(r"[?&]rows=([0-9%C,]+)", page.url)[0].replace("%2C", ",").split(",")


def test_thumbnails_are_chosen_by_mouse_and_by_keyboard(edit: Page, settle: Settle) -> None:
    before = rows(edit)
    gallery = edit.get_by_test_id("gallery")
    pressed = gallery.locator("button[aria-pressed=true]")
    free = [
        one for one in gallery.get_by_role("button").all() if one.get_attribute("aria-pressed") == "false"
    ]
    first, second = (one.get_attribute("data-id") for one in free[:2])
    count = pressed.count()
    gallery.locator(f"[data-id='{first}']").click()
    expect(pressed).to_have_count(count + 1)
    settle(edit)
    assert rows(edit) == [*before, first]
    expect(gallery.locator(f"[data-id='{first}'] .number")).to_have_text(str(len(before) + 1))
    gallery.locator(f"[data-id='{second}']").focus()
    edit.keyboard.press("Enter")
    expect(pressed).to_have_count(count + 2)
    settle(edit)
    expect(gallery.locator(f"[data-id='{second}']")).to_be_focused()  # the next key still goes to it
    gallery.locator(f"[data-id='{first}']").click()
    expect(pressed).to_have_count(count + 1)
    settle(edit)
    assert rows(edit) == [*before, second]
    assert edit.console_errors == []  # type: ignore[attr-defined]


def test_a_thumbnail_shows_its_own_image(edit: Page) -> None:
    images = catalog.load("digits", "test")
    free = edit.get_by_test_id("gallery").locator("button[aria-pressed=false]")
    for k in (0, 17, free.count() - 1):
        row = int(free.nth(k).get_attribute("data-id") or -1)
        place = int(np.flatnonzero(images.ids == row)[0])
        name = free.nth(k).get_attribute("aria-label")
        assert name == f"test image {row}, label {images.labels[place]}"
        shot = Image.open(io.BytesIO(free.nth(k).locator(".image").screenshot())).convert("L")
        # the middles of the enlarged pixels, but for those under the rounded corners
        middles = ((np.arange(1, 7) + 0.5) * shot.width / 8).astype(int)
        seen = np.asarray(shot)[np.ix_(middles, middles)]
        np.testing.assert_allclose(seen.astype(int), images.pixels[place, 0, 1:7, 1:7].astype(int), atol=3)


def test_the_film_plays_and_is_offered(edit: Page) -> None:
    film = edit.get_by_alt_text(re.compile("frames as a film")).first
    film.wait_for()
    data = edit.request.get(film.evaluate("e => e.src")).body()
    opened = Image.open(io.BytesIO(data))
    assert opened.format == "GIF"
    assert opened.n_frames > 20  # type: ignore[attr-defined]
    with edit.expect_download() as caught:
        edit.get_by_role("button", name="Film (GIF)").click()
    assert caught.value.suggested_filename.endswith(".gif")
    with open(caught.value.path(), "rb") as file:
        assert file.read() == data


def names(page: Page) -> list[str]:
    """What the thumbnails are called."""
    return (
        page.get_by_test_id("gallery")
        .get_by_role("button")
        .evaluate_all("all => all.map((one) => one.title)")
    )


def test_a_link_opens_the_same_view(edit: Page, page: Page, settle: Settle) -> None:
    edit.get_by_role("radio", name="Spherical", exact=True).click()
    edit.wait_for_url(re.compile("path=spherical"))
    settle(edit)
    before = names(edit)
    edit.get_by_role("button", name="Other images").click()
    edit.wait_for_url(re.compile("gallery="))
    settle(edit)
    fresh = page.context.browser.new_page()  # type: ignore[union-attr]
    try:
        fresh.goto(edit.url)
        settle(fresh)
        expect(fresh.get_by_role("radio", name="Spherical", exact=True)).to_be_checked()
        expect(fresh.get_by_test_id("gallery").get_by_role("button")).to_have_count(40)
        assert names(fresh) == names(edit)
        assert names(fresh) != before
    finally:
        fresh.close()
