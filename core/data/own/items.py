"""The items of a source, and what every kind of source can do."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from core.files import one_line

NAME_LIMIT = 60
"""Characters of a class's name that are kept"""
MIB = 2**20


@dataclass(frozen=True)
class Item:
    """One item of a source: what it is, or what is wrong with it."""

    name: str
    """Where it stands in the source, for people"""
    value: Any = None
    """A Pillow image, an array of numbers (d,), or None where it cannot be used"""
    label: str | None = None
    split: int | None = None
    """0 train, 1 test, None where the source does not say"""
    wrong: str | None = None
    """The end of a sentence about it, where it cannot be used"""


class Source(Protocol):
    """A row of items that can be read from any place on."""

    kind: str
    """'image' or 'vector'"""
    what: str
    """What it is, in a few words"""
    left_out: list[tuple[str, str]]
    """(name, why) of what is no item at all"""

    def __len__(self) -> int:
        """Number of items."""

    @property
    def digest(self) -> str:
        """Of what is listed: an import goes on only where its source is as it was."""

    def items(self, start: int, near: tuple[int, int] | None = None) -> Iterator[Item]:
        """Read the items from `start` on; `near` is the (height, width) that will be wanted."""

    def sample(self, count: int) -> Iterator[Item]:
        """Read about so many items, spread over the source where that is cheap."""


def label_text(text: object) -> str:
    """A class's name as it is kept: one line of visible characters.

    A name that is cut, or that had invisible characters, ends in a short hash of the whole, so that two stay two.
    """
    raw = str(text)
    plain = one_line(raw, limit=max(len(raw), NAME_LIMIT))
    if plain == " ".join(raw.split()) and 0 < len(plain) <= NAME_LIMIT:
        return plain
    mark = hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()[:5]
    return f"{plain[: NAME_LIMIT - 7].rstrip() or '(no visible name)'} ~{mark}"
