"""A run as it learns: how far it is, its probe set, its newest reconstructions; read from files each time."""

import contextlib
from collections import Counter
from dataclasses import dataclass

from core.errors import CheckpointError
from core.store import RunRecord, read_record, store_folder
from core.training.jobs import TrainingJob, job, jobs
from core.training.probe import DOCUMENT, Probe, Shown, read_probe, read_shown


@dataclass(frozen=True)
class Watched:
    """A run that can be watched: a job, a run that was trained in a terminal, or both."""

    id: str
    name: str
    state: str
    job: TrainingJob | None
    record: RunRecord | None
    """None before it has begun"""

    @property
    def active(self) -> bool:
        """Whether it is not over."""
        return self.job is not None and self.job.active


def watchable() -> dict[str, str]:
    """{id: name} of all that can be watched: jobs, and then other runs whose probe set was kept.

    Not the state: the browser goes on showing the text of a choice that it was first given, as if nothing had ended.
    """
    found = {one.id: one.name for one in jobs()}
    for path in sorted(store_folder(None).glob(f"*/{DOCUMENT}")):
        if path.parent.name not in found:
            record = read_record(path.parent)
            found[record.id] = record.name
    often = Counter(found.values())
    return {key: name if often[name] == 1 else f"{name} ({key})" for key, name in found.items()}


def watched(run_id: str) -> Watched:
    """What is known of a run that can be watched.

    Raises:
        CheckpointError: it is neither a job nor a run, any more.
    """
    one: TrainingJob | None = None
    with contextlib.suppress(CheckpointError):
        one = job(run_id)
    folder = store_folder(None) / run_id
    known = one is not None or run_id in {path.parent.name for path in store_folder(None).glob("*/run.json")}
    record = read_record(folder) if known and (folder / "run.json").is_file() else None
    if one is not None:
        return Watched(one.id, one.name, one.state, one, record)
    if record is None:
        raise CheckpointError(
            "This run is gone: it was deleted, or taken off the list. The trash of the Runs page may still have it."
        )
    return Watched(record.id, record.name, record.state, None, record)


def shown(record: RunRecord) -> Shown | None:
    """The newest reconstructions of a run in training; None where there are none.

    Raises:
        CheckpointError: the file is damaged.
    """
    return read_shown(record.folder)


def exactness_of(record: RunRecord, *, epochs: int) -> str:
    """Whether a run that goes on here ends as it would have without the pause, and if not, why; a sentence.

    Raises:
        ConfigError: the run's device is not here.
    """
    from core.training.resume import exactness

    assert record.document is not None
    return exactness(record.document, epochs=epochs).sentence


def probe(record: RunRecord, *, newest: bool = False) -> Probe | None:
    """The probe set's means after each recorded epoch, or the newest alone; None where none were kept.

    Raises:
        CheckpointError: its document is damaged.
    """
    found = read_probe(record.folder, newest=newest)
    return found if found is not None and len(found.epochs) else None
