"""Selections: named sets of images of one data set, kept in the store, whatever run they were made on.

`.selections/<id>.json` is a selection, replaced whole. It belongs to a data set (its name and its fingerprint), so any
run of the same data can use it. The listing of runs looks into no folder that begins with a dot.
"""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from core.data.images import SPLITS
from core.errors import CheckpointError, ConfigError
from core.files import flush_folder, one_line, write_json
from core.store.documents import NAME_LIMIT
from core.store.folder import now, store_folder
from core.store.names import clean_name, new_id
from core.store.records import first_of
from core.store.selected import ORIGIN_LIMIT, Selection, clean_rows, read_selection, selection_document

SELECTIONS = ".selections"

How = Literal["union", "intersection", "difference"]
COMBINED: dict[str, str] = {
    "union": "in '{}' or in '{}'",
    "intersection": "in '{}' and in '{}'",
    "difference": "in '{}' and not in '{}'",
}
"""What a combination keeps, in words."""


def selections_folder(store: str | Path | None = None) -> Path:
    """The folder of a store's selections; it need not be there.

    Raises:
        CheckpointError: it is a link.
        ConfigError: the store is no path.
    """
    folder = store_folder(store) / SELECTIONS
    if folder.is_symlink():
        raise CheckpointError(
            f"The folder of selections {one_line(folder)} is a link, and links are not followed: put a folder in its "
            "place."
        )
    return folder


def selection_files(store: str | Path | None = None) -> list[Path]:
    """The files of a store's selections, in the order of their names; what else lies there is left out.

    Raises:
        CheckpointError: the folder is a link, or cannot be read.
        ConfigError: the store is no path.
    """
    folder = selections_folder(store)
    if not folder.is_dir():
        return []
    try:
        files = [path for path in folder.iterdir() if path.suffix == ".json" and path.name[0] != "."]
    except OSError as error:
        raise CheckpointError(
            f"The selections in {one_line(folder)} cannot be read: {error.strerror or error}; see to its permissions."
        ) from error
    return sorted(files)


def list_selections(store: str | Path | None = None, dataset: str | None = None) -> list[Selection]:
    """Describe every selection of a store, newest first; broken ones last, with the reason.

    Args:
        store: the default one if None.
        dataset: only selections of this data set, and no broken ones, which belong to none.

    Raises:
        CheckpointError: the folder is a link, or cannot be read.
        ConfigError: the store is no path.
    """
    return ordered([read_selection(path) for path in selection_files(store)], dataset)


def ordered(found: Iterable[Selection], dataset: str | None = None) -> list[Selection]:
    """Put selections in the order of a listing: newest first, broken ones last; only those of a data set if given."""
    by_id = sorted(found, key=lambda one: one.id)
    newest = sorted(by_id, key=lambda one: one.created, reverse=True)  # a broken one has no time
    return [one for one in newest if dataset is None or (one.readable and one.dataset == dataset)]


def find_selection(selection: str, store: str | Path | None = None) -> Selection:
    """Find a selection by its id, or by its name where no other data set has one of that name.

    Raises:
        CheckpointError: there is none, it cannot be read, or the name is there more than once.
    """
    every = list_selections(store)
    fit = [one for one in every if one.id == selection] or [one for one in every if one.name == selection]
    if not fit:
        known = first_of([one.id for one in every], "selections list")
        listing = f"there are {known}" if known else "none is kept yet"
        raise CheckpointError(f"There is no selection '{one_line(selection, limit=NAME_LIMIT)}': {listing}.")
    if len(fit) > 1:
        ids = ", ".join(f"{one.id} ({one.dataset})" for one in fit)
        raise CheckpointError(
            f"Selection '{one_line(selection, limit=NAME_LIMIT)}' is there {len(fit)} times: name one by its id, {ids}."
        )
    if fit[0].reason is not None:
        raise CheckpointError(f"Selection '{fit[0].id}' cannot be used: {fit[0].reason}")
    return fit[0]


# --- writing ------------------------------------------------------------------------------------------------------


def save_selection(
    name: str,
    *,
    dataset: str,
    fingerprint: str,
    rows: Mapping[str, Iterable[int]],
    origin: str,
    run: str | None = None,
    query: dict[str, Any] | None = None,
    store: str | Path | None = None,
) -> Selection:
    """Keep a selection under a name of its own within its data set.

    Args:
        name: one line of visible characters.
        dataset: name in the catalogue.
        fingerprint: of the data set's content.
        rows: split -> rows in the source, in any order.
        origin: one sentence: how it was made.
        run: id of the run that it was made on.
        query: what it was asked for by, as JSON.
        store: the default one if None.

    Raises:
        ConfigError: the name is empty, too long or taken, there is no image, or a row is none (`clean_rows`).
        CheckpointError: the folder is a link, or cannot be written.
        ValueError: the query holds a number that JSON cannot.
    """
    named, kept = clean_name(name, of="selection"), clean_rows(rows)
    if not kept:
        raise ConfigError("A selection needs at least one image: select some first.")
    made = Selection(
        id=_free_id(named, store),
        name=named,
        dataset=dataset,
        fingerprint=fingerprint,
        created=now(),
        origin=one_line(origin, limit=ORIGIN_LIMIT),
        run=run,
        query=query,
        rows=kept,
    )
    _refuse_taken(made, store)
    _write(made, store)
    return made


