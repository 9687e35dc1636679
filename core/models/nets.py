"""MLP and convolutional trunks for any image size and channel count; no head, no loss."""

from itertools import pairwise
from typing import Any

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
    return nn.Sequential(*layers, ToImage(channels[-1], shape[0]))


def is_widened(x: Tensor) -> bool:
    """Whether a convolution of it to few channels is done with `WIDTH`: in bf16 on a GPU."""
    return x.is_cuda and x.dtype == torch.bfloat16


WIDTH = 8
"""Sizes that tensor cores take are multiples of this (PyTorch, "Performance Tuning Guide", "Use mixed precision")"""


class ToImage(nn.Conv2d):
    """The convolution to an image's channels, 3 x 3, and quicker where training does it in one of two ways.

    Where `is_widened`, it has channels of weight 0 that are cut off again. On a CPU `_ByProducts` makes one channel.
    """

    def __init__(self, channels: int, image_channels: int) -> None:
        """As many rows and columns as there were."""
        super().__init__(channels, image_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, C, H, W)."""
        assert self.bias is not None
        if self.training and self.out_channels == 1 and not (x.is_cuda or torch.is_autocast_enabled("cpu")):
            made: Tensor = _ByProducts.apply(x, self.weight, self.bias)
            return made
        more = WIDTH - self.out_channels
        if more <= 0 or not is_widened(x):
            return super().forward(x)
        weight, bias = functional.pad(self.weight, (0,) * 7 + (more,)), functional.pad(self.bias, (0, more))
        return self._conv_forward(x, weight, bias)[:, : self.out_channels]


class _ByProducts(torch.autograd.Function):
    """A 3 x 3 convolution to one channel: a matrix product with its nine weights a pixel, and nine shifted sums.

    oneDNN makes sixteen channels for the one: both ways this takes less than half of its time, and a step of the
    Fashion recipe 0.93 of it.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        count, channels, height, width = x.shape
        pixels = x.permute(0, 2, 3, 1).reshape(-1, channels)  # as they lie in memory, where channels are last
        taps = weight.permute(2, 3, 0, 1).reshape(9, channels)
        parts = (taps @ pixels.T).view(9, count, height, width)
        padded = bias.expand(count, height + 2, width + 2).contiguous()
        for part, place in zip(parts, _shifts(padded), strict=True):
            place += part
        ctx.save_for_backward(pixels, taps)
        return padded[:, None, 1:-1, 1:-1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        pixels, taps = ctx.saved_tensors
        count, _, height, width = gradient.shape
        parts = torch.stack(_shifts(functional.pad(gradient[:, 0], (1, 1, 1, 1)))).view(9, -1)
        of_pixels = (parts.T @ taps).view(count, height, width, -1).permute(0, 3, 1, 2)
        return of_pixels, (parts @ pixels).T.reshape(1, -1, 3, 3), gradient.sum().view(1)


def _shifts(padded: Tensor) -> list[Tensor]:
    """Where images padded by 1 meet the nine weights of a 3 x 3 kernel: (B, H + 2, W + 2) -> nine views (B, H, W)."""
    height, width = padded.shape[1] - 2, padded.shape[2] - 2
    return [padded[:, y : y + height, x : x + width] for y in (2, 1, 0) for x in (2, 1, 0)]


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
