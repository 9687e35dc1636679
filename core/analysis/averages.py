"""Averages of the scores of some images of a run."""

from dataclasses import dataclass

import numpy as np

from core.latents import Latents


@dataclass(frozen=True)
class Averages:
    """Means over images, nats per image."""

    images: int
    distortion: float
    """Lower is better, for equal data and likelihood"""
    rate: float | None
    """None without a posterior"""

    @property
    def negative_elbo(self) -> float | None:
        """D + R; None without a posterior."""
        return None if self.rate is None else self.distortion + self.rate


def averages(latents: Latents) -> Averages | None:
    """Average D and R over images, in float64; None of no images."""
    if not len(latents):
        return None
    return Averages(
        images=len(latents),
        distortion=float(latents.distortion.mean(dtype=np.float64)),
        rate=None if latents.rate is None else float(latents.rate.mean(dtype=np.float64)),
    )
