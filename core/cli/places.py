"""What `place` says of a place of the latent space: the densities there and the nearest images."""

from typing import Any

import numpy as np

from core.analysis.density import aggregate_log_density, nearest, prior_log_density
from core.analysis.pvalues import centre_and_spread
from core.cli.terminal import CountProgress, number, table
from core.errors import ConfigError
from core.generation import impossible_code
from core.runs import Run


def place_of_text(text: str, *, latent: int) -> np.ndarray:
    """Read '0.5,-1' -> (L,) float64.

    Raises:
        ConfigError: not as many finite numbers as the run has latent dimensions.
    """
    try:
        z = np.array([float(part) for part in text.split(",")])
    except ValueError:
        z = np.zeros(0)
    if len(z) != latent or not (np.abs(z) <= 1e6).all():
        raise ConfigError(
            f"--at cannot be '{text}': give {latent} number{'s' if latent > 1 else ''} with commas between, one for "
            f"each latent dimension, such as --at={','.join(['0'] * latent)}."
        )
    return z


def describe_place(run: Run, z: np.ndarray, *, split: str, k: int) -> dict[str, Any]:
    """Take the log densities at z (L,), null without a posterior, and the k nearest images of a split.

    `impossible` says why no image has such a code, and is null where one may.

    Distances of codes without a prior are taken in their standard deviations.

    Raises:
        DataMissing: latents must be encoded and the data set is not on this machine.
    """
    progress = CountProgress(unit="image", announce=False)
    try:
        latents = run.latents(split, progress=progress)
    finally:
        progress.close()
    aggregate = prior = None
    centre, spread = np.zeros(run.latent), np.ones(run.latent)
    if run.has_posterior:
        aggregate = float(aggregate_log_density(latents, z[None])[0])
        prior = float(prior_log_density(z[None])[0])
    else:
        centre, spread = centre_and_spread(latents.means)
    rows, distances = nearest((latents.means - centre) / spread, (z - centre) / spread, k=k)
    labels = [run.class_names[one] if one >= 0 else None for one in latents.labels[rows]]
    return {
        "run": run.id,
        "split": split,
        "at": z.tolist(),
        "impossible": impossible_code(run.family, z) or None,
        "aggregate_log_density": aggregate,
        "prior_log_density": prior,
        "nearest": [
            {"row": int(row), "label": label, "distance": float(distance)}
            for row, label, distance in zip(latents.ids[rows], labels, distances, strict=True)
        ],
    }


def place_lines(document: dict[str, Any], *, unit: str) -> list[str]:
    """Say the same for people."""
    aggregate, prior = document["aggregate_log_density"], document["prior_log_density"]
    densities = "Densities do not apply: a run without a posterior has no aggregate posterior and no prior."
    if aggregate is not None:
        densities = (
            f"Log density there, nats (higher is denser): aggregate posterior of the {document['split']} images "
            f"{aggregate:.3f}, prior {prior:.3f}."
        )
    rows = [(number(one["row"]), one["label"] or "-", number(one["distance"])) for one in document["nearest"]]
    return [
        *filter(None, [document["impossible"]]),
        densities,
        "",
        f"Nearest {document['split']} images, distance in {unit}:",
        *table(("row", "label", "distance"), rows, right=("row", "distance")),
    ]
