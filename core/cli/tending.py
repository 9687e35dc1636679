"""The commands that tend stored runs: their names, notes and tags, the trash and what it frees."""

import argparse
import shlex
import sys
from typing import Any

from core.cli import documents
from core.cli.finding import entries_of, record_of, records_of, store_of
from core.cli.terminal import complain, emit, emit_json, plain, shorten, table
from core.errors import ConfigError
from core.store import (
    TrashEntry,
    annotate,
    change_tags,
    default_store,
    delete_run,
    disk_use,
    list_trash,
    purge,
    restore_run,
    size_text,
    why_not_deleted,
)


def rename(args: argparse.Namespace) -> int:
    """Give a run another display name; its id stays."""
    record = annotate(record_of(args, whole=True).folder, name=args.name)
    emit(f"Run '{record.id}' is now called '{record.name}'.")
    return 0


def note(args: argparse.Namespace) -> int:
    """Keep a note with a run."""
    record = annotate(record_of(args, whole=True).folder, note=args.text)
    emit(f"The note of run '{record.id}' is {'kept' if record.note else 'empty now'}.")
    return 0


def tag(args: argparse.Namespace) -> int:
    """Add tags to runs and remove others, or say which they have where neither was asked for."""
    records = records_of(args, whole=True)
    add, remove = ([word[1:] for word in args.changes if word[0] == sign] for sign in "+-")
    for record in change_tags(records, add=add, remove=remove) if args.changes else records:
        emit(
            f"Run '{record.id}' is tagged {', '.join(record.tags)}."
            if record.tags
            else f"Run '{record.id}' has no tag."
        )
    return 0


def delete(args: argparse.Namespace) -> int:
    """Move runs to the trash, after asking."""
    records = records_of(args, whole=True)
    for record in records:
        if refusal := why_not_deleted(record):
            raise refusal
    size = size_text(sum(disk_use(record.folder) for record in records))
    what = ", ".join(f"'{record.name}' ({record.id}, {record.state})" for record in records)
    if not agreed(args, f"Move {_runs(len(records))} to the trash, {size}: {what}?", "Deleting"):
        complain("Nothing was deleted.")
        return 1
    for record in records:
        delete_run(record)
        home = record.folder.parent
        where = "" if home.resolve() == default_store().resolve() else f" --store {shlex.quote(str(home))}"
        back = f"python -m core trash restore {record.id}{where}"
        emit(f"Run '{record.id}' is in the trash; `{back}` brings it back.")
    return 0


def trash_list(args: argparse.Namespace) -> int:
    """List the runs in the trash."""
    entries = list_trash(store_of(args))
    if args.json:
        emit_json([_trash_document(entry) for entry in entries])
    elif entries:
        emit(*_trash_lines(entries))
    else:
        emit(f"The trash of {store_of(args)} is empty.")
    return 0


def _trash_document(entry: TrashEntry) -> dict[str, Any]:
    """One object of `trash list --json`: the run as `list --json` has it, when it was deleted, and its entry."""
    return {
        **documents.listing(entry.record),
        "bytes": entry.size,
        "deleted": entry.deleted,
        "entry": entry.name,
    }


def _trash_lines(entries: list[TrashEntry]) -> list[str]:
    """The table of the runs in the trash, and what can be done with them."""
    header = ("id", "name", "state", "family", "data", "disk", "deleted (UTC)", "entry")
    rows = [
        (
            entry.id,
            shorten(entry.record.name, documents.NAME_COLUMNS),
            entry.record.state,
            entry.record.config.family if entry.record.readable else "-",
            entry.record.config.dataset if entry.record.readable else "-",
            size_text(entry.size),
            entry.deleted.removesuffix("+00:00").replace("T", " "),
            entry.name,
        )
        for entry in entries
    ]
    return [
        *table(header, rows, right=("disk",)),
        "",
        f"{size_text(sum(entry.size for entry in entries))} in all (1 kB = 1,000 B).",
        "`python -m core trash restore RUN` puts one back; `trash empty` deletes all for good, `trash empty RUN` one.",
        "RUN is an id, or the entry where an id is there twice.",
    ]


def trash_restore(args: argparse.Namespace) -> int:
    """Put runs of the trash back where they were."""
    for entry in entries_of(args):
        record = restore_run(entry)
        other = "" if record.id == entry.id else f" as '{record.id}', since its id was taken meanwhile"
        emit(f"Run '{entry.id}' is restored{other}.")
    return 0


def trash_empty(args: argparse.Namespace) -> int:
    """Delete runs of the trash for good, after asking."""
    entries = entries_of(args)
    if not entries:
        emit(f"The trash of {store_of(args)} is empty: there is nothing to delete.")
        return 0
    size = size_text(sum(entry.size for entry in entries))
    what = ", ".join(f"'{entry.record.name}' ({entry.id})" for entry in entries)
    question = f"Delete {_runs(len(entries))} for good, which frees {size} and cannot be undone: {what}?"
    if not agreed(args, question, "Emptying the trash"):
        complain("Nothing was deleted.")
        return 1
    freed = purge(entries)
    emit(f"{_runs(len(entries))} deleted for good: {size_text(freed)} freed.")
    return 0


def _runs(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}"


def agreed(args: argparse.Namespace, question: str, doing: str) -> bool:
    """Whether the person at the terminal says yes, or has said so by --yes.

    Raises:
        ConfigError: there is nobody to ask.
    """
    if args.yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigError(
            f"{doing} asks first, and here is no terminal to ask on: add --yes to go on unasked."
        )
    print(plain(f"{question} [y/N] "), end="", file=sys.stderr, flush=True)
    try:
        answer = input()
    except EOFError:
        answer = ""
    return answer.strip().lower() in ("y", "yes")
