"""An opened run: the images of its data set, its latents and their cache, and opening itself"""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import core
from core.data import catalog
from core.data.images import SPLITS
from core.errors import CheckpointError, ConfigError, DataError, DataMissing
from core.runs import Run, load_images, open_run
from tests.core.shared import Copy, Edit, Sentence, Trained

LABELS = catalog.load("digits", "test").labels


# ---- images of the data set, latents and the cache


def test_the_splits_are_those_that_the_run_saw(trained: Trained, sentence: Sentence) -> None:
    run = trained()
    sets = {split: run.images(split) for split in ("train", "validation", "test")}
    assert {split: len(images) for split, images in sets.items()} == {
        "train": 1293,
        "validation": 144,
        "test": 360,
    }
    assert not set(sets["train"].ids) & set(sets["validation"].ids)
    source = catalog.load("digits", "train")
    assert set(sets["train"].ids) | set(sets["validation"].ids) == set(source.ids)
    assert len(run.latents("train")) == 1293
    with pytest.raises(DataError, match="no split 'dev': choose one of train, validation, test"):
        run.images("dev")
    for odd in ("dev", "a\nb", None, 5, ["test"], np.array(["test", "train"])):
        for ask in (run.images, run.latents, run.encode_split):
            with pytest.raises(DataError, match=r"There is no split '.*': choose one of") as error:
                ask(odd)  # type: ignore[operator]
            sentence(error.value)


def test_without_a_validation_share_there_are_no_validation_images(trained: Trained) -> None:
    run = trained(validation=0)
    assert len(load_images(run.config, "train")) == 1437
    with pytest.raises(DataError, match="held no validation images out"):
        run.latents("validation")


