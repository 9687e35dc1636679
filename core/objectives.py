"""What is minimised: (model, images, noise) -> named terms per image, not yet reduced."""

from typing import NamedTuple, Protocol

from torch import Tensor

from core import terms
from core.config import RunConfig


class Model(Protocol):
    """What an objective asks of a model."""

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


def elbo(model: Model, x: Tensor, noise: Tensor, config: RunConfig) -> Terms:
    """D and R with one draw z = mu + sigma * noise an image (Kingma and Welling 2014, equation 10)."""
    means, log_variances = model.encode(x)
    assert log_variances is not None
    # autocast may hand back bf16: the terms are sums over hundreds of pixels and want fp32
    means, log_variances = means.float(), log_variances.float()
    output = model.decode(means + (0.5 * log_variances).exp() * noise).float()
    return Terms(
        distortion=terms.distortion(output, x, likelihood=config.likelihood, sigma=config.sigma),
        rate_per_dimension=terms.kl_per_dimension(means, log_variances),
        means=means,
        log_variances=log_variances,
        output=output,
    )


def distortion_alone(model: Model, x: Tensor, noise: Tensor, config: RunConfig) -> Terms:
    """D at the code itself; the noise is not used."""
    code = model.encode(x)[0].float()
    output = model.decode(code).float()
    return Terms(
        distortion=terms.distortion(output, x, likelihood=config.likelihood, sigma=config.sigma),
        rate_per_dimension=None,
        means=code,
        log_variances=None,
        output=output,
    )


def beta_at(config: RunConfig, epoch: float) -> float:
    """Beta in force when `epoch` epochs (fractions count) are done: grows from 0 to beta over the warm-up."""
    if config.warmup_epochs <= 0:
        return config.beta
    return config.beta * min(1.0, epoch / config.warmup_epochs)
