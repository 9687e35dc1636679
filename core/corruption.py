"""Corrupted images, as a denoising autoencoder is given them: a function of standard normal noise alone."""

from collections.abc import Sequence

import torch
from torch import Tensor

KINDS = ("gaussian", "masking", "salt_and_pepper")


def corrupt(x: Tensor, noise: Tensor, *, kind: str, level: float) -> Tensor:
    """Corrupt images (Vincent et al. 2010, Stacked denoising autoencoders, section 3.3).

    Args:
        x: (B, C, H, W) in [0, 1].
        noise: (B, C * H * W), standard normal.
        kind: 'gaussian' adds `level * noise` and clips to [0, 1]; 'masking' sets a share `level` of the values to 0;
            'salt_and_pepper' sets half such a share to 0 and half to 1.
        level: standard deviation in pixel units, or the expected share of the values that are changed.

    Returns:
        (B, C, H, W) in [0, 1]; level 0 gives the images back.
    """
    drawn = noise.view_as(x)
    if kind == "gaussian":
        return (x + level * drawn).clamp(0, 1)
    uniform = torch.special.ndtr(drawn)
    if kind == "masking":
        return torch.where(uniform < level, 0.0, x)
    half = level / 2
    return torch.where(uniform < half, 0.0, torch.where(uniform > 1 - half, 1.0, x))


def thresholds(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """What `drawn_pixels` holds pixels against: uint8, each of 0 to 254 as likely, on the generator's device."""
    return torch.randint(0, 255, shape, dtype=torch.uint8, generator=generator, device=generator.device)


def drawn_pixels(pixels: Tensor, thresholds: Tensor) -> Tensor:
    """Binary images from grey ones, each pixel 255 with probability x = k / 255 and else 0: uint8 in, uint8 out.

    Salakhutdinov and Murray 2008, section 5, draw them so. A threshold is one of 0 to 254, so that k lies above it with
    probability k / 255 exactly.
    """
    return (thresholds < pixels).to(torch.uint8) * 255
