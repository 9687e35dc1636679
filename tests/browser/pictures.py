"""Pictures of the dashboard: every page over the bundled runs, in a state that shows what the page is for.

`python -m tests.browser.pictures` makes the README's, docs/pictures/<page>.png; the browser tests make theirs by the
same functions. A name or more after it makes only those pages' pictures.
"""

import io
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
LARGEST = 300_000
"""Bytes of a README picture; a larger one is kept with fewer colours."""
ONE, TENTH = "bundled-digits-beta-1", "bundled-digits-beta-0p1"
SECONDS = 60
"""The longest wait: the first page that decodes also imports torch."""


@dataclass(frozen=True)
class View:
    """One page as a picture shows it, and what must be drawn on it, in this state and in the one it opens in."""

    page: str
    query: str
    height: int
    maps: int = 0
    charts: int = 0
    tables: int = 0
    act: Callable[[Page], None] | None = None


def click_an_image(page: Page) -> None:
    """Click the point that stands farthest from the next one, so that the click means no other."""
    latents = load_latents(REPO / "checkpoints" / ONE / "latents-test.npz")
    distances = np.linalg.norm(latents.means[:, None] - latents.means[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    chosen = int(latents.ids[distances.min(1).argmax()])
    page.mouse.click(*Map(page, index=0, of=2).call("toClient", "latent", chosen))
    expect(page.get_by_text(f"test image {chosen}")).to_be_visible(timeout=SECONDS * 1000)


def lasso_images(page: Page) -> None:
    """Lasso a part of run A, which lights up the same images in run B."""
    shown = Map(page)
    corners = [(-2.2, -0.6), (-0.7, -0.9), (-0.4, 0.2), (-0.8, 1.4), (-1.9, 1.1)]
    shown.drag([shown.place("A-latent", *corner) for corner in corners], held="Shift")
    expect(page.get_by_text("images selected")).to_be_visible(timeout=SECONDS * 1000)
    page.mouse.move(2, 2)


VIEWS = {
    view.page: view
    for view in (
        View("runs", "", height=1260, tables=1),
        View(
            "latent",
            f"run={ONE}&split=test&prior=1&zx=1.0&zy=0.5",
            height=1900,
            maps=2,
            act=click_an_image,
        ),
        View("curves", f"runs={TENTH},{ONE},bundled-digits-8d&heat=bundled-digits-8d", height=1240, charts=2),
        View("tradeoff", f"step={ONE}", height=1900, maps=1, charts=1),
        View("compare", f"runs={ONE},{TENTH}&split=test", height=1900, maps=1, charts=1, act=lasso_images),
    )
}


def wait_until_drawn(page: Page, view: View) -> None:
    """Wait until the page's script has ended and every table, chart, map and picture of it is drawn."""
    app = '[data-testid="stApp"][data-test-connection-state="CONNECTED"]'
    page.wait_for_selector(f'{app}[data-test-script-state="notRunning"]', timeout=SECONDS * 1000)
    page.wait_for_function(
        """({ maps, charts, tables }) => {
            const all = (what) => [...document.querySelectorAll(what)];
            const map = all("[data-testid=latent-map]");
            const chart = all("[data-testid=stPlotlyChart] .js-plotly-plot");
            const table = all("[data-testid=stDataFrame] canvas tbody tr");
            return document.querySelector("h1")
                && map.length === maps && map.every((one) => one.dataset.ready === "true")
                && chart.length >= charts && chart.every((one) => one.querySelector(".main-svg .plot"))
                && (table.length > 0 || !tables)
                && all("[data-testid=stSkeleton]").length === 0
                && all("img").every((one) => one.complete && one.naturalWidth > 0)
                && document.fonts.status === "loaded";
        }""",
        arg={"maps": view.maps, "charts": view.charts, "tables": view.tables},
        timeout=SECONDS * 1000,
    )
    page.wait_for_selector(f'{app}[data-test-script-state="notRunning"]', timeout=SECONDS * 1000)


def take(
    page: Page, base_url: str, folder: Path, *, theme: Literal["light", "dark"], pages: Sequence[str] = ()
) -> list[Path]:
    """Open pages by their own address and save a picture of each, `folder`/<page>.png.

    Args:
        page: of the browser; its size and colour scheme are changed.
        base_url: of a dashboard over a copy of the bundled runs.
        folder: where the pictures go; must be there.
        theme: light or dark.
        pages: names of pages; all if empty.
    """
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    saved = []
    for name in pages or VIEWS:
        view = VIEWS[name]
        page.set_viewport_size({"width": WIDTH, "height": view.height})
        page.goto(f"{base_url}/{view.page}?{view.query}" if view.query else f"{base_url}/{view.page}")
        wait_until_drawn(page, view)
        if view.act is not None:
            view.act(page)
            wait_until_drawn(page, view)
        saved.append(folder / f"{view.page}.png")
        page.screenshot(path=saved[-1], animations="disabled")
    return saved


def without_own_paths(page: Page, store: Path) -> None:
    """Let the page write `checkpoints` where it would write the path of this machine's temporary store."""
    page.add_init_script(
        """([path, shown]) => {
            const mend = () => {
                const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
                while (texts.nextNode()) {
                    const text = texts.currentNode;
                    if (text.data.includes(path)) text.data = text.data.replaceAll(path, shown);
                }
            };
            new MutationObserver(mend).observe(document, { childList: true, subtree: true, characterData: true });
        }""".join(("(", f")({[str(store), 'checkpoints']!r})"))
    )


def shrink(path: Path) -> None:
    """Write a PNG anew, as small as it gets; one that stays large is kept with 256, 128, ... colours."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    best, colours = _png(picture), 256
    while len(best) > LARGEST and colours >= 32:
        few = picture.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        best, colours = _png(few), colours // 2
    path.write_bytes(best)


def _png(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "PNG", optimize=True)
    return written.getvalue()


def main(names: Sequence[str]) -> int:
    """Make the README's pictures, those of the named pages or all; return an exit code."""
    from tests.browser.conftest import ARGUMENTS, Server  # pytest's own file: nothing that tests import needs it

    unknown = [name for name in names if name not in VIEWS]
    if unknown:
        print(f"There is no page '{unknown[0]}': choose from {', '.join(VIEWS)}.", file=sys.stderr)
        return 2
    PICTURES.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp())
    store = copy_bundled(work / "checkpoints")
    try:
        server = Server(REPO / "streamlit_app.py", {"VAESCOPE_STORE": str(store)}, work / "server.log")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium.ensure(), args=ARGUMENTS)
                page = browser.new_page()
                without_own_paths(page, store)
                for path in take(page, server.url, PICTURES, theme="light", pages=names):
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
