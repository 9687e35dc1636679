"""More than two dimensions in a real browser: pairs, projections computed in the background, and 3-D."""

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from core.latents import load_latents
from tests.browser.maps import Map

RUN = "bundled-digits-8d"
Settle = Callable[[Any], None]
CAMERA = "g => { const e = g._fullLayout.scene.camera.eye; return [e.x, e.y, e.z]; }"
LISTEN = """g => {
    g.hovered = null;
    g.on("plotly_hover", (event) => { g.hovered = event.points[0].customdata; });
    g.on("plotly_unhover", () => { g.hovered = null; });
    window.addEventListener("mousemove", (event) => { g.at = [event.clientX, event.clientY]; }, true);
}"""
COMPUTED = 180_000
"""Milliseconds until t-SNE of 360 points is there, on a machine that is busy"""


def visit(page: Page, app_url: str, settle: Settle, **choices: str) -> Page:
    query = "&".join(f"{key}={value}" for key, value in {"run": RUN, "split": "test", **choices}.items())
    page.goto(f"{app_url}/latent?{query}")
    settle(page)
    return page


def test_all_pairs_mark_the_same_images(page: Page, app_url: str, repo: Path, settle: Settle) -> None:
    page.set_viewport_size({"width": 1440, "height": 1700})
    visit(page, app_url, settle, shape="pairs")
    shown, latents = Map(page), load_latents(repo / "checkpoints" / RUN / "latents-test.npz")
    first = shown.root.get_by_role("application").first
    title = shown.root.locator(".title").first.inner_text()
    across, up = (int(number) - 1 for number in re.findall(r"z (\d)", title))
    name = f"pair-{across + 1}-{up + 1}"
    # the panels of one column stand under one another, and the first row has one panel
    boxes = [shown.panel(k).bounding_box() for k in range(6)]
    assert all(box is not None for box in boxes)
    lefts = [round(box["x"]) for box in boxes if box]
    assert sorted(lefts.count(left) for left in set(lefts)) == [1, 2, 3]
    assert len({round(box["y"]) for box in boxes if box}) == 3
    first.scroll_into_view_if_needed()
    shown.drag([shown.place(name, 0.0, 0.0), shown.place(name, 1.5, 1.5)], held="Alt")
    expect(shown.root).not_to_have_attribute("data-selected", "0")
    inside = (latents.means[:, [across, up]] > 0.03).all(1) & (latents.means[:, [across, up]] < 1.47).all(1)
    around = (latents.means[:, [across, up]] > -0.03).all(1) & (latents.means[:, [across, up]] < 1.53).all(1)
    selected = shown.selected()
    assert set(latents.ids[inside]) <= selected <= set(latents.ids[around])
    # another panel shows just these: the points outside of a selection are faint there too
    other = shown.root.locator(".title").nth(5).inner_text()
    a, b = re.findall(r"z (\d)", other)
    row = int(np.flatnonzero(latents.ids == min(selected))[0])
    x, y = shown.call("toClient", f"pair-{a}-{b}", int(latents.ids[row]))
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    expect(shown.root).not_to_have_attribute("data-hover", "")
    visit(page, app_url, settle, shape="projection")  # and the same images stay marked in another view
    assert Map(page).selected() == selected


def new_seed() -> str:
    """Of a projection that no earlier try has computed."""
    return str(secrets.randbelow(100_000))


def test_t_sne_is_computed_in_the_background_and_found_again(
    page: Page, app_url: str, settle: Settle
) -> None:
    seed = new_seed()
    visit(page, app_url, settle, shape="projection", pseed=seed)
    Map(page)  # PCA, at once
    expect(page.get_by_text("PCA of the posterior means of 360 of 360 images")).to_be_visible()
    page.get_by_role("combobox", name="Method").click()
    page.get_by_role("option", name="t-SNE").click()
    page.get_by_role("button", name="Compute t-SNE").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    page.reload()  # a new session finds the job again
    settle(page)
    expect(page.get_by_text(re.compile("t-SNE: .* so far"))).to_be_visible()
    words = page.get_by_text(re.compile(f"t-SNE of the posterior means of 360 .*seed {seed}"))
    expect(words).to_be_visible(timeout=COMPUTED)
    settle(page)
    expect(Map(page).root.locator(".title")).to_have_text("t-SNE: projection, not the latent space")
    page.reload()
    settle(page)
    expect(words).to_be_visible()
    before = Map(page).call("view", "projection")
    assert before["x1"] > before["x0"]
    expect(page.get_by_role("button", name="Compute t-SNE")).to_have_count(0)
    assert page.console_errors == []  # type: ignore[attr-defined]


