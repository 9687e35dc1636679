"""Image files of a folder or a zip: which they are, their classes and splits, and their pixels when asked for.

A folder with folders in it is a folder per class; `train` and `test` above the classes are splits. A folder with an
attribute table (the layout of CelebA, Liu et al. 2015, Deep Learning Face Attributes in the Wild, section 5) takes its
labels from a column of it. Nothing is followed out of the folder, and no path is built from a text that a source holds.
"""

import errno
import hashlib
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.data.own.attributes import Attributes, read_attributes, read_partition
from core.data.own.items import MIB, Item, label_text
from core.data.own.listing import Listed, Listing, listed_folder, listed_zip
from core.data.own.options import Limits, Options
from core.data.own.pictures import FORMATS, SUFFIXES, decoded
from core.data.own.unfit import Unfit
from core.errors import DataError
from core.files import one_line

# A run makes its own validation split of the training images, so a source's own joins them.
SPLIT_FOLDERS = {
    "train": 0, "training": 0, "val": 0, "valid": 0, "validation": 0, "test": 1, "testing": 1,
}  # fmt: skip
PARTITION, ATTRIBUTES = "list_eval_partition", "list_attr"
"""How the names of CelebA's tables begin"""


@dataclass(frozen=True)
class _File:
    name: str
    """Path in the folder or archive, with '/'"""
    label: str | None
    split: int | None
    size: int
    changed: int


