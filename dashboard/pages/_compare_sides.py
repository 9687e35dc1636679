"""The two to eight runs that the Compare page shows, A the first: letters, groups, cells of the page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import controls, gateway
from dashboard.gateway import RunRecord

LETTERS = tuple("ABCDEFGH")
FEWEST = 2
AUTO = "auto"
"""A dimension that nobody chose"""


@dataclass(frozen=True, eq=False)
class Side:
    """One of the runs."""

    letter: str
    record: RunRecord
    unread: str = ""
    """Why its stored latents cannot be read, if so; the page shows what needs none"""
    told: int | None = None
    """Class that prior draws and empty places are decoded as; None for a run that is told none"""

    @property
    def name(self) -> str:
        """Letter and display name, as Markdown of ours."""
        return f"**{self.letter}: {controls.plain(self.record.name)}**"

    @property
    def has_posterior(self) -> bool:
        """Whether the encoder gives a Gaussian: else there is no rate and no prior."""
        return gateway.FAMILIES[self.record.config.family].has_posterior

    @property
    def dataset(self) -> tuple[str, str]:
        """Name and fingerprint of its data: equal for runs that saw the same images."""
        assert self.record.document is not None
        return self.record.document.data.dataset, self.record.document.data.fingerprint

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of its images."""
        assert self.record.document is not None
        return self.record.document.data.shape

    @property
    def small(self) -> bool:
        """Whether its data set is so small that both splits are shown by default."""
        assert self.record.document is not None
        data = self.record.document.data
        return data.train + data.validation + data.test < gateway.SMALL_DATA

    @property
    def colour(self) -> int:
        """Which of the colours of runs is its own in every figure of the page."""
        return LETTERS.index(self.letter)


Sides = tuple[Side, ...]


def side_key(name: str, letter: str) -> str:
    """Key of a choice that each side has for itself, such as 'dx-a'."""
    return f"{name}-{letter.lower()}"


def at_the_mean(sides: Sequence[Side]) -> str:
    """Say where reconstructions are decoded: the mean where there is a posterior, else the code."""
    having = {side.has_posterior for side in sides}
    if having == {True}:
        return "at the mean of q(z given x)"
    return (
        "at the code"
        if having == {False}
        else "at the mean of q(z given x), or at the code without a posterior"
    )


def letters_of(sides: Sequence[Side]) -> str:
    """Letters as a person would say them: 'A and B', 'A, B and C'."""
    letters = [side.letter for side in sides]
    return letters[0] if len(letters) == 1 else f"{', '.join(letters[:-1])} and {letters[-1]}"


def groups_of(sides: Sequence[Side]) -> list[list[Side]]:
    """Sort sides by their data, in order of first appearance: only the same images can be compared one by one."""
    groups: dict[tuple[str, str], list[Side]] = {}
    for side in sides:
        groups.setdefault(side.dataset, []).append(side)
    return list(groups.values())


def read_sides(sides: Sides, splits: Sequence[str]) -> Sides:
    """Read the latents that are at hand; a run whose file is damaged is named, and what needs it does without it."""
    found = []
    for side in sides:
        try:
            for split in dict.fromkeys((*splits, "test")):
                if gateway.latents_ready(side.record, split):
                    gateway.latents(side.record, split)
        except gateway.VAEScopeError as error:
            st.warning(
                f"{side.name} is left out of maps, similarity and differences: its latents cannot be read. "
                f"{controls.plain(str(error))}",
                icon=":material/warning:",
            )
            side = replace(side, unread=str(error))
        found.append(side)
    return tuple(found)


def tell(sides: Sides) -> Sides:
    """Ask which class runs decode as that are told one, once for each list of classes."""
    asked: dict[tuple[str, ...], int | None] = {}
    found = []
    for side in sides:
        if gateway.needs_labels(side.record):
            names = controls.class_names_of(side.record)
            if names not in asked:
                same = [
                    one
                    for one in sides
                    if gateway.needs_labels(one.record) and controls.class_names_of(one.record) == names
                ]
                # the first list has the name that this choice has in the links of other pages
                key = f"as-{len(asked) + 1}" if asked else "as"
                what = f"{letters_of(same)} decode{'s' if len(same) == 1 else ''} as class"
                asked[names] = controls.pick_class(side.record, key=key, what=what)
            side = replace(side, told=asked[names])
        found.append(side)
    return tuple(found)


def decoding(sides: Sequence[Side]) -> tuple[Side, ...]:
    """Those whose weights can be read; the others are named, and the page's images do without them."""
    able = []
    for side in sides:
        try:
            gateway.decode(side.record, np.zeros((1, side.record.config.latent), np.float32), labels=0)
        except gateway.VAEScopeError as error:
            st.warning(
                f"{side.name} makes no images: its weights cannot be read. {controls.plain(str(error))}",
                icon=":material/warning:",
            )
            continue
        able.append(side)
    return tuple(able)


def columns_of(count: int) -> int:
    """How many runs stand side by side: two of two, three of three, five or six, else four."""
    return {2: 2, 3: 3, 5: 3, 6: 3}.get(count, 4)


def grid(count: int, *, top: bool = False) -> Iterator[DeltaGenerator]:
    """A cell of the page for each run, in rows."""
    width = columns_of(count)
    for start in range(0, count, width):
        yield from st.columns(width, vertical_alignment="top" if top else "bottom")[: count - start]


def reasons_of(sides: Sides) -> dict[str, str | None]:
    """By letter why the losses of a run measure something else than A's, in Markdown; None where they compare."""
    found: dict[str, str | None] = {}
    for side in sides:
        why = gateway.why_not_comparable(sides[0].record, side.record)
        found[side.letter] = None if why is None else controls.plain(why)
    return found


def describe(sides: Sides) -> None:
    """A line about each run under the pickers; a short one where there are more than two."""
    for side, cell in zip(sides, grid(len(sides), top=True), strict=True):
        with cell:
            st.caption(_line(side, short=len(sides) > FEWEST))


def _line(side: Side, *, short: bool) -> str:
    config, document = side.record.config, side.record.document
    assert document is not None
    family = config.family if short else gateway.FAMILIES[config.family].title
    latent = (
        f"{config.latent}-D"
        if short
        else f"{config.latent} latent dimension{'s' if config.latent > 1 else ''}"
    )
    parts = [f"{family}, {config.network}", controls.plain(config.dataset), latent]
    if side.has_posterior:
        weight = controls.weight_text(config.beta, gateway.pixels_per_image(side.record))
        parts.append(f"beta {config.beta:g}" + ("" if short else f" (reconstruction weight {weight})"))
    else:
        parts.append("no posterior" if short else "no posterior: rate, prior and beta do not apply")
    parts.append(f"epoch {document.epoch:,}")
    return f"**{side.letter}** · " + " · ".join(parts)
