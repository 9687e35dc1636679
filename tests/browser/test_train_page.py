"""The Train page in a real browser: started, watched, found again after a reload, stopped, and played."""

import os
import re
import signal
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
from tests.browser.conftest import Server
from tests.conftest import REPO
from tests.waiting import SECONDS
from tests.waiting import wait as until

Settle = Callable[[Any], None]
BRIEF = {"hidden": (16,), "threads": 1, "device": "cpu", "batch_size": 500}


def start(page: Page, url: str, settle: Settle) -> None:
    """Start a long run from the page, by a double click."""
    page.goto(f"{url}/train")
    settle(page)
    epochs = page.get_by_role("spinbutton", name="Epochs", exact=True)
    epochs.fill("100000")
    epochs.press("Enter")
    expect(page.get_by_text("epochs 100000 (200)")).to_be_visible()
    page.get_by_role("button", name="Start", exact=True).dblclick()


def bar(page: Page) -> Any:
    """The progress bar of that run."""
    return page.get_by_text(re.compile(r"Training epoch \d+ of 100,000")).first


def test_a_run_is_started_watched_found_again_and_stopped(
    page: Page, serve: Callable[..., str], settle: Settle, store: Path
) -> None:
    url = serve(REPO / "streamlit_app.py", env={"VAESCOPE_STORE": str(store)})
    start(page, url, settle)
    try:
        expect(page.get_by_role("heading", name="All jobs")).to_be_visible()
        (one,) = jobs.jobs(store)  # a double click starts one
        expect(bar(page)).to_be_visible()
        chart = page.locator(".js-plotly-plot").first
        expect(chart.locator(".scatterlayer .trace").first).to_be_visible()
        film = page.get_by_test_id("film")
        expect(film).to_have_attribute("data-drawn", "144")
        before = int(str(film.get_attribute("data-epoch")))
        expect(film).not_to_have_attribute("data-epoch", str(before))  # by itself

        page.reload()
        settle(page)
        assert f"job={one.id}" in page.url
        expect(bar(page)).to_be_visible()
        assert jobs.job(one.id, store).state == "running"

        page.get_by_role("button", name="Stop training").click()
        expect(page.get_by_text("stopped", exact=True).first).to_be_visible()
        expect(page.get_by_test_id("stExpander").get_by_text("Go on with it")).to_be_visible()
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


def test_curves_that_grow_keep_their_zoom_and_never_vanish(
    page: Page, serve: Callable[..., str], settle: Settle, store: Path
) -> None:
    start(page, serve(REPO / "streamlit_app.py", env={"VAESCOPE_STORE": str(store)}), settle)
    try:
        expect(page.get_by_test_id("film")).to_have_attribute("data-drawn", "144")
        page.evaluate(
            """() => {
                const shown = (one) =>
                    one.querySelector(".scatterlayer .trace path") && one.getBoundingClientRect().height > 50;
                // a chart, and the picture of one that stands in for the next
                window.seen = () => [...document.querySelectorAll(".js-plotly-plot")].filter(shown);
                window.drawn = () => window.seen().filter((one) => one._fullLayout);
                window.ranges = () =>
                    ["xaxis", "yaxis"].map((one) => window.drawn()[0]?._fullLayout[one].range.map(Number));
                window.length = () => Math.max(...window.drawn().flatMap((g) => g.calcdata.map((one) => one.length)));
                window.frames = window.blank = window.ready = 0;
                const look = () => {
                    window.frames += window.ready;
                    if (window.ready && !window.seen().length) window.blank += 1;
                    requestAnimationFrame(look);
                };
                look();
            }"""
        )
        page.wait_for_function("window.drawn().length === 1 && ++window.ready")
        zooms = "window.drawn().some((one) => !one._fullLayout.xaxis.autorange)"
        deadline = time.monotonic() + SECONDS
        # what comes in above moves the chart while the page is young: a drag may begin beside it
        while not page.evaluate(zooms) and time.monotonic() < deadline:
            box = page.evaluate(
                "window.drawn()[0]?.querySelector('.nsewdrag').getBoundingClientRect().toJSON() ?? null"
            )
            if box is None:
                continue
            places = [
                (box["x"] + share * box["width"], box["y"] + share * box["height"]) for share in (0.3, 0.7)
            ]
            page.mouse.move(*places[0])
            page.mouse.down()
            page.mouse.move(*places[1], steps=5)
            page.mouse.up()
            page.wait_for_timeout(500)
        page.wait_for_function(zooms)
        page.wait_for_function("window.drawn().length === 1")
        zoomed = page.evaluate("window.ranges()")
        for _ in range(3):
            before = page.evaluate("window.length()")
            page.wait_for_function("before => window.length() > before", arg=before)
            page.wait_for_function("zoomed => `${window.ranges()}` === `${zoomed}`", arg=zoomed)
        assert page.evaluate("window.frames") > 20
        assert page.evaluate("window.blank") == 0
        assert page.console_errors == []  # type: ignore[attr-defined]
    finally:
        for left in jobs.jobs(store):
            stop(left.id, store, now=True)


def test_training_outlives_its_tab_and_its_server(
    page: Page, settle: Settle, store: Path, tmp_path: Path
) -> None:
    server = Server(REPO / "streamlit_app.py", {"VAESCOPE_STORE": str(store)}, tmp_path / "first.log")
    try:
        start(page, server.url, settle)
        expect(bar(page)).to_be_visible()
        (one,) = jobs.jobs(store)
        other = page.context.new_page()  # a second tab finds it
        other.goto(f"{server.url}/train?job={one.id}")
        expect(bar(other)).to_be_visible()
        page.goto("about:blank")
        other.close()
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait(timeout=30)
        epoch = read_record(store / one.id).document
        until(lambda: (now := read_record(store / one.id).document) and epoch and now.epoch > epoch.epoch)
        assert jobs.job(one.id, store).state == "running"
        server = Server(REPO / "streamlit_app.py", {"VAESCOPE_STORE": str(store)}, tmp_path / "second.log")
        page.goto(f"{server.url}/train")
        page.get_by_role("button", name="Watch").first.click()
        expect(bar(page)).to_be_visible()
        page.get_by_role("button", name="Stop training").click()
        expect(page.get_by_test_id("stExpander").get_by_text("Go on with it")).to_be_visible()
        assert read_record(store / one.id).state == "stopped"
    finally:
        for left in jobs.jobs(store):
            stop(left.id, store, now=True)
        server.stop()


def test_the_time_lapse_plays(page: Page, serve: Callable[..., str], settle: Settle, store: Path) -> None:
    train(RunConfig.make({**BRIEF, "epochs": 40}), name="Film", store=store, run_id="film")
    assert read_record(store / "film").state == "finished"
    page.goto(f"{serve(REPO / 'streamlit_app.py', env={'VAESCOPE_STORE': str(store)})}/train?job=film")
    settle(page)
    film = page.get_by_test_id("film")
    expect(film).to_have_attribute("data-epoch", "40")
    page.evaluate(
        """() => { window.seen = new Set();
            const find = (root) => [...root.querySelectorAll("*")].flatMap((one) =>
                [one, ...(one.shadowRoot ? find(one.shadowRoot) : [])]);
            const root = find(document).find((one) => one.dataset.testid === "film");
            new MutationObserver(() => window.seen.add(Number(root.dataset.epoch)))
                .observe(root, { attributes: true, attributeFilter: ["data-epoch"] }) }"""
    )
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_visible()  # at its end
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
