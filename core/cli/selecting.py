"""Commands of selections: kept from a query or from rows, listed, shown, renamed, combined, deleted."""

import argparse
from typing import Any

import numpy as np

from core.analysis.queries import RANGES, Query, Range, matching
from core.cli import selected
from core.cli.finding import record_of, store_of
from core.cli.grammar import (
    Parser,
    add_command,
    from_least,
    json_option,
    run_argument,
    store_option,
    yes_option,
)
from core.cli.pictures import rows_of_text
from core.cli.tending import agreed
from core.cli.terminal import CountProgress, complain, emit, emit_json
from core.data.images import SPLITS
from core.errors import CheckpointError, ConfigError, DataError
from core.latents import Latents
from core.runs import Run, open_run
from core.store import (
    COMBINED,
    Selection,
    combine,
    combined_origin,
    delete_selection,
    find_selection,
    list_selections,
    rename_selection,
    save_selection,
)


def select(args: argparse.Namespace) -> int:
    """Keep the images that a query finds, or rows that were named."""
    run = Run(record_of(args))
    query = query_of(args)
    wanted = None if args.rows is None else rows_of_text(args.rows, least=1)
    rows = _found(run, query, wanted)
    data = run.document.data
    by_hand = wanted is not None
    made = save_selection(
        args.name,
        dataset=data.dataset,
        fingerprint=data.fingerprint,
        rows=rows,
        origin=_origin(query, len(wanted or ())),
        run=run.id,
        query=None if by_hand else query.document(),
        store=store_of(args),
    )
    if args.json:
        emit_json(selected.document(made))
    else:
        emit(
            f"Selection '{made.name}' ({made.id}) keeps {selected.images(len(made))}: {selected.splits(made)}."
        )
    return 0


def query_of(args: argparse.Namespace) -> Query:
    """Read the options of a query.

    Raises:
        ConfigError: a range or a label that is none.
    """
    labels: list[str | None] = []
    if args.labels is not None:
        labels += [part.strip() for part in args.labels.split(",") if part.strip()]
    if args.unlabelled:
        labels.append(None)
    if args.labels is not None and not labels:
        raise ConfigError(
            "--labels names no label: give one or more with commas between, such as --labels 3,5."
        )
    ranges = {name: range_of_text(name, getattr(args, name)) for name in RANGES}
    return Query(labels=tuple(labels) or None, splits=tuple(args.split or ("test",)), **ranges)


def range_of_text(name: str, text: str | None) -> Range | None:
    """Read '20:30', '20:' or ':30'.

    Raises:
        ConfigError: it is none of these.
    """
    if text is None:
        return None
    option = f"--{name.replace('_', '-')}"
    try:
        low, high = (float(part) if part.strip() else None for part in text.split(":"))
    except ValueError:
        raise ConfigError(
            f"{option} cannot be '{text}': give LOW:HIGH, such as {option}=20:30, {option}=20: or {option}=:30."
        ) from None
    return low, high


def _found(run: Run, query: Query, wanted: list[int] | None) -> dict[str, list[int]]:
    """Rows by split that fit the query, and are among the wanted ones where some were named."""
    rows, known = {}, np.zeros(0, np.int64)
    for split in query.splits:
        progress = CountProgress(unit="image", announce=False)
        try:
            latents = run.latents(split, progress=progress)
            errors = run.errors(split, progress=progress) if query.error is not None else None
        finally:
            progress.close()
        found = latents.ids[matching(latents, query, errors, class_names=run.class_names)]
        known = np.union1d(known, latents.ids)
        rows[split] = (found if wanted is None else np.intersect1d(found, wanted)).tolist()
    strange = sorted(set(wanted or ()) - set(known.tolist()))
    if strange:
        raise DataError(
            f"Row {strange[0]} is none of the {' and '.join(query.splits)} images of run '{run.id}': choose another "
            "row, or another --split."
        )
    if not any(rows.values()):
        raise ConfigError(
            f"No image fits, so nothing was kept: {query.sentence()} Ask for a wider range or more labels."
        )
    return rows


