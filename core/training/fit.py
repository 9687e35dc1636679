"""Whether settings fit a data set, by what is known of it without reading it."""

import numpy as np

from core.config import RunConfig
from core.data import catalog
from core.data.images import held_out, pad
from core.errors import ConfigError, VAEScopeError
from core.families import family


def check_fit(config: RunConfig, *, kind: str, train: int, values: int) -> None:
    """Refuse settings that a data set cannot be trained with.

    Args:
        config: of the run.
        kind: of the data set: 'image' or 'vector'.
        train: images that are trained on, without those held out.
        values: of one image as the model sees it, channels included.

    Raises:
        ConfigError: the first setting that does not fit, and what would.
    """
    for key, wanted in (("network", "mlp"), ("pad", None)) if kind != "image" else ():
        if getattr(config, key) != wanted:
            raise ConfigError(
                f"'{key}' cannot be {getattr(config, key)} for '{config.dataset}', whose items are vectors and no "
                f"images: set {key}={'none' if wanted is None else wanted}."
            )
    if config.batch_size > train:
        raise ConfigError(
            f"batch_size {config.batch_size} is more than the {train} training images: choose a smaller one."
        )
    most = min(train, values)
    if family(config.family).closed_form and config.latent > most:
        raise ConfigError(
            f"latent {config.latent} is more than the {most} components that these training images have: choose a "
            "smaller one."
        )


def why_not_fit(config: RunConfig) -> VAEScopeError | None:
    """Why a run cannot be trained as it is set, as far as the catalogue knows; None where nothing speaks against it.

    What only the images themselves tell, such as one without a label among others, is found when they are loaded.
    """
    try:
        row = catalog.info(config.dataset)
        if family(config.family).needs_labels and not row.class_names:
            raise ConfigError(
                f"Family '{config.family}' is told the label of every image, and those of '{config.dataset}' have "
                "none: choose a family that needs no labels, such as vae."
            )
        padded = pad(np.zeros((1, *row.shape), np.uint8), config.pad)
        train = row.train_images - held_out(row.train_images, share=config.validation)
        check_fit(config, kind=row.kind, train=train, values=padded.size)
    except VAEScopeError as error:
        return error
    return None
