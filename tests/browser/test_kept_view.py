"""What a reader did to a figure, in a real Chromium, while a run in training adds epochs to it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from core.store import run_lock
from tests.browser.test_curves_tradeoff import chart

SOURCE, RUN, MAIN = "bundled-digits-beta-1", "in-training-1", "curves-negative_elbo-0"
RANGES = "g => [g._fullLayout.xaxis.range.map(Number), g._fullLayout.yaxis.range.map(Number)]"
AUTO = "g => [g._fullLayout.xaxis.autorange, g._fullLayout.yaxis.autorange]"
HIDDEN = "g => g._fullData.filter(t => t.visible === 'legendonly').length"
EPOCHS = "g => Math.max(...g.calcdata.map(c => c[0].trace.meta[0].startsWith('In training') ? c.length : 0))"


@dataclass
class Training:
    """A stored run that looks as it does while a process trains it, and grows when it is told to."""

    store: Path
    url: str
    lines: list[str]
    epochs: int = 0

    def grow(self, count: int = 1) -> int:
        """Add epochs to the history; how many there are now."""
        with (self.store / RUN / "history.jsonl").open("a") as file:
            file.writelines(self.lines[self.epochs : self.epochs + count])
            file.flush()
            os.fsync(file.fileno())
        self.epochs += count
        return self.epochs


@pytest.fixture(scope="module")
def training(
    serve: Callable[..., str], repo: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Training]:
    store = tmp_path_factory.mktemp("training")
    for name in (SOURCE, RUN):
        shutil.copytree(repo / "checkpoints" / SOURCE, store / name)
    document = json.loads((store / RUN / "run.json").read_text())
    document |= {"id": RUN, "name": "In training", "state": "running"}
    (store / RUN / "run.json").write_text(json.dumps(document))
    history = store / RUN / "history.jsonl"
    lines = history.read_text().splitlines(keepends=True)
    history.write_text("")
    with run_lock(store / RUN):
        one = Training(store, serve(repo / "streamlit_app.py", env={"VAESCOPE_STORE": str(store)}), lines)
        one.grow(8)
        yield one


@pytest.fixture
def curves(page: Page, training: Training) -> Iterator[Callable[[str], Locator]]:
    def goto(query: str) -> Locator:
        page.set_viewport_size({"width": 1440, "height": 1200})
        page.goto(
            training.url
        )  # the page's own address first asks for files below it, which is not our error
        page.goto(f"{training.url}/curves?{query}")
        drawn = chart(page, MAIN)
        wait_for(page, training.epochs)
        return drawn

    yield goto
    assert [error for error in page.console_errors if "_stcore" not in error] == []
    assert page.outside_requests == []


def wait_for(page: Page, epochs: int, key: str = MAIN) -> None:
    """Wait until a figure shows that many epochs of the run in training, and stands still."""
    shown = f"[...document.querySelectorAll('.st-key-{key} .js-plotly-plot')]"
    page.wait_for_function(  # while the page is drawn anew the old figure stays beside the new one for a moment
        f"n => {shown}.length === 1 && {shown}.every(g => g.calcdata && ({EPOCHS})(g) === n)",
        arg=epochs,
    )
    page.wait_for_timeout(300)  # Streamlit draws a new figure twice


def place(drawn: Locator, x: float, y: float) -> tuple[float, float]:
    """A place within the axes, as parts of their width and height, in the window."""
    box = drawn.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(page: Page, drawn: Locator, start: tuple[float, float], end: tuple[float, float]) -> Any:
    """Draw a box in a figure; the ranges of x and y."""
    before = drawn.evaluate(RANGES)
    page.mouse.move(*place(drawn, *start))
    page.mouse.down()
    page.mouse.move(*place(drawn, *end), steps=4)
    page.mouse.up()
    page.wait_for_function(
        f"([g, x1]) => ({RANGES})(g)[0][1] < x1", arg=[drawn.element_handle(), before[0][1]]
    )
    return drawn.evaluate(RANGES)


def test_a_zoom_outlives_new_epochs_until_a_double_click(
    page: Page, curves: Callable[[str], Locator], training: Training
) -> None:
    drawn = curves(f"runs={RUN},{SOURCE}")
    whole = drawn.evaluate(RANGES)
    drawn.locator(".legendtoggle").last.click()  # the finished run, whose 200 epochs would fix the axis
    expect(drawn.locator(".legendtext")).to_have_count(2)
    page.wait_for_function(f"g => ({HIDDEN})(g) === 2", arg=drawn.element_handle())
    zoomed = drag(page, drawn, (0.2, 0.2), (0.6, 0.7))
    for count in (1, 2):
        wait_for(page, training.grow(count))
        assert drawn.evaluate(RANGES) == zoomed
        assert drawn.evaluate(HIDDEN) == 2
    page.mouse.dblclick(*place(drawn, 0.5, 0.5))
    page.wait_for_function(f"g => ({AUTO})(g).every(Boolean)", arg=drawn.element_handle())
    followed = drawn.evaluate(RANGES)
    assert followed[0][1] < whole[0][1]
    wait_for(page, training.grow(5))
    assert drawn.evaluate(AUTO) == [True, True]
    assert drawn.evaluate(RANGES)[0][1] > followed[0][1]


def test_a_drag_under_way_goes_on_over_new_epochs(
    page: Page, curves: Callable[[str], Locator], training: Training
) -> None:
    drawn = curves(f"runs={RUN}")
    page.mouse.move(*place(drawn, 0.2, 0.2))
    page.mouse.down()
    page.mouse.move(*place(drawn, 0.4, 0.5), steps=3)
    start = drawn.evaluate("g => g._fullLayout.xaxis.p2l(0.2 * g._fullLayout.xaxis._length)")
    wait_for(page, training.grow())
    assert drawn.evaluate(AUTO) == [True, True]  # not let go of by itself
    expect(drawn.locator(".zoombox")).to_have_count(1)
    page.mouse.move(*place(drawn, 0.7, 0.8), steps=3)
    page.mouse.up()
    page.wait_for_function(f"g => !({AUTO})(g)[0]", arg=drawn.element_handle())
    zoomed = drawn.evaluate(RANGES)
    assert zoomed[0][0] == pytest.approx(start, abs=0.1)
    wait_for(page, training.grow())
    assert drawn.evaluate(RANGES) == zoomed
    expect(page.locator(".dragcover")).to_have_count(0)


def test_each_of_four_figures_keeps_its_own_zoom_on_a_full_screen_too(
    page: Page, curves: Callable[[str], Locator], training: Training, screenshots: Path
) -> None:
    drawn = curves(f"runs={RUN}&quantity=all&logy=1")
    key = "curves-distortion-0"
    other = chart(page, key)
    zoomed = drag(page, other, (0.3, 0.1), (0.8, 0.9))
    wait_for(page, training.grow(), key)
    assert other.evaluate(RANGES) == zoomed
    wait_for(page, training.epochs)
    assert drawn.evaluate(AUTO) == [True, True]

    other.hover()
    other.locator('[data-title="Fullscreen"]').click()
    wide = other.locator('[data-title="Close fullscreen"]')
    expect(wide).to_have_count(1)
    wait_for(page, training.grow(), key)
    expect(wide).to_have_count(1)
    assert other.evaluate(RANGES) == zoomed
    page.screenshot(path=screenshots / "curves-full-screen.png")
    wide.click()
    expect(wide).to_have_count(0)
    wait_for(page, training.grow(), key)
    expect(wide).to_have_count(0)
    # on a linear axis the range would mean something else
    page.get_by_text("Log values").click()
    shown = f"[...document.querySelectorAll('.st-key-{key} .js-plotly-plot')]"
    page.wait_for_function(
        f"() => {shown}.length && {shown}.every(g => g._fullLayout?.yaxis.type === 'linear')"
    )
    wait_for(page, training.epochs, key)
    assert other.evaluate(AUTO) == [True, True]
