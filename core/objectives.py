"""What is minimised: (model, images, noise, labels) -> named terms per image, not yet reduced."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from core import terms
from core.config import RunConfig
from core.corruption import corrupt
from core.families import family


class Model(Protocol):
    """What an objective asks of a model."""

    training: bool

    def encode(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Images -> means, and log-variances or None."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Codes -> decoder output."""


class Terms(NamedTuple):
    """Terms of a batch, nats per image, and the encoder's outputs."""

    distortion: Tensor
    """(B,)"""
    rate_per_dimension: Tensor | None
    """(B, L), None where the family has no posterior"""
    means: Tensor
    """(B, L)"""
    log_variances: Tensor | None
    """(B, L) or None"""
    output: Tensor
    """(B, C, H, W): logits or means, what the decoder gave"""


@dataclass(frozen=True)
class Term:
    """A term of an objective besides D and R: `D + beta R + sum of weight * term`."""

    weight: str
    """The setting that weighs it"""
    of_batch: Callable[[Any, Tensor, Tensor, RunConfig], Tensor]
    """(model, images, codes, config) -> (B,) of images, or one number of a set"""
    of_set: Callable[[Any, Tensor, RunConfig], Tensor] | None
    """(model, codes of a whole split, config) -> one number: a mean of batches would depend on their size. None for a
    term of each image, whose mean over images is the score"""


def _sparsity(model: Any, codes: Tensor, config: RunConfig) -> Tensor:
    return terms.sparsity(codes.float().mean(0), config.sparsity_target)


def _contraction(model: Any, x: Tensor, codes: Tensor, config: RunConfig) -> Tensor:
    if config.hidden:
        return terms.jacobian_norm(lambda image: model.encode(image)[0], x).float()
    return terms.sigmoid_contraction(codes, model.mean.weight).float()


TERMS: dict[str, Term] = {
    "sparsity": Term(
        weight="sparsity_weight",
        of_batch=lambda model, x, codes, config: _sparsity(model, codes, config),
        of_set=_sparsity,
    ),
    "contraction": Term(
        weight="contraction_weight",
        of_batch=_contraction,
        of_set=None,
    ),
    "squared_weights": Term(
        weight="l2",
        of_batch=lambda model, x, codes, config: terms.squared_weights(model),
        of_set=lambda model, codes, config: terms.squared_weights(model),
    ),
}


def terms_of(config: RunConfig) -> dict[str, float]:
    """Names and weights of the terms that a run's objective has besides D and R; those of weight 0 of its family too.

    A family's own terms are scored at weight 0 too, so that runs with and without them compare.
    """
    names = (*family(config.family).terms, *(("squared_weights",) if config.l2 else ()))
    return {name: getattr(config, TERMS[name].weight) for name in names}


def elbo(model: Model, x: Tensor, noise: Tensor, config: RunConfig, *, labels: Tensor | None = None) -> Terms:
    """D and R with one draw z = mu + sigma * noise an image (Kingma and Welling 2014, equation 10).

    With `labels` (B,) D is -log p(x given z, y) and R that of q(z given x, y): together a bound on -log p(x given y).
    """
    means, log_variances = model.encode(x, labels)
    assert log_variances is not None
    # autocast may hand back bf16: the terms are sums over hundreds of pixels and want fp32
    means, log_variances = means.float(), log_variances.float()
    output = model.decode(means + (0.5 * log_variances).exp() * noise, labels).float()
    return Terms(
        distortion=terms.distortion(output, x, likelihood=config.likelihood, sigma=config.sigma),
        rate_per_dimension=terms.kl_per_dimension(means, log_variances),
        means=means,
        log_variances=log_variances,
        output=output,
    )


def distortion_alone(
    model: Model, x: Tensor, noise: Tensor, config: RunConfig, *, labels: Tensor | None = None
) -> Terms:
    """D at the code itself; the noise is not used."""
    code = model.encode(x, labels)[0].float()
    output = model.decode(code, labels).float()
    return Terms(
        distortion=terms.distortion(output, x, likelihood=config.likelihood, sigma=config.sigma),
        rate_per_dimension=None,
        means=code,
        log_variances=None,
        output=output,
    )


def denoising(
    model: Model, x: Tensor, noise: Tensor, config: RunConfig, *, labels: Tensor | None = None
) -> Terms:
    """D of the clean images, decoded from the codes of the corrupted ones (Vincent et al. 2008, section 2.3).

    `noise` is (B, C * H * W): see `core.corruption.corrupt`. The codes that are handed back are those of the clean
    images when the model is in evaluation mode: where an image lies, whatever its noise.
    """
    corrupted = corrupt(x, noise, kind=config.corruption, level=config.corruption_level)
    code = model.encode(corrupted, labels)[0].float()
    output = model.decode(code, labels).float()
    return Terms(
        distortion=terms.distortion(output, x, likelihood=config.likelihood, sigma=config.sigma),
        rate_per_dimension=None,
        means=code if model.training else model.encode(x, labels)[0].float(),
        log_variances=None,
        output=output,
    )


def beta_at(config: RunConfig, epoch: float) -> float:
    """Beta in force when `epoch` epochs (fractions count) are done: grows from 0 to beta over the warm-up."""
    if config.warmup_epochs <= 0:
        return config.beta
    return config.beta * min(1.0, epoch / config.warmup_epochs)
