"""What the maps of the Compare page show of each run: its split, coordinates and dimensions."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard import controls, gateway, theme
from dashboard.gateway import MapData
from dashboard.pages._compare_sides import Side, Sides, side_key

SAMPLE_SEED = 0
AUTO = "auto"


@dataclass(frozen=True, eq=False)
class Plane:
    """One run's points, as two numbers each."""

    side: Side
    data: MapData
    coordinates: np.ndarray
    """(N, L) means, samples or codes"""
    dimensions: tuple[int, ...]
    """One or two of them"""
    rates: np.ndarray | None
    """(L,) nats per image"""
    what: str
    """'means', 'samples' or 'codes'"""

    @property
    def chosen(self) -> np.ndarray:
        """(N, 1 or 2) the dimensions shown."""
        return self.coordinates[:, list(self.dimensions)]

    @property
    def p_values(self) -> np.ndarray:
        """(N, 1 or 2) Phi of `chosen`; codes, which have no prior, are standardised first."""
        chosen = self.chosen
        return gateway.phi(gateway.standardise(chosen) if self.what == "codes" else chosen)

    def axis(self, place: int) -> str:
        """Name of a shown dimension, counted from 1, with its rate."""
        k = self.dimensions[place]
        rate = None if self.rates is None else float(self.rates[k])
        return theme.latent_axis(k, rate=rate, code=self.what == "codes")

    def p_axis(self, place: int) -> str:
        """Title of the same axis on the p-value map."""
        return theme.p_value_axis(self.dimensions[place], code=self.what == "codes")


@dataclass(frozen=True)
class Choices:
    """What the pickers above the maps say."""

    splits: tuple[str, ...]
    show: str
    same_axes: bool


def choose(sides: Sides) -> Choices:
    """Pick splits, means or samples, scale and dimensions."""
    first, second, third = st.columns([1, 1.3, 1.1], vertical_alignment="bottom")
    with first:
        splits = controls.pick_splits(both=all(side.small for side in sides))
    show = "means"
    with second:
        if any(side.has_posterior for side in sides):
            show = controls.pick_show()
    same_axes = False
    with third:
        planes = all(side.has_posterior and side.record.config.latent > 1 for side in sides)
        if planes and sides[0].dataset == sides[1].dataset:
            same_axes = controls.toggle(
                "Same axes",
                key="same",
                default=True,
                help="Both latent planes at one scale, so that their spreads compare; off: each fits its points.",
            )
    return Choices(splits, show, same_axes)


def plane_of(side: Side, choices: Choices) -> Plane:
    """Points of one run; its latents must be at hand."""
    data = gateway.map_data(side.record, choices.splits)
    what = choices.show if side.has_posterior else "codes"
    latents = data.latents
    coordinates = gateway.posterior_samples(latents, seed=SAMPLE_SEED) if what == "samples" else latents.means
    ranked = controls.ranked_dimensions(side.record, choices.splits[0])
    return Plane(side, data, coordinates, _pick_dimensions(side, ranked), ranked.rates, what)


def _pick_dimensions(side: Side, ranked: controls.Ranked) -> tuple[int, ...]:
    order = list(ranked.names)
    if len(order) <= 2:
        return tuple(range(len(order)))
    options = {str(k + 1): name for k, name in ranked.names.items()}
    picked = []
    axes = zip(("dx", "dy"), ("across", "up"), st.columns(2), order[:2], strict=True)
    for key, label, column, automatic in axes:
        with column:
            choice = controls.select(
                f"{side.letter} {label}",
                {AUTO: f"Auto: {options[str(automatic + 1)]}", **options},
                key=side_key(key, side.letter),
                default=AUTO,
                help=ranked.help,
            )
        picked.append(automatic if choice == AUTO else int(choice) - 1)
    if picked[0] == picked[1]:
        # a plane needs two dimensions: the other axis takes the most informative one that is left
        picked[1] = next(k for k in order if k != picked[0])
    return tuple(picked)
