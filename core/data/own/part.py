"""What is read of a source so far, on disk: an import that was cut off goes on from here."""

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from core.data.own.items import Source
from core.data.own.library import LEFT_OUT_KEPT, Request
from core.data.own.options import MOST_CLASSES, Limits
from core.data.own.rows import form_of
from core.errors import CheckpointError, DataError
from core.files import read_json, write_json

NO_LABEL = -1


class Part:
    """What is read so far: three files that only grow, and a note of how far each is to be believed."""

    def __init__(self, folder: Path, source: Source, request: Request) -> None:
        self.folder = folder
        self.asked = hashlib.sha256(
            json.dumps([source.digest, request.options.model_dump(mode="json")], sort_keys=True).encode()
        ).hexdigest()
        self.note: dict[str, Any] = {}
        with contextlib.suppress(CheckpointError):
            note = read_json(folder / "part.json")
            if note.get("asked") == self.asked and self._holds(note):
                self.note = note
        if not self.note:
            size, channels = form_of(source, request.options) if source.kind == "image" else ((1, 0), 1)
            self.note = {
                "asked": self.asked,
                "size": list(size),
                "channels": channels,
                "shape": None,
                "done": 0,
                "kept": 0,
                "labels": [],
                "left_out": [list(one) for one in source.left_out[:LEFT_OUT_KEPT]],
                "left_out_count": len(source.left_out),
            }
        self.places = {name: place for place, name in enumerate(self.note["labels"])}
        self.files: dict[str, BinaryIO] = {}

    def path(self, name: str) -> Path:
        """One of the growing files."""
        return self.folder / f"part.{name}"

    def _lengths(self, note: dict[str, Any]) -> dict[str, int]:
        each = int(np.prod(note["shape"] or [0])) * note.get("item", 1)
        return {"values": note["kept"] * each, "labels": note["kept"] * 4, "splits": note["kept"]}

    def _holds(self, note: dict[str, Any]) -> bool:
        try:
            return all(self.path(name).stat().st_size >= size for name, size in self._lengths(note).items())
        except (OSError, KeyError, TypeError):
            return False

    def open(self) -> None:
        """Open the files at the end of what the note speaks of: what lies behind it is written over."""
        for name, size in self._lengths(self.note).items():
            file = self.path(name).open("r+b" if self.path(name).exists() else "w+b")
            file.seek(size)
            self.files[name] = file

    def keep(self, rows: list[np.ndarray], labels: list[int], splits: list[int]) -> None:
        """Append a chunk, then note it."""
        if rows:
            if self.note["shape"] not in (None, list(rows[0].shape)):
                raise DataError(
                    "Its items have unequal shapes: give images of one size, or vectors of one length."
                )
            self.note["shape"], self.note["item"] = list(rows[0].shape), rows[0].itemsize
            self.files["values"].write(np.stack(rows).tobytes())
            self.files["labels"].write(np.array(labels, np.int32).tobytes())
            self.files["splits"].write(np.array(splits, np.int8).tobytes())
            self.note["kept"] += len(rows)
        for file in self.files.values():
            file.flush()
            os.fsync(file.fileno())
        write_json(self.folder / "part.json", self.note)

    def label(self, name: str | None, limits: Limits) -> int:
        """Number of a label, in the order in which they are met."""
        if name is None:
            return NO_LABEL
        if name not in self.places:
            if len(self.places) >= limits.classes:
                most = limits.classes == MOST_CLASSES
                raise DataError(
                    f"It has more than {limits.classes} classes, with '{name}': "
                    + ("no more can be told apart on a map" if most else "set the limit higher (classes=...)")
                    + ", choose another label, or leave the label out."
                )
            self.places[name] = len(self.places)
            self.note["labels"].append(name)
        return self.places[name]

    def leave_out(self, name: str, why: str) -> None:
        """Note an item that cannot be used."""
        self.note["left_out_count"] += 1
        if len(self.note["left_out"]) < LEFT_OUT_KEPT:
            self.note["left_out"].append([name, why])

    def close(self, *, remove: bool = False) -> None:
        """Close the files, and remove them once they are not needed."""
        for file in self.files.values():
            file.close()
        for name in ("json", "values", "labels", "splits") if remove else ():
            self.path(name).unlink(missing_ok=True)
