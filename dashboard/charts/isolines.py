"""Lines of equal negative ELBO in the plane of rate and distortion."""

from collections.abc import Sequence

import numpy as np

POINTS = 200
"""Points of each line, enough to look smooth where a logarithmic axis bends it."""


BULK = 0.75
"""Share of the runs, from the best on, that the evenly spaced levels span."""


def iso_levels(negative_elbo: Sequence[float] | np.ndarray, *, count: int = 4) -> np.ndarray:
    """Return round values of the negative ELBO that span those of the runs.

    They are evenly spaced where most of the runs are. Above, up to a run that is far worse, the steps double from
    line to line: at even steps one such run (beta 0) would take all lines from the others, or fill its side with lines.

    Args:
        negative_elbo: (K,) nats per image, K >= 1.
        count: about how many even levels to give.

    Returns:
        Rising levels, all multiples of 1, 2 or 5 times one power of ten.
    """
    low, high = float(np.min(negative_elbo)), float(np.max(negative_elbo))
    bulk = float(np.quantile(negative_elbo, BULK))
    raw = max(bulk - low, 0.02 * abs(bulk), 1e-6) / count
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= raw * (1 - 1e-9))
    levels = list(np.arange(np.floor(low / step), np.ceil(bulk / step) + 1))
    further = 1
    while levels[-1] * step < high:
        further *= 2
        levels.append((levels[-1] // further + 1) * further)
    return np.array(levels) * step


def iso_line(
    level: float, *, rates: tuple[float, float], distortions: tuple[float, float], log_rate: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of a line of equal negative ELBO that lies in the figure.

    The line is distortion = level - rate: slope -1 on linear axes, bent on a logarithmic rate axis.

    Args:
        level: the negative ELBO, nats per image.
        rates: least and greatest rate in view, nats per image.
        distortions: least and greatest distortion in view, nats per image.
        log_rate: whether the rate axis is logarithmic; the points are then evenly spaced on it.

    Returns:
        rate (P,) rising and distortion (P,); both empty where the line misses the figure.
    """
    # A rate below zero does not exist, though a linear axis shows some room left of it.
    start = max(rates[0], 0.0, level - distortions[1])
    end = min(rates[1], level - distortions[0])
    if end <= start or (log_rate and start <= 0):
        return np.zeros(0), np.zeros(0)
    rate = np.geomspace(start, end, POINTS) if log_rate else np.linspace(start, end, POINTS)
    return rate, level - rate
