"""Noise and batches: an image's scores depend on the image, the seed and the weights, and on nothing else."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from core.config import RunConfig
from core.data import catalog
from core.data.images import ImageSet
from core.encoding import (
    Encoded,
    batches,
    build_model,
    encode_split,
    split_labels,
    split_noise,
    split_tensors,
    to_unit,
)
from tests.core.fitting import fitting
from tests.core.shared import ROWS

CPU = torch.device("cpu")
ARRAYS = (
    "means",
    "log_variances",
    "distortion",
    "rate_per_dimension",
    "distortion_at_mean",
    "squared_error_at_mean",
    "entropy",
)
Setup = tuple[nn.Module, RunConfig, ImageSet]


@pytest.fixture
def setup(small: Callable[..., RunConfig]) -> Callable[..., Setup]:
    """A network whose scores are not trivial: random weights, widened so that q is far from the prior."""

    def make(**settings: object) -> Setup:
        config = small(**settings)
        torch.manual_seed(1)
        side = config.pad or 8
        model = build_model(config, (1, side, side), classes=10)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1.5)
        return model, config, catalog.load("digits", "test")

    return make


def _encode(
    setup: Setup, images: ImageSet | None = None, *, seed: int = 0, draws: int = 1, size: int = 1000
) -> Encoded:
    model, config, everything = setup
    chosen = everything if images is None else images
    pixels, noise = split_tensors(chosen, config, device=CPU, seed=seed, draws=draws)
    labels = split_labels(chosen, config, device=CPU)
    return encode_split(model, pixels, config, noise=noise, labels=labels, batch_size=size)


def _assert_same(first: Encoded, second: Encoded, rows: np.ndarray | slice = slice(None)) -> None:
    for name in ARRAYS:
        one, other = getattr(first, name), getattr(second, name)
        assert (one is None) == (other is None), name
        if one is not None:
            np.testing.assert_allclose(one[rows], other, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("family, network", ROWS)
def test_scores_do_not_depend_on_the_batch_size_nor_on_the_order(
    setup: Callable[..., Setup], family: str, network: str
) -> None:
    made = setup(**fitting(family, network=network, likelihood="bernoulli"))
    everything = made[2]
    whole = _encode(made)
    for size in (1, 7, 100, 128):
        _assert_same(whole, _encode(made, size=size))
    order = np.random.default_rng(0).permutation(len(everything))
    for size in (7, 1000):
        _assert_same(whole, _encode(made, everything.select(order), size=size), order)


def test_a_subset_scores_as_its_rows_in_the_whole(setup: Callable[..., Setup]) -> None:
    made = setup(likelihood="gaussian", sigma=0.3)
    rows = np.array([300, 3, 17, 17, 359])
    _assert_same(_encode(made, draws=2), _encode(made, made[2].select(rows), draws=2), rows)


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(setup: Callable[..., Setup]) -> None:
    made = setup()
    first, again, other = _encode(made), _encode(made), _encode(made, seed=1)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert (first.distortion != other.distortion).mean() > 0.9
    np.testing.assert_array_equal(first.rate, other.rate)


def test_noise_is_drawn_once_a_split() -> None:
    noise = split_noise(1797, 3, seed=0, split="test")
    assert noise.shape == (1797, 3)
    assert noise.dtype == torch.float32
    assert noise.mean().abs() < 0.05
    assert (noise.std() - 1).abs() < 0.03
    assert torch.equal(noise, split_noise(1797, 3, seed=0, split="test"))
    assert not torch.equal(noise, split_noise(1797, 3, seed=1, split="test"))
    assert not torch.equal(noise, split_noise(1797, 3, seed=0, split="train"))
    # one source, one noise: an image keeps its draw when the share that is held out changes
    held_out = split_noise(1797, 3, seed=0, split="validation")
    assert torch.equal(held_out, split_noise(1797, 3, seed=0, split="train"))


def test_drawing_noise_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(3)
    expected = torch.randn(4)
    torch.manual_seed(3)
    split_noise(100, 2, seed=0, split="test")
    assert torch.equal(torch.randn(4), expected)


def test_an_images_noise_is_its_rows_in_the_source(small: Callable[..., RunConfig]) -> None:
    images = catalog.load("digits", "test").select([5, 2, 9])
    pixels, noise = split_tensors(images, small(), device=CPU, seed=4, draws=2)
    assert pixels.dtype == torch.uint8
    np.testing.assert_array_equal(pixels.numpy(), images.pixels)
    assert noise.shape == (2, 3, 2)
    for draw in range(2):
        source = split_noise(1797, 2, seed=4 + draw, split="test")
        assert torch.equal(noise[draw], source[torch.from_numpy(images.ids.copy())])


def test_images_are_padded_as_the_run_wants(small: Callable[..., RunConfig]) -> None:
    images = catalog.load("digits", "test")
    pixels, _ = split_tensors(images, small(pad=12), device=CPU)
    assert pixels.shape == (360, 1, 12, 12)
    np.testing.assert_array_equal(pixels[:, :, 2:10, 2:10].numpy(), images.pixels)
    assert pixels.sum() == images.pixels.sum()


def test_d_and_r_are_those_of_a_slow_second_implementation(setup: Callable[..., Setup]) -> None:
    model, _, images = made = setup()
    got = _encode(made, draws=2)
    for row in (0, 17, 359):
        x = torch.from_numpy(images.pixels[row : row + 1].astype(np.float64) / 255)
        model = model.double()
        with torch.no_grad():
            mean, log_variance = model.encode(x)  # type: ignore[operator]
            per_draw = []
            for seed in (0, 1):
                noise = split_noise(1797, 2, seed=seed, split="test")[images.ids[row]].double()
                logits = model.decode(mean + torch.exp(log_variance / 2) * noise)  # type: ignore[operator]
                p = torch.sigmoid(logits)
                per_draw.append(-(x * p.log() + (1 - x) * (1 - p).log()).sum().item())
            at_mean = torch.sigmoid(model.decode(mean))  # type: ignore[operator]
        model.float()
        assert got.distortion[row] == pytest.approx(np.mean(per_draw), rel=1e-5)
        error = np.std(per_draw, ddof=1) / np.sqrt(2)
        assert got.distortion_error is not None
        assert got.distortion_error[row] == pytest.approx(error, rel=1e-2, abs=1e-4)
        assert got.squared_error_at_mean[row] == pytest.approx((at_mean - x).square().sum().item(), rel=1e-5)
        rate = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum().item()
        assert got.rate is not None
        assert got.rate[row] == pytest.approx(rate, rel=1e-5)


def test_the_standard_error_is_the_spread_of_repeated_draws(setup: Callable[..., Setup]) -> None:
    made = setup()
    subset = made[2].select(np.arange(40))
    many = np.stack([_encode(made, subset, seed=1000 + k).distortion for k in range(64)])
    got = _encode(made, subset, draws=16)
    assert got.distortion_error is not None
    truth = many.std(0, ddof=1) / 4  # of the mean of 16 draws
    assert np.median(got.distortion_error / truth) == pytest.approx(1, abs=0.15)
    z = (got.distortion - many.mean(0)) / np.sqrt(truth**2 + many.var(0, ddof=1) / 64)
    assert np.abs(z).max() < 4.5
    assert _encode(made, subset).distortion_error is None


def test_without_noise_d_is_d_at_the_mean(setup: Callable[..., Setup]) -> None:
    model, config, images = setup()
    pixels, noise = split_tensors(images, config, device=CPU)
    got = encode_split(model, pixels, config, noise=0 * noise)
    np.testing.assert_allclose(got.distortion, got.distortion_at_mean, rtol=1e-6)
    moved = encode_split(model, pixels, config, noise=noise)
    assert (moved.distortion != got.distortion).any()
    np.testing.assert_array_equal(moved.distortion_at_mean, got.distortion_at_mean)


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_used_in_evaluation_mode_and_handed_back(
    setup: Callable[..., Setup], training: bool
) -> None:
    model, _, _ = made = setup()
    expected = _encode(made).means
    model.encoder.append(nn.Dropout(0.9))  # type: ignore[operator, union-attr]
    model.train(training)
    got = _encode(made)
    np.testing.assert_array_equal(got.means, expected)
    assert model.training is training


def test_progress_counts_images(setup: Callable[..., Setup]) -> None:
    model, config, images = setup()
    pixels, noise = split_tensors(images, config, device=CPU)
    seen: list[tuple[int, int]] = []
    encode_split(
        model, pixels, config, noise=noise, batch_size=150, progress=lambda *counts: seen.append(counts)
    )
    assert seen == [(150, 360), (300, 360), (360, 360)]


def test_batches_cover_every_row_once() -> None:
    assert [(part.start, part.stop) for part in batches(7, 3)] == [(0, 3), (3, 6), (6, 7)]
    assert list(batches(0, 3)) == []
    assert [(part.start, part.stop) for part in batches(3, 3)] == [(0, 3)]


def test_bytes_become_numbers_exactly() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    expected = np.arange(256, dtype=np.float32) / np.float32(255)
    np.testing.assert_array_equal(to_unit(levels).numpy(), expected)
    assert levels.dtype == torch.uint8


def test_a_split_without_images_cannot_be_scored(setup: Callable[..., Setup]) -> None:
    made = setup()
    with pytest.raises(ValueError, match="without images"):
        _encode(made, made[2].select([]))
