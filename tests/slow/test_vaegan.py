"""MNIST, ten epochs: samples of a VAE-GAN have fine detail that those of a VAE of its size lack (half an hour)."""

from pathlib import Path

import numpy as np
import pytest

from core.analysis.collapse import collapsed_at
from core.analysis.quality import high_frequency_ratio
from core.data import catalog
from core.recipes import recipe
from core.training.run import train

pytestmark = pytest.mark.slow


def test_the_vaegan_is_sharper_than_the_vae_of_its_size(mnist_folder: Path, store: Path) -> None:
    data = catalog.load("mnist", "test").pixels / 255
    draws = np.random.default_rng(0).standard_normal((2000, 20)).astype(np.float32)
    ratios = {}
    for name in ("mnist-conv-vae", "mnist-vaegan"):
        run = train(recipe(name).config, store=store, keep_latents=False)
        assert collapsed_at(run.history()) is None
        ratios[name] = high_frequency_ratio(run.decode(draws), data)
        print(name, f"high-frequency energy of samples over that of the data: {ratios[name]:.3f}")
    assert abs(ratios["mnist-vaegan"] - 1) < abs(ratios["mnist-conv-vae"] - 1)
