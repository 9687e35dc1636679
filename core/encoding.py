"""A whole split through a model: D, R and posteriors per image, the same whatever the batch size."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields

import numpy as np
import torch
from torch import Tensor, nn

from core import terms
from core.config import RunConfig
from core.data import catalog
from core.data.images import ImageSet, noise_seed, pad
from core.data.room import fits, room
from core.errors import DataError
from core.families import build, family
from core.models.nets import Shape, output_to_pixels, to_unit
from core.objectives import TERMS, batch_term, sigma_of, terms_of

EVALUATION_BATCH = 1000
"""Images at a time: large enough to be fast, small enough for any conv layer here in well under 1 GiB."""

Progress = Callable[[int, int], None]
"""Called with (images done, images in all)."""


def build_model(config: RunConfig, shape: Shape, *, classes: int = 0) -> nn.Module:
    """Make the network of a config for images of `shape` = (C, H, W) padded pixels, freshly initialised.

    `classes` is the number of classes of the data; only families that need labels look at it.
    """
    row = family(config.family)
    told = {"classes": classes} if row.needs_labels else {}
    model: nn.Module = build(row.model)(config, shape, **told)
    return model


def check_labels(images: ImageSet, config: RunConfig) -> None:
    """Refuse images without labels where the family needs them.

    Raises:
        DataError: the data set has no classes, or an image bears no label.
    """
    if not family(config.family).needs_labels:
        return
    missing = len(images) if not images.class_names else int((images.labels < 0).sum())
    if missing:
        raise DataError(
            f"Family '{config.family}' is told the label of every image, and {missing:,} of the {len(images):,} "
            f"{images.split} images of '{images.dataset}' have none: choose a family that needs no labels, such as vae."
        )


def split_labels(images: ImageSet, config: RunConfig, *, device: torch.device) -> Tensor | None:
    """Labels (N,) int64 on the device where the family needs them, else None.

    Raises:
        DataError: as `check_labels`.
    """
    if not family(config.family).needs_labels:
        return None
    check_labels(images, config)
    return torch.from_numpy(np.array(images.labels)).to(device)


def noise_width(config: RunConfig, shape: Shape) -> int:
    """Numbers of noise that an image needs: one a latent dimension, or one a value of the padded image."""
    return config.latent if family(config.family).noise == "latent" else shape[0] * shape[1] * shape[2]


def split_noise(rows: int, width: int, *, seed: int, split: str) -> Tensor:
    """Standard normal noise (rows, width) of a whole source split, float32 on the CPU.

    Drawn once and then indexed by an image's row in its source: a draw made batch by batch would differ
    with the batch size. The validation split is part of the training source, and shares its noise.
    """
    generator = torch.Generator().manual_seed(noise_seed(seed, split))
    return torch.randn((rows, width), generator=generator)


def pixel_tensor(pixels: np.ndarray, config: RunConfig, device: torch.device) -> Tensor:
    """Images (N, C, H, W), padded as the run wants, on the device; on the CPU what memory does not allow stays mapped.

    Raises:
        DataError: there is no space on disk for large images that are to be padded.
    """
    if fits(pixels):
        return torch.from_numpy(np.array(pad(pixels, config.pad))).to(device)
    wide = pixels
    if config.pad is not None:
        shape = (len(pixels), *pad(pixels[:1], config.pad).shape[1:])
        wide = room(shape, pixels.dtype)
        for rows in batches(len(pixels), EVALUATION_BATCH):
            wide[rows] = pad(pixels[rows], config.pad)
    with warnings.catch_warnings():
        # mapped for reading only: nothing here writes to images
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(wide).to(device)


def split_tensors(
    images: ImageSet, config: RunConfig, *, device: torch.device, seed: int = 0, draws: int = 1
) -> tuple[Tensor, Tensor]:
    """Bring images and their noise to where a model wants them.

    Returns:
        uint8 pixels (N, C, H, W), padded as the run wants, on the device; and noise (draws, N, width) on the CPU, where
        an image's noise depends on (seed, split, row in the source) alone, whatever subset or order is given.
    """
    source = catalog.info(images.dataset)
    rows = source.train_images + source.test_images  # every row number of any split lies below this
    ids = torch.from_numpy(np.array(images.ids))
    pixels = pixel_tensor(images.pixels, config, device)
    channels, height, side = pixels.shape[1:]
    width = noise_width(config, (channels, height, side))
    noise = [split_noise(rows, width, seed=seed + k, split=images.split)[ids] for k in range(draws)]
    return pixels, torch.stack(noise)


def batches(count: int, size: int) -> Iterator[slice]:
    """Slices that cover `count` rows, `size` at a time."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


@dataclass(frozen=True, eq=False)
class Encoded:
    """A split seen through a model: one row an image, float32 unless said."""

    means: np.ndarray
    """(N, L)"""
    log_variances: np.ndarray | None
    """(N, L), None without a posterior"""
    distortion: np.ndarray
    """(N,) nats, averaged over the draws"""
    distortion_error: np.ndarray | None
    """(N,) standard error over the draws, None with one draw"""
    rate_per_dimension: np.ndarray | None
    """(N, L) nats"""
    distortion_at_mean: np.ndarray
    """(N,) nats, decoded at z = mu: not an ELBO term"""
    squared_error_at_mean: np.ndarray
    """(N,) sum over pixels of (x - reconstruction at the mean)^2"""
    entropy: np.ndarray
    """(N,) nats, H(x): the floor of a Bernoulli's distortion on grey pixels"""
    pixel_variance: float | None = None
    """Variance of each pixel over images (N - 1), summed over pixels; None but for linear families of two images up"""
    sigma: float | None = None
    """Sigma of the Gaussian likelihood, pixel units, where it was learned"""
    terms: dict[str, float] = field(default_factory=dict)
    """Other terms of the objective over the whole split, unweighted: see `core.objectives.TERMS`"""

    @property
    def rate(self) -> np.ndarray | None:
        """(N,) nats per image."""
        if self.rate_per_dimension is None:
            return None
        return self.rate_per_dimension.sum(axis=1, dtype=np.float64).astype(np.float32)


