"""The runs that come with the project: `python -m core.bundled` rebuilds them all from scratch, with the same ids."""

import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.config import beta_of_weight
from core.errors import VAEScopeError
from core.recipes import FASHION_PIXELS, recipe
from core.store import default_store

BETAS = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
WEIGHTS = (50, 500, 5000)
CODES = (2, 16, 100)
"""Sizes of a code for 64 pixels: too small, about enough, larger than the image"""
PENALTY = 1e-3


@dataclass(frozen=True)
class Bundled:
    """One bundled run: a fixed id, and the recipe with its changes."""

    id: str
    name: str
    recipe: str
    settings: dict[str, Any] = field(default_factory=dict)
    sweep: str | None = None
    keep_latents: bool = True
    """False for data whose licence keeps every trace of single images out of git, and for runs whose scores are enough:
    what is needed of the digits is encoded when it is asked for."""


def _of_beta(beta: float) -> Bundled:
    return Bundled(
        id=f"bundled-digits-beta-{beta:g}".replace(".", "p"),
        name=f"Digits, beta {beta:g}",
        recipe="digits-vae",
        settings={"beta": beta},
        sweep="bundled-digits",
    )


def _of_weight(weight: int) -> Bundled:
    return Bundled(
        id=f"bundled-fashion-weight-{weight}",
        name=f"Fashion, weight {weight}",
        recipe="fashion-conv-vae",
        settings={"beta": beta_of_weight(weight, FASHION_PIXELS)},
        sweep="bundled-fashion",
        keep_latents=False,
    )


def _of_code(size: int, penalty: float) -> Bundled:
    return Bundled(
        id=f"bundled-digits-ae-{size}d{'-l2' if penalty else ''}",
        name=f"Digits, plain autoencoder, {size}-D code{', weight penalty' if penalty else ''}",
        recipe="digits-ae",
        settings={"latent": size, "l2": penalty},
        keep_latents=False,
    )


BUNDLED = (
    *(_of_beta(beta) for beta in BETAS),
    Bundled(id="bundled-digits-8d", name="Digits, 8 dimensions", recipe="digits-vae-8d"),
    Bundled(id="bundled-digits-vae-mmd", name="Digits, MMD of prior draws", recipe="digits-vae-mmd"),
    Bundled(id="bundled-digits-cvae", name="Digits, conditional VAE", recipe="digits-cvae"),
    Bundled(id="bundled-digits-ae", name="Digits, plain autoencoder", recipe="digits-ae"),
    Bundled(id="bundled-digits-ae-32d", name="Digits, plain autoencoder, 32-D code", recipe="digits-ae-32d"),
    Bundled(id="bundled-digits-coae", name="Digits, convolutional autoencoder", recipe="digits-coae"),
    Bundled(id="bundled-digits-dae", name="Digits, denoising autoencoder", recipe="digits-dae"),
    Bundled(id="bundled-digits-sae", name="Digits, sparse autoencoder", recipe="digits-sae"),
    Bundled(id="bundled-digits-cae", name="Digits, contractive autoencoder", recipe="digits-cae"),
    Bundled(
        id="bundled-digits-cae-0",
        name="Digits, contractive autoencoder, lambda 0",
        recipe="digits-cae",
        settings={"contraction_weight": 0.0},
    ),
    *(_of_code(size, 0.0) for size in CODES[1:]),
    *(_of_code(size, PENALTY) for size in CODES),
    Bundled(id="bundled-digits-conv-vae", name="Digits, convolutional VAE", recipe="digits-conv-vae"),
    Bundled(
        id="bundled-digits-conv-vae-deep",
        name="Digits, deeper convolutional VAE",
        recipe="digits-conv-vae",
        settings={"hidden": (16, 32, 64)},
    ),
    Bundled(
        id="bundled-digits-conv-vae-mmd",
        name="Digits, convolutional VAE with MMD",
        recipe="digits-conv-vae",
        settings={"mmd_weight": 100.0},
    ),
    Bundled(id="bundled-digits-vaegan", name="Digits, VAE-GAN", recipe="digits-vaegan"),
    Bundled(id="bundled-digits-linear", name="Digits, linear autoencoder", recipe="digits-linear"),
    Bundled(
        id="bundled-digits-linear-8d",
        name="Digits, linear autoencoder, 8-D code",
        recipe="digits-linear",
        settings={"latent": 8},
    ),
    Bundled(id="bundled-digits-pca", name="Digits, PCA", recipe="digits-pca"),
    Bundled(
        id="bundled-digits-pca-8d",
        name="Digits, PCA, 8 components",
        recipe="digits-pca",
        settings={"latent": 8},
    ),
    *(_of_weight(weight) for weight in WEIGHTS),
)


def rebuild(wanted: Bundled, *, store: Path) -> None:
    """Train one bundled run in a folder of its own, and put it in the place of the old one once it is whole.

    Raises:
        VAEScopeError: as `core.training.run.train`.
    """
    from core.training.run import train

    workshop = store / ".rebuild"
    shutil.rmtree(workshop, ignore_errors=True)
    config = recipe(wanted.recipe).config.with_settings({**wanted.settings, "device": "cpu"})
    run = train(
        config,
        name=wanted.name,
        recipe=wanted.recipe,
        sweep=wanted.sweep,
        run_id=wanted.id,
        store=workshop,
        bundled=True,
        keep_latents=wanted.keep_latents,
    )
    target = store / wanted.id
    shutil.rmtree(target, ignore_errors=True)
    run.record.folder.rename(target)
    shutil.rmtree(workshop, ignore_errors=True)


def main(words: list[str]) -> int:
    """Rebuild every bundled run, or those whose ids contain one of the words."""
    store = default_store()
    chosen = [row for row in BUNDLED if not words or any(word in row.id for word in words)]
    if not chosen:
        print(
            f"No bundled run has '{words[0]}' in its id: {', '.join(row.id for row in BUNDLED)}.",
            file=sys.stderr,
        )
        return 2
    for index, row in enumerate(chosen, start=1):
        start = time.monotonic()
        print(f"[{index}/{len(chosen)}] {row.id} ...", end=" ", flush=True)
        try:
            rebuild(row, store=store)
        except VAEScopeError as error:
            print(f"\n{error}", file=sys.stderr)
            return 1
        print(f"{time.monotonic() - start:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
