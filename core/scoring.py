"""Every score of a run, from one pass over a split: plain numbers, null where a score does not apply."""

from typing import TYPE_CHECKING, Any

import numpy as np

from core.analysis.scores import directions, units
from core.config import RunConfig, reconstruction_weight
from core.runs import Progress, Run

if TYPE_CHECKING:
    from core.encoding import Encoded

ACTIVE_VARIANCE = 0.01
"""A unit is active when the variance of its mean over images exceeds this (Burda et al. 2016, section 5.1)."""


def split_scores(encoded: "Encoded", config: RunConfig, *, pixels: int) -> dict[str, Any]:
    """Average a split's terms over its images, in float64: see core/analysis/scores.py for units and directions.

    Args:
        encoded: one row an image.
        config: of the run.
        pixels: n, values per padded image.
    """
    distortion = float(encoded.distortion.mean(dtype=np.float64))
    scores: dict[str, Any] = {
        "distortion": distortion,
        "rate": None,
        "negative_elbo": None,
        "objective": distortion,
        "rate_per_dimension": None,
        "excess_distortion": None,
        "distortion_at_mean": float(encoded.distortion_at_mean.mean(dtype=np.float64)),
        "squared_error_at_mean": float(encoded.squared_error_at_mean.mean(dtype=np.float64)) / pixels,
        "beta": None,
        "reconstruction_weight": None,
        "weighted_reconstruction": None,
        "weighted_objective": None,
        "active_units": int((encoded.means.var(axis=0, dtype=np.float64) > ACTIVE_VARIANCE).sum()),
        "mean_square_of_means": np.square(encoded.means, dtype=np.float64).mean(0).tolist(),
        "mean_variance": None,
        "pixels": pixels,
        "images": len(encoded.distortion),
    }
    if config.likelihood == "bernoulli":
        scores["excess_distortion"] = distortion - float(encoded.entropy.mean(dtype=np.float64))
    if encoded.distortion_error is not None:
        # independent draws an image: the error of the mean over images
        errors = np.square(encoded.distortion_error, dtype=np.float64)
        scores["distortion_standard_error"] = float(np.sqrt(errors.sum()) / len(errors))
    if encoded.rate_per_dimension is not None and encoded.log_variances is not None:
        rates = encoded.rate_per_dimension.mean(0, dtype=np.float64)
        rate, weight = float(rates.sum()), reconstruction_weight(config.beta, pixels)
        scores |= {
            "rate": rate,
            "negative_elbo": distortion + rate,
            "objective": distortion + config.beta * rate,
            "rate_per_dimension": rates.tolist(),
            "beta": config.beta,
            "reconstruction_weight": weight,
            "mean_variance": np.exp(encoded.log_variances.astype(np.float64)).mean(0).tolist(),
        }
        if weight is not None:
            scores["weighted_reconstruction"] = weight * distortion / pixels
            scores["weighted_objective"] = weight * distortion / pixels + rate
    return scores


def evaluate(
    run: Run,
    *,
    split: str = "test",
    seed: int = 0,
    draws: int = 1,
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score a run on a split, from its weights and the images: the numbers do not depend on the batch size.

    Raises:
        DataMissing: the data set is not on this machine.
        CheckpointError: the weights are missing or damaged.
    """
    _, encoded = run.encode_split(split, seed=seed, draws=draws, batch_size=batch_size, progress=progress)
    return split_scores(encoded, run.config, pixels=run.pixels)


def report(run_id: str, splits: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Put scores by split together with their units and directions: what `show --json` prints."""
    return {"id": run_id, **splits, "units": units(), "direction": directions()}
