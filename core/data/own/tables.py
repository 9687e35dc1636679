"""Tables: the vectors of a CSV or Parquet file, and the columns of an attribute table that stands beside images."""

import hashlib
import io
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.data.own.items import MIB, Item, label_text
from core.data.own.options import Limits, Options
from core.errors import DataError
from core.files import one_line

BLOCK_VALUES = 2**22
"""Values read at a time"""


@dataclass
class Vectors:
    """Rows of numbers from a CSV or Parquet file, with a label column or none."""

    path: Path
    columns: tuple[str, ...]
    """Of the numbers"""
    label: str | None
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
        for frame in _frames(self.path, self.label, columns=len(self.columns)):
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
        import pandas as pd

        out = np.zeros((len(frame), len(self.columns)), np.float32)
        for place, name in enumerate(self.columns):
            numbers = pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64, na_value=math.nan)
            with np.errstate(over="ignore"):
                out[:, place] = numbers
            wrong = np.flatnonzero(~np.isfinite(out[:, place]))
            if len(wrong):
                first = int(wrong[0])
                raise DataError(
                    f"Row {row + first + 1} has {one_line(repr(_plain(frame[name].iloc[first])), limit=40)} in column "
                    f"'{one_line(name, limit=60)}', where a finite number belongs: mend or leave out such rows, or "
                    "name the column of the labels (label=...)."
                )
        return out


def _missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value)) or value != value


