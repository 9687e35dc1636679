"""Moons and the swiss roll against scikit-learn, and vectors through a run, against torch.distributions."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import make_moons, make_swiss_roll
from torch.distributions import Normal

from core.config import RunConfig
from core.data import catalog
from core.data.images import ImageSet, scaled, unit
from core.errors import ConfigError, DataError
from core.training.run import train


@pytest.mark.parametrize("name", ["moons", "swiss-roll"])
def test_points_are_scikit_learns_scaled_by_their_range(name: str) -> None:
    if name == "moons":
        source, _ = make_moons(2500, noise=0.05, random_state=0)
    else:
        source = make_swiss_roll(2500, noise=0.3, random_state=0)[0][:, [0, 2]]
    low, high = source.min(0), source.max(0)
    found = np.concatenate([catalog.load(name, split).pixels[:, 0, 0] for split in ("train", "test")])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found * (high - low) + low, source, atol=1e-5)
    train_set, test = catalog.load(name, "train"), catalog.load(name, "test")
    assert (len(train_set), len(test)) == (2000, 500)
    assert not set(train_set.ids) & set(test.ids)
    assert len(np.unique(test.labels)) == len(test.class_names)


def test_parts_of_the_roll_are_equal_and_in_order() -> None:
    _, along = make_swiss_roll(2500, noise=0.3, random_state=0)
    labels = np.concatenate([catalog.load("swiss-roll", split).labels for split in ("train", "test")])
    assert np.bincount(labels).tolist() == [500] * 5
    assert all(along[labels == k].max() < along[labels == k + 1].min() for k in range(4))


def test_scaling_by_hand() -> None:
    values = np.array([[1.0, 5.0], [3.0, 5.0], [2.0, 5.0]])
    assert scaled(values, values.min(0), values.max(0)).tolist() == [[0, 0], [1, 0], [0.5, 0]]
    assert unit(np.array([0, 51, 255], np.uint8)).tolist() == pytest.approx([0, 0.2, 1])
    assert unit(np.array([0.25], np.float32)).tolist() == [0.25]


def test_vectors_have_one_row_and_one_channel() -> None:
    def made(pixels: np.ndarray) -> ImageSet:
        none = np.zeros(len(pixels), np.int64)
        return ImageSet("x", "test", pixels, none, none, ("a",), "f")

    assert made(np.zeros((3, 1, 1, 5), np.float32)).kind == "vector"
    assert made(np.zeros((3, 1, 1, 5), np.uint8)).kind == "image"
    for shape in ((3, 1, 2, 5), (3, 2, 1, 5)):
        with pytest.raises(DataError, match="or vectors float32"):
            made(np.zeros(shape, np.float32))


BRIEF = {"dataset": "moons", "epochs": 1, "hidden": (8,), "threads": 1, "device": "cpu", "validation": 0}


def test_a_run_on_vectors_scores_them_as_torch_does(store: Path) -> None:
    config = RunConfig.make({**BRIEF, "likelihood": "gaussian", "sigma": 0.1})
    run = train(config, store=store)
    assert run.document.data.kind == "vector"
    x = catalog.load("moons", "test").pixels
    latents = run.latents("test")
    with torch.no_grad():
        output = run.model.decode(torch.tensor(latents.means))
    log_p = Normal(output, 0.1).log_prob(torch.tensor(x)).flatten(1).sum(1)
    np.testing.assert_allclose(run.encode(x)[0], latents.means, atol=1e-6)
    scores = json.loads((run.record.folder / "scores.json").read_text())["test"]
    assert scores["distortion_at_mean"] == pytest.approx(float(-log_p.double().mean()), rel=1e-5)
    assert run.reconstruct(x).shape == x.shape


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"network": "conv"}, "'network' cannot be conv for 'moons', whose items are vectors"),
        ({"pad": 8}, "'pad' cannot be 8 for 'moons'"),
        ({"binarise": "fixed"}, "'binarise' cannot be fixed for 'moons'"),
    ],
)
def test_settings_that_only_images_have_are_refused(
    store: Path, setting: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        train(RunConfig.make({**BRIEF, **setting}), store=store)
    assert not list(store.iterdir())
