"""The Python face of the latent map: what it sends, what it refuses, and what it believes of what comes back."""

import base64
import io
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.components.latent_map import (
    PARTS,
    SCRIPT,
    Panel,
    latent_map,
    make_scale,
    make_sprites,
    unpack,
)
from dashboard.components.latent_map.events import read_events
from dashboard.components.latent_map.numbering import number_panels
from tests.browser.apps.latent_map_app import scene

APP = Path(__file__).parents[2] / "browser" / "apps" / "latent_map_app.py"
IDS = np.array([5, 9, 2, 70000], dtype=np.uint32)
XY = np.arange(8, dtype=np.float32).reshape(4, 2)


def panel(**changes: Any) -> Panel:
    return Panel(**{"id": "a", "title": "A", "xy": XY, "x_title": "x", "y_title": "y", **changes})


def arguments(**changes: Any) -> dict[str, Any]:
    base = {
        "panels": [panel()],
        "key": "map",
        "ids": IDS,
        "classes": np.array([0, 1, 1, 255]),
        "class_names": ["zero", "one"],
        "colours": ["#3f90da", "#ffa90e"],
        "view_key": "v",
    }
    return {**base, **changes}


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"xy": XY[:, :1]}, r"Panel 'a': xy must have the shape \(N, 2\), not \(4, 1\)"),
        ({"xy": np.full((4, 2), np.inf)}, "infinite number; use NaN"),
        ({"id": ""}, "non-empty text"),
        ({"domain": (0, 1, 1, 1)}, "x0 < x1 and y0 < y1"),
        ({"domain": (0, 1, 0)}, "4 finite numbers"),
        ({"image": b"png"}, "needs a domain"),
        ({"circles": (1.0, -2.0)}, "positive radii"),
        ({"draws": np.zeros(3)}, r"shape \(k, 2\)"),
        ({"draws": np.array([[0, np.nan]])}, "finite"),
        ({"marker": (np.nan, 1)}, "marker must be 2 finite numbers"),
        ({"cell": (0, -1)}, "cell must be a row and a column"),
        ({"cell": (1,)}, "cell must be a row and a column"),
    ],
)
def test_a_bad_panel_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        panel(**changes)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"panels": []}, "at least one panel"),
        ({"panels": [panel(), panel()]}, "different panel ids"),
        ({"panels": [panel(xy=XY[:3])]}, "Panel 'a' has 3 points, but there are 4 ids"),
        ({"ids": IDS.astype(float)}, "ids must be whole numbers"),
        ({"ids": np.array([1, 2, 2, 3])}, "ids must be different; 1 of 4 repeat"),
        ({"ids": np.array([-1, 2, 5, 3])}, "between 0 and"),
        ({"classes": np.zeros(3, dtype=int)}, r"classes must be whole numbers of the shape \(4,\)"),
        ({"classes": np.array([0, 1, 2, 255])}, "classes must lie below 2 or be 255 .no label.; found 2"),
        ({"classes": np.array([0, 1, -1, 255])}, "found -1"),
        (
            {"markers": np.array([0, 1, 2, 0]), "marker_names": ("a", "b")},
            "markers must lie below 2; found 2",
        ),
        ({"markers": np.array([0, 1, 4, 0])}, "markers must lie below 4; found 4"),
        ({"colours": ["red"]}, "Colours must be a list of texts like #3f90da"),
        ({"colours": []}, "found none"),
        ({"sprites": make_sprites(np.zeros((3, 1, 2, 2), np.uint8))}, "3 thumbnails for 4 ids"),
        ({"renderer": "gpu"}, "renderer must be one of auto, splat, webgl, not 'gpu'"),
        ({"colour": "markers"}, "without markers cannot be coloured by them"),
        ({"colour": make_scale(np.zeros(3), name="D")}, "3 values, but there are 4 ids"),
        ({"colour": {"b": make_scale(np.zeros(4), name="D")}}, r"for the panels \['a'\], not for \['b'\]"),
        (
            {
                "panels": [panel(), panel(id="b")],
                "colour": {"a": make_scale(np.zeros(4), name="D"), "b": make_scale(np.zeros(4), name="R")},
            },
            "one score: D, not R too",
        ),
        ({"selected_turn": -1}, "selected_turn must be a whole number of at least 0"),
        ({"class_names": [str(k) for k in range(256)]}, "at most 255 classes, not 256"),
        ({"key": ""}, "key must be a non-empty text"),
        ({"columns": 0}, "columns must be a whole number of at least 1"),
        ({"height": 50}, "height must be a whole number of at least 120"),
    ],
)
def test_parts_that_do_not_fit_together_are_named(changes: dict[str, Any], words: str) -> None:
    values = arguments(**changes)
    with pytest.raises(ValueError, match=words):
        latent_map(values.pop("panels"), **values)


