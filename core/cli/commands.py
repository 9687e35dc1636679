"""The commands: each takes the parsed arguments, does one thing with the engine, and returns an exit code.

Those that tend stored runs are in `tending`. Torch is imported by those that need a model, inside the function.
"""

import argparse
import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli import documents, waiting
from core.cli.finding import open_with_weights, records_of
from core.cli.finding import record_of as _record
from core.cli.finding import store_of as _store
from core.cli.grammar import key_values
from core.cli.stopping import stopping
from core.cli.terminal import STOPPED, CountProgress, TrainingProgress, complain, emit, emit_json
from core.config import RunConfig
from core.data import catalog
from core.errors import CheckpointError, ConfigError, DataError
from core.recipes import RECIPES, recipe
from core.runs import Run
from core.store import (
    RunRecord,
    clean_name,
    clean_tag,
    list_runs,
    read_record,
    resuming_command,
    scores_path,
    why_not_resumed,
)
from core.training.queue import submit
from core.training.sweep import submit_sweep
from core.training.sweep import sweep as train_sweep

if TYPE_CHECKING:
    from core.training.run import Hooks


def _config(args: argparse.Namespace) -> RunConfig:
    """The recipe with the changes of --set and --device, and a data set that exists.

    Raises:
        ConfigError: an unknown recipe, setting or data set, or a bad value.
    """
    settings = key_values(args.set, example="--set epochs=5", keys=RunConfig.model_fields)
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
        _tell_stored(progress, store)
        raise
    progress.close()


def _tell_stored(progress: TrainingProgress, store: Path) -> None:
    """Say what is stored of the runs that were begun, and what goes on with those that can."""
    for run_id in progress.started:
        record = read_record(store / run_id)
        if record.document:
            complain(
                f"Run '{run_id}' is stored as {record.state}, with the weights of epoch {record.document.epoch}."
            )
        if record.state != "finished" and why_not_resumed(record) is None:
            complain(f"`{resuming_command(record.folder)}` goes on from {_place(record)}.")


def _place(record: RunRecord) -> str:
    """Where training goes on from, in words."""
    assert record.document is not None
    epoch, step = record.document.stands
    return f"step {step} of epoch {epoch + 1}" if step else f"the end of epoch {epoch}"


def train(args: argparse.Namespace) -> int:
    """Train one run."""
    config = _config(args)
    if args.name is not None:
        clean_name(args.name)
    if args.detach and args.dry_run:
        raise ConfigError("--dry-run trains nothing, --detach does: give one of them.")
    if args.dry_run:
        return waiting.estimate(config, as_json=args.json)
    if args.detach:
        job = submit(config, name=args.name, recipe=args.recipe, store=_store(args))
        return waiting.submitted([job], args)
    from core.training.run import train as train_run

    store, progress = _store(args), TrainingProgress()
    with _training(progress, store), stopping() as asked:
        hooks = _hooks(progress, asked)
        run = train_run(config, name=args.name, store=store, recipe=args.recipe, hooks=hooks)
    return _ended([run], progress, store, as_json=args.json)


def resume(args: argparse.Namespace) -> int:
    """Train a run further from its last checkpoint; first of all say whether exactly."""
    record = _record(args)
    if refusal := why_not_resumed(record, epochs=args.epochs):
        raise refusal
    assert record.document is not None
    from core.training.resume import exactness
    from core.training.resume import resume as resume_run

    complain(exactness(record.document, epochs=args.epochs).sentence)
    store, progress = record.folder.parent, TrainingProgress(before=record.document.stands)
    with _training(progress, store), stopping() as asked:
        hooks = _hooks(progress, asked)
        run = resume_run(record.folder, epochs=args.epochs, hooks=hooks)
    return _ended([run], progress, store, as_json=args.json)


def _hooks(progress: TrainingProgress, asked: Callable[[], bool]) -> "Hooks":
    """The progress that is shown, and the stop that a signal asks for."""
    from core.training.run import Hooks

    return Hooks(on_start=progress.start, on_step=progress.step, on_epoch=progress.epoch, should_stop=asked)


