"""`data add` and what belongs to it: a person's own images and tables, looked at, added, shown and deleted."""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from core.cli.grammar import Parser, add_command, json_option, key_values, yes_option
from core.cli.tending import agreed
from core.cli.terminal import CountProgress, complain, emit, emit_json, number, table
from core.data import catalog, own
from core.errors import ConfigError
from core.jobs import JobState, stop_job
from core.recipes import first_training
from core.store import disk_use, size_text

SHOWN = 10
"""Items left out that are listed; --json has them all"""

ADDING = """\
PATH is one of
  a folder with a folder of images for each class (PNG, JPEG, WEBP, BMP); train and test above the classes are splits
  a folder of images with an attribute table, as CelebA has it: --set label=Smiling makes two classes of a column
  a .zip of such a folder
  an .npz with an array 'images', and 'labels' and 'class_names' beside it if there are any; or x_train, y_train, ...
  a .csv or .parquet of vectors: --set label=COLUMN names the column of the labels
Images are stored as 8-bit grey or RGB of one size. Reading runs in a process of its own, under limits. What cannot be
used is left out and told; an import that was cut off goes on with `data resume NAME`."""


def add(args: argparse.Namespace) -> int:
    """Add a data set, or show what it would be."""
    options = own.Options.make(key_values(args.set, example="--set size=32", keys=own.Options.model_fields))
    limits = own.Limits.make(
        key_values(args.limit, example="--limit minutes=90", keys=own.Limits.model_fields)
    )
    made = own.stage(
        args.name, Path(args.path), options, limits, look=args.look, builtin=tuple(catalog.DATASETS)
    )
    if not args.look:
        return _told(_followed(made), args.json)
    try:
        sample = own.read_sample(_followed(made))
        if args.json:
            emit_json(_sample_document(sample))
        else:
            emit(*_sample_lines(sample))
    finally:
        own.delete_own(made)
    return 0


def resume(args: argparse.Namespace) -> int:
    """Go on with an import that was cut off."""
    found = own.find_own(args.name)
    if found.state == "ready":
        raise ConfigError(f"Data set '{found.name}' is complete: there is nothing to go on with.")
    return _told(_followed(own.again(found, look=False)), args.json)


def _followed(made: own.OwnSet) -> own.OwnSet:
    bar = CountProgress(unit="item", announce=False)

    def tell(now: JobState) -> None:
        if now.total:
            bar(now.done, now.total, now.phase)

    try:
        own.start(made)
        return own.wait(made, tell)
    except KeyboardInterrupt:
        stop_job(made.job_files)
        if made.request.look:
            raise
        complain(
            f"`python -m core data resume {made.name}` goes on where it was, `data delete {made.name}` removes it."
        )
        raise
    finally:
        bar.close()


def _told(done: own.OwnSet, as_json: bool) -> int:
    if as_json:
        emit_json(set_document(done))
    else:
        emit(*set_lines(done))
    return 0


def show(args: argparse.Namespace) -> int:
    """Show a data set that was added."""
    return _told(own.find_own(args.name), args.json)


def delete(args: argparse.Namespace) -> int:
    """Delete data sets for good, after asking."""
    sets = [own.find_own(name) for name in dict.fromkeys(args.names)]
    what = ", ".join(f"'{one.name}' ({one.state}, {size_text(disk_use(one.folder))})" for one in sets)
    question = f"Delete {what} for good? Runs that were trained on it stay, without its images."
    if not agreed(args, question, "Deleting"):
        complain("Nothing was deleted.")
        return 1
    for one in sets:
        own.delete_own(one)
        emit(f"Data set '{one.name}' is deleted.")
    return 0


def _sample_document(sample: own.Sample) -> dict[str, Any]:
    return {
        "kind": sample.kind,
        "what": sample.what,
        "items": sample.items,
        "shape": list(sample.values.shape[1:]),
        "sample": len(sample.values),
        "labels": dict(Counter(sample.labels)) if any(sample.labels) else {},
        "columns": list(sample.columns),
        "left_out": [{"name": name, "why": why} for name, why in sample.left_out],
        "left_out_count": sample.left_out_count,
    }


def _sample_lines(sample: own.Sample) -> list[str]:
    counts = Counter(label for label in sample.labels if label is not None)
    shape = "x".join(map(str, sample.values.shape[1:]))
    lines = [
        f"{sample.what[:1].upper()}{sample.what[1:]}: {number(sample.items)} items, "
        f"stored as {sample.kind}s of {shape}.",
        f"Classes in a sample of {len(sample.values)}: "
        + (", ".join(f"{name} ({count})" for name, count in counts.most_common()) if counts else "none")
        + ".",
    ]
    if sample.columns:
        quoted = ", ".join(f"'{name}'" for name in sample.columns)
        lines.append(f"Columns that can be the label (--set label=...): {quoted}.")
    return [*lines, *left_out_lines(sample.left_out, sample.left_out_count), "Nothing was added."]


