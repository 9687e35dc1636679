"""The latent map as tests drive it: through its hook, its data attributes and the mouse."""

import base64
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page, expect


class Map:
    """The map of a page: its hook and its data attributes."""

    def __init__(self, page: Page, *, index: int = 0, of: int = 1) -> None:
        self.page = page
        every = page.get_by_test_id("latent-map")
        # while Streamlit moves a map to another container, the old one and the new one are both there
        expect(every).to_have_count(of)
        self.root: Locator = every.nth(index)
        self.ready()

    def ready(self) -> None:
        expect(self.root).to_have_attribute("data-ready", "true")

    def call(self, name: str, *arguments: Any) -> Any:
        return self.root.evaluate(
            "(root, [name, args]) => root.__latentMap[name](...args)", [name, arguments]
        )

    def pixels(self, panel: str) -> np.ndarray:
        """The points of a panel as they are drawn, (H, W, 4) uint8."""
        image = self.call("pixels", panel)
        data = np.frombuffer(base64.b64decode(image["data"]), np.uint8)
        return data.reshape(image["height"], image["width"], 4)

    def panel(self, k: int) -> Locator:
        return self.root.get_by_role("application").nth(k)

    def selected(self) -> set[int]:
        return set(self.call("selectedIds"))

    def wait_selected(self, count: int) -> None:
        expect(self.root).to_have_attribute("data-selected", str(count))

    def place(self, panel: str, x: float, y: float) -> tuple[float, float]:
        """Whole client pixels near a place, so that the browser rounds nothing."""
        px, py = self.call("placeToClient", panel, float(x), float(y))
        return round(px), round(py)

    def drag(self, path: list[tuple[float, float]], held: str | None = None) -> None:
        mouse, keys = self.page.mouse, self.page.keyboard
        mouse.move(*path[0])
        if held:
            keys.down(held)
        mouse.down()
        for corner in path[1:]:
            mouse.move(*corner)
        mouse.up()
        if held:
            keys.up(held)

    def zoom(self, panel: str, x: float, y: float) -> None:
        before = self.call("view", panel)
        self.page.mouse.move(*self.place(panel, x, y))
        self.page.keyboard.down("Control")
        self.page.mouse.wheel(0, -300)
        self.page.keyboard.up("Control")
        self.page.wait_for_function(
            "([root, panel, x0]) => root.__latentMap.view(panel).x0 !== x0",
            arg=[self.root.element_handle(), panel, before["x0"]],
        )
