"""The two source recipes, trained as shipped, reach the figures that their sources' own code reached."""

from pathlib import Path
from typing import Any

import pytest

from core.recipes import recipe
from core.training.run import train

pytestmark = pytest.mark.slow


def _train(name: str, store: Path) -> dict[str, Any]:
    run = train(recipe(name).config, recipe=name, store=store, keep_latents=False)
    assert run.state == "finished"
    assert run.record.scores is not None
    scores: dict[str, Any] = run.record.scores["test"]
    print(f"\n{name}: D {scores['distortion']:.3f}, R {scores['rate']:.3f} nats per image")
    assert scores["images"] == 10_000
    assert sum(scores["rate_per_dimension"]) == pytest.approx(scores["rate"])
    return scores


def test_mnist_mlp_vae(mnist_folder: Path, store: Path) -> None:
    scores = _train("mnist-mlp-vae", store)
    assert scores["pixels"] == 784
    assert scores["negative_elbo"] == pytest.approx(scores["distortion"] + scores["rate"])
    # the reference code: 105.6
    assert 104.5 <= scores["distortion"] + scores["rate"] <= 106.0
    assert 24 <= scores["rate"] <= 27


def test_fashion_conv_vae(fashion_folder: Path, store: Path) -> None:
    scores = _train("fashion-conv-vae", store)
    assert scores["pixels"] == 1024
    # the reference code: 500 * mean BCE + KL = 127.8 + 5.29 = 133.1
    assert scores["distortion"] * 500 / 1024 + scores["rate"] <= 134.0
    assert 4.7 <= scores["rate"] <= 5.9
