"""The Runs page in a real browser: its table, its thumbnails, a choice that lasts, and the way to other pages."""

import io
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from dashboard.pages._runs_table import COLUMNS
from tests.conftest import REPO, copy_bundled

if TYPE_CHECKING:
    from playwright.sync_api import Page

HEADER, ROW, BOXES = 36, 60, 33
"""Pixels: heights of the head and of a row, width of the column of boxes."""
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
    page.wait_for_selector("[data-testid=stDataFrame] canvas tbody tr", state="attached", timeout=30_000)
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
    page.goto(f"{app_url}/?family=ae")
    wait_for_grid(page, settle)
    assert column(page, "Name") == ["Digits, plain autoencoder"]
    # the picture in the row has the colours of classes, which nothing else in the table has
    picture = page.locator("[data-testid=stDataFrame]").screenshot(path=screenshots / "runs-one.png")
    assert coloured(picture) > 100
    page.goto(app_url)
    wait_for_grid(page, settle)
    assert "Digits, beta 1" in column(page, "Name")
    page.screenshot(path=screenshots / "runs.png")
    assert page.console_errors == []
    assert page.get_by_test_id("stAlert").count() == 0


def head_of(column: str) -> float:
    """Where the name of a column begins, in pixels from the table's left edge; at its right end opens a menu."""
    names = list(COLUMNS)
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


def test_a_new_run_appears_by_itself_and_the_choice_stays(
    page: "Page", own: tuple[str, Path], settle: Callable[[Any], None]
) -> None:
    url, store = own
    page.goto(f"{url}/?find=digits")
    wait_for_grid(page, settle)
    before = column(page, "Name")
    tick(page, 0)
    page.get_by_text(f"{before[0]}: recipe").wait_for()
    (store / "live-aaaaaa").mkdir()
    with FileLock(store / "live-aaaaaa" / "lock"):  # as a process that trains holds it
        folder = new_run(
            store,
            "live-aaaaaa",
            f"{MARKUP} digits",
            state="running",
            epoch=3,
            created="2099-01-01T00:00:00+00:00",
        )
        start = time.monotonic()
        page.wait_for_function(
            "count => document.querySelectorAll('[data-testid=stDataFrame] canvas tbody tr').length > count",
            arg=len(before),
            timeout=10_000,
        )
        assert time.monotonic() - start < 7  # five by design, and the machine may be busy
        assert column(page, "Name")[0] == f"{MARKUP} digits"
        assert column(page, "State")[0] == "running, 3 of 200"
        # the chosen run moved one row down, and is still the chosen one
        assert page.get_by_text(f"{before[0]}: recipe").count() == 1
        document = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(document | {"epoch": 4}))
        page.wait_for_function(
            "() => document.querySelector('[data-testid=stDataFrame] canvas tbody').textContent.includes('4 of 200')",
            timeout=10_000,
        )
        assert page.get_by_text(f"{before[0]}: recipe").count() == 1
    shutil.rmtree(folder)
    assert page.title() != "bad"
    assert page.console_errors == []


def test_delete_asks_and_deletes(page: "Page", own: tuple[str, Path], settle: Callable[[Any], None]) -> None:
    url, store = own
    folder = new_run(store, "mine-bbbbbb", MARKUP)
    page.goto(f"{url}/?find=mine-bbbbbb")
    wait_for_grid(page, settle)
    tick(page, 0)
    button(page, "delete").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(MARKUP).wait_for()
    page.wait_for_timeout(5000)  # longer than the table's own clock
    assert dialog.is_visible()
    assert folder.exists()
    dialog.get_by_role("button", name="Delete 1 run").click()
    dialog.wait_for(state="detached")
    page.get_by_text("No run fits these filters").wait_for()
    assert not folder.exists()
    assert page.title() != "bad"
    assert page.console_errors == []
