"""`project`: a latent space of three or more dimensions laid out in two or three."""

import argparse
import contextlib
import time
from typing import Any

from core.analysis.projections import METHODS
from core.cli.finding import record_of
from core.cli.grammar import add_command, from_least, json_option, run_argument
from core.cli.terminal import CountProgress, emit, emit_json, number
from core.data.images import SPLITS
from core.jobs import working
from core.projected import Projected, Wanted, job_of, projected, stored_projection
from core.runs import Run

BOTH = "both"
BADGE = "projection, not the latent space"


def project(args: argparse.Namespace) -> int:
    """Project a run's latents, once: what was computed before is read."""
    run = Run(record_of(args))
    splits = ("test", "train") if args.split == BOTH else (args.split,)
    wanted = Wanted.of(splits, args.method, seed=args.seed, dimensions=args.dimensions)
    found, start = stored_projection(run, wanted), time.monotonic()
    before = found is not None
    if found is None:
        found = _compute(run, wanted)
    seconds = None if before else time.monotonic() - start
    if args.json:
        emit_json(_document(run, wanted, found, seconds))
    else:
        emit(*_lines(run, wanted, found, seconds))
    return 0


def _compute(run: Run, wanted: Wanted) -> Projected:
    """Compute with a bar, and tell the files how far it is, so that a page can show it.

    Raises:
        LockedRun: another process is at it.
    """
    bar, job = CountProgress(unit="step", announce=False), job_of(run, wanted)
    with contextlib.suppress(OSError):
        job.folder.mkdir(parents=True, exist_ok=True)
    try:
        with working(job) as told:

            def tell(phase: str, done: int, total: int) -> None:
                told(phase, done, total)
                if total:
                    bar(done, total, phase)

            return projected(run, wanted, progress=tell)
    finally:
        bar.close()


def _document(run: Run, wanted: Wanted, found: Projected, seconds: float | None) -> dict[str, Any]:
    made = found.projection
    return {
        "run": run.id,
        "note": BADGE,
        "method": made.method,
        "seed": made.seed,
        "splits": list(wanted.splits),
        "from_dimensions": run.latent,
        "dimensions": wanted.dimensions,
        "points": len(found.latents),
        "of": found.total,
        "trustworthiness": made.quality.trustworthiness,
        "continuity": made.quality.continuity,
        "neighbours": made.quality.neighbours,
        "judged": made.quality.judged,
        "explained_variance": None if made.explained is None else made.explained.tolist(),
        "seconds": seconds,
        "stored": None if found.stored is None else str(found.stored),
    }


def _lines(run: Run, wanted: Wanted, found: Projected, seconds: float | None) -> list[str]:
    made, judged = found.projection, found.projection.quality
    chance = "no chance in it" if made.seed is None else f"seed {made.seed}"
    lines = [
        f"{METHODS[made.method].title} of {number(len(found.latents))} of {number(found.total)} images "
        f"({' and '.join(wanted.splits)}) from {run.latent} dimensions to {wanted.dimensions}, {chance}: "
        f"a {BADGE}.",
        f"Trustworthiness {judged.trustworthiness:.4f}, continuity {judged.continuity:.4f} (from 0 to 1, higher is "
        f"better; {judged.neighbours} neighbours, over {number(judged.judged)} of the points).",
    ]
    if made.explained is not None:
        shares = ", ".join(f"{share:.1%}" for share in made.explained)
        lines.append(f"Share of the variance along its axes: {shares}.")
    took = "was computed before" if seconds is None else f"took {seconds:.1f} s"
    kept = "cannot be stored: its folder is not writable" if found.stored is None else f"is {found.stored}"
    return [*lines, f"It {took}, and {kept}."]


def add_commands(actions: Any) -> None:
    """Add `project` to the command line's grammar."""
    command = add_command(
        actions,
        "project",
        project,
        "lay a latent of three or more dimensions out in two or three: PCA, t-SNE or UMAP",
        detail="Of the means or codes of at most 10,000 images. Computed once, and kept in the run's cache, where the "
        "dashboard finds it. A 2-D latent is never projected.",
    )
    run_argument(command)
    command.add_argument("--method", choices=METHODS, default="pca", help="how (default: pca)")
    command.add_argument(
        "--split",
        choices=(*SPLITS, BOTH),
        default="test",
        help="images to take; both are test and train (default: test)",
    )
    command.add_argument(
        "--seed", type=from_least(0), default=0, metavar="N", help="of t-SNE and UMAP (default: 0)"
    )
    command.add_argument(
        "--dimensions", type=int, choices=(2, 3), default=2, help="to project to (default: 2)"
    )
    json_option(command)
