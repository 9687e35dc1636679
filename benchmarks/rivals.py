"""What a user would run instead, written as such a user would have it, and the bare arithmetic as the floor.

Each function prepares and hands back what runs one epoch. Nothing here is taken from `core`: that would measure it
against itself.
"""

import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

Epoch = Callable[[], None]


class Pictures(Dataset[tuple[Tensor, int]]):
    """Images one by one with the steps that torchvision's MNIST and its `ToTensor` take for each.

    That of the package index does not load beside a CPU build of torch. `benchmarks.pictures` holds this against it
    where it is installed: the same tensors, in less time.
    """

    def __init__(self, pixels: np.ndarray, labels: np.ndarray | None = None) -> None:
        """Keep images (N, H, W), uint8, and labels (N,); zeros if None, for a loop that does not look at them."""
        self.data = torch.from_numpy(pixels)
        self.targets = torch.from_numpy(np.zeros(len(pixels), np.int64) if labels is None else labels)

    def __len__(self) -> int:
        """Count the images."""
        return len(self.data)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        """One image (1, H, W) in [0, 1], and its label."""
        pixels, label = self.data[row], int(self.targets[row])
        picture = Image.fromarray(pixels.numpy())
        values = torch.from_numpy(np.array(picture, np.uint8, copy=True))
        values = values.view(picture.size[1], picture.size[0], len(picture.getbands()))
        return values.permute(2, 0, 1).contiguous().to(torch.float32).div(255), label


