"""Linear codes: an autoencoder of one layer each way, and principal components in closed form."""

import torch
from torch import Tensor, nn

from core.config import RunConfig
from core.models.autoencoder import Autoencoder
from core.models.nets import Shape, to_unit


class LinearAutoencoder(Autoencoder):
    """z = W x + b, x = V z + c: at its least squared error V W projects on PCA's subspace (Baldi and Hornik 1989)."""

    @torch.no_grad()
    def begin(self, pixels: Tensor) -> None:
        """Let both biases start where they belong: b = -W mean, c = mean of the training images.

        Baldi and Hornik 1989 (doi:10.1016/0893-6080(89)90014-2) take centred data, and this is what centres them; from
        biases near 0 the first steps are spent on the mean alone. Both stay free to move.
        """
        mean = to_unit(pixels).flatten(1).double().mean(0).to(self.mean.weight)
        self.mean.bias.copy_(-self.mean.weight @ mean)
        output = next(layer for layer in self.decoder.modules() if isinstance(layer, nn.Linear))
        output.bias.copy_(mean)


class PrincipalComponents(nn.Module):
    """z = W (x - m), x = m + W^T z: rows of W are orthonormal, sorted by the variance of z, largest first."""

    def __init__(self, config: RunConfig, shape: Shape) -> None:
        """Build for images of `shape` = (C, H, W), padded pixels, with random axes until `begin` has seen images."""
        super().__init__()
        self.shape = shape
        size = shape[0] * shape[1] * shape[2]
        self.components = nn.Parameter(torch.randn(config.latent, size) / size**0.5)
        self.centre = nn.Parameter(torch.rand(size))

    @torch.no_grad()
    def begin(self, pixels: Tensor) -> None:
        """Fit to the training images, uint8 (N, C, H, W): scikit-learn's PCA, full SVD, float64, no chance in it.

        There must be as many images and as many pixels as components.
        """
        from sklearn.decomposition import PCA

        x = to_unit(pixels).flatten(1).double().cpu().numpy()
        fitted = PCA(len(self.components), svd_solver="full").fit(x)
        self.components.copy_(torch.from_numpy(fitted.components_))
        self.centre.copy_(torch.from_numpy(fitted.mean_))

    def encode(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Images (B, C, H, W) in [0, 1] -> principal components (B, latent), and None: there is no posterior."""
        return (x.flatten(1) - self.centre) @ self.components.T, None

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Components (B, latent) -> (B, C, H, W), means of a Gaussian."""
        return (z @ self.components + self.centre).unflatten(1, self.shape)
