"""The latent map in a real Chromium: what is seen, selected and reported, against numpy and the images themselves.

The test's own page is `apps/latent_map_app.py`. Waits are for the map's data attributes and for the page's texts.
"""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.apps.latent_map_app import NAMES
from tests.browser.map_page import DATA, even_odd, latent, lonely, wait_text
from tests.browser.maps import Map

__all__ = ["latent"]  # fixtures


def test_a_lasso_selects_what_numpy_finds_and_the_other_panel_shows_it(latent: Map) -> None:
    corners = [(-1.3, -0.9), (-0.2, -1.5), (0.9, -0.3), (0.1, 0.1), (0.9, 1.2), (-1.0, 1.1), (-0.3, 0.0)]
    path = [latent.place("latent", *corner) for corner in corners]
    polygon = np.array([latent.call("clientToPlace", "latent", *corner) for corner in path])
    wanted = even_odd(DATA["xy"], polygon)
    assert 300 < wanted.sum() < 1500
    latent.drag(path, held="Shift")
    latent.wait_selected(int(wanted.sum()))
    assert latent.selected() == set(DATA["ids"][wanted].tolist())
    # Read the other panel's pixels: selected points are strong, all others faint.
    rows = lonely(latent, "p", DATA["p"])
    assert min(wanted[rows].sum(), (~wanted[rows]).sum()) >= 5
    alpha = np.array([latent.call("pixel", "p", int(DATA["ids"][row]))[3] for row in rows])
    np.testing.assert_array_equal(alpha > 150, wanted[rows])
    assert np.abs(alpha[~wanted[rows]] - 51).max() <= 6  # 0.2 of 255
    # Nothing was reported: the page did not ask, so it did not run again.
    wait_text(latent.page, "run 1")
    latent.root.get_by_role("button", name="Clear selection").click()
    latent.wait_selected(0)


def test_a_lost_selection_can_be_had_back(latent: Map) -> None:
    back = latent.root.get_by_role("button", name="Previous selection")
    expect(back).to_be_hidden()
    latent.drag([latent.place("p", 0.3, 0.4), latent.place("p", 0.6, 0.8)], held="Alt")
    expect(latent.root).not_to_have_attribute("data-selected", "0")
    first = latent.selected()
    assert len(first) > 20
    expect(back).to_be_hidden()
    row = int(lonely(latent, "latent", DATA["xy"])[0])
    latent.page.mouse.click(*latent.call("toClient", "latent", int(DATA["ids"][row])))
    latent.wait_selected(1)
    back.click()
    assert latent.selected() == first
    expect(back).to_be_hidden()
    latent.drag([latent.place("p", 0.1, 0.1), latent.place("p", 0.3, 0.3)], held="Alt")
    second = latent.selected()
    assert second != first
    back.click()
    assert latent.selected() == first
    latent.root.get_by_role("button", name="Clear selection").click()
    back.click()
    assert latent.selected() == first


@pytest.mark.parametrize("held", ["Alt", None])
def test_a_box_selects_what_lies_in_it(latent: Map, held: str | None) -> None:
    if held is None:
        latent.root.get_by_role("button", name="Select with a box").click()
    path = [latent.place("p", 0.62, 0.85), latent.place("p", 0.31, 0.4)]
    (x1, y1), (x0, y0) = (latent.call("clientToPlace", "p", *corner) for corner in path)
    x, y = DATA["p"].astype(np.float64).T
    wanted = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
    assert wanted.sum() > 100
    latent.drag(path, held=held)
    latent.wait_selected(int(wanted.sum()))
    assert latent.selected() == set(DATA["ids"][wanted].tolist())