WHOLE = ("pixel_variance", "sigma", "terms")
"""Fields of `Encoded` that are of the whole split, not of each image."""


@torch.no_grad()
def encode_split(
    model: nn.Module,
    pixels: Tensor,
    config: RunConfig,
    *,
    noise: Tensor,
    labels: Tensor | None = None,
    batch_size: int = EVALUATION_BATCH,
    progress: Progress | None = None,
) -> Encoded:
    """Send a split through a model.

    Args:
        model: in any mode; it is used in evaluation mode and handed back as it was.
        pixels: uint8 (N, C, H, W), padded as the run wants, on the model's device.
        config: of the run.
        noise: (draws, N, L) or (N, L), row i belongs to image i; see `split_noise`.
        labels: (N,) int64 on the model's device where the family needs them; see `split_labels`.
        batch_size: images at a time; the scores do not depend on it.
        progress: called after each batch.
    """
    objective = build(family(config.family).objective)
    draws = noise if noise.ndim == 3 else noise[None]
    count, device = len(pixels), pixels.device
    if not count:
        raise ValueError("A split without images cannot be scored.")
    others = terms_of(config)
    at_code = not family(config.family).has_posterior and family(config.family).noise == "latent"
    columns: dict[str, Tensor] = {}
    spread = _PixelSpread() if family(config.family).linear else None

    def keep(name: str, value: Tensor) -> None:
        # into one place: small parts, held between the large ones of a batch, would let the memory grow with the images
        if name not in columns:
            columns[name] = torch.empty((count, *value.shape[1:]), dtype=value.dtype)
        columns[name][rows] = value.cpu()

    was_training = model.training
    model.eval()
    for rows in batches(count, batch_size):
        x = to_unit(pixels[rows])
        told = None if labels is None else labels[rows]
        distortions = []
        for draw in draws:
            out = objective(model, x, draw[rows].to(device), config, labels=told)
            distortions.append(out.distortion.double())
        stacked = torch.stack(distortions)
        keep("means", out.means)
        if out.log_variances is not None:
            keep("log_variances", out.log_variances)
            keep("rate_per_dimension", out.rate_per_dimension)
        # what the objective decoded was a draw of z, or the code of a corrupted image
        output = out.output if at_code else model.decode(out.means, told)  # type: ignore[operator]
        keep("distortion", stacked.mean(0).float())
        if len(draws) > 1:
            keep("distortion_error", (stacked.std(0) / len(draws) ** 0.5).float())
        keep(
            "distortion_at_mean",
            terms.distortion(output, x, likelihood=config.likelihood, sigma=sigma_of(model, config)),
        )
        image = output_to_pixels(output, config.likelihood)
        keep("squared_error_at_mean", (image - x).square().flatten(1).sum(1))
        keep("entropy", terms.bernoulli_entropy(x))
        if spread:
            spread.add(x)
        for name in others:
            if TERMS[name].of_set is None:
                keep(name, batch_term(name, model, x, out, config))
        if progress:
            progress(rows.stop, count)
    model.train(was_training)

    def column(name: str) -> np.ndarray | None:
        return columns[name].numpy() if name in columns else None

    codes = columns["means"]

    def whole(name: str) -> float:
        of_set = TERMS[name].of_set
        if of_set is None:
            return float(columns[name].mean(dtype=torch.float64))
        return float(of_set(model, pixels, codes, config))

    arrays = {one.name: column(one.name) for one in fields(Encoded) if one.name not in WHOLE}
    terms_of_set = {name: whole(name) for name in others}
    variance = spread.variance if spread else None
    sigma = float(sigma_of(model, config)) if config.learn_sigma else None
    return Encoded(**arrays, pixel_variance=variance, sigma=sigma, terms=terms_of_set)  # type: ignore[arg-type]


class _PixelSpread:
    """Variance of pixels over images that come batch by batch, in float64."""

    def __init__(self) -> None:
        self.count = 0
        self.sums: Tensor | float = 0.0
        self.squares: Tensor | float = 0.0

    def add(self, x: Tensor) -> None:
        """Count images (B, C, H, W)."""
        exact = x.double()
        self.count += len(x)
        self.sums = self.sums + exact.sum(0)
        self.squares = self.squares + exact.square().sum(0)

    @property
    def variance(self) -> float | None:
        """Summed over pixels; None for fewer than two images."""
        if self.count < 2:
            return None
        return float(torch.as_tensor(self.squares - self.sums**2 / self.count).sum()) / (self.count - 1)


def encode_images(
    model: nn.Module,
    images: ImageSet,
    config: RunConfig,
    *,
    device: torch.device,
    seed: int = 0,
    draws: int = 1,
    batch_size: int = EVALUATION_BATCH,
    progress: Progress | None = None,
) -> Encoded:
    """Send images of a data set through a model on `device`, each with the noise of its own row: `split_tensors`."""
    pixels, noise = split_tensors(images, config, device=device, seed=seed, draws=draws)
    labels = split_labels(images, config, device=device)
    return encode_split(
        model, pixels, config, noise=noise, labels=labels, batch_size=batch_size, progress=progress
    )
