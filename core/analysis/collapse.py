"""Whether a game of two players is still one: a discriminator that is always right teaches its decoder nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

RIGHT = 0.98
"""Accuracy above which a discriminator has won, and"""
EPOCHS = 3
"""for how many epochs in a row: one such epoch happens in a game that goes on."""


def collapsed_at(history: Sequence[Mapping[str, Any]]) -> tuple[int, int] | None:
    """The first and the last epoch of the first stretch in which the discriminator of a VAE-GAN had won.

    Args:
        history: rows of a run, see `core.training.loop.epochs`; its accuracy is that of training.

    Returns:
        (first, last) epoch; None where there is no such stretch of at least `EPOCHS` epochs, or no discriminator.
    """
    found: list[int] = []
    for row in history:
        accuracy = ((row.get("train") or {}).get("terms") or {}).get("discriminator_accuracy")
        if isinstance(accuracy, int | float) and accuracy > RIGHT:
            found.append(int(row["epoch"]))
        elif len(found) >= EPOCHS:
            break
        else:
            found = []
    return (found[0], found[-1]) if len(found) >= EPOCHS else None


def collapse_sentence(history: Sequence[Mapping[str, Any]]) -> str | None:
    """What to say of a run whose discriminator has won, and what to do next; None where it has not."""
    stretch = collapsed_at(history)
    if stretch is None:
        return None
    return (
        f"Collapse: the discriminator was right on more than {RIGHT:.0%} of the images in epochs {stretch[0]} to "
        f"{stretch[1]}, so the decoder learned next to nothing from it. Train again with a smaller learning_rate or "
        "adversarial_weight, or with a smaller network."
    )
