"""The command line run in this process, and what its tests look at."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from core.cli import main

REPO = Path(__file__).resolve().parents[3]
QUICK = ("--set", "epochs=1", "threads=1", "--device", "cpu")
PROMISED = {
    "distortion",
    "rate",
    "negative_elbo",
    "rate_per_dimension",
    "reconstruction_weight",
    "pixels",
    "images",
    "excess_distortion",
}


def parsed(text: str) -> Any:
    """Parse JSON as strict readers do: NaN and Infinity are no JSON."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in JSON")

    return json.loads(text, parse_constant=refuse)


class Shell:
    """Runs a command in this process; `out` and `err` are what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.out = self.err = ""

    def __call__(self, *words: str) -> int:
        code = main([str(word) for word in words])
        self.out, self.err = self.capsys.readouterr()
        return code

    def json(self, *words: str) -> Any:
        assert self(*words, "--json") == 0, self.err
        return parsed(self.out)


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
