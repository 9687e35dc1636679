"""Widgets whose values live in the URL."""

from collections.abc import Mapping
from typing import Literal

import streamlit as st

from dashboard import state

FARTHEST = 10_000.0
"""Largest coordinate, in prior standard deviations: far outside of any code, and far inside of what float32 decodes."""


def told_apart(options: Mapping[str, str]) -> dict[str, str]:
    """Number the texts that stand twice: Streamlit finds an option by its text, so the second could not be chosen."""
    seen: dict[str, int] = {}
    apart = {}
    for value, text in options.items():
        seen[text] = seen.get(text, 0) + 1
        apart[value] = text if seen[text] == 1 else f"{text} #{seen[text]}"
    return apart


def option_value(options: Mapping[str, str], *, key: str, default: str) -> str:
    """The option that a widget will show, before it is drawn: what stands above it may need it."""
    state.restore(key, parse=lambda text: text if text in options else None, default=default)
    state.limit(key, lambda value: value in options, default)
    return str(state.current(key))


def segmented(
    label: str, options: Mapping[str, str], *, key: str, default: str, help: str | None = None
) -> str:
    """Choose one of a few options, {value: text people read}; the value lives in the URL."""
    option_value(options, key=key, default=default)
    texts = told_apart(options)
    value = st.segmented_control(
        label, list(options), key=key, format_func=lambda one: texts[one], required=True, help=help
    )
    state.share(key, value, value if value != default else None)
    return str(value)


def select(
    label: str,
    options: Mapping[str, str],
    *,
    key: str,
    default: str,
    help: str | None = None,
    always_linked: bool = False,
    width: int | Literal["stretch"] = "stretch",
) -> str:
    """Choose one of many options, {value: text people read}; the value lives in the URL.

    A link leaves a default out, unless `always_linked`: for a default that another store or day may change.
    The width is in pixels, or that of the column.
    """
    option_value(options, key=key, default=default)
    texts = told_apart(options)
    value = st.selectbox(
        label, list(options), key=key, format_func=lambda one: texts[one], help=help, width=width
    )
    state.share(key, value, value if always_linked or value != default else None)
    return str(value)


def step_slider(
    label: str, options: Mapping[str, str], *, key: str, default: str, help: str | None = None
) -> str:
    """Step through ordered options, {value: text people read}; the value lives in the URL."""
    option_value(options, key=key, default=default)
    texts = told_apart(options)
    value = st.select_slider(label, list(options), key=key, format_func=lambda one: texts[one], help=help)
    state.share(key, value, value if value != default else None)
    return str(value)


def number(
    label: str, *, key: str, default: int, low: int, high: int, step: int = 1, help: str | None = None
) -> int:
    """Choose a whole number; it lives in the URL."""

    def parse(text: str) -> int | None:
        return int(text) if text.isascii() and text.isdigit() and low <= int(text) <= high else None

    state.restore(key, parse=parse, default=default)
    state.limit(key, lambda value: low <= value <= high, default)
    value = int(st.number_input(label, min_value=low, max_value=high, step=step, key=key, help=help))
    state.share(key, value, str(value) if value != default else None)
    return value


def toggle(label: str, *, key: str, default: bool = False, help: str | None = None) -> bool:
    """Switch something on or off; it lives in the URL as 1 or 0."""
    state.restore(key, parse=lambda text: {"1": True, "0": False}.get(text), default=default)
    value = st.toggle(label, key=key, help=help)
    state.share(key, value, str(int(value)) if value != default else None)
    return bool(value)


def pick_splits(*, both: bool) -> tuple[str, ...]:
    """Choose the images of a map: ('test',), ('train',) or ('test', 'train'); `both` is the default of small data."""
    split = segmented(
        "Images",
        {"test": "Test", "train": "Train", "both": "Both"},
        key="split",
        default="both" if both else "test",
        help="Training images are those that a run trained on, without the ones held out for validation.",
    )
    return ("test", "train") if split == "both" else (split,)


def pick_show() -> str:
    """Choose what a map shows of a posterior: 'means' or 'samples'."""
    return segmented(
        "Show",
        {"means": "Posterior means", "samples": "Posterior samples"},
        key="show",
        default="means",
        help="Only samples of a posterior that matches the prior are spread evenly by Φ.",
    )


def coordinate_value(key: str) -> float | None:
    """A coordinate before its box is drawn: from the URL or an earlier choice, None where there is none."""
    state.restore(key, parse=_finite, default=None)
    value = state.current(key)
    return None if value is None else float(value)


def coordinate(label: str, *, key: str, help: str | None = None) -> float | None:
    """Type a coordinate, a number up to `FARTHEST` or nothing; it lives in the URL."""
    state.restore(key, parse=_finite, default=None)
    value = st.number_input(
        label,
        min_value=-FARTHEST,
        max_value=FARTHEST,
        value=None,
        step=0.1,
        format="%.4f",
        key=key,
        help=help,
        placeholder="none",
    )
    state.share(key, value, None if value is None else f"{value:.4f}")
    return value


def _finite(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= FARTHEST else None  # false for NaN too
