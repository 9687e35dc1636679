"""Data sets for the Data page: those that are known, those on their way, and a person's own to be added or deleted."""

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from core.data import catalog, own
from core.data.catalog import DatasetInfo
from core.data.images import stratified_sample
from core.data.own.opening import FILES
from core.errors import ConfigError, DataError
from core.files import one_line
from core.jobs import stop_job
from core.store import RunRecord, disk_use
from dashboard.gateway.listing import runs
from dashboard.gateway.points import has_images, images

COPY_BYTES = 2**20


def can_be_fetched(dataset: str) -> bool:
    """Whether a data set is one that is downloaded, not a person's own and not one that nobody knows."""
    return dataset in catalog.DATASETS and not catalog.DATASETS[dataset].embedded


def data_sets() -> tuple[DatasetInfo, ...]:
    """All data sets that are known: the embedded default first, a person's own last."""
    return catalog.rows()


def is_here(row: DatasetInfo) -> bool:
    """Whether a data set's files are on this machine."""
    return row.own or catalog.is_available(row.name)


def own_set(name: str) -> own.OwnSet:
    """A person's own data set.

    Raises:
        ConfigError: there is none of that name.
    """
    return own.find_own(name)


def on_their_way() -> list[own.OwnSet]:
    """A person's own data sets that are not complete."""
    return [one for one in own.list_own() if one.state != "ready"]


def own_size(one: own.OwnSet) -> int:
    """Bytes on disk."""
    return disk_use(one.folder)


def runs_of(dataset: str) -> int:
    """Number of runs that were trained on a data set of this name."""
    return sum(
        record.document is not None and record.config.dataset == dataset for record in runs(hidden=True)
    )


@dataclass(frozen=True, eq=False)
class Examples:
    """Some images of a split, the same each time, ordered by label; and the labels of all."""

    images: np.ndarray
    """(n, C, H, W)"""
    rows: np.ndarray
    """(n,) rows in the split"""
    labels: np.ndarray
    """(N,) of the whole split"""


def examples(dataset: str, split: str, count: int) -> Examples:
    """Choose images by a stratified sample with seed 0.

    Raises:
        DataMissing: the data set is not on this machine.
        DataError: it is damaged.
    """
    found = images(dataset, split)
    rows = stratified_sample(found.labels, n=count, seed=0)
    rows = rows[np.argsort(found.labels[rows], kind="stable")]
    return Examples(np.asarray(found.pixels[rows]), rows, found.labels)


def inbox() -> Path:
    """The folder whose content the page offers to add."""
    return own.own_folder().parent / "inbox"


def in_inbox() -> list[str]:
    """Names of the folders and files in the inbox that could be added."""
    try:
        found = sorted(inbox().iterdir())
    except OSError:
        return []
    return [
        path.name
        for path in found
        if not path.name.startswith(".")
        and not path.is_symlink()
        and path.name == one_line(path.name)  # else no page could show it
        and (path.is_dir() or path.suffix.lower() in FILES)
    ]


def stage_from_inbox(name: str, entry: str, options: dict[str, Any], limits: dict[str, Any]) -> own.OwnSet:
    """Make a place for a data set from something in the inbox, and begin to look at it.

    Raises:
        ConfigError: the name or an option cannot be used.
        DataError: the entry is gone, or nothing can be written.
        CheckpointError: no process can be started.
    """
    if entry not in in_inbox():  # what is listed, and no other path
        raise DataError("What was chosen is not in the inbox any more: choose again.")
    return _begun(name, inbox() / entry, options, limits)


def stage_upload(
    name: str, uploaded: BinaryIO, called: str, options: dict[str, Any], limits: dict[str, Any]
) -> own.OwnSet:
    """Make a place for a data set from an uploaded file, keep the file there, and begin to look at it.

    Raises:
        ConfigError: the name or an option cannot be used.
        DataError: the file is of no known kind, or nothing can be written.
        CheckpointError: no process can be started.
    """
    suffix = next((one for one in FILES if called.lower().endswith(one)), None)
    if suffix is None:
        raise DataError(f"A file of this kind cannot be added: give one that ends in {', '.join(FILES)}.")
    made = _staged(name, None, options, limits, upload=suffix, called=called)
    try:
        uploaded.seek(0)
        with Path(made.request.path).open("wb") as file:
            while chunk := uploaded.read(COPY_BYTES):
                file.write(chunk)
        own.start(made)
    except OSError as error:
        own.delete_own(made)
        raise DataError(f"The file could not be kept ({error.strerror or error}): free some space.") from None
    except BaseException:
        own.delete_own(made)
        raise
    return made


