"""Loss curves and the beta trade-off in a real Chromium: zoom, live training, a clicked run, the slider."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from scipy.stats import norm

from core.config import RunConfig
from core.latents import load_latents
from tests.browser.maps import Map

RANGE = "g => g._fullLayout.xaxis.range.map(Number)"
PLACE = """(g, run) => {
  const box = g.getBoundingClientRect(), { xaxis, yaxis } = g._fullLayout;
  const trace = g.data.findIndex((t) => t.customdata && [...t.customdata].includes(run));
  const point = g.calcdata[trace].find((p) => g.data[trace].customdata[p.i] === run);
  return [box.x + xaxis._offset + xaxis.c2p(point.x), box.y + yaxis._offset + yaxis.c2p(point.y)];
}"""


@pytest.fixture
def dashboard(page: Page, app_url: str) -> Iterator[Callable[[str], Page]]:
    def goto(path: str) -> Page:
        page.set_viewport_size({"width": 1440, "height": 1200})
        page.goto(app_url)  # the page's own address first asks for files below it, which is not our error
        page.goto(f"{app_url}/{path}")
        return page

    yield goto
    assert [error for error in page.console_errors if "_stcore" not in error] == []
    assert page.outside_requests == []
    expect(page.get_by_test_id("stException")).to_have_count(0)


def chart(page: Page, key: str) -> Locator:
    drawn = page.locator(f".st-key-{key} .js-plotly-plot")
    expect(drawn.locator(".main-svg").first).to_be_visible()
    return drawn


def drag(page: Page, drawn: Locator) -> list[float]:
    """Zoom into a part of a figure and return the range of x."""
    before = drawn.evaluate(RANGE)
    box = drawn.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.8 * box["height"], steps=6)
    page.mouse.up()
    page.wait_for_function(f"([g, x1]) => ({RANGE})(g)[1] < x1", arg=[drawn.element_handle(), before[1]])
    zoomed: list[float] = drawn.evaluate(RANGE)
    return zoomed


def test_a_zoomed_curve_stays_zoomed_over_reruns(
    dashboard: Callable[[str], Page], settle: Callable[[Page], None], screenshots: Path
) -> None:
    page = dashboard("curves")
    drawn = chart(page, "curves-negative_elbo-0")
    expect(drawn.locator(".legendtext")).to_have_count(3)
    zoomed = drag(page, drawn)
    assert zoomed[1] < 150
    # another choice of the heat map reruns the page, and leaves the curves' figure as it is
    heat = chart(page, "rate-heatmap")
    page.locator(".st-key-heatsplit").get_by_text("Train", exact=True).click()
    page.wait_for_url("**heatsplit=train**")
    settle(page)
    expect(heat).to_be_visible()
    assert drawn.evaluate(RANGE) == zoomed
    page.wait_for_timeout(2500)  # the look at the store, every 2 s
    assert drawn.evaluate(RANGE) == zoomed
    page.screenshot(path=screenshots / "curves.png")


def test_a_run_trained_meanwhile_appears_and_grows(
    page: Page, serve: Callable[..., str], repo: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from core.training.run import Hooks, train

    store = tmp_path_factory.mktemp("live")
    shutil.copytree(repo / "checkpoints" / "bundled-digits-beta-1", store / "bundled-digits-beta-1")
    page.goto(serve(repo / "streamlit_app.py", env={"VAESCOPE_STORE": str(store)}) + "/curves")
    drawn = chart(page, "curves-negative_elbo-0")
    expect(drawn.locator(".legendtext")).to_have_count(1)
    live = "document.querySelector('.st-key-curves-negative_elbo-0 .js-plotly-plot')?.calcdata?.at(-1)"
    seen: list[int] = []

    def watch(row: dict[str, Any]) -> None:
        # each epoch waits here until the page shows it: within 5 s, and a little for a slow machine's painting
        page.wait_for_function(f"epoch => {live}?.length === epoch", arg=row["epoch"])
        expect(drawn.locator(".legendtext", has_text="Live run [running]").first).to_be_visible()
        seen.append(row["epoch"])

    config = RunConfig.make({"epochs": 2, "hidden": (16,), "threads": 1, "device": "cpu"})
    train(config, name="Live run", store=store, hooks=Hooks(on_epoch=watch))
    assert seen == [1, 2]
    expect(drawn.locator(".legendtext", has_text="[running]")).to_have_count(0)
    expect(drawn.locator(".legendtext", has_text="Live run")).to_be_visible()


def test_a_clicked_run_is_named_and_the_slider_steps_the_map_under_its_zoom(
    dashboard: Callable[[str], Page], settle: Callable[[Page], None], screenshots: Path
) -> None:
    page = dashboard("tradeoff")
    drawn = chart(page, "tradeoff-board")
    name = page.get_by_text("Digits, beta 2", exact=True)
    expect(name).to_have_count(0)
    page.mouse.click(*drawn.evaluate(PLACE, "bundled-digits-beta-2"))
    expect(name).to_be_visible()
    page.wait_for_url("**step=bundled-digits-beta-2**")
    settle(page)
    page.screenshot(path=screenshots / "tradeoff.png")

    shown = Map(page)
    shown.root.scroll_into_view_if_needed()
    revision = shown.root.get_attribute("data-rev")
    shown.zoom("latent", 0.3, 0.2)
    zoomed = shown.call("view", "latent")
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**step=bundled-digits-beta-1p5**")
    expect(shown.root).not_to_have_attribute("data-rev", revision or "")
    assert shown.call("view", "latent") == zoomed
    expect(page.get_by_text("Latent means, beta 1.5")).to_be_visible()
    # the same click as before is no new one: the slider's run stays
    settle(page)
    expect(page.get_by_text("Digits, beta 1.5", exact=True)).to_be_visible()


def test_a_clicked_image_is_shown_at_every_beta(
    dashboard: Callable[[str], Page], settle: Callable[[Page], None], screenshots: Path, served_store: Path
) -> None:
    page = dashboard("tradeoff?step=bundled-digits-beta-0p25")
    chart(page, "tradeoff-board")
    shown = Map(page)
    shown.root.scroll_into_view_if_needed()
    stored = load_latents(served_store / "bundled-digits-beta-0p25" / "latents-test.npz")
    places = norm.cdf(stored.means)
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) + 9 * np.eye(len(places))
    chosen = int(stored.ids[apart.min(axis=1).argmax()])  # nothing is drawn over it
    page.mouse.click(*shown.call("toClient", "p-values", chosen))
    expect(page.get_by_text(f"Image {chosen} of the test images")).to_be_visible()
    settle(page)
    page.get_by_text("β 4", exact=False).last.scroll_into_view_if_needed()
    page.screenshot(path=screenshots / "tradeoff-image.png")
