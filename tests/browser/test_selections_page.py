"""The Selections page in a real browser: a query kept, listed, found again after a reload, deleted, brought back."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from core.store import SELECTIONS, list_selections
from tests.browser.maps import Map
from tests.conftest import REPO, copy_bundled

Settle = Callable[[Any], None]
RUN = "bundled-digits-beta-1"
NAME = "<b>Hard</b> *threes* $x$"


@pytest.fixture(scope="module")
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of this file alone: what is kept here must not show up in the pictures of other tests."""
    return copy_bundled(tmp_path_factory.mktemp("selections") / "checkpoints")


@pytest.fixture
def url(own_store: Path, serve: Callable[..., str]) -> Iterator[str]:
    yield serve(REPO / "streamlit_app.py", env={"VAESCOPE_STORE": str(own_store)})
    for path in (own_store / SELECTIONS).glob("*.json"):
        path.unlink()


def open_at(page: Page, address: str, settle: Settle) -> None:
    page.set_viewport_size({"width": 1280, "height": 1400})
    page.goto(address)
    settle(page)
    expect(page.get_by_role("heading", name="Selections", level=1)).to_be_visible()


def keep(page: Page, url: str, settle: Settle, name: str = NAME) -> None:
    open_at(page, f"{url}/selections?part=query&run={RUN}&q-labels=3&q-negative_elbo-low=26", settle)
    page.get_by_role("button", name="Keep selection").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name="Keep", exact=True).click()
    expect(dialog).to_have_count(0)
    page.wait_for_url(re.compile("selection="))
    settle(page)


def test_kept_by_a_query_found_after_a_reload_deleted_and_brought_back(
    page: Page, url: str, own_store: Path, settle: Settle
) -> None:
    keep(page, url, settle)
    (made,) = list_selections(own_store)
    assert made.name == NAME
    heading = page.get_by_role("heading", name=NAME, exact=True)  # letter by letter: no HTML, no Markdown
    expect(heading).to_be_visible()
    expect(page.get_by_test_id("stDataFrame").first.locator("canvas tbody tr")).to_have_count(1)
    page.reload()
    settle(page)
    expect(heading).to_be_visible()
    assert f"selection={made.id}" in page.url
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("No selection is kept yet")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    settle(page)
    assert "selection=" not in page.url
    assert list_selections(own_store) == []
    page.get_by_role("button", name="Undo").click()
    expect(heading).to_be_visible()
    settle(page)
    assert list_selections(own_store) == [made]
    assert f"selection={made.id}" in page.url
    assert page.console_errors == []  # type: ignore[attr-defined]


def test_a_selection_cleared_on_a_map_is_in_use_no_more(page: Page, url: str, settle: Settle) -> None:
    keep(page, url, settle)
    link = f"{url}/latent?run={RUN}&split=test&{re.search('selection=[^&]+', page.url)[0]}"  # type: ignore[index]
    page.goto(link)
    shown = Map(page, index=0, of=2)
    expect(shown.root).not_to_have_attribute("data-selected", "0")
    settle(page)
    shown.root.get_by_role("button", name="Clear selection").click()
    page.wait_for_url(lambda address: "selection=" not in address)
    settle(page)
    page.reload()
    shown = Map(page, index=0, of=2)
    settle(page)
    expect(shown.root).to_have_attribute("data-selected", "0")
    expect(page.get_by_text("What these images show")).to_have_count(0)
    page.goto(link)  # the link means the same again
    expect(Map(page, index=0, of=2).root).not_to_have_attribute("data-selected", "0")


def test_pages_of_images_turn_and_the_link_says_which(page: Page, url: str, settle: Settle) -> None:
    open_at(page, f"{url}/selections?run={RUN}&q-size=12", settle)
    expect(page.get_by_text("Images 1 to 12 of 360")).to_be_visible()
    page.get_by_role("button", name="Page 2", exact=True).click()
    expect(page.get_by_text("Images 13 to 24 of 360")).to_be_visible()
    page.wait_for_url(re.compile("q-page=2"))
    settle(page)
    fresh = page.context.new_page()
    fresh.goto(page.url)
    expect(fresh.get_by_text("Images 13 to 24 of 360")).to_be_visible()
    fresh.close()
    # another number of images a page begins at the first
    page.get_by_role("combobox", name="Images a page").click()
    page.get_by_role("option", name="96", exact=True).click()
    expect(page.get_by_text("Images 97 to 192 of 360")).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Page 1", exact=True).click()
    expect(page.get_by_text("Images 1 to 96 of 360")).to_be_visible()
    settle(page)
    assert "q-page" not in page.url


def test_a_click_on_a_row_takes_it_in_use_and_back_undoes_it(
    page: Page, url: str, own_store: Path, settle: Settle
) -> None:
    for name in ("First", "Second"):
        keep(page, url, settle, name)
    ids = {one.name: one.id for one in list_selections(own_store)}
    open_at(page, f"{url}/selections?selection={ids['Second']}", settle)
    expect(page.get_by_role("heading", name="Second", exact=True)).to_be_visible()
    table = page.get_by_test_id("stDataFrame").first
    expect(table.locator("canvas tbody tr")).to_have_count(2)
    listed = table.locator("canvas tbody tr").all_text_contents()
    box = table.bounding_box()
    assert box
    row = next(k for k, text in enumerate(listed) if text.startswith("First"))
    page.mouse.click(box["x"] + 16, box["y"] + 36 + 35 * row + 17)
    expect(page.get_by_role("heading", name="First", exact=True)).to_be_visible()
    page.wait_for_url(re.compile(f"selection={ids['First']}"))
    settle(page)
    assert page.console_errors == []  # type: ignore[attr-defined]
    page.wait_for_timeout(1600)  # what comes sooner is taken for an address that was on its way
    page.go_back()
    expect(page.get_by_role("heading", name="Second", exact=True)).to_be_visible()
    settle(page)
    assert f"selection={ids['Second']}" in page.url