def test_stored_latents_need_no_torch_and_no_data(
    copied: Copy, edit_document: Edit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = copied()
    (folder / "model-3.safetensors").write_bytes(b"")  # not even the weights
    monkeypatch.setattr("core.data.catalog.load", lambda *_: pytest.fail("the data set was read"))
    run = open_run(folder)
    assert len(run.latents("test")) == 360
    assert "model" not in vars(run)


def test_latents_that_are_not_stored_are_encoded_once_into_the_cache(
    copied: Copy, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied()
    stored = trained().latents("test")
    (folder / "latents-test.npz").unlink()
    run = open_run(folder, device="cpu")
    assert run.latents_path("test") is None
    seen: list[tuple[int, int]] = []
    latents = run.latents("test", progress=lambda *counts: seen.append(counts))
    assert seen == [(360, 360)]
    np.testing.assert_array_equal(latents.ids, stored.ids)
    np.testing.assert_allclose(latents.means, stored.means, rtol=1e-6)
    np.testing.assert_allclose(latents.distortion, stored.distortion, rtol=1e-6)
    assert run.latents_path("test") == folder / "cache" / "latents-test-3.npz"
    monkeypatch.setattr(Run, "encode_split", lambda *_, **__: pytest.fail("encoded again"))
    np.testing.assert_array_equal(open_run(folder).latents("test").means, latents.means)
    assert len(run.latents("train")) == 1293


def test_latents_know_their_split_stored_encoded_and_cached(copied: Copy) -> None:
    """So that posterior samples of two splits draw from two sources, wherever the latents come from."""
    folder = copied()
    (folder / "latents-test.npz").unlink()
    run = open_run(folder, device="cpu")
    for split, looks in (("train", 1), ("test", 2), ("validation", 2)):
        for _ in range(looks):
            codes = run.latents(split).splits
            assert codes is not None
            assert {SPLITS[code] for code in codes} == {split}
            assert len(codes) == len(run.images(split))


def test_latents_of_older_weights_are_not_shown(copied: Copy, edit_document: Edit) -> None:
    folder = copied()
    (folder / "latents-test.npz").unlink()
    old = open_run(folder, device="cpu").latents("test")
    edit_document(folder, epoch=4, kept={"4": "model-3.safetensors"})
    (folder / "cache" / "latents-test-3.npz").write_bytes(b"stale")
    np.testing.assert_array_equal(open_run(folder, device="cpu").latents("test").means, old.means)
    assert [item.name for item in (folder / "cache").iterdir()] == ["latents-test-4.npz"]


def test_the_validation_split_is_encoded_on_demand(copied: Copy) -> None:
    run = open_run(copied(), device="cpu")
    latents = run.latents("validation")
    assert len(latents) == 144
    assert set(latents.ids) == set(run.images("validation").ids)


def test_a_store_that_cannot_be_written_still_shows_latents(
    copied: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied()
    (folder / "latents-test.npz").unlink()
    mode = folder.stat().st_mode

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    try:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
        monkeypatch.setattr(Path, "mkdir", refuse)  # root may write anywhere
        assert len(open_run(folder, device="cpu").latents("test")) == 360
    finally:
        folder.chmod(mode)
    assert not (folder / "cache").exists()


def test_a_full_disk_still_shows_latents(copied: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copied()
    (folder / "latents-test.npz").unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert len(open_run(folder, device="cpu").latents("test")) == 360
    assert list((folder / "cache").iterdir()) == []


def test_damaged_latents_are_one_sentence(copied: Copy, sentence: Sentence) -> None:
    folder = copied()
    (folder / "latents-test.npz").write_bytes(b"PK")
    with pytest.raises(CheckpointError, match=r"'latents-test\.npz' is damaged") as error:
        open_run(folder).latents("test")
    sentence(error.value)


def test_latents_of_another_size_are_refused(copied: Copy, trained: Trained, sentence: Sentence) -> None:
    folder = copied()
    other = trained(latent=3).record.folder / "latents-test.npz"
    (folder / "latents-test.npz").write_bytes(other.read_bytes())
    with pytest.raises(CheckpointError, match="3 latent dimensions, and the run has 2") as error:
        open_run(folder).latents("test")
    sentence(error.value)


def test_other_data_than_the_runs_own_are_refused(
    copied: Copy, edit_document: Edit, sentence: Sentence, pixels: np.ndarray
) -> None:
    folder = copied()
    edit_document(folder, data__fingerprint="0" * 64)
    run = open_run(folder, device="cpu")
    for ask in (run.images, run.encode_split):
        with pytest.raises(DataError, match="is not what run 'Small' was trained on") as error:
            ask("test")
        sentence(error.value)
    assert run.encode(pixels)[0].shape == (20, 2)  # images that are given still pass


def test_without_the_data_the_run_still_decodes(
    copied: Copy,
    edit_document: Edit,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    sentence: Sentence,
    pixels: np.ndarray,
) -> None:
    folder = copied()
    edit_document(folder, config__dataset="mnist", data__dataset="mnist")
    (folder / "latents-test.npz").unlink()
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "no-data"))
    run = open_run(folder, device="cpu")
    for ask in (run.images, run.latents):
        with pytest.raises(DataMissing) as error:
            ask("test")
        assert "mnist" in sentence(error.value)
    assert run.decode(np.zeros((3, 2))).shape == (3, 1, 8, 8)
    assert run.sample(2, seed=0).shape == (2, 1, 8, 8)
    assert run.encode(pixels)[0].shape == (20, 2)
    assert len(run.history()) == 3
    assert len(run.latents("train")) == 1293


# ---- opening


def test_a_run_is_opened_by_id_and_by_path(copied: Copy, store: Path) -> None:
    folder = copied()
    for run in (core.open_run("copy-1"), core.open_run(folder), core.open_run("copy-1", store=store)):
        assert (run.id, run.name, run.state) == ("copy-1", "Small", "finished")
    assert [record.id for record in core.list_runs()] == ["copy-1"]


def test_a_store_may_be_named_by_a_text(copied: Copy, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied()
    monkeypatch.setenv("VAESCOPE_STORE", "/nowhere")
    monkeypatch.setenv("HOME", str(store.parent))
    for name in (str(store), f"~/{store.name}"):
        assert [record.id for record in core.list_runs(name)] == ["copy-1"]
        assert core.open_run("copy-1", store=name).id == "copy-1"


@pytest.mark.parametrize("odd", [5, b"x", ["a"], "a\0b"], ids=repr)
def test_a_store_that_is_no_path_is_one_sentence(odd: Any, sentence: Sentence) -> None:
    for ask in (core.list_runs, lambda store: core.open_run("x", store=store)):
        with pytest.raises(ConfigError, match="A store is the path of a folder, not") as error:
            ask(odd)
        sentence(error.value)


def test_what_names_no_run_is_one_sentence(copied: Copy, sentence: Sentence) -> None:
    run = open_run(copied())
    for odd in (None, 5, b"x", ["a"], run.record, run):
        with pytest.raises(
            ConfigError, match=r"A run is opened by its id, a text such as record\.id"
        ) as error:
            core.open_run(odd)  # type: ignore[arg-type]
        sentence(error.value)


def test_damaged_weights_are_met_when_they_are_needed(
    copied: Copy, sentence: Sentence, pixels: np.ndarray
) -> None:
    folder = copied()
    weights = folder / "model-3.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    run = open_run(folder, device="cpu")
    assert len(run.history()) == 3
    for ask in (lambda: run.encode(pixels), lambda: run.decode(np.zeros((1, 2))), lambda: run.model):
        with pytest.raises(CheckpointError, match=r"'model-3\.safetensors' is damaged") as error:
            ask()
        sentence(error.value)


def test_weights_that_training_replaced_meanwhile_are_looked_for_again(copied: Copy) -> None:
    folder = copied()
    listed = core.open_run(folder)  # as a page that listed the run and draws a moment later
    newer = folder / "model-4.safetensors"
    (folder / "model-3.safetensors").rename(newer)
    document = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**document, "weights": newer.name, "epoch": 4}))
    assert listed.decode(np.zeros((1, listed.latent))).shape[0] == 1
    assert listed.document.epoch == 4
    newer.unlink()
    with pytest.raises(CheckpointError, match="missing"):
        core.open_run(folder).decode(np.zeros((1, listed.latent)))


