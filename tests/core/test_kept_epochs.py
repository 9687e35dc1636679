"""A kept epoch opens as a run of its own, and nothing of it is mixed with the last one's"""

from pathlib import Path

import numpy as np
import pytest
import torch

import core
from core.errors import CheckpointError, ConfigError
from core.projected import Wanted, job_of
from core.runs import open_run
from core.scoring import evaluate, rescore
from core.store import at_epoch, delete_run, find_record, read_record, why_not_deleted, why_not_resumed
from tests.core.fitting import weights_of
from tests.core.shared import Copy, Edit, Sentence, Trained

KEEPS = {"epochs": 3, "keep_every": 1}


def test_its_weights_are_those_of_a_run_that_ended_there(copied: Copy, trained: Trained, store: Path) -> None:
    torch.set_num_threads(1)
    copied(**KEEPS)
    run = open_run("copy-1@2", store=store, device="cpu")
    two = trained(epochs=2)
    assert (run.id, run.name, run.document.epoch) == ("copy-1@2", "Small, epoch 2", 2)
    assert weights_of(run) == weights_of(two)
    assert [row["epoch"] for row in run.history()] == [1, 2]
    assert run.scores is None
    scores = evaluate(run)
    assert two.scores
    assert scores == two.scores["test"]


def test_its_latents_and_errors_are_its_own(copied: Copy, trained: Trained, store: Path) -> None:
    torch.set_num_threads(1)
    folder = copied(**KEEPS)
    last, second = (open_run(name, store=store, device="cpu") for name in ("copy-1", "copy-1@2"))
    assert second.latents_path("test") is None  # not the latents of the last epoch, which are stored
    found, wanted = second.latents("test"), trained(epochs=2).latents("test")
    np.testing.assert_array_equal(found.means, wanted.means)
    assert not np.array_equal(last.latents("test").means, found.means)
    first = open_run("copy-1@1", store=store, device="cpu")
    for run in (first, second, last):
        run.errors("test")
        run.latents("validation")
    there = {path.name for path in (folder / "cache").iterdir()}
    assert there == {
        *(f"errors-test-{k}.npz" for k in (1, 2, 3)),
        *(f"latents-validation-{k}.npz" for k in (1, 2, 3)),
        *(f"latents-test-{k}.npz" for k in (1, 2)),
    }
    np.testing.assert_array_equal(open_run("copy-1@2", store=store).latents("test").means, found.means)


def test_its_scores_are_kept_beside_those_of_the_last(copied: Copy, trained: Trained, store: Path) -> None:
    torch.set_num_threads(1)
    folder = copied(**KEEPS)
    before = (folder / "scores.json").read_bytes()
    rescore(open_run("copy-1@1", store=store, device="cpu"))
    assert (folder / "scores.json").read_bytes() == before
    record = find_record("copy-1@1", store)
    assert record.scores
    assert record.scores["test"] == trained(epochs=1).record.scores["test"]  # type: ignore[index]
    assert read_record(folder).scores != record.scores
    assert record.stamp != find_record("copy-1@2", store).stamp != read_record(folder).stamp
    (folder / "cache" / "scores-1.json").write_text("{")
    broken = find_record("copy-1@1", store)
    assert broken.scores is None
    assert "scores-1.json" in broken.problems[0]
    assert "evaluate copy-1@1 --save" in broken.problems[0]
    rescore(open_run("copy-1@1", store=store, device="cpu"))
    assert find_record("copy-1@1", store).scores == record.scores


def test_the_best_and_the_last(copied: Copy, edit_document: Edit, store: Path) -> None:
    folder = copied(**KEEPS)
    edit_document(folder, best=2)
    assert open_run("copy-1@best", store=store).id == "copy-1@2"
    assert open_run("copy-1@3", store=store).id == "copy-1"  # the last is the run itself
    assert open_run(f"{folder}@1").document.weights == "model-1.safetensors"


@pytest.mark.parametrize(
    "name, says",
    [
        ("copy-1@7", "does not keep epoch 7: choose from 1, 2, 3"),
        ("copy-1@0", "does not keep epoch 0"),
        ("copy-1@-1", "There is no run 'copy-1@-1'"),
        ("copy-1@1.5", "There is no run"),
        ("copy-1@", "There is no run"),
        ("@1", "There is no run"),
        ("nothing@1", "There is no run 'nothing'"),
        ("copy-1@1@2", "There is no run"),
        ("copy-1@99999999999999999999", "There is no run"),
    ],
)
def test_an_epoch_that_is_not_there(
    name: str, says: str, copied: Copy, store: Path, sentence: Sentence
) -> None:
    copied(**KEEPS)
    with pytest.raises(CheckpointError, match=says) as error:
        open_run(name, store=store)
    sentence(error.value)


def test_a_run_of_an_earlier_release_has_its_last_epoch(bundled_store: Path, sentence: Sentence) -> None:
    assert open_run("bundled-digits-beta-1@200").id == "bundled-digits-beta-1"
    with pytest.raises(CheckpointError, match="does not keep epoch 5: choose from 200"):
        open_run("bundled-digits-beta-1@5")
    with pytest.raises(CheckpointError, match="has no best epoch") as error:
        open_run("bundled-digits-beta-1@best")
    sentence(error.value)


def test_only_whole_runs_are_deleted_and_resumed(copied: Copy, store: Path, sentence: Sentence) -> None:
    folder = copied(**KEEPS)
    record = at_epoch(read_record(folder), 1)
    assert why_not_deleted(record)
    with pytest.raises(CheckpointError, match="leave out @1") as error:
        delete_run(record)
    sentence(error.value)
    with pytest.raises(ConfigError, match="leave out @1") as refused:
        core.resume("copy-1@1", store=store, epochs=9)
    sentence(refused.value)
    assert why_not_resumed(record)
    assert folder.exists()


def test_a_weights_file_that_is_gone_is_said(copied: Copy, store: Path, sentence: Sentence) -> None:
    folder = copied(**KEEPS)
    (folder / "model-1.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model-1\.safetensors' is missing") as error:
        assert open_run("copy-1@1", store=store, device="cpu").model
    sentence(error.value)
    assert open_run("copy-1", store=store, device="cpu").model


def test_a_projection_is_of_its_epoch(copied: Copy, store: Path) -> None:
    copied(**KEEPS, latent=3)
    wanted = Wanted.of("test", "pca")
    names = [job_of(open_run(name, store=store), wanted).name for name in ("copy-1", "copy-1@1")]
    assert [name.rpartition("-")[2] for name in names] == ["3", "1"]
