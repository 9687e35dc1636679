"""Loss curves of the Compare page: on one axis where they measure the same thing, else side by side."""

from typing import Any

import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.curves import Curve, curves_frame, loss_curves
from dashboard.gateway import SCORES
from dashboard.pages._compare_sides import LETTERS, Side, Sides

QUANTITIES = ("negative_elbo", "distortion", "rate", "objective")


def curves(sides: Sides, *, why_not: str | None) -> None:
    """Draw one quantity over the epochs of both runs."""
    st.subheader("Loss curves")
    options = {name: SCORES[name].title for name in QUANTITIES}
    applies_to_both = all(side.has_posterior for side in sides)
    quantity = controls.segmented(
        "Quantity",
        options,
        key="quantity",
        default="negative_elbo" if applies_to_both else "distortion",
    )
    able = []
    for side in sides:
        if quantity in ("rate", "negative_elbo") and not side.has_posterior:
            st.caption(f"{side.letter}: {options[quantity]} does not apply: it has no posterior, so no rate.")
        else:
            able.append(side)
    if not able:
        return
    if quantity == "objective" and sides[0].record.config.beta != sides[1].record.config.beta:
        st.caption(
            "Each objective D + beta R weighs the rate by its own beta: compare their course, not their height."
        )
    if why_not is None:
        _figure(able, quantity, key="compare-curves")
        return
    st.caption(f"Side by side, each on its own axis, because {why_not}.")
    for column, side in zip(st.columns(len(able)), able, strict=True):
        with column:
            _figure([side], quantity, key=f"compare-curves-{side.letter.lower()}")


def _figure(sides: list[Side], quantity: str, *, key: str) -> None:
    drawn = [curve for side in sides for curve in curves_of(side, quantity)]
    score = SCORES[quantity]
    controls.figure(
        loss_curves(
            drawn,
            quantity_title=score.title,
            unit=score.unit,
            dark=controls.is_dark(),
            direction=f"{score.direction} is better" if score.direction else "",
            about=" ".join(side.record.id for side in sides),
        ),
        key=key,
        filename=f"compare-{quantity}",
        frame=curves_frame(drawn),
        alt=f"{score.title} by epoch of {' and '.join(side.letter for side in sides)}",
        keep_view=True,
    )


def curves_of(side: Side, quantity: str) -> list[Curve]:
    """Curves of one run: train, and what was held out."""
    rows = gateway.history(side.record)
    splits = [split for split in ("train", "validation", "test") if any(split in row for row in rows)]
    return [
        Curve(
            name=f"{side.letter}: {side.record.name}",
            split=split,
            epochs=[row["epoch"] for row in rows if split in row],
            values=[_value(row[split], quantity) for row in rows if split in row],
            colour_index=LETTERS.index(side.letter),
        )
        for split in splits
    ]


def _value(terms: dict[str, Any], quantity: str) -> float | None:
    if quantity != "negative_elbo":
        return terms.get(quantity)
    distortion, rate = terms.get("distortion"), terms.get("rate")
    return None if distortion is None or rate is None else distortion + rate
