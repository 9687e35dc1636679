"""Autoencoders: an encoder to one point, a decoder back; with plain, sigmoid and contractive codes."""

import torch
from torch import Tensor, nn
from torch.nn import functional

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

    def begin(self, pixels: Tensor) -> None:
        """Take from the training images, uint8 (N, C, H, W), what is wanted before the first step: here nothing."""

    def encode(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Images (B, C, H, W) in [0, 1] -> the code (B, latent), and None: there is no posterior."""
        return self.mean(self.encoder(x)), None

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Codes (B, latent) -> (B, C, H, W): logits of a Bernoulli, or means of a Gaussian."""
        output: Tensor = self.decoder(z)
        return output


class SigmoidAutoencoder(Autoencoder):
    """An autoencoder whose code is a row of activations in 0 to 1, as sparsity needs them (Ng 2011)."""

    def encode(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Images (B, C, H, W) in [0, 1] -> activations (B, latent) in 0 to 1, and None: there is no posterior."""
        return self.mean(self.encoder(x)).sigmoid(), None


class ContractiveAutoencoder(SigmoidAutoencoder):
    """A sigmoid autoencoder whose decoder may be the encoder's matrix, transposed (Rifai et al. 2011, section 5)."""

    def __init__(self, config: RunConfig, shape: Shape) -> None:
        """Build for images of `shape` = (C, H, W), padded pixels."""
        super().__init__(config, shape)
        self.shape = shape
        if config.tied:
            self.decoder = nn.ParameterDict({"bias": nn.Parameter(torch.zeros(self.mean.in_features))})

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Activations (B, latent) -> (B, C, H, W): logits of a Bernoulli, or means of a Gaussian."""
        if not isinstance(self.decoder, nn.ParameterDict):
            return super().decode(z)
        return functional.linear(z, self.mean.weight.T, self.decoder["bias"]).unflatten(1, self.shape)
