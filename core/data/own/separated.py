"""The form of a CSV file, told by its first lines: what separates its fields, and the names in its header."""

import csv
import itertools
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, TextIO

from core.errors import DataError
from core.files import one_line

SEPARATORS = {";": "semicolons", "\t": "tabs"}
"""Taken where the header has no comma; spreadsheets write the first where the comma is the decimal sign"""
UNNAMED = "Unnamed: "
"""How pandas calls a column without a name, most often that of the row numbers which it wrote itself"""


@dataclass(frozen=True)
class Form:
    """What a CSV file says of itself before its rows."""

    separator: str
    names: tuple[str, ...]
    """Of the columns, without blanks at their ends"""
    trailing: bool
    """Whether its rows end in a separator, and so have an empty field more than the header"""

    @property
    def what(self) -> str:
        """The separator, where it is no comma."""
        return f", separated by {SEPARATORS[self.separator]}" if self.separator in SEPARATORS else ""

    def options(self, **kinds: type) -> dict[str, Any]:
        """How `pandas.read_csv` is to read such a file; `kinds` are types of columns."""
        end = [f"{UNNAMED}the end"] if self.trailing else []
        return {
            "sep": self.separator,
            "header": 0,
            "names": [*self.names, *end],
            "dtype": kinds | dict.fromkeys(end, str),
            "index_col": False,
            "keep_default_na": False,
            "skipinitialspace": True,
        }

    def rows(self, frame: Any) -> Any:
        """What pandas read, without the empty field at the end of the rows.

        Raises:
            ValueError: it is not empty.
        """
        if not self.trailing:
            return frame
        if (frame.iloc[:, -1] != "").any():
            raise ValueError("rows have a field more than the header")
        return frame.iloc[:, :-1]


def form_of_text(file: TextIO) -> Form:
    """Tell the form of a CSV text by its header and first row.

    Raises:
        ValueError: it is empty, or no CSV.
        UnicodeDecodeError: it is no UTF-8.
    """
    lines = (line for line in file if line.strip())
    first = next(lines, "")
    plain = re.sub(r'"[^"]*("|$)', "", first)
    separator = "," if "," in plain else next((one for one in SEPARATORS if one in plain), ",")
    try:
        rows = csv.reader(itertools.chain([first], lines), delimiter=separator, skipinitialspace=True)
        header, row = next(rows, []), next(rows, [])
    except csv.Error as error:
        raise ValueError(str(error)) from error
    if not header:
        raise ValueError("it is empty")
    trailing = len(row) == len(header) + 1 and not row[-1]
    return Form(separator, _named([name.strip() for name in header]), trailing)


def _named(names: list[str]) -> tuple[str, ...]:
    for place, name in enumerate(names):
        if not name:
            names[place] = f"{UNNAMED}{place}"
            if names.count(names[place]) > 1:  # a table that pandas wrote, read and wrote again
                names[place] += ".1"
    return tuple(names)


def check_names(names: tuple[str, ...], shown: str) -> None:
    """Refuse a table that has two columns of one name.

    Raises:
        DataError: it has.
    """
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(
            f"'{shown}' has two columns of one name, '{one_line(name, limit=60)}' (blanks at its ends do not count): "
            "give each its own."
        )


def unreadable(shown: str, error: Exception, give: str) -> DataError:
    """What to say of a file that cannot be read as a table; `give` is what to give instead."""
    if isinstance(error, UnicodeDecodeError):
        return DataError(
            f"'{shown}' cannot be read as a table, for it is no UTF-8: save it as UTF-8 (spreadsheets call it "
            '"CSV UTF-8").'
        )
    return DataError(f"'{shown}' cannot be read as a table ({one_line(error, limit=100)}): give {give}.")