def _origin(query: Query, named: int) -> str:
    if not named:
        return query.sentence()
    alone = query == Query(splits=query.splits)
    return (
        f"{selected.images(named).capitalize()} named by row{'.' if alone else f', of: {query.sentence()}'}"
    )


# --- kept ones ----------------------------------------------------------------------------------------------------


def list_all(args: argparse.Namespace) -> int:
    """List the selections of the store."""
    found = list_selections(store_of(args), args.dataset)
    if args.json:
        emit_json([selected.document(one) for one in found])
    elif found:
        emit(*selected.table_lines(found))
    else:
        emit(
            f"No selection is kept in {store_of(args)} yet: `python -m core select RUN --name NAME` keeps one."
        )
    return 0


def show(args: argparse.Namespace) -> int:
    """Show a selection: what it is, its classes, and what its images score in a run."""
    selection = find_selection(args.selection, store_of(args))
    name = args.run or selection.run
    if name is None:
        found = selected.describe(selection, None, ())
    else:
        run = open_run(name, store=store_of(args))
        found = selected.describe(selection, run, _tables(run, selection), k=args.worst)
    if args.json:
        emit_json(found)
    else:
        emit(*selected.lines(found))
    return 0


def _tables(run: Run, selection: Selection) -> list[Latents]:
    """The images of a selection as a run has them, one table a split.

    Raises:
        DataError: the run is of other data.
    """
    data = run.document.data
    if selection.data != (data.dataset, data.fingerprint):
        raise DataError(
            f"Selection '{selection.name}' is of {selection.dataset}, and run '{run.id}' is of {data.dataset} or of "
            "other images of that name: choose a run of the same data with --run."
        )
    # training and validation images are rows of one source, which each run divides in its own way
    of_source = [*selection.rows.get("train", ()), *selection.rows.get("validation", ())]
    wanted = {"test": selection.rows.get("test", ()), "train": of_source, "validation": of_source}
    tables = []
    for split in SPLITS:
        if not wanted[split] or not getattr(data, split):
            continue
        progress = CountProgress(unit="image", announce=False)
        try:
            latents = run.latents(split, progress=progress)
        finally:
            progress.close()
        tables.append(latents.select(np.flatnonzero(np.isin(latents.ids, wanted[split]))))
    return tables


def rename(args: argparse.Namespace) -> int:
    """Give a selection another name; its id stays."""
    store = store_of(args)
    made = rename_selection(find_selection(args.selection, store), args.name, store)
    emit(f"Selection '{made.id}' is now called '{made.name}'.")
    return 0


def delete(args: argparse.Namespace) -> int:
    """Delete selections, after asking."""
    store = store_of(args)
    chosen = {one.id: one for one in (_any_of(word, args) for word in args.selections)}.values()
    what = ", ".join(f"'{one.name}' ({one.id}, {selected.images(len(one))})" for one in chosen)
    count = f"{len(chosen)} selection{'' if len(chosen) == 1 else 's'}"
    if not agreed(args, f"Delete {count} for good: {what}?", "Deleting"):
        complain("Nothing was deleted.")
        return 1
    for one in chosen:
        delete_selection(one, store)
        emit(f"Selection '{one.name}' ({one.id}) is deleted; no image and no run was touched.")
    return 0


def _any_of(word: str, args: argparse.Namespace) -> Selection:
    """A selection by id or name, a broken one by its id too: it can be deleted.

    Raises:
        CheckpointError: there is none.
    """
    try:
        return find_selection(word, store_of(args))
    except CheckpointError:
        broken = [one for one in list_selections(store_of(args)) if one.id == word and not one.readable]
        if not broken:
            raise
        return broken[0]


