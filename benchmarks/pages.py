"""Measure how the dashboard feels in a real Chromium and write the figures into benchmarks/RESULTS.md.

    python -m benchmarks.pages

It trains four small MNIST VAEs for one epoch into a temporary store (VAESCOPE_DATA must hold mnist/), puts the bundled
runs beside them, starts the dashboard and visits every page; then it measures. Times are medians, in milliseconds, and
hold for the machine that is named beside them. This is no test: nothing fails when a machine is slow.

What the words mean (`pages.js` holds them to it):

- *window painted*: from the click to the first frame after which the new page's title stands, its script has ended or
  has filled the window, nothing is left that Streamlit marks as stale, no skeleton, spinner or bar shows, each latent
  map is drawn, each chart and table has its canvas, and each picture is decoded, as far as they lie in the window
  (1440 x 1000 pixels).
- *all painted*: the same for all of the page, below the window too; only what a closed expander hides does not count.
- *ready*: the page's latent maps are drawn, with all points; what stands below them may still come.
- *shift*: the sum of the browser's layout-shift scores, those soon after a click too, which the usual score leaves out.
  0 is nothing moved; the web's guide calls less than 0.1 good.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from playwright.sync_api import BrowserContext, Page

import core
from benchmarks import bench
from core.data import catalog
from dashboard import app
from tests.browser.conftest import Server
from tests.browser.maps import Map
from tests.conftest import REPO, copy_bundled

TITLE = "## Pages"
PAGES = tuple(row.title for row in app.PAGES)
BETAS = ("0.5", "1", "2", "4")
RECIPE = ("latent=2", "hidden=64", "epochs=1", "batch_size=1000")
ROUNDS, CLICKS, LASSOS, HOVERS, VISITS = 5, 12, 12, 60, 5
PREPARE = (Path(__file__).parent / "pages.js").read_text(encoding="utf-8")

HOVER = f"async (root, hovers) => {{ {bench.GESTURES} return hoverTimes(makePanel(0), 'latent', hovers); }}"
LASSO = f"""async (root, [x, y, radius]) => {{ {bench.GESTURES}
    return {{ time: await lassoTime(makePanel(0), "A-latent", x, y, radius), selected: hook.selectedIds().length }};
}}"""
CLICK = f"""async (root, point) => {{ {bench.GESTURES}
    root.querySelector(".stage").scrollIntoView(); // the card below the map is in the window, at least in part
    const at = hook.toClient("latent", point);
    return window.__bench.card(point, () => {{
        for (const type of ["pointermove", "pointerdown", "pointerup"]) fire(makePanel(0), type, at, {{ button: 0 }});
    }});
}}"""


@dataclass(frozen=True)
class Scene:
    """What is measured: a browser's tabs, the dashboard's address, its store, its four runs by beta."""

    browser: BrowserContext
    url: str
    store: Path
    runs: list[str]

    @property
    def latent(self) -> str:
        """Address of 10,000 points."""
        return f"latent?run={self.runs[1]}&split=test"

    @property
    def compare(self) -> str:
        """Address of four times 10,000 points."""
        return f"compare?runs={','.join(self.runs)}&split=test"

    def tab(self) -> Page:
        """A new tab, empty."""
        return self.browser.new_page()

    def opened(self, address: str, title: str) -> Page:
        """A new tab on a page, painted."""
        page = self.tab()
        page.goto(f"{self.url}/{address}")
        page.evaluate("title => window.__bench.painted(title, performance.now())", title)
        return page


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    what: str
    value: float
    """Milliseconds"""
    target: float | None = None
    note: str = ""

    def line(self) -> str:
        """The line as Markdown."""
        digits = 1 if self.value < 10 else 0
        target = "-" if self.target is None else f"{self.target:,.0f}"
        reached = "-" if self.target is None else "yes" if self.value <= self.target else "no"
        return f"| {self.what} | {self.value:,.{digits}f} | {target} | {reached} | {self.note} |"


def main() -> None:
    """Prepare, measure, write."""
    if not catalog.is_available("mnist"):
        raise SystemExit(
            "This measures with MNIST, which is not on this machine: set VAESCOPE_DATA to the folder that holds "
            "mnist/, or run `python -m core data fetch mnist`."
        )
    load = os.getloadavg()[0]
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="vaescope-pages-") as folder, bench.browser() as browser:
        store = Path(folder) / "checkpoints"
        runs = prepare(store)
        server = Server(REPO / "streamlit_app.py", {"VAESCOPE_STORE": str(store)}, Path(folder) / "log")
        try:
            # one context: a new tab finds the dashboard's own scripts in the browser's cache, as it does for people
            context = browser.new_context(viewport={"width": 1440, "height": 1000})
            context.add_init_script(PREPARE)
            for case in (switches, clicks, hovers, lassos, large):
                for figure in case(Scene(context, server.url, store, runs)):
                    figures.append(figure)
                    print(figure.line(), flush=True)
        finally:
            server.stop()
        where = bench.machine(browser.version, load)
    bench.write(
        TITLE,
        [
            "`python -m benchmarks.pages`, warm, medians, in milliseconds, lower is better; *all painted* "
            "counts what lies below the window too, and *shift* is the sum of layout-shift scores (0: nothing moved). "
            "The script's first lines define them.",
            where,
            "",
            "| what | ms | target | reached | |",
            "|---|--:|--:|---|---|",
            *[figure.line() for figure in figures],
        ],
    )


def prepare(store: Path) -> list[str]:
    """Put the bundled runs and four new ones into a store; ids of the new ones, in the order of their betas."""
    start = time.monotonic()
    copy_bundled(store)
    options = ["--beta", ",".join(BETAS), "--name", "MNIST", "--store", str(store), "--set", *RECIPE]
    command = [sys.executable, "-m", "core", "sweep", "mnist-mlp-vae", *options]
    subprocess.run(command, cwd=REPO, check=True, stdout=subprocess.DEVNULL)
    found = [record for record in core.list_runs(store) if record.config.dataset == "mnist"]
    print(f"trained {len(found)} runs in {time.monotonic() - start:.0f} s", flush=True)
    return [record.id for record in sorted(found, key=lambda record: record.config.beta)]


def switch(page: Page, title: str, *, maps: bool = False) -> dict[str, float]:
    """Follow a link of the sidebar: milliseconds to its title, with `maps` to its maps, to all of it; and the shift."""
    link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=title)
    found: dict[str, float] = link.evaluate(
        "(link, [title, maps]) => window.__bench.go(link, title, maps)", [title, maps]
    )
    return found


def median(found: list[dict[str, float]], name: str) -> float:
    """Median of one number over repeats."""
    return statistics.median(one[name] for one in found)


def switches(scene: Scene) -> list[Figure]:
    """Every page through the sidebar, the latent space with 10,000 points and Compare with four runs."""
    page = scene.opened(scene.latent, "Latent space")
    page.goto(f"{scene.url}/{scene.compare}")
    page.evaluate("window.__bench.painted('Compare', performance.now())")
    found: dict[str, list[dict[str, float]]] = {title: [] for title in PAGES}
    for title in PAGES * (ROUNDS + 1):
        found[title].append(switch(page, title))
    page.close()
    return [
        Figure(
            f"page switch to {title}, window painted",
            median(times[1:], "window"),
            1000,
            f"title after {median(times[1:], 'title'):.0f}, all painted after {median(times[1:], 'painted'):,.0f}, "
            f"shift {median(times[1:], 'shift'):.3f}",
        )
        for title, times in found.items()
    ]


def clicks(scene: Scene) -> list[Figure]:
    """A click on one of 10,000 points to both images of its card."""
    page = scene.opened(scene.latent, "Latent space")
    shown = Map(page, index=0, of=2)
    ids = shown.call("shownIds")
    found = [shown.root.evaluate(CLICK, ids[(k * 7919) % len(ids)]) for k in range(1, CLICKS + 2)]
    page.close()
    first, others = found[0], found[1:]
    return [
        Figure(
            "click on a point to both images",
            median(others, "time"),
            400,
            f"shift {median(others, 'shift'):.3f}",
        ),
        Figure("the same, first click of a tab", first["time"], None, f"shift {first['shift']:.3f}"),
    ]


def hovers(scene: Scene) -> list[Figure]:
    """A move onto a point to its thumbnail."""
    page = scene.opened(scene.latent, "Latent space")
    page.wait_for_timeout(3000)  # thumbnails that are fetched ahead have come
    times = Map(page, index=0, of=2).root.evaluate(HOVER, HOVERS)
    page.close()
    return [
        Figure(
            "hover to thumbnail, point not hovered before", statistics.median(times["first"]), 10, "of 10,000"
        ),
        Figure("hover to thumbnail again", statistics.median(times["warm"]), 10),
    ]


def lassos(scene: Scene) -> list[Figure]:
    """A lasso of about 1,000 of 10,000 points on Compare with four runs."""
    places = core.open_run(scene.runs[0], store=scene.store).latents("test").means.astype(np.float64)
    x, y = np.median(places, axis=0).tolist()
    radius = float(np.sort(np.hypot(*(places - (x, y)).T))[1000])
    page = scene.opened(scene.compare, "Compare")
    shown = Map(page)
    found = []
    for k in range(LASSOS + 1):
        wide = radius * (1 + 0.01 * (k % 2))  # another selection than the last
        found.append(shown.root.evaluate(LASSO, [x, y, wide]))
        page.evaluate("window.__bench.painted('Compare', performance.now())")
    page.close()
    return [
        Figure(
            f"lasso of {median(found, 'selected'):,.0f} points to three other panels",
            median(found[1:], "time"),
            100,
            "4 x 10,000 points",
        )
    ]


def large(scene: Scene) -> list[Figure]:
    """The Latent space page with all 70,000 images."""
    address = f"latent?run={scene.runs[1]}&split=both"
    scene.opened(address, "Latent space").close()
    tabs, links = [], []
    for _ in range(VISITS):
        page = scene.tab()
        page.goto(f"{scene.url}/{address}", wait_until="commit")
        tabs.append(page.evaluate("window.__bench.opened('Latent space')"))
        switch(page, "Runs")
        links.append(switch(page, "Latent space", maps=True))
        page.close()
    return [
        Figure(
            "70,000 points, new tab to ready",
            median(tabs, "ready"),
            2000,
            f"title after {median(tabs, 'title'):,.0f}, all painted after {median(tabs, 'painted'):,.0f}",
        ),
        Figure(
            "70,000 points, from the sidebar to ready",
            median(links, "ready"),
            2000,
            f"all painted after {median(links, 'painted'):,.0f}, shift {median(links, 'shift'):.3f}",
        ),
    ]


if __name__ == "__main__":
    main()
