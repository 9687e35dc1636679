"""Recipes: named, complete configurations of a run, with the source that each reproduces."""

from dataclasses import dataclass
from typing import Any

from core.config import RunConfig, beta_of_weight
from core.data.images import held_out
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

_POINTS = {
    "hidden": (64, 64),
    "latent": 2,
    "likelihood": "gaussian",
    # a little more than the noise of the points, in units of their range
    "sigma": 0.03,
    "batch_size": 64,
    "epochs": 200,
    "threads": 1,
}

_MNIST_DEEP = {
    "dataset": "mnist",
    "validation": 0,
    "hidden": (784, 784),
    "latent": 64,
    "activation": "leaky_relu",
    # squared error, as its source has it, is a Gaussian with sigma^2 = 1/2: the default sigma
    "likelihood": "gaussian",
    # most pixels are exactly 0, which a sigmoid comes nearer to than a linear output
    "output": "sigmoid",
    "optimiser": "adamw",
    "learning_rate": 1e-3,
    # not asked for by the source: what torch's AdamW does when it is not told otherwise
    "weight_decay": 0.01,
    "batch_size": 1024,
    "epochs": 50,
}

_MNIST_CONV = {
    "dataset": "mnist",
    "validation": 0,
    "network": "conv",
    "hidden": (16, 32),
    "latent": 20,
    "batch_size": 128,
    "epochs": 10,
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
            "digits-vae-mmd",
            "The 2-D VAE with draws from its prior held to the images: + lambda MMD^2 between the two.",
            "Gretton et al. 2012, JMLR 13; as a term of a generator's loss: Li, Swersky and Zemel 2015",
            "a smaller squared MMD of test images than digits-vae has",
            **_DIGITS,
            latent=2,
            mmd_weight=100,
        ),
        _recipe(
            "digits-cvae",
            "A conditional VAE with a 2-D latent on the same digits: told the label, it draws samples of any digit.",
            "Sohn, Lee and Yan 2015, NeurIPS 28",
            "test D + R near 21 nats per image, given the label",
            **_DIGITS,
            latent=2,
            family="cvae",
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
            "digits-coae",
            "A convolutional autoencoder with a 2-D code on the same digits.",
            "Masci et al. 2011, doi:10.1007/978-3-642-21735-7_7",
            "test D near 21.9 nats per image",
            **{**_DIGITS, "hidden": (16, 32), "epochs": 60},
            latent=2,
            family="coae",
        ),
        _recipe(
            "digits-ae-32d",
            "A plain autoencoder with a 32-D code: what the denoising one is measured against.",
            "scikit-learn, load_digits",
            "at Gaussian noise 0.25 it hands most of the noise on",
            **_DIGITS,
            latent=32,
            family="ae",
        ),
        _recipe(
            "digits-dae",
            "A denoising autoencoder with a 32-D code: trained to undo Gaussian noise of 0.25.",
            "Vincent et al. 2010, JMLR 11",
            "at Gaussian noise 0.25 PSNR at least 3 dB above the noisy images and 2 dB above digits-ae-32d",
            **_DIGITS,
            latent=32,
            family="dae",
        ),
        _recipe(
            "digits-sae",
            "A sparse autoencoder with 100 sigmoid units for 64 pixels: overcomplete, yet few are active at a time.",
            "Ng 2011, CS294A lecture notes, section 3",
            "mean activation of every unit within 0.03 to 0.10",
            **{**_DIGITS, "hidden": ()},
            latent=100,
            family="sae",
        ),
        _recipe(
            "digits-cae",
            "A contractive autoencoder, 32 sigmoid units, tied weights: a code that hardly moves when the image does.",
            "Rifai et al. 2011, Contractive auto-encoders, ICML",
            "contraction over code variance at least halved against contraction_weight=0, for less than 5 nats of D",
            **{**_DIGITS, "hidden": ()},
            latent=32,
            family="cae",
            tied=True,
        ),
        _recipe(
            "digits-conv-vae",
            "A convolutional VAE with a 2-D latent on the same digits: what the VAE-GAN is measured against.",
            "scikit-learn, load_digits",
            "test D + R near 25.2 nats per image; at high frequencies samples have less than half of the data's energy",
            **{**_DIGITS, "hidden": (16, 32), "epochs": 100},
            latent=2,
            network="conv",
        ),
        _recipe(
            "digits-vaegan",
            "A VAE-GAN with a 2-D latent on the same digits: what is near is what a discriminator finds alike.",
            "Larsen et al. 2016, arXiv:1512.09300",
            "energy of samples at high frequencies nearer to the data's than that of digits-conv-vae, at a higher D",
            **{**_DIGITS, "hidden": (16, 32), "epochs": 100},
            latent=2,
            family="vaegan",
        ),
        _recipe(
            "digits-linear",
            "A linear autoencoder with a 2-D code, trained on the squared error until it is PCA's subspace.",
            "Baldi and Hornik 1989, doi:10.1016/0893-6080(89)90014-2",
            "within 1 degree of PCA's subspace, and squared error within 0.1 % of PCA's",
            dataset="digits",
            # all training images, as the PCA that it is held against
            validation=0,
            family="linear",
            latent=2,
            batch_size=0,
            epochs=10_000,
            # a step is an epoch here, and ten thousand rows would tell no more than a hundred
            report_every=100,
            learning_rate=1e-2,
            schedule="cosine",
            threads=1,
        ),
        _recipe(
            "digits-pca",
            "PCA of the same digits in closed form: what a linear autoencoder converges to.",
            "Pearson 1901, doi:10.1080/14786440109462720",
            "the least squared error of any linear 2-D code on the training images",
            dataset="digits",
            validation=0,
            family="pca",
            latent=2,
            threads=1,
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
            "mnist-deep-vae",
            "A deep VAE on MNIST: two hidden layers of 784 each way and 64 latent dimensions, squared error.",
            "Kingma and Welling 2014, a deep network; weight_decay 0.01 is the default of torch's AdamW",
            "training squared error + KL = 27.15 after 50 epochs",
            **_MNIST_DEEP,
        ),
        _recipe(
            "mnist-deep-cvae",
            "The same network, told the label: a conditional VAE.",
            "Sohn, Lee and Yan 2015, NeurIPS 28; the label goes in one-hot",
            "at least 97 % of its samples are recognised as the class asked for, after 10 epochs",
            **_MNIST_DEEP,
            family="cvae",
        ),
        _recipe(
            "mnist-conv-vae",
            "A small convolutional VAE on MNIST: what the VAE-GAN of its size is measured against.",
            "Larsen et al. 2016, arXiv:1512.09300, section 4, the VAE",
            "test D + R near 103.3 nats per image; samples have 0.38 of the data's energy at high frequencies",
            **_MNIST_CONV,
        ),
        _recipe(
            "mnist-vaegan",
            "A VAE-GAN on MNIST with the encoder and decoder of mnist-conv-vae.",
            "Larsen et al. 2016, arXiv:1512.09300",
            "samples have 0.98 of the data's energy at high frequencies, at a D three times that of mnist-conv-vae",
            family="vaegan",
            **_MNIST_CONV,
        ),
        _recipe(
            "moons-vae",
            "A VAE with a 2-D latent on points of the plane, two moons: what it decodes can be drawn beside the data.",
            "scikit-learn, make_moons",
            "test D + R near -0.36 nats per point, values scaled to [0, 1]",
            **_POINTS,
            dataset="moons",
        ),
        _recipe(
            "swiss-roll-vae",
            "The same on a swiss roll in its plane: a spiral that a 2-D latent need not unroll.",
            "scikit-learn, make_swiss_roll",
            "test D + R near -0.16 nats per point, values scaled to [0, 1]",
            **_POINTS,
            dataset="swiss-roll",
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


def first_settings(dataset: str, kind: str, images: int) -> tuple[str, dict[str, str]]:
    """Name of the recipe to begin with on a data set of so many training `images`, and what to set other than it.

    `kind` is 'image' or 'vector'.
    """
    made_for = {"mnist": "mnist-mlp-vae", "fashion-mnist": "fashion-conv-vae", "swiss-roll": "swiss-roll-vae"}
    name = made_for.get(dataset, "digits-vae" if kind == "image" else "moons-vae")
    config = recipe(name).config
    kept = images - held_out(images, share=config.validation)
    # at least some steps an epoch: a batch larger than what is trained on is refused
    fewer = {} if config.batch_size <= kept else {"batch_size": str(max(1, kept // 4))}
    return name, {"dataset": dataset, **fewer}


def first_training(dataset: str, kind: str, images: int) -> str:
    """The command that trains with `first_settings`."""
    name, settings = first_settings(dataset, kind, images)
    return " ".join(
        ["python -m core train", name, "--set", *(f"{key}={value}" for key, value in settings.items())]
    )


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