def combined(args: argparse.Namespace) -> int:
    """Keep the union, intersection or difference of two selections."""
    store = store_of(args)
    first, second = (find_selection(word, store) for word in (args.first, args.second))
    made = save_selection(
        args.name,
        dataset=first.dataset,
        fingerprint=first.fingerprint,
        rows=combine(first, second, args.how),
        origin=combined_origin(first, second, args.how),
        run=first.run if first.run == second.run else None,
        store=store,
    )
    if args.json:
        emit_json(selected.document(made))
    else:
        emit(f"Selection '{made.name}' ({made.id}) keeps {selected.images(len(made))}: {made.origin}")
    return 0


# --- grammar ---

SELECTING = """\
A range is LOW:HIGH, both ends let through; 20: and :30 are open at one end. All that is asked for must hold:
labels, D, R and negative ELBO in nats per image as the run scored them, the error as mean squared error per pixel of
the reconstruction at the mean. --rows keeps only these rows of the data set. The selection belongs to the data set:
every run of the same data can use it, and so can every page of the dashboard."""


def add_commands(actions: Any) -> None:
    """Add the commands that keep and tend selections of images to the command line's grammar."""
    query = add_command(
        actions,
        "select",
        select,
        "keep the images that a query finds under a name",
        detail=SELECTING,
    )
    run_argument(query)
    query.add_argument("--name", required=True, help="name of the selection")
    query.add_argument("--labels", metavar="L,L,...", help="images of these labels (default: of all)")
    query.add_argument("--unlabelled", action="store_true", help="images without a label (too)")
    for name, about in (
        ("distortion", "D, nats per image"),
        ("rate", "R, nats per image"),
        ("negative-elbo", "D + R, nats per image"),
        ("error", "mean squared error per pixel"),
    ):
        query.add_argument(f"--{name}", metavar="LOW:HIGH", help=f"range of {about}")
    query.add_argument(
        "--split",
        choices=SPLITS,
        action="append",
        help="images to search (default: test); may be given several times",
    )
    query.add_argument("--rows", metavar="N,N,...", help="only these rows of the data set")
    json_option(query)

    kept = add_command(actions, "selections", None, "list, show, rename, combine and delete kept selections")
    of_kept = kept.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listed = add_command(of_kept, "list", list_all, "list all kept selections, broken ones with the reason")
    listed.add_argument("--dataset", metavar="DATA", help="only those of this data set")
    store_option(listed)
    json_option(listed)

    shown = add_command(
        of_kept,
        "show",
        show,
        "show a selection: its classes, its scores, its worst and best images",
    )
    _selection_argument(shown)
    shown.add_argument("--run", metavar="RUN", help="score it in this run (default: the one it was made on)")
    shown.add_argument(
        "--worst", type=from_least(1), default=5, metavar="N", help="images listed each (default: 5)"
    )
    json_option(shown)

    renamed = add_command(of_kept, "rename", rename, "give a selection another name; its id stays")
    _selection_argument(renamed)
    renamed.add_argument("name", metavar="NAME", help="the new name")

    deleted = add_command(of_kept, "delete", delete, "delete selections for good, after asking")
    deleted.add_argument("selections", metavar="SELECTION", nargs="+", help="ids or names of selections")
    store_option(deleted)
    yes_option(deleted)

    joined = add_command(of_kept, "combine", combined, "keep what two selections have together")
    joined.add_argument("first", metavar="FIRST", help="id or name of a selection")
    joined.add_argument("second", metavar="SECOND", help="id or name of another one of the same data")
    joined.add_argument(
        "--how",
        choices=tuple(COMBINED),
        required=True,
        help="in either, in both, or in FIRST and not in SECOND",
    )
    joined.add_argument("--name", required=True, help="name of the new selection")
    store_option(joined)
    json_option(joined)


def _selection_argument(parser: Parser) -> None:
    parser.add_argument("selection", metavar="SELECTION", help="id or name of a selection")
    store_option(parser)
