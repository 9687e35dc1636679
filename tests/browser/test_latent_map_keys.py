"""Keys on the latent map in a real Chromium: those that belong to the browser, and those held while dragging."""

from playwright.sync_api import expect

from tests.browser.map_page import latent
from tests.browser.maps import Map

__all__ = ["latent"]  # the fixture

FOCUSED = (
    "() => document.activeElement.shadowRoot?.activeElement?.outerHTML ?? document.activeElement.outerHTML"
)


def test_tab_leads_through_the_map_and_out_of_it(latent: Map) -> None:
    latent.root.get_by_role("button", name="Pan").focus()
    seen = [latent.page.evaluate(FOCUSED)]
    for _ in range(40):
        latent.page.keyboard.press("Tab")
        inside = latent.root.evaluate("root => root.contains(root.getRootNode().activeElement)")
        if not inside:
            break
        seen.append(latent.page.evaluate(FOCUSED))
    else:
        raise AssertionError(f"forty times Tab does not leave the map: {seen[-1]}")
    # tools, two panels, ten classes; the three zoom buttons of the second panel read as those of the first
    assert len(set(seen)) == len(seen) - 3 > 15
    latent.page.keyboard.press("Shift+Tab")
    assert latent.page.evaluate(FOCUSED) == seen[-1]


def test_buttons_of_the_map_are_pressed_by_the_keyboard(latent: Map) -> None:
    chip = latent.root.get_by_role("button", name="Trouser")
    chip.focus()
    latent.page.keyboard.press("Enter")
    expect(chip).to_have_attribute("aria-pressed", "false")
    latent.page.keyboard.press("Space")
    expect(chip).to_have_attribute("aria-pressed", "true")
    latent.root.get_by_role("button", name="Select with a box").focus()
    latent.page.keyboard.press("Enter")
    assert latent.root.get_attribute("data-tool") == "box"


def test_ctrl_adds_and_shift_with_alt_takes_away(latent: Map) -> None:
    def corners(x0: float, x1: float) -> list[tuple[float, float]]:
        return [latent.place("p", x, y) for x, y in ((x0, 0.3), (x1, 0.3), (x1, 0.8), (x0, 0.8))]

    left, right = corners(0.3, 0.5), corners(0.5, 0.7)
    latent.drag([left[0], left[2]], held="Alt")
    expect(latent.root).not_to_have_attribute("data-selected", "0")
    first = latent.selected()
    keys = latent.page.keyboard
    keys.down("Control")
    latent.drag([right[0], right[2]], held="Alt")
    keys.up("Control")
    both = latent.selected()
    assert first < both
    keys.down("Alt")
    latent.drag(left, held="Shift")
    keys.up("Alt")
    assert latent.selected() == both - first


def test_selected_points_of_a_hidden_class_are_counted(latent: Map) -> None:
    latent.drag([latent.place("p", 0.2, 0.2), latent.place("p", 0.8, 0.8)], held="Alt")
    expect(latent.root).not_to_have_attribute("data-selected", "0")
    count = latent.root.locator(".count")
    expect(count).not_to_contain_text("hidden")
    latent.root.get_by_role("button", name="Trouser").click()
    expect(count).to_contain_text("of them hidden")
