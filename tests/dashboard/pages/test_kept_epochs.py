"""An epoch that a run keeps is opened and compared on the pages as a run of its own."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.config import RunConfig
from core.runs import open_run
from core.scoring import evaluate
from core.store import find_record, kept_epochs, read_record, run_lock
from core.training.run import train
from dashboard.pages._compare_pick import DEFAULTS
from tests.dashboard import runs_page
from tests.dashboard.compare_page import ONE, curves, link, opened, table
from tests.dashboard.headless import healthy, maps, numbers, open_page, words

ID = "kept-aaaaaa"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three epochs that keeps them all; shared, so copy it."""
    config = RunConfig.make({"hidden": (16,), "epochs": 3, "keep_every": 1, "threads": 1, "device": "cpu"})
    return train(config, name="Kept", store=tmp_path_factory.mktemp("kept")).record.folder


@pytest.fixture
def kept(folder: Path, bundled_store: Path) -> Path:
    return Path(shutil.copytree(folder, bundled_store / ID))


def test_the_best_and_the_others_are_listed_behind_their_run(kept: Path) -> None:
    record = read_record(kept)
    assert [one.id for one in kept_epochs(record)] == [f"{ID}@2", f"{ID}@1"]
    assert kept_epochs(find_record(f"{ID}@1")) == []  # an epoch keeps none of its own
    at = healthy(open_page("latent", run=ID))
    names = [one for one in at.selectbox(key="run").options if one.startswith("Kept")]
    assert names == ["Kept", "Kept, epoch 2", "Kept, epoch 1"]
    runs = runs_page.choose(runs_page.opened(), "Kept")
    assert "keeps epochs 1, 2 too" in runs_page.words(runs)


def test_the_best_one_says_so(kept: Path) -> None:
    document = read_record(kept).document
    assert document
    text = (kept / "run.json").read_text()
    assert '"best": 3' in text
    (kept / "run.json").write_text(text.replace('"best": 3', '"best": 2'))
    at = healthy(open_page("latent", run=ID))
    assert "Kept, epoch 2 (the best)" in at.selectbox(key="run").options


def test_the_latent_page_shows_its_own_means(kept: Path) -> None:
    at = healthy(open_page("latent", run=f"{ID}@1", split="test"))
    assert at.selectbox(key="run").value == f"{ID}@1"
    ids_and_places = maps(at)[0][1]
    wanted = open_run(f"{ID}@1").latents("test").means
    np.testing.assert_allclose(
        np.sort(ids_and_places["xy:latent"], axis=0), np.sort(wanted, axis=0), atol=1e-5
    )
    last = open_run(ID).latents("test").means
    assert not np.allclose(np.sort(wanted, axis=0), np.sort(last, axis=0), atol=1e-3)


def test_it_is_compared_with_its_run(kept: Path) -> None:
    at = healthy(opened(ID, f"{ID}@1"))
    assert link(at) == f"{ID},{ID}@1"
    said = words(at)
    assert "epoch 3" in said
    assert "epoch 1" in said
    assert "are the same run" not in said
    assert table(at, "Score", last="Pixels n")["Distortion D"]["B"] == "not scored yet"
    at.button(key=f"score-{ID}@1").click()
    healthy(at.run())
    assert not [one for one in at.button if one.key == f"score-{ID}@1"]
    rows = table(at, "Score", last="Pixels n")
    first, second = (float(rows["Distortion D"][side]) for side in "AB")
    assert first < second  # two more epochs tell an image better
    assert second == pytest.approx(evaluate(open_run(f"{ID}@1"))["distortion"], abs=0.01)
    lengths = {
        trace["name"][0]: len(numbers(trace["x"])) for trace in curves(at)[0]["data"] if trace.get("name")
    }
    assert lengths == {"A": 3, "B": 1}


def test_what_came_with_the_project_or_still_trains_is_not_scored_from_a_page(kept: Path) -> None:
    for folder in (kept, kept.parent / ONE):
        (folder / "scores.json").unlink()

    def offered() -> set[str]:
        at = healthy(opened(ONE, ID))
        whys = [one.value for one in at.caption if one.value[:3] in ("A: ", "B: ")]
        assert len(whys) == 2  # each says why it has none
        return {one.key for one in at.button if one.key and one.key.startswith("score-")}

    assert offered() == {f"score-{ID}"}
    text = (kept / "run.json").read_text()
    (kept / "run.json").write_text(text.replace('"state": "finished"', '"state": "running"'))
    with run_lock(kept):
        assert read_record(kept).state == "running"
        assert offered() == set()


def test_it_is_not_what_compare_offers_beside_a_run_by_itself(kept: Path) -> None:
    for run in DEFAULTS:  # which come before any other
        shutil.rmtree(kept.parent / run)
    at = healthy(opened(ID))
    assert "@" not in link(at)


def test_an_epoch_can_be_edited_and_selected_in(kept: Path) -> None:
    assert healthy(open_page("edit", run=f"{ID}@2")).selectbox(key="run").value == f"{ID}@2"
    at = open_page("selections", run=f"{ID}@2")
    assert not at.exception


def test_loss_curves_of_an_epoch_are_those_of_its_run(kept: Path) -> None:
    at = healthy(open_page("curves", runs=f"{ID}@1,{ID}"))
    assert at.multiselect(key="runs").value == [ID]


@pytest.mark.parametrize(
    ("left", "wanted"), [({"kept:runs": [f"{ID}@1", ONE]}, [ID, ONE]), ({"kept:run": f"{ID}@1"}, [ID])]
)
def test_runs_chosen_elsewhere_at_an_epoch_are_taken_over_whole(
    left: dict[str, object], wanted: list[str], kept: Path
) -> None:
    at = healthy(open_page("curves", session=left))
    assert set(wanted) <= set(at.multiselect(key="runs").value)
    assert "deleted" not in words(at)


def test_without_other_epochs_the_picker_is_as_it_was(bundled_store: Path) -> None:
    at = healthy(open_page("latent"))
    assert not [one for one in at.selectbox(key="run").options if "epoch" in one]
