"""Whether training has come to nothing: a game of two players that one of them won, a code that no image moves."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.config import RunConfig
from core.families import family

RIGHT = 0.98
"""Accuracy above which a discriminator has won, and"""
EPOCHS = 3
"""for how many epochs in a row: one such epoch happens in a game that goes on."""
DEAD_VARIANCE = 1e-5
"""Variance of all units together below which a code without a posterior is dead: the steps of Adam jitter by as much"""
WEIGHTS = ("beta", "contraction_weight", "sparsity_weight", "mmd_weight", "l2", "weight_decay")
"""Settings of what works against a code that tells images apart"""


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


def dead_code_sentence(scores: Mapping[str, Any] | None, config: RunConfig) -> str | None:
    """What to say of a run whose code is the same for every image, and what to do next; None where it is not.

    Args:
        scores: stored ones by split, see core/scoring.py; of the test images, or without any of the training ones.
        config: of the run.
    """
    stored = scores or {}
    found = stored.get("test") or stored.get("train") or {}
    row, rate, variance = family(config.family), found.get("rate"), found.get("code_variance")
    if row.has_posterior and found.get("active_units") == 0 and isinstance(rate, int | float):
        why = f"the mean of no unit varies over the images by more than 0.01, R = {rate:.2g} nats per image"
    elif not row.has_posterior and isinstance(variance, int | float) and variance < DEAD_VARIANCE:
        why = f"no unit varies over the images, total variance {variance:.2g}"
    else:
        return None
    causes = [key for key in WEIGHTS if key not in row.ignores and getattr(config, key) > 0]
    ways = f"a smaller {' or '.join(causes)}" if causes else "another seed, network or data set"
    same = " of one label" if row.needs_labels else ""
    return f"Its code is dead: {why}, so all images{same} are decoded alike. Train again with {ways}."
