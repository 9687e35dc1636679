"""The Latent space page in a real browser: maps, cards, manifold, links and zoom as a person meets them."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from scipy.stats import norm

import core
from core.data import catalog
from core.latents import Latents, load_latents
from tests.browser.maps import Map

RUN = "bundled-digits-beta-1"
PLACE = "The image decoded at the chosen place"
Settle = Callable[[Any], None]


@pytest.fixture
def latent(page: Page, app_url: str, settle: Settle) -> Page:
    """The page, open on one run's test images, with 20 x 20 tiles of its manifold."""
    return visit(page, f"{app_url}/latent?run={RUN}&split=test&n=20", settle)


def visit(page: Page, url: str, settle: Settle) -> Page:
    page.goto(url)
    settle(page)
    maps(page)
    return page


def maps(page: Page) -> tuple[Map, Map]:
    """The two maps of the page: latents with p-values, and the decoded manifold."""
    return Map(page, index=0, of=2), Map(page, index=1, of=2)


def stored(repo: Path) -> Latents:
    return load_latents(repo / "checkpoints" / RUN / "latents-test.npz")


def lonely(latents: Latents) -> int:
    """Row of the image that stands farthest from its next neighbour: a click on it means no other."""
    distances = np.linalg.norm(latents.means[:, None] - latents.means[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return int(distances.min(1).argmax())


def picture(page: Page, alt: str) -> np.ndarray:
    """The 8 x 8 pixels of an enlarged picture of the page, grey."""
    image = page.get_by_alt_text(alt).first
    image.wait_for()
    pixels = np.asarray(
        Image.open(io.BytesIO(page.request.get(image.evaluate("e => e.src")).body())).convert("L")
    )
    factor = pixels.shape[0] // 8
    return pixels[factor // 2 :: factor, factor // 2 :: factor].astype(int)


def decoded(x: float, y: float) -> np.ndarray:
    """What the run's decoder makes of a place of the p-value map, 8 x 8, as bytes."""
    images = core.open_run(RUN, store=Path("checkpoints").resolve()).decode(norm.ppf([[x, y]]))
    return np.round(images[0, 0] * 255).astype(int)


def test_hover_shows_the_image_of_the_point(latent: Page, repo: Path) -> None:
    latents, (shown, _) = stored(repo), maps(latent)
    row = lonely(latents)
    shown.panel(0).evaluate("panel => panel.scrollIntoView({ block: 'center' })")
    x, y = shown.call("toClient", "latent", int(latents.ids[row]))
    latent.mouse.move(x - 40, y - 40)
    latent.mouse.move(x, y)
    expect(shown.root).to_have_attribute("data-hover", str(latents.ids[row]))
    thumb = np.array(list(dict(shown.call("thumbPixels"))["data"]), np.uint8).reshape(8, 8, 4)
    np.testing.assert_array_equal(thumb[..., 0], catalog.load("digits", "test").pixels[row, 0])


def test_zoom_selection_and_hidden_classes_survive_other_pages_and_a_reload(
    latent: Page, settle: Settle
) -> None:
    shown, _ = maps(latent)
    shown.zoom("latent", 0.5, 0.5)
    shown.drag([shown.place("p-values", 0.2, 0.2), shown.place("p-values", 0.7, 0.9)], held="Alt")
    expect(shown.root).not_to_have_attribute("data-selected", "0")
    shown.root.locator(".chip").nth(3).click()

    def state() -> tuple[Any, ...]:
        shown, _ = maps(latent)
        return shown.selected(), set(shown.call("shownIds")), shown.call("view", "latent")

    before = state()
    assert 20 < len(before[0]) < 340
    assert len(before[1]) < 340
    for page in ("Runs", "Latent space"):
        latent.get_by_test_id("stSidebarNav").get_by_role("link", name=page).click()
        expect(latent.get_by_role("heading", name=page, level=1)).to_be_visible()
        settle(latent)
    assert state() == before
    latent.reload()
    settle(latent)
    assert state() == before


def test_the_colour_is_in_the_link_and_in_the_map(latent: Page, app_url: str, settle: Settle) -> None:
    visit(latent, f"{app_url}/latent?run={RUN}&split=test&colour=elbo", settle)
    shown, _ = maps(latent)
    expect(shown.root.get_by_role("img", name="Colour bar of Negative ELBO")).to_be_visible()
    latent.get_by_role("combobox", name="Colour by").click()
    latent.get_by_role("option", name="Label", exact=True).click()
    expect(shown.root.locator(".scale")).to_have_count(0)
    expect(latent).not_to_have_url(re.compile("colour="))


def test_a_training_image_is_named_by_its_row(page: Page, app_url: str, repo: Path, settle: Settle) -> None:
    visit(page, f"{app_url}/latent?run={RUN}&split=train", settle)
    shown, _ = maps(page)
    latents = load_latents(repo / "checkpoints" / RUN / "latents-train.npz")
    row = int(latents.ids[lonely(latents)])
    page.mouse.move(*shown.call("toClient", "latent", row | 1 << 28))
    expect(shown.root.locator(".tip .which")).to_have_text(f"#{row} · train")


def test_a_click_on_a_point_shows_its_image_and_its_posterior(latent: Page, repo: Path) -> None:
    latents, (shown, _) = stored(repo), maps(latent)
    row = lonely(latents)
    shown.root.scroll_into_view_if_needed()  # the mouse reaches only what the window shows
    latent.mouse.click(*shown.call("toClient", "p-values", int(latents.ids[row])))
    expect(latent.get_by_text(f"test image {latents.ids[row]}")).to_be_visible()
    name = catalog.info("digits").class_names[latents.labels[row]]
    original = catalog.load("digits", "test").pixels[row, 0]
    np.testing.assert_array_equal(picture(latent, f"Original: {name}"), original)
    np.testing.assert_allclose(
        picture(latent, f"Reconstruction at the mean: {name}"),
        decoded(*norm.cdf(latents.means[row].astype(float))),
        atol=1,
    )
    shown.wait_selected(1)
    assert latent.console_errors == []  # type: ignore[attr-defined]


def test_a_corner_of_the_p_value_map_is_the_corner_tile_of_the_manifold(latent: Page) -> None:
    shown, manifold = maps(latent)
    # the middles of two corner cells of 20 x 20, where no point stands; the mouse meets whole pixels of the
    # screen, so a click lands near the middle and not on it
    shown.panel(1).evaluate("panel => panel.scrollIntoView({ block: 'center' })")
    latent.mouse.click(*shown.place("p-values", 0.025, 0.025))
    expect(latent.get_by_text("z 1 = -1.9", exact=False)).to_be_visible()
    np.testing.assert_allclose(picture(latent, PLACE), decoded(0.025, 0.025), atol=20)
    manifold.root.scroll_into_view_if_needed()
    latent.mouse.click(*manifold.place("manifold", 0.975, 0.025))
    expect(latent.get_by_text("z 1 = 1.9", exact=False)).to_be_visible()
    np.testing.assert_allclose(picture(latent, PLACE), decoded(0.975, 0.025), atol=20)
    manifold.root.scroll_into_view_if_needed()
    latent.mouse.click(*manifold.place("manifold", 0.025, 0.025))
    expect(latent.get_by_text("z 1 = -1.9", exact=False)).to_be_visible()
    np.testing.assert_allclose(picture(latent, PLACE), decoded(0.025, 0.025), atol=20)


def test_typed_coordinates_decode_exactly(latent: Page) -> None:
    for name, value in (("z 1", "0.5"), ("z 2", "-1.25")):
        box = latent.get_by_label(name, exact=True)
        box.fill(value)
        box.press("Enter")
    expect(latent.get_by_text("z 2 = -1.250")).to_be_visible()
    expect(latent.get_by_text("z 1 = 0.500")).to_be_visible()
    np.testing.assert_allclose(picture(latent, PLACE), decoded(*norm.cdf([0.5, -1.25])), atol=1)


def test_zoom_and_selection_survive_a_rerun(latent: Page, settle: Settle) -> None:
    shown, _ = maps(latent)
    shown.zoom("latent", 0.5, 0.5)
    zoomed = shown.call("view", "latent")
    x0, y0 = shown.place("p-values", 0.1, 0.1)
    x1, y1 = shown.place("p-values", 0.6, 0.6)
    shown.drag([(x0, y0), (x1, y1)], held="Alt")
    expect(shown.root).not_to_have_attribute("data-selected", "0")
    before = shown.selected()
    latent.get_by_text("Draw from the prior").click()
    expect(latent.get_by_text("Draws k")).to_be_visible()
    settle(latent)
    shown, _ = maps(latent)
    assert shown.call("view", "latent") == zoomed
    assert shown.selected() == before


def test_a_copied_link_opens_the_same_view(latent: Page, browser: Any, settle: Settle) -> None:
    latent.get_by_text("Posterior samples").click()
    latent.get_by_text("Draw from the prior").click()
    expect(latent.get_by_text("Draws from the prior")).to_be_visible()
    settle(latent)
    latent.wait_for_url("**prior=1**")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        other = visit(context.new_page(), latent.url, settle)
        expect(other.get_by_text("Draws from the prior")).to_be_visible()
        assert maps(other)[0].call("shownIds") == maps(latent)[0].call("shownIds")
        expect(other.get_by_text("showing posterior samples")).to_be_visible()
    finally:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 420])
def test_screenshots(
    page: Page, app_url: str, settle: Settle, screenshots: Path, scheme: Any, width: int
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 2400})
    visit(page, f"{app_url}/latent?run={RUN}&prior=1&zx=1.0&zy=0.5", settle)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    page.screenshot(path=screenshots / f"latent-{scheme}-{width}.png")
    assert page.outside_requests == []  # type: ignore[attr-defined]
