"""The commands: each takes the parsed arguments, does one thing with the engine, and returns an exit code.

Torch is imported by those that need a model, inside the function.
"""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from core.cli import attributes, documents, pictures, places
from core.cli.terminal import CountProgress, TrainingProgress, complain, emit, emit_json, plain
from core.config import RunConfig
from core.data import catalog
from core.errors import CheckpointError, ConfigError, DataError
from core.recipes import RECIPES, recipe
from core.runs import Run
from core.store import (
    RunRecord,
    annotate,
    clean_name,
    default_store,
    delete_run,
    find,
    is_locked,
    list_runs,
    read_record,
)


def _store(args: argparse.Namespace) -> Path:
    return Path(args.store).expanduser() if args.store else default_store()


def _record(args: argparse.Namespace) -> RunRecord:
    """Find the run that was asked for; a folder that is not ours is refused before anything is written to it."""
    record = read_record(find(args.run, _store(args)))
    if record.state == "foreign":
        raise CheckpointError(f"'{record.id}' is not a run of VAEScope: {record.reason}")
    return record


def _config(args: argparse.Namespace) -> RunConfig:
    """The recipe with the changes of --set and --device, and a data set that exists.

    Raises:
        ConfigError: an unknown recipe, setting or data set, or a bad value.
    """
    settings: dict[str, str] = {}
    for pair in args.set:
        key, equals, value = pair.partition("=")
        if not equals:
            keys = ", ".join(RunConfig.model_fields)
            raise ConfigError(f"'{pair}' is not key=value: write --set epochs=5, with the key one of {keys}.")
        settings[key.strip()] = value
    if args.device is not None:
        settings["device"] = args.device
    config = recipe(args.recipe).config.with_settings(settings)
    try:
        catalog.info(config.dataset)
    except DataError as error:
        raise ConfigError(str(error)) from None
    return config


def recipes(args: argparse.Namespace) -> int:
    """List the recipes."""
    if args.json:
        emit_json([documents.recipe_document(row) for row in RECIPES.values()])
    else:
        emit(*documents.recipe_lines())
    return 0


def settings(args: argparse.Namespace) -> int:
    """List the settings of a run."""
    if args.json:
        emit_json(documents.setting_documents())
    else:
        emit(*documents.setting_lines())
    return 0


@contextlib.contextmanager
def _training(progress: TrainingProgress, store: Path) -> Iterator[None]:
    """Close the bar, and when training ends early say what is stored of the runs that were begun."""
    try:
        yield
    except BaseException:
        progress.close()
        for run_id in progress.started:
            record = read_record(store / run_id)
            if record.document:
                complain(
                    f"Run '{run_id}' is stored as {record.state}, with the weights of epoch {record.document.epoch}."
                )
        raise
    progress.close()


def train(args: argparse.Namespace) -> int:
    """Train one run."""
    config = _config(args)
    if args.name is not None:
        clean_name(args.name)
    from core.training.run import Hooks
    from core.training.run import train as train_run

    store, progress = _store(args), TrainingProgress()
    hooks = Hooks(on_start=progress.start, on_step=progress.step, on_epoch=progress.epoch)
    with _training(progress, store):
        run = train_run(config, name=args.name, store=store, recipe=args.recipe, hooks=hooks)
    _print_run(run.record, as_json=args.json)
    return 0


def sweep(args: argparse.Namespace) -> int:
    """Train one run for each beta."""
    config, betas = _config(args), _betas(args.beta)
    if any(pair.partition("=")[0].strip() == "beta" for pair in args.set):
        raise ConfigError("A sweep takes its betas from --beta: leave beta out of --set.")
    name = clean_name(args.recipe if args.name is None else args.name)
    for beta in betas:
        clean_name(
            f"{name}, beta {beta:g}"
        )  # too long a name is found before the first run, not after the third
    from core.training.run import Hooks
    from core.training.sweep import sweep as train_sweep

    store, progress = _store(args), TrainingProgress(runs=len(betas))
    hooks = Hooks(on_start=progress.start, on_step=progress.step, on_epoch=progress.epoch)
    with _training(progress, store):
        runs = train_sweep(config, betas, name=name, store=store, recipe=args.recipe, hooks=hooks)
    if args.json:
        emit_json([documents.report_of(run.record) for run in runs])
    else:
        emit(*documents.listing_lines([run.record for run in runs]))
    return 0


def _betas(text: str) -> list[float]:
    betas = []
    for part in text.split(","):
        try:
            betas.append(float(part))
        except ValueError:
            raise ConfigError(
                f"--beta cannot be '{text}': give numbers from 0 with commas between, such as 0.25,0.5,1,2,3."
            ) from None
    return betas


def _print_run(record: RunRecord, *, as_json: bool) -> None:
    if as_json:
        emit_json(documents.report_of(record))
    else:
        emit(*documents.run_lines(record))


def list_all(args: argparse.Namespace) -> int:
    """List every run of the store, and every folder in it that cannot be opened."""
    store = _store(args)
    records = list_runs(store)
    if args.json:
        emit_json([documents.listing(record) for record in records])
    elif records:
        emit(*documents.listing_lines(records))
    else:
        emit(f"There is no run in {store} yet: train the first with `python -m core train digits-vae`.")
    return 0


