"""The lattice behind a map's empty places: which tiles it holds, when it is made, and when it is not."""

import io
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import norm

import core
from dashboard import gateway
from dashboard.components.latent_map import Lattice
from dashboard.controls import lattices
from dashboard.controls.lattices import SIDE, DecodedPlane, Sheet, decoded_plane, why_no_lattice
from dashboard.gateway import RunRecord
from tests.dashboard.headless import healthy, maps, open_page
from tests.waiting import wait


def record_of(name: str) -> RunRecord:
    return next(record for record in gateway.runs() if record.id == name)


def plane(record: RunRecord, dimensions: tuple[int, ...] = (0, 1), **places: np.ndarray) -> DecodedPlane:
    latent = record.config.latent
    standard = {"base": np.zeros(latent), "centre": np.zeros(latent), "spread": np.ones(latent)}
    names = [f"z {k + 1}" for k in dimensions]
    found = decoded_plane(record, dimensions=dimensions, names=names, **{**standard, **places})
    assert found is not None
    return found


def made(record: RunRecord, dimensions: tuple[int, ...] = (0, 1), **places: np.ndarray) -> DecodedPlane:
    """The plane when its lattice is there."""
    sheet = plane(record, dimensions, **places).sheet
    wait(sheet.ask)
    assert not sheet.failed
    return plane(record, dimensions, **places)


def tiles(lattice: Lattice) -> np.ndarray:
    """(rows, columns, H, W) of the encoded sheet."""
    picture = np.asarray(Image.open(io.BytesIO(lattice.sheet.data)).convert("L"))
    width, height = lattice.sheet.tile
    rows = max(1, len(lattice.y))
    return picture.reshape(rows, height, len(lattice.x), width).transpose(0, 2, 1, 3)


def test_the_tiles_are_those_of_the_gateway_and_stand_where_the_contract_says(bundled_store: Path) -> None:
    record = record_of("bundled-digits-beta-1")
    assert plane(record).on(unit=True) is None  # not there yet, and nothing waits for it
    found = made(record).on(unit=True)
    assert found is not None
    expected = np.rint(gateway.lattice(record, SIDE)[:, :, 0] * 255)
    np.testing.assert_array_equal(tiles(found), expected)
    assert (len(found.x), len(found.y), found.unit) == (40, 40, True)
    for row, column in ((0, 0), (7, 31), (39, 2)):
        z = norm.ppf([(column + 0.5) / 40, 1 - (row + 0.5) / 40])
        np.testing.assert_allclose([found.x[column], found.y[row]], z, atol=1e-12)
        own = core.open_run(record.id).decode(z[None].astype(np.float32))[0, 0]
        np.testing.assert_allclose(tiles(found)[row, column], own * 255, atol=0.51)


def test_other_dimensions_stand_at_the_base_and_codes_in_their_own_units(bundled_store: Path) -> None:
    record = record_of("bundled-digits-8d")
    base = np.linspace(-1, 1, 8)
    found = made(record, (5, 2), base=base).on(unit=False)
    assert found is not None
    z = base.copy()
    z[5], z[2] = found.x[30], found.y[9]
    own = core.open_run(record.id).decode(z[None].astype(np.float32))[0, 0]
    np.testing.assert_allclose(tiles(found)[9, 30], own * 255, atol=0.51)

    record = record_of("bundled-digits-ae")
    centre, spread = np.array([3.0, -1.0]), np.array([2.0, 5.0])
    found = made(record, base=centre, centre=centre, spread=spread).on(unit=False)
    assert found is not None
    np.testing.assert_allclose(found.x, norm.ppf((np.arange(40) + 0.5) / 40) * 2 + 3)
    np.testing.assert_allclose(found.y, norm.ppf(1 - (np.arange(40) + 0.5) / 40) * 5 - 1)
    own = core.open_run(record.id).decode(np.array([[found.x[4], found.y[35]]], np.float32))[0, 0]
    np.testing.assert_allclose(tiles(found)[35, 4], own * 255, atol=0.51)


def test_one_dimension_has_one_row_of_tiles(store: Path) -> None:
    config = core.recipe("digits-vae").config.with_settings({"epochs": 1, "hidden": (16,), "latent": 1})
    record = core.train(config, name="flat", store=store).record
    found = made(record, (0,)).on(unit=False)
    assert found is not None
    assert (found.y, found.sheet.tiles) == ((), 40)
    expected = np.rint(gateway.lattice(record, SIDE, dimensions=(0, 0))[0, :, 0] * 255)
    np.testing.assert_array_equal(tiles(found)[0], expected)


