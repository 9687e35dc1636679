"""Terms of the objectives: pure tensors in, nats per image out, never reduced over the batch."""

import math

import torch
from torch import Tensor
from torch.nn import functional


def bernoulli_distortion(logits: Tensor, x: Tensor) -> Tensor:
    """-log p(x given z) of a Bernoulli, nats per image: (B, C, H, W) twice -> (B,).

    Binary cross-entropy on logits, summed over pixels. On grey pixels it is a cross-entropy with the floor
    `bernoulli_entropy(x)`, not a log-likelihood of x.
    """
    return functional.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


def gaussian_distortion(mean: Tensor, x: Tensor, sigma: float) -> Tensor:
    """-log p(x given z) of a Gaussian with fixed sigma, nats per image: (B, C, H, W) twice -> (B,).

    `squared error / (2 sigma^2) + n log(sigma sqrt(2 pi))`; sigma^2 = 1/2 makes the first part the squared error.
    """
    pixels = x[0].numel()
    constant = pixels * math.log(sigma * math.sqrt(2 * math.pi))
    return (mean - x).square().flatten(1).sum(1) / (2 * sigma**2) + constant


def distortion(output: Tensor, x: Tensor, *, likelihood: str, sigma: float) -> Tensor:
    """-log p(x given z), nats per image (B,), under the named likelihood."""
    if likelihood == "bernoulli":
        return bernoulli_distortion(output, x)
    return gaussian_distortion(output, x, sigma)


def bernoulli_entropy(x: Tensor) -> Tensor:
    """Entropy H(x) of pixels read as Bernoulli means, nats per image (B,): the floor of their distortion."""
    return (torch.special.entr(x) + torch.special.entr(1 - x)).flatten(1).sum(1)


def kl_per_dimension(means: Tensor, log_variances: Tensor) -> Tensor:
    """KL(N(mu, sigma^2) from N(0, 1)) a dimension, nats: (B, L) twice -> (B, L).

    `1/2 (mu^2 + sigma^2 - 1 - log sigma^2)`, Kingma and Welling 2014, appendix B. expm1 keeps digits where sigma
    is close to 1, as in a collapsed dimension.
    """
    return 0.5 * (means.square() + torch.expm1(log_variances) - log_variances)