@dataclass
class Pictures:
    """Image files of a folder or a zip."""

    place: Path
    shown: str
    """What a sentence calls it"""
    files: list[_File]
    left_out: list[tuple[str, str]]
    what: str
    limits: Limits
    columns: tuple[str, ...] = ()
    """Attributes that could be the label"""
    kind: str = "image"
    archive: zipfile.ZipFile | None = field(default=None, repr=False)
    entries: dict[str, zipfile.ZipInfo] = field(default_factory=dict, repr=False)
    """Of the archive, by the names of the files: an entry may be written otherwise, such as './a.png'"""

    def __len__(self) -> int:
        """Number of files."""
        return len(self.files)

    @property
    def digest(self) -> str:
        """Of the files' names, labels, sizes and times."""
        told = hashlib.sha256()
        for one in self.files:
            told.update(
                repr((one.name, one.label, one.split, one.size, one.changed)).encode("utf-8", "replace")
            )
        return told.hexdigest()

    def items(self, start: int, near: tuple[int, int] | None = None) -> Iterator[Item]:
        """Decode the files from `start` on."""
        for one in self.files[start:]:
            yield self._item(one, near)

    def sample(self, count: int) -> Iterator[Item]:
        """Decode files spread evenly."""
        few = min(count, len(self.files))
        for k in range(few):
            yield self._item(self.files[k * len(self.files) // few], None)

    def _item(self, one: _File, near: tuple[int, int] | None) -> Item:
        shown = one_line(one.name)
        try:
            if one.size > self.limits.file * MIB:
                raise Unfit(f"has {one.size / MIB:,.1f} MiB, more than the limit of {self.limits.file:g}")
            image = decoded(self.payload(one), self.limits, near=near)
        except Unfit as wrong:
            return Item(shown, wrong=str(wrong))
        return Item(shown, image, one.label, one.split)

    def payload(self, one: _File) -> bytes:
        """The bytes of a file, at most as many as were listed and one more.

        Raises:
            Unfit: it cannot be read.
        """
        try:
            if self.archive is not None:
                with self.archive.open(self.entries[one.name]) as entry:
                    return entry.read(one.size + 1)
            # listed as a plain file; one that became a link meanwhile is refused here
            handle = os.open(self.place / one.name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            with os.fdopen(handle, "rb") as file:
                return file.read(one.size + 1)
        except OSError as error:
            if not self.place.exists():
                raise DataError(f"'{self.shown}' is gone: put it back, and add it again.") from None
            link = error.errno == errno.ELOOP
            raise Unfit(
                "is a link, and links are not followed" if link else f"cannot be read ({error.strerror})"
            ) from None
        except MemoryError:
            raise
        except Exception as error:
            raise Unfit(f"cannot be unpacked ({one_line(error, limit=80)})") from None


def open_folder(path: Path, shown: str, options: Options, limits: Limits) -> Pictures:
    """Look at a folder of images; `shown` is what a sentence calls it.

    Raises:
        DataError: it holds no image, too many, or a table that cannot be read.
    """
    return _meant(Pictures(path, shown, [], [], "", limits), listed_folder(path, limits), options)


def open_zip(path: Path, shown: str, options: Options, limits: Limits) -> Pictures:
    """Look at a zip of images; it is read where it lies, and nothing of it is unpacked to a path.

    `shown` is what a sentence calls it.

    Raises:
        DataError: it is no zip, holds no image, too many, or a table that cannot be read.
    """
    try:
        archive = zipfile.ZipFile(path)
        listing = listed_zip(archive, limits)
    except DataError:
        raise
    except Exception as error:
        # zipfile raises a dozen unrelated kinds for bytes that are not what they should be
        raise DataError(
            f"'{shown}' cannot be read as a zip ({one_line(error, limit=100)}): pack it again."
        ) from None
    empty = Pictures(path, shown, [], [], "", limits, archive=archive, entries=listing.entries)
    return _meant(empty, listing, options)


def _meant(empty: Pictures, listing: Listing, options: Options) -> Pictures:
    """Give the files their classes and splits."""
    images = [one for one in listing.files if one[0][-1].lower().endswith(SUFFIXES)]
    others = [one for one in listing.files if not one[0][-1].lower().endswith(SUFFIXES)]
    top = _top(images)
    tables = {one[0][-1]: one for one in others if len(one[0]) <= top + 1 and _is_table(one[0][-1])}
    partition = next((name for name in sorted(tables) if name.startswith(PARTITION)), None)
    attributes = sorted(name for name in tables if name != partition)
    first = [name for name in attributes if name.startswith(ATTRIBUTES)] or attributes
    if not images:
        raise DataError(
            f"'{empty.shown}' holds no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} image: give "
            "a folder with a folder of images for each class."
        )
    if len(first) > 1:
        raise DataError(
            f"There are {len(first)} tables beside the images ({', '.join(one_line(one, limit=40) for one in first)}): "
            "leave the one of the attributes there."
        )
    used = {partition, *first}
    left_out = listing.left_out + [
        ("/".join(parts), f"is no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file")
        for parts, _, _ in others
        if parts[-1] not in used
    ]
    if first:
        table = read_attributes(_read(empty, tables[first[0]]), one_line(first[0], limit=60), options.label)
        splits = (
            read_partition(_read(empty, tables[partition]), one_line(partition, limit=60))
            if partition
            else {}
        )
        return _told_plainly(_by_table(empty, images, table, splits, left_out))
    if options.label is not None:
        raise DataError(
            f"There is no table beside the images that could have a column '{one_line(options.label, limit=60)}': "
            "leave the label out, and the folders are the classes."
        )
    return _told_plainly(_by_folder(empty, listing, images, top, left_out))


def _told_plainly(found: Pictures) -> Pictures:
    """The same, with names of what is left out that any file and page can hold."""
    return replace(found, left_out=[(one_line(name), why) for name, why in found.left_out])


def _is_table(name: str) -> bool:
    lower = name.lower()
    return lower.endswith(".csv") or (lower.endswith(".txt") and lower.startswith((PARTITION, ATTRIBUTES)))


def _splits(images: list[Listed], depth: int) -> set[str]:
    """Folders at a depth that are splits: all that hold images there, or some with others beside them.

    One alone beside others, such as `train` beside `bus`, may well be a class.
    """
    folders = {parts[depth] for parts, _, _ in images if len(parts) > depth + 1}
    found = {name for name in folders if name.lower() in SPLIT_FOLDERS}
    sure = len(found) > 1 or found == folders
    return found if sure and any(SPLIT_FOLDERS[name.lower()] == 0 for name in found) else set()


def _top(images: list[Listed]) -> int:
    """How many folders hold all the images, and are neither a class nor a split: those of a packed folder."""
    depth = 0
    while (
        len({parts[: depth + 1] for parts, _, _ in images}) == 1
        and images[0][0][depth].lower() not in SPLIT_FOLDERS
        and (all(len(parts) > depth + 2 for parts, _, _ in images) or len(_splits(images, depth + 1)) > 1)
    ):
        depth += 1
    return depth


def _by_folder(
    empty: Pictures, listing: Listing, images: list[Listed], top: int, left_out: list[tuple[str, str]]
) -> Pictures:
    splits = _splits(images, top)
    beside = f"lies beside the splits {', '.join(sorted(splits))}, and so is in none"
    first = top + bool(splits)
    files = []
    for parts, size, changed in images:
        name = "/".join(parts)
        if splits and (len(parts) == top + 1 or parts[top] not in splits):
            left_out.append((name, beside))
            continue
        label = label_text(parts[first]) if len(parts) > first + 1 else None
        split = SPLIT_FOLDERS[parts[top].lower()] if splits else None
        files.append(_File(name, label, split, size, changed))
    full = {parts[:depth] for parts, _, _ in images for depth in range(1, len(parts))}
    empties = sorted(one for one in listing.folders - full if len(one) == first + 1)
    left_out += [("/".join(one), "is a folder without an image, so it is no class") for one in empties]
    if not any(one.label for one in files):
        what = "folder of images without labels"
    else:
        what = "folder per class, in splits" if splits else "folder per class"
    return replace(empty, files=files, left_out=left_out, what=what)


def _by_table(
    empty: Pictures,
    images: list[Listed],
    table: Attributes,
    splits: dict[str, int],
    left_out: list[tuple[str, str]],
) -> Pictures:
    of_path = {"/".join(parts): place for place, (parts, _, _) in enumerate(images)}
    of_name: dict[str, int | None] = {}
    for place, (parts, _, _) in enumerate(images):
        of_name[parts[-1]] = None if parts[-1] in of_name else place
    found: dict[int, tuple[str, str | None]] = {}
    for name, label in zip(table.names, table.labels, strict=True):
        known = of_path.get(name, of_name.get(name))
        if known is None:
            left_out.append((name, "is in the table, and no image of the folder"))
        elif known in found:
            left_out.append((name, "is in the table more than once: its first row counts"))
        else:
            found[known] = (name, label)
    files = []
    for place, (parts, size, changed) in enumerate(images):
        if place in found:
            name, label = found[place]
            files.append(_File("/".join(parts), label, splits.get(name) if splits else None, size, changed))
        else:
            left_out.append(("/".join(parts), "is not in the table"))
    if not files:
        raise DataError(
            "No image has a row in the table beside it: its first column must hold the names of the files."
        )
    if splits and any(one.split is None for one in files):
        files = [replace(one, split=one.split or 0) for one in files]
    return replace(
        empty, files=files, left_out=left_out, what="images with an attribute table", columns=table.columns
    )


def _read(pictures: Pictures, one: Listed) -> bytes:
    parts, size, changed = one
    shown = one_line(parts[-1], limit=60)
    if size > pictures.limits.table * MIB:
        raise DataError(
            f"'{shown}' has {size / MIB:,.0f} MiB, more than the limit of {pictures.limits.table:g}: set it higher "
            "(table=...)."
        )
    try:
        return pictures.payload(_File("/".join(parts), None, None, size, changed))
    except Unfit as wrong:
        raise DataError(f"'{shown}' {wrong}: mend it, or take it away.") from None
