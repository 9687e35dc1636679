"""Tables of the Compare page: scores with what is better, and the settings that differ."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import controls, gateway
from dashboard.gateway import SCORES, PairedDifference, Setting
from dashboard.pages._compare_sides import Sides

NOT_APPLICABLE = "does not apply"
DIGITS = {"squared_error_at_mean": 5, "beta": 4, "distortion_standard_error": 4}
"""Decimals of scores that need more than two"""
OF_DRAWS = ("distortion", "excess_distortion")
"""Averages over draws of z: of a code without a posterior they are something else"""
BETTER_CELL = "background-color: rgba(0, 158, 115, 0.22)"


@dataclass(frozen=True)
class Row:
    """One score of both runs."""

    name: str
    values: tuple[float | None, float | None]
    missing: tuple[bool, bool]
    """Whether a run was never scored, which is another thing than a score that does not apply"""
    pair: PairedDifference | None
    winner: int | None
    why: str
    """What stands in the column 'Better'"""

    @property
    def difference(self) -> float | None:
        """A - B."""
        first, second = self.values
        return None if first is None or second is None else first - second


def score_rows(sides: Sides, *, comparable: bool) -> list[Row]:
    """Scores on the test split that are one number, in the order of the table of scores."""
    scores = [(side.record.scores or {}).get("test") for side in sides]
    pairs = gateway.paired(sides[0].record, sides[1].record) if comparable else {}
    found = []
    for name in SCORES:
        values = tuple((one or {}).get(name) for one in scores)
        numbers = tuple(float(one) if isinstance(one, int | float) else None for one in values)
        if all(one is None for one in numbers):
            continue
        winner, why = _judge(name, numbers, sides, comparable=comparable)  # type: ignore[arg-type]
        missing = (scores[0] is None, scores[1] is None)
        found.append(Row(name, numbers, missing, pairs.get(name), winner, why))  # type: ignore[arg-type]
    return found


def _judge(
    name: str, values: tuple[float | None, float | None], sides: Sides, *, comparable: bool
) -> tuple[int | None, str]:
    """Which run is better (0, 1 or None), and the words for it: marked only for equal data, likelihood and n."""
    one, two = (side.record.config for side in sides)
    if None in values or SCORES[name].direction is None:
        return None, ""
    if not comparable:
        return None, "not marked: not comparable"
    if name == "negative_elbo" and one.beta != two.beta:
        return None, "not marked: betas differ"
    if name in OF_DRAWS and sides[0].has_posterior != sides[1].has_posterior:
        return None, "not marked: only one draws z"
    winner = gateway.better(name, *values)
    return winner, "equal" if winner is None else f"{'AB'[winner]} is better"


def score_table(sides: Sides, *, why_not: str | None) -> None:
    """Draw the scores of both runs, their difference, its interval, and which is better."""
    st.subheader("Scores on the test images")
    rows = score_rows(sides, comparable=why_not is None)
    if not rows:
        st.caption("Neither run has been scored yet: scores are written when training ends.")
        return
    _in_words(sides, rows, why_not=why_not)
    shown = pd.DataFrame(
        {
            "Score": [SCORES[row.name].title for row in rows],
            "A": [_number(row, 0) for row in rows],
            "B": [_number(row, 1) for row in rows],
            "A − B": [_signed(row.difference, row.name) for row in rows],
            "95 % interval of A − B": [_interval(row) for row in rows],
            "Better": [row.why for row in rows],
            "Direction": [
                f"{d} is better" if (d := SCORES[row.name].direction) else "neither" for row in rows
            ],
            "Unit": [SCORES[row.name].unit for row in rows],
        }
    )

    def shade(line: "pd.Series[Any]") -> list[str]:
        winner = rows[int(line.name)].winner
        return [BETTER_CELL if winner is not None and column == "AB"[winner] else "" for column in line.index]

    numeric = ("A", "B", "A − B", "95 % interval of A − B")
    st.dataframe(
        shown.style.apply(shade, axis=1),
        hide_index=True,
        width="stretch",
        height=38 + 35 * len(rows),
        column_config={
            "Score": st.column_config.TextColumn(pinned=True),
            **{name: st.column_config.TextColumn(alignment="right") for name in numeric},
            "Better": st.column_config.TextColumn(width=200),
        },
        key="compare-scores",
        alt="Scores of both runs on the test images, their difference, and which is better",
    )
    controls.download_csv(_score_frame(sides, rows), filename="compare-scores", key="compare-scores")


def _in_words(sides: Sides, rows: list[Row], *, why_not: str | None) -> None:
    """The outcome in a sentence or two: the paired differences, and why something is not marked."""
    if why_not:
        st.warning(
            f"No score is marked as better, because {why_not}. A log p is comparable only within the same data, "
            "likelihood and number of pixels.",
            icon=":material/rule:",
        )
        return
    lines = []
    for row in rows:
        if row.pair is not None:
            lines.append(f"- {paired_sentence(row.name, row.pair)}")
    if lines:
        images = max(row.pair.images for row in rows if row.pair is not None)
        st.markdown(f"Image by image, over the same {images:,} test images:\n\n" + "\n".join(lines))
    elif sides[0].dataset == sides[1].dataset:
        st.caption(
            "Image by image: needs the test latents of both runs, so show the test images on the maps."
        )
    one, two = (side.record.config for side in sides)
    if one.beta != two.beta and all(side.has_posterior for side in sides):
        st.caption(
            f"Their betas differ ({one.beta:g} and {two.beta:g}), so the negative ELBO is shown unmarked: each run "
            "minimised another sum of D and R. A smaller beta buys a lower D with a higher R; neither alone decides."
        )
    if sides[0].has_posterior != sides[1].has_posterior:
        st.caption(
            "Only one of them has a posterior: the other's D is at its code, without a draw of z, and it has no rate. "
            "Distortion at the mean is the score that treats both alike."
        )


def paired_sentence(name: str, pair: PairedDifference) -> str:
    """A paired difference in words, as Markdown of ours."""
    title = SCORES[name].title
    if pair.low is None or pair.high is None:
        return f"{title}: A − B = {_signed(pair.mean, name)} nats per image (one image has no interval)."
    span = f"95 % interval {_signed(pair.low, name)} to {_signed(pair.high, name)}"
    if pair.low <= 0 <= pair.high:
        verdict = "no difference can be told"
    else:
        verdict = f"{'A' if pair.mean < 0 else 'B'} is lower"
    return (
        f"{title}: **A − B = {_signed(pair.mean, name)} nats per image** ({span}): {verdict}; "
        f"A is lower on {100 * pair.first_lower:.0f} % of the images."
    )


def _number(row: Row, side: int) -> str:
    value = row.values[side]
    if value is None:
        return "not scored yet" if row.missing[side] else NOT_APPLICABLE
    return _plain_number(value, row.name)


def _plain_number(value: float, name: str) -> str:
    if SCORES[name].unit in ("images", "values per image", "dimensions"):
        return f"{value:,.0f}"
    if name in ("beta", "reconstruction_weight"):
        return f"{value:,.6g}"
    return f"{value:,.{DIGITS.get(name, 2)}f}"


def _signed(value: float | None, name: str) -> str:
    if value is None:
        return ""
    text = _plain_number(abs(value), name)
    return text if not text.strip("0.,") else f"{'+' if value > 0 else '−'}{text}"


def _interval(row: Row) -> str:
    pair = row.pair
    if pair is None or pair.low is None or pair.high is None:
        return ""
    return f"{_signed(pair.low, row.name)} to {_signed(pair.high, row.name)}"


def _score_frame(sides: Sides, rows: list[Row]) -> pd.DataFrame:
    """The same table with all digits, for CSV."""
    pairs = [row.pair for row in rows]
    return pd.DataFrame(
        {
            "score": [row.name for row in rows],
            "unit": [SCORES[row.name].unit for row in rows],
            "direction": [SCORES[row.name].direction or "" for row in rows],
            "run_a": sides[0].record.id,
            "run_b": sides[1].record.id,
            "a": [row.values[0] for row in rows],
            "b": [row.values[1] for row in rows],
            "a_minus_b": [row.difference for row in rows],
            "paired_standard_error": [pair.standard_error if pair else None for pair in pairs],
            "paired_low": [pair.low if pair else None for pair in pairs],
            "paired_high": [pair.high if pair else None for pair in pairs],
            "paired_images": [pair.images if pair else None for pair in pairs],
            "better": [row.why for row in rows],
        }
    )


def settings_table(sides: Sides) -> None:
    """Draw the settings that differ, and only those."""
    st.subheader("Settings that differ")
    found = gateway.settings_that_differ(sides[0].record, sides[1].record)
    if not found:
        st.markdown("None: both runs have the same settings, the seed included.")
        return
    frame = pd.DataFrame(
        {
            "Setting": [one.name for one in found],
            "A": [_setting(one, 0) for one in found],
            "B": [_setting(one, 1) for one in found],
            "Meaning": [one.description for one in found],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        width="stretch",
        height=38 + 35 * len(found),
        column_config={"Setting": st.column_config.TextColumn(pinned=True)},
        key="compare-settings",
        alt="Settings in which the runs differ",
    )
    controls.download_csv(frame, filename="compare-settings", key="compare-settings")


def _setting(setting: Setting, side: int) -> str:
    if not setting.applies[side]:
        return NOT_APPLICABLE
    value = setting.values[side]
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value) or "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
