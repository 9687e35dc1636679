"""The conditional VAE: what it is told and where, what is refused, and that its samples are of the class asked for."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

import core
from core.config import RunConfig
from core.data import catalog
from core.encoding import build_model, check_labels
from core.errors import DataError
from core.models.nets import parameter_count
from core.recipes import recipe
from core.runs import open_run
from core.training.run import train
from tests.core.shared import Sentence, Trained

BUNDLED = Path(__file__).resolve().parents[2] / "checkpoints" / "bundled-digits-cvae"
SHAPES = [(1, 8, 8), (3, 27, 31), (2, 5, 4)]


def _model(network: str, shape: tuple[int, int, int], classes: int, **settings: Any) -> nn.Module:
    torch.manual_seed(0)
    given = {"family": "cvae", "network": network, "hidden": (4, 6), "latent": 3, **settings}
    return build_model(RunConfig.make(given), shape, classes=classes)


# ---- the network


@pytest.mark.parametrize("shape", SHAPES)
def test_an_mlp_is_told_the_label_in_one_number_a_class(shape: tuple[int, int, int]) -> None:
    """Against the layers written out: rows of pixels, then the one-hot label; latents, then the one-hot label."""
    model, labels = _model("mlp", shape, 5, hidden=()), torch.tensor([4, 0])
    x, told = torch.rand(2, *shape), torch.eye(5)[labels]
    means, log_variances = model.encode(x, labels)  # type: ignore[operator]
    seen = torch.cat([x.reshape(2, -1), told], 1)
    torch.testing.assert_close(means, model.mean(seen))  # type: ignore[operator]
    torch.testing.assert_close(log_variances, model.log_variance(seen))  # type: ignore[operator]
    (last,) = (one for one in model.decoder.modules() if isinstance(one, nn.Linear))  # type: ignore[union-attr]
    expected = last(torch.cat([means, told], 1)).reshape(2, *shape)
    torch.testing.assert_close(model.decode(means, labels), expected)  # type: ignore[operator]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_conv_encoder_sees_a_constant_plane_a_class(shape: tuple[int, int, int]) -> None:
    model, labels = _model("conv", shape, 5), torch.tensor([4, 0])
    x = torch.rand(2, *shape)
    planes = torch.zeros(2, 5, *shape[1:])
    planes[0, 4], planes[1, 0] = 1, 1
    expected = model.mean(model.encoder(torch.cat([x, planes], 1)))  # type: ignore[operator]
    torch.testing.assert_close(model.encode(x, labels)[0], expected)  # type: ignore[operator]
    dense = next(one for one in model.decoder.modules() if isinstance(one, nn.Linear))  # type: ignore[union-attr]
    assert dense.in_features == 3 + 5


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_classes_are_names_and_not_numbers(network: str) -> None:
    """Decoding class 4 is no mixture of classes 3 and 5: the label is not one raw number."""
    model, z = _model(network, (1, 8, 8), 10, activation="tanh"), torch.randn(1, 3)
    three, four, five = (model.decode(z, torch.tensor([k])) for k in (3, 4, 5))  # type: ignore[operator]
    assert (four - (three + five) / 2).abs().max() > 1e-3


def test_the_mnist_recipes_have_their_parameters_counted_by_hand() -> None:
    heads, last = 2 * (784 * 64 + 64), 784 * 784 + 784
    plain = 2 * (784 * 784 + 784) + heads + (64 * 784 + 784) + (784 * 784 + 784) + last
    assert parameter_count(build_model(recipe("mnist-deep-vae").config, (1, 28, 28))) == plain
    told = build_model(recipe("mnist-deep-cvae").config, (1, 28, 28), classes=10)
    assert parameter_count(told) == plain + 2 * 10 * 784  # ten more inputs to each half
    slopes = {one.negative_slope for one in told.modules() if isinstance(one, nn.LeakyReLU)}
    assert slopes == {0.01}  # torch's own
    config = recipe("mnist-deep-cvae").config
    assert (config.optimiser, config.weight_decay, config.sigma**2) == ("adamw", 0.01, pytest.approx(0.5))
    assert config.with_settings({"family": "vae"}) == recipe("mnist-deep-vae").config


# ---- labels that do not fit


@pytest.mark.parametrize(
    "labels, says",
    [
        (None, "is told the label of each row, and none was given"),
        ([0, 1], "shape \\(2,\\) do not fit run 'Small': give 3 whole numbers from 0 to 9"),
        ([0.0, 1.0, 2.0], "type float64"),
        ([True, False, True], "type bool"),
        (["0", "1", "2"], "Labels of type <U1"),
        ([[0], [1], [2]], "do not fit"),
        ([0, -1, 2], "A label of -1 means that there is none"),
        ([0, 10, 2], "has no class 10: choose labels from 0 to 9"),
        ([0, -2, 2], "has no class -2"),
        (10, "has no class 10"),
        ([[0], [1, 2]], "cannot be read as an array"),
    ],
)
def test_labels_that_do_not_fit_are_refused_in_one_sentence(
    labels: Any, says: str, trained: Trained, sentence: Sentence
) -> None:
    run = trained(family="cvae")
    pixels, z = catalog.load("digits", "test").pixels[:3], np.zeros((3, 2))
    for ask in (
        lambda: run.encode(pixels, labels),
        lambda: run.decode(z, labels),
        lambda: run.sample(3, 0, labels),
        lambda: run.reconstruct(pixels, labels),
        lambda: run.reconstruct(pixels, labels, draw=1),
    ):
        with pytest.raises(DataError, match=says) as error:
            ask()
        sentence(error.value)


def test_one_label_is_that_of_all_rows(trained: Trained) -> None:
    run = trained(family="cvae")
    threes = run.sample(4, 7, labels=3)
    np.testing.assert_array_equal(threes, run.sample(4, 7, labels=np.full(4, 3)))
    np.testing.assert_array_equal(threes, run.sample(4, 7, labels=np.int8(3)))
    assert np.abs(threes - run.sample(4, 7, labels=5)).max() > 0.01


def test_families_that_need_no_labels_leave_them_aside(trained: Trained) -> None:
    run, pixels = trained(), catalog.load("digits", "test").pixels[:3]
    np.testing.assert_array_equal(run.reconstruct(pixels, np.array([-1, 4, 99])), run.reconstruct(pixels))


def test_the_right_label_reconstructs_best(trained: Trained) -> None:
    run, images = trained(family="cvae", epochs=40), catalog.load("digits", "test")
    right = np.square(run.reconstruct(images.pixels, images.labels) - images.pixels / 255).mean()
    wrong = np.square(run.reconstruct(images.pixels, (images.labels + 1) % 10) - images.pixels / 255).mean()
    assert right < 0.9 * wrong


@pytest.mark.parametrize("unlabelled", [1, 1437])
def test_data_without_labels_are_refused_before_a_folder_is_made(
    unlabelled: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sentence: Sentence, small: Any
) -> None:
    load = catalog.load

    def without(name: str, split: str) -> Any:
        images = load(name, split)
        labels = images.labels.copy()
        labels[:unlabelled] = -1
        return dataclasses.replace(images, labels=labels)

    monkeypatch.setattr(catalog, "load", without)
    with pytest.raises(DataError, match=r"of the [\d,]+ train images of 'digits' have none") as error:
        train(small(family="cvae", validation=0), store=tmp_path / "store")
    assert "such as vae" in sentence(error.value)
    assert not (tmp_path / "store").exists() or not list((tmp_path / "store").glob("[!.]*"))
    bare = dataclasses.replace(load("digits", "test"), class_names=(), labels=np.full(360, -1))
    with pytest.raises(DataError, match="360 of the 360 test images"):
        check_labels(bare, small(family="cvae"))
    check_labels(bare, small())


# ---- what it is for: samples of a class


def test_samples_of_the_bundled_run_are_of_the_class_asked_for() -> None:
    """By a judge of its own: nearest neighbours of real digits, which are right on 98 % of the real test digits."""
    run = open_run(BUNDLED, device="cpu")
    real, test = run.images("train"), run.images("test")
    judge = KNeighborsClassifier(3).fit(real.pixels.reshape(len(real), -1) / 255, real.labels)
    assert judge.score(test.pixels.reshape(len(test), -1) / 255, test.labels) > 0.97
    asked = np.repeat(np.arange(10), 100)
    made = run.sample(1000, 0, asked).reshape(1000, -1)
    found = judge.predict(made)
    assert (found == asked).mean() > 0.99  # all of them, when it was measured
    assert min((found == asked)[asked == k].mean() for k in range(10)) > 0.95
    # and they are no single picture a class
    assert min(made[asked == k].std(0).max() for k in range(10)) > 0.1


def test_a_run_that_was_told_labels_is_opened_by_the_public_names() -> None:
    run = core.open_run(BUNDLED)
    assert (run.needs_labels, run.has_posterior) == (True, True)
