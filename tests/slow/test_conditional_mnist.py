"""The conditional VAE on MNIST, judged from outside: a classifier of real images tells what its samples are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.data import catalog
from core.data.images import ImageSet
from core.recipes import recipe
from core.runs import Run
from core.training.run import train

pytestmark = pytest.mark.slow

EACH = 200
"""Samples a class"""
Judge = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def judge() -> Judge:
    """A small MLP, six epochs on real MNIST; it must be right on 97 % of the real test images."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    images = catalog.load("mnist", "train")
    x, y = torch.from_numpy(np.array(images.pixels)), torch.from_numpy(np.array(images.labels))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(6):
        for rows in torch.randperm(len(x)).split(256):
            loss = nn.functional.cross_entropy(model(_unit(x[rows])), y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    model.eval()

    def tell(pictures: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model(torch.from_numpy(pictures).float()).argmax(1).numpy()

    test = catalog.load("mnist", "test")
    right = (tell(test.pixels / np.float32(255)) == test.labels).mean()
    print(f"\nthe judge is right on {right:.2%} of the real test images")
    assert right >= 0.97
    return tell


def _unit(pixels: Tensor) -> Tensor:
    return pixels.float() / 255


def _recognised(run: Run, judge: Judge) -> float:
    asked = np.repeat(np.arange(10), EACH)
    return float((judge(run.sample(len(asked), 0, asked)) == asked).mean())


def _trained(store: Path, *, epochs: int) -> Run:
    config = recipe("mnist-deep-cvae").config.with_settings({"epochs": epochs})
    return train(config, store=store, keep_latents=False)


def test_samples_are_of_the_class_asked_for(mnist_folder: Path, store: Path, judge: Judge) -> None:
    share = _recognised(_trained(store, epochs=10), judge)
    print(f"{share:.2%} of the samples are recognised as the class asked for")
    assert share >= 0.97


def test_labels_that_mean_nothing_are_no_use(
    mnist_folder: Path, store: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: told the labels of other images, the model cannot learn what a class looks like."""
    load = catalog.load

    def shuffled(name: str, split: str) -> ImageSet:
        images = load(name, split)
        order = np.random.default_rng(0).permutation(len(images))
        given: dict[str, Any] = {**vars(images), "labels": images.labels[order]}
        return ImageSet(**given)

    monkeypatch.setattr(catalog, "load", shuffled)
    # fewer epochs: what labels do not tell they do not tell later either
    share = _recognised(_trained(store, epochs=3), judge)
    print(f"{share:.2%} of the samples are recognised, with shuffled labels")
    assert 0.07 <= share <= 0.13
