"""What a selection is, and its reading from one file: a named set of images of one data set."""

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, StrictInt, ValidationError

from core.data.images import SPLITS
from core.errors import CheckpointError, ConfigError
from core.files import JSON_LIMIT, one_line, parse_json, read_bytes
from core.store.documents import NAME_LIMIT
from core.store.names import ID_PATTERN, clean_name

FORMAT = 1

ORIGIN_LIMIT = 400
"""Characters of the sentence that says how a selection was made."""
ROW_LIMIT = 2**28
"""Rows of a source lie below this: as many as the id of a point on a map has room for."""

Rows = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Selection:
    """A kept selection, or a file that is not a readable one (`reason` says why)."""

    id: str
    name: str
    dataset: str
    """Name in the catalogue; empty of a file that is not readable"""
    fingerprint: str
    """SHA-256 of the data set's content, as a run's data document has it"""
    created: str
    """UTC, ISO 8601, to the second"""
    origin: str
    """One sentence: how it was made"""
    run: str | None = None
    """Id of the run that it was made on"""
    query: dict[str, Any] | None = field(default=None, hash=False)
    """What it was asked for by, as `core.analysis.queries.Query.document` writes it; None of one made by hand"""
    rows: Rows = field(default_factory=dict, hash=False)
    """Split -> sorted rows in the source, in the order of core.data.images.SPLITS, without empty ones"""
    reason: str | None = None
    """Why it cannot be read; None where it can"""

    def __post_init__(self) -> None:
        """Make the rows read-only."""
        object.__setattr__(self, "rows", MappingProxyType(dict(self.rows)))

    def __len__(self) -> int:
        """Count the images."""
        return sum(len(rows) for rows in self.rows.values())

    def __bool__(self) -> bool:
        """A selection is one however many images it has: `if selection` asks whether there is one."""
        return True

    @property
    def readable(self) -> bool:
        """Whether the file could be read."""
        return self.reason is None

    @property
    def data(self) -> tuple[str, str]:
        """Name and fingerprint of the data set: a run sees these images where both are its own."""
        return self.dataset, self.fingerprint


class _Document(BaseModel):
    """What a file of a selection holds; its id is the file's name."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    format: int
    name: str
    dataset: str
    fingerprint: str
    created: str
    origin: str
    run: str | None = None
    query: dict[str, Any] | None = None
    rows: dict[str, tuple[StrictInt, ...]]


def selection_document(selection: Selection) -> dict[str, Any]:
    """Describe a selection as its file does: JSON, without its id, which is the file's name."""
    return {
        "format": FORMAT,
        "name": selection.name,
        "dataset": selection.dataset,
        "fingerprint": selection.fingerprint,
        "created": selection.created,
        "origin": selection.origin,
        "run": selection.run,
        "query": selection.query,
        "rows": {split: list(rows) for split, rows in selection.rows.items()},
    }


def clean_rows(rows: Mapping[str, Iterable[int]]) -> dict[str, tuple[int, ...]]:
    """Sort rows by split, each once; splits without any are left out.

    Raises:
        ConfigError: an unknown split, a row that is no whole number from 0, or one too large for any source.
    """
    found: dict[str, tuple[int, ...]] = {}
    for split in rows:
        if split not in SPLITS:
            raise ConfigError(
                f"There is no split '{one_line(split, limit=60)}': choose one of {', '.join(SPLITS)}."
            )
    for split in SPLITS:
        numbers = sorted({_row(one) for one in rows.get(split, ())})
        if numbers and not 0 <= numbers[0] <= numbers[-1] < ROW_LIMIT:
            odd = numbers[0] if numbers[0] < 0 else numbers[-1]
            raise ConfigError(
                f"Row {odd} is no row of a data set: rows are counted from 0 to {ROW_LIMIT - 1} at most."
            )
        if numbers:
            found[split] = tuple(numbers)
    return found


def _row(value: object) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ConfigError(
            f"Rows are whole numbers, not {one_line(repr(value), limit=60)}: give rows of the data set."
        ) from None


def read_selection(path: Path) -> Selection:
    """Describe one file; a broken one is described as broken, with the reason, never raised."""
    try:
        if path.is_symlink():
            raise CheckpointError("It is a link, and links are not followed.")
        if not path.is_file():
            raise CheckpointError("It is no file: move it elsewhere." if path.exists() else "It is gone.")
        if not ID_PATTERN.fullmatch(path.stem):
            raise CheckpointError(
                "Its file's name has other characters than a-z, 0-9 and '-': rename the file."
            )
        return _parsed(path.stem, read_bytes(path, limit=JSON_LIMIT))
    except CheckpointError as error:
        shown = one_line(path.stem, limit=NAME_LIMIT) or "(no visible name)"
        return Selection(
            shown, shown, dataset="", fingerprint="", created="", origin="", reason=one_line(error, limit=400)
        )


def _parsed(selection_id: str, payload: bytes) -> Selection:
    remedy = "restore it from a copy, or delete the selection"
    value = parse_json(payload, f"{selection_id}.json", remedy=remedy)
    version = value.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise CheckpointError(
            f"It was written in format {version}, newer than {FORMAT}: update VAEScope to use it."
        )
    try:
        document = _Document.model_validate(value)
        datetime.fromisoformat(document.created)
        rows = clean_rows(document.rows)
        name = clean_name(document.name, of="selection")
    except (ValidationError, ConfigError, ValueError) as error:
        detail = str(error).rstrip(".")
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            detail = f"'{'.'.join(str(part) for part in first['loc'])}': {first['msg']}"
        raise CheckpointError(
            f"'{selection_id}.json' is damaged or not ours ({one_line(detail, limit=120)}): {remedy}."
        ) from error
    if not rows:
        raise CheckpointError(f"'{selection_id}.json' keeps no image: {remedy}.")
    return Selection(
        id=selection_id,
        name=name,
        dataset=one_line(document.dataset, limit=NAME_LIMIT),
        fingerprint=document.fingerprint,
        created=document.created,
        origin=one_line(document.origin, limit=ORIGIN_LIMIT),
        run=None if document.run is None else one_line(document.run, limit=NAME_LIMIT),
        query=document.query,
        rows=rows,
    )
