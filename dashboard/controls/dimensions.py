"""Latent dimensions in the order of what they say about the images."""

from dataclasses import dataclass

import numpy as np

from dashboard import gateway
from dashboard.gateway import RunRecord
from dashboard.theme import dimension_name

CLASS_ROWS = "class, spread at random"
"""Title of the axis across a 1-D latent, where each class has a row of its own."""
OWN_ROW = -1.0
"""Row of what is no image, such as a draw from the prior."""
_SPREAD = 0.32
"""Half the height of the band in which the points of a class lie."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """The latent dimensions of a run, most telling first."""

    names: dict[int, str]
    """{index: name, with what it is ranked by}, in order"""
    help: str
    """What they are ranked by"""
    rates: np.ndarray | None
    """(L,) nats per image, by index; None without a posterior or without scores"""


def ranked_dimensions(record: RunRecord, split: str) -> Ranked:
    """Rank the dimensions of a run by rate; codes, which have none, by the variance of their stored latents."""
    latent = record.config.latent
    rates = gateway.rate_per_dimension(record, split)
    if rates is not None:
        worth, says, words = rates, " · {:.2f} nats per image", "By rate, most informative first."
    elif gateway.latents_ready(record, split):
        worth = gateway.latents(record, split).means.var(0, dtype=np.float64)
        says, words = " · variance {:.2f}", "By variance over the images, largest first."
    else:
        worth, says = np.zeros(latent), ""
        words = "In the order of the network: there are no scores and no latents to order them by."
    order = np.argsort(-worth, kind="stable").tolist()
    code = not gateway.FAMILIES[record.config.family].has_posterior
    names = {k: dimension_name(k, code=code) + says.format(worth[k]) for k in order}
    return Ranked(names, words, rates)


def class_rows(labels: np.ndarray) -> np.ndarray:
    """Heights of the points of a 1-D latent, (N,) labels -> (N,): each class in a band of its own, spread by seed 0."""
    return labels + np.random.default_rng(0).uniform(-_SPREAD, _SPREAD, len(labels))