def test_weights_of_another_network_are_refused(
    copied: Copy, edit_document: Edit, sentence: Sentence
) -> None:
    folder = copied()
    edit_document(folder, config__latent=3)
    with pytest.raises(CheckpointError, match="does not fit its run's settings") as error:
        open_run(folder, device="cpu").model  # noqa: B018
    sentence(error.value)


def test_a_run_without_weights_yet_says_so(copied: Copy, edit_document: Edit, sentence: Sentence) -> None:
    folder = copied()
    edit_document(folder, weights=None, epoch=0, state="running")
    run = open_run(folder)
    assert run.state == "interrupted"
    with pytest.raises(CheckpointError, match="no weights yet") as error:
        run.decode(np.zeros((1, 2)))
    sentence(error.value)


@pytest.mark.parametrize("device", ["banana", "tpu", "mps", "cuda:77", "", "cpu:x", None, ["cpu"]])
def test_a_device_that_is_not_here_is_one_sentence(device: Any, copied: Copy, sentence: Sentence) -> None:
    with pytest.raises(ConfigError, match=r"[Dd]evice") as error:
        open_run(copied(), device=device).decode(np.zeros((1, 2)))
    sentence(error.value)


def test_a_gpus_run_opens_without_one(copied: Copy, edit_document: Edit) -> None:
    folder = copied()
    edit_document(folder, config__device="cuda:7")
    assert open_run(folder).decode(np.zeros((1, 2))).shape == (1, 1, 8, 8)


# ---- torch stays out


def test_listing_and_stored_latents_import_no_torch(copied: Copy, store: Path) -> None:
    folder = copied()
    script = """
import json, pathlib, sys
import core, core.store, core.latents, core.generation, core.recipes, core.families, core.config, core.runs
import core.analysis.pvalues, core.analysis.scores, core.analysis.tradeoff, core.data.catalog, core.scoring
(record,) = core.list_runs(pathlib.Path(sys.argv[1]))
run = core.open_run(record.id, store=pathlib.Path(sys.argv[1]))
latents = run.latents("test")
core.analysis.pvalues.phi(core.analysis.pvalues.posterior_samples(latents, seed=0))
core.analysis.tradeoff.board_key(record)
core.generation.lattice_points(5, latent=2)
run.history()
core.data.catalog.info("mnist")
print(json.dumps([name for name in ("torch", "streamlit", "plotly", "dashboard") if name in sys.modules]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(store)],
        capture_output=True,
        text=True,
        cwd=Path(core.__file__).parents[1],
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
    assert folder.exists()