def _plain(value: Any) -> Any:
    """A cell as people write it: 3 for a column of whole numbers that pandas made floats."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.item() if isinstance(value, np.generic) else value


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def _frames(path: Path, label: str | None, *, columns: int) -> Iterator[Any]:
    """Blocks of a table of about so many columns; labels of a CSV stay as typed: 007 is not 7, and NA is a name.

    Raises:
        DataError: the file changed meanwhile, or a row has more fields than the header.
    """
    import pandas as pd

    rows = max(64, BLOCK_VALUES // columns)
    shown = one_line(path.name, limit=60)
    blocks = _parquet_frames(path, rows) if _is_parquet(path) else _csv_frames(path, rows, label)
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
            raise DataError(
                f"'{shown}' cannot be read as a table ({one_line(error, limit=100)}): give CSV with a header, or "
                "Parquet."
            ) from None
        if block is None:
            return
        yield block


def _parquet_frames(path: Path, rows: int) -> Iterator[Any]:
    import pyarrow.parquet as parquet

    for batch in parquet.ParquetFile(path).iter_batches(batch_size=rows):
        yield batch.to_pandas(ignore_metadata=True)


def _csv_frames(path: Path, rows: int, label: str | None) -> Iterator[Any]:
    import pandas as pd

    kinds = {} if label is None else {label: str}
    yield from pd.read_csv(
        path, chunksize=rows, low_memory=False, index_col=False, keep_default_na=False, dtype=kinds
    )


def open_vectors(path: Path, options: Options, limits: Limits) -> Vectors:
    """Look at a CSV or Parquet file: its columns, and how many rows it has.

    Raises:
        DataError: it is too large, is no such file, has no such label column, or no or too many columns.
    """
    shown, size = one_line(path.name, limit=60), path.stat().st_size
    if size > limits.table * MIB:
        raise DataError(
            f"'{shown}' has {size / MIB:,.0f} MiB, more than the limit of {limits.table:g}: set it higher (table=...)."
        )
    names, rows = _parquet_head(path, options, limits) if _is_parquet(path) else _csv_head(path, limits)
    label = options.label
    if label is not None and label not in names:
        raise DataError(
            f"'{shown}' has no column '{one_line(label, limit=60)}': choose from {_listed(names)}."
        )
    numbering = [name for name in _numbering(names) if name != label]
    columns = tuple(name for name in names if name != label and name not in numbering)
    if not _is_parquet(path) and _all_numbers(columns):
        raise DataError(f"The first row of '{shown}' holds numbers and no names: give it a header.")
    if not columns or not rows:
        raise DataError(
            f"'{shown}' holds no {'numbers' if rows else 'rows'}: give a header and rows of numbers below."
        )
    if len(columns) > limits.columns:
        raise DataError(
            f"'{shown}' has {len(columns):,} columns, more than the limit of {limits.columns:,}: set it higher "
            "(columns=...)."
        )
    what = f"{'Parquet' if _is_parquet(path) else 'CSV'} file of {len(columns)} columns"
    left_out = [
        (f"column '{one_line(name, limit=60)}'", "has no name: row numbers, it seems") for name in numbering
    ]
    return Vectors(path, columns, label, rows, what, left_out=left_out)


def _numbering(names: tuple[str, ...]) -> list[str]:
    """Columns of row numbers that pandas writes: unnamed in a CSV, under names of its own in Parquet."""
    return [name for name in names if name.startswith(("Unnamed: ", "__index_level_"))]


def _all_numbers(names: tuple[str, ...]) -> bool:
    """Whether a header is a row of numbers; 0, 1, 2, ... are names that pandas gives."""
    if names == tuple(str(k) for k in range(len(names))):
        return False
    try:
        return all(math.isfinite(float(name)) for name in names) and bool(names)
    except ValueError:
        return False


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(one_line(name, limit=40) for name in names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"


def _counted(rows: int, limits: Limits) -> int:
    if rows > limits.items:
        raise DataError(
            f"It holds more than {limits.items:,} rows: take fewer, or set the limit higher (items=...)."
        )
    return rows


def _csv_head(path: Path, limits: Limits) -> tuple[tuple[str, ...], int]:
    names: tuple[str, ...] = ()
    rows = 0
    for frame in _frames(path, None, columns=limits.columns):
        names = tuple(str(name) for name in frame.columns)
        rows = _counted(rows + len(frame), limits)
    return names, rows


def _parquet_head(path: Path, options: Options, limits: Limits) -> tuple[tuple[str, ...], int]:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    shown = one_line(path.name, limit=60)
    try:
        file = parquet.ParquetFile(path)
        schema, groups = file.schema_arrow, file.metadata
        unpacked = sum(groups.row_group(k).total_byte_size for k in range(groups.num_row_groups))
    except Exception as error:
        # pyarrow raises a dozen unrelated kinds for bytes that are not what they should be
        raise DataError(
            f"'{shown}' cannot be read as a table ({one_line(error, limit=100)}): give CSV with a header, or Parquet."
        ) from None
    if unpacked > limits.table * MIB:
        raise DataError(
            f"'{shown}' unpacks to {unpacked / MIB:,.0f} MiB, more than the limit of {limits.table:g}: set it higher "
            "(table=...)."
        )
    names = tuple(schema.names)
    if len(set(names)) < len(names):
        raise DataError(f"'{shown}' has two columns of one name: give each its own.")
    for column in schema:
        kind = column.type
        number = arrow.types.is_integer(kind) or arrow.types.is_floating(kind) or arrow.types.is_boolean(kind)
        if not number and column.name not in (options.label, *_numbering(names)):
            raise DataError(
                f"Column '{one_line(column.name, limit=60)}' of '{shown}' holds {kind} and no numbers: leave it out, "
                "or name it as the column of the labels (label=...)."
            )
    return names, _counted(groups.num_rows, limits)


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
    columns = tuple(str(name) for name in frame.columns[1:])
    names = tuple(str(one).strip() for one in frame.iloc[:, 0])
    if label is None:
        return Attributes(columns, names, (None,) * len(names))
    if label not in columns:
        raise DataError(
            f"'{shown}' has no attribute '{one_line(label, limit=60)}': choose from {_listed(columns)}."
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

    options: dict[str, Any] = {"dtype": str, "keep_default_na": False}
    try:
        text = payload.decode("utf-8-sig")
        if header and text[:20].split("\n", 1)[0].strip().isdigit():
            frame = pd.read_csv(io.StringIO(text), sep=r"\s+", skiprows=1, **options).reset_index()
        elif header:
            frame = pd.read_csv(io.StringIO(text), **options)
        else:
            frame = pd.read_csv(io.StringIO(text), sep=r"\s+", header=None, **options)
    except (UnicodeDecodeError, ValueError, pd.errors.ParserError) as error:
        raise DataError(
            f"'{shown}' cannot be read as a table ({one_line(error, limit=100)}): give CSV with a header, or the text "
            "that CelebA has."
        ) from None
    if len(frame.columns) < 2:
        raise DataError(f"'{shown}' has one column: give the image's name first, then its attributes.")
    return frame
