"""The variational autoencoder: an encoder to a Gaussian with diagonal covariance."""

import math

import torch
from torch import Tensor, nn

from core.config import RunConfig
from core.models.autoencoder import Autoencoder
from core.models.nets import Shape, both_heads, to_unit

BANDWIDTH_IMAGES = 1000
"""Training images, the first ones, whose median distance is the MMD's bandwidth."""


class Vae(Autoencoder):
    """An autoencoder whose encoder also gives log-variances (Kingma and Welling 2014, appendix C)."""

    def __init__(self, config: RunConfig, shape: Shape) -> None:
        """Build for images of `shape` = (C, H, W), padded pixels."""
        super().__init__(config, shape)
        # a head of its own: sharing one layer for mean and log-variance ties the noise to the place
        self.log_variance = nn.Linear(self.mean.in_features, config.latent)
        if config.learn_sigma:
            self.log_sigma = nn.Parameter(torch.tensor(math.log(config.sigma)))
        if config.mmd_weight:
            # kept with the weights: scores must have the kernel that training had
            self.register_buffer("mmd_bandwidth", torch.tensor(config.mmd_bandwidth or 1.0))
        self.finds_bandwidth = bool(config.mmd_weight and not config.mmd_bandwidth)

    def begin(self, pixels: Tensor) -> None:
        """Fix the MMD's bandwidth, where none is set: the median distance between training images, once and for all.

        Gretton et al. 2012, JMLR 13, section 8, take the median over both samples; here over the images alone, as
        decoded draws move while the model learns.
        """
        if self.finds_bandwidth:
            found = torch.pdist(to_unit(pixels[:BANDWIDTH_IMAGES]).flatten(1)).median()
            # images that are all alike have no distance to scale by
            self.mmd_bandwidth = found if found > 0 else torch.ones_like(found)

    def encode(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Images (B, C, H, W) in [0, 1] -> means and log-variances of q(z given x), each (B, latent)."""
        return both_heads(self.encoder(x), self.mean, self.log_variance)
