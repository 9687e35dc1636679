"""A run's history as curves: what pages draw of it, how each quantity is called, and its unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dashboard import gateway
from dashboard.charts.curves import Curve
from dashboard.gateway import FAMILIES, SCORES, RunRecord

NATS = "nats per image"


@dataclass(frozen=True)
class Quantity:
    """One quantity of the history: how it is called, and whether less of it is better."""

    title: str
    direction: str = ""
    needs_rate: bool = False
    unit: str = NATS


QUANTITIES: dict[str, Quantity] = {
    "negative_elbo": Quantity("Negative ELBO, D + R", "lower is better", needs_rate=True),
    "distortion": Quantity("Distortion D", "lower is better"),
    "rate": Quantity("Rate R", needs_rate=True),
    "objective": Quantity("Objective", "lower is better"),
}


@dataclass(frozen=True, eq=False)
class Series:
    """The history of one run, split by split."""

    record: RunRecord
    title: str
    """Display name, unique among the runs drawn"""
    colour: int
    rows: Sequence[Mapping[str, Any]]

    @property
    def has_rate(self) -> bool:
        """Whether the family has a rate."""
        return FAMILIES[self.record.config.family].has_posterior

    @property
    def held_out(self) -> str:
        """The split that is scored after each epoch: validation, or test where nothing was held out."""
        return "validation" if _data(self.record).validation else "test"

    @property
    def epochs(self) -> list[float]:
        """Epoch of each row."""
        return [float(row.get("epoch", k + 1)) for k, row in enumerate(self.rows)]

    def values(self, split: str, quantity: str) -> list[float | None]:
        """One value an epoch; None where it does not apply or was not recorded."""
        terms = [row.get(split) or {} for row in self.rows]
        if quantity == "negative_elbo":
            return [_sum(as_number(one.get("distortion")), as_number(one.get("rate"))) for one in terms]
        if quantity not in QUANTITIES:
            terms = [one.get("terms") or {} for one in terms]
        return [as_number(one.get(quantity)) for one in terms]

    @property
    def terms(self) -> list[str]:
        """Names of the terms of its objective besides D and R, in the order of the history."""
        found = [name for row in self.rows for name in ((row.get("train") or {}).get("terms") or {})]
        return [name for name in dict.fromkeys(found) if name in SCORES]

    @property
    def formula(self) -> str | None:
        """Its objective where that is of D and R alone; None with other terms, or a rate counted otherwise."""
        row = FAMILIES[self.record.config.family]
        if row.terms or self.terms or self.record.config.free_bits:
            return None
        return "D + βR" if row.has_posterior else "D"

    def last(self, split: str, quantity: str) -> float | None:
        """The value after the last epoch."""
        values = self.values(split, quantity)
        return values[-1] if values else None

    def rates(self, split: str) -> tuple[list[list[float | None]], np.ndarray]:
        """Rate per dimension (E, L) and the epochs that have one."""
        found = [
            ([as_number(one) for one in rates], epoch)
            for row, epoch in zip(self.rows, self.epochs, strict=True)
            if isinstance(rates := (row.get(split) or {}).get("rate_per_dimension"), list)
        ]
        return [rates for rates, _ in found], np.array([epoch for _, epoch in found])

    def curves(self, quantity: str) -> list[Curve]:
        """The run's two curves of a quantity; none where it does not apply."""
        if quantity in QUANTITIES:
            if QUANTITIES[quantity].needs_rate and not self.has_rate:
                return []
        elif quantity not in self.terms:
            return []
        return [
            Curve(self.title, split, self.epochs, self.values(split, quantity), self.colour)
            for split in ("train", self.held_out)
        ]


def quantities_of(series: Sequence[Series]) -> dict[str, Quantity]:
    """What can be drawn of these runs: the four that all have, and the terms that some objective has besides."""
    names = dict.fromkeys(name for one in series for name in one.terms)
    formulas = {one.formula for one in series}
    objective = QUANTITIES["objective"]
    if len(formulas) == 1 and None not in formulas:
        objective = replace(objective, title=f"{objective.title}, {formulas.pop()}")
    return {**QUANTITIES, "objective": objective} | {
        name: Quantity(
            SCORES[name].title,
            f"{SCORES[name].direction} is better" if SCORES[name].direction else "",
            unit=SCORES[name].unit,
        )
        for name in names
    }


def kind_of(record: RunRecord) -> str:
    """Say in words what makes a run's losses comparable: 'digits 8 × 8, Bernoulli'."""
    data, config = _data(record), record.config
    likelihood = (
        f"Gaussian with {'a learned sigma' if config.learn_sigma else f'sigma {config.sigma:.3g}'}"
        if config.likelihood == "gaussian"
        else config.likelihood.title()
    )
    size = data.padded[1:] if data.padded[0] == 1 else data.padded
    noise = gateway.corruption_words(record)
    of = "" if noise is None else f", from images with {noise}"
    pixels = "" if config.binarise == "none" else f", pixels {gateway.pixel_words(record)}"
    bound = gateway.bound_words(record)
    told = "" if bound == "log p(x)" else f", a bound on {bound}"
    return f"{data.dataset} {' × '.join(str(side) for side in size)}, {likelihood}{pixels}{of}{told}"


def _data(record: RunRecord) -> Any:
    assert record.document is not None
    return record.document.data


def as_number(value: Any) -> float | None:
    """A number of a history, None where it was not recorded or does not apply."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second
