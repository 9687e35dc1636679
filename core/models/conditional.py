"""The conditional variational autoencoder: encoder and decoder are both told the label."""

import torch
from torch import Tensor, nn

from core.config import RunConfig
from core.models.nets import Shape, both_heads, build_decoder, build_encoder


class ConditionalVae(nn.Module):
    """A VAE of `p(x given z, y)` and `q(z given x, y)` with the prior N(0, I) for every label y.

    Sohn, Lee and Yan 2015, section 4, whose condition here is a label; a prior that does not depend on it is that of
    M2 in Kingma et al. 2014, arXiv:1406.5298. The label goes in one-hot: as one raw number, class 9 would be nine
    times class 1, and 4 half-way between 3 and 5.
    """

    def __init__(self, config: RunConfig, shape: Shape, *, classes: int) -> None:
        """Build for images of `shape` = (C, H, W), padded pixels, of so many classes."""
        super().__init__()
        self.classes = classes
        self.has_planes = config.network == "conv"
        channels, height, width = shape
        # planes go in beside the channels; an MLP takes one flat row of pixels and label
        seen = (channels + classes, height, width)
        flat = (channels * height * width + classes, 1, 1)
        self.encoder, features = build_encoder(config, seen if self.has_planes else flat)
        self.mean = nn.Linear(features, config.latent)
        self.log_variance = nn.Linear(features, config.latent)
        self.decoder = build_decoder(config, shape, inputs=config.latent + classes)

    def begin(self, pixels: Tensor) -> None:
        """Take from the training images what is wanted before the first step: here nothing."""

    def encode(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Images (B, C, H, W) in [0, 1], labels (B,) int64 -> means, log-variances of q(z given x, y), (B, latent)."""
        told = self._one_hot(labels, x)  # (B, K)
        if self.has_planes:
            # a constant plane a class, ones for the image's own: (B, C + K, H, W)
            inputs = torch.cat([x, told[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)
        else:
            inputs = torch.cat([x.flatten(1), told], 1)  # (B, n + K)
        return both_heads(self.encoder(inputs), self.mean, self.log_variance)

    def decode(self, z: Tensor, labels: Tensor) -> Tensor:
        """Latents (B, latent), labels (B,) int64 -> (B, C, H, W): logits of a Bernoulli, or means of a Gaussian."""
        output: Tensor = self.decoder(torch.cat([z, self._one_hot(labels, z)], 1))
        return output

    def _one_hot(self, labels: Tensor, like: Tensor) -> Tensor:
        # `functional.one_hot` reads the greatest label back on a CPU, so that a step could not be recorded
        zeros = torch.zeros((len(labels), self.classes), dtype=like.dtype, device=like.device)
        return zeros.scatter_(1, labels[:, None], 1)
