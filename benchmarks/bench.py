"""What the measurements share: a Chromium, gestures made inside of a page, and the file of results.

Events are made in the page, so that a time holds what the page does and not the way from here to the browser.
"""

import contextlib
import os
import platform
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser


HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"

GESTURES = """
    const hook = root.__latentMap;
    const frame = () => new Promise(requestAnimationFrame);
    const makePanel = (k) => {
        const panel = root.querySelectorAll(".panel")[k];
        panel.setPointerCapture = () => {};
        return panel;
    };
    const fire = (panel, type, [clientX, clientY], more = {}) =>
        panel.dispatchEvent(new PointerEvent(type, { clientX, clientY, pointerId: 1, bubbles: true, ...more }));
    /** Milliseconds from a move onto a point to its thumbnail, for points not hovered before and again. */
    const hoverTimes = async (panel, id, count) => {
        const times = { first: [], warm: [] };
        const ids = hook.shownIds();
        for (let k = 0; k < count; k++) {
            const at = hook.toClient(id, ids[(k * 7919) % ids.length]);
            for (const kind of ["first", "warm"]) {
                fire(panel, "pointermove", [at[0] - 300, at[1] - 3000]);
                const start = performance.now();
                fire(panel, "pointermove", at);
                while (!hook.thumbPixels()) await new Promise((go) => setTimeout(go));
                times[kind].push(performance.now() - start);
            }
        }
        return times;
    };
    /** Milliseconds from the release of a lasso, a circle about a place, to the frame after all panels show it. */
    const lassoTime = async (panel, id, x, y, radius) => {
        const path = Array.from({ length: 60 }, (_, i) =>
            hook.placeToClient(id, x + radius * Math.cos(i / 9.55), y + radius * Math.sin(i / 9.55)),
        );
        fire(panel, "pointerdown", path[0], { shiftKey: true });
        for (const at of path.slice(1)) fire(panel, "pointermove", at, { shiftKey: true });
        await frame();
        const start = performance.now();
        fire(panel, "pointerup", path[0], { shiftKey: true });
        await frame();
        return performance.now() - start;
    };
"""
"""JavaScript to begin a function of `root`, the map's element, with."""


@contextmanager
def browser() -> "Iterator[Browser]":
    """A headless Chromium; without one the measurement ends with a sentence."""
    # only here: what needs no browser is measured beside other packages, where Playwright may not be
    from playwright.sync_api import sync_playwright

    from tests import chromium
    from tests.browser.conftest import ARGUMENTS

    path = chromium.find()
    if path is None:
        raise SystemExit(
            "There is no Chromium on this machine: run `python tests/chromium.py` to install one."
        )
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield found
        finally:
            found.close()


def watched(words: Sequence[str]) -> tuple[float, float]:
    """Run a command; its seconds, and the most GB that it had of memory not mapped from files.

    It is watched from here: a thread that watches from inside changes what is measured.
    """
    start, peak = time.perf_counter(), 0
    process = subprocess.Popen(words)
    while process.poll() is None:
        with contextlib.suppress(OSError):  # it may end between the two lines
            told = Path(f"/proc/{process.pid}/status").read_text()
            lines = [line for line in told.splitlines() if line.startswith("RssAnon")]
            peak = max([peak, *(int(line.split()[1]) for line in lines)])
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"What was watched ended with code {process.returncode}.")
    return time.perf_counter() - start, peak / 1e6


def host(load: float, *packages: str, card: str = "no graphics card") -> str:
    """Say on what the figures were taken; `load` is the load average before the measuring began."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{os.cpu_count()} {platform.machine()} cores, {card}; Python {platform.python_version()}, "
        f"{versions}; "
        f"load average {load:.1f} at the start and {os.getloadavg()[0]:.1f} at the end, the measuring included."
    )


def card(device: str) -> str:
    """The GPU that figures were taken on."""
    import torch

    return f"one {torch.cuda.get_device_name(device)}"


def machine(chromium_version: str, load: float) -> str:
    """`host` with the browser that was driven."""
    return f"Chromium {chromium_version}, headless, {host(load, 'streamlit', 'torch', 'plotly')}"


def write(title: str, lines: list[str]) -> None:
    """Put a section into the file of results; its other sections stay."""
    text = "\n".join([title, "", *lines, ""])
    old = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "# Measured\n"
    kept = re.sub(rf"\n*{re.escape(title)}\n.*?(?=\n## |\Z)", "", old, flags=re.S).rstrip("\n")
    kept = re.sub(r"\n+## ", "\n\n## ", kept)
    RESULTS.write_text(f"{kept}\n\n{text}", encoding="utf-8")