def _ended(runs: Sequence[Run], progress: TrainingProgress, store: Path, *, as_json: bool) -> int:
    """Print runs that finished; of one that was stopped, say what is stored."""
    if runs[-1].state == "stopped":
        _tell_stored(progress, store)
        return STOPPED
    if len(runs) == 1:
        _print_run(runs[0].record, as_json=as_json)
    elif as_json:
        emit_json([documents.report_of(run.record) for run in runs])
    else:
        emit(*documents.listing_lines([run.record for run in runs]))
    return 0


def sweep(args: argparse.Namespace) -> int:
    """Train one run for each beta."""
    config, betas = _config(args), _betas(args.beta)
    if any(pair.partition("=")[0].strip() == "beta" for pair in args.set):
        raise ConfigError("A sweep takes its betas from --beta: leave beta out of --set.")
    name = clean_name(args.recipe if args.name is None else args.name)
    if args.detach:
        made = submit_sweep(config, betas, name=name, recipe=args.recipe, store=_store(args))
        return waiting.submitted(made, args)

    store, progress = _store(args), TrainingProgress(runs=len(betas))
    with _training(progress, store), stopping() as asked:
        hooks = _hooks(progress, asked)
        runs = train_sweep(config, betas, name=name, store=store, recipe=args.recipe, hooks=hooks)
    return _ended(runs, progress, store, as_json=args.json)


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
    store, tags = _store(args), {clean_tag(tag) for tag in args.tag}
    records = [record for record in list_runs(store) if tags <= set(record.tags)]
    if args.json:
        emit_json([documents.listing(record) for record in records])
    elif records:
        emit(*documents.listing_lines(records))
    elif tags:
        emit(f"No run in {store} is tagged {', '.join(sorted(tags))}.")
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


def compare(args: argparse.Namespace) -> int:
    """Compare runs with the first of them."""
    from core.cli.comparing import compare as compare_runs

    return compare_runs(records_of(args), args)


def evaluate(args: argparse.Namespace) -> int:
    """Score a run from its weights and the images; nothing is written, or with --save its scores.json."""
    if args.save and (args.split, args.seed, args.draws) != (None, None, None):
        raise ConfigError(
            "--save stores what training stores, all splits at one draw of seed 0: leave out --split, --seed and "
            "--draws."
        )
    record = _record(args)
    if args.device != "auto" and record.document:
        record.config.with_settings({"device": args.device})
    from core.scoring import evaluate as score
    from core.scoring import report, rescore

    split, seed, draws = args.split or "test", args.seed or 0, args.draws or 1
    progress, done = CountProgress(unit="image", announce=False), None
    try:
        if args.save:
            run = Run(record, device=args.device)
            done = rescore(run, batch_size=args.batch_size, progress=progress)
            scores = done.splits
        else:
            run = open_with_weights(record, device=args.device)
            options = {"split": split, "seed": seed, "draws": draws, "batch_size": args.batch_size}
            scores = {split: score(run, **options, progress=progress)}
    finally:
        progress.close()
    path = scores_path(run.record.folder, at=run.record.at)
    if args.json:
        facts = {
            "name": run.name,
            "state": run.state,
            "epoch": run.document.epoch,
            "seed": seed,
            "draws": draws,
        }
        saved = {"saved": str(path), "left_out": done.left_out} if done else {}
        emit_json({**report(run.id, scores), **facts, **saved})
        return 0
    emit(
        f"{run.name} ({run.id}), weights of epoch {run.document.epoch}",
        "",
        *documents.score_lines(scores),
    )
    if done:
        emit("")
        for left, why in done.left_out.items():
            stays = "what was stored of it stays" if left in scores else "and nothing is stored of it"
            emit(f"The {left} split was not scored, {stays}: {why}")
        emit(f"Stored in {path}.")
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
