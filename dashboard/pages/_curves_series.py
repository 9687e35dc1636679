"""What the page of loss curves draws: groups of runs that may be overlaid, and why others may not."""

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from dashboard import controls, gateway
from dashboard.charts.curves import Curve
from dashboard.controls import Series


def seeds_of(series: Sequence[Series]) -> list[list[Series]]:
    """Groups of two and more runs that differ in the seed alone."""
    groups = gateway.seed_groups([one.record for one in series])
    return [[series[k] for k in group] for group in groups if len(group) > 1]


def drawn_curves(series: Sequence[Series], quantity: str, *, banded: bool) -> list[Curve]:
    """Curves of each run, or of those that differ in the seed alone their mean, in the place of the first."""
    own = {one.record.id: one.curves(quantity) for one in series}
    for group in seeds_of(series) if banded else []:
        others = f"{len(group) - 1} other{'s' if len(group) > 2 else ''}"
        joined = controls.seed_curves(
            [own[one.record.id] for one in group], name=f"{group[0].title} and {others}"
        )
        if joined:
            own |= {one.record.id: [] for one in group} | {group[0].record.id: joined}
    return [curve for one in series for curve in own[one.record.id]]


def groups_of(series: Sequence[Series]) -> list[list[Series]]:
    """Sort runs into groups that one figure may hold, in order of first appearance."""
    groups: dict[Hashable, list[Series]] = {}
    for one in series:
        groups.setdefault(gateway.comparable_key(one.record), []).append(one)
    return list(groups.values())


def differences(groups: Sequence[Sequence[Series]]) -> str:
    """Name what keeps groups apart: 'likelihood (Bernoulli, Gaussian)'."""
    records = [group[0].record for group in groups]
    facts = {
        "data set": [one.config.dataset for one in records],
        "pixel count": [str(gateway.pixels_per_image(one)) for one in records],
        "likelihood": [one.config.likelihood.title() for one in records],
        "pixels": [gateway.pixel_words(one) for one in records],
        "images that are encoded": [gateway.corruption_words(one) or "clean" for one in records],
        "probability that is bounded": [gateway.bound_words(one) for one in records],
        "sigma of the Gaussian": [
            gateway.sigma_words(one) for one in records if one.config.likelihood == "gaussian"
        ],
    }
    words = [
        f"{name} ({', '.join(dict.fromkeys(values))})"
        for name, values in facts.items()
        if len(set(values)) > 1
    ]
    return (
        " and ".join(words) or "the bytes of their data set (other fingerprints) or the shape of its images"
    )


def betas_text(series: Sequence[Series]) -> str:
    """Name the weights of the rate in an objective where they differ, 'beta is 0.5 and 1'; else an empty text."""
    betas = [f"{beta:g}" for beta in sorted({one.record.config.beta for one in series if one.has_rate})]
    without = [one for one in series if not one.has_rate]
    if len(betas) + bool(without) < 2:
        return ""
    listed = f"{', '.join(betas[:-1])} and {betas[-1]}" if len(betas) > 1 else betas[0]
    return f"beta is {listed}" + (", and some runs have no rate to weigh" if without else "")


def last_values(series: Sequence[Series]) -> pd.DataFrame:
    """The last epoch of each run as a table; numbers in nats per image."""
    rows = []
    for one in series:
        seconds = [s for row in one.rows if (s := controls.as_number(row.get("seconds"))) is not None]
        row: dict[str, Any] = {
            "run": one.title,
            "epoch": f"{one.epochs[-1] if one.epochs else 0:g} of {one.record.config.epochs}",
            "beta": one.record.config.beta if one.has_rate else None,
            "second split": one.held_out,
        }
        for quantity in ("distortion", "rate", "negative_elbo", "objective"):
            row[f"{quantity} train"] = one.last("train", quantity)
            row[f"{quantity} held out"] = one.last(one.held_out, quantity)
        row["seconds"] = sum(seconds) / len(seconds) if seconds else None
        rows.append(row)
    return pd.DataFrame(rows)
