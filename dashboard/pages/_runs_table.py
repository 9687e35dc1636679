"""The table of the Runs page: which runs, in which order, in which columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import controls, gateway
from dashboard.gateway import RunRecord, Selection

UNITS = "nats per image"

ORDERS = {
    "newest": "Newest first",
    "name": "Name, A to Z",
    "beta": "β, small to large",
    "distortion": "D, small to large",
    "rate": "R, small to large",
    "negative_elbo": "Negative ELBO, small to large",
    "disk": "Disk, largest first",
}
"""Orders of the rows: value in the URL -> text people read."""

Sizes = Mapping[Path, int | None]
"""Folder of a run -> bytes on disk; None of a folder that is no run."""


@dataclass(frozen=True)
class Filters:
    """What the reader wants to see; an empty choice lets everything through."""

    text: str = ""
    data: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    """All of these: each further tag narrows the list"""
    hidden: bool = False

    def lets_through(self, record: RunRecord) -> bool:
        """Whether a run is shown; every word of `text` must stand in what the table says of it."""
        said = " ".join([record.id, record.name, record.note, *record.tags, *_facts(record)]).casefold()
        return (
            (self.hidden or not record.hidden)
            and all(word in said for word in self.text.casefold().split())
            and _fits(self.data, dataset(record))
            and _fits(self.families, family(record))
            and _fits(self.states, record.state)
            and set(self.tags) <= set(record.tags)
        )


def _fits(chosen: tuple[str, ...], value: str | None) -> bool:
    return not chosen or value in chosen


def _facts(record: RunRecord) -> list[str]:
    document = record.document
    return [document.config.family, document.config.dataset, document.recipe or ""] if document else []


def family(record: RunRecord) -> str | None:
    """Family of a readable run, else None."""
    return record.document.config.family if record.document else None


def dataset(record: RunRecord) -> str | None:
    """Data set of a readable run, else None."""
    return record.document.config.dataset if record.document else None


def beta(record: RunRecord) -> float | None:
    """Beta of a run; None where its family has no rate."""
    if record.document is None or not gateway.FAMILIES[record.document.config.family].has_posterior:
        return None
    return record.document.config.beta


def weight(record: RunRecord) -> str | None:
    """The equivalent reconstruction weight n / beta in words: 'infinite' at beta 0; None where there is no rate."""
    value = beta(record)
    return None if value is None else controls.weight_text(value, gateway.pixels_per_image(record))


def ordered(records: Sequence[RunRecord], order: str, sizes: Sizes) -> list[RunRecord]:
    """Sort runs by one of `ORDERS`; what has no such value comes last, equal ones stay newest first."""
    if order == "newest":
        return list(records)
    if order == "name":
        return sorted(records, key=lambda record: record.name.casefold())
    if order == "disk":
        return sorted(records, key=lambda record: -(sizes[record.folder] or 0))
    value: Callable[[RunRecord], float | None] = (
        beta if order == "beta" else lambda record: gateway.score(record, order)
    )

    def key(record: RunRecord) -> tuple[bool, float]:
        found = value(record)
        return found is None, found or 0.0

    return sorted(records, key=key)


def state_text(record: RunRecord) -> str:
    """State as the table says it: how far a run in training is, and whether it is hidden."""
    text = record.state
    if record.document and record.state == "running":
        text = f"running, {record.document.epoch} of {record.document.config.epochs}"
    return f"{text}, hidden" if record.hidden else text


def remark(record: RunRecord) -> str | None:
    """Why a folder cannot be opened, why training ended early, or which side file is damaged."""
    return " ".join([record.reason or "", *record.problems]).strip() or None


def frame(
    records: Sequence[RunRecord],
    thumbnails: Sequence[str | None],
    sizes: Sizes,
    selection: Selection | None = None,
) -> pd.DataFrame:
    """One row a run, in the given order, as the table shows it; disk use in bytes, averages over a selection."""
    rows = []
    for record, picture in zip(records, thumbnails, strict=True):
        document = record.document
        over = None if selection is None else gateway.selection_averages(record, selection)
        rows.append(
            {
                "map": picture,
                "name": record.name,
                "family": family(record),
                "data": dataset(record),
                "latent": document.config.latent if document else None,
                "beta": beta(record),
                "weight": _as_number(weight(record)),
                "epochs": document.epoch if document else None,
                "distortion": gateway.score(record, "distortion"),
                "rate": gateway.score(record, "rate"),
                "negative_elbo": gateway.score(record, "negative_elbo"),
                "selected_distortion": None if over is None else over.distortion,
                "selected_rate": None if over is None else over.rate,
                "selected_negative_elbo": None if over is None else over.negative_elbo,
                "state": state_text(record),
                "tags": ", ".join(record.tags) or None,
                "disk": sizes[record.folder],
                "date": datetime.fromisoformat(document.created) if document else None,
                "note": " ".join(record.note.split()) or None,
                "why": remark(record),
            }
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["date"] = pd.to_datetime(table["date"], utc=True)
    for name in ("latent", "epochs", "disk"):
        table[name] = table[name].astype("Int64")
    for name in ("beta", "weight", "distortion", "rate", "negative_elbo", *SELECTED):
        table[name] = table[name].astype("Float64")
    return table


def _as_number(weight: str | None) -> float | None:
    """A weight that sorts by its size: infinity, which a table shows as 'Infinity', where it reads 'infinite'."""
    return None if weight is None else float(weight.replace("infinite", "inf"))


_NUMBER: Callable[..., Any] = st.column_config.NumberColumn
_TEXT: Callable[..., Any] = st.column_config.TextColumn

COLUMNS: dict[str, Any] = {
    "map": st.column_config.ImageColumn(
        "Map",
        width=64,
        help="Test images in the two most informative latent dimensions, one colour a class. Where no latents "
        "are stored: the decoded lattice.",
    ),
    "name": _TEXT("Name", width=112),
    "family": _TEXT("Family", width=54),
    "data": _TEXT("Data", width=98),
    "latent": _NUMBER("Latent", width=52, help="Latent dimensions."),
    "beta": _NUMBER("β", width=58, format="%g", help="Weight of the rate R in the objective D + β R."),
    "weight": _NUMBER(
        "Weight",
        width=62,
        help="The same setting as a weight of the mean over pixels: n / β, infinite at β = 0.",
    ),
    "epochs": _NUMBER("Epochs", width=58, help="Epochs that the weights have seen."),
    "distortion": _NUMBER(
        "D",
        width=56,
        format="%.2f",
        help=f"Distortion on the test images, {UNITS}; lower is better for equal data and likelihood.",
    ),
    "rate": _NUMBER(
        "R",
        width=50,
        format="%.2f",
        help=f"Rate on the test images, {UNITS}; neither direction is better by itself.",
    ),
    "negative_elbo": _NUMBER(
        "D + R",
        width=57,
        format="%.2f",
        help=f"Negative ELBO on the test images, {UNITS}; lower is better for equal data and likelihood.",
    ),
    "selected_distortion": _NUMBER(
        "D sel.",
        width=58,
        format="%.2f",
        help=f"Distortion over the chosen selection, {UNITS}, from latents that are stored or cached; lower is better.",
    ),
    "selected_rate": _NUMBER(
        "R sel.", width=58, format="%.2f", help=f"Rate over the chosen selection, {UNITS}; neither is better."
    ),
    "selected_negative_elbo": _NUMBER(
        "D + R sel.",
        width=74,
        format="%.2f",
        help=f"Negative ELBO over the chosen selection, {UNITS}; lower is better.",
    ),
    "state": _TEXT("State", width=85),
    "tags": _TEXT("Tags", width=70, help="Words of your own, kept on this machine."),
    "disk": _NUMBER(
        "Disk",
        width=62,
        format="bytes",
        help="Disk use: bytes of all files of the run (1 kB = 1,000 bytes), latents and caches included.",
    ),
    "date": st.column_config.DatetimeColumn("Started", width=84, format="YYYY-MM-DD"),
    "note": _TEXT("Note", width=150),
    "why": _TEXT("Remark", width=240, help="Why a folder cannot be opened, or why training ended early."),
}
"""The columns, in order."""


WIDE_NAME = 330
"""Width of the names in a very wide window, where they stand on one line"""
SELECTED = ("selected_distortion", "selected_rate", "selected_negative_elbo")
"""The columns of a selection."""


def without_empty(columns: Mapping[str, Any], shown: pd.DataFrame) -> dict[str, Any]:
    """The columns of a table, without those of words and of a selection that no row has."""
    unused = [name for name in ("note", "why", *SELECTED) if name in columns and shown[name].isna().all()]
    left = {name: column for name, column in columns.items() if name not in unused}
    if controls.pixels(100) == 100:
        return left
    # text is larger in a very wide window, and there is room for whole names on one line
    wide = {"name": WIDE_NAME}
    return {
        name: {**column, "width": controls.pixels(wide.get(name, column["width"]))}
        for name, column in left.items()
    }


def download_frame(
    records: Sequence[RunRecord], sizes: Sizes, selection: Selection | None = None
) -> pd.DataFrame:
    """The table as people download it: whole, with ids, and with units in the names of the columns."""
    table = frame(records, [None] * len(records), sizes, selection).drop(columns=["map", "weight"])
    if selection is None:
        table = table.drop(columns=list(SELECTED))
    table.insert(0, "id", [record.id for record in records])
    table.insert(
        table.columns.get_loc("beta") + 1, "reconstruction_weight", [weight(record) for record in records]
    )
    table["state"] = [record.state for record in records]
    table["hidden"] = [record.hidden for record in records]
    table["note"] = [record.note for record in records]
    names = {"data": "dataset", "date": "started", "why": "remark", "disk": "disk use (bytes)"}
    names |= {n: f"test {n} ({UNITS})" for n in ("distortion", "rate", "negative_elbo")}
    names |= {n: f"{n.removeprefix('selected_')} over the selection ({UNITS})" for n in SELECTED}
    return table.rename(columns=names)
