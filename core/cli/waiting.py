"""`jobs` and what belongs to it: training that was detached, its queue, its progress, its end; and what a run costs."""

import argparse
from dataclasses import asdict
from typing import Any

from core.cli.finding import store_of
from core.cli.grammar import add_command, from_least, json_option, store_option
from core.cli.stopping import stopping
from core.cli.terminal import TrainingProgress, duration, emit, emit_json, shorten, table
from core.config import RunConfig
from core.store import size_text
from core.training import jobs as training_jobs
from core.training import tending
from core.training.jobs import TrainingJob, what_next
from core.training.queue import work as work_on
from core.training.tickets import Ticket

ABOUT = """\
`train --detach` and `sweep --detach` queue a run for a process of its own: closing the terminal, the dashboard or its
server does not touch it. One job trains on a device at a time, the rest wait in the order of submission. ID is the
id of the run. Without a command all jobs are listed; runs that are trained in a terminal are listed too."""

NAME_COLUMNS = 32


def submitted(ids: list[str], args: argparse.Namespace) -> int:
    """Say what was queued."""
    made = [training_jobs.job(one, store_of(args)) for one in ids]
    if args.json:
        emit_json([document(one) for one in made])
        return 0
    for one in made:
        emit(f"Run '{one.id}' is {_state(one)} on {one.slot}.")
    emit(
        "`python -m core jobs` shows how far it is, `jobs stop ID` stops it, `jobs log ID` prints what it says."
    )
    return 0


def list_jobs(args: argparse.Namespace) -> int:
    """List all jobs of the store."""
    there = training_jobs.jobs(store_of(args))
    if args.json:
        emit_json([document(one) for one in there])
    elif there:
        rows = [
            (one.id, shorten(one.name, NAME_COLUMNS), one.slot or "terminal", _state(one), *_progress(one))
            for one in there
        ]
        header = ("id", "name", "device", "state", "epoch", "images/s", "left")
        emit(*table(header, rows, right=("epoch", "images/s", "left")), "")
        emit(*(f"{one.id}: {f'{one.reason} ' if one.reason else ''}{what_next(one)}" for one in there))
    else:
        emit(f"There is no job in {store_of(args)}: `python -m core train digits-vae --detach` makes one.")
    return 0


def _state(one: TrainingJob) -> str:
    if one.stopping:
        return f"{one.state}, stopping"
    return f"queued, number {one.position}" if one.position else one.state


def _progress(one: TrainingJob) -> tuple[str, str, str]:
    """Epoch, images a second and time left."""
    status = one.status
    if status is None:
        return "-", "-", "-"
    rate = "-" if status.images_per_second is None else f"{status.images_per_second:,.0f}"
    left = "-" if status.left is None else duration(status.left)
    return f"{status.epoch}/{status.epochs}", rate, left


def document(one: TrainingJob) -> dict[str, Any]:
    """One object of `jobs --json`."""
    return {**asdict(one), "config": one.config and one.config.to_json(), "next": what_next(one)}


def stop(args: argparse.Namespace) -> int:
    """Stop jobs."""
    for name in args.ids:
        before = training_jobs.job(name, store_of(args))
        if not before.active:
            emit(f"Job '{name}' is {before.state}: there is nothing to stop.")
            continue
        after = tending.stop(name, store_of(args), now=args.now)
        said = "is asked to save and stop" if after.active and not args.now else f"is {after.state}"
        emit(f"Job '{name}' {said}.")
    return 0


def log(args: argparse.Namespace) -> int:
    """Print the end of a job's log."""
    lines = tending.tail(args.id, store_of(args), lines=args.lines)
    emit(*(lines or [f"Job '{args.id}' has said nothing."]))
    return 0


def forget(args: argparse.Namespace) -> int:
    """Remove what is kept of jobs that are over."""
    for name in args.ids:
        tending.forget(name, store_of(args))
        emit(f"Job '{name}' is forgotten; its run stays.")
    return 0