def test_hover_shows_the_image_of_the_point_and_rings_it_in_both_panels(latent: Map) -> None:
    rows = lonely(latent, "latent", DATA["xy"], away=6)
    rows = rows[:: len(rows) // 6]
    # tiles of both sheets: a sheet holds 1,024
    assert rows[0] < 1024 < rows[-1]
    for row in rows:
        point = int(DATA["ids"][row])
        latent.page.mouse.move(*latent.call("toClient", "latent", point))
        expect(latent.root).to_have_attribute("data-hover", str(point))
        latent.page.wait_for_function(
            "root => root.__latentMap.thumbPixels() !== null", arg=latent.root.element_handle()
        )
        thumb = latent.call("thumbPixels")
        pixels = np.array(thumb["data"], dtype=np.uint8).reshape(thumb["height"], thumb["width"], 4)
        grey = DATA["pixels"][row, 0]
        np.testing.assert_array_equal(pixels, np.dstack([grey, grey, grey, np.full_like(grey, 255)]))
        name = "no label" if DATA["classes"][row] == 255 else NAMES[DATA["classes"][row]]
        expect(latent.root.locator(".tip .name")).to_have_text(name)
        expect(latent.root.locator(".tip .which")).to_contain_text(f"#{point}")
    latent.page.mouse.move(2, 2)
    expect(latent.root).to_have_attribute("data-hover", "")
    expect(latent.root.locator(".tip")).to_be_hidden()
    wait_text(latent.page, "run 1")


def test_clicks_on_a_point_and_beside_it_reach_python(latent: Map) -> None:
    row = int(lonely(latent, "p", DATA["p"], away=8)[3])
    point = int(DATA["ids"][row])
    latent.page.mouse.click(*latent.call("toClient", "p", point))
    wait_text(latent.page, f"click {{'panel': 'p', 'id': {point}}}")
    assert latent.selected() == {point}
    x, y = latent.place("p", 0.985, 0.015)
    wanted = latent.call("clientToPlace", "p", x, y)
    assert abs(wanted[0] - 0.985) < 0.003
    latent.page.mouse.click(x, y)
    text = latent.page.get_by_text(re.compile(r"^place p \("))
    expect(text).to_be_visible()
    got = [float(number) for number in re.findall(r"[-\d.e]+", text.inner_text().removeprefix("place p"))]
    assert got == pytest.approx(wanted, abs=1e-9)
    latent.wait_selected(0)  # the clicked point gave way to the clicked place
    wait_text(latent.page, f"click {{'panel': 'p', 'id': {point}}}")


def test_a_zoom_survives_a_rerun_new_data_a_remount_and_a_reload(latent: Map) -> None:
    page = latent.page
    home, far = latent.call("view", "latent"), latent.call("view", "p")
    latent.zoom("latent", 0.4, 0.3)
    latent.drag([latent.place("latent", 0.4, 0.3), latent.place("latent", 0.5, 0.5)])
    view = latent.call("view", "latent")
    assert view["x1"] - view["x0"] < 0.7 * (home["x1"] - home["x0"])
    page.get_by_role("button", name="Rerun").click()
    wait_text(page, "run 2")
    assert latent.call("view", "latent") == view
    revision = latent.root.get_attribute("data-rev")
    page.get_by_role("button", name="Move the points").click()
    wait_text(page, "version 1")
    expect(latent.root).not_to_have_attribute("data-rev", revision)
    assert latent.call("view", "latent") == view
    assert latent.call("view", "p") == far
    latent.root.evaluate("root => { root.dataset.old = 'true'; }")
    page.get_by_text("Element above", exact=True).click()
    # It has to be another element, or this would show nothing; the old one goes when the run has ended.
    expect(page.locator("[data-testid=latent-map]:not([data-old])")).to_have_count(1)
    expect(latent.root).to_have_count(1)
    latent.ready()
    assert latent.call("view", "latent") == view
    page.wait_for_function("() => Object.values(sessionStorage).some((text) => text.includes('views'))")
    page.reload()
    latent.ready()
    assert latent.call("view", "latent") == pytest.approx(view)
    page.get_by_role("button", name="Another view").click()
    page.wait_for_function(
        "([root, x0]) => root.__latentMap.view('latent').x0 !== x0",
        arg=[latent.root.element_handle(), view["x0"]],
    )
    assert latent.call("view", "latent") == pytest.approx(home)


def test_an_untouched_panel_fits_new_data(latent: Map) -> None:
    home, revision = latent.call("view", "latent"), latent.root.get_attribute("data-rev")
    latent.page.get_by_role("button", name="Move the points").click()
    expect(latent.root).not_to_have_attribute("data-rev", revision)
    moved = latent.call("view", "latent")
    assert moved["x0"] - home["x0"] == pytest.approx(0.05, abs=1e-3)


def test_zoom_buttons(latent: Map) -> None:
    home = latent.call("view", "p")
    zoom = latent.root.locator(".header").nth(1)
    zoom.get_by_role("button", name="Zoom in").click()
    near = latent.call("view", "p")
    assert near["x1"] - near["x0"] == pytest.approx((home["x1"] - home["x0"]) / 1.5)
    zoom.get_by_role("button", name="Zoom out").click()
    zoom.get_by_role("button", name="Zoom out").click()
    assert latent.call("view", "p")["y0"] < home["y0"]
    zoom.get_by_role("button", name="Reset view").click()
    assert latent.call("view", "p") == home


def test_the_wheel_scrolls_the_page_until_the_panel_has_the_focus(latent: Map) -> None:
    home = latent.call("view", "p")
    latent.page.mouse.move(*latent.place("p", 0.5, 0.5))
    latent.page.mouse.wheel(0, -100)
    expect(latent.root.locator(".hint.seen")).to_have_count(1)
    assert latent.call("view", "p") == home
    latent.panel(1).focus()
    latent.page.mouse.wheel(0, -100)
    latent.page.wait_for_function(
        "([root, x0]) => root.__latentMap.view('p').x0 > x0", arg=[latent.root.element_handle(), home["x0"]]
    )


def test_keys_step_click_zoom_and_clear(latent: Map) -> None:
    page = latent.page
    panel = latent.panel(0)
    assert panel.get_attribute("aria-label") == "Latent means: z₁ (mean) against z₂ (mean)"
    panel.focus()
    page.keyboard.press("ArrowRight")
    expect(latent.root).not_to_have_attribute("data-hover", "")
    first = latent.call("hoverId")
    view, xy = latent.call("view", "latent"), DATA["xy"].astype(np.float64)
    centre = [(view["x0"] + view["x1"]) / 2, (view["y0"] + view["y1"]) / 2]
    assert first == DATA["ids"][np.nanargmin(np.hypot(*(xy - centre).T))]
    page.keyboard.press("ArrowRight")
    second = latent.call("hoverId")
    rows = [int(np.flatnonzero(DATA["ids"] == one)[0]) for one in (first, second)]
    assert xy[rows[1], 0] > xy[rows[0], 0]
    expect(latent.root.get_by_role("status")).to_contain_text(f"id {second}")
    expect(panel).to_have_accessible_description(
        re.compile("Arrow keys step .* Enter opens .* Escape clears")
    )
    page.keyboard.press("Enter")
    wait_text(page, f"click {{'panel': 'latent', 'id': {second}}}")
    latent.wait_selected(1)
    expect(latent.root.get_by_role("status")).to_contain_text("1 point selected")
    page.keyboard.press("ArrowLeft")
    third = latent.call("hoverId")
    page.keyboard.press("Shift+Enter")
    latent.wait_selected(2)
    assert latent.selected() == {second, third}
    page.keyboard.press("Escape")
    latent.wait_selected(0)
    expect(latent.root.get_by_role("status")).to_contain_text("Selection cleared")
    page.keyboard.press("+")
    assert latent.call("view", "latent")["x0"] > view["x0"]
    expect(latent.root.get_by_role("status")).to_contain_text("Zoom 1.4 times")
    page.keyboard.press("0")
    assert latent.call("view", "latent") == view


def test_a_page_that_asks_gets_the_selection(latent: Map) -> None:
    latent.page.get_by_text("Report", exact=True).click()
    wait_text(latent.page, "run 2")
    path = [latent.place("latent", 0.9, -0.7), latent.place("latent", 1.2, -1.1)]
    latent.drag(path, held="Alt")
    expect(latent.root).not_to_have_attribute("data-selected", "0")
    selected = latent.selected()
    wanted = [point for point in DATA["ids"].tolist() if point in selected]
    wait_text(latent.page, f"selection {wanted}")
    latent.panel(0).press("Escape")
    wait_text(latent.page, "selection []")