def _is_taken(its_id: str, store: str | Path | None) -> bool:
    return os.path.lexists(selections_folder(store) / f"{its_id}.json")


def _free_id(name: str, store: str | Path | None) -> str:
    return new_id(name, fallback="selection", taken=lambda one: _is_taken(one, store))


def rename_selection(selection: Selection, name: str, store: str | Path | None = None) -> Selection:
    """Give a selection another name; its id stays.

    Raises:
        ConfigError: the name is empty, too long or taken.
        CheckpointError: the selection is gone or broken, or cannot be written.
    """
    there = find_selection(selection.id, store)
    renamed = dataclasses.replace(there, name=clean_name(name, of="selection"))
    _refuse_taken(renamed, store)
    _write(renamed, store)
    return renamed


def delete_selection(selection: Selection, store: str | Path | None = None) -> None:
    """Delete a selection, a broken one too; `restore_selection` brings one that was readable back.

    Raises:
        CheckpointError: it is gone already, or cannot be deleted.
    """
    folder = selections_folder(store)
    # by the listing: what a damaged file is called is none of ours to build a path of
    path = next(
        (one for one in selection_files(store) if read_selection(one).id == selection.id),
        folder / "none.json",
    )
    try:
        path.unlink()
        flush_folder(folder)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"Selection '{selection.name}' is gone already: look at the list again."
        ) from error
    except OSError as error:
        raise CheckpointError(
            f"Selection '{selection.name}' could not be deleted: {error.strerror or error}; it is still there."
        ) from error


def restore_selection(selection: Selection, store: str | Path | None = None) -> Selection:
    """Undo a deletion: keep the selection again as it was, under its id, or a new one where that is taken.

    Raises:
        ConfigError: another selection of the data set has its name now, or it was a broken one.
        CheckpointError: it cannot be written.
    """
    if not selection.readable:
        raise ConfigError(f"Selection '{selection.name}' could not be read, so nothing of it is left.")
    _refuse_taken(selection, store)
    if _is_taken(selection.id, store):
        selection = dataclasses.replace(selection, id=_free_id(selection.name, store))
    _write(selection, store)
    return selection


def combine(first: Selection, second: Selection, how: How) -> dict[str, tuple[int, ...]]:
    """Rows of two selections together, both, or the first without the second, by split; perhaps of no image.

    Raises:
        ConfigError: they are of different data, one cannot be read, or there is no such combination.
    """
    if how not in COMBINED:
        raise ConfigError(
            f"Selections are combined by {', '.join(COMBINED)}, not '{one_line(how, limit=60)}': choose one of these."
        )
    for one in (first, second):
        if one.reason is not None:
            raise ConfigError(f"Selection '{one.name}' cannot be combined: {one.reason}")
    if first.data != second.data:
        raise ConfigError(
            f"'{first.name}' is of {first.dataset} and '{second.name}' of "
            f"{second.dataset if first.dataset != second.dataset else 'another version of it'}: combine selections "
            "of one data set."
        )
    rows = {}
    for split in SPLITS:
        left, right = set(first.rows.get(split, ())), set(second.rows.get(split, ()))
        rows[split] = {"union": left | right, "intersection": left & right, "difference": left - right}[how]
    return clean_rows(rows)


def combined_origin(first: Selection, second: Selection, how: How) -> str:
    """Say in a sentence what a combination keeps."""
    return f"Images {COMBINED[how].format(first.name, second.name)}."


def _refuse_taken(selection: Selection, store: str | Path | None) -> None:
    for one in list_selections(store, selection.dataset):
        if one.name == selection.name and one.data == selection.data and one.id != selection.id:
            raise ConfigError(
                f"A selection of {selection.dataset} is called '{selection.name}' already: choose another name."
            )


def _write(selection: Selection, store: str | Path | None) -> None:
    folder = selections_folder(store)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(
            f"The folder of selections {one_line(folder)} could not be made: {error.strerror or error}; choose another "
            "store with --store or VAESCOPE_STORE."
        ) from error
    write_json(folder / f"{selection.id}.json", selection_document(selection))
