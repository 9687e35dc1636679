"""What goes before a run is trained further: whether it can be, and the leftovers of a process that was killed."""

import json
import re
from pathlib import Path

from core.errors import CheckpointError, ConfigError, LockedRun, VAEScopeError
from core.families import family
from core.files import atomic_write, read_bytes
from core.store.documents import RunDocument
from core.store.folder import HISTORY_LIMIT
from core.store.records import RunRecord
from core.store.trash import TRASH

# not annotations.json: a person may be writing a note at this moment
_TEMPORARY = re.compile(
    r"\.((run|scores|status|probe)\.json|history\.jsonl|shown\.npz|(model|resume|latents)-[\w-]+\.\w+)\.[0-9a-f]{8}\.tmp"
)


def why_not_resumed(record: RunRecord, *, epochs: int | None = None) -> VAEScopeError | None:
    """Why a run cannot be trained further, as the error that `resume` would raise; None where it can be.

    Args:
        record: of the run.
        epochs: in all, where there are to be others than its settings say.
    """
    if record.at is not None:
        return ConfigError(
            f"'{record.id}' is an epoch of a run, which goes on from its last: leave out @{record.at}."
        )
    if record.document is None or record.state in ("damaged", "foreign"):
        return CheckpointError(f"Run '{record.id}' cannot be opened: {record.reason}")
    if record.state == "running":
        return in_training(record.name)
    if record.folder.parent.parent.name == TRASH:
        return CheckpointError(f"'{record.name}' is in the trash: restore it first.")
    return why_not_further(record.document, epochs=epochs)


def in_training(name: str) -> LockedRun:
    """Say that a run is in training already."""
    return LockedRun(f"'{name}' is being trained by another process: wait for that, or stop it first.")


def why_not_further(document: RunDocument, *, epochs: int | None = None) -> VAEScopeError | None:
    """Why a run that nobody is training cannot be trained further; None where it can be."""
    name, (done, steps) = document.name, document.stands
    if document.bundled:
        return CheckpointError(
            f"'{name}' came with VAEScope and is read-only: train its recipe, '{document.recipe}', instead."
        )
    if document.state == "diverged":
        return CheckpointError(
            f"'{name}' diverged, and would again from the same numbers: train it anew with "
            f"{family(document.config.family).steadier}."
        )
    if epochs is not None and epochs < done + bool(steps):
        return ConfigError(
            f"'{name}' has {done} epochs{' and a part of the next' if steps else ''} behind it: give at least "
            f"{done + bool(steps)} epochs in all, not {epochs}."
        )
    if document.state == "finished" and (epochs is None or epochs <= done):
        return ConfigError(
            f"'{name}' is finished, with all its {done} epochs: give it more in all, such as --epochs {2 * done}."
        )
    if document.resume is None:
        return CheckpointError(
            f"'{name}' has no file to go on from, since an earlier release trained it: train it anew."
        )
    return None


def sweep_leftovers(folder: Path, document: RunDocument) -> None:
    """Remove what a process left that was killed: temporary files, weights that run.json does not name, later rows.

    Only for whoever holds the run's lock.

    Raises:
        CheckpointError: history.jsonl is damaged, or the folder cannot be written.
    """
    for path in folder.iterdir():
        if _TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)
    remove_unnamed(folder, document)
    _cut_history(folder, document.stands[0])


def remove_unnamed(folder: Path, document: RunDocument, *, besides: str | None = None) -> None:
    """Remove weights and files to go on from that run.json does not name, but one that a reader may still be at."""
    named = {document.weights, document.resume, besides, *document.kept.values()}
    for pattern in ("model-*.safetensors", "resume-*.safetensors"):
        for path in folder.glob(pattern):
            if path.name not in named:
                path.unlink(missing_ok=True)


def _cut_history(folder: Path, epoch: int) -> None:
    """Take rows after an epoch out of history.jsonl, and a last one that was not written whole: they come anew."""
    path = folder / "history.jsonl"
    if not path.exists():
        return
    before = read_bytes(path, limit=HISTORY_LIMIT)
    kept = []
    for line in before.split(b"\n")[:-1]:
        try:
            row = json.loads(line)
            if row["epoch"] <= epoch:
                kept.append(line + b"\n")
        except (ValueError, TypeError, KeyError) as error:
            raise CheckpointError(
                "'history.jsonl' is damaged, so the run cannot go on: restore it from a copy, or train the run anew."
            ) from error
    after = b"".join(kept)
    if after != before:
        atomic_write(path, after)