def _staged(
    name: str,
    path: Path | None,
    options: dict[str, Any],
    limits: dict[str, Any],
    *,
    upload: str = "",
    called: str = "",
) -> own.OwnSet:
    return own.stage(
        name,
        path,
        own.Options.make(options),
        own.Limits.make(limits),
        look=True,
        builtin=tuple(catalog.DATASETS),
        upload=upload,
        called=called,
    )


def _begun(name: str, path: Path, options: dict[str, Any], limits: dict[str, Any]) -> own.OwnSet:
    made = _staged(name, path, options, limits)
    try:
        own.start(made)
    except BaseException:
        own.delete_own(made)
        raise
    return made


def look_again(one: own.OwnSet, options: dict[str, Any], limits: dict[str, Any]) -> None:
    """Look at the same source with other options.

    Raises:
        ConfigError: an option cannot be used.
        CheckpointError: nothing can be written, or no process can be started.
    """
    stop_job(one.job_files)
    own.forget_look(one)
    own.start(own.again(one, options=own.Options.make(options), limits=own.Limits.make(limits), look=True))


def asked_with(one: own.OwnSet, options: dict[str, Any], limits: dict[str, Any]) -> bool:
    """Whether these are the options and limits that a look was asked with; such as cannot be used are not."""
    try:
        asked = own.Options.make(options), own.Limits.make(limits)
    except ConfigError:
        return False
    return asked == (one.request.options, one.request.limits)


def add_looked(one: own.OwnSet) -> None:
    """Add the whole of what was looked at, or go on with an import that was cut off.

    Raises:
        CheckpointError: nothing can be written, or no process can be started.
    """
    own.start(own.again(one, look=False))


def stop_import(one: own.OwnSet) -> None:
    """End the process that reads a source; what it read is kept, to go on from.

    Raises:
        CheckpointError: it does not end.
    """
    stop_job(one.job_files)


def limit_settings() -> dict[str, tuple[Any, str]]:
    """{key: (default, what it is)} of the limits of an import."""
    return {key: (field.default, field.description or "") for key, field in own.Limits.model_fields.items()}


def suggested_name(called: str, taken: tuple[str, ...]) -> str:
    """A name for a data set made from what its source is called, one that is free."""
    base = (
        re.sub(r"[^a-z0-9]+", "-", called.lower().rsplit(".", 1)[0]).strip("-")[:34].strip("-") or "my-data"
    )
    names, name, number = set(taken), base, 2
    while name in names:
        name, number = f"{base}-{number}", number + 1
    return name


def taken_names() -> tuple[str, ...]:
    """Names that data sets have, those on their way included."""
    return (*catalog.DATASETS, *(one.name for one in own.list_own()))


def value_names(record: RunRecord) -> tuple[str, ...]:
    """Names of the values of a run's vectors, scaled to [0, 1] by their range, with what 0 and 1 stand for if known.

    No name is there twice.
    """
    assert record.document is not None
    count = record.document.data.shape[-1]
    document = None
    if has_images(record):
        with contextlib.suppress(ConfigError):
            document = own.find_own(record.config.dataset).document
    if document is None:
        return tuple(f"value {k + 1} (scaled to its range)" for k in range(count))
    named = document.columns or tuple(f"value {k + 1}" for k in range(count))
    texts = [
        f"{name} (0 is {low:.4g}, 1 is {high:.4g})"
        for name, low, high in zip(named, document.low, document.high, strict=True)
    ]
    return tuple(text if texts.count(text) == 1 else f"{text} #{k + 1}" for k, text in enumerate(texts))