def again(args: argparse.Namespace) -> int:
    """Queue a job again that never began."""
    return submitted([tending.again(args.id, store_of(args))], args)


def work(args: argparse.Namespace) -> int:
    """Be the process of a job; what `--detach` starts."""
    store = store_of(args)

    def task(ticket: Ticket) -> object:
        # only now: who waits needs no torch
        from core.training.resume import resume
        from core.training.run import Hooks, train

        progress = TrainingProgress()
        with stopping() as asked:
            hooks = Hooks(
                on_start=progress.start, on_step=progress.step, on_epoch=progress.epoch, should_stop=asked
            )
            if ticket.resume:
                return resume(args.id, store=store, epochs=ticket.epochs, hooks=hooks)
            return train(
                ticket.config,
                name=ticket.name,
                store=store,
                recipe=ticket.recipe,
                sweep=ticket.sweep,
                run_id=args.id,
                hooks=hooks,
            )

    work_on(args.id, store, task)
    return 0


def estimate(config: RunConfig, *, as_json: bool) -> int:
    """Say what a run would cost; nothing is kept of the steps that were done for it."""
    from core.training.cost import estimate as measured

    cost = measured(config)
    if as_json:
        emit_json({**asdict(cost), "bytes": cost.bytes})
        return 0
    rows = [
        ("parameters", f"{cost.parameters:,}", "exact"),
        ("memory", size_text(cost.bytes), "besides torch itself (1 kB = 1,000 B)"),
        ("  images", size_text(cost.data_bytes), "computed"),
        ("  weights, gradients", size_text(cost.model_bytes), "computed"),
        ("  optimiser", size_text(cost.optimiser_bytes), "computed"),
        ("  a step", size_text(cost.step_bytes), "measured"),
        ("time", span(cost.seconds), f"{config.epochs:,} epochs, loading and scoring; files are not in it"),
        ("  an epoch", span(cost.epoch), f"{cost.steps:,} steps; by the median of {cost.measured:,}"),
        ("  scoring", span(cost.scoring), "at the end, by a part of it"),
    ]
    emit(*table(("cost", "value", "how known"), rows, right=("value",)), "", f"Measured on {cost.machine}.")
    emit("Nothing was trained: leave out --dry-run to train it.")
    return 0


def span(seconds: float) -> str:
    """Write a span of time with its unit: short ones in seconds with two digits."""
    return f"{seconds:.2g} s" if seconds < 60 else duration(seconds)


def add_commands(actions: Any) -> None:
    """Add `jobs` to the command line's grammar."""
    listing = add_command(
        actions, "jobs", list_jobs, "list training jobs: state, progress, time left", detail=ABOUT
    )
    store_option(listing)
    json_option(listing)
    of_jobs = listing.add_subparsers(title="commands", metavar="COMMAND")
    stopping = add_command(of_jobs, "stop", stop, "take jobs off the queue, or have them save and stop")
    _ids(stopping)
    stopping.add_argument("--now", action="store_true", help="end them at once, without saving")
    logging = add_command(of_jobs, "log", log, "print the last lines of a job's log")
    _id(logging)
    logging.add_argument(
        "--lines", type=from_least(1), default=40, metavar="N", help="how many (default: 40)"
    )
    _ids(add_command(of_jobs, "forget", forget, "remove what is kept of jobs that are over; their runs stay"))
    queued = add_command(of_jobs, "again", again, "queue a job again whose run has not begun")
    _id(queued)
    json_option(queued)
    _id(add_command(of_jobs, "work", work, "be the process of a job; --detach starts this by itself"))


def _id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="id of the job, which is its run's")
    _store(parser)


def _ids(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", metavar="ID", nargs="+", help="ids of jobs, which are their runs'")
    _store(parser)


def _store(parser: argparse.ArgumentParser) -> None:
    # without a default of its own, which would take the place of a --store before the command
    parser.add_argument(
        "--store",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="folder of the runs (default: VAESCOPE_STORE, else checkpoints/)",
    )
