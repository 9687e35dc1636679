"""Every score of a run, from one pass over a split: plain numbers, null where a score does not apply."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.analysis.scores import directions, units
from core.config import RunConfig, reconstruction_weight
from core.errors import CheckpointError, DataError, LockedRun
from core.families import family
from core.files import write_json
from core.runs import Progress, Run
from core.store import is_locked, scores_path, sound_scores

if TYPE_CHECKING:
    from core.encoding import Encoded

STORED = ("test", "train", "validation")
"""Splits that scores.json holds, in this order; those that a run has no images of are left out."""

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
        "objective": config.pixel_weight * distortion,
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
    if encoded.sigma is not None:
        scores["sigma"] = encoded.sigma
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
            "objective": config.pixel_weight * distortion + config.beta * config.counted_rate(rates.tolist()),
            "rate_per_dimension": rates.tolist(),
            "beta": config.beta,
            "reconstruction_weight": weight,
            "mean_variance": np.exp(encoded.log_variances.astype(np.float64)).mean(0).tolist(),
        }
        if weight is not None:
            scores["weighted_reconstruction"] = weight * distortion / pixels
            scores["weighted_objective"] = weight * distortion / pixels + rate
    from core.objectives import terms_of

    weights = terms_of(config)
    scores["objective"] += sum(weights[name] * value for name, value in encoded.terms.items())
    return {**scores, **encoded.terms, **_of_codes(encoded, config), **_of_linear(encoded, config)}


def _of_codes(encoded: "Encoded", config: RunConfig) -> dict[str, Any]:
    """What only codes without a posterior are asked: how much all units vary, and how active those in 0 to 1 are."""
    row, scores = family(config.family), {}
    if row.sigmoid_code:
        scores["mean_activation"] = encoded.means.mean(0, dtype=np.float64).tolist()
    if not row.has_posterior:
        scores["code_variance"] = float(encoded.means.var(axis=0, dtype=np.float64).sum())
    return scores


def _of_linear(encoded: "Encoded", config: RunConfig) -> dict[str, Any]:
    """What only linear codes are asked: how correlated their axes are, and of PCA what each component explains.

    Variances are of this split's images, over N - 1 as scikit-learn counts: on the training images they are the
    eigenvalues of the covariance, `explained_variance_`.
    """
    row = family(config.family)
    if not row.linear:
        return {}
    codes, total = encoded.means.astype(np.float64), encoded.pixel_variance
    variances = codes.var(axis=0, ddof=1) if total is not None else None
    scores: dict[str, Any] = {"code_correlation": _largest_correlation(codes)}
    if row.closed_form:
        ratio = variances / total if variances is not None and total else None
        scores["explained_variance"] = None if variances is None else variances.tolist()
        scores["explained_variance_ratio"] = None if ratio is None else ratio.tolist()
    return scores


def _largest_correlation(codes: np.ndarray) -> float | None:
    """Largest absolute correlation of two dimensions of codes (N, L); None for one dimension, or where none varies."""
    moving = codes[:, codes.std(0) > 0]
    if len(codes) < 2 or moving.shape[1] < 2:
        return None
    between = np.corrcoef(moving, rowvar=False)
    return float(np.abs(between[np.triu_indices(len(between), 1)]).max())


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
        DataError: it is not what the run was trained on, or the run has no images of this split.
        CheckpointError: the weights are missing or damaged.
        ConfigError: the seed is no whole number from 0, or `draws` or `batch_size` none from 1.
    """
    _, encoded = run.encode_split(split, seed=seed, draws=draws, batch_size=batch_size, progress=progress)
    return split_scores(encoded, run.config, pixels=run.pixels)


def report(run_id: str, splits: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Put scores by split together with their units and directions: what `show --json` prints."""
    return {"id": run_id, **splits, "units": units(), "direction": directions()}


def write_scores(folder: Path, splits: dict[str, dict[str, Any]], *, at: int | None = None) -> None:
    """Write the scores of a run, or of one of its kept epochs, whole or not at all.

    Raises:
        CheckpointError: the disk is full, the folder cannot be written, or a score is not finite.
    """
    path = scores_path(folder, at=at)
    try:
        path.parent.mkdir(exist_ok=True)
        write_json(path, report(folder.name if at is None else f"{folder.name}@{at}", splits))
    except OSError as error:
        raise CheckpointError(f"{path.parent} cannot be made: {error.strerror or error}.") from error
    except ValueError as error:
        raise CheckpointError(
            f"The scores of '{folder.name}' are not all finite numbers, so none were stored: train the run again with "
            "a smaller learning_rate."
        ) from error


@dataclass(frozen=True)
class Rescored:
    """What `rescore` did."""

    splits: dict[str, dict[str, Any]]
    """Scores by split, as scores.json holds them now"""
    left_out: dict[str, str]
    """Splits that could not be scored, and why; what was stored of them is among `splits`"""


def rescore(run: Run, *, batch_size: int | None = None, progress: Progress | None = None) -> Rescored:
    """Score a run as training does at its end, and store its scores anew: all splits, one draw of seed 0.

    Where the images of only some splits can be read, the sound scores that are stored of the others stay.

    Raises:
        DataMissing: the data set is not on this machine; nothing was written.
        DataError: it is damaged, or not what the run was trained on; nothing was written.
        LockedRun: a process is training the run.
        CheckpointError: the run is bundled, its weights are missing or damaged, or its folder cannot be written.
        ConfigError: `batch_size` is no whole number from 1.
    """
    folder, data = run.record.folder, run.document.data
    if run.record.bundled:
        raise CheckpointError(
            f"'{run.name}' came with VAEScope and is read-only: leave out --save to see its scores."
        )
    if run.record.at is None and is_locked(folder):
        raise LockedRun(
            f"'{run.name}' is being trained by another process, which scores it at its end: wait for that, or stop it "
            "first."
        )
    scored: dict[str, dict[str, Any]] = {}
    failures: dict[str, DataError] = {}
    for split in STORED:
        if getattr(data, split):
            try:
                scored[split] = evaluate(run, split=split, batch_size=batch_size, progress=progress)
            except DataError as error:
                failures[split] = error
    if failures and not scored:
        raise next(iter(failures.values()))
    at = run.record.at
    merged = {**sound_scores(scores_path(folder, at=at), latent=run.latent), **scored}
    splits = {split: merged[split] for split in STORED if split in merged}
    write_scores(folder, splits, at=at)
    return Rescored(splits, {split: str(error) for split, error in failures.items()})
