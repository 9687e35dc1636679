"""Every page in a real browser, as a person opens it: from the menu and by link, light and dark, wide and narrow."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from dashboard.app import PAGES, PageRow
from tests.browser.pictures import HOME, VIEWS, WIDTH, address, take, wait_until_drawn

Settle = Callable[[Any], None]
WIDTHS = (1440, 1280, 420)
ROWS = [pytest.param(row, id=row.module) for row in PAGES]
FITS = """(width) => innerWidth === width && [document.documentElement, document.querySelector("[data-testid=stMain]")]
    .every((box) => box.scrollWidth <= box.clientWidth)"""


def all_is_well(page: Page) -> None:
    """No exception, no alert of an error, nothing said on the console, nothing asked from elsewhere."""
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.console_errors == []  # type: ignore[attr-defined]
    assert page.outside_requests == []  # type: ignore[attr-defined]


def test_every_page_has_a_view_that_says_what_is_drawn_on_it() -> None:
    assert [row.module for row in PAGES if row.module not in VIEWS] == []
    assert PAGES[0].module == HOME


def test_the_menu_opens_every_page(page: Page, app_url: str, settle: Settle) -> None:
    page.set_viewport_size({"width": WIDTH, "height": 1000})
    page.goto(app_url)
    settle(page)
    menu = page.get_by_test_id("stSidebarNav")
    for row in (*PAGES[1:], PAGES[0]):
        menu.get_by_role("link", name=row.title, exact=True).click()
        expect(page.get_by_role("heading", name=row.title, level=1, exact=True)).to_be_visible(timeout=30_000)
        # opened without a choice it draws as much as its picture: no empty picker, no page that waits to be told
        wait_until_drawn(page, VIEWS[row.module])
        assert page.url.startswith(address(app_url, row.module))
        all_is_well(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("row", ROWS)
def test_a_page_opens_by_its_link_fits_and_has_its_picture_taken(
    page: Page, app_url: str, screenshots: Path, row: PageRow, theme: Literal["light", "dark"]
) -> None:
    folder = screenshots / theme
    folder.mkdir(exist_ok=True)
    (picture,) = take(page, app_url, folder, theme=theme, names=[row.module])
    assert picture.stat().st_size > 20_000  # an empty page has less
    expect(page.get_by_role("heading", name=row.title, level=1, exact=True)).to_be_attached()
    shade = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    assert (sum(int(part) for part in shade[4:-1].split(",")) > 380) == (theme == "light")
    for width in WIDTHS if theme == "light" else ():
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_function(FITS, arg=width, timeout=10_000)  # charts take their new width a little later
    all_is_well(page)
