"""What is minimised: (model, images, noise, labels) -> named terms per image, not yet reduced."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from core import terms
from core.config import RunConfig
from core.corruption import corrupt
from core.families import family
from core.models.nets import output_to_pixels, to_unit


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
    others: Mapping[str, Tensor] = {}
    """Terms of `TERMS` that the objective comes by on its way, (B,) each"""
    prior_images: Tensor | None = None
    """(B, C, H, W) expected pixels decoded from draws of the prior; None where none were asked for"""


@dataclass(frozen=True)
class Term:
    """A term of an objective besides D and R: `D + beta R + sum of weight * term`."""

    weight: str | None
    """The setting that weighs it; None for what is told beside the objective and is no part of it"""
    of_batch: Callable[[Any, Tensor, Terms, RunConfig], Tensor] | None
    """(model, images, what the objective gave of them, config) -> (B,) of images, or one number of a set; None where
    the objective hands it over among its `others`"""
    of_set: Callable[[Any, Tensor, Tensor, RunConfig], Tensor] | None = None
    """(model, uint8 images and codes of a whole split, config) -> one number: a mean of batches would depend on their
    size. None for a term of each image, whose mean over images is the score"""


def _sparsity(codes: Tensor, config: RunConfig) -> Tensor:
    return terms.sparsity(codes.float().mean(0), config.sparsity_target)


def _contraction(model: Any, x: Tensor, out: Terms, config: RunConfig) -> Tensor:
    if config.hidden:
        return terms.jacobian_norm(lambda image: model.encode(image)[0], x).float()
    return terms.sigmoid_contraction(out.means, model.mean.weight).float()


def _mmd_of_batch(model: Any, x: Tensor, out: Terms, config: RunConfig) -> Tensor:
    if out.prior_images is None or len(x) < 2:  # one image has no pair
        return x.new_zeros(())
    return terms.mmd(out.prior_images.flatten(1), x.flatten(1), model.mmd_bandwidth).float()


def _mmd_of_set(model: Any, pixels: Tensor, codes: Tensor, config: RunConfig) -> Tensor:
    """As many draws from the prior as there are images, always the same ones; decoded a thousand at a time."""
    if len(pixels) < 2:
        return torch.zeros(())
    draws = torch.randn((len(pixels), config.latent), generator=torch.Generator().manual_seed(0))
    decoded = [
        output_to_pixels(model.decode(part.to(pixels.device)), config.likelihood)
        for part in draws.split(1000)
    ]
    return terms.mmd(torch.cat(decoded).flatten(1), to_unit(pixels).flatten(1), model.mmd_bandwidth)


TERMS: dict[str, Term] = {
    "sparsity": Term(
        weight="sparsity_weight",
        of_batch=lambda model, x, out, config: _sparsity(out.means, config),
        of_set=lambda model, pixels, codes, config: _sparsity(codes, config),
    ),
    "contraction": Term(
        weight="contraction_weight",
        of_batch=_contraction,
    ),
    "feature_distortion": Term(weight="feature_weight", of_batch=None),
    "adversarial": Term(weight="adversarial_weight", of_batch=None),
    "discrimination": Term(weight=None, of_batch=None),
    "discriminator_accuracy": Term(weight=None, of_batch=None),
    "mmd": Term(
        weight="mmd_weight",
        of_batch=_mmd_of_batch,
        of_set=_mmd_of_set,
    ),
    "squared_weights": Term(
        weight="l2",
        of_batch=lambda model, x, out, config: terms.squared_weights(model),
        of_set=lambda model, pixels, codes, config: terms.squared_weights(model),
    ),
}


def terms_of(config: RunConfig) -> dict[str, float]:
    """Names and weights of the terms that a run's objective has besides D and R; those of weight 0 of its family too.

    A family's own terms are scored at weight 0 too, so that runs with and without them compare.
    """
    names = (
        *family(config.family).terms,
        *(("mmd",) if config.mmd_weight else ()),
        *(("squared_weights",) if config.l2 else ()),
    )
    weights = {name: TERMS[name].weight for name in names}
    return {name: 0.0 if weight is None else getattr(config, weight) for name, weight in weights.items()}


def batch_term(name: str, model: Any, x: Tensor, out: Terms, config: RunConfig) -> Tensor:
    """A term of `TERMS` over a batch, (B,) of images or one number of a set, unweighted."""
    if name in out.others:
        return out.others[name]
    of_batch = TERMS[name].of_batch
    assert of_batch is not None, f"an objective of '{config.family}' hands over '{name}'"
    return of_batch(model, x, out, config)


def elbo(model: Model, x: Tensor, noise: Tensor, config: RunConfig, *, labels: Tensor | None = None) -> Terms:
    """D and R with one draw z = mu + sigma * noise an image (Kingma and Welling 2014, equation 10).

    `noise` is (B, L), or (B, 2 L) where the second half is draws from the prior to decode: see `prior_width`.
    With `labels` (B,) D is -log p(x given z, y) and R that of q(z given x, y): together a bound on -log p(x given y).
    """
    means, log_variances = model.encode(x, labels)
    assert log_variances is not None
    # autocast may hand back bf16: the terms are sums over hundreds of pixels and want fp32
    means, log_variances = means.float(), log_variances.float()
    own, prior = noise[:, : config.latent], noise[:, config.latent :]
    output = model.decode(means + (0.5 * log_variances).exp() * own, labels).float()
    return Terms(
        distortion=terms.distortion(output, x, likelihood=config.likelihood, sigma=sigma_of(model, config)),
        rate_per_dimension=terms.kl_per_dimension(means, log_variances),
        means=means,
        log_variances=log_variances,
        output=output,
        prior_images=output_to_pixels(model.decode(prior, labels).float(), config.likelihood)
        if prior.shape[1]
        else None,
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


def feature_elbo(
    model: Any, x: Tensor, noise: Tensor, config: RunConfig, *, labels: Tensor | None = None
) -> Terms:
    """D and R as `elbo`, and how a discriminator sees the same decoded draws (Larsen et al. 2016, section 3.2).

    D is that of pixels. Among `others`: the distance of a reconstruction's features from the image's; what the decoder
    pays for being found out, averaged over the reconstruction and a draw from the prior; what the discriminator pays,
    and the share of its right answers, a half for the image and a quarter for each made one.
    """
    out = elbo(model, x, noise, config)
    wanted = model.features(x)
    rebuilt = model.features(model.expected_pixels(out.output))
    # the posterior's noise is itself a draw from the prior: so an image's terms depend on its own noise alone
    drawn = model.features(model.expected_pixels(model.decode(noise)))
    real = model.verdict(wanted).float()
    made = torch.stack([model.verdict(one).float() for one in (rebuilt, drawn)])
    right = 0.5 * (real > 0).float() + 0.5 * (made <= 0).float().mean(0)
    return out._replace(
        others={
            "feature_distortion": terms.feature_distortion(rebuilt.float(), wanted.float()),
            "adversarial": terms.adversarial(made).mean(0),
            "discrimination": terms.discrimination(real, made).mean(0),
            "discriminator_accuracy": right,
        }
    )


def sigma_of(model: Any, config: RunConfig) -> float | Tensor:
    """Sigma of the Gaussian likelihood, pixel units: the setting, or what the model has learned."""
    return model.log_sigma.exp() if config.learn_sigma else config.sigma


def prior_width(config: RunConfig) -> int:
    """Numbers of noise besides an image's own that a step of training needs: draws from the prior, for the MMD."""
    return config.latent if config.mmd_weight else 0


def counted_rate(rate_per_dimension: Tensor, config: RunConfig) -> Tensor:
    """R as the objective counts it: (B, L) -> (B,), or with free bits one number of the batch."""
    if not config.free_bits:
        return rate_per_dimension.sum(1)
    return terms.free_bits(rate_per_dimension, config.free_bits)


def beta_at(config: RunConfig, epoch: float) -> float:
    """Beta in force when `epoch` epochs (fractions count) are done: grows from 0 to beta over the warm-up."""
    if config.warmup_epochs <= 0:
        return config.beta
    return config.beta * min(1.0, epoch / config.warmup_epochs)
