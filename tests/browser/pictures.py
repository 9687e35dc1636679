"""Pictures of the dashboard: every page over the bundled runs, in a state that shows what the page is for.

`python -m tests.browser.pictures` makes the README's, docs/pictures/<name>.png; the browser tests make theirs by the
same functions. A name or more after it makes only those pictures.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from core.latents import load_latents
from tests import chromium
from tests.browser.maps import Map
from tests.conftest import REPO, copy_bundled

PICTURES = REPO / "docs" / "pictures"
WIDTH = 1440
HOME = "runs"
ONE, TENTH = "bundled-digits-beta-1", "bundled-digits-beta-0p1"
REPLACE = """([path, shown]) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(path, shown);
}"""


@dataclass(frozen=True)
class View:
    """One picture of a page, and what must be drawn on that page, in this state and in the one it opens in."""

    name: str
    page: str
    query: str
    height: int
    maps: int = 0
    charts: int = 0
    tables: bool = False
    act: Callable[[Page], None] | None = None
    heading: str = ""
    """Where the picture begins, if not at the top"""


def click_an_image(page: Page) -> None:
    """Click the point that stands farthest from the next one, so that the click means no other."""
    latents = load_latents(REPO / "checkpoints" / ONE / "latents-test.npz")
    distances = np.linalg.norm(latents.means[:, None] - latents.means[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    chosen = int(latents.ids[distances.min(1).argmax()])
    page.mouse.click(*Map(page, index=0, of=2).call("toClient", "latent", chosen))
    expect(page.get_by_text(f"test image {chosen}")).to_be_visible()


def lasso_images(page: Page) -> None:
    """Lasso a part of run A, which lights up the same images in run B."""
    shown = Map(page)
    corners = [(-2.2, -0.6), (-0.7, -0.9), (-0.4, 0.2), (-0.8, 1.4), (-1.9, 1.1)]
    shown.drag([shown.place("A-latent", *corner) for corner in corners], held="Shift")
    expect(page.get_by_text("images selected")).to_be_visible()
    page.mouse.move(2, 2)


def ask_for_the_cost(page: Page) -> None:
    """Have a run's cost measured: the page says it some seconds later, and at once where the server knows it."""
    ask, told = page.get_by_role("button", name="What would it cost?"), page.get_by_text("Measured on")
    expect(ask.or_(told)).to_be_visible()
    if ask.is_visible():
        ask.click()
    expect(told).to_be_visible()
    page.mouse.move(2, 2)


LATENT = f"run={ONE}&split=test&prior=1&zx=1.0&zy=0.5"
VIEWS = {
    view.name: view
    for view in (
        View("runs", "runs", "", height=1440, tables=True),
        View("data", "data", "", height=1180, charts=1, tables=True),
        View("train", "train", "", height=1440, act=ask_for_the_cost),
        View("latent", "latent", LATENT, height=1140, maps=2, act=click_an_image),
        View(
            "manifold",
            "latent",
            "run=bundled-fashion-weight-500&prior=1&n=16",
            height=1300,
            maps=2,
            heading="Draws from the prior",
        ),
        View(
            "curves",
            "curves",
            f"runs={TENTH},{ONE},bundled-digits-8d&heat=bundled-digits-8d",
            height=1800,
            charts=2,
            tables=True,
        ),
        View("tradeoff", "tradeoff", f"step={ONE}", height=1920, maps=1, charts=1),
        View("steps", "tradeoff", f"step={ONE}", height=880, maps=1, charts=1, heading="Step through beta"),
        View(
            "compare",
            "compare",
            f"runs={ONE},{TENTH}&split=test",
            height=1900,
            maps=1,
            charts=1,
            tables=True,
            act=lasso_images,
        ),
        View("families", "families", "lesson=holes", height=1280, maps=1, tables=True),
        View(
            "edit",
            "edit",
            "run=bundled-digits-8d&path=spherical",
            height=1900,
            charts=1,
            heading="Interpolation",
        ),
        View(
            "selections",
            "selections",
            f"run={ONE}&q-labels=3,5&q-negative_elbo-low=26&q-order=worst",
            height=2000,
            charts=2,
            tables=True,
        ),
    )
}


