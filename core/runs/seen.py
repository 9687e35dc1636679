"""Which images a run sees: of a split, without those held out, grey or binary."""

from core.config import RunConfig
from core.data import catalog
from core.data.images import SPLITS, ImageSet, split_validation
from core.errors import ConfigError, DataError
from core.files import one_line


def known(split: str) -> str:
    """The name of a split, if it is one.

    Raises:
        DataError: there is no such split; the sentence lists those there are.
    """
    if not isinstance(split, str) or split not in SPLITS:
        raise DataError(
            f"There is no split '{one_line(split, limit=60)}': choose one of {', '.join(SPLITS)}."
        )
    return split


def load_images(config: RunConfig, split: str, *, drawn: bool = True) -> ImageSet:
    """Load the images of a split as a run with this config sees it: training images without those held out.

    Pixels are binary, 0 or 255, where the config says so.

    Args:
        config: of the run.
        split: its name.
        drawn: whether pixels of binarise=sampled have their one seeded draw: scores want that, training does not.

    Raises:
        DataMissing: the data set is not on this machine.
        DataError: it is damaged, or there is no such split.
    """
    if known(split) == "test":
        found = catalog.load(config.dataset, "test")
    else:
        train, held_out = split_validation(
            catalog.load(config.dataset, "train"), share=config.validation, seed=config.seed
        )
        found = train if split == "train" else held_out
    return found if config.binarise == "sampled" and not drawn else as_seen(found, config)


def as_seen(images: ImageSet, config: RunConfig) -> ImageSet:
    """Images of a data set as a run with this config is shown them: grey, or binary as `binarise` says.

    Raises:
        ConfigError: pixels are to be binary, and the items are vectors.
    """
    if images.kind == "vector" and config.binarise != "none":
        raise ConfigError(
            f"'binarise' cannot be {config.binarise} for '{images.dataset}', whose items are vectors and no images: "
            "set binarise=none."
        )
    if config.binarise == "fixed":
        return images.thresholded()
    return images.drawn() if config.binarise == "sampled" else images
