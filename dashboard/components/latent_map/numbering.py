"""Which numbers colour the points of which panel: the sections that are sent, and the bars that say what they mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dashboard.components.latent_map.panels import Panel
from dashboard.components.latent_map.scale import Scale


@dataclass(frozen=True, eq=False)
class Numbering:
    """What the browser is told of the points' numbers."""

    sections: dict[str, np.ndarray] = field(default_factory=dict)
    """float32 (N,) each: 'values' of all panels, or 'values:<panel>' where they differ"""
    bars: list[dict[str, Any]] = field(default_factory=list)
    """One a scale, in order of first appearance"""
    of_panels: list[dict[str, Any]] = field(default_factory=list)
    """For each panel the name of its section, the place of its bar, and whose numbers these are"""


def number_panels(
    panels: Sequence[Panel], colour: Scale | str | Mapping[str, Scale], count: int
) -> Numbering:
    """Lay out the numbers of one scale for all panels, or of one for each of them.

    Panels that are given the same scale share its values. Scales whose ends are the same share a bar.

    Args:
        panels: of the map.
        colour: a scale, scales by the id of a panel, or a word, for which there are no numbers.
        count: N, how many points there are.

    Raises:
        ValueError: a panel has no scale, or a scale has another number of values or is of another score.
    """
    if isinstance(colour, str):
        return Numbering(of_panels=[{"values": None, "bar": None, "whose": ""} for _ in panels])
    names = [panel.id for panel in panels]
    scales = dict.fromkeys(names, colour) if isinstance(colour, Scale) else dict(colour)
    if scales.keys() != set(names):
        raise ValueError(f"Scales must be given for the panels {names}, not for {sorted(scales)}.")
    first = scales[names[0]]
    found = Numbering()
    known: list[tuple[Scale, str]] = []
    bars: dict[tuple[str, bytes], list[tuple[Panel, Scale]]] = {}
    for panel in panels:
        scale = scales[panel.id]
        if len(scale.values) != count:
            raise ValueError(f"The scale has {len(scale.values)} values, but there are {count} ids.")
        if (scale.name, scale.unit, scale.signed) != (first.name, first.unit, first.signed):
            raise ValueError(f"The panels of a map show one score: {first.title}, not {scale.title} too.")
        section = next((name for other, name in known if other is scale), None)
        if section is None:
            section = "values" if isinstance(colour, Scale) else f"values:{panel.id}"
            known.append((scale, section))
            found.sections[section] = np.ascontiguousarray(scale.values, dtype=np.float32)
        # the ends as bytes: those of a scale without values are NaN, which equals nothing
        key = (scale.title, np.array([scale.low, scale.high]).tobytes())
        bars.setdefault(key, []).append((panel, scale))
        found.of_panels.append({"values": section, "bar": list(bars).index(key), "whose": scale.whose})
    found.bars.extend(_bar(sharing) for sharing in bars.values())
    return found


def _bar(sharing: Sequence[tuple[Panel, Scale]]) -> dict[str, Any]:
    """Say what the panels of one bar have in common. A run without any value is for the page to tell of."""
    valued = [pair for pair in sharing if np.isfinite(pair[1].values).any()] or list(sharing)
    said = [scale.described() for _, scale in valued]
    # a point that is not drawn in a panel is no gap there
    gaps = [np.isfinite(panel.xy[:, 0]) & np.isnan(scale.values) for panel, scale in valued]
    return {
        **said[0],
        "below": any(one["below"] for one in said),
        "above": any(one["above"] for one in said),
        "missing": int(np.any(gaps, axis=0).sum()),
    }
