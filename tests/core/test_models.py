"""Networks: shapes at awkward sizes, layers and parameter counts of the two source recipes counted by hand."""

import pytest
import torch
from torch import nn

from core.config import RunConfig
from core.encoding import build_model
from core.models import nets
from core.models.nets import ACTIVATIONS, halvings, output_to_pixels, parameter_count
from core.models.vaegan import VaeGan
from core.recipes import recipe
from tests.core.fitting import fitting
from tests.core.shared import ROWS

SIZES = [(1, 8, 8), (1, 27, 31), (1, 28, 28), (1, 32, 32), (3, 48, 64), (3, 5, 4)]


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("family, network", ROWS)
def test_decoding_gives_the_size_that_was_encoded(
    family: str, network: str, shape: tuple[int, int, int]
) -> None:
    config = RunConfig.make(fitting(family, network=network, hidden=(4, 6, 5), latent=3))
    model, labels = build_model(config, shape, classes=3), torch.tensor([2, 0])
    means, log_variances = model.encode(torch.rand(2, *shape), labels)  # type: ignore[operator]
    assert means.shape == (2, 3)
    assert log_variances is None or log_variances.shape == (2, 3)
    assert model.decode(means, labels).shape == (2, *shape)  # type: ignore[operator]


@pytest.mark.parametrize("family, network", ROWS)
def test_every_parameter_is_trained(family: str, network: str) -> None:
    torch.manual_seed(0)
    settings = fitting(family, network=network, hidden=(4, 6), activation="tanh")
    model, labels = build_model(RunConfig.make(settings), (1, 8, 8), classes=3), torch.arange(3)
    means, log_variances = model.encode(torch.rand(3, 1, 8, 8), labels)  # type: ignore[operator]
    image = model.decode(means, labels)  # type: ignore[operator]
    loss = image.square().sum()
    if log_variances is not None:
        loss = loss + log_variances.square().sum()
    if isinstance(model, VaeGan):
        loss = loss + model.verdict(model.features(image)).sum()
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    "size, layers, expected",
    [(28, 3, [28, 14, 7, 4]), (32, 3, [32, 16, 8, 4]), (27, 2, [27, 14, 7]), (1, 2, [1, 1, 1]), (8, 0, [8])],
)
def test_sizes_halve_upwards(size: int, layers: int, expected: list[int]) -> None:
    assert halvings(size, layers) == expected


def test_the_mnist_recipe_has_its_652_824_parameters() -> None:
    by_hand = (784 * 400 + 400) + 2 * (400 * 20 + 20) + (20 * 400 + 400) + (400 * 784 + 784)
    assert by_hand == 652_824
    model = build_model(recipe("mnist-mlp-vae").config, (1, 28, 28))
    assert parameter_count(model) == by_hand


def test_the_mnist_recipe_is_the_tutorials_network() -> None:
    model = build_model(recipe("mnist-mlp-vae").config, (1, 28, 28))
    linear = [(m.in_features, m.out_features) for m in model.modules() if isinstance(m, nn.Linear)]
    assert sorted(linear) == sorted([(784, 400), (400, 20), (400, 20), (20, 400), (400, 784)])
    assert sum(isinstance(m, nn.ReLU) for m in model.modules()) == 2


def test_the_fashion_recipe_has_its_347_141_parameters() -> None:
    encoder = (1 * 32 * 9 + 32) + (32 * 64 * 9 + 64) + (64 * 128 * 9 + 128)
    heads = 2 * (2048 * 2 + 2)
    decoder = (2 * 2048 + 2048) + (128 * 128 * 9 + 128) + (128 * 64 * 9 + 64) + (64 * 32 * 9 + 32)
    last = 32 * 9 + 1
    assert encoder + heads + decoder + last == 347_141
    model = build_model(recipe("fashion-conv-vae").config, (1, 32, 32))
    assert parameter_count(model) == 347_141


def _describe(layer: nn.Module) -> tuple[object, ...]:
    match layer:
        case nn.Conv2d() | nn.ConvTranspose2d():
            sizes = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding)
            extra = (layer.output_padding,) if isinstance(layer, nn.ConvTranspose2d) else ()
            kind = nn.ConvTranspose2d if isinstance(layer, nn.ConvTranspose2d) else nn.Conv2d
            return (kind.__name__, *sizes, *extra)
        case nn.Linear():
            return ("Linear", layer.in_features, layer.out_features)
        case nn.Unflatten():
            return ("Unflatten", tuple(layer.unflattened_size))
    return (type(layer).__name__,)


def _layers(module: nn.Module) -> list[tuple[object, ...]]:
    return [_describe(layer) for layer in module.modules() if not list(layer.children())]


