"""The table of scores of the Compare page: what is better, by how much, and the spread over seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import controls, gateway
from dashboard.gateway import SCORES, PairedDifference, Spread, Verdict
from dashboard.pages import _compare_pairs as pairs_of
from dashboard.pages._compare_sides import Side, Sides, letters_of
from dashboard.pages._compare_words import (
    NOT_APPLICABLE,
    interval,
    number_text,
    paired_sentence,
    signed,
)

BETTER_CELL = "background-color: rgba(0, 158, 115, 0.22)"


@dataclass(frozen=True)
class Row:
    """One score of all runs."""

    name: str
    values: tuple[float | None, ...]
    missing: tuple[bool, ...]
    """Whether a run was never scored, which is another thing than a score that does not apply"""
    pair: PairedDifference | None
    """Of A and B, where there are only two"""
    verdict: Verdict
    why: str
    """What stands in the column 'Better'"""
    spreads: tuple[Spread | None, ...]
    """Of each group of seeds"""

    @property
    def difference(self) -> float | None:
        """A - B."""
        first, second = self.values[:2]
        return None if first is None or second is None else first - second


def seeds_of(sides: Sides) -> list[list[int]]:
    """Groups of two and more runs that differ in the seed alone."""
    return [group for group in gateway.seed_groups([side.record for side in sides]) if len(group) > 1]


def paired(first: Side, second: Side) -> dict[str, PairedDifference]:
    """Differences over the same test images; none where the runs do not compare, or latents are not at hand."""
    return {} if first.unread or second.unread else gateway.paired(first.record, second.record)


def score_rows(sides: Sides, reasons: Mapping[str, str | None]) -> list[Row]:
    """Scores on the test split that are one number, in the order of the table of scores."""
    scores = [(side.record.scores or {}).get("test") for side in sides]
    comparable = [reasons[side.letter] is None for side in sides]
    pairs = paired(sides[0], sides[1]) if len(sides) == 2 else {}
    groups = seeds_of(sides)
    found = []
    for name in SCORES:
        values = tuple(
            float(one) if isinstance(one := (score or {}).get(name), int | float) else None
            for score in scores
        )
        if all(one is None for one in values):
            continue
        configs = [side.record.config for side in sides]
        verdict = gateway.judge(name, values, configs, comparable=comparable, pairs=pairs)
        spreads = tuple(gateway.spread([values[k] for k in group]) for group in groups)
        missing = tuple(score is None for score in scores)
        found.append(Row(name, values, missing, pairs.get(name), verdict, _why(verdict, sides), spreads))
    return found


def _why(verdict: Verdict, sides: Sides) -> str:
    """A verdict in words."""
    if verdict.why_not:
        return f"not marked: {verdict.why_not}"
    if not verdict.best:
        return ""
    if len(verdict.best) == len(verdict.among):
        return "equal"
    best = [sides[k] for k in verdict.best]
    if len(sides) == 2:
        return f"{best[0].letter} is better"
    of = f" of {', '.join(sides[k].letter for k in verdict.among)}" if len(verdict.among) < len(sides) else ""
    return f"{letters_of(best)} {'is' if len(best) == 1 else 'are'} best{of}"


def score_table(sides: Sides, reasons: Mapping[str, str | None]) -> None:
    """Draw the scores of all runs, which is better, and the differences from A with their intervals."""
    st.subheader("Scores on the test images")
    rows = score_rows(sides, reasons)
    for side in sides:
        if "test" not in (side.record.scores or {}):
            controls.offer_scores(side.record, side.letter)
    if not rows:
        return
    _why_unmarked(sides, reasons)
    if len(sides) == 2:
        _in_words(sides, rows, reasons)
    _caveats(sides)
    _table(sides, rows)
    if len(sides) > 2:
        _differences(sides, reasons)


def _table(sides: Sides, rows: list[Row]) -> None:
    letters = [side.letter for side in sides]
    groups = seeds_of(sides)
    columns: dict[str, list[str]] = {"Score": [SCORES[row.name].title for row in rows]}
    for k, letter in enumerate(letters):
        columns[letter] = [_number(row, k) for row in rows]
    if len(sides) == 2:
        columns["A − B"] = [signed(row.difference, row.name) for row in rows]
        columns["95 % interval of A − B"] = [interval(row.pair, row.name) for row in rows]
    names = [f"Mean ± SD of {', '.join(letters[k] for k in group)}" for group in groups]
    for place, name in enumerate(names):
        columns[name] = [_spread(row.spreads[place], row.name) for row in rows]
    columns["Better"] = [row.why for row in rows]
    columns["Direction"] = [
        f"{d} is better" if (d := SCORES[row.name].direction) else "neither" for row in rows
    ]
    columns["Unit"] = [SCORES[row.name].unit for row in rows]
    shown = pd.DataFrame(columns)

    def shade(line: "pd.Series[Any]") -> list[str]:
        verdict = rows[int(line.name)].verdict
        marked = [letters[k] for k in verdict.best] if len(verdict.best) < len(verdict.among) else []
        return [BETTER_CELL if column in marked else "" for column in line.index]

    numeric = (*letters, "A − B", "95 % interval of A − B", *names)
    st.dataframe(
        shown.style.apply(shade, axis=1),
        hide_index=True,
        width="stretch",
        height="content",
        column_config={
            "Score": st.column_config.TextColumn(pinned=True),
            **{name: st.column_config.TextColumn(alignment="right") for name in numeric},
            "Better": st.column_config.TextColumn(width=200),
        },
        key="compare-scores",
        alt=f"Scores of {letters_of(sides)} on the test images, and which is better",
    )
    for group in groups:
        st.caption(
            f"{letters_of([sides[k] for k in group])} differ in the seed alone: mean ± standard deviation (n − 1) over "
            f"{len(group)} seeds. This spread is what training anew does; the intervals are over images."
        )
    controls.download_csv(_score_frame(sides, rows), filename="compare-scores", key="compare-scores")


def _why_unmarked(sides: Sides, reasons: Mapping[str, str | None]) -> None:
    """Say which runs measure something else than A."""
    others = [(side, why) for side in sides if (why := reasons[side.letter]) is not None]
    if not others:
        return
    because = (
        f"No score is marked as better, because {others[0][1]}."
        if len(sides) == 2
        else "Not every run is compared with A: "
        + "; ".join(f"{side.letter} is not, because {why}" for side, why in others)
        + "."
    )
    st.warning(
        f"{because} A log p is comparable only within the same data, likelihood and number of pixels.",
        icon=":material/rule:",
    )


def _in_words(sides: Sides, rows: list[Row], reasons: Mapping[str, str | None]) -> None:
    """Is B better than A? The paired differences in sentences."""
    if reasons["B"] is not None:
        return
    lines = [f"- {paired_sentence(row.name, row.pair)}" for row in rows if row.pair is not None]
    if lines:
        images = max(row.pair.images for row in rows if row.pair is not None)
        st.markdown(f"Image by image, over the same {images:,} test images:\n\n" + "\n".join(lines))
    elif sides[0].dataset == sides[1].dataset and not any(side.unread for side in sides):
        st.caption(
            "Image by image: needs the test latents of both runs, so show the test images on the maps."
        )


def _caveats(sides: Sides) -> None:
    """Why a negative ELBO or a distortion is not marked although data and likelihood are equal."""
    betas = list(dict.fromkeys(side.record.config.beta for side in sides if side.has_posterior))
    keys = {gateway.comparable_key(side.record) for side in sides}
    if len(keys) > 1 and len(sides) == 2:
        return
    if len(betas) > 1:
        listed = (
            " and ".join(f"{beta:g}" for beta in betas)
            if len(betas) == 2
            else ", ".join(f"{b:g}" for b in betas)
        )
        st.caption(
            f"Their betas differ ({listed}), so the negative ELBO is shown unmarked: each run "
            "minimised another sum of D and R. A smaller beta buys a lower D with a higher R; neither alone decides."
        )
    without = [side for side in sides if not side.has_posterior]
    if without and len(without) < len(sides):
        whose = (
            "Only one of them has a posterior: the other's D is at its code"
            if len(sides) == 2
            else f"{letters_of(without)} {'has' if len(without) == 1 else 'have'} no posterior: D is at the code there"
        )
        st.caption(
            f"{whose}, without a draw of z, and it has no rate. "
            "Distortion at the mean is the score that treats both alike."
        )


def _differences(sides: Sides, reasons: Mapping[str, str | None]) -> None:
    """Is any run really better than A? Each compared with it, image by image."""
    st.markdown("**A against each other run, image by image**")
    pairs = {
        side.letter: found
        for side in sides[1:]
        if reasons[side.letter] is None and (found := paired(sides[0], side))
    }
    if not pairs:
        if sides[0].unread:
            st.caption(f"{sides[0].letter}'s latents cannot be read, and each run is compared with it.")
            return
        st.caption(
            "Needs a run that can be compared with A, and the test latents of both: show the test images on the maps."
        )
        return
    pairs_of.pairs_figure("A", pairs, key="compare-intervals", filename="compare-differences")
    pairs_of.pairs_table("A", pairs, key="compare-differences", filename="compare-differences")
    pairs_of.pairs_in_words("A", pairs, [side.letter for side in sides])


def _number(row: Row, side: int) -> str:
    value = row.values[side]
    if value is None:
        return "not scored yet" if row.missing[side] else NOT_APPLICABLE
    return number_text(value, row.name)


def _spread(spread: Spread | None, name: str) -> str:
    if spread is None:
        return ""
    return f"{number_text(spread.mean, name)} ± {number_text(spread.deviation, name)}"


def _score_frame(sides: Sides, rows: list[Row]) -> pd.DataFrame:
    """The same table with all digits, for CSV."""
    pairs = [row.pair for row in rows]
    columns: dict[str, Any] = {
        "score": [row.name for row in rows],
        "unit": [SCORES[row.name].unit for row in rows],
        "direction": [SCORES[row.name].direction or "" for row in rows],
    }
    for side in sides:
        columns[f"run_{side.letter.lower()}"] = side.record.id
    for k, side in enumerate(sides):
        columns[side.letter.lower()] = [row.values[k] for row in rows]
    if len(sides) == 2:
        columns |= {
            "a_minus_b": [row.difference for row in rows],
            "paired_standard_error": [pair.standard_error if pair else None for pair in pairs],
            "paired_low": [pair.low if pair else None for pair in pairs],
            "paired_high": [pair.high if pair else None for pair in pairs],
            "paired_images": [pair.images if pair else None for pair in pairs],
        }
    for place, group in enumerate(seeds_of(sides)):
        mark = "_".join(sides[k].letter.lower() for k in group)
        found = [row.spreads[place] for row in rows]
        columns[f"mean_{mark}"] = [one.mean if one else None for one in found]
        columns[f"standard_deviation_{mark}"] = [one.deviation if one else None for one in found]
    columns["better"] = [row.why for row in rows]
    return pd.DataFrame(columns)
