"""Words that several tests of the engine share: types of fixtures, families with their networks, awkward names."""

from collections.abc import Callable
from pathlib import Path

from core.config import RunConfig
from core.families import FAMILIES
from core.runs import Run

Trained = Callable[..., Run]
Small = Callable[..., RunConfig]
Copy = Callable[..., Path]
Edit = Callable[..., None]
Sentence = Callable[[BaseException], str]
ROWS = [(row.name, network) for row in FAMILIES.values() for network in row.networks]
NAMES = [
    "<script>alert(1)</script>",
    "**bold** $x$ [link](javascript:alert(1))",
    "../../etc/passwd",
    "..",
    "C:\\Windows\\system32",
    "run\u202egnp.exe",
    "שלום עולם",
    "数字 и цифры 🎉",
    "bell\x07 and null\x00",
    "two\nlines\r\n",
    "  spaces   around ",
    "con",
    "-",
    "a" * 120,
]
"""Display names that must be shown letter by letter, and never be a path"""
