"""What a run is trained on, loaded and held against its settings before anything is written."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from core.config import RunConfig
from core.data.images import ImageSet, pad
from core.device import choose_device
from core.encoding import check_labels
from core.models.nets import Shape
from core.runs import load_images
from core.training.fit import check_fit


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
    channels, height, width = pad(train.pixels[:1], config.pad).shape[1:]
    check_fit(config, kind=train.kind, train=len(train), values=channels * height * width)
    return Material(device, train, validation, test, (channels, height, width))
