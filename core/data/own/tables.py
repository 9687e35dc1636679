"""Tables: the vectors of a CSV or Parquet file."""

import hashlib
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from core.data.own.items import MIB, Item, label_text
from core.data.own.options import Limits, Options
from core.data.own.separated import UNNAMED, Form, check_names, form_of_text, unreadable
from core.errors import DataError
from core.files import one_line

BLOCK_VALUES = 2**22
"""Values read at a time"""
COMMA_NUMBER = r"\s*[+-]?\d*,\d+(?:[eE][+-]?\d+)?\s*"
"""A number with a decimal comma"""
INSTEAD = "CSV with a header, or Parquet"
DIGITS = r"\s*[+-]?\d{39,}(?:\.\d*)?\s*"
"""A number that no float32 holds, written out; pandas takes one of thousands of digits for text"""


@dataclass
class Vectors:
    """Rows of numbers from a CSV or Parquet file, with a label column or none."""

    path: Path
    shown: str
    columns: tuple[str, ...]
    """Of the numbers"""
    label: str | None
    form: Form | None
    """Of a CSV; None for Parquet"""
    decimal: str
    rows: int
    what: str
    kind: str = "vector"
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        """Number of rows."""
        return self.rows

    @property
    def digest(self) -> str:
        """Of the file's name, size and time, and of the columns."""
        status = self.path.stat()
        told = (self.path.name, status.st_size, status.st_mtime_ns, self.columns, self.label)
        return hashlib.sha256(repr(told).encode("utf-8", "replace")).hexdigest()

    def items(self, start: int, near: tuple[int, int] | None = None) -> Iterator[Item]:
        """Read the rows from `start` on.

        Raises:
            DataError: a value is no finite number; the sentence names row and column.
        """
        row = 0
        for frame in _frames(self.path, self.shown, self.form, self.label, self.decimal):
            if row + len(frame) > start:
                values, labels = self._numbers(frame, row), self._labels(frame)
                for place in range(max(0, start - row), len(frame)):
                    yield Item(f"row {row + place + 1}", values[place], labels[place])
            row += len(frame)

    def sample(self, count: int) -> Iterator[Item]:
        """Read the first rows."""
        for item, _ in zip(self.items(0), range(count), strict=False):
            yield item

    def _labels(self, frame: Any) -> list[str | None]:
        if self.label is None:
            return [None] * len(frame)
        return [None if _missing(one) else label_text(_plain(one)) for one in frame[self.label]]

    def _numbers(self, frame: Any, row: int) -> np.ndarray:
        out = np.zeros((len(frame), len(self.columns)), np.float32)
        for place, name in enumerate(self.columns):
            numbers = _floats(frame[name], self.decimal)
            with np.errstate(over="ignore"):
                out[:, place] = numbers
            wrong = np.flatnonzero(~np.isfinite(out[:, place]))
            if len(wrong):
                first = int(wrong[0])
                self._refuse(frame[name].iloc[first], numbers[first], row + first + 1, name)
        return out

    def _refuse(self, cell: Any, number: float, row: int, name: str) -> NoReturn:
        where = (
            f"Row {row} has {one_line(repr(_plain(cell)), limit=40)} in column '{one_line(name, limit=60)}'"
        )
        written = str(cell).lower()
        if (
            math.isfinite(number)
            or (math.isinf(number) and "inf" not in written)
            or re.fullmatch(DIGITS, written)
        ):
            raise DataError(
                f"{where}, more than a 32-bit float can hold (3.4e38): scale that column, or leave such rows out."
            )
        raise DataError(
            f"{where}, where a finite number belongs: mend or leave out such rows, or name the column of the labels "
            "(label=...)."
        )


def _floats(cells: Any, decimal: str) -> np.ndarray:
    """A column as float64; NaN for what is no number, infinity for what is too large."""
    import pandas as pd

    if decimal == "," and not pd.api.types.is_numeric_dtype(cells.dtype):
        # a column that pandas left as text, for one of its cells is none; a point would separate thousands
        text = cells.astype(str)
        cells = text.mask(text.str.contains(".", regex=False), "").str.replace(",", ".", regex=False)
    try:
        return np.asarray(pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=math.nan))
    except OverflowError:  # whole numbers of hundreds of digits are Python's
        return np.array([_float(one) for one in cells], np.float64)


def _float(cell: Any) -> float:
    try:
        return float(cell)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):
        return math.nan


def _missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value)) or value != value


