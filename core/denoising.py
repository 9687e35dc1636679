"""How well a run takes noise out of images: any run can be asked, and a denoising autoencoder was trained for it."""

from dataclasses import dataclass

import numpy as np

from core.data.images import ImageSet, noise_seed
from core.data.intake import whole_number
from core.errors import ConfigError, DataError
from core.files import one_line
from core.runs import Run

KINDS = ("gaussian", "masking", "salt_and_pepper")
"""What can be done to images: see `core.corruption.corrupt`."""


@dataclass(frozen=True, eq=False)
class Denoised:
    """Images before noise, with it, and as a run reconstructs them from it; (N, C, H, W) float32 in [0, 1]."""

    clean: np.ndarray
    noisy: np.ndarray
    denoised: np.ndarray

    @property
    def psnr_noisy(self) -> float | None:
        """Peak signal-to-noise ratio of the noisy images, dB, higher is better; None where they equal the clean."""
        return psnr(self.noisy, self.clean)

    @property
    def psnr_denoised(self) -> float | None:
        """The same of the reconstructions."""
        return psnr(self.denoised, self.clean)


def psnr(images: np.ndarray, reference: np.ndarray) -> float | None:
    """`-10 log10(mean squared error)`, dB, of values in [0, 1] over the whole set; None where nothing differs."""
    error = float(np.square(images.astype(np.float64) - reference).mean()) if images.size else 0.0
    return -10 * float(np.log10(error)) if error > 0 else None


def denoise(
    run: Run, images: ImageSet, *, kind: str = "gaussian", level: float = 0.25, seed: int = 0
) -> Denoised:
    """Corrupt images of the run's data set and let the run reconstruct them, at the mean where it has a posterior.

    An image's noise depends on (seed, split, its row in the source) alone: another subset or order changes nothing.

    Raises:
        ConfigError: no such kind, a level outside of 0 to 1, or a seed that is no whole number from 0.
        DataError: images that do not fit the run.
        CheckpointError: the weights are missing or damaged.
    """
    if kind not in KINDS:
        raise ConfigError(
            f"There is no corruption '{one_line(kind, limit=60)}': choose one of {', '.join(KINDS)}."
        )
    if not isinstance(level, int | float) or not 0 <= level <= 1:
        raise ConfigError(
            f"The level of a corruption is a number from 0 to 1, not {one_line(repr(level), limit=60)}."
        )
    if images.shape != run.shape:
        raise DataError(
            f"Run '{run.name}' takes images of {run.shape}, not of {images.shape}: choose its own data set."
        )
    import torch

    from core.corruption import corrupt
    from core.encoding import to_unit

    generator = np.random.default_rng(noise_seed(whole_number(seed, "seed"), images.split))
    clean = to_unit(torch.from_numpy(np.array(images.pixels)))
    # all rows up to the last are drawn, then indexed: numpy's longer draw begins with the shorter one, torch's does not
    rows = int(images.ids.max()) + 1 if len(images) else 0
    noise = generator.standard_normal((rows, int(np.prod(images.shape))), dtype=np.float32)[images.ids]
    noisy = corrupt(clean, torch.from_numpy(noise), kind=kind, level=float(level)).numpy()
    return Denoised(clean.numpy(), noisy, run.reconstruct(noisy, images.labels))
