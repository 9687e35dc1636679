"""Both renderers of the latent map draw the same picture; a lost graphics card is no loss.

WebGL runs in software here, which is enough to compare pictures and tells nothing about speed.
"""

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.components.latent_map import SCRIPT
from tests.browser.apps.latent_map_app import scene
from tests.browser.map_page import APP, COUNT
from tests.browser.maps import Map

DATA = scene(COUNT)
# The card keeps premultiplied bytes and works in 32-bit floats: where points overlap, roundings add up to 3 of
# 255, and a point that stands on the border of two sub-pixel cells can fall into the other one.
CLOSE, SHARE = 4, 0.999
MEAN = 0.15


def visit(page: Page, serve: Callable[..., str], renderer: str) -> Map:
    page.goto(serve(APP, env={"LATENT_MAP_POINTS": str(COUNT)}) + f"?renderer={renderer}")
    latent = Map(page)
    expect(latent.root).to_have_attribute("data-backend", renderer)
    return latent


def picture(latent: Map, panel: str) -> np.ndarray:
    """The points of a panel, (H, W, 4) floats, premultiplied: what is mixed with the page."""
    pixels = latent.pixels(panel).astype(float)
    pixels[..., :3] *= pixels[..., 3:] / 255
    return pixels


def shoot(latent: Map) -> list[np.ndarray]:
    """Both panels: whole, zoomed and panned, with a selection, with a hidden class."""
    page = latent.page
    shots = [picture(latent, "latent"), picture(latent, "p")]
    latent.zoom("latent", 0.4, 0.3)
    latent.zoom("latent", 0.4, 0.3)
    shots.append(picture(latent, "latent"))
    latent.drag([latent.place("p", 0.2, 0.2), latent.place("p", 0.7, 0.8)], held="Alt")
    expect(latent.root).not_to_have_attribute("data-selected", "0")
    page.mouse.move(2, 2)
    shots += [picture(latent, "latent"), picture(latent, "p")]
    latent.root.locator(".chip").nth(2).click()
    shots.append(picture(latent, "p"))
    return shots


def test_both_renderers_draw_the_same_picture(page: Page, serve: Callable[..., str]) -> None:
    splat = shoot(visit(page, serve, "splat"))
    # in a tab of its own, which knows nothing of what was done in the other one
    card = shoot(visit(page.context.new_page(), serve, "webgl"))
    for one, other in zip(splat, card, strict=True):
        assert one.shape == other.shape
        assert (one[..., 3] > 0).mean() > 0.01
        away = np.abs(one - other).max(axis=2)
        drawn = (one[..., 3] > 0) | (other[..., 3] > 0)
        assert (away[drawn] <= CLOSE).mean() >= SHARE
        assert away.mean() < MEAN
    # The pictures differ among themselves by far more: the comparison can fail.
    assert np.abs(splat[1] - splat[4]).mean() > 10 * MEAN
    assert np.abs(splat[4] - splat[5]).max() > 100


def test_a_lost_card_gives_way_to_the_cpu(page: Page, serve: Callable[..., str]) -> None:
    latent = visit(page, serve, "webgl")
    before = picture(latent, "latent")
    latent.call("loseCard")
    expect(latent.root).to_have_attribute("data-backend", "splat")
    after = picture(latent, "latent")
    assert (np.abs(before - after).max(axis=2) <= CLOSE).mean() >= SHARE
    latent.drag([latent.place("p", 0.2, 0.2), latent.place("p", 0.7, 0.8)], held="Alt")
    expect(latent.root).not_to_have_attribute("data-selected", "0")


def test_software_is_refused(page: Page, serve: Callable[..., str]) -> None:
    """This browser draws in software, so a map that chooses for itself takes the CPU."""
    page.goto(serve(APP, env={"LATENT_MAP_POINTS": str(COUNT)}))
    expect(Map(page).root).to_have_attribute("data-backend", "splat")


@pytest.mark.parametrize(
    "name, hardware",
    [
        ("ANGLE (NVIDIA, NVIDIA GeForce RTX 3080 Direct3D11 vs_5_0 ps_5_0, D3D11)", True),
        ("ANGLE (Intel, Mesa Intel(R) UHD Graphics 620 (KBL GT2), OpenGL 4.6)", True),
        ("Apple GPU", True),
        ("Mali-G78", True),
        (
            "ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero) (0x0000C0DE)), SwiftShader driver)",
            False,
        ),
        ("llvmpipe (LLVM 15.0.7, 256 bits)", False),
        ("ANGLE (Microsoft, Microsoft Basic Render Driver Direct3D11 vs_5_0 ps_5_0, D3D11)", False),
        ("Mesa OffScreen softpipe", False),
        ("Apple Software Renderer", False),
        ("", False),
    ],
)
def test_a_graphics_card_is_told_by_its_name(page: Page, name: str, hardware: bool) -> None:
    page.goto("about:blank")
    found = page.evaluate(
        """async ([script, name]) => {
            const js = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
            return js.isHardware(name);
        }""",
        [SCRIPT, name],
    )
    assert found == hardware
