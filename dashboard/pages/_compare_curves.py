"""Loss curves of the Compare page: on one axis where they measure the same thing, else side by side."""

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.curves import Curve, curves_frame, loss_curves
from dashboard.gateway import SCORES
from dashboard.pages._compare_sides import Side, Sides, grid, letters_of

QUANTITIES = ("negative_elbo", "distortion", "rate", "objective")
BY = {"epoch": "Epoch", "step": "Step", "time": "Time"}


def curves(sides: Sides, reasons: Mapping[str, str | None]) -> None:
    """Draw one quantity of all runs over epochs, steps or training time."""
    st.subheader("Loss curves")
    options = {name: SCORES[name].title for name in QUANTITIES}
    applies_to_all = all(side.has_posterior for side in sides)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        quantity = controls.segmented(
            "Quantity",
            options,
            key="quantity",
            default="negative_elbo" if applies_to_all else "distortion",
        )
        by = controls.segmented(
            "Over",
            BY,
            key="along",
            default="epoch",
            help="A step is one batch. Time is that of the training itself, on the machine and beside whatever else "
            "ran there.",
        )
        banded = len(_seeds(sides)) > 0 and controls.toggle(
            "Group seeds",
            key="bands",
            default=True,
            help="Runs that differ in nothing but the seed as one line, their mean, in a band of one standard "
            "deviation to each side; off: each run by itself.",
        )
    able = []
    for side in sides:
        if quantity in ("rate", "negative_elbo") and not side.has_posterior:
            st.caption(f"{side.letter}: {options[quantity]} does not apply: it has no posterior, so no rate.")
        elif by == "time" and not _timed(side):
            st.caption(f"{side.letter}: its history holds no seconds: choose epochs or steps to see it.")
        else:
            able.append(side)
    if not able:
        return
    betas = {side.record.config.beta for side in able if side.has_posterior}
    if quantity == "objective" and len(betas) > 1:
        st.caption("Each objective weighs the rate by its own beta: compare their course, not their height.")
    groups = _groups(able)
    if len(groups) == 1:
        _figure(able, quantity, by, banded=banded, key="compare-curves")
        return
    why = "; ".join(
        reason if len(sides) == 2 else f"{side.letter} against A: {reason}"
        for side in able
        if (reason := reasons[side.letter]) is not None
    )
    st.caption(f"Side by side, each on its own axis, because {why}.")
    for cell, group in zip(grid(len(groups)), groups, strict=True):
        with cell:
            _figure(
                group,
                quantity,
                by,
                banded=banded,
                key="compare-curves-" + "".join(s.letter for s in group).lower(),
            )


def _groups(sides: Sequence[Side]) -> list[list[Side]]:
    """Runs whose losses measure the same thing, in order of first appearance."""
    groups: dict[Hashable, list[Side]] = {}
    for side in sides:
        groups.setdefault(gateway.comparable_key(side.record), []).append(side)
    return list(groups.values())


def _seeds(sides: Sequence[Side]) -> list[list[Side]]:
    """Groups of two and more runs that differ in the seed alone."""
    groups = gateway.seed_groups([side.record for side in sides])
    return [[sides[k] for k in group] for group in groups if len(group) > 1]


def _drawn(sides: Sequence[Side], quantity: str, by: str, *, banded: bool) -> list[Curve]:
    """Curves of each run, or of those that differ in the seed alone their mean, in the place of the first."""
    own = {side.letter: curves_of(side, quantity, by) for side in sides}
    for group in _seeds(sides) if banded else []:
        joined = controls.seed_curves([own[side.letter] for side in group], name=letters_of(group))
        if joined:
            own |= {side.letter: [] for side in group} | {group[0].letter: joined}
    return [curve for side in sides for curve in own[side.letter]]


def _figure(sides: Sequence[Side], quantity: str, by: str, *, banded: bool, key: str) -> None:
    drawn = _drawn(sides, quantity, by, banded=banded)
    score = SCORES[quantity]
    controls.figure(
        loss_curves(
            drawn,
            quantity_title=score.title,
            unit=score.unit,
            dark=controls.is_dark(),
            direction=f"{score.direction} is better" if score.direction else "",
            by=by,
            about=" ".join(side.record.id for side in sides),
        ),
        key=key,
        filename=f"compare-{quantity}",
        frame=partial(curves_frame, drawn, by=by),
        alt=f"{score.title} by {BY[by].lower()} of {letters_of(sides)}",
        keep_view=True,
    )


def curves_of(side: Side, quantity: str, by: str = "epoch") -> list[Curve]:
    """Curves of one run: train, and what was held out."""
    rows = gateway.history(side.record)
    places = _places(side, rows, by)
    splits = [split for split in ("train", "validation", "test") if any(split in row for row in rows)]
    return [
        Curve(
            name=f"{side.letter}: {side.record.name}",
            split=split,
            epochs=[place for place, row in zip(places, rows, strict=True) if split in row],
            values=[_value(row[split], quantity) for row in rows if split in row],
            colour_index=side.colour,
            numbers=[row["epoch"] for row in rows if split in row],
        )
        for split in splits
    ]


def _places(side: Side, rows: Sequence[Mapping[str, Any]], by: str) -> list[float]:
    """Where the end of each epoch stands: its number, the steps done by then, or the seconds spent on training."""
    if by == "time":
        return list(accumulate(float(row["seconds"]) for row in rows))
    scale = gateway.steps_per_epoch(side.record) if by == "step" else 1
    return [row["epoch"] * scale for row in rows]


def _timed(side: Side) -> bool:
    return all(isinstance(row.get("seconds"), int | float) for row in gateway.history(side.record))


def _value(terms: dict[str, Any], quantity: str) -> float | None:
    if quantity != "negative_elbo":
        return terms.get(quantity)
    distortion, rate = terms.get("distortion"), terms.get("rate")
    return None if distortion is None or rate is None else distortion + rate