def test_damaged_weights_end_the_waiting(bundled_store: Path, caplog: pytest.LogCaptureFixture) -> None:
    next((bundled_store / "bundled-digits-beta-2").glob("model-*.safetensors")).write_bytes(b"nothing")
    sheet = plane(record_of("bundled-digits-beta-2")).sheet
    wait(sheet.ask)
    assert sheet.failed
    assert "no lattice of run bundled-digits-beta-2" in caplog.text
    assert plane(sheet.record).on(unit=True) is None


def test_what_would_cost_too_much_is_said(bundled_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = record_of("bundled-digits-beta-1")
    assert why_no_lattice(record) is None
    monkeypatch.setattr(lattices, "LARGEST_MODEL", 1000)
    assert "33,604 learned numbers, too many" in str(why_no_lattice(record))
    at = healthy(open_page("latent", run=record.id))
    assert any("Hovering shows nothing there: this model has" in one.value for one in at.caption)
    assert [panel["lattice"] for panel in maps(at)[0][0]["panels"]] == [None, None]
    monkeypatch.setattr(lattices, "LARGEST_MODEL", 1_000_000)
    monkeypatch.setattr(lattices, "LARGEST_TILE", 7)
    assert "images of 8 pixels a side are too large" in str(why_no_lattice(record))


def test_a_lattice_that_nobody_waits_for_any_more_is_left(
    bundled_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lattices, "PATIENCE", 0.0)
    record = record_of("bundled-digits-beta-1")
    sheet = Sheet(record, (0, 1), {"base": np.zeros(2), "centre": np.zeros(2), "spread": np.ones(2)})
    asked = threading.Event()

    def decode(*_: object, **__: object) -> list[np.ndarray]:
        asked.set()
        return [np.zeros((SIDE, 1, 8, 8), np.float32)] * SIDE

    monkeypatch.setattr(gateway, "lattice_rows", decode)
    with lattices._TURN:  # another lattice has the turn
        assert not sheet.ask()
        time.sleep(0.05)
    assert sheet._thread is not None
    sheet._thread.join(10)
    assert not asked.is_set()
    monkeypatch.setattr(lattices, "PATIENCE", 60.0)
    sheet.ask()  # asked anew, it is made
    sheet._thread.join(10)
    assert sheet.ask()
    assert sheet.sprites is not None


def test_a_page_draws_without_its_lattice_and_then_with_it_on_all_panels(bundled_store: Path) -> None:
    at = healthy(open_page("latent", run="bundled-digits-beta-1"))
    before = [header for header, _ in maps(at)]
    assert [panel["lattice"] for header in before for panel in header["panels"]] == [None] * 3
    made(record_of("bundled-digits-beta-1"))
    after = [header for header, _ in maps(healthy(at.run()))]
    found = [panel["lattice"] for header in after for panel in header["panels"]]
    assert [lattice["unit"] for lattice in found] == [False, True, True]
    assert len({lattice["sprites"]["hash"] for lattice in found}) == 1
    assert [header["revision"] for header in after] == [header["revision"] for header in before]


def test_compare_has_the_lattice_of_each_run_and_none_where_a_plane_was_turned(bundled_store: Path) -> None:
    runs = ["bundled-digits-beta-1", "bundled-digits-beta-4"]
    sheets = [made(record_of(run)).on(unit=True) for run in runs]
    digests = [one.sheet.digest for one in sheets if one is not None]
    assert len(set(digests)) == 2
    at = healthy(open_page("compare", runs=",".join(runs)))
    found = {panel["id"]: panel["lattice"] for panel in maps(at)[0][0]["panels"]}
    assert [found[f"{letter}-{kind}"]["sprites"]["hash"] for letter in "AB" for kind in ("latent", "p")] == [
        digests[0],
        digests[0],
        digests[1],
        digests[1],
    ]
    at = healthy(open_page("compare", runs=",".join(runs), space="orthogonal"))
    found = {panel["id"]: panel["lattice"] for panel in maps(at)[0][0]["panels"]}
    assert found["B-latent"] is None
    assert found["A-latent"]["sprites"]["hash"] == digests[0]
    assert found["B-p"]["sprites"]["hash"] == digests[1]