def left_out_lines(left_out: tuple[tuple[str, str], ...], count: int) -> list[str]:
    """Say what was left out: the first items with the reason."""
    if not count:
        return ["Nothing was left out."]
    shown = [f"  {name} {why}" for name, why in left_out[:SHOWN]]
    more = [f"  and {number(count - len(shown))} more (--json lists them)"] if count > len(shown) else []
    return [f"Left out, {number(count)}:", *shown, *more]


def set_document(one: own.OwnSet) -> dict[str, Any]:
    """One object of `data show --json`."""
    document = one.document
    return {
        "name": one.name,
        "id": one.id,
        "state": one.state,
        "reason": one.reason or one.job.error,
        "path": None if one.request.called else one.request.path,
        "called": one.request.called or None,
        "bytes": disk_use(one.folder),
        "data": None if document is None else document.model_dump(mode="json"),
        "left_out": [{"name": name, "why": why} for name, why in own.left_out(one)],
        "options": one.request.options.model_dump(mode="json"),
        "classes": class_counts(one),
    }


def class_counts(one: own.OwnSet) -> list[dict[str, Any]]:
    """Images of each class, in both splits; those without a label last."""
    if one.document is None:
        return []
    _, labels = own.arrays(one)
    train, test = (
        Counter(labels[: one.document.train].tolist()),
        Counter(labels[one.document.train :].tolist()),
    )
    named = [*enumerate(one.document.class_names), *([(-1, None)] if one.document.unlabelled else [])]
    return [{"label": name, "train": train[label], "test": test[label]} for label, name in named]


def set_lines(one: own.OwnSet) -> list[str]:
    """What `data show` prints."""
    document = one.document
    if document is None:
        resumed = {"broken": "", "looked": "adds it", "running": "waits for it"}.get(one.state, "goes on")
        resume = f"`python -m core data resume {one.name}` {resumed}, " if resumed else ""
        return [
            f"Data set '{one.name}' {one.said}",
            f"{resume}`python -m core data delete {one.name}` removes it.",
        ]
    items = "images" if document.kind == "image" else "vectors"
    split = "as its source has them" if document.own_split else f"stratified, seed {one.request.options.seed}"
    rows = [
        (row["label"] or "(no label)", number(row["train"]), number(row["test"])) for row in class_counts(one)
    ]
    return [
        f"Data set '{one.name}': {number(document.train)} training and {number(document.test)} test {items} of "
        f"{'x'.join(map(str, document.shape))} ({split}), {document.what}, {size_text(disk_use(one.folder))}.",
        *table(("class", "train", "test"), rows, right=("train", "test")),
        *left_out_lines(own.left_out(one), document.left_out_count),
        f"Train on it: `{first_training(one.name, document.kind, document.train)}`.",
    ]


def work(args: argparse.Namespace) -> int:
    """Do the work of an import; the process that `data add` starts."""
    own.work(own.find_own(args.id).folder)
    return 0


def add_commands(of_data: Any) -> None:
    """Add the commands of a person's own data to those of `data`."""
    added = add_command(of_data, "add", add, "add your own images or table as a data set", detail=ADDING)
    added.add_argument("name", metavar="NAME", help="what to call it: a-z, 0-9, '-' and '_'")
    added.add_argument("path", metavar="PATH", help="the folder or file")
    _words(added, "--set", own.Options, "how to read it")
    _words(added, "--limit", own.Limits, "what the reading may use")
    added.add_argument(
        "--look", action="store_true", help="read a sample, say what it would be, and add nothing"
    )
    json_option(added)
    for name, function, about in (
        ("show", show, "show a data set that you added: classes, splits, what was left out"),
        ("resume", resume, "go on with an import that was cut off"),
    ):
        command = add_command(of_data, name, function, about)
        command.add_argument("name", metavar="NAME", help="name of the data set")
        json_option(command)
    deleted = add_command(of_data, "delete", delete, "delete data sets that you added for good, after asking")
    deleted.add_argument("names", metavar="NAME", nargs="+", help="names of the data sets")
    yes_option(deleted)
    worker = add_command(of_data, "import", work, "do the work of `data add`, which starts this by itself")
    worker.add_argument("id", metavar="ID", help="id of the data set")


def _words(parser: Parser, flag: str, settings: type[own.Options] | type[own.Limits], about: str) -> None:
    keys = "; ".join(
        f"{key}={'none' if field.default is None else field.default}: {field.description}"
        for key, field in settings.model_fields.items()
    )
    parser.add_argument(
        flag,
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help=f"{about}: {keys}".replace("%", "%%"),
    )
