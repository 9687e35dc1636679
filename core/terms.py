"""Terms of the objectives: pure tensors in; per image where the term is one of an image, one number of a set else."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def bernoulli_distortion(logits: Tensor, x: Tensor) -> Tensor:
    """-log p(x given z) of a Bernoulli, nats per image: (B, C, H, W) twice -> (B,).

    Binary cross-entropy on logits, summed over pixels. On grey pixels it is a cross-entropy with the floor
    `bernoulli_entropy(x)`, not a log-likelihood of x.
    """
    if logits.requires_grad and logits.device.type == "cpu":
        entropy: Tensor = _CrossEntropy.apply(logits, x)
    else:
        entropy = functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return entropy.flatten(1).sum(1)


class _CrossEntropy(torch.autograd.Function):
    """Binary cross-entropy on logits, in 0.6 of the time that torch's takes on a CPU.

    `max(a, 0) - a x + log(1 + exp(-|a|))`, TensorFlow's documentation, "tf.nn.sigmoid_cross_entropy_with_logits". The
    logarithm lies between 0 and log 2, so rounding its argument adds 6e-8 nats a pixel at most; log1p, which would not,
    takes four times as long.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(logits, x)
        entropy = logits.abs().neg_().exp_().add_(1).log_()
        return entropy.add_(logits.clamp_min(0)).addcmul_(logits, x, value=-1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        logits, x = ctx.saved_tensors
        return torch.sigmoid(logits).sub_(x).mul_(gradient), None


def gaussian_distortion(mean: Tensor, x: Tensor, sigma: float | Tensor) -> Tensor:
    """-log p(x given z) of a Gaussian with one sigma, nats per image: (B, C, H, W) twice -> (B,).

    `squared error / (2 sigma^2) + n log(sigma sqrt(2 pi))`; sigma^2 = 1/2 makes the first part the squared error. Over
    sigma it is least where sigma^2 is the mean squared error per pixel (Rybkin et al. 2021, arXiv:2006.13202).
    """
    pixels = x[0].numel()
    log_sigma = sigma.log() if isinstance(sigma, Tensor) else math.log(sigma)
    constant = pixels * (log_sigma + 0.5 * math.log(2 * math.pi))
    squared = functional.mse_loss(mean, x, reduction="none")  # one pass each way, where square() takes two
    return squared.flatten(1).sum(1) / (2 * sigma**2) + constant


def distortion(output: Tensor, x: Tensor, *, likelihood: str, sigma: float | Tensor) -> Tensor:
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
    divergence: Tensor = _Divergence.apply(means, log_variances)
    return divergence


class _Divergence(torch.autograd.Function):
    """`kl_per_dimension` with its gradients, mu and (sigma^2 - 1) / 2, in three launches where autograd takes eight."""

    @staticmethod
    def forward(ctx: Any, means: Tensor, log_variances: Tensor) -> Tensor:
        excess = torch.expm1(log_variances)
        ctx.save_for_backward(means, excess)
        return means.square().add_(excess).sub_(log_variances).mul_(0.5)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        means, excess = ctx.saved_tensors
        return gradient * means, (gradient * excess).mul_(0.5)


def free_bits(rate_per_dimension: Tensor, least: float) -> Tensor:
    """Sum over dimensions of max(least, KL_j averaged over the images), nats: (B, L) -> one number of a set.

    Kingma et al. 2016, arXiv:1606.04934, appendix C.8, each dimension a group of its own: below `least` a dimension has
    no gradient, so nothing pulls it to the prior.
    """
    return rate_per_dimension.mean(0).clamp(min=least).sum()


KERNEL_ROWS = 1024
"""Rows of a kernel matrix held at once: 1,024 x 60,000 float32 take 0.25 GB."""


def mmd(x: Tensor, y: Tensor, bandwidth: float | Tensor) -> Tensor:
    """Squared maximum mean discrepancy of two samples, unbiased: (N, n), (M, n) -> one number of a set, below 0 too.

    Kernel `exp(-|x - y|^2 / (2 s^2))`, s the bandwidth; the U-statistic of Gretton et al. 2012, JMLR 13, equation 3:
    the averages of the kernel over pairs within x and within y, without i = j, less twice that between x and y. Needs
    two rows of each. Time grows with (N + M)^2: seconds for 10,000 rows, minutes for 60,000 on a CPU.
    """
    n, m = len(x), len(y)
    within = _kernel_sum(x, x, bandwidth, same=True) / (n * (n - 1))
    within = within + _kernel_sum(y, y, bandwidth, same=True) / (m * (m - 1))
    return within - 2 * _kernel_sum(x, y, bandwidth, same=False) / (n * m)


def _kernel_sum(x: Tensor, y: Tensor, bandwidth: float | Tensor, *, same: bool) -> Tensor:
    """Sum of the kernel over all pairs, in float64; with `same` rows, without each row's pair with itself."""
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    squares = y.square().sum(1)
    for start in range(0, len(x), KERNEL_ROWS):
        rows = x[start : start + KERNEL_ROWS]
        distances = (rows.square().sum(1)[:, None] + squares[None] - 2 * rows @ y.T).clamp(min=0)
        kernel = (-distances / (2 * bandwidth**2)).exp()
        total = total + kernel.sum(dtype=torch.float64)
        if same:
            total = total - kernel.diagonal(start).sum(dtype=torch.float64)
    return total


def sparsity(mean_activation: Tensor, target: float) -> Tensor:
    """Sum over units of KL(Bernoulli(rho) from Bernoulli(mean activation)), nats: (L,) -> one number of a set.

    `rho log(rho / a) + (1 - rho) log((1 - rho) / (1 - a))`, Ng 2011, CS294A lecture notes, section 3. A unit that is
    never or always active in fp32 would cost infinity: its activation is read as 1e-7 away from that.
    """
    a = mean_activation.clamp(1e-7, 1 - 1e-7)
    return (target * (target / a).log() + (1 - target) * ((1 - target) / (1 - a)).log()).sum()


def sigmoid_contraction(code: Tensor, weight: Tensor) -> Tensor:
    """Squared Frobenius norm of the Jacobian of `sigmoid(W x + b)`, per image: codes (B, L), W (L, n) -> (B,).

    `sum_j (h_j (1 - h_j))^2 sum_i W_ji^2`, Rifai et al. 2011, section 5.
    """
    return (code * (1 - code)).square() @ weight.square().sum(1)


def jacobian_norm(encode: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Squared Frobenius norm of the Jacobian of an encoder, per image, exact: (B, C, H, W) -> (B,).

    `encode` maps a batch of images to codes (B, L). One backward pass a unit, all images at once.
    """

    def one(image: Tensor) -> Tensor:
        return encode(image[None])[0]

    jacobian = torch.func.vmap(torch.func.jacrev(one))(x)  # (B, L, C, H, W)
    return jacobian.square().flatten(1).sum(1)


def squared_weights(model: nn.Module) -> Tensor:
    """Sum of squares of all weights of a model, biases left out: one number."""
    return torch.stack([one.square().sum() for one in model.parameters() if one.ndim > 1]).sum()


def feature_distortion(features: Tensor, wanted: Tensor) -> Tensor:
    """-log N(wanted; features, I) without its constant, nats per image: (B, F) twice -> (B,).

    Half the squared distance of a discriminator's features, Larsen et al. 2016, equation 6.
    """
    return 0.5 * (features - wanted).square().sum(1)


def adversarial(verdicts: Tensor) -> Tensor:
    """-log of the share of 'real' that a discriminator gives to made images, nats: logits -> the same shape.

    The form with a gradient where the discriminator is sure (Goodfellow et al. 2014, section 3), and not
    `log(1 - share)`, which Larsen et al. write.
    """
    return functional.softplus(-verdicts)


def discrimination(real: Tensor, made: Tensor) -> Tensor:
    """Binary cross-entropy of a discriminator, nats: logits of real images (B,), of made ones (..., B) -> (..., B).

    Half of it each: log 2 = 0.693 is a discriminator that guesses.
    """
    return 0.5 * (functional.softplus(-real) + functional.softplus(made))
