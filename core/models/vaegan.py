"""The VAE-GAN: a variational autoencoder whose decoder also has to convince a discriminator."""

from torch import Tensor, nn

from core.config import RunConfig
from core.models.nets import Shape, build_encoder, output_to_pixels
from core.models.vae import Vae


class VaeGan(Vae):
    """A VAE with a discriminator, whose features say how near a reconstruction is (Larsen et al. 2016, section 3)."""

    def __init__(self, config: RunConfig, shape: Shape) -> None:
        """Build for images of `shape` = (C, H, W), padded pixels; the discriminator's trunk is as the encoder's."""
        super().__init__(config, shape)
        self.likelihood = config.likelihood
        self.trunk, features = build_encoder(config, shape)
        self.head = nn.Linear(features, 1)

    def features(self, pixels: Tensor) -> Tensor:
        """Images (B, C, H, W) -> the discriminator's last hidden layer (B, F)."""
        found: Tensor = self.trunk(pixels)
        return found

    def verdict(self, features: Tensor) -> Tensor:
        """Features (B, F) -> logits (B,) of 'this is an image of the data'."""
        found: Tensor = self.head(features).squeeze(1)
        return found

    def expected_pixels(self, output: Tensor) -> Tensor:
        """Decoder output -> the pixels that the discriminator sees; a mean is not clipped, which had no gradient."""
        return output_to_pixels(output, self.likelihood) if self.likelihood == "bernoulli" else output

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """The parameters by who trains them: encoder, decoder, discriminator; each in exactly one."""
        return {
            "encoder": [
                parameter
                for module in (self.encoder, self.mean, self.log_variance)
                for parameter in module.parameters()
            ],
            "decoder": list(self.decoder.parameters()),
            "discriminator": [*self.trunk.parameters(), *self.head.parameters()],
        }