def show(args: argparse.Namespace) -> int:
    """Show one run and its stored scores."""
    record = _record(args)
    if record.document is None or record.state == "damaged":
        raise CheckpointError(f"Run '{record.id}' cannot be opened: {record.reason}")
    _print_run(record, as_json=args.json)
    return 0


def _open(folder: Path, *, device: str) -> Run:
    """Open a run with its weights; one in training may replace them between two looks, so look again."""
    for attempts_left in (2, 1, 0):
        try:
            run = Run(read_record(folder), device=device)
            assert run.model is not None
            return run
        except CheckpointError:
            if not attempts_left or not is_locked(folder):
                raise
    raise AssertionError


def evaluate(args: argparse.Namespace) -> int:
    """Score a run from its weights and the images; nothing is written."""
    record = _record(args)
    if args.device != "auto" and record.document:
        record.config.with_settings({"device": args.device})
    from core.scoring import evaluate as score
    from core.scoring import report

    run = _open(record.folder, device=args.device)
    progress = CountProgress(unit="image", announce=False)
    try:
        scores = score(
            run,
            split=args.split,
            seed=args.seed,
            draws=args.draws,
            batch_size=args.batch_size,
            progress=progress,
        )
    finally:
        progress.close()
    if args.json:
        facts = {"name": run.name, "state": run.state, "epoch": run.document.epoch}
        emit_json({**report(run.id, {args.split: scores}), **facts, "seed": args.seed, "draws": args.draws})
    else:
        emit(
            f"{run.name} ({run.id}), weights of epoch {run.document.epoch}",
            "",
            *documents.score_lines({args.split: scores}),
        )
    return 0


def traverse(args: argparse.Namespace) -> int:
    """Decode a traversal and write it as a picture."""
    out = pictures.target(args.out, endings=(".png",), force=args.force)
    run = _open(_record(args).folder, device=args.device)
    lines = pictures.traverse(
        run, out, row=args.row, split=args.split, steps=args.steps, most=args.dimensions, scale=args.scale
    )
    emit(*lines)
    return 0


def interpolate(args: argparse.Namespace) -> int:
    """Decode a path through images and write it as a film or a strip."""
    out = pictures.target(args.out, endings=(".gif", ".png"), force=args.force)
    rows = pictures.rows_of_text(args.rows)
    run = _open(_record(args).folder, device=args.device)
    lines = pictures.interpolate(
        run,
        out,
        rows=rows,
        split=args.split,
        steps=args.steps,
        spherical=args.spherical,
        milliseconds=args.milliseconds,
        scale=args.scale,
    )
    emit(*lines)
    return 0


def attribute(args: argparse.Namespace) -> int:
    """Measure the vector between two labels, and what leaks from it."""
    record = _record(args)
    run = Run(record)
    found = attributes.describe_attribute(
        run, to=args.to, source=args.source, split=args.split, strength=args.strength
    )
    if args.json:
        emit_json(found)
    else:
        unit = "prior standard deviations" if run.has_posterior else "standard deviations of the codes"
        emit(*attributes.attribute_lines(found, unit=unit))
    return 0


def place(args: argparse.Namespace) -> int:
    """Measure the densities at a place of the latent space, and list the nearest images."""
    run = Run(_record(args))
    z = places.place_of_text(args.at, latent=run.latent)
    found = places.describe_place(run, z, split=args.split, k=args.nearest)
    if args.json:
        emit_json(found)
    else:
        unit = "prior standard deviations" if run.has_posterior else "standard deviations of the codes"
        emit(*places.place_lines(found, unit=unit))
    return 0


def rename(args: argparse.Namespace) -> int:
    """Give a run another display name; its id stays."""
    record = annotate(_record(args).folder, name=args.name)
    emit(f"Run '{record.id}' is now called '{record.name}'.")
    return 0


def note(args: argparse.Namespace) -> int:
    """Keep a note with a run."""
    record = annotate(_record(args).folder, note=args.text)
    emit(f"The note of run '{record.id}' is {'kept' if record.note else 'empty now'}.")
    return 0


def delete(args: argparse.Namespace) -> int:
    """Delete a run for good, after asking."""
    record = _record(args)
    if not args.yes:
        if not sys.stdin.isatty():
            raise ConfigError(
                f"Deleting '{record.id}' asks first, and here is no terminal to ask on: add --yes to delete it unasked."
            )
        question = f"Delete run '{record.name}' ({record.id}, {record.state}) for good? [y/N] "
        print(plain(question), end="", file=sys.stderr, flush=True)
        try:
            answer = input()
        except EOFError:
            answer = ""
        if answer.strip().lower() not in ("y", "yes"):
            complain("Nothing was deleted.")
            return 1
    delete_run(record)
    emit(f"Run '{record.id}' is deleted.")
    return 0


def data_list(args: argparse.Namespace) -> int:
    """List the data sets and say which are on this machine."""
    if args.json:
        emit_json(documents.data_documents())
    else:
        emit(*documents.data_lines())
    return 0


def data_fetch(args: argparse.Namespace) -> int:
    """Download what is missing of a data set."""
    try:
        facts = catalog.info(args.name)
    except DataError as error:
        raise ConfigError(str(error)) from None
    if facts.embedded:
        emit(f"{facts.title} comes with VAEScope: there is nothing to download.")
        return 0
    progress = CountProgress(unit="B")
    try:
        catalog.fetch(args.name, progress=progress)
    finally:
        progress.close()
    emit(f"{facts.title} is complete in {catalog.data_folder() / args.name}.")
    return 0