def test_the_fashion_recipe_has_the_layers_of_its_source() -> None:
    model = build_model(recipe("fashion-conv-vae").config, (1, 32, 32))
    three, two, one = (3, 3), (2, 2), (1, 1)
    assert _layers(model.encoder) == [  # type: ignore[arg-type]
        ("Conv2d", 1, 32, three, two, one),
        ("ReLU",),
        ("Conv2d", 32, 64, three, two, one),
        ("ReLU",),
        ("Conv2d", 64, 128, three, two, one),
        ("ReLU",),
        ("Flatten",),
    ]
    # heads of their own for mean and log-variance
    assert _describe(model.mean) == ("Linear", 2048, 2)  # type: ignore[arg-type]
    assert _describe(model.log_variance) == ("Linear", 2048, 2)  # type: ignore[arg-type]
    assert model.mean.weight is not model.log_variance.weight  # type: ignore[union-attr]
    assert _layers(model.decoder) == [  # type: ignore[arg-type]
        ("Linear", 2, 2048),  # no activation after it
        ("Unflatten", (128, 4, 4)),
        ("ConvTranspose2d", 128, 128, three, two, one, one),
        ("ReLU",),
        ("ConvTranspose2d", 128, 64, three, two, one, one),
        ("ReLU",),
        ("ConvTranspose2d", 64, 32, three, two, one, one),
        ("ReLU",),
        ("Conv2d", 32, 1, three, one, one),
    ]


def test_mean_and_log_variance_do_not_share_a_layer() -> None:
    torch.manual_seed(0)
    model = build_model(RunConfig.make({"hidden": (8,)}), (1, 8, 8))
    x = torch.rand(2, 1, 8, 8)
    means, log_variances = model.encode(x)  # type: ignore[operator]
    assert not torch.allclose(means, log_variances)
    with torch.no_grad():
        model.log_variance.weight.add_(1)  # type: ignore[operator, union-attr]
    again, moved = model.encode(x)  # type: ignore[operator]
    assert torch.equal(again, means)
    assert not torch.equal(moved, log_variances)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_chosen_activation_stands_after_every_hidden_layer(activation: str) -> None:
    for network, count in (("mlp", 4), ("conv", 4)):
        settings = {"network": network, "hidden": (4, 6), "activation": activation}
        model = build_model(RunConfig.make(settings), (1, 8, 8))
        assert sum(type(m) is ACTIVATIONS[activation] for m in model.modules()) == count


def test_an_mlp_without_hidden_layers_is_linear() -> None:
    model = build_model(RunConfig.make({"family": "ae", "hidden": "", "latent": 5}), (1, 8, 8))
    z, w = torch.randn(3, 5), torch.randn(3, 5)
    # affine: f(z) + f(w) = f(z + w) + f(0)
    decode = model.decode
    torch.testing.assert_close(decode(z) + decode(w), decode(z + w) + decode(torch.zeros(3, 5)))  # type: ignore[operator]


def test_pixels_of_an_output_lie_between_0_and_1() -> None:
    output = torch.tensor([-1000.0, -1.0, 0.0, 0.25, 1.0, 1000.0])
    torch.testing.assert_close(output_to_pixels(output, "bernoulli"), 1 / (1 + (-output).exp()))
    assert output_to_pixels(output, "gaussian").tolist() == [0, 0, 0, 0.25, 1, 1]


def test_the_seed_decides_the_initial_weights() -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return build_model(RunConfig.make({}), (1, 8, 8)).mean.weight  # type: ignore[return-value, union-attr]

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_image_is_the_same_by_more_channels(channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    layer = nets.ToImage(4, channels).double().eval()
    x = torch.randn((2, 4, 5, 6), dtype=torch.float64, requires_grad=True)
    direction = torch.randn((2, channels, 5, 6), dtype=torch.float64)

    def found() -> list[torch.Tensor]:
        image = layer(x)
        return [image, *torch.autograd.grad((image * direction).sum(), [x, *layer.parameters()])]

    plain = found()
    monkeypatch.setattr(nets, "is_widened", lambda _: True)
    for one, other in zip(found(), plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (1, 4, 1, 1), (2, 1, 2, 3)], ids=str)
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last], ids=str)
def test_a_grey_image_by_matrix_products_is_that_of_the_convolution(
    shape: tuple[int, int, int, int], order: torch.memory_format
) -> None:
    torch.manual_seed(0)
    layer = nets.ToImage(shape[1], 1).double().to(memory_format=order)  # type: ignore[call-overload]
    x = torch.randn(shape, dtype=torch.float64).to(memory_format=order).requires_grad_()
    wanted = torch.nn.functional.conv2d(x, layer.weight, layer.bias, padding=1)
    made = layer(x)
    assert "ByProducts" in type(made.grad_fn).__name__
    assert made.shape == wanted.shape
    torch.testing.assert_close(made, wanted, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(
        lambda *given: nets._ByProducts.apply(*given), (x, layer.weight, layer.bias)
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_scores_and_other_images_keep_the_convolution(channels: int) -> None:
    torch.manual_seed(0)
    layer = nets.ToImage(4, channels)
    x = torch.randn((2, 4, 5, 6))
    plain = torch.nn.functional.conv2d(x, layer.weight, layer.bias, padding=1)
    assert torch.equal(layer.eval()(x), plain)
    if channels > 1:
        assert torch.equal(layer.train()(x), plain)


def test_a_grey_image_in_bf16_keeps_the_convolution() -> None:
    layer = nets.ToImage(4, 1)
    x = torch.randn((2, 4, 5, 6))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        made = layer(x)
    assert made.dtype == torch.bfloat16
    assert "Convolution" in type(made.grad_fn).__name__
