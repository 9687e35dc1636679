"""What the maps of the Compare page show of each run: its split, coordinates and dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import streamlit as st

from dashboard import controls, gateway, theme
from dashboard.gateway import Alignment, MapData, Selection
from dashboard.pages._compare_sides import AUTO, FEWEST, Side, Sides, grid, groups_of, side_key

SAMPLE_SEED = 0
RAW = "raw"
SPACES = {RAW: "Raw", "orthogonal": "Aligned", "permutation": "Axes matched"}
"""How the latent spaces stand to each other, by the method of `gateway.alignment`"""
CHANGE = "-change"
CHANGES = {
    f"{key}{CHANGE}": f"Change of {word}" for key, word in (("d", "D"), ("r", "R"), ("elbo", "negative ELBO"))
}
"""What colours can mean here besides: a score of A minus that of another run, image by image"""
PANELS = {"latent": "Latent planes", "p": "P-value maps", "both": "Both"}


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
    onto: "Plane | None" = None
    """The plane whose space this one is laid onto, if any"""
    alignment: Alignment | None = None
    """How; None where it stands as it is"""

    @property
    def chosen(self) -> np.ndarray:
        """(N, 1 or 2) the run's own dimensions."""
        return self.coordinates[:, list(self.dimensions)]

    @property
    def shown(self) -> np.ndarray:
        """(N, 1 or 2) what the latent panel shows: the own dimensions, or the first run's after alignment."""
        if self.alignment is None or self.onto is None:
            return self.chosen
        return self.alignment.apply(self.coordinates)[:, list(self.onto.dimensions)]

    @property
    def p_values(self) -> np.ndarray:
        """(N, 1 or 2) Phi of `chosen`; codes, which have no prior, are standardised first."""
        chosen = self.chosen
        return gateway.phi(gateway.standardise(chosen) if self.what == "codes" else chosen)

    @cached_property
    def decoded(self) -> controls.DecodedPlane | None:
        """The lattice of the own dimensions, the others at 0 or at the average code: what hovering shows."""
        code = self.what == "codes"
        centre, spread = np.zeros(self.coordinates.shape[1]), np.ones(self.coordinates.shape[1])
        if code:
            centre, spread = gateway.centre_and_spread(self.coordinates)
        return controls.decoded_plane(
            self.side.record,
            dimensions=self.dimensions,
            names=[theme.dimension_name(k, code=code) for k in self.dimensions],
            base=centre,
            centre=centre,
            spread=spread,
            label=self.side.told,
        )

    def axis(self, place: int) -> str:
        """Name of a dimension on the latent panel, counted from 1, with its rate or whose dimension it is."""
        if self.alignment is not None and self.onto is not None:
            name = theme.dimension_name(self.onto.dimensions[place], code=self.onto.what == "codes")
            unit = "no unit" if "codes" in (self.what, self.onto.what) else "prior σ"
            return f"along {self.onto.side.letter}'s {name} ({unit})"
        k = self.dimensions[place]
        rate = None if self.rates is None else float(self.rates[k])
        return theme.latent_axis(k, rate=rate, code=self.what == "codes")

    def p_axis(self, place: int) -> str:
        """Title of an own dimension on the p-value map."""
        return theme.p_value_axis(self.dimensions[place], code=self.what == "codes")


@dataclass(frozen=True)
class Choices:
    """What the pickers above the maps say."""

    splits: tuple[str, ...]
    show: str
    same_axes: bool
    space: str
    """A key of `SPACES`"""
    panels: str
    """A key of `PANELS`"""
    kept: Selection | None
    """The kept selection in hand"""
    colour: str
    """As `controls.pick_colour` says it, or a key of `CHANGES`"""
    against: str
    """Letter of the run whose score is taken from A's where colours mean a change"""

    @property
    def changes(self) -> bool:
        """Whether colours mean a change from A."""
        return self.colour.endswith(CHANGE)


def choose(sides: Sides) -> Choices:
    """Pick splits, means or samples, the spaces, which maps, and one scale or one each."""
    groups = [group for group in groups_of(sides) if len(group) > 1]
    show, space, panels, same_axes = "means", RAW, "both", False
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        splits = controls.pick_splits(both=all(side.small for side in sides))
        if any(side.has_posterior for side in sides):
            show = controls.pick_show()
        if groups:
            space = controls.segmented(
                "Spaces",
                SPACES,
                key="space",
                default=RAW,
                help="Aligned: turned, mirrored and shifted onto the first run's, so that the same images come "
                "closest (orthogonal Procrustes). Axes matched: only exchanges of dimensions and of their signs.",
            )
        if len(sides) > FEWEST:
            panels = controls.segmented("Maps", PANELS, key="panels", default="latent")
        if any(sum(map(_is_plane, group)) > 1 for group in groups):
            same_axes = controls.toggle(
                "Same axes",
                key="same",
                default=True,
                help="All latent planes at one scale, so that their spreads compare; off: each fits its points.",
            )
        colour, against = _pick_colours(sides)
        with st.container(width=230):
            kept = controls.pick_selection(sides[0].record)
    return Choices(splits, show, same_axes, space, panels, kept, colour, against)


def _pick_colours(sides: Sides) -> tuple[str, str]:
    """What colours mean, and the letter of the run that A is held against where they mean a change."""
    key = gateway.comparable_key(sides[0].record)
    others = [side.letter for side in sides[1:] if gateway.comparable_key(side.record) == key]
    colour = controls.pick_colour(CHANGES if others else None, width=controls.pixels(210))
    if not colour.endswith(CHANGE) or len(sides) == FEWEST:
        return colour, "B"
    letters = {letter.lower(): f"A − {letter}" for letter in others}
    against = controls.select(
        "Change",
        letters,
        key="against",
        default=next(iter(letters)),
        help="A's score of each image minus that of this run. Every panel has the same colours then, so an image "
        "that changed is seen where each run put it.",
        width=controls.pixels(120),
    )
    return colour, against.upper()


def _is_plane(side: Side) -> bool:
    return side.has_posterior and side.record.config.latent > 1


def planes_of(sides: Sequence[Side], choices: Choices) -> list[Plane]:
    """Points of runs on the same data, laid onto the first one's if asked for; their latents must be at hand."""
    planes = []
    for side, cell in zip(sides, grid(max(len(sides), FEWEST)), strict=False):
        with cell:
            planes.append(_plane_of(side, choices))
    if choices.space == RAW:
        return planes
    method = "permutation" if choices.space == "permutation" else "orthogonal"
    first = planes[0]
    laid = [first]
    for plane in planes[1:]:
        # fitted to the means, whatever is shown: samples follow the motion of their means
        found = gateway.alignment(first.side.record, plane.side.record, choices.splits, method)  # type: ignore[arg-type]
        laid.append(plane if found is None else replace(plane, onto=first, alignment=found))
    return laid


def _plane_of(side: Side, choices: Choices) -> Plane:
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
