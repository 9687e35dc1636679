"""Every page in a real browser, as a person opens it: from the menu and by link, light and dark, wide and narrow."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from dashboard.app import PAGES, PageRow
from dashboard.state import GRACE
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


def every_way_between(rows: Sequence[PageRow]) -> list[PageRow]:
    """A walk that begins and ends at the first page and goes from each page to each other one once."""
    left = {row: [other for other in rows if other is not row] for row in rows}
    walk, path = [], [rows[0]]
    while path:  # Hierholzer's algorithm: every page has as many ways in as out
        path.append(left[path[-1]].pop()) if left[path[-1]] else walk.append(path.pop())
    return walk[::-1]


def click_in_menu(page: Page, row: PageRow) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=row.title, exact=True).click()
    expect(page.get_by_role("heading", name=row.title, level=1, exact=True)).to_be_visible()


def test_the_menu_leads_from_every_page_to_every_other(page: Page, app_url: str, settle: Settle) -> None:
    walk = every_way_between(PAGES)
    assert {(a.module, b.module) for a, b in pairwise(walk)} == {
        (a.module, b.module) for a in PAGES for b in PAGES if a is not b
    }
    page.set_viewport_size({"width": WIDTH, "height": 1000})
    page.goto(app_url)
    settle(page)
    for row in walk[1:]:
        click_in_menu(page, row)
        # opened without a choice it draws as much as its picture: no empty picker, no page that waits to be told
        wait_until_drawn(page, VIEWS[row.module])
        assert page.url.startswith(address(app_url, row.module))
        settle(page)
        all_is_well(page)


def test_what_pages_share_is_chosen_once(page: Page, app_url: str, settle: Settle) -> None:
    latent, compare = (next(row for row in PAGES if row.module == name) for name in ("latent", "compare"))
    page.goto(f"{app_url}/latent")
    settle(page)
    for choice in ("Train", "Posterior samples"):
        page.get_by_role("radio", name=choice, exact=True).click()
        settle(page)
    for row in (compare, latent):
        click_in_menu(page, row)
        for choice in ("Train", "Posterior samples"):
            expect(page.get_by_role("radio", name=choice, exact=True)).to_be_checked()
        settle(page)
        assert "split=train" in page.url
        assert "show=samples" in page.url
        all_is_well(page)


def test_back_undoes_a_choice_and_then_leaves_the_page(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(app_url)
    settle(page)
    page.goto(f"{app_url}/latent?run=bundled-digits-beta-1")
    settle(page)
    both, train = (page.get_by_role("radio", name=name, exact=True) for name in ("Both", "Train"))
    expect(both).to_be_checked()
    before = page.evaluate("history.length")
    train.click()
    page.wait_for_url("**/latent?*split=train*")
    settle(page)
    page.get_by_role("radio", name="Posterior samples", exact=True).click()
    page.wait_for_url("**/latent?*show=samples*")
    settle(page)
    # one step for each choice, none for what did not change
    assert page.evaluate("history.length") == before + 2
    page.wait_for_timeout(1000 * GRACE)  # what comes sooner is taken for an address that was on its way
    page.go_back()
    page.wait_for_url(lambda url: "show=" not in url)
    expect(page.get_by_role("radio", name="Posterior means", exact=True)).to_be_checked()
    settle(page)
    expect(train).to_be_checked()
    page.go_back()
    page.wait_for_url(lambda url: "split=" not in url)
    expect(both).to_be_checked()
    settle(page)
    page.go_back()
    page.wait_for_url(f"{app_url}/")
    all_is_well(page)


def test_the_run_in_hand_goes_along(page: Page, app_url: str, settle: Settle) -> None:
    page.goto(f"{app_url}/latent?run=bundled-digits-8d")
    settle(page)
    for name, picker, chosen in (("tradeoff", "Board", "8-D latent"), ("compare", "Run A", "8 dimensions")):
        click_in_menu(page, next(row for row in PAGES if row.module == name))
        box = page.get_by_role("combobox", name=picker, exact=True)
        expect(box).to_have_value(re.compile(chosen))
        settle(page)
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
        page.wait_for_function(FITS, arg=width)  # charts take their new width a little later
    all_is_well(page)
