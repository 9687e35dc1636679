"""The Edit page in a real browser: thumbnails as buttons, the film that plays, the link that keeps it all."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

Settle = Callable[[Any], None]
RUN = "bundled-digits-beta-1"


@pytest.fixture
def edit(page: Page, app_url: str, settle: Settle) -> Page:
    page.set_viewport_size({"width": 1280, "height": 1600})
    page.goto(f"{app_url}/edit?run={RUN}")
    settle(page)
    expect(page.get_by_test_id("gallery").get_by_role("button")).to_have_count(40, timeout=30_000)
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
    assert edit.evaluate("document.activeElement.shadowRoot?.activeElement?.dataset.id ?? ''") in (second, "")
    gallery.locator(f"[data-id='{first}']").click()
    expect(pressed).to_have_count(count + 1)
    settle(edit)
    assert rows(edit) == [*before, second]
    assert edit.console_errors == []  # type: ignore[attr-defined]


def test_a_thumbnail_shows_its_own_image(edit: Page) -> None:
    """The picture of each button is its own part of the sheet: two of them differ as their images do."""
    button = edit.get_by_test_id("gallery").get_by_role("button")
    name = button.nth(39).get_attribute("aria-label")
    assert re.fullmatch(r"(\d: )?test image \d+, label 9", name or "")
    shots = [Image.open(io.BytesIO(button.nth(k).screenshot())).convert("L") for k in (0, 39)]
    assert shots[0].tobytes() != shots[1].tobytes()


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


def test_a_link_opens_the_same_view(edit: Page, page: Page, settle: Settle) -> None:
    edit.get_by_role("radio", name="Spherical", exact=True).click()
    settle(edit)
    edit.get_by_role("button", name="Other images").click()
    settle(edit)
    url = edit.url
    assert "path=spherical" in url
    names = [
        one.get_attribute("aria-label") for one in edit.get_by_test_id("gallery").get_by_role("button").all()
    ]
    fresh = page.context.browser.new_page()  # type: ignore[union-attr]
    try:
        fresh.goto(url)
        settle(fresh)
        expect(fresh.get_by_role("radio", name="Spherical", exact=True)).to_be_checked()
        again = fresh.get_by_test_id("gallery").get_by_role("button")
        expect(again).to_have_count(40, timeout=30_000)
        assert [one.get_attribute("aria-label") for one in again.all()] == names
    finally:
        fresh.close()
