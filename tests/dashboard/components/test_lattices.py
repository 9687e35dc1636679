"""The lattice of a panel: what it checks, what it sends, and that it is no part of the points."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.components.latent_map import Lattice, lattice_sheet, unpack
from dashboard.components.latent_map.sprites import LARGEST_SIDE, Sprites

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 1, 4, 5)).astype(np.uint8)
SHEET = lattice_sheet(PIXELS, columns=3)


def lattice(**changes: Any) -> Lattice:
    base: dict[str, Any] = {
        "sheet": SHEET,
        "x": (-1.0, 0.0, 1.0),
        "y": (0.7, -0.7),
        "names": ("z 1", "z 2"),
        "unit": False,
        "centre": (0.5, 0.0),
        "spread": (1.0, 2.0),
    }
    return Lattice(**{**base, **changes})


def test_tiles_stand_row_by_row_on_one_sheet() -> None:
    assert len(SHEET.ends) == 1
    picture = np.asarray(Image.open(io.BytesIO(SHEET.data)))
    assert picture.shape == (2 * 4, 3 * 5)
    for k, image in enumerate(PIXELS):
        row, column = divmod(k, 3)
        np.testing.assert_array_equal(picture[row * 4 : row * 4 + 4, column * 5 : column * 5 + 5], image[0])


def test_a_large_lattice_stays_on_one_sheet() -> None:
    sheet = lattice_sheet(np.zeros((1600, 3, 2, 2), np.uint8), columns=40)
    assert (sheet.columns, sheet.rows, sheet.tiles, len(sheet.ends)) == (40, 40, 1600, 1)


@pytest.mark.parametrize(
    "pixels, columns, words",
    [
        (PIXELS, 4, "6 tiles do not fill rows of 4"),
        (np.zeros((40, 1, 1, LARGEST_SIDE // 20), np.uint8), 40, "too large: at most 16384"),
        (PIXELS.astype(float), 3, "need uint8"),
    ],
)
def test_tiles_that_make_no_sheet_are_refused(pixels: np.ndarray, columns: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        lattice_sheet(pixels, columns=columns)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"x": (0.0, 1.0)}, "2 columns and 2 rows does not fit its sheet of 6 tiles in 3 columns"),
        ({"y": ()}, "does not fit its sheet"),
        ({"sheet": lattice_sheet(PIXELS, columns=6), "y": ()}, "3 columns and 0 rows does not fit"),
        ({"names": ("z 1",)}, "over 2 axes needs a name, a centre and a spread for each"),
        ({"spread": (1.0, 0.0)}, "spread must be positive"),
        ({"centre": (np.nan, 0.0)}, "finite centre"),
        ({"x": (-np.inf, 0.0, 1.0)}, "finite places"),
    ],
)
def test_a_lattice_whose_parts_do_not_fit_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        lattice(**changes)


def one_map(sheet: object) -> None:
    import numpy as np

    from dashboard.components.latent_map import Lattice, Panel, latent_map

    found = sheet and Lattice(
        sheet=sheet,
        x=(-1.0, 0.0, 1.0),
        y=(0.7, -0.7),
        names=("z 1", "z 2"),
        unit=True,
        centre=(0, 0),
        spread=(1, 1),
    )
    latent_map(
        [Panel(id="a", title="A", xy=np.zeros((2, 2)), x_title="x", y_title="y", lattice=found)],
        key="map",
        ids=np.arange(2),
        classes=np.zeros(2, int),
        class_names=["zero"],
        colours=["#3f90da"],
        view_key="v",
    )


def sent(sheet: Sprites | None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    app = AppTest.from_function(one_map, args=(sheet,), default_timeout=60).run()
    assert not app.exception
    return unpack(app.get("bidi_component")[0].proto.bytes)


def test_a_lattice_that_arrives_changes_the_header_alone() -> None:
    (before, old), (after, new) = sent(None), sent(SHEET)
    assert before["panels"][0].pop("lattice") is None
    described = after["panels"][0].pop("lattice")
    assert after == before  # the revision and all hashes with it: no event becomes late, no view is reset
    assert old.keys() == new.keys()
    assert described.pop("sprites")["hash"] == SHEET.digest
    assert described == {
        "x": [-1, 0, 1],
        "y": [0.7, -0.7],
        "names": ["z 1", "z 2"],
        "unit": True,
        "centre": [0, 0],
        "spread": [1, 1],
    }
