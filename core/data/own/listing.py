"""The files of a folder or a zip, before anybody knows what its folders mean, and what is left out from the start."""

import os
import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from core.data.own.options import Limits
from core.data.own.pictures import SUFFIXES
from core.errors import DataError

Listed = tuple[tuple[str, ...], int, int]
"""A file: parts of its path, bytes, and time of change or checksum"""


@dataclass
class Listing:
    """Files found below a root."""

    files: list[Listed] = field(default_factory=list)
    folders: set[tuple[str, ...]] = field(default_factory=set)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    entries: dict[str, zipfile.ZipInfo] = field(default_factory=dict)


HIDDEN = "is hidden: its name begins with a dot"


def _is_image(name: str) -> bool:
    """Whether a file is to be an image; macOS writes `._NAME` beside a file NAME, which is none."""
    return name.lower().endswith(SUFFIXES) and not name.startswith("._")


def listed_folder(root: Path, limits: Limits) -> Listing:
    """List the files below a folder; no link is followed.

    Raises:
        DataError: they are more than the limit.
    """
    found = Listing()
    waiting: list[tuple[tuple[str, ...], Path]] = [((), root)]
    while waiting:
        parts, here = waiting.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            found.left_out.append(("/".join(parts), f"is a folder that cannot be read ({error.strerror})"))
            continue
        for entry in entries:
            path = (*parts, entry.name)
            if entry.name.startswith("."):
                if _is_image(entry.name) or entry.is_dir(follow_symlinks=False):
                    found.left_out.append(("/".join(path), HIDDEN))
            elif entry.is_symlink():
                found.left_out.append(("/".join(path), "is a link, and links are not followed"))
            elif entry.is_dir(follow_symlinks=False):
                found.folders.add(path)
                waiting.append((path, here / entry.name))
            else:
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError as error:
                    found.left_out.append(("/".join(path), f"cannot be read ({error.strerror})"))
                    continue
                if stat.S_ISREG(status.st_mode):
                    found.files.append((path, status.st_size, status.st_mtime_ns))
                else:
                    found.left_out.append(("/".join(path), "is no plain file"))
        _bound(len(found.files), limits)
    found.files.sort()
    return found


def listed_zip(archive: zipfile.ZipFile, limits: Limits) -> Listing:
    """List the files of an archive; what would lead out of it is left out.

    Raises:
        DataError: its entries are more than the limit.
    """
    found = Listing()
    infos = archive.infolist()
    _bound(len(infos), limits)
    for entry in infos:
        name = entry.filename.replace("\\", "/")  # as some programs of Windows write it
        parts = tuple(part for part in name.split("/") if part and part != ".")
        if parts[:1] == ("__MACOSX",):
            continue
        if ".." in parts or name.startswith("/") or not parts or parts[0][1:] == ":":
            found.left_out.append((entry.filename, "has a path that leads out of the archive"))
        elif any(part.startswith(".") for part in parts):
            if _is_image(parts[-1]):
                found.left_out.append((entry.filename, HIDDEN))
        elif stat.S_ISLNK(entry.external_attr >> 16):
            found.left_out.append((entry.filename, "is a link, and links are not followed"))
        elif entry.flag_bits & 1:
            found.left_out.append((entry.filename, "is encrypted"))
        elif name.endswith("/"):
            found.folders.add(parts)
        else:
            if "/".join(parts) in found.entries:
                found.left_out.append(
                    (entry.filename, "is in the archive more than once: the last one counts")
                )
            found.entries["/".join(parts)] = entry
    for path, entry in found.entries.items():
        parts = tuple(path.split("/"))
        found.folders |= {parts[:depth] for depth in range(1, len(parts))}
        found.files.append((parts, entry.file_size, entry.CRC))
    found.files.sort()
    return found


def _bound(count: int, limits: Limits) -> None:
    if count > limits.items:
        raise DataError(
            f"It holds more than {limits.items:,} items: take fewer, or set the limit higher (items=...)."
        )