def wait_until_drawn(page: Page, view: View) -> None:
    """Wait until the page's script has ended and every table, chart, map and picture of it is drawn."""
    wait_for_script(page)
    maps = page.get_by_test_id("latent-map")
    expect(maps).to_have_count(view.maps)
    for k in range(view.maps):
        expect(maps.nth(k)).to_have_attribute("data-ready", "true")
    page.wait_for_function(
        """({ charts, tables }) => {
            const all = (what) => [...document.querySelectorAll(what)];
            const chart = all("[data-testid=stPlotlyChart] .js-plotly-plot");
            const drawn = (one) => one.calcdata?.length && one.querySelector(".subplot :is(.trace, .hm)");
            return document.querySelector("h1")
                && chart.length >= charts && chart.every(drawn)
                && (!tables || all("[data-testid=stDataFrame] canvas tbody tr").length > 0)
                && all("[data-testid=stSkeleton]").length === 0
                && all("img").every((one) => one.complete && one.naturalWidth > 0)
                && document.fonts.status === "loaded";
        }""",
        arg={"charts": view.charts, "tables": view.tables},
    )
    wait_for_script(page)


def wait_for_script(page: Page, timeout: float | None = None) -> None:
    """Wait until the page is connected and its script has run to the end; milliseconds, or the page's own patience."""
    app = '[data-testid="stApp"][data-test-connection-state="CONNECTED"]'
    page.wait_for_selector(f'{app}[data-test-script-state="notRunning"]', timeout=timeout)


def address(base_url: str, page: str, query: str = "") -> str:
    """The address of a page as a link has it: the home page is the server's own."""
    path = "" if page == HOME else page
    return f"{base_url}/{path}?{query}" if query else f"{base_url}/{path}"


def take(
    page: Page,
    base_url: str,
    folder: Path,
    *,
    theme: Literal["light", "dark"],
    names: Sequence[str] = (),
    own_path: Path | None = None,
) -> list[Path]:
    """Open pages by their own address and save pictures of them, `folder`/<name>.png.

    Args:
        page: of the browser; its size and colour scheme are changed.
        base_url: of a dashboard over a copy of the bundled runs.
        folder: where the pictures go; must be there.
        theme: light or dark.
        names: of `VIEWS`; all if empty.
        own_path: a store's path on this machine, shown as `checkpoints` instead.
    """
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    saved = []
    # home comes last: once a decoder is loaded, runs without latents have their thumbnails there
    for name in list(names) or list(reversed(VIEWS)):
        view = VIEWS[name]
        page.set_viewport_size({"width": WIDTH, "height": view.height})
        page.goto(address(base_url, view.page, view.query))
        wait_until_drawn(page, view)
        if view.act is not None:
            view.act(page)
            wait_until_drawn(page, view)
        if view.heading:
            page.get_by_role("heading", name=view.heading, exact=True).evaluate("e => e.scrollIntoView()")
        if own_path is not None:
            page.evaluate(REPLACE, [str(own_path), "checkpoints"])
        saved.append(folder / f"{view.name}.png")
        page.screenshot(path=saved[-1], animations="disabled")
    return saved


def shrink(path: Path) -> None:
    """Write a PNG anew with 256 colours: a third of the size, and no colour of a class moves so that one sees it."""
    with Image.open(path) as opened:
        few = opened.convert("RGB").quantize(
            256, method=Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE
        )
    few.save(path, "PNG", optimize=True)


def main(names: Sequence[str]) -> int:
    """Make the README's pictures, those named or all; return an exit code."""
    from tests.browser.conftest import (  # pytest's own file: nothing that tests import needs it
        PATIENCE,
        Server,
        launch,
    )

    unknown = [name for name in names if name not in VIEWS]
    if unknown:
        print(f"There is no picture '{unknown[0]}': choose from {', '.join(VIEWS)}.", file=sys.stderr)
        return 2
    PICTURES.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp())
    store = copy_bundled(work / "checkpoints")
    try:
        # as after a fresh clone: nothing but the digits, which need no file
        places = {"VAESCOPE_STORE": str(store), "VAESCOPE_DATA": str(work / "data")}
        server = Server(REPO / "streamlit_app.py", places, work / "server.log")
        try:
            with sync_playwright() as playwright:
                browser = launch(playwright, chromium.ensure())
                page = browser.new_page()
                page.set_default_timeout(PATIENCE)
                for path in take(page, server.url, PICTURES, theme="light", names=names, own_path=store):
                    shrink(path)
                    print(f"{path.relative_to(REPO)}: {path.stat().st_size / 1000:.0f} kB")
                browser.close()
        finally:
            server.stop()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
