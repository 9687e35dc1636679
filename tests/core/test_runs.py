"""An opened run as functions on arrays"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from core.data import catalog
from core.encoding import split_noise
from core.errors import ConfigError, DataError, NotApplicable
from core.families import FAMILIES
from core.generation import prior_draws
from core.latents import load_latents
from tests.core.shared import ROWS, Sentence, Trained

LABELS = catalog.load("digits", "test").labels


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
