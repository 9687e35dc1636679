"""Is another run really better than A? Differences image by image, paired, with their intervals."""

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd
import streamlit as st

from dashboard import controls
from dashboard.charts.intervals import Interval, interval_figure
from dashboard.gateway import SCORES, PairedDifference
from dashboard.pages._compare_words import interval, signed, verdict

Pairs = Mapping[str, Mapping[str, PairedDifference]]
"""By letter of a run and name of a score: A minus that run"""


def pairs_table(first: str, pairs: Pairs, *, key: str, filename: str) -> None:
    """A table of first minus each other run, with its interval and what it says; and the same for CSV."""
    rows = [(letter, name, pair) for letter, found in pairs.items() for name, pair in found.items()]
    if not rows:
        return
    shown = pd.DataFrame(
        {
            "Run": [letter for letter, _, _ in rows],
            "Score, nats per image": [SCORES[name].title for _, name, _ in rows],
            f"{first} − run": [signed(pair.mean, name) for _, name, pair in rows],
            "95 % interval": [interval(pair, name) for _, name, pair in rows],
            f"{first} is lower on": [f"{100 * pair.first_lower:.0f} %" for _, _, pair in rows],
            "Verdict": [verdict(pair, first, letter) for letter, _, pair in rows],
        }
    )
    st.dataframe(
        shown,
        hide_index=True,
        width="stretch",
        height="content",
        column_config={
            "Run": st.column_config.TextColumn(pinned=True),
            **{
                name: st.column_config.TextColumn(alignment="right")
                for name in (f"{first} − run", "95 % interval", f"{first} is lower on")
            },
        },
        key=key,
        alt=f"Differences of {first} from each other run, image by image",
    )
    controls.download_csv(pairs_frame(first, pairs), filename=filename, key=key)


def pairs_frame(first: str, pairs: Pairs) -> pd.DataFrame:
    """All digits of the same table, nats per image."""
    return pd.DataFrame(
        [
            {
                "first": first,
                "run": letter,
                "score": name,
                "first_minus_run": pair.mean,
                "standard_error": pair.standard_error,
                "low_95": pair.low,
                "high_95": pair.high,
                "images": pair.images,
                "share_first_lower": pair.first_lower,
            }
            for letter, found in pairs.items()
            for name, pair in found.items()
        ]
    )


def pairs_figure(first: str, pairs: Pairs, *, key: str, filename: str) -> None:
    """The same as points with their intervals about zero: right of it the other run is lower."""
    intervals = [
        Interval(letter, SCORES[name].title, pair.mean, pair.low, pair.high)
        for letter, found in pairs.items()
        for name, pair in found.items()
    ]
    controls.figure(
        interval_figure(
            intervals,
            title=f"{first} minus each run",
            x_title="Difference (nats per image)",
            dark=controls.is_dark(),
            subtitle=f"right of 0: the run is lower than {first} · left: {first} is lower",
        ),
        key=key,
        filename=filename,
        frame=partial(pairs_frame, first, pairs),
        alt=f"Differences of {first} from each other run with their 95 % intervals",
    )


def pairs_in_words(first: str, pairs: Pairs, runs: Sequence[str]) -> None:
    """Over how many images the differences are, and which runs they leave out."""
    if not pairs:
        return
    images = sorted({pair.images for found in pairs.values() for pair in found.values()})
    count = f"{images[0]:,}" if len(images) == 1 else f"{images[0]:,} to {images[-1]:,}"
    left_out = [letter for letter in runs if letter != first and letter not in pairs]
    without = f" Without {', '.join(left_out)}." if left_out else ""
    st.caption(
        f"Over the same {count} images in {first} and each run. D and the negative ELBO: lower is better, within equal "
        f"data, likelihood and n; the rate: neither.{without}"
    )
