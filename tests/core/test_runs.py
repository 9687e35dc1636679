"""An opened run: what it takes, what it gives, and what it says when something does not fit."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import core
from core.data import catalog
from core.data.images import SPLITS
from core.encoding import split_noise
from core.errors import CheckpointError, ConfigError, DataError, DataMissing, NotApplicable
from core.families import FAMILIES
from core.generation import prior_draws
from core.latents import load_latents
from core.runs import Run, load_images, open_run

Trained = Callable[..., Run]
Copy = Callable[..., Path]
Edit = Callable[..., None]
Sentence = Callable[[BaseException], str]
ROWS = [(row.name, network) for row in FAMILIES.values() for network in row.networks]
LABELS = catalog.load("digits", "test").labels


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    return catalog.load("digits", "test").pixels[:20]


# ---- the same contract for every family and network


@pytest.mark.parametrize("family, network", ROWS)
def test_arrays_in_and_arrays_out(family: str, network: str, trained: Trained, pixels: np.ndarray) -> None:
    run = trained(family=family, network=network)
    assert run.has_posterior == FAMILIES[family].has_posterior
    assert run.needs_labels == FAMILIES[family].needs_labels
    assert (run.data_kind, run.latent, run.pixels) == ("image", run.config.latent, 64)
    assert (run.shape, run.padded_shape) == ((1, 8, 8), (1, 8, 8))
    means, log_variances = run.encode(pixels, LABELS[:20])
    for array in (means, log_variances) if run.has_posterior else (means,):
        assert isinstance(array, np.ndarray)
        assert array.dtype == np.float32
        assert array.shape == (20, run.latent)
        assert np.isfinite(array).all()
    assert run.has_posterior or log_variances is None
    images = run.decode(means, LABELS[:20])
    assert images.shape == (20, 1, 8, 8)
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 1
    np.testing.assert_allclose(run.reconstruct(pixels, LABELS[:20]), images, atol=1e-6)


@pytest.mark.parametrize("family, network", ROWS)
def test_the_stored_run_is_the_trained_one(family: str, network: str, trained: Trained) -> None:
    """The latents were written by the trained network itself: what was loaded from disk must give the same."""
    run = trained(family=family, network=network)
    images = catalog.load("digits", "test")
    stored = load_latents(run.record.folder / "latents-test.npz")
    means, log_variances = run.encode(images.pixels, images.labels)
    np.testing.assert_array_equal(stored.ids, images.ids)
    np.testing.assert_array_equal(stored.labels, images.labels)
    np.testing.assert_array_equal(stored.means, means)
    if stored.log_variances is None:
        assert log_variances is None
    else:
        np.testing.assert_array_equal(stored.log_variances, log_variances)


@pytest.mark.parametrize("family, network", ROWS)
def test_batches_and_repetition_change_nothing(
    family: str, network: str, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, images = trained(family=family, network=network), catalog.load("digits", "test").pixels
    whole, again = run.encode(images, LABELS)[0], run.encode(images, LABELS)[0]
    np.testing.assert_array_equal(whole, again)
    monkeypatch.setattr("core.encoding.EVALUATION_BATCH", 7)
    np.testing.assert_allclose(run.encode(images, LABELS)[0], whole, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(run.decode(whole, LABELS)[:5], run.decode(whole[:5], LABELS[:5]), atol=1e-6)


@pytest.mark.parametrize("family, network", ROWS)
def test_no_images_are_no_images(family: str, network: str, trained: Trained) -> None:
    run = trained(family=family, network=network)
    means, log_variances = run.encode(np.zeros((0, 8, 8), np.uint8), [])  # type: ignore[arg-type]
    assert means.shape == (0, run.latent)
    assert log_variances is None or log_variances.shape == (0, run.latent)
    assert run.decode(np.zeros((0, run.latent)), LABELS[:0]).shape == (0, 1, 8, 8)


# ---- images


def test_every_accepted_shape_and_type_is_the_same_image(trained: Trained, pixels: np.ndarray) -> None:
    run = trained()
    expected = run.encode(pixels)[0]
    unit = pixels.astype(np.float64) / 255
    for form in (
        pixels,
        pixels[:, 0],
        pixels.reshape(20, 64),
        unit,
        unit[:, 0].astype(np.float32),
        unit.reshape(20, 64),
        np.asfortranarray(pixels),
        pixels[:, :, ::-1][:, :, ::-1],
        unit.tolist(),
    ):
        np.testing.assert_allclose(run.encode(form)[0], expected, rtol=1e-6)  # type: ignore[arg-type]
    np.testing.assert_allclose(run.encode(unit.astype(np.float16))[0], expected, atol=0.01)


def test_bytes_are_divided_by_255_and_the_callers_array_is_left_alone(trained: Trained) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(4, 64)
    got = trained().prepare(levels)
    assert got.dtype == torch.float32
    assert got.shape == (4, 1, 8, 8)
    np.testing.assert_array_equal(got.numpy().reshape(4, 64), levels.astype(np.float32) / np.float32(255))
    assert levels.dtype == np.uint8


@pytest.mark.parametrize(
    "images, says",
    [
        (np.zeros((3, 9, 9), np.uint8), r"shape \(3, 9, 9\) do not fit run 'Small': give \(N, 1, 8, 8\)"),
        (np.zeros((8, 8, 1, 3), np.uint8), "do not fit"),
        (np.zeros((3, 63), np.uint8), "one flat row an image"),
        (np.zeros(64, np.uint8), "do not fit"),
        (np.zeros((2, 3, 8, 8), np.uint8), "do not fit"),
        (np.zeros((), np.uint8), "do not fit"),
        (np.zeros((2, 64), np.int64), "type int64 are not understood: give uint8"),
        (np.zeros((2, 64), bool), "type bool"),
        (np.zeros((2, 64), complex), "type complex128"),
        (np.full((2, 64), "a"), "are not understood"),
        (np.full((2, 64), None), "type object"),
        (np.full((2, 64), 255.0), "divide by 255"),
        (np.full((2, 64), -0.1), r"must lie in \[0, 1\]"),
        (np.full((2, 64), np.nan), r"must lie in \[0, 1\]"),
        (np.full((2, 64), np.inf), r"must lie in \[0, 1\]"),
    ],
)
def test_images_that_do_not_fit_are_one_sentence(
    images: np.ndarray, says: str, trained: Trained, sentence: Sentence
) -> None:
    with pytest.raises(DataError, match=says) as error:
        trained().encode(images)
    sentence(error.value)


# ---- latents in, images out


@pytest.mark.parametrize(
    "z", [np.zeros((2, 3)), np.zeros(2), np.zeros((1, 1, 2)), [[np.nan, 0]], [[np.inf, 0]], np.zeros((2, 0))]
)
def test_latents_that_do_not_fit_are_one_sentence(z: Any, trained: Trained, sentence: Sentence) -> None:
    with pytest.raises(DataError, match=r"give finite numbers, \(N, 2\)") as error:
        trained().decode(z)
    sentence(error.value)


def test_latents_that_overflow_the_decoder_are_one_sentence(trained: Trained, sentence: Sentence) -> None:
    run = trained(hidden=(32, 32, 32))
    everywhere = 3e38 * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])  # in float32 still finite
    with torch.no_grad():
        output = run.model.decode(torch.tensor(everywhere, dtype=torch.float32))  # type: ignore[operator]
    assert output.isnan().any()
    with pytest.raises(DataError, match="overflow the decoder") as error:
        run.decode(everywhere)
    sentence(error.value)


NO_NUMBERS = [-1, 1.5, "3", float("nan"), True, 10**30]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_counts_and_seeds_that_are_none_are_one_sentence(
    value: Any, trained: Trained, pixels: np.ndarray, sentence: Sentence
) -> None:
    run = trained()
    asks: dict[str, list[Callable[[], object]]] = {
        "n": [lambda: run.sample(value, 0)],
        "seed": [lambda: run.sample(4, seed=value), lambda: run.encode_split("test", seed=value)],
        "draw": [lambda: run.reconstruct(pixels, draw=value)],
        "draws": [lambda: run.encode_split("test", draws=value)],
        "batch_size": [lambda: run.encode_split("test", batch_size=value)],
    }
    for name, calls in asks.items():
        for call in calls:
            with pytest.raises(
                ConfigError, match=f"^'{name}' cannot be .*: give a whole number from"
            ) as error:
                call()
            sentence(error.value)


def test_no_draws_and_empty_batches_are_refused(trained: Trained) -> None:
    for name in ("draws", "batch_size"):
        with pytest.raises(ConfigError, match=f"'{name}' cannot be 0: give a whole number from 1"):
            trained().encode_split("test", **{name: 0})


@pytest.mark.parametrize("settings", [{}, {"network": "conv", "pad": 12}])
def test_no_samples_are_no_images(settings: dict[str, Any], trained: Trained) -> None:
    samples = trained(**settings).sample(0, 0)
    assert samples.shape == (0, 1, 8, 8)
    assert samples.dtype == np.float32


def test_an_image_set_is_answered_with_what_to_give(trained: Trained, sentence: Sentence) -> None:
    run = trained()
    for ask in (run.encode, run.reconstruct):
        with pytest.raises(DataError, match=r"not an ImageSet: give its `\.pixels`") as error:
            ask(run.images("test"))  # type: ignore[operator]
        sentence(error.value)


def test_samples_are_the_decoded_draws_from_the_prior(trained: Trained) -> None:
    run = trained()
    samples = run.sample(6, seed=3)
    assert samples.shape == (6, 1, 8, 8)
    np.testing.assert_array_equal(samples, run.decode(prior_draws(6, latent=2, seed=3)))
    np.testing.assert_allclose(run.sample(9, seed=3)[:6], samples, atol=1e-6)
    assert not np.allclose(run.sample(6, seed=4), samples)


def test_a_reconstruction_is_at_the_mean_or_at_a_seeded_draw(trained: Trained, pixels: np.ndarray) -> None:
    run = trained()
    means, log_variances = run.encode(pixels)
    assert log_variances is not None
    noise = split_noise(20, 2, seed=5, split="given").numpy()
    drawn = run.reconstruct(pixels, draw=5)
    np.testing.assert_allclose(drawn, run.decode(means + np.exp(log_variances / 2) * noise), atol=1e-6)
    np.testing.assert_array_equal(drawn, run.reconstruct(pixels, draw=5))
    assert not np.allclose(drawn, run.reconstruct(pixels, draw=6))
    assert not np.allclose(drawn, run.reconstruct(pixels))


def test_what_has_no_meaning_for_an_autoencoder_says_so(
    trained: Trained, pixels: np.ndarray, sentence: Sentence
) -> None:
    run = trained(family="ae")
    assert run.encode(pixels)[1] is None
    with pytest.raises(NotApplicable, match="no prior to sample from") as error:
        run.sample(3, seed=0)
    sentence(error.value)
    with pytest.raises(NotApplicable, match="no posterior to draw from") as error:
        run.reconstruct(pixels, draw=0)
    sentence(error.value)


def test_a_gaussian_decodes_to_its_clipped_mean(trained: Trained, pixels: np.ndarray) -> None:
    run = trained(likelihood="gaussian")
    z = run.encode(pixels)[0]
    with torch.no_grad():
        expected = run.model.decode(torch.from_numpy(z)).clamp(0, 1).numpy()  # type: ignore[operator]
    np.testing.assert_allclose(run.decode(z), expected, atol=1e-6)


# ---- padding belongs to the run


def test_a_padded_run_takes_both_sizes_and_gives_the_datas(trained: Trained, pixels: np.ndarray) -> None:
    run = trained(network="conv", pad=12)
    assert (run.shape, run.padded_shape, run.pixels) == ((1, 8, 8), (1, 12, 12), 144)
    padded = np.pad(pixels, ((0, 0), (0, 0), (2, 2), (2, 2)))
    expected = run.encode(pixels)[0]
    for form in (padded, padded[:, 0], padded.reshape(20, 144), pixels.reshape(20, 64), pixels / 255):
        np.testing.assert_allclose(run.encode(form)[0], expected, rtol=1e-5, atol=1e-6)
    shown, whole = run.decode(expected), run.decode(expected, padded=True)
    assert shown.shape == (20, 1, 8, 8)
    assert whole.shape == (20, 1, 12, 12)
    np.testing.assert_array_equal(shown, whole[:, :, 2:10, 2:10])
    assert run.reconstruct(pixels).shape == run.reconstruct(padded).shape == (20, 1, 8, 8)
    assert run.sample(2, seed=0).shape == (2, 1, 8, 8)
    with pytest.raises(DataError, match=r"the padded size \(1, 12, 12\)"):
        run.encode(np.zeros((1, 10, 10), np.uint8))


def test_a_padded_runs_scores_count_the_padding(trained: Trained) -> None:
    run = trained(network="conv", pad=12)
    assert run.record.scores is not None
    assert run.record.scores["test"]["pixels"] == 144
    assert run.record.scores["test"]["reconstruction_weight"] == 144


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
    edit_document(folder, epoch=4)
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