class TutorialVae(nn.Module):
    """A multilayer VAE as tutorials write it."""

    def __init__(self, widths: Sequence[int], latent: int, activation: type[nn.Module]) -> None:
        """Widths from the pixels inwards."""
        super().__init__()
        inwards = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), activation())]
        self.encoder = nn.Sequential(*inwards)
        self.mean, self.log_variance = nn.Linear(widths[-1], latent), nn.Linear(widths[-1], latent)
        outwards = [latent, *reversed(widths)]
        layers = [part for a, b in pairwise(outwards) for part in (nn.Linear(a, b), activation())]
        self.decoder = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images -> decoder output, means, log-variances."""
        features = self.encoder(x.view(len(x), -1))
        mean, log_variance = self.mean(features), self.log_variance(features)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        return self.decoder(z), mean, log_variance


def tutorial(
    pixels: np.ndarray,
    *,
    widths: Sequence[int],
    latent: int,
    batch: int,
    activation: type[nn.Module] = nn.ReLU,
    squared: bool = False,
) -> Epoch:
    """DataLoader over single images, loss summed over the batch, `.item()` at every step; Adam, or AdamW if squared."""
    torch.manual_seed(0)
    model = TutorialVae(widths, latent, activation)
    kind = torch.optim.AdamW if squared else torch.optim.Adam
    optimiser = kind(model.parameters(), lr=1e-3)
    loader = DataLoader(Pictures(pixels[:, 0]), batch_size=batch, shuffle=True)

    def epoch() -> None:
        model.train()
        total = 0.0
        for x, _ in loader:
            optimiser.zero_grad()
            output, mean, log_variance = model(x)
            flat = x.view(len(x), -1)
            if squared:
                distortion = functional.mse_loss(output, flat, reduction="sum")
            else:
                distortion = functional.binary_cross_entropy(torch.sigmoid(output), flat, reduction="sum")
            rate = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
            loss = (distortion + rate) / (len(x) if squared else 1)
            loss.backward()
            total += loss.item()
            optimiser.step()

    return epoch


def matrix_products(count: int, batch: int, layers: Sequence[tuple[int, int]]) -> Epoch:
    """The products of forward and backward passes through dense layers (in, out), the first from the pixels; no more.

    A layer has three: its output, the gradient of its weights, and but for the first that of its input.
    """
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    inputs = [random(batch, a) for a, _ in layers]
    weights = [random(b, a) for a, b in layers]
    gradients = [random(batch, b) for _, b in layers]
    made = [(random(batch, b), random(b, a), random(batch, a)) for a, b in layers]

    def epoch() -> None:
        for first in range(0, count, batch):
            rows = min(batch, count - first)
            for k, (x, w, g, out) in enumerate(zip(inputs, weights, gradients, made, strict=True)):
                torch.mm(x[:rows], w.T, out=out[0][:rows])
                torch.mm(g[:rows].T, x[:rows], out=out[1])
                if k:
                    torch.mm(g[:rows], w, out=out[2][:rows])

    return epoch


def convolutions(count: int, batch: int, side: int, channels: Sequence[int]) -> Epoch:
    """The convolutions of forward and backward passes alone: stride 2 inwards, transposed outwards, a last to pixels.

    As the floor that torch's kernels have, in the order of weights that is the faster here (channels last).
    """
    layers: list[tuple[nn.Module, Tensor]] = []

    def add(layer: nn.Module, inputs: int, size: int) -> None:
        x = torch.rand(batch, inputs, size, size).to(memory_format=torch.channels_last)
        layers.append((layer.to(memory_format=torch.channels_last), x.requires_grad_(bool(layers))))

    for a, b in pairwise([1, *channels]):
        add(nn.Conv2d(a, b, 3, stride=2, padding=1), a, side)
        side //= 2
    outwards = list(reversed(channels))
    for a, b in pairwise([outwards[0], *outwards]):
        add(nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=1), a, side)
        side *= 2
    add(nn.Conv2d(outwards[-1], 1, 3, padding=1), outwards[-1], side)
    gradients = [torch.ones_like(layer(x)) for layer, x in layers]
    wanted = [[*layer.parameters(), *([x] if x.requires_grad else [])] for layer, x in layers]

    def epoch() -> None:
        for _ in range(-(-count // batch)):
            for (layer, x), gradient, asked in zip(layers, gradients, wanted, strict=True):
                torch.autograd.grad(layer(x), asked, gradient)

    return epoch


def pythae(pixels: np.ndarray, *, hidden: int, latent: int, batch: int) -> Epoch:
    """Pythae's trainer with an encoder and a decoder of the recipe's size; without its evaluation and files.

    Raises:
        ImportError: pythae is not installed.
    """
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    values = int(np.prod(pixels.shape[1:]))

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(values, hidden)
            self.mean, self.log_variance = nn.Linear(hidden, latent), nn.Linear(hidden, latent)

        def forward(self, x: Tensor) -> ModelOutput:
            features = functional.relu(self.layer(x.flatten(1)))
            return ModelOutput(embedding=self.mean(features), log_covariance=self.log_variance(features))

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.out = nn.Linear(latent, hidden), nn.Linear(hidden, values)

        def forward(self, z: Tensor) -> ModelOutput:
            output = torch.sigmoid(self.out(functional.relu(self.layer(z))))
            return ModelOutput(reconstruction=output.view(-1, *pixels.shape[1:]))

    shape = tuple(pixels.shape[1:])
    config = VAEConfig(input_dim=shape, latent_dim=latent, reconstruction_loss="bce")
    model = VAE(config, encoder=Encoder(), decoder=Decoder())
    data = torch.from_numpy(pixels).float() / 255
    trainer = BaseTrainer(
        model=model,
        train_dataset=BaseDataset(data, torch.ones(len(data))),
        training_config=BaseTrainerConfig(
            output_dir=tempfile.mkdtemp(prefix="pythae-"),
            learning_rate=1e-3,
            per_device_train_batch_size=batch,
            no_cuda=True,
        ),
    )
    trainer.prepare_training()
    counted = iter(range(1, 10_000))
    return lambda: trainer.train_step(next(counted))


def keras(pixels: np.ndarray, *, channels: Sequence[int], latent: int, weight: float, batch: int) -> Epoch:
    """Keras on TensorFlow: the book's convolutional VAE, `compile` and `fit` (Foster, 2nd edition, chapter 3).

    Raises:
        ImportError: TensorFlow is not installed.
    """
    import tensorflow as tf
    from keras import Model, layers, losses, optimizers

    images = np.moveaxis(pixels, 1, -1).astype(np.float32) / 255
    side = images.shape[1]
    x = inputs = layers.Input(images.shape[1:])
    for width in channels:
        x = layers.Conv2D(width, 3, strides=2, activation="relu", padding="same")(x)
    seed = tuple(x.shape[1:])
    x = layers.Flatten()(x)
    encoder = Model(inputs, [layers.Dense(latent)(x), layers.Dense(latent)(x)])
    x = codes = layers.Input((latent,))
    x = layers.Reshape(seed)(layers.Dense(int(np.prod(seed)))(x))
    for width in reversed(channels):
        x = layers.Conv2DTranspose(width, 3, strides=2, activation="relu", padding="same")(x)
    decoder = Model(codes, layers.Conv2D(1, 3, activation="sigmoid", padding="same")(x))
    assert decoder.output_shape[1] == side

    class Vae(Model):
        def train_step(self, data: object) -> dict[str, object]:
            with tf.GradientTape() as tape:
                mean, log_variance = encoder(data)
                z = mean + tf.exp(0.5 * log_variance) * tf.random.normal(tf.shape(mean))
                error = tf.reduce_mean(losses.binary_crossentropy(data, decoder(z)))
                rate = -0.5 * (1 + log_variance - tf.square(mean) - tf.exp(log_variance))
                loss = weight * error + tf.reduce_mean(tf.reduce_sum(rate, axis=1))
            weights = encoder.trainable_weights + decoder.trainable_weights
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return {"loss": loss}

    model = Vae()
    model.compile(optimizer=optimizers.Adam(learning_rate=5e-4))
    return lambda: model.fit(images, epochs=1, batch_size=batch, shuffle=True, verbose=0)
