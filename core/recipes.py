"""Recipes: named, complete configurations of a run, with the source that each reproduces."""

from dataclasses import dataclass
from typing import Any

from core.config import RunConfig, beta_of_weight
from core.errors import ConfigError
from core.files import one_line

FASHION_PIXELS = 32 * 32


@dataclass(frozen=True)
class Recipe:
    """A configuration with a name: `config` is complete, the defaults filled in."""

    name: str
    sentence: str
    config: RunConfig
    source: str
    reference: str
    """What its source reached, or what to expect."""


def _recipe(name: str, sentence: str, source: str, reference: str, **settings: Any) -> Recipe:
    return Recipe(name, sentence, RunConfig.make(settings), source, reference)


_DIGITS = {
    "dataset": "digits",
    "hidden": (128, 64),
    "batch_size": 64,
    "epochs": 200,
    "learning_rate": 1e-3,
    "validation": 0.1,
    # layers this small are slower with two threads than with one
    "threads": 1,
}

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        _recipe(
            "digits-vae",
            "A VAE with a 2-D latent on scikit-learn's 8x8 digits: no download, seconds on a laptop.",
            "scikit-learn, load_digits",
            "test D + R near 24.5 nats per image",
            **_DIGITS,
            latent=2,
        ),
        _recipe(
            "digits-vae-8d",
            "The same with 8 latent dimensions: how many does it use?",
            "scikit-learn, load_digits",
            "test D + R near 24.3 nats per image",
            **_DIGITS,
            latent=8,
        ),
        _recipe(
            "digits-ae",
            "A plain autoencoder with a 2-D code on the same digits: no posterior, no rate.",
            "scikit-learn, load_digits",
            "test D near 20.9 nats per image",
            **_DIGITS,
            latent=2,
            family="ae",
        ),
        _recipe(
            "mnist-mlp-vae",
            "The tutorial VAE: 784-400-20-400-784 on MNIST, Bernoulli pixels.",
            "Kingma and Welling 2014, section 5, as in PyTorch's basic VAE example",
            "test D + R = 105.6 nats per image after 10 epochs",
            dataset="mnist",
            validation=0,
            hidden=(400,),
            latent=20,
            batch_size=128,
            epochs=10,
            learning_rate=1e-3,
        ),
        _recipe(
            "fashion-conv-vae",
            "A convolutional VAE with a 2-D latent on Fashion-MNIST, padded to 32x32, reconstruction weight 500.",
            "Foster, Generative Deep Learning, 2nd edition, chapter 3",
            "test 500 * mean BCE + KL = 127.8 + 5.29 = 133.1 after 5 epochs",
            dataset="fashion-mnist",
            pad=32,
            validation=0,
            network="conv",
            hidden=(32, 64, 128),
            latent=2,
            beta=beta_of_weight(500, FASHION_PIXELS),
            batch_size=100,
            epochs=5,
            learning_rate=5e-4,
        ),
    )
}


def recipe(name: str) -> Recipe:
    """Look up a recipe.

    Raises:
        ConfigError: no such recipe; the sentence lists those there are.
    """
    if not isinstance(name, str) or name not in RECIPES:
        raise ConfigError(
            f"There is no recipe '{one_line(name, limit=60)}': choose one of {', '.join(RECIPES)}."
        )
    return RECIPES[name]
