"""The Compare page in a real browser: one selection in four panels, the images of it, links and narrow pages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from scipy import linalg

from core.latents import Latents, load_latents
from tests.browser.maps import Map

ONE, TENTH, FOUR = "bundled-digits-beta-1", "bundled-digits-beta-0p1", "bundled-digits-beta-4"
Settle = Callable[[Any], None]


@pytest.fixture
def compare(page: Page, app_url: str, settle: Settle) -> Page:
    """The page, open on the two default runs' test images."""
    return visit(page, f"{app_url}/compare?runs={ONE},{TENTH}&split=test", settle)


def visit(page: Page, url: str, settle: Settle) -> Page:
    page.goto(url)
    settle(page)
    return page


def stored(repo: Path, run: str) -> Latents:
    return load_latents(repo / "checkpoints" / run / "latents-test.npz")


def inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Which points (N, 2) lie in a polygon: the even-odd rule, written anew."""
    x, y = points.astype(np.float64).T
    odd = np.zeros(len(points), dtype=bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, 1, axis=0), strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            odd ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return odd


def test_a_lasso_in_one_run_lights_up_the_same_images_of_the_other(
    compare: Page, repo: Path, screenshots: Path
) -> None:
    latents, shown = stored(repo, ONE), Map(compare)
    corners = [(-2.2, -0.6), (-0.7, -0.9), (-0.4, 0.2), (-0.8, 1.4), (-1.9, 1.1)]
    path = [shown.place("A-latent", *corner) for corner in corners]
    polygon = np.array([shown.call("clientToPlace", "A-latent", *corner) for corner in path])
    wanted = inside(latents.means, polygon)
    assert 20 < wanted.sum() < 200
    shown.drag(path, held="Shift")
    shown.wait_selected(int(wanted.sum()))
    assert shown.selected() == set(latents.ids[wanted].tolist())
    # read the pixels of B's panels: selected images are strong there, all others faint
    for panel in ("B-latent", "B-p"):
        seen = {int(one): shown.call("pixel", panel, int(one))[3] for one in latents.ids[::3]}
        strong = {one for one, alpha in seen.items() if alpha > 150}
        here = set(latents.ids[wanted].tolist())
        assert strong >= here & set(seen)
        # a faint point can lie under a strong one
        assert len(strong - here) < 0.2 * len(seen)
    expect(compare.get_by_text(f"{wanted.sum()} images selected")).to_be_visible()
    picture = compare.get_by_alt_text("12 selected images and their reconstructions by A and B")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth > 12 * 64")
    compare.screenshot(path=screenshots / "compare-lasso.png")
    shown.root.get_by_role("button", name="Clear selection").click()
    expect(picture).to_have_count(0)
    assert compare.console_errors == []  # type: ignore[attr-defined]


def test_a_click_shows_the_image_and_what_both_runs_make_of_it(compare: Page, repo: Path) -> None:
    latents, shown = stored(repo, TENTH), Map(compare)
    distances = np.linalg.norm(latents.means[:, None] - latents.means[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    one = int(latents.ids[distances.min(1).argmax()])
    compare.mouse.click(*shown.call("toClient", "B-latent", one))
    expect(compare.get_by_text(f"Image {one} of test")).to_be_visible()
    picture = compare.get_by_alt_text(f"Image {one} of test and its reconstructions")
    expect(picture).to_be_visible()
    # hovering it in one panel shows the thumbnail; the ring stands in all
    compare.mouse.move(2, 2)
    compare.mouse.move(*shown.call("toClient", "A-p", one))
    expect(shown.root.locator(".tip .which")).to_contain_text("#")
    assert compare.console_errors == []  # type: ignore[attr-defined]


def test_a_copied_link_opens_the_same_comparison(
    compare: Page, page: Page, settle: Settle, browser: Any
) -> None:
    compare.get_by_text("Posterior samples", exact=True).click()
    compare.wait_for_url("**show=samples**")
    compare.get_by_role("button", name="Swap").click()
    compare.wait_for_url(f"**runs={TENTH}%2C{ONE}**")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    other = context.new_page()
    try:
        visit(other, compare.url, settle)
        shown = Map(other)
        titles = [shown.panel(k).get_attribute("aria-label") for k in range(4)]
        assert "Run A" in str(titles[0])
        expect(other.get_by_label("Run A", exact=True)).to_have_value("Digits, beta 0.1")
        expect(other.get_by_label("Run B", exact=True)).to_have_value("Digits, beta 1")
        expect(other.get_by_text("Φ(samples)").first).to_be_visible()
    finally:
        context.close()
    assert compare.console_errors == []  # type: ignore[attr-defined]


def test_the_whole_page_fits_wide_and_narrow(
    page: Page, app_url: str, settle: Settle, screenshots: Path
) -> None:
    schemes: tuple[tuple[Any, int], ...] = (("light", 1440), ("dark", 420))
    for scheme, width in schemes:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 1000})
        visit(page, f"{app_url}/compare?runs=bundled-digits-ae,bundled-digits-8d", settle)
        Map(page)
        expect(page.get_by_role("heading", name="Settings that differ")).to_be_attached()
        expect(page.get_by_text("Linear CKA")).to_be_attached()
        expect(page.get_by_test_id("stTable")).to_have_count(2)
        expect(page.locator(".js-plotly-plot")).to_have_count(1)  # the curves
        expect(page.get_by_test_id("stAlert")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.screenshot(path=screenshots / f"compare-{width}-{scheme}.png")
    assert page.console_errors == []  # type: ignore[attr-defined]


def test_a_lasso_lights_up_eight_runs_and_stays_when_one_leaves(
    page: Page, app_url: str, settle: Settle, repo: Path, screenshots: Path
) -> None:
    page.set_viewport_size({"width": 1440, "height": 2400})
    runs = ",".join(f"bundled-digits-{end}" for end in ("beta-1", "beta-0p1", "beta-0p5", "beta-2", "beta-0"))
    visit(
        page, f"{app_url}/compare?runs={runs},bundled-digits-8d,bundled-digits-ae,{FOUR}&split=test", settle
    )
    latents, shown = stored(repo, ONE), Map(page)
    shown.panel(0).scroll_into_view_if_needed()
    corners = [(-2.2, -0.6), (-0.7, -0.9), (-0.4, 0.2), (-0.8, 1.4), (-1.9, 1.1)]
    path = [shown.place("A-latent", *corner) for corner in corners]
    polygon = np.array([shown.call("clientToPlace", "A-latent", *corner) for corner in path])
    wanted = inside(latents.means, polygon)
    shown.drag(path, held="Shift")
    shown.wait_selected(int(wanted.sum()))
    here = set(latents.ids[wanted].tolist())
    for letter in "BCDEFGH":
        seen = {int(one): shown.call("pixel", f"{letter}-latent", int(one))[3] for one in latents.ids[::6]}
        strong = {one for one, alpha in seen.items() if alpha > 150}
        assert strong >= here & set(seen), letter
    expect(
        page.get_by_alt_text("12 selected images and their reconstructions by A, B, C, D, E, F, G and H")
    ).to_be_visible()
    expect(page.get_by_alt_text("Differences of A, B, C, D, E, F, G, H from the original")).to_be_visible()
    page.screenshot(path=screenshots / "compare-eight.png")
    page.get_by_role("button", name="Remove a run").click()
    page.get_by_role("menuitem", name="H: Digits, beta 4").click()
    expect(page.get_by_label("Run H", exact=True)).to_have_count(0)
    page.wait_for_url(lambda url: FOUR not in url)
    Map(page).wait_selected(int(wanted.sum()))
    assert Map(page).selected() == here
    assert page.console_errors == []  # type: ignore[attr-defined]


def test_aligned_runs_are_drawn_where_procrustes_puts_them(
    page: Page, app_url: str, settle: Settle, repo: Path, screenshots: Path
) -> None:
    visit(page, f"{app_url}/compare?runs={ONE},{TENTH}&split=test", settle)
    Map(page)
    page.get_by_role("radio", name="Aligned", exact=True).click()
    page.wait_for_url("**space=orthogonal**")
    expect(page.get_by_text("B onto A: residual").first).to_be_visible()
    first, second = (stored(repo, run).means.astype(np.float64) for run in (ONE, TENTH))
    x, y = first - first.mean(0), second - second.mean(0)
    moved = y @ linalg.orthogonal_procrustes(y, x)[0] + first.mean(0)
    shown = Map(page)
    for k in (0, 100, 300):
        found = shown.call("toClient", "B-latent", int(stored(repo, TENTH).ids[k]))
        assert found == pytest.approx(shown.place("B-latent", *moved[k].tolist()), abs=0.6)
    page.screenshot(path=screenshots / "compare-aligned.png")
    assert page.console_errors == []  # type: ignore[attr-defined]


def test_the_images_that_changed_most_can_be_selected_again_and_again(
    page: Page, app_url: str, settle: Settle, repo: Path
) -> None:
    visit(page, f"{app_url}/compare?runs={ONE},{TENTH}&split=test&colour=d-change", settle)
    shown = Map(page)
    first, second = stored(repo, ONE), stored(repo, TENTH)
    change = first.distortion.astype(np.float64) - second.distortion
    wanted = set(first.ids[np.argsort(-change)[:12]].tolist())
    for _ in range(2):
        page.get_by_role("button", name="Select the 12 largest A − B").click()
        shown.wait_selected(12)
        assert shown.selected() == wanted
        expect(page.get_by_text("12 images selected")).to_be_visible()
        settle(page)
        shown.panel(0).focus()
        page.keyboard.press("Escape")
        shown.wait_selected(0)
        expect(page.get_by_text("12 images selected")).to_be_hidden()
        settle(page)
    bar = shown.root.get_by_role("img", name="Colour bar of Distortion D, A − B (nats per image)")
    expect(bar).to_be_visible()
    assert page.console_errors == []  # type: ignore[attr-defined]
