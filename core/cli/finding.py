"""Which store and which runs a command means."""

import argparse
from pathlib import Path

from core.errors import CheckpointError, ConfigError
from core.runs import Run
from core.store import RunRecord, TrashEntry, find_record, first_of, list_trash, store_folder


def store_of(args: argparse.Namespace) -> Path:
    """The store of --store, else the default one."""
    return store_folder(args.store)


def record_of(args: argparse.Namespace, *, whole: bool = False) -> RunRecord:
    """Find the run that was asked for; a folder that is not ours is refused before anything is written to it.

    Args:
        args: with `run`.
        whole: whether it must be a run, and not one of its epochs.

    Raises:
        CheckpointError: there is no such run, or it is none of ours.
        ConfigError: an epoch, where a run is meant.
    """
    return _record(args.run, store_of(args), whole=whole)


def records_of(args: argparse.Namespace, *, whole: bool = False) -> list[RunRecord]:
    """Find all runs that were asked for, each once.

    Raises:
        CheckpointError, ConfigError: as `record_of`, before anything is done to the others.
    """
    records = [_record(run, store_of(args), whole=whole) for run in args.runs]
    return list({(record.folder, record.at): record for record in records}.values())


def open_with_weights(record: RunRecord, *, device: str) -> Run:
    """Open a run with its weights, so that what is wrong with them is said before any work.

    Raises:
        CheckpointError: it cannot be opened, or its weights are missing or damaged.
    """
    run = Run(record, device=device)
    assert run.model is not None
    return run


def _record(run: str, store: Path, *, whole: bool) -> RunRecord:
    record = find_record(run, store)
    if record.state == "foreign":
        raise CheckpointError(f"'{record.id}' is not a run of VAEScope: {record.reason}")
    if whole and record.at is not None:
        raise ConfigError(
            f"'{record.id}' is an epoch of a run, and this is done to whole runs: leave out @{record.at}."
        )
    return record


def entries_of(args: argparse.Namespace) -> list[TrashEntry]:
    """Find the runs of the trash that were asked for, by id or by the name of their entry; all where none was named.

    Raises:
        CheckpointError: there is no such run in the trash, or it is there more than once.
    """
    there = list_trash(store_of(args))
    if not args.runs:
        return there
    chosen: dict[str, TrashEntry] = {}
    for word in args.runs:
        fit = [entry for entry in there if word in (entry.id, entry.name)]
        if not fit:
            known = first_of([entry.id for entry in there], "trash list")
            listing = f"the trash holds {known}" if known else "it is empty"
            raise CheckpointError(f"There is no run '{word}' in the trash of {store_of(args)}: {listing}.")
        if len(fit) > 1:
            names = ", ".join(entry.name for entry in fit)
            raise CheckpointError(
                f"Run '{word}' is in the trash {len(fit)} times: name one by its entry, {names}."
            )
        chosen[fit[0].name] = fit[0]
    return list(chosen.values())
