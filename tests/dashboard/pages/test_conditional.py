"""Every page with a run that is told the label: what decodes does so as a class, and the page says which."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.runs import open_run
from core.store import RunRecord, read_record
from dashboard import gateway
from dashboard.app import PAGES
from dashboard.pages._tradeoff_board import boards_of
from tests.dashboard.headless import captions, healthy, open_page, words

CVAE = "bundled-digits-cvae"
VAE = "bundled-digits-beta-1"


@pytest.fixture
def record(bundled_store: Path) -> RunRecord:
    return read_record(bundled_store / CVAE)


def _classes(at: AppTest) -> list[str]:
    return [box.label for box in at.selectbox if "as class" in box.label]


@pytest.mark.parametrize("module", [row.module for row in PAGES])
def test_every_page_opens(module: str, bundled_store: Path) -> None:
    healthy(open_page(module, run=CVAE, runs=f"{CVAE},{VAE}"))


def test_the_latent_page_decodes_as_the_class_that_was_chosen(bundled_store: Path) -> None:
    at = healthy(open_page("latent", run=CVAE, prior="1", zx="0.5", zy="-1", **{"as": "3"}))
    assert _classes(at) == ["Decode as class"]
    said = words(at)
    assert "Every tile is decoded as class 3." in said
    assert "The same z under every class" in said
    assert "Decoded there as class 3" in captions(at)
    assert "decoded as class 3, in the order of their numbers" in captions(at)
    assert "the chosen place, then 6 draws" in captions(at)
    box = next(box for box in at.selectbox if box.key == "as")
    assert len(box.options) == 10
    at = healthy(box.select("7").run())
    assert "Every tile is decoded as class 7." in words(at)


@pytest.mark.parametrize("shape", ["plane", "pairs", "projection", "space"])
def test_a_run_with_more_dimensions_is_looked_at_in_every_way(shape: str, bundled_store: Path) -> None:
    healthy(open_page("latent", run=CVAE, shape=shape))


def test_other_runs_are_asked_for_no_class(bundled_store: Path) -> None:
    for module in ("latent", "edit", "tradeoff"):
        at = healthy(open_page(module, run=VAE))
        assert _classes(at) == []
        assert "as class" not in words(at)


def test_the_edit_page_decodes_each_image_as_its_own_class_until_another_is_chosen(
    bundled_store: Path,
) -> None:
    at = healthy(open_page("edit", run=CVAE))
    assert _classes(at) == ["Decode as class"]
    assert "the class of the nearer image" in captions(at)
    at = healthy(open_page("edit", run=CVAE, start="origin", **{"as": "5"}))
    # of the traversal, the path, the attribute and the sum
    assert captions(at).count("ecoded as class 5") == 4
    assert "the class of the nearer image" not in captions(at)


def test_compare_asks_once_and_marks_nothing_as_better(bundled_store: Path) -> None:
    at = healthy(open_page("compare", runs=f"{CVAE},{VAE}", **{"as": "4"}))
    assert _classes(at) == ["A decodes as class"]
    assert "A decodes them as class 4." in captions(at)
    assert "one is told the label" in words(at)


def test_the_trade_off_page_has_a_board_of_its_own_for_it(bundled_store: Path) -> None:
    record = read_record(bundled_store / CVAE)
    (board,) = boards_of([record], "test")
    at = healthy(open_page("tradeoff", board=board, **{"as": "6"}))
    assert _classes(at) == ["Decode as class"]
    assert "Decoded lattice as class 6" in words(at)


# ---- the gateway


def test_a_place_decodes_to_another_image_for_each_class(record: RunRecord) -> None:
    run = open_run(record.folder, device="cpu")
    z = np.array([[0.5, -1.0], [0.0, 0.0]], np.float32)
    for label in (0, 3):
        np.testing.assert_array_equal(gateway.decode(record, z, label), run.decode(z, np.full(2, label)))
    assert np.abs(gateway.decode(record, z, 0) - gateway.decode(record, z, 3)).max() > 0.1
    lattices = [gateway.lattice(record, 3, label=label) for label in (0, 3)]
    assert np.abs(lattices[0] - lattices[1]).max() > 0.1
    rows = np.stack(list(gateway.lattice_rows(record, 3, label=3)))
    np.testing.assert_allclose(rows, lattices[1], atol=1e-6)


def test_points_are_reconstructed_as_their_own_class(record: RunRecord) -> None:
    run, ids = open_run(record.folder, device="cpu"), gateway.example_ids(record, 10)
    test = run.images("test")
    rows = np.searchsorted(test.ids, [gateway.split_and_row(int(one))[1] for one in ids])
    expected = run.reconstruct(test.pixels[rows], test.labels[rows])
    np.testing.assert_allclose(gateway.reconstruct_points(record, ids), expected, atol=1e-6)


def test_a_place_without_a_class_is_answered_with_a_sentence(record: RunRecord) -> None:
    with pytest.raises(gateway.VAEScopeError, match="is told the label of each row"):
        gateway.decode(record, np.zeros((1, 2), np.float32))