def test_a_job_is_stopped_by_its_button(page: Page, app_url: str, settle: Settle) -> None:
    visit(page, app_url, settle, shape="projection", method="tsne", pseed=new_seed())
    page.get_by_role("button", name="Compute t-SNE").click()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("t-SNE was stopped before it was done")).to_be_visible()
    expect(page.get_by_role("button", name="Start again")).to_be_visible()


def space(page: Page) -> Locator:
    """The 3-D chart, drawn."""
    chart = page.locator(".js-plotly-plot")
    expect(chart.locator("canvas").first).to_be_visible()
    page.wait_for_function(
        "g => g._fullLayout?.scene?._scene?.glplot && !g._fullLayout.scene._scene.glplot.stopped",
        arg=chart.element_handle(),
    )
    return chart


def hover_a_point(page: Page, chart: Locator) -> int:
    """Move the mouse about the middle of the chart until it is over a point; the point's id."""
    box = chart.locator("canvas").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for k in range(400):
        angle, radius = k * 0.7, k * 0.4
        page.mouse.move(round(x + radius * np.cos(angle)), round(y + radius * np.sin(angle)))
        page.evaluate("() => new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")
        hovered = chart.evaluate("g => g.hovered")
        if hovered is not None:
            return int(hovered)
    raise AssertionError("no point was hovered")


def test_3_d_keeps_its_camera_and_a_click_opens_an_image(page: Page, app_url: str, settle: Settle) -> None:
    visit(page, app_url, settle, shape="space")
    chart = space(page)
    box = chart.locator("canvas").first.bounding_box()
    assert box is not None
    start = chart.evaluate(CAMERA)
    page.mouse.move(box["x"] + 60, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 140, steps=5)
    page.mouse.up()
    page.wait_for_function(
        f"([g, start]) => String(({CAMERA})(g)) !== String(start)", arg=[chart.element_handle(), start]
    )
    turned = chart.evaluate(CAMERA)
    chart.evaluate(LISTEN)
    hover_a_point(page, chart)
    x, y = chart.evaluate("g => g.at")
    # to turn the chart from there is no click
    page.mouse.down()
    page.mouse.move(round(x) + 30, round(y), steps=3)
    page.mouse.up()
    page.wait_for_function(
        f"([g, turned]) => String(({CAMERA})(g)) !== String(turned)", arg=[chart.element_handle(), turned]
    )
    turned = chart.evaluate(CAMERA)
    hovered = hover_a_point(page, chart)
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_text(f"· test image {hovered}")).to_be_visible()
    # Streamlit draws the chart with the ring anew
    page.wait_for_function(
        "() => document.querySelector('.js-plotly-plot')?.data?.at(-1).name === 'the clicked image'",
    )
    chart = space(page)
    page.wait_for_function(
        f"([g, turned]) => ({CAMERA})(g).every((one, k) => Math.abs(one - turned[k]) < 1e-6)",
        arg=[chart.element_handle(), turned],
    )
    assert page.console_errors == []  # type: ignore[attr-defined]


def test_without_webgl_3_d_says_so(page: Page, app_url: str, settle: Settle) -> None:
    page.add_init_script(
        "const real = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        "  return /webgl/.test(kind) ? null : real.call(this, kind, ...more);"
        "};"
    )
    visit(page, app_url, settle, shape="space")
    expect(page.get_by_role("alert").get_by_text("This browser has no WebGL")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 420])
@pytest.mark.parametrize("shape", ["pairs", "projection", "space"])
def test_screenshots(
    page: Page, app_url: str, settle: Settle, screenshots: Path, shape: str, scheme: Any, width: int
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 1800})
    visit(page, app_url, settle, shape=shape)
    space(page) if shape == "space" else Map(page)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    page.screenshot(path=screenshots / f"latent-{shape}-{scheme}-{width}.png")
    assert page.outside_requests == []  # type: ignore[attr-defined]
