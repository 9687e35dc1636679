"""A kept epoch of a run as a run of its own: RUN@EPOCH, such as my-run-ab12cd@3 or my-run-ab12cd@best."""

import dataclasses
import re
from pathlib import Path
from typing import Any

from core.errors import CheckpointError
from core.store.records import (
    RunRecord,
    find,
    read_record,
    read_scores,
    scores_path,
    scoring_command,
)

_REFERENCE = re.compile(r"(.+)@(best|\d{1,9})", flags=re.DOTALL)
"""No id holds an @, so that a path which ends so is never a run's own"""


def find_record(run: str | Path, store: str | Path | None = None) -> RunRecord:
    """Find a run by its id in the store or by the path of its folder, or one of its kept epochs by that and @EPOCH.

    Raises:
        CheckpointError: there is no such run, or it does not keep this epoch; the sentence lists what there is.
        ConfigError: neither an id nor a path.
    """
    found = _REFERENCE.fullmatch(run) if isinstance(run, str) else None
    if not found:
        return read_record(find(run, store))
    return at_epoch(read_record(find(found[1], store)), found[2])


def at_epoch(record: RunRecord, epoch: str | int) -> RunRecord:
    """Describe a kept epoch of a run, or its 'best', as a run of its own; its last epoch is the run itself.

    Raises:
        CheckpointError: the run cannot be read, or does not keep this epoch.
    """
    document = record.document
    if document is None:
        raise CheckpointError(f"Run '{record.id}' cannot be opened: {record.reason}")
    if epoch == "best" and document.best is None:
        raise CheckpointError(
            f"Run '{record.id}' has no best epoch: that is where a validation split is held out, and no game of "
            "players trains the run; open its last."
        )
    wanted = document.best if epoch == "best" else int(epoch)
    if wanted == document.epoch:
        return record
    if wanted not in document.kept:
        kept = ", ".join(map(str, document.kept)) or str(document.epoch)
        raise CheckpointError(
            f"Run '{record.id}' does not keep epoch {wanted}: choose from {kept}; training with keep_every=N "
            "keeps more."
        )
    scores, problems = _scores(record, wanted)
    return dataclasses.replace(
        record,
        id=f"{record.id}@{wanted}",
        name=f"{record.name}, epoch {wanted}",
        reason=None,  # how training ended says nothing of an epoch before
        document=document.model_copy(update={"epoch": wanted, "weights": document.kept[wanted]}),
        scores=scores,
        stamp=f"{record.stamp}@{wanted}{'' if scores is None else ', scored'}",
        problems=problems,
        at=wanted,
    )


def kept_epochs(record: RunRecord) -> list[RunRecord]:
    """Describe the epochs that a run keeps besides its last, each as a run of its own: the latest first."""
    document = record.document
    if document is None or record.at is not None:
        return []
    return [
        at_epoch(record, epoch) for epoch in sorted(document.kept, reverse=True) if epoch != document.epoch
    ]


def _scores(record: RunRecord, epoch: int) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """Scores of an epoch that were computed before, and the problems of the run that are also its own."""
    problems = tuple(one for one in record.problems if "scores.json" not in one)
    path = scores_path(record.folder, at=epoch)
    if not path.exists():
        return None, problems
    remedy = f"`{scoring_command(record.folder, at=epoch)}` writes it anew"
    try:
        return read_scores(path, latent=record.config.latent, remedy=remedy), problems
    except CheckpointError as error:
        return None, (*problems, str(error))
