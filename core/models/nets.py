"""MLP and convolutional trunks for any image size and channel count; no head, no loss."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.config import RunConfig

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}

Shape = tuple[int, int, int]


def halvings(size: int, layers: int) -> list[int]:
    """Sizes along one axis through stride-2 layers: ceil(s / 2) each, the input first (28 -> [28, 14, 7, 4])."""
    sizes = [size]
    for _ in range(layers):
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


def _mlp_encoder(config: RunConfig, shape: Shape) -> tuple[nn.Module, int]:
    activation = ACTIVATIONS[config.activation]
    widths = [shape[0] * shape[1] * shape[2], *config.hidden]
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers), widths[-1]


def _mlp_decoder(config: RunConfig, shape: Shape, inputs: int) -> nn.Sequential:
    activation = ACTIVATIONS[config.activation]
    widths = [inputs, *reversed(config.hidden)]
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), activation()]
    layers += [nn.Linear(widths[-1], shape[0] * shape[1] * shape[2]), nn.Unflatten(1, shape)]
    return nn.Sequential(*layers)


def _conv_encoder(config: RunConfig, shape: Shape) -> tuple[nn.Module, int]:
    activation = ACTIVATIONS[config.activation]
    layers: list[nn.Module] = []
    for before, after in pairwise([shape[0], *config.hidden]):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), activation()]
    count = len(config.hidden)
    height, width = halvings(shape[1], count)[-1], halvings(shape[2], count)[-1]
    return nn.Sequential(*layers, nn.Flatten()), config.hidden[-1] * height * width


def _conv_decoder(config: RunConfig, shape: Shape, inputs: int) -> nn.Sequential:
    activation = ACTIVATIONS[config.activation]
    channels = list(reversed(config.hidden))
    heights = halvings(shape[1], len(channels))[::-1]
    widths = halvings(shape[2], len(channels))[::-1]
    seed = (channels[0], heights[0], widths[0])
    # the dense layer has no activation: its output is read as the last feature map of the encoder
    layers: list[nn.Module] = [nn.Linear(inputs, seed[0] * seed[1] * seed[2]), nn.Unflatten(1, seed)]
    for index, (before, after) in enumerate(pairwise([channels[0], *channels])):
        # a transposed 3x3 stride-2 layer gives 2s - 1 + output_padding: pick what returns the encoder's own size
        extra = (heights[index + 1] - 2 * heights[index] + 1, widths[index + 1] - 2 * widths[index] + 1)
        layers += [
            nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=extra),
            activation(),
        ]
    return nn.Sequential(*layers, ToImage(channels[-1], shape[0], 3, padding=1))


def is_widened(x: Tensor) -> bool:
    """Whether a convolution of it to few channels is done with `WIDTH`: in bf16 on a GPU."""
    return x.is_cuda and x.dtype == torch.bfloat16


WIDTH = 8
"""Sizes that tensor cores take are multiples of this (PyTorch, "Performance Tuning Guide", "Use mixed precision")"""


class ToImage(nn.Conv2d):
    """The convolution to an image's channels. Where `is_widened`, with channels of weight 0 that are cut off again."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, C, H, W)."""
        more = WIDTH - self.out_channels
        if more <= 0 or not is_widened(x):
            return super().forward(x)
        assert self.bias is not None
        weight, bias = functional.pad(self.weight, (0,) * 7 + (more,)), functional.pad(self.bias, (0, more))
        return self._conv_forward(x, weight, bias)[:, : self.out_channels]


def build_encoder(config: RunConfig, shape: Shape) -> tuple[nn.Module, int]:
    """Trunk (B, C, H, W) -> (B, features), and the number of features."""
    return _conv_encoder(config, shape) if config.network == "conv" else _mlp_encoder(config, shape)


def build_decoder(config: RunConfig, shape: Shape, *, inputs: int | None = None) -> nn.Module:
    """Trunk (B, inputs) -> (B, C, H, W): logits of a Bernoulli, or means of a Gaussian; inputs = latent if None."""
    width = config.latent if inputs is None else inputs
    trunk = (
        _conv_decoder(config, shape, width)
        if config.network == "conv"
        else _mlp_decoder(config, shape, width)
    )
    return trunk.append(nn.Sigmoid()) if config.output == "sigmoid" else trunk


def both_heads(features: Tensor, mean: nn.Linear, log_variance: nn.Linear) -> tuple[Tensor, Tensor]:
    """Features (B, F) -> what two layers give, (B, latent) each, by one product: a GPU does both in the time of one."""
    weight = torch.cat([mean.weight, log_variance.weight])
    means, log_variances = functional.linear(
        features, weight, torch.cat([mean.bias, log_variance.bias])
    ).chunk(2, 1)
    return means, log_variances


def parameter_count(model: nn.Module) -> int:
    """Number of trained values."""
    return sum(parameter.numel() for parameter in model.parameters())


def output_to_pixels(output: Tensor, likelihood: str) -> Tensor:
    """Decoder output -> expected pixels in [0, 1]: sigmoid of logits, or a Gaussian's mean, clipped."""
    return torch.sigmoid(output) if likelihood == "bernoulli" else output.clamp(0, 1)


def to_unit(pixels: Tensor) -> Tensor:
    """uint8 0..255 -> float32 0..1, the only place where bytes become numbers; vectors have such values already."""
    return pixels / 255 if pixels.dtype == torch.uint8 else pixels
