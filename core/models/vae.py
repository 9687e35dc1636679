"""The variational autoencoder: an encoder to a Gaussian with diagonal covariance."""

from torch import Tensor, nn

from core.config import RunConfig
from core.models.autoencoder import Autoencoder
from core.models.nets import Shape


class Vae(Autoencoder):
    """An autoencoder whose encoder also gives log-variances (Kingma and Welling 2014, appendix C)."""

    def __init__(self, config: RunConfig, shape: Shape) -> None:
        """Build for images of `shape` = (C, H, W), padded pixels."""
        super().__init__(config, shape)
        # a head of its own: sharing one layer for mean and log-variance ties the noise to the place
        self.log_variance = nn.Linear(self.mean.in_features, config.latent)

    def encode(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Images (B, C, H, W) in [0, 1] -> means and log-variances of q(z given x), each (B, latent)."""
        features = self.encoder(x)
        return self.mean(features), self.log_variance(features)
