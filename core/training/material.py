"""What a run is trained on, loaded and held against its settings before anything is written."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from core.config import RunConfig
from core.data.images import ImageSet, pad
from core.device import choose_device
from core.encoding import check_labels
from core.errors import ConfigError
from core.families import family
from core.models.nets import Shape
from core.runs import load_images


@dataclass(frozen=True)
class Material:
    """The splits of a data set as a run sees them, and where it computes."""

    device: torch.device
    train: ImageSet
    validation: ImageSet
    test: ImageSet
    padded: Shape
    """(C, H, W) that the model sees"""


def load_material(config: RunConfig, say: Callable[[str], None]) -> Material:
    """Load the splits and choose the device.

    Args:
        config: of the run.
        say: told what it is at.

    Raises:
        DataMissing: the data set is not on this machine.
        DataError: it is damaged, or has images without labels and the family needs them.
        ConfigError: the settings do not fit the data or the machine.
    """
    say("Loading data")
    device = choose_device(config.device)
    train, validation, test = (load_images(config, split) for split in ("train", "validation", "test"))
    for images in (train, validation, test):
        check_labels(images, config)
    _check_kind(train, config)
    channels, height, width = pad(train.pixels[:1], config.pad).shape[1:]
    if config.batch_size > len(train):
        raise ConfigError(
            f"batch_size {config.batch_size} is more than the {len(train)} training images: choose a smaller one."
        )
    most = min(len(train), int(np.prod((channels, height, width))))
    if family(config.family).closed_form and config.latent > most:
        raise ConfigError(
            f"latent {config.latent} is more than the {most} components that these training images have: choose a "
            "smaller one."
        )
    return Material(device, train, validation, test, (channels, height, width))


def _check_kind(images: ImageSet, config: RunConfig) -> None:
    """Refuse settings that only images have where the data are vectors.

    Raises:
        ConfigError: the first of them.
    """
    if images.kind == "image":
        return
    for key, wanted in (("network", "mlp"), ("pad", None)):
        if getattr(config, key) != wanted:
            raise ConfigError(
                f"'{key}' cannot be {getattr(config, key)} for '{images.dataset}', whose items are vectors and no "
                f"images: set {key}={'none' if wanted is None else wanted}."
            )
