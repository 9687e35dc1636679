"""The query of the Selections page: labels and ranges, with a live count, to be kept under a name."""

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from dashboard import controls, gateway, state
from dashboard.gateway import Query, RunRecord, VAEScopeError

NO_LABEL = "none"
"""In a link: images without a label"""
SCORED = ("distortion", "rate", "negative_elbo")
SHORT = {"distortion": "D", "rate": "R", "negative_elbo": "D + R", "error": "Error"}
"""Names that fit above a narrow box"""


def query_form() -> None:
    """Draw the form, the count of what it finds, the button that keeps it, and what these images show."""
    st.subheader("New from a query", anchor=False)
    left, middle, right = st.columns([1.3, 1, 1.7])
    with left:
        record = controls.pick_run("In run")
    here = gateway.splits_of(record)
    with middle:
        splits = _several("Images", {split: split for split in here}, key="q-splits", default=("test",))
    with right:
        labels = _labels(record)
    if not splits:
        st.caption("Choose at least one kind of images.")
        return
    if not controls.need_latents(record, splits):
        return
    tables = [gateway.latents(record, split) for split in splits]
    values: dict[str, np.ndarray | None] = {}
    for name in SCORED:
        parts = [controls.per_image(table, name) for table in tables]
        values[name] = None if any(part is None for part in parts) else np.concatenate(parts)  # type: ignore[arg-type]
    values["error"] = _errors(record, splits)
    query = _asked(splits, labels, values)
    if query is None:
        return
    ids = gateway.matching_ids(record, query)
    total = sum(len(table) for table in tables)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(ids):,} of {controls.images_text(total)} match**", width="content")
        controls.keep_selection(
            record,
            ids,
            origin=query.sentence(),
            key="query",
            query=query,
            primary=True,
            then=_list_it,
        )
    st.caption(controls.plain(query.sentence()))
    if len(ids):
        controls.selection_panel(record, ids, key="q")
    else:
        st.info("No image fits: take wider ranges or more labels.", icon=":material/filter_alt_off:")


def _list_it() -> None:
    """Turn to the kept selections, also where the link says otherwise."""
    state.put("part", "kept")
    state.share("part", "kept", None)


def _several(
    label: str, options: Mapping[str, str], *, key: str, default: Sequence[str] = (), help: str | None = None
) -> tuple[str, ...]:
    """Choose several of a few options, {value: text people read}; they live in the URL."""
    first = [one for one in default if one in options]

    def parse(text: str) -> list[str] | None:
        return [one for one in options if one in state.as_ids(text)] or None

    state.restore(key, parse=parse, default=first)
    left = [one for one in state.current(key) if one in options]
    state.limit(key, lambda value: len(value) == len(left), left or first)
    chosen = st.multiselect(
        label,
        list(options),
        key=key,
        format_func=lambda one: options[one],
        placeholder="All" if not default else "Choose",
        help=help,
    )
    state.share(key, list(chosen), state.ids_text(chosen) or None if list(chosen) != first else None)
    return tuple(chosen)


def _labels(record: RunRecord) -> tuple[str | None, ...] | None:
    """Names of the chosen classes, None of images without a label; None where all are asked for."""
    assert record.document is not None
    names = record.document.data.class_names
    # in a link by number: names may hold commas
    options = {**{str(k): name for k, name in enumerate(names)}, NO_LABEL: "(no label)"}
    chosen = _several("Labels", options, key="q-labels", help="All labels where none is chosen.")
    return tuple(None if one == NO_LABEL else names[int(one)] for one in chosen) or None


def _errors(record: RunRecord, splits: Sequence[str]) -> np.ndarray | None:
    """Errors of the images, where they are cached or asked for; None where not."""
    here = gateway.has_images(record)
    missing = [split for split in splits if not gateway.errors_ready(record, split)]
    if missing:
        wanted = controls.toggle(
            "Ask for a range of errors too",
            key="q-errors",
            help="Every image is reconstructed at its mean, once; the errors are kept with the run.",
        )
        if not wanted:
            return None
        if not here:
            st.caption(
                f"The images of {controls.plain(record.config.dataset)} are not on this machine, so their errors are "
                "not known."
            )
            return None
    for split in missing:
        bar = controls.Bar(f"Errors of the {split} images, once:")
        try:
            gateway.errors(record, split, bar)
        finally:
            bar.close()
    return np.concatenate([gateway.errors(record, split) for split in splits]).astype(np.float64)


def _asked(
    splits: Sequence[str], labels: tuple[str | None, ...] | None, values: Mapping[str, np.ndarray | None]
) -> Query | None:
    """Draw the boxes of the ranges; the query that they ask, None where it is none, which is said."""
    ranges = {}
    for column, (name, found) in zip(st.columns(len(values)), values.items(), strict=True):
        with column:
            ranges[name] = _range(name, found)
    try:
        return Query(labels=labels, splits=tuple(splits), **ranges)
    except VAEScopeError as error:
        st.warning(controls.plain(str(error)), icon=":material/warning:")
        return None


def _range(name: str, values: np.ndarray | None) -> tuple[float | None, float | None] | None:
    """Two boxes, the lowest and the highest value let through; empty where that end is open."""
    unit, digits = ("per pixel", 4) if name == "error" else ("nats", 2)
    why = None
    if values is None:
        why = (
            "Switch on the range of errors above."
            if name == "error"
            else "Does not apply: this family has no posterior, and so no rate."
        )
    low = None if values is None else float(values.min())
    high = None if values is None else float(values.max())
    ends = [
        _bound(
            f"{SHORT[name]} {word} ({unit})", key=f"q-{name}-{end}", there=there, digits=digits, why_not=why
        )
        for word, end, there in (("from", "low", low), ("to", "high", high))
    ]
    return None if values is None else (ends[0], ends[1])


def _bound(label: str, *, key: str, there: float | None, digits: int, why_not: str | None) -> float | None:
    """Type one end of a range, or leave it open; it lives in the URL. `there` is where the images end."""
    if why_not is not None:
        st.number_input(label, value=None, key=f"{key}-off", disabled=True, help=why_not, placeholder="–")
        return None
    state.restore(key, parse=_number, default=None)
    value = st.number_input(
        label,
        value=None,
        step=10.0 ** (1 - digits) if digits > 2 else 0.5,
        format=f"%.{digits}f",
        key=key,
        placeholder=f"{there:.{digits}f}",
        help="Empty: open. The grey number is where the images end.",
    )
    state.share(key, value, None if value is None else f"{value:.10g}")
    return value


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= 1e9 else None  # false for NaN too
