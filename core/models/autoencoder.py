"""The plain autoencoder: an encoder to one point, a decoder back."""

from torch import Tensor, nn

from core.config import RunConfig
from core.models.nets import Shape, build_decoder, build_encoder


class Autoencoder(nn.Module):
    """Encoder and decoder with a code of `config.latent` numbers (Hinton and Salakhutdinov 2006)."""

    def __init__(self, config: RunConfig, shape: Shape) -> None:
        """Build for images of `shape` = (C, H, W), padded pixels."""
        super().__init__()
        self.encoder, features = build_encoder(config, shape)
        self.mean = nn.Linear(features, config.latent)
        self.decoder = build_decoder(config, shape)

    def encode(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Images (B, C, H, W) in [0, 1] -> the code (B, latent), and None: there is no posterior."""
        return self.mean(self.encoder(x)), None

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Codes (B, latent) -> (B, C, H, W): logits of a Bernoulli, or means of a Gaussian."""
        output: Tensor = self.decoder(z)
        return output
