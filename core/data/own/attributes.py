"""The attribute table that stands beside images: a CSV, or the text that CelebA has, and its list of splits."""

import io
import warnings
from dataclasses import dataclass
from typing import Any

from core.data.own.items import label_text
from core.data.own.separated import UNNAMED, check_names, form_of_text, unreadable
from core.data.own.tables import listed
from core.errors import DataError
from core.files import one_line


@dataclass(frozen=True)
class Attributes:
    """An attribute table beside images: a name of an image, and its values."""

    columns: tuple[str, ...]
    names: tuple[str, ...]
    """(N,) as the table writes them: compared with the names of files, never made a path"""
    labels: tuple[str | None, ...]
    """(N,) the chosen column, or None for all"""


def read_attributes(payload: bytes, shown: str, label: str | None) -> Attributes:
    """Read an attribute table: CSV with a header, or the text of CelebA (a count, the names, then a row an image).

    Args:
        payload: the file's bytes.
        shown: its name.
        label: the column to take labels from; of two values -1 and 1, or 0 and 1, the classes are "not X" and "X".

    Raises:
        DataError: it cannot be read, or has no such column.
    """
    frame = _table(payload, shown)
    columns = tuple(str(name) for name in frame.columns[1:] if not str(name).startswith(UNNAMED))
    names = tuple(str(one).strip() for one in frame.iloc[:, 0])
    if label is None:
        return Attributes(columns, names, (None,) * len(names))
    label = label.strip()
    if label not in columns:
        raise DataError(
            f"'{shown}' has no attribute '{one_line(label, limit=60)}': choose from {listed(columns)}."
        )
    values = [str(one).strip() for one in frame[label]]
    off, on = label_text(f"not {label}"), label_text(label)
    if set(values) <= {"-1", "1"} or set(values) <= {"0", "1"}:
        return Attributes(columns, names, tuple(on if one == "1" else off for one in values))
    return Attributes(columns, names, tuple(label_text(one) if one else None for one in values))


def read_partition(payload: bytes, shown: str) -> dict[str, int]:
    """Read CelebA's list of splits: image name to 0 (train; its validation joins) or 1 (test).

    Raises:
        DataError: it cannot be read.
    """
    frame = _table(payload, shown, header=shown.lower().endswith(".csv"))
    kinds = {"0": 0, "1": 0, "2": 1}
    return {
        str(name).strip(): kinds[str(value).strip()]
        for name, value in zip(frame.iloc[:, 0], frame.iloc[:, 1], strict=True)
        if str(value).strip() in kinds
    }


def _table(payload: bytes, shown: str, *, header: bool = True) -> Any:
    import pandas as pd

    text_options: dict[str, Any] = {"sep": r"\s+", "dtype": str, "keep_default_na": False}
    try:
        text = payload.decode("utf-8-sig")
        lines = text.split("\n", 2)
        if header and lines[0].strip().isdigit():
            check_names(tuple(lines[1].split()) if len(lines) > 1 else (), shown)
            frame = pd.read_csv(io.StringIO(text), skiprows=1, **text_options).reset_index()
        elif header:
            form = form_of_text(io.StringIO(text, newline=""))
            check_names(form.names, shown)
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "error", pd.errors.ParserWarning
                )  # it only warns of fields that it drops
                options = form.options(**dict.fromkeys(form.names, str))
                frame = form.rows(pd.read_csv(io.StringIO(text), **options))
        else:
            frame = pd.read_csv(io.StringIO(text), header=None, **text_options)
    except (ValueError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise unreadable(shown, error, "CSV with a header, or the text that CelebA has") from None
    if len(frame.columns) < 2:
        raise DataError(f"'{shown}' has one column: give the image's name first, then its attributes.")
    return frame
