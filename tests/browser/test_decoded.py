"""Hovering an empty place: the nearest decoded tile, in the browser alone, against the gateway's own tiles."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from scipy.special import ndtr
from scipy.stats import norm

from core.generation import lattice_points
from core.latents import load_latents
from dashboard import gateway
from dashboard.components.latent_map import SCRIPT
from tests.browser.maps import Map
from tests.conftest import REPO

RUN = "bundled-digits-beta-1"
SIDE = 40
Settle = Callable[[Any], None]

LOAD = """async (script) => {
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    window.js = await import(url);
}"""


@pytest.fixture
def sent(page: Page) -> list[str]:
    """Whatever the page sends after it was opened: frames to the server, and requests."""
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: frames.append("frame")))
    page.on("request", lambda request: frames.append(request.url))
    return frames


@pytest.fixture
def latent(page: Page, sent: list[str], app_url: str, settle: Settle) -> Page:
    page.goto(f"{app_url}/latent?run={RUN}&split=test&n=4")
    settle(page)
    return ready(page)


def ready(page: Page) -> Page:
    """The page once the lattice has come: it is made after the paint, and fetched once."""
    for index, panels in ((0, ("latent", "p-values")), (1, ("manifold",))):
        shown = Map(page, index=index, of=2)
        for panel in panels:
            page.wait_for_function(
                "([root, panel]) => root.__latentMap.latticeReady(panel)",
                arg=[shown.root.element_handle(), panel],
            )
    return page


@pytest.fixture(scope="module")
def tiles() -> np.ndarray:
    """(40, 40, 8, 8) bytes of the decoder at the lattice, row 0 at the top."""
    record = next(record for record in gateway.runs() if record.id == RUN)
    return np.rint(gateway.lattice(record, SIDE)[:, :, 0] * 255).astype(np.uint8)


@pytest.fixture(scope="module", autouse=True)
def _bundled(served_store: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAESCOPE_STORE", str(served_store))
        yield


def thumb(shown: Map) -> np.ndarray:
    pixels = shown.call("thumbPixels")
    grey = np.array(pixels["data"], np.uint8).reshape(pixels["height"], pixels["width"], 4)
    np.testing.assert_array_equal(grey[..., 3], 255)
    return grey[..., 0]


def cell(x: float, y: float, *, unit: bool) -> tuple[int, int]:
    """Row and column of the tile whose p-value cell holds a place."""
    p = (x, y) if unit else gateway.phi(np.array([x, y]))
    return int((1 - p[1]) * SIDE), int(p[0] * SIDE)


def empty(shown: Map, panel: str, far: float = 14, *, every: bool = False) -> list[tuple[int, int]]:
    """Whole client pixels over a panel that no point is near, spread over it: a few, or every one of a grid."""
    rect = shown.call("rect", panel)
    box = shown.root.locator(".stage").bounding_box()
    assert box is not None
    points = np.array([shown.call("toClient", panel, point) for point in shown.call("shownIds")])
    left, top = box["x"] + rect["x"], box["y"] + rect["y"]
    grid = [
        (round(left + rect["w"] * a), round(top + rect["h"] * b))
        for a in np.linspace(0.06, 0.94, 12)
        for b in np.linspace(0.06, 0.94, 12)
    ]
    free = [at for at in grid if not len(points) or np.hypot(*(points - at).T).min() > far]
    return free if every else free[:: max(1, len(free) // 6)]


def empty_after(shown: Map, panel: str, factor: float) -> tuple[int, int]:
    """A free pixel under which another free place within the unit square comes when the view is zoomed out."""
    rect, view = shown.call("rect", panel), shown.call("view", panel)
    box = shown.root.locator(".stage").bounding_box()
    assert box is not None
    centre = np.array([box["x"] + rect["x"] + rect["w"] / 2, box["y"] + rect["y"] + rect["h"] / 2])
    middle = np.array([view["x0"] + view["x1"], view["y0"] + view["y1"]]) / 2
    points = np.array([shown.call("toClient", panel, point) for point in shown.call("shownIds")])
    later = centre + (points - centre) / factor
    for at in empty(shown, panel, every=True):
        place = np.array(shown.call("clientToPlace", panel, *at))
        moved = middle + (place - middle) * factor
        within = panel == "latent" or ((moved > 0.03).all() and (moved < 0.97).all())
        other = np.abs(moved - place).max() > 0.06
        if within and other and np.hypot(*(later - at).T).min() > 14:
            return at
    raise AssertionError("no such place: choose another view")


def test_the_normal_cdf_is_scipys(page: Page) -> None:
    page.goto("about:blank")
    page.evaluate(LOAD, SCRIPT)
    values = np.concatenate([np.linspace(-12, 12, 4001), [0.0, 1e-300, -1e-12, 8.2999, -8.3001]])
    got = page.evaluate("values => values.map(js.normalCdf)", values.tolist())
    np.testing.assert_allclose(got, ndtr(values), atol=2e-15, rtol=0)
    assert page.evaluate("[js.normalCdf(-Infinity), js.normalCdf(Infinity), js.normalCdf(0)]") == [0, 1, 0.5]
    assert page.evaluate("Number.isNaN(js.normalCdf(NaN))")


@pytest.mark.parametrize("unit", [True, False])
def test_a_place_finds_the_tile_of_the_lattice_that_python_makes(page: Page, unit: bool) -> None:
    page.goto("about:blank")
    page.evaluate(LOAD, SCRIPT)
    centre, spread = np.array([0.5, -2.0]), np.array([1.5, 0.25])
    points = lattice_points(SIDE, latent=2).astype(np.float64) * spread + centre  # (row, column, 2)
    lattice = {
        "x": points[0, :, 0].tolist(),
        "y": points[:, 0, 1].tolist(),
        "unit": unit,
        "centre": centre.tolist(),
        "spread": spread.tolist(),
    }

    def found(places: np.ndarray) -> list[Any]:
        return page.evaluate(
            "([lattice, places]) => places.map(([x, y]) => js.tileAt(lattice, x, y))",
            [lattice, places.tolist()],
        )

    rows, columns = np.divmod(np.arange(SIDE * SIDE), SIDE)
    middles = np.column_stack([(columns + 0.5) / SIDE, 1 - (rows + 0.5) / SIDE])
    places = middles if unit else points.reshape(-1, 2)
    got = found(places)
    assert [(tile["row"], tile["column"]) for tile in got] == list(
        zip(rows.tolist(), columns.tolist(), strict=True)
    )
    rng = np.random.default_rng(3)
    p = rng.uniform(size=(3000, 2))
    got = found(p if unit else gateway.phi_inverse(p) * spread + centre)
    wanted = np.column_stack([np.floor((1 - p[:, 1]) * SIDE), np.floor(p[:, 0] * SIDE)]).astype(int)
    assert [[tile["row"], tile["column"]] for tile in got] == wanted.tolist()
    beyond = (np.abs(p - 0.5) > 0.5 - 0.5 / SIDE).any(1)
    assert [tile["beyond"] for tile in got] == beyond.tolist()
    corners = np.array([[0.0, 0.0], [1.0, 1.0], [-0.001, 0.5], [0.5, 1.001]])
    if unit:
        assert [one and (one["row"], one["column"]) for one in found(corners)] == [
            (39, 0),
            (0, 39),
            None,
            None,
        ]
    else:
        far = found(np.array([[-1e9, 1e9], [1e9, -1e9]]))
        assert [(one["row"], one["column"], one["beyond"]) for one in far] == [(0, 0, True), (39, 39, True)]


def test_one_dimension_takes_the_column_alone(page: Page) -> None:
    page.goto("about:blank")
    page.evaluate(LOAD, SCRIPT)
    lattice = {"x": [0.0] * SIDE, "y": [], "unit": False, "centre": [0.0], "spread": [1.0]}
    places = [[norm.ppf(0.31), 4.2], [0.01, -1.0], [50.0, 0.0]]
    got = page.evaluate(
        "([lattice, places]) => places.map(([x, y]) => js.tileAt(lattice, x, y))", [lattice, places]
    )
    assert [(tile["row"], tile["column"]) for tile in got] == [(0, 12), (0, 20), (0, 39)]


@pytest.mark.parametrize("index, panel", [(0, "latent"), (0, "p-values"), (1, "manifold")])
def test_an_empty_place_shows_its_tile_and_asks_python_for_nothing(
    latent: Page, sent: list[str], tiles: np.ndarray, index: int, panel: str
) -> None:
    shown = Map(latent, index=index, of=2)
    shown.root.scroll_into_view_if_needed()
    latent.wait_for_load_state("networkidle")
    places = empty(shown, panel)
    assert len(places) >= 4
    sent.clear()
    tip = shown.root.locator(".tip")
    for at in places:
        latent.mouse.move(*at)
        x, y = shown.call("clientToPlace", panel, *at)
        row, column = cell(x, y, unit=panel != "latent")
        expect(shown.root).to_have_attribute("data-tile", f"{row},{column}")
        np.testing.assert_array_equal(thumb(shown), tiles[row, column])
        z = norm.ppf([(column + 0.5) / SIDE, 1 - (row + 0.5) / SIDE])
        texts = [f"{one:.3g}".replace("-", "\u2212") for one in z]
        said = tip.locator(".which").inner_text().split(", ")
        assert [float(one.split(" = ")[1].replace("\u2212", "-")) for one in said] == [
            float(one.replace("\u2212", "-")) for one in texts
        ]
        p = gateway.phi(np.array([x, y])) if panel == "latent" else np.array([x, y])
        edge = (np.abs(p - 0.5) > 0.5 - 0.5 / SIDE).any()
        assert tip.locator(".name").inner_text() == (
            "decoded at the lattice\u2019s border" if edge else "decoded near here"
        )
        expect(tip).to_have_class("tip decoded")
    assert sent == []
    latent.mouse.move(2, 2)
    expect(tip).to_be_hidden()
    expect(shown.root).to_have_attribute("data-tile", "")


def test_a_point_wins_over_the_place_below_it(latent: Page, repo: Path) -> None:
    shown = Map(latent, index=0, of=2)
    stored = load_latents(repo / "checkpoints" / RUN / "latents-test.npz")
    latent.mouse.move(*empty(shown, "latent")[2])
    expect(shown.root.locator(".tip")).to_have_class("tip decoded")
    latent.mouse.move(*shown.call("toClient", "latent", int(stored.ids[7])))
    expect(shown.root).not_to_have_attribute("data-hover", "")
    expect(shown.root).to_have_attribute("data-tile", "")
    expect(shown.root.locator(".tip")).to_have_class("tip")
    expect(shown.root.locator(".tip .which")).to_contain_text("#")


@pytest.mark.parametrize("panel", ["latent", "p-values"])
def test_a_zoomed_map_shows_the_tile_under_the_pointer(latent: Page, tiles: np.ndarray, panel: str) -> None:
    shown = Map(latent, index=0, of=2)
    shown.panel(0 if panel == "latent" else 1).focus()
    # all of the panel within the window, before places are measured
    shown.panel(0).evaluate("panel => panel.scrollIntoView({ block: 'center' })")
    middle = (1.5, -1.2) if panel == "latent" else (0.93, 0.12)
    for _ in range(3):
        shown.zoom(panel, *middle)

    def check() -> tuple[int, int]:
        at = latent.evaluate("() => window.lastAt")
        row, column = cell(*shown.call("clientToPlace", panel, *at), unit=panel != "latent")
        expect(shown.root).to_have_attribute("data-tile", f"{row},{column}")
        np.testing.assert_array_equal(thumb(shown), tiles[row, column])
        return row, column

    at = empty_after(shown, panel, 1.4**2)
    latent.evaluate("at => { window.lastAt = at; }", list(at))
    latent.mouse.move(*at)
    first = check()
    # the pointer rests, and the view moves under it
    rect = shown.call("rect", panel)
    for _ in range(2):
        latent.keyboard.press("-")
    assert shown.call("rect", panel) == rect
    assert shown.call("hoverId") is None
    second = check()
    assert first != second


def test_the_lattice_comes_while_the_pointer_rests_and_the_zoom_stays(
    page: Page, serve: Callable[..., str], tmp_path_factory: pytest.TempPathFactory, settle: Settle
) -> None:
    # this decoder needs seconds for a lattice, and without its data set there are no points in the way
    nowhere = tmp_path_factory.mktemp("nothing")
    url = serve(REPO / "streamlit_app.py", env={"VAESCOPE_DATA": str(nowhere)})
    page.goto(f"{url}/latent?run=bundled-fashion-weight-500&n=2")
    shown = Map(page, index=0, of=2)
    assert not shown.call("latticeReady", "p-values")
    shown.root.scroll_into_view_if_needed()
    shown.zoom("p-values", 0.5, 0.5)
    view, revision = shown.call("view", "p-values"), shown.root.get_attribute("data-rev")
    page.mouse.move(*shown.place("p-values", 0.4, 0.6))
    expect(shown.root.locator(".tip.decoded .thumb")).to_be_visible()
    assert shown.call("view", "p-values") == view
    assert shown.root.get_attribute("data-rev") == revision
    at = shown.root.get_attribute("data-tile")
    settle(page)
    frames: list[str] = []
    page.on("request", lambda request: frames.append(request.url))
    runs = shown.root.get_attribute("data-draws")
    page.wait_for_timeout(1500)  # three ticks: nobody looks for the lattice any more
    assert (shown.root.get_attribute("data-draws"), shown.root.get_attribute("data-tile")) == (runs, at)
    assert page.console_errors == []  # type: ignore[attr-defined]
