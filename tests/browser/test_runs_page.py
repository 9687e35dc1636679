"""The Runs page in a real browser: its table, its thumbnails, a choice that lasts, and the way to other pages."""

import io
import json
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from core.store import disk_use, list_trash, purge, read_record, size_text
from dashboard.pages._runs_choice import ROW
from dashboard.pages._runs_table import COLUMNS, SELECTED
from tests.conftest import REPO, copy_bundled

if TYPE_CHECKING:
    from playwright.sync_api import Page

HEADER, BOXES = 36, 34
"""Pixels: height of the head, width of the column of boxes."""
MARKUP = "<script>document.title='bad'</script> <b>b</b> **s** $x$ :smile:"
BY_NAME = "/?order=name&find=bundled-digits-beta"


@pytest.fixture(scope="module")
def own(serve: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Address and store of a server whose runs these tests change."""
    store = copy_bundled(tmp_path_factory.mktemp("runs-page") / "checkpoints")
    return serve(REPO / "streamlit_app.py", env={"VAESCOPE_STORE": str(store)}), store


def grid(page: "Page") -> Any:
    return page.locator("[data-testid=stDataFrame] .dvn-scroller")


def wait_for_grid(page: "Page", settle: Callable[[Any], None]) -> None:
    page.set_viewport_size(
        {"width": 1440, "height": 900}
    )  # all columns are in view, and only those are drawn
    page.wait_for_selector("[data-testid=stDataFrame] canvas tbody tr", state="attached")
    settle(page)


def tick(page: "Page", row: int) -> None:
    """Click the box at the left of a row."""
    grid(page).click(position={"x": 17, "y": HEADER + ROW * row + ROW // 2})


def button(page: "Page", key: str) -> Any:
    """An action that can be clicked."""
    return page.locator(f".st-key-runs-{key} button:not([disabled])")


def column(page: "Page", title: str) -> list[str]:
    """What the cells of a column say, read from the table that the canvas keeps for screen readers."""
    return page.evaluate(
        """title => {
            const table = document.querySelector('[data-testid=stDataFrame] canvas table');
            const heads = [...table.querySelectorAll('th')].map(cell => cell.textContent.trim());
            const at = heads.indexOf(title);
            return [...table.querySelectorAll('tbody tr')].map(row => row.children[at]?.textContent.trim());
        }""",
        title,
    )


def new_run(store: Path, run_id: str, name: str, **changes: Any) -> Path:
    """A run of the user's own: a copy of a bundled one under another name."""
    folder = store / run_id
    left_out = shutil.ignore_patterns("run.json")
    shutil.copytree(store / "bundled-digits-beta-1", folder, ignore=left_out, dirs_exist_ok=True)
    document = json.loads((store / "bundled-digits-beta-1" / "run.json").read_text())
    document |= {"id": run_id, "name": name, "bundled": False, **changes}
    (folder / "run.json").write_text(json.dumps(document))
    return folder


def coloured(png: bytes) -> int:
    """Pixels far from grey in the left part of the table, where the thumbnails are."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)[HEADER:, 34:100]
    return int((pixels.max(axis=2) - pixels.min(axis=2) > 60).sum())


def test_table_and_thumbnails(
    page: "Page", app_url: str, settle: Callable[[Any], None], screenshots: Path
) -> None:
    page.goto(f"{app_url}/?family=coae")
    wait_for_grid(page, settle)
    assert column(page, "Name") == ["Digits, convolutional autoencoder"]
    # the picture in the row has the colours of classes, which nothing else in the table has
    picture = page.locator("[data-testid=stDataFrame]").screenshot(path=screenshots / "runs-one.png")
    assert coloured(picture) > 100
    page.goto(f"{app_url}/?find=beta")  # few enough to be drawn without scrolling
    wait_for_grid(page, settle)
    assert "Digits, beta 1" in column(page, "Name")
    page.screenshot(path=screenshots / "runs.png")
    assert page.console_errors == []
    assert page.get_by_test_id("stAlert").count() == 0


def head_of(column: str) -> float:
    """Where the name of a column begins, in pixels from the table's left edge; at its right end opens a menu."""
    names = [
        name for name in COLUMNS if name not in SELECTED
    ]  # those stand there while a selection is chosen
    return BOXES + sum(COLUMNS[name]["width"] for name in names[: names.index(column)]) + 12


def test_two_runs_compare_and_one_opens(page: "Page", app_url: str, settle: Callable[[Any], None]) -> None:
    page.goto(app_url + BY_NAME)
    wait_for_grid(page, settle)
    names = column(page, "Name")
    assert names[:2] == ["Digits, beta 0", "Digits, beta 0.05"]
    tick(page, 1)
    button(page, "open").wait_for()
    tick(page, 0)
    button(page, "compare").click()
    page.wait_for_url("**/compare?*")
    assert parse_qs(urlparse(page.url).query)["runs"] == ["bundled-digits-beta-0,bundled-digits-beta-0p05"]
    page.goto(app_url + BY_NAME)
    wait_for_grid(page, settle)
    tick(page, 1)
    button(page, "open").click()
    page.wait_for_url("**/latent?*")
    assert parse_qs(urlparse(page.url).query)["run"] == ["bundled-digits-beta-0p05"]
    assert page.console_errors == []


def test_a_choice_means_the_row_that_is_seen_when_sorted(
    page: "Page", app_url: str, settle: Callable[[Any], None]
) -> None:
    page.goto(app_url + BY_NAME)
    wait_for_grid(page, settle)
    values = dict(zip(column(page, "Name"), map(float, column(page, "R")), strict=True))
    by_value = sorted(values, key=values.__getitem__)
    grid(page).click(position={"x": head_of("rate"), "y": HEADER // 2})
    page.wait_for_function(
        "name => document.querySelector('[data-testid=stDataFrame] canvas tbody tr').textContent.includes(name)",
        arg=by_value[0],
    )
    assert column(page, "Name") == by_value
    tick(page, 1)
    page.get_by_text(f"{by_value[1]}: recipe").wait_for()
    page.wait_for_timeout(5000)  # the table's clock leaves order and choice alone
    assert column(page, "Name") == by_value
    assert page.get_by_text(f"{by_value[1]}: recipe").count() == 1


def test_weights_sort_by_their_size(page: "Page", app_url: str, settle: Callable[[Any], None]) -> None:
    page.goto(app_url + BY_NAME)
    wait_for_grid(page, settle)
    weights = dict(zip(column(page, "Name"), map(float, column(page, "Weight")), strict=True))
    assert weights["Digits, beta 0"] == float("inf")
    by_weight = sorted(weights, key=weights.__getitem__)
    grid(page).click(position={"x": head_of("weight"), "y": HEADER // 2})
    page.wait_for_function(
        "name => document.querySelector('[data-testid=stDataFrame] canvas tbody tr').textContent.includes(name)",
        arg=by_weight[0],
    )
    assert column(page, "Name") == by_weight  # 16, 21.333, ... 1280, infinite: as text 128 comes before 16


def test_a_new_run_appears_by_itself_and_the_choice_stays(
    page: "Page", own: tuple[str, Path], settle: Callable[[Any], None]
) -> None:
    url, store = own
    page.goto(f"{url}/?find=beta")  # few enough to be drawn without scrolling
    wait_for_grid(page, settle)
    before = column(page, "Name")
    tick(page, 0)
    page.get_by_text(f"{before[0]}: recipe").wait_for()
    identity = f"live-{secrets.token_hex(3)}"  # a second try finds the first one's run gone
    (store / identity).mkdir()
    with FileLock(store / identity / "lock"):  # as a process that trains holds it
        try:
            folder = new_run(
                store,
                identity,
                f"{MARKUP} beta",
                state="running",
                epoch=3,
                created="2099-01-01T00:00:00+00:00",
            )
            page.wait_for_function(
                "count => document.querySelectorAll('[data-testid=stDataFrame] canvas tbody tr').length > count",
                arg=len(before),
            )
            assert column(page, "Name")[0] == f"{MARKUP} beta"
            assert column(page, "State")[0] == "running, 3 of 200"
            # the chosen run moved one row down, and is still the chosen one
            assert page.get_by_text(f"{before[0]}: recipe").count() == 1
            document = json.loads((folder / "run.json").read_text())
            (folder / "run.json").write_text(json.dumps(document | {"epoch": 4}))
            page.wait_for_function(
                "() => document.querySelector('[data-testid=stDataFrame] canvas tbody')"
                ".textContent.includes('4 of 200')",
            )
            assert page.get_by_text(f"{before[0]}: recipe").count() == 1
        finally:
            shutil.rmtree(store / identity)
    assert page.title() != "bad"
    assert page.console_errors == []


@pytest.mark.parametrize("width, fits", [(1440, True), (420, False)])
def test_the_table_fits_the_page_or_scrolls_in_itself(
    page: "Page", own: tuple[str, Path], settle: Callable[[Any], None], width: int, fits: bool
) -> None:
    page.goto(own[0])
    wait_for_grid(page, settle)
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_function(
        """fits => {
            const table = document.querySelector("[data-testid=stDataFrame] .dvn-scroller");
            const main = document.querySelector("[data-testid=stMain]");
            return main.scrollWidth <= main.clientWidth && (table.scrollWidth <= table.clientWidth) === fits;
        }""",
        arg=fits,
    )
    if fits:
        assert column(page, "Started")[0].startswith("20")


def press_in(page: "Page", dialog: Any, name: str) -> None:
    dialog.get_by_role("button", name=name, exact=True).click()
    dialog.wait_for(state="detached")


def test_tags_the_trash_and_back(page: "Page", own: tuple[str, Path], settle: Callable[[Any], None]) -> None:
    url, store = own
    purge(list_trash(store))  # what a try that failed half-way left over
    for left in store.glob("mine-*"):
        shutil.rmtree(left)
    folders = [
        new_run(store, f"mine-{k}bbbbb", f"{MARKUP} {k}", created=f"2099-01-0{k}T00:00:00+00:00")
        for k in (1, 2)
    ]
    dialog = page.get_by_role("dialog")
    page.goto(f"{url}/?find=mine-")
    wait_for_grid(page, settle)
    tick(page, 0)
    page.get_by_text(f"{MARKUP} 2: recipe").wait_for()
    tick(page, 1)
    page.get_by_text("2 chosen").wait_for()
    # tags, typed and saved for both at once
    button(page, "tag").click()
    dialog.get_by_role("textbox", name="New tags").fill("Paper, <i>x</i>")
    press_in(page, dialog, "Save")
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stDataFrame] canvas tbody').textContent.includes('paper')"
    )
    wait_for_grid(page, settle)
    assert column(page, "Tags") == ["<i>x</i>, paper"] * 2
    page.goto(f"{url}/?tags=paper")
    wait_for_grid(page, settle)
    assert column(page, "Name") == [f"{MARKUP} 2", f"{MARKUP} 1"]
    # to the trash, with one question that names both and outlives the table's own clock
    tick(page, 0)
    page.get_by_text(f"{MARKUP} 2: recipe").wait_for()
    tick(page, 1)
    page.get_by_text("2 chosen").wait_for()
    size = size_text(sum(disk_use(folder) for folder in folders))
    button(page, "delete").click()
    dialog.get_by_text(f"2 runs will move to the trash, {size} in all").wait_for()
    for k in (1, 2):
        dialog.get_by_text(f"{MARKUP} {k}").wait_for()  # a dialog's parts come one after the other
    page.wait_for_timeout(5000)
    assert dialog.is_visible()
    assert all(folder.exists() for folder in folders)
    press_in(page, dialog, "Delete 2 runs")
    page.get_by_text(f"2 in the trash ({size})").wait_for()
    assert not any(folder.exists() for folder in folders)
    # the trash has an address; one comes back, whole
    page.get_by_role("radio", name="Trash").click()
    page.wait_for_url("**/?*view=trash*")
    page.reload()
    wait_for_grid(page, settle)
    assert sorted(column(page, "Name")) == [f"{MARKUP} 1", f"{MARKUP} 2"]
    first = column(page, "Name").index(f"{MARKUP} 1")
    tick(page, first)
    button(page, "restore").click()
    page.get_by_text("1 run in the trash").wait_for()
    wait_for_grid(page, settle)
    assert column(page, "Name") == [f"{MARKUP} 2"]
    assert read_record(folders[0]).tags == ("<i>x</i>", "paper")
    # emptied, after a question that says what that frees
    (entry,) = list_trash(store)
    button(page, "empty").click()
    dialog.get_by_text(f"which frees {size_text(entry.size)}").wait_for()
    assert list_trash(store) == [entry]
    press_in(page, dialog, "Delete 1 run for good")
    page.get_by_text("The trash is empty").wait_for()
    assert list_trash(store) == []
    assert not folders[1].exists()
    page.get_by_role("radio", name="Runs", exact=True).click()
    wait_for_grid(page, settle)
    assert f"{MARKUP} 1" in column(page, "Name")
    shutil.rmtree(folders[0])
    assert page.title() != "bad"
    assert page.console_errors == []
