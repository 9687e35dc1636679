"""The Train page in a real browser: started, watched, found again after a reload, stopped, and played."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from core.config import RunConfig
from core.store import list_runs, read_record
from core.training import jobs
from core.training.run import train
from core.training.tending import stop
from tests.conftest import REPO

Settle = Callable[[Any], None]
LONG = 90_000
BRIEF = {"hidden": (16,), "threads": 1, "device": "cpu", "batch_size": 500}


def test_a_run_is_started_watched_found_again_and_stopped(
    page: Page, serve: Callable[..., str], settle: Settle, store: Path
) -> None:
    url = serve(REPO / "streamlit_app.py", env={"VAESCOPE_STORE": str(store)})
    page.goto(f"{url}/train")
    settle(page)
    epochs = page.get_by_role("spinbutton", name="Epochs", exact=True)
    epochs.fill("100000")
    epochs.press("Enter")
    expect(page.get_by_text("epochs 100000 (200)")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Start", exact=True).dblclick()
    try:
        expect(page.get_by_role("heading", name="All jobs")).to_be_visible(timeout=LONG)
        (one,) = jobs.jobs(store)  # a double click starts one
        bar = page.get_by_text(re.compile(r"Training epoch \d+ of 100,000")).first
        expect(bar).to_be_visible(timeout=LONG)
        chart = page.locator(".js-plotly-plot").first
        expect(chart.locator(".scatterlayer .trace").first).to_be_visible(timeout=LONG)
        film = page.get_by_test_id("film")
        expect(film).to_have_attribute("data-drawn", "144", timeout=LONG)
        before = int(str(film.get_attribute("data-epoch")))
        expect(film).not_to_have_attribute("data-epoch", str(before), timeout=LONG)  # by itself

        page.reload()
        settle(page)
        assert f"job={one.id}" in page.url
        expect(page.get_by_text(re.compile(r"Training epoch \d+ of 100,000")).first).to_be_visible(
            timeout=LONG
        )
        assert jobs.job(one.id, store).state == "running"

        page.get_by_role("button", name="Stop training").click()
        expect(page.get_by_text("stopped", exact=True).first).to_be_visible(timeout=LONG)
        expect(page.get_by_text("Go on with it")).to_be_visible(timeout=LONG)
    finally:
        for left in jobs.jobs(store):
            stop(left.id, store, now=True)
    (record,) = list_runs(store)
    assert record.state == "stopped"
    # what is over is quiet: no script runs any more
    settle(page)
    page.evaluate(
        """() => { window.runs = 0; new MutationObserver(() => (window.runs += 1)).observe(
            document.querySelector("[data-testid=stApp]"),
            { attributes: true, attributeFilter: ["data-test-script-state"] }) }"""
    )
    time.sleep(4)
    assert page.evaluate("window.runs") == 0
    assert page.console_errors == []  # type: ignore[attr-defined]
    assert page.outside_requests == []  # type: ignore[attr-defined]


def test_the_time_lapse_plays(page: Page, serve: Callable[..., str], settle: Settle, store: Path) -> None:
    train(RunConfig.make({**BRIEF, "epochs": 40}), name="Film", store=store, run_id="film")
    assert read_record(store / "film").state == "finished"
    page.goto(f"{serve(REPO / 'streamlit_app.py', env={'VAESCOPE_STORE': str(store)})}/train?job=film")
    settle(page)
    film = page.get_by_test_id("film")
    expect(film).to_have_attribute("data-epoch", "40", timeout=LONG)
    page.evaluate(
        """() => { window.seen = new Set();
            const find = (root) => [...root.querySelectorAll("*")].flatMap((one) =>
                [one, ...(one.shadowRoot ? find(one.shadowRoot) : [])]);
            const root = find(document).find((one) => one.dataset.testid === "film");
            new MutationObserver(() => window.seen.add(Number(root.dataset.epoch)))
                .observe(root, { attributes: true, attributeFilter: ["data-epoch"] }) }"""
    )
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=LONG)  # at its end
    expect(film).to_have_attribute("data-epoch", "40")
    seen = page.evaluate("[...window.seen]")
    assert seen == sorted(seen)
    assert len(seen) > 20  # a busy machine may leave some out
    slider = page.get_by_role("slider", name="Epoch")
    slider.focus()
    slider.press("Home")
    expect(page.get_by_text("before training", exact=True)).to_be_visible()
    slider.press("ArrowRight")
    expect(film).to_have_attribute("data-epoch", "1")
    page.get_by_role("group", name="Classes").get_by_role("button", name="3", exact=True).click()
    expect(film).not_to_have_attribute("data-drawn", "144")
    assert page.console_errors == []  # type: ignore[attr-defined]