@pytest.mark.parametrize(
    "shape", [(1, 1, 8, 8), (7, 1, 5, 9), (10, 3, 4, 2), (2500, 1, 3, 2), (40, 1, 2, 9000)]
)
def test_sprites_hold_the_exact_pixels(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    sprites = make_sprites(pixels)
    starts = (0, *sprites.ends)
    sheets = [
        np.asarray(Image.open(io.BytesIO(sprites.data[start:end])).convert("RGB"))
        for start, end in pairwise(starts)
    ]
    each = sprites.rows * sprites.columns
    assert len(sheets) == -(-len(pixels) // each)
    assert max(max(sheet.shape[:2]) for sheet in sheets) <= 16_384
    width, height = sprites.tile
    assert (width, height) == (shape[3], shape[2])
    for k, image in enumerate(pixels):
        sheet, tile_number = sheets[k // each], k % each
        top, left = tile_number // sprites.columns * height, tile_number % sprites.columns * width
        tile = sheet[top : top + height, left : left + width].transpose(2, 0, 1)
        np.testing.assert_array_equal(tile, np.broadcast_to(image, (3, height, width)))


@pytest.mark.parametrize(
    "pixels", [np.zeros((2, 1, 4, 4)), np.zeros((2, 2, 4, 4), np.uint8), np.zeros((4, 4), np.uint8)]
)
def test_sprites_of_another_shape_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Thumbnails need uint8"):
        make_sprites(pixels)


def test_images_that_no_browser_decodes_are_refused() -> None:
    with pytest.raises(ValueError, match="too large for thumbnails: at most 16384"):
        make_sprites(np.zeros((1, 1, 1, 20_000), np.uint8))


def test_a_scale_ends_at_the_quantiles() -> None:
    values = np.arange(101.0)[::-1]
    scale = make_scale(values, name="D", unit="nats", direction="lower")
    assert (scale.low, scale.high) == (1.0, 99.0)
    said = scale.described()
    assert (said["below"], said["above"], said["missing"]) == (True, True, 0)
    assert said["title"] == "D (nats)"
    assert said["note"] == "lower is better; ends at the 1 % and 99 % quantiles"
    shared = make_scale(values, name="D", among=np.array([0.0, 200.0]))
    assert (shared.low, shared.high) == (2.0, 198.0)
    assert shared.described()["note"] == "neither is better; ends at the 1 % and 99 % quantiles of all runs"


@pytest.mark.parametrize(
    "values, ends, missing",
    [
        ([3.0, 3.0, np.nan], (3.0, 3.0), 1),
        ([np.nan, np.inf, -np.inf], (None, None), 3),
        ([], (None, None), 0),
    ],
)
def test_a_scale_of_few_values(
    values: list[float], ends: tuple[float | None, float | None], missing: int
) -> None:
    said = make_scale(np.array(values), name="R").described()
    assert (said["low"], said["high"]) == ends
    assert said["missing"] == missing
    assert (said["below"], said["above"]) == (False, False)
    assert (said["note"] == "no point has a value") == (ends == (None, None))


def test_a_signed_scale_has_zero_in_its_middle() -> None:
    values = np.array([-3.0, 0.0, 1.0, np.nan])
    scale = make_scale(values, name="D, A − B", signed=True, says="red: B is better")
    # the 99 % quantile of the sizes 0, 1, 3 lies 0.98 of the way from 1 to 3
    assert (scale.low, scale.high) == pytest.approx((-2.96, 2.96))
    said = scale.described()
    assert said["note"] == "red: B is better; ends at ± the 99 % quantile of the sizes"
    assert (said["below"], said["above"], said["signed"]) == (True, False, True)
    assert len(said["stops"]) == len(said["dark_stops"]) == 5
    assert said["stops"] != make_scale(values, name="D").described()["stops"]


def scales(*letters: str, low: float = 0.0, **changes: Any) -> dict[str, Any]:
    among = np.array([low, 10.0])
    return {
        letter: make_scale(
            np.array([1.0, 2.0, np.nan, 4.0]), name="D", among=among, whose=letter.upper(), **changes
        )
        for letter in letters
    }


def test_panels_with_numbers_of_their_own_share_a_bar_where_the_ends_are_equal() -> None:
    own = scales("a", "b")
    found = number_panels([panel(), panel(id="p"), panel(id="b")], {**own, "p": own["a"]}, 4)
    # the p-value map of the same run sends its numbers no second time
    assert sorted(found.sections) == ["values:a", "values:b"]
    assert [(one["values"], one["bar"], one["whose"]) for one in found.of_panels] == [
        ("values:a", 0, "A"),
        ("values:a", 0, "A"),
        ("values:b", 0, "B"),
    ]
    (bar,) = found.bars
    assert (bar["title"], bar["missing"]) == ("D", 1)


def test_numbers_that_mean_something_else_have_a_bar_of_their_own() -> None:
    others = scales("c", low=5.0, shared_by="C")
    found = number_panels(
        [panel(id=name) for name in "abc"], {**scales("a", "b", shared_by="A and B"), **others}, 4
    )
    assert [one["bar"] for one in found.of_panels] == [0, 0, 1]
    assert [bar["title"] for bar in found.bars] == ["D of A and B", "D of C"]
    assert (found.bars[1]["below"], found.bars[0]["below"]) == (True, False)


def test_a_point_that_a_panel_does_not_have_is_no_gap() -> None:
    absent = XY.copy()
    absent[2] = np.nan  # the point without a value
    assert number_panels([panel(xy=absent)], scales("a")["a"], 4).bars[0]["missing"] == 0


def test_a_run_without_any_value_keeps_the_bar_of_the_others() -> None:
    own = scales("a")
    nothing = make_scale(np.full(4, np.nan), name="D", among=np.array([0.0, 10.0]), whose="B")
    found = number_panels([panel(id="b"), panel()], {**own, "b": nothing}, 4)
    (bar,) = found.bars
    assert (bar["missing"], bar["note"]) == (
        1,
        "neither is better; ends at the 1 % and 99 % quantiles of all runs",
    )


def test_a_scale_of_a_plane_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(N,\), not \(2, 2\)"):
        make_scale(np.zeros((2, 2)), name="D")


def read(ids: np.ndarray = IDS, **triggers: Any) -> Any:
    return read_events(SimpleNamespace(**triggers), revision="r1", panels=("a", "b"), ids=ids)


def test_events_are_read() -> None:
    events = read(
        click={"panel": "b", "id": 70000, "revision": "r1"},
        empty={"panel": "a", "x": 1, "y": -0.5, "revision": "r1"},
        selection={"bits": base64.b64encode(bytes([0b1010])).decode(), "revision": "r1"},
    )
    assert events.click == {"panel": "b", "id": 70000}
    assert events.empty == {"panel": "a", "x": 1.0, "y": -0.5}
    assert events.selection.tolist() == [9, 70000]
    assert read(selection={"bits": "AA==", "revision": "r1"}).selection.tolist() == []


@pytest.mark.parametrize(
    "triggers",
    [
        {},
        {"click": None, "empty": None, "selection": None},
        {"click": {"panel": "a", "id": 5, "revision": "late"}},
        {"click": {"panel": "zz", "id": 5, "revision": "r1"}},
        {"click": {"panel": "a", "id": 6, "revision": "r1"}},
        {"click": {"panel": "a", "id": "5", "revision": "r1"}},
        {"click": "a"},
        {"empty": {"panel": "a", "x": 1, "y": 2, "revision": "late"}},
        {"empty": {"panel": "a", "x": float("nan"), "y": 2, "revision": "r1"}},
        {"empty": {"panel": "a", "x": True, "y": 2, "revision": "r1"}},
        {"empty": {"panel": "a", "x": 1, "revision": "r1"}},
        {"selection": {"bits": "AAAA", "revision": "r1"}},  # 3 bytes, 4 points need 1
        {"selection": {"bits": "?", "revision": "r1"}},
        {"selection": {"bits": "AA==", "revision": "late"}},
    ],
)
def test_late_and_foreign_events_are_dropped(triggers: dict[str, Any]) -> None:
    events = read(**triggers)
    assert (events.click, events.empty, events.selection) == (None, None, None)


def sent(app: AppTest) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    assert not app.exception
    return unpack(app.get("bidi_component")[0].proto.bytes)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("LATENT_MAP_POINTS", "50")
    return AppTest.from_file(APP, default_timeout=60).run()


def test_what_a_page_sends(app: AppTest) -> None:
    header, arrays = sent(app)
    data = scene(50)
    np.testing.assert_array_equal(arrays["ids"], data["ids"])
    np.testing.assert_array_equal(arrays["cls"], data["classes"])
    np.testing.assert_array_equal(arrays["mk"], data["markers"])
    np.testing.assert_array_equal(arrays["xy:latent"], data["xy"])
    np.testing.assert_array_equal(arrays["xy:p"], data["p"])
    assert header["key"] == "map"
    assert [one["id"] for one in header["panels"]] == ["latent", "p"]
    assert header["panels"][1]["domain"] == [0, 1, 0, 1]
    assert header["panels"][0]["circles"] == [1, 2]
    assert header["classes"][7] == "<b>Sneaker</b>"  # as it is: the browser sets it as text
    assert header["sprites"]["tile"] == [8, 8]
    # the thumbnails have an address of their own, so that they do not travel again when a cross moves
    assert header["sprites"]["url"].startswith("/mock/media/")
    assert len(header["sprites"]["ends"]) == 1
    assert "sprites" not in arrays
    assert (header["colour"], header["scale"], header["renderer"]) == ("classes", None, "auto")


def test_a_map_coloured_by_a_number_sends_it(app: AppTest) -> None:
    plain = sent(app)[0]
    app.query_params["colour"] = "values"
    header, arrays = sent(app.run())
    np.testing.assert_array_equal(arrays["values"], scene(50)["values"].astype(np.float32))
    known = np.delete(scene(50)["values"], [7, 8])
    assert header["colour"] == "values"
    assert (header["scale"]["low"], header["scale"]["high"]) == tuple(np.quantile(known, [0.01, 0.99]))
    assert header["scale"]["missing"] == 2
    assert header["revision"] == plain["revision"]  # colours are not the points: a click is still on time


def test_the_revision_names_the_points_only(app: AppTest) -> None:
    first = sent(app)[0]
    app.session_state["place"], app.session_state["panel"] = (0.2, 0.3), "p"
    moved = sent(app.run())[0]
    assert moved["panels"][1]["marker"] == [0.2, 0.3]
    assert moved["revision"] == first["revision"]
    app.button(key="change").click()
    assert sent(app.run())[0]["revision"] != first["revision"]


def test_a_click_reaches_the_page_once_and_a_late_one_never(app: AppTest) -> None:
    revision = sent(app)[0]["revision"]
    app.session_state["map"] = {"click": {"panel": "latent", "id": 14, "revision": "another"}}
    assert "click None" in [text.value for text in app.run().text]
    app.session_state["map"] = {"click": {"panel": "latent", "id": 14, "revision": revision}}
    assert "click {'panel': 'latent', 'id': 14}" in [text.value for text in app.run().text]


def test_the_script_is_every_part_and_loads_nothing() -> None:
    """No build step and no foreign address: the parts are joined as text."""
    folder = Path(latent_map.__code__.co_filename).parent / "web"
    assert {path.stem for path in folder.glob("*.js")} == set(PARTS)
    assert "import " not in SCRIPT
    assert "//" not in "".join(
        line for line in SCRIPT.splitlines() if "http" in line and "w3.org" not in line
    )
    assert SCRIPT.count("export default") == 1
