"""Selections behind the pages: ids on a map and rows, splits that runs divide differently, errors of images."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigError, DataError
from core.runs import open_run
from core.store import SELECTIONS, read_record
from dashboard import gateway
from dashboard.gateway import Query, RunRecord, Selection

ONE, CODE = "bundled-digits-beta-1", "bundled-digits-ae"
SPLITS = ("test", "train", "validation")


@pytest.fixture
def record(bundled_store: Path) -> RunRecord:
    return read_record(bundled_store / ONE)


def selection(rows: dict[str, tuple[int, ...]]) -> Selection:
    return Selection("x-000000", "X", "digits", "f", "2026-01-01T00:00:00+00:00", "By hand.", rows=rows)


def test_rows_become_ids_and_come_back() -> None:
    rows = {"train": (0, 5), "validation": (2**28 - 1,), "test": (0, 7)}
    ids = gateway.selection_map_ids(selection(rows))
    assert ids.dtype == np.uint32
    assert ids.tolist() == sorted(gateway.map_id(split, row) for split in rows for row in rows[split])
    assert gateway.rows_by_split(ids[::-1]) == {split: list(rows[split]) for split in SPLITS}
    assert gateway.rows_by_split([]) == {}


def test_a_run_says_which_training_rows_it_held_out(record: RunRecord, bundled_store: Path) -> None:
    run = open_run(ONE)
    train, held_out = run.images("train").ids[:4].tolist(), run.images("validation").ids[:3].tolist()
    mixed = selection({"train": tuple(sorted(train + held_out[:1])), "validation": tuple(held_out[1:])})
    for latents_there in (True, False):
        ids = gateway.selection_map_ids(mixed, record)
        assert {s: set(rows) for s, rows in gateway.rows_by_split(ids).items()} == {
            "train": set(train),
            "validation": set(held_out),
        }
        if latents_there:  # without stored latents, the data say it
            (bundled_store / ONE / "latents-train.npz").unlink()
            (bundled_store / ONE / "annotations.json").write_text("{}")
            record = read_record(bundled_store / ONE)
    assert gateway.selection_map_ids(selection({"test": (5,)}), record).tolist() == [5]


def test_a_run_that_held_nothing_out_has_all_in_train(record: RunRecord) -> None:
    assert record.document is not None
    data = record.document.data.model_copy(update={"validation": 0})
    whole = dataclasses.replace(record, document=record.document.model_copy(update={"data": data}))
    ids = gateway.selection_map_ids(selection({"validation": (3,), "test": (9,)}), whole)
    assert gateway.rows_by_split(ids) == {"train": [3], "test": [9]}


def test_points_stand_in_the_order_of_their_ids_and_others_are_left_out(record: RunRecord) -> None:
    test, train = (gateway.latents(record, split) for split in ("test", "train"))
    wanted = [
        gateway.map_id("train", int(train.ids[7])),
        gateway.map_id("test", int(test.ids[3])),
        gateway.map_id("test", 2**27),
        gateway.map_id("test", int(test.ids[1])),
    ]
    data = gateway.points(record, wanted)
    assert data.ids.tolist() == [wanted[0], wanted[1], wanted[3]]
    assert data.total == 4
    means = np.stack([train.means[7], test.means[3], test.means[1]])
    np.testing.assert_array_equal(data.latents.means, means)
    assert [gateway.SPLIT_CODES[code] for code in data.splits] == ["train", "test", "test"]
    assert len(gateway.points(record, []).ids) == 0


@pytest.mark.parametrize("run", [ONE, CODE])
def test_error_maps_are_means_of_what_each_image_misses(run: str, bundled_store: Path) -> None:
    record = read_record(bundled_store / run)
    table = gateway.latents(record, "test")
    ids = [gateway.map_id("test", int(row)) for row in table.ids[:5]]
    data = gateway.points(record, ids)
    assert not gateway.error_maps_ready(record, data)
    calls: list[tuple[int, int]] = []
    maps = gateway.error_maps(record, data, lambda done, total: calls.append((done, total)))
    pixels = open_run(run).images("test").pixels[:5]
    squares = (pixels / 255 - open_run(run).reconstruct(pixels)) ** 2
    np.testing.assert_allclose(maps.per_image, squares.mean((1, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(maps.average, squares.mean((0, 1)), rtol=1e-4)
    np.testing.assert_allclose(maps.per_image, gateway.errors(record, "test")[:5], rtol=1e-4)
    assert calls == [(5, 5)]
    assert gateway.error_maps_ready(record, data)
    assert gateway.error_maps(record, data) is maps


def test_a_query_finds_ids_of_several_splits(record: RunRecord) -> None:
    query = Query(labels=("3",), negative_elbo=(26, None), error=(None, 0.08), splits=("train", "test"))
    expected = []
    for split in ("test", "train"):
        latents, errors = gateway.latents(record, split), gateway.errors(record, split)
        total = latents.distortion.astype(np.float64) + latents.rate
        right = (latents.labels == 3) & (total >= 26) & (errors <= 0.08)
        expected += [gateway.map_id(split, int(row)) for row in latents.ids[right]]
    found = gateway.matching_ids(record, query)
    assert found.dtype == np.uint32
    assert found.tolist() == sorted(expected)
    assert len(found) > 10


def test_kept_selections_are_those_of_the_data_of_a_run(record: RunRecord, bundled_store: Path) -> None:
    made = gateway.save_selection(record, "Mine", [5, 1, 5], origin="By hand.")
    assert made.rows == {"test": (1, 5)}
    assert gateway.selections() == gateway.selections_of(record) == [made]
    assert gateway.selections_of(read_record(bundled_store / "bundled-fashion-weight-50")) == []
    path = bundled_store / SELECTIONS / f"{made.id}.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"fingerprint": "0" * 64}))  # other images of the same name
    assert gateway.selections_of(record) == []
    assert [one.id for one in gateway.selections("digits")] == [made.id]
    path.write_text("{")
    assert [one.readable for one in gateway.selections()] == [False]
    with pytest.raises(ConfigError):
        gateway.save_selection(record, "None", [], origin="By hand.")


def test_a_file_that_is_replaced_is_read_anew(record: RunRecord) -> None:
    made = gateway.save_selection(record, "Before", [1], origin="By hand.")
    assert [one.name for one in gateway.selections()] == ["Before"]
    gateway.rename_selection(made, "After!")
    assert [one.name for one in gateway.selections()] == ["After!"]
    gateway.delete_selection(made)
    assert gateway.selections() == []


def test_combined_ones_are_kept_with_their_origin(record: RunRecord) -> None:
    first = gateway.save_selection(record, "A", [1, 2], origin="By hand.")
    second = gateway.save_selection(record, "B", [2, 3], origin="By hand.")
    made = gateway.combine_selections(first, second, "difference", "A alone")
    assert made.rows == {"test": (1,)}
    assert made.origin == "Images in 'A' and not in 'B'."
    assert made.run == record.id
    with pytest.raises(ConfigError, match="at least one image"):
        gateway.combine_selections(made, second, "intersection", "None")


def test_splits_of_a_run_are_those_it_has_images_of(record: RunRecord) -> None:
    assert gateway.splits_of(record) == ("test", "train", "validation")


def test_an_image_that_the_data_lack_is_said(record: RunRecord) -> None:
    data = gateway.points(record, [gateway.map_id("test", int(gateway.latents(record, "test").ids[0]))])
    wrong = dataclasses.replace(data, ids=np.array([2**20], np.uint32))
    with pytest.raises(DataError, match="has no image"):
        gateway.error_maps(record, wrong)


def test_errors_are_cached_beside_the_latents(record: RunRecord, bundled_store: Path) -> None:
    shutil.rmtree(bundled_store / ONE / "cache", ignore_errors=True)
    assert not gateway.errors_ready(record, "test")
    calls: list[int] = []
    found = gateway.errors(record, "test", lambda done, total: calls.append(done))
    assert calls[-1] == len(found) == 360
    assert gateway.errors_ready(record, "test")
    assert gateway.errors(record, "test") is found
