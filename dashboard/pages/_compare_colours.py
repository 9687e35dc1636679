"""What the colours of the Compare page's maps mean: labels, splits, each run's scores, or their change from A."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard import controls, gateway
from dashboard.components.latent_map import Panel, Scale, make_scale
from dashboard.controls import COLOUR_SCORES, Colour, per_image
from dashboard.gateway import SCORES
from dashboard.pages._compare_planes import Choices, Plane
from dashboard.pages._compare_sides import letters_of

Colours = Colour | dict[str, Scale]
"""Of a map: the same in all panels, or by letter of the run"""


def colours_of(planes: Sequence[Plane], rows: Sequence[np.ndarray], choices: Choices) -> Colours:
    """Turn the choice into what a map draws; says what does not apply.

    Args:
        planes: of runs on the same data.
        rows: for each (N,) rows in its arrays, -1 where it does not have the image.
        choices: what the pickers above the maps say.
    """
    if choices.colour == "label":
        return "classes"
    if choices.colour == "split":
        return "markers"
    name = COLOUR_SCORES[choices.colour.removesuffix("-change")]
    if choices.changes:
        return _change(planes, rows, name, choices.against)
    return _own(planes, rows, name)


def panel_colours(colours: Colours, panels: Sequence[Panel]) -> Colours:
    """The same by the id of a panel, which begins with its run's letter."""
    return {panel.id: colours[panel.id[0]] for panel in panels} if isinstance(colours, dict) else colours


def in_words(colours: Colours) -> str:
    """What the points are coloured by, for people who cannot see them."""
    if isinstance(colours, str):
        return {"classes": "label", "markers": "split"}[colours]
    scale = next(iter(colours.values())) if isinstance(colours, dict) else colours
    return f"{scale.name}, {scale.unit}"


def _own(planes: Sequence[Plane], rows: Sequence[np.ndarray], name: str) -> Colours:
    """Each run's own numbers: one scale for all whose numbers mean the same; others have one of their own."""
    score = SCORES[name]
    kinds: dict[Hashable, list[int]] = {}
    for k, plane in enumerate(planes):
        if per_image(plane.data.latents, name) is not None:
            # a rate is a divergence from the same prior whatever the likelihood, which gives D its meaning
            kind = "rate" if name == "rate" else gateway.comparable_key(plane.side.record)
            kinds.setdefault(kind, []).append(k)
    if not kinds:
        st.caption(
            f"{score.title} does not apply: these runs have no posterior, and so no rate. "
            "The points are coloured by label."
        )
        return "classes"
    scales: dict[str, Scale] = {}
    for places in kinds.values():
        sharing = [planes[k] for k in places]
        held = [one for one in sharing if name == "distortion" or one.side.record.config.beta > 0] or sharing
        free = [one.side for one in sharing if one not in held]
        among = np.concatenate([_numbers(one, name) for one in held])
        for k in places:
            scales[planes[k].side.letter] = make_scale(
                _at(_numbers(planes[k], name), rows[k]),
                name=score.title,
                unit=score.unit,
                direction=score.direction,
                among=among,
                # at beta 0 nothing holds the rate: ten times the others', it would leave those one colour
                among_name=letters_of([one.side for one in held])
                + (f", without {letters_of(free)} (beta 0)" if free else ""),
                whose=planes[k].side.letter,
                shared_by=letters_of([one.side for one in sharing]) if len(kinds) > 1 else "",
            )
    for plane in planes:
        if plane.side.letter not in scales:
            nothing = np.full(len(rows[0]), np.nan, np.float32)
            like = next(iter(scales.values()))
            scales[plane.side.letter] = replace(like, values=nothing, whose=plane.side.letter)
    _say_own(planes, [[planes[k] for k in places] for places in kinds.values()], name)
    return scales


def _say_own(planes: Sequence[Plane], kinds: Sequence[Sequence[Plane]], name: str) -> None:
    """Why there are several bars, grey crosses, or distortions of two sorts."""
    if len(kinds) > 1:
        others = [letters_of([one.side for one in kind]) for kind in kinds[1:]]
        why = gateway.why_not_comparable(kinds[0][0].side.record, kinds[1][0].side.record)
        st.caption(
            f"{SCORES[name].title} does not measure the same in {letters_of([one.side for one in kinds[0]])} as in "
            f"{' and in '.join(others)}, because {controls.plain(str(why))}: each has a colour bar of its own, and "
            "equal colours in panels of different bars are not equal numbers."
        )
    coded = [plane.side for plane in planes if not plane.side.has_posterior]
    if not coded:
        return
    has = "has" if len(coded) == 1 else "have"
    if name != "distortion":
        st.caption(f"{letters_of(coded)} {has} no posterior, and so no rate: grey crosses.")
    elif len(coded) < len(planes):
        st.caption(f"{letters_of(coded)} {has} no posterior: D is at the code there, without a draw of z.")


def _change(planes: Sequence[Plane], rows: Sequence[np.ndarray], name: str, against: str) -> Colours:
    """A minus another run, image by image, in every panel; of runs on other data than A's, the first minus the next."""
    first, score = planes[0], SCORES[name]
    key = gateway.comparable_key(first.side.record)
    others = [k for k, plane in enumerate(planes) if k and gateway.comparable_key(plane.side.record) == key]
    if not others:
        st.caption(
            f"The change of {score.title} does not apply: no other run here measures what {first.side.letter} does. "
            "The points are coloured by label."
        )
        return "classes"
    second = next((k for k in others if planes[k].side.letter == against), others[0])
    one, two = (per_image(plane.data.latents, name) for plane in (first, planes[second]))
    a, b = first.side.letter, planes[second].side.letter
    if one is None or two is None:
        who = letters_of([p.side for p in (first, planes[second]) if not p.side.has_posterior])
        st.caption(
            f"The change of {score.title} from {a} to {b} does not apply: {who} without a posterior has no rate. "
            "The points are coloured by label."
        )
        return "classes"
    verdict = gateway.judge(
        name,
        (0.0, 1.0),
        [plane.side.record.config for plane in (first, planes[second])],
        comparable=(True, True),
    )
    # as in the table of scores: across betas a lower negative ELBO is not better, and a rate never is
    word = "better" if verdict.best else "lower"
    return make_scale(
        _at(one, rows[0]) - _at(two, rows[second]),
        name=f"{score.title}, {a} − {b}",
        unit=score.unit,
        signed=True,
        says=f"red: {word} in {b}; blue: {word} in {a}",
    )


def _numbers(plane: Plane, name: str) -> np.ndarray:
    found = per_image(plane.data.latents, name)
    assert found is not None
    return found


def _at(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Numbers (M,) of a run's images at the rows of a map -> (N,), NaN where the run does not have the image."""
    return np.where(rows >= 0, values[np.maximum(rows, 0)], np.nan)