def _plain(value: Any) -> Any:
    """A cell as people write it: 3 for a column of whole numbers that pandas made floats."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value.item() if isinstance(value, np.generic) else value


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def _frames(
    path: Path, shown: str, form: Form | None, label: str | None, decimal: str = "."
) -> Iterator[Any]:
    """Blocks of a table; labels of a CSV stay as typed: 007 is not 7, and NA is a name.

    Raises:
        DataError: the file changed meanwhile, or a row has more fields than the header.
    """
    import pandas as pd

    blocks = _parquet_frames(path) if form is None else _csv_frames(path, form, label, decimal)
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "error", pd.errors.ParserWarning
                )  # it only warns of fields that it drops
                block = next(blocks, None)
        except MemoryError:
            raise
        except Exception as error:
            # pandas and pyarrow raise a dozen unrelated kinds for bytes that are not what they should be
            raise unreadable(shown, error, INSTEAD) from None
        if block is None:
            return
        yield block


def _block_rows(columns: int) -> int:
    return max(64, BLOCK_VALUES // columns)


def _parquet_frames(path: Path) -> Iterator[Any]:
    import pyarrow.parquet as parquet

    file = parquet.ParquetFile(path)
    names = [name.strip() for name in file.schema_arrow.names]
    for batch in file.iter_batches(batch_size=_block_rows(len(names))):
        frame = batch.to_pandas(ignore_metadata=True)
        frame.columns = names
        yield frame


def _csv_frames(path: Path, form: Form, label: str | None, decimal: str) -> Iterator[Any]:
    import pandas as pd

    kinds = {} if label is None else {label: str}
    rows = _block_rows(len(form.names))
    options = form.options(**kinds)
    for frame in pd.read_csv(path, chunksize=rows, low_memory=False, decimal=decimal, **options):
        yield form.rows(frame)


def open_vectors(path: Path, shown: str, options: Options, limits: Limits) -> Vectors:
    """Look at a CSV or Parquet file: its columns, and how many rows it has.

    Args:
        path: the file.
        shown: what a sentence calls it.
        options: its `label`.
        limits: of its bytes, rows and columns.

    Raises:
        DataError: it is too large, is no such file, has no such label column, or no or too many columns.
    """
    size = path.stat().st_size
    if size > limits.table * MIB:
        raise DataError(
            f"'{shown}' has {size / MIB:,.0f} MiB, more than the limit of {limits.table:g}: set it higher (table=...)."
        )
    label = None if options.label is None else options.label.strip()
    form = None if _is_parquet(path) else _form(path, shown)
    names, rows = _parquet_head(path, shown, label, limits) if form is None else (form.names, None)
    if label is not None and label not in names:
        raise DataError(
            f"'{shown}' has no column '{one_line(label, limit=60)}': choose from {listed(names)}."
        )
    numbering = [name for name in _numbering(names) if name != label]
    columns = tuple(name for name in names if name != label and name not in numbering)
    if form is not None and _all_numbers(columns):
        raise DataError(f"The first row of '{shown}' holds numbers and no names: give it a header.")
    check_names(names, shown)
    if len(columns) > limits.columns:
        raise DataError(
            f"'{shown}' has {len(columns):,} columns, more than the limit of {limits.columns:,}: set it higher "
            "(columns=...)."
        )
    what, decimal = f"Parquet file of {len(columns)} columns", "."
    if form is not None:
        rows, decimal = _csv_rows(path, shown, form, label, limits)
        commas = ", with decimal commas" if decimal == "," else ""
        what = f"CSV file of {len(columns)} columns{form.what}{commas}"
    if not columns or not rows:
        raise DataError(
            f"'{shown}' holds no {'numbers' if rows else 'rows'}: give a header and rows of numbers below."
        )
    left_out = [
        (f"column '{one_line(name, limit=60)}'", "has no name: row numbers, it seems") for name in numbering
    ]
    return Vectors(path, shown, columns, label, form, decimal, rows, what, left_out=left_out)


def _form(path: Path, shown: str) -> Form:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return form_of_text(file)
    except (OSError, ValueError) as error:
        raise unreadable(shown, error, INSTEAD) from None


def _numbering(names: tuple[str, ...]) -> list[str]:
    """Columns of row numbers that pandas writes: unnamed in a CSV, under names of its own in Parquet."""
    return [name for name in names if name.startswith((UNNAMED, "__index_level_"))]


def _all_numbers(names: tuple[str, ...]) -> bool:
    """Whether a header is a row of numbers; 0, 1, 2, ... are names that pandas gives."""
    if names == tuple(str(k) for k in range(len(names))):
        return False
    try:
        return all(math.isfinite(float(name)) for name in names) and bool(names)
    except ValueError:
        return False


def listed(names: tuple[str, ...]) -> str:
    """Name the first columns in a sentence."""
    shown = ", ".join(one_line(name, limit=40) for name in names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"


def _counted(rows: int, limits: Limits) -> int:
    if rows > limits.items:
        raise DataError(
            f"It holds more than {limits.items:,} rows: take fewer, or set the limit higher (items=...)."
        )
    return rows


def _csv_rows(path: Path, shown: str, form: Form, label: str | None, limits: Limits) -> tuple[int, str]:
    """How many rows a CSV has, and its decimal sign: where no comma separates, one in a number is that."""
    rows, decimal = 0, "."
    for frame in _frames(path, shown, form, label):
        rows = _counted(rows + len(frame), limits)
        if form.separator != "," and decimal != "," and _has_commas(frame, label):
            decimal = ","
    return rows, decimal


def _has_commas(frame: Any, label: str | None) -> bool:
    texts = frame.drop(columns=[] if label is None else [label]).select_dtypes(exclude="number")
    return any(texts[name].astype(str).str.fullmatch(COMMA_NUMBER).any() for name in texts)


def _parquet_head(path: Path, shown: str, label: str | None, limits: Limits) -> tuple[tuple[str, ...], int]:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    try:
        file = parquet.ParquetFile(path)
        schema, groups = file.schema_arrow, file.metadata
        unpacked = sum(groups.row_group(k).total_byte_size for k in range(groups.num_row_groups))
    except Exception as error:
        # pyarrow raises a dozen unrelated kinds for bytes that are not what they should be
        raise unreadable(shown, error, INSTEAD) from None
    if unpacked > limits.table * MIB:
        raise DataError(
            f"'{shown}' unpacks to {unpacked / MIB:,.0f} MiB, more than the limit of {limits.table:g}: set it higher "
            "(table=...)."
        )
    names = tuple(name.strip() for name in schema.names)
    for column in schema:
        kind = column.type
        number = arrow.types.is_integer(kind) or arrow.types.is_floating(kind) or arrow.types.is_boolean(kind)
        if not number and column.name.strip() not in (label, *_numbering(names)):
            raise DataError(
                f"Column '{one_line(column.name, limit=60)}' of '{shown}' holds {kind} and no numbers: leave it out, "
                "or name it as the column of the labels (label=...)."
            )
    return names, _counted(groups.num_rows, limits)
