"""What the latent map saves and shows around its points, in a real Chromium: tables, pictures, themes, widths."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from dashboard.components.latent_map import SCRIPT
from tests.browser.apps.latent_map_app import COLOURS, NAMES
from tests.browser.map_page import DATA, even_odd, latent, lonely
from tests.browser.maps import Map

__all__ = ["latent"]  # fixtures


def test_the_legend_hides_and_isolates_in_all_panels(latent: Map) -> None:
    def shown() -> set[int]:
        return set(latent.call("shownIds"))

    chips = latent.root.locator(".chip")
    expect(chips.nth(7)).to_contain_text("<b>Sneaker</b>")
    expect(latent.root.locator("b")).to_have_count(0)
    ids, classes, markers = DATA["ids"], DATA["classes"], DATA["markers"]
    row = next(row for row in lonely(latent, "p", DATA["p"]) if classes[row] == 1)
    assert latent.call("pixel", "p", int(ids[row]))[3] > 150
    chips.nth(1).click()
    expect(chips.nth(1)).to_have_attribute("aria-pressed", "false")
    assert shown() == set(ids[classes != 1].tolist())
    assert latent.call("pixel", "p", int(ids[row]))[3] == 0
    chips.nth(1).click()
    assert shown() == set(ids.tolist())
    chips.nth(4).dblclick()
    assert shown() == set(ids[classes == 4].tolist())
    chips.get_by_text("train").click()
    assert shown() == set(ids[(classes == 4) & (markers == 0)].tolist())
    chips.get_by_text("train").click()
    chips.nth(4).dblclick()
    assert shown() == set(ids.tolist())


def test_colours_are_the_given_ones(latent: Map) -> None:
    for row in lonely(latent, "latent", DATA["xy"])[:25]:
        if DATA["classes"][row] == 255:
            continue
        colour = COLOURS[DATA["classes"][row]]
        wanted = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
        assert latent.call("pixel", "latent", int(DATA["ids"][row]))[:3] == wanted


def test_the_table_holds_the_selected_points(latent: Map) -> None:
    corner = DATA["xy"][DATA["classes"] == 5]
    x0, y0 = np.nanmin(corner, axis=0) - 0.01
    x1, y1 = np.nanmax(corner, axis=0) + 0.01
    latent.drag([latent.place("latent", x0, y0), latent.place("latent", x1, y1)], held="Alt")
    expect(latent.root).not_to_have_attribute("data-selected", "0")
    with latent.page.expect_download() as download:
        latent.root.get_by_role("button", name="Download CSV").click()
    assert download.value.suggested_filename == "map.csv"
    rows = list(csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    assert rows[0][:4] == ["id", "class", "split", "Latent means: z₁ (mean)"]
    assert {int(row[0]) for row in rows[1:]} == latent.selected()
    at = {int(point): k for k, point in enumerate(DATA["ids"])}
    for row in rows[1:]:
        k = at[int(row[0])]
        label = DATA["classes"][k]
        # A name that a spreadsheet would take for a formula is quoted; numbers stay numbers.
        assert row[1] == ("no label" if label == 255 else "'=Sandal" if label == 5 else NAMES[label])
        assert row[2] == ("test", "train")[DATA["markers"][k]]
        numbers = np.array(row[3:], dtype=np.float32)
        np.testing.assert_array_equal(numbers, np.concatenate([DATA["xy"][k], DATA["p"][k]]))


def test_the_table_without_a_selection_holds_what_is_shown(latent: Map) -> None:
    latent.root.locator(".chip").nth(2).click()
    with latent.page.expect_download() as download:
        latent.root.get_by_role("button", name="Download CSV").click()
    rows = list(csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))[1:]
    assert [int(row[0]) for row in rows] == DATA["ids"][DATA["classes"] != 2].tolist()
    absent = rows[3]
    assert absent[0] == str(DATA["ids"][3])
    assert absent[3:5] == ["", ""]
    assert np.float32(absent[5]) == DATA["p"][3, 0]


def test_the_picture_shows_points_titles_and_legend(latent: Map) -> None:
    row = int(lonely(latent, "latent", DATA["xy"], away=12)[5])
    with latent.page.expect_download() as download:
        latent.root.get_by_role("button", name="Download PNG").click()
    picture = Image.open(download.value.path()).convert("RGB")
    stage = latent.root.locator(".stage").bounding_box()
    assert stage is not None
    assert picture.width == pytest.approx(stage["width"] + 32, abs=1)
    assert picture.height > stage["height"] + 32
    x, y = latent.call("toClient", "latent", int(DATA["ids"][row]))
    seen = picture.getpixel((int(x - stage["x"] + 16), int(y - stage["y"] + 16)))
    colour = COLOURS[DATA["classes"][row]]
    assert np.abs(np.array(seen) - [int(colour[k : k + 2], 16) for k in (1, 3, 5)]).max() < 40
    legend = np.asarray(picture)[int(stage["height"]) + 24 :]
    for colour in COLOURS:
        assert (legend == [int(colour[k : k + 2], 16) for k in (1, 3, 5)]).all(axis=2).sum() > 20


def test_narrow_and_wide_pages(latent: Map) -> None:
    wide = [latent.call("rect", panel) for panel in ("latent", "p")]
    assert wide[0]["y"] == wide[1]["y"]
    latent.page.set_viewport_size({"width": 400, "height": 900})
    latent.page.wait_for_function(
        "root => root.__latentMap.rect('p').y > root.__latentMap.rect('latent').y",
        arg=latent.root.element_handle(),
    )
    narrow = [latent.call("rect", panel) for panel in ("latent", "p")]
    box = latent.root.bounding_box()
    assert box is not None
    for rect in narrow:
        assert rect["w"] == rect["h"] > 250
        assert rect["x"] + rect["w"] <= box["width"]
    assert latent.root.evaluate("root => root.scrollWidth <= root.clientWidth")


def test_the_theme_is_followed(latent: Map, screenshots: Path) -> None:
    ground = "root => getComputedStyle(root).getPropertyValue('--st-background-color').trim()"
    seen = []
    for scheme in ("light", "dark"):
        latent.page.emulate_media(color_scheme=scheme)
        latent.page.reload()
        latent.ready()
        with latent.page.expect_download() as download:
            latent.root.get_by_role("button", name="Download PNG").click()
        corner = Image.open(download.value.path()).convert("RGB").getpixel((2, 2))
        colour = latent.root.evaluate(ground)
        assert corner == tuple(int(colour[k : k + 2], 16) for k in (1, 3, 5))
        seen.append(sum(corner))
        latent.page.screenshot(path=screenshots / f"latent-map-{scheme}.png")
    assert seen[0] > 600 > 200 > seen[1]


def test_pure_functions_against_numpy(page: Page) -> None:
    rng = np.random.default_rng(1)
    points, polygon = rng.normal(size=(500, 2)), rng.normal(size=(9, 2))
    values = np.concatenate([rng.normal(size=200), [0, -0.1, 1e-30, 3e38, 16777217]]).astype(np.float32)
    page.goto("about:blank")
    inside, texts, cells, marks = page.evaluate(
        """async ([script, points, polygon, values, cells]) => {
            const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
            const js = await import(url);
            return [
                points.map(([x, y]) => js.insidePolygon(x, y, polygon)),
                values.map((value) => js.floatText(value)),
                cells.map((cell) => js.csvText(cell)),
                js.ticks(-0.13, 1.07, 6).values,
            ];
        }""",
        [
            SCRIPT,
            points.tolist(),
            polygon.tolist(),
            values.tolist(),
            ["=1+1", "@x", "-2", 'a "b", c', "plain"],
        ],
    )
    np.testing.assert_array_equal(inside, even_odd(points, polygon))
    np.testing.assert_array_equal(np.array(texts, dtype=np.float32), values)
    assert max(len(text) for text in texts) <= 15
    assert cells == ["'=1+1", "'@x", "'-2", '"a ""b"", c"', "plain"]
    np.testing.assert_allclose(marks, [0, 0.2, 0.4, 0.6, 0.8, 1.0], atol=1e-12)
