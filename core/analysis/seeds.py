"""Runs that are one experiment with several seeds: what differs between them is chance."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.analysis.comparison import applies
from core.config import KEEPING, RunConfig
from core.errors import CheckpointError
from core.store import RunRecord

WHERE = ("device", "threads")
"""Settings that say where a run was trained, not what."""


def seed_key(record: RunRecord) -> Hashable:
    """Equal for runs that differ in nothing but their seed (and the machine): settings, data and epochs done.

    Raises:
        CheckpointError: the run is not readable.
    """
    if record.document is None:
        raise CheckpointError(f"Run '{record.id}' cannot be opened: {record.reason}")
    config, data = record.config, record.document.data
    aside = ("seed", *WHERE, *KEEPING)
    names = [name for name in RunConfig.model_fields if name not in aside and applies(config, name)]
    settings = tuple((name, getattr(config, name)) for name in names)
    return (settings, data.fingerprint, data.padded, record.document.epoch)


def seed_groups(records: Sequence[RunRecord]) -> list[list[int]]:
    """Sort runs into groups of one experiment each: positions, in order of first appearance; most groups hold one.

    A run that is listed twice counts once, at its first place; so does a second run with the same seed, which is the
    same draw again and would make chance look smaller than it is.

    Raises:
        CheckpointError: a run is not readable.
    """
    groups: dict[Hashable, dict[int, int]] = {}
    for place, record in enumerate(records):
        groups.setdefault(seed_key(record), {}).setdefault(record.config.seed, place)
    return [list(group.values()) for group in groups.values()]


@dataclass(frozen=True)
class Spread:
    """One score over the seeds of an experiment, in the unit of the score."""

    mean: float
    deviation: float
    """Standard deviation over seeds, divided by n - 1"""
    seeds: int


def spread(values: Sequence[float | None]) -> Spread | None:
    """Average and standard deviation of a score over seeds; None for fewer than two, or where one has no such score."""
    numbers = [float(one) for one in values if one is not None]
    if len(numbers) < len(values) or len(numbers) < 2:
        return None
    mean = math.fsum(numbers) / len(numbers)
    squares = math.fsum((one - mean) ** 2 for one in numbers)
    return Spread(mean, math.sqrt(squares / (len(numbers) - 1)), len(numbers))


@dataclass(frozen=True)
class Band:
    """A loss curve over the seeds of an experiment, epoch by epoch, in the unit of the loss."""

    epochs: tuple[int, ...]
    """Those that every run has"""
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    """Standard deviation over seeds, divided by n - 1"""
    seeds: int


def band(curves: Sequence[Mapping[int, float | None]]) -> Band | None:
    """Average curves of runs that differ in the seed alone, and their standard deviation, at the epochs that all have.

    A run that was stopped early ends the band there: beyond, the average would be one of fewer runs, and a jump in it
    none of training.

    Args:
        curves: of each run {epoch: value}; None where an epoch has no value.

    Returns:
        None for fewer than two runs, or where they share no epoch.
    """
    if len(curves) < 2:
        return None
    found = [
        (epoch, one)
        for epoch in sorted(set.intersection(*(set(curve) for curve in curves)))
        if (one := spread([curve[epoch] for curve in curves])) is not None
    ]
    if not found:
        return None
    return Band(
        epochs=tuple(epoch for epoch, _ in found),
        means=tuple(one.mean for _, one in found),
        deviations=tuple(one.deviation for _, one in found),
        seeds=len(curves),
    )


QUANTITIES = ("distortion", "rate", "negative_elbo", "objective")
"""What `curve` reads from a history; the negative ELBO is D + R."""


def curve(history: Sequence[Mapping[str, Any]], split: str, quantity: str) -> dict[int, float | None]:
    """One quantity of a split from a history: {epoch: value}, nats per image; None where a row lacks it."""
    found: dict[int, float | None] = {}
    for row in history:
        terms = row.get(split)
        if not isinstance(terms, Mapping):
            continue
        names = ("distortion", "rate") if quantity == "negative_elbo" else (quantity,)
        parts = [terms.get(name) for name in names]
        known = [float(part) for part in parts if isinstance(part, int | float)]
        found[int(row["epoch"])] = sum(known) if len(known) == len(parts) else None
    return found
