"""Measure the latent map in a real Chromium and write the figures into benchmarks/RESULTS.md.

    python -m benchmarks.latent_map

Each case starts its own server, visits it once to warm it up, and then measures in new tabs. Times are medians; they
hold for the machine that is named beside them. This is no test: nothing fails when a machine is slow.
"""

import os
import statistics
import time
from typing import Any

from playwright.sync_api import Browser, Page

from benchmarks import bench
from benchmarks.bench import HERE
from tests.browser.conftest import Server
from tests.browser.maps import Map

TITLE = "## Latent map"
CASES = [
    ("2 x 10,000", 10_000, 2, "splat"),
    ("8 x 10,000", 10_000, 8, "splat"),
    ("2 x 70,000", 70_000, 2, "splat"),
    ("8 x 70,000", 70_000, 8, "splat"),
    ("8 x 10,000, WebGL in software", 10_000, 8, "webgl"),
]
VISITS, HOVERS, REDRAWS = 5, 60, 15

MEASURE = (
    "async (root, { hovers, redraws }) => {"
    + bench.GESTURES
    + """
    const panel = makePanel(0);
    const hover = await hoverTimes(panel, "0", hovers);
    // A circle about the middle of a cloud, widened or narrowed until it holds about 1,000 points.
    const { x0, x1 } = hook.view("0");
    let [low, high] = [0, x1 - x0];
    for (let k = 0; k < 12; k++) {
        await lassoTime(panel, "0", 2, 0, (low + high) / 2);
        if (hook.selectedIds().length > 1000) high = (low + high) / 2;
        else low = (low + high) / 2;
    }
    const lasso = [];
    for (let k = 0; k < redraws; k++) lasso.push(await lassoTime(panel, "0", 2, 0, high));
    const selected = hook.selectedIds().length;
    const redraw = [];
    for (let k = 0; k < redraws; k++) {
        await frame();
        redraw.push(hook.redraw());
    }
    return { hover, lasso, redraw, selected };
}"""
)


def main() -> None:
    """Run all cases and write the table."""
    rows, load = [], os.getloadavg()[0]
    with bench.browser() as browser:
        for name, points, panels, renderer in CASES:
            rows.append(row(name, measure(browser, points=points, panels=panels, renderer=renderer)))
            print(rows[-1], flush=True)
        where = bench.machine(browser.version, load)
    bench.write(
        TITLE,
        [
            "`python -m benchmarks.latent_map`, all times in milliseconds, lower is better, medians.",
            where,
            "",
            "| panels x points | new tab to map | hover to thumbnail | the same, for a point not hovered before "
            "| lasso of 1,000 to all panels | redraw of all panels |",
            "|---|--:|--:|--:|--:|--:|",
            *rows,
        ],
    )


def measure(browser: Browser, *, points: int, panels: int, renderer: str) -> dict[str, Any]:
    """Figures of one case, all times in milliseconds."""
    env = {"POINTS": str(points), "PANELS": str(panels), "RENDERER": renderer, "PYTHONPATH": str(HERE.parent)}
    server = Server(HERE / "map_app.py", env, HERE / "server.log")
    try:
        ready, found = [], {}
        for visit in range(VISITS + 1):
            page = browser.new_page(viewport={"width": 1440, "height": 1000})
            seconds, shown = first_draw(page, server.url)
            if visit:  # the first one warms the server up
                ready.append(1000 * seconds)
            if visit == VISITS:
                page.wait_for_timeout(3000)  # thumbnails that are fetched ahead have come
                found = shown.root.evaluate(MEASURE, {"hovers": HOVERS, "redraws": REDRAWS})
            page.close()
    finally:
        server.stop()
        (HERE / "server.log").unlink(missing_ok=True)
    return {
        "ready": statistics.median(ready),
        "hover": statistics.median(found["hover"]["warm"]),
        "hover first": statistics.median(found["hover"]["first"]),
        "lasso": statistics.median(found["lasso"]),
        "redraw": statistics.median(found["redraw"]),
        "selected": found["selected"],
    }


def first_draw(page: Page, url: str) -> tuple[float, Map]:
    """Seconds from the address to the drawn map, in a new tab."""
    start = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_selector("[data-testid=latent-map][data-ready=true]", timeout=120_000)
    return time.perf_counter() - start, Map(page)


def row(name: str, found: dict[str, Any]) -> str:
    """One line of the table."""
    return (
        f"| {name} | {found['ready']:.0f} | {found['hover']:.1f} | {found['hover first']:.1f} "
        f"| {found['lasso']:.0f} ({found['selected']:,} points) | {found['redraw']:.0f} |"
    )


if __name__ == "__main__":
    main()
