"""Starting, watching and ending the process that reads a source."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.data.own.library import OwnSet, ask, delete_own, job_of, read_own
from core.data.own.options import Limits, Options
from core.errors import DataError, VAEScopeError
from core.files import one_line, read_arrays, read_json
from core.jobs import JobState, start_job

PAUSE = 0.1
"""Seconds between two looks at how far it is"""
SAMPLE_LIMIT = 256 * 2**20


@dataclass(frozen=True, eq=False)
class Sample:
    """What a look at a source found."""

    kind: str
    what: str
    items: int
    """In the whole source, those that cannot be used included"""
    values: np.ndarray
    """(n, C, H, W) as they would be stored: uint8 images, or float32 vectors"""
    labels: tuple[str | None, ...]
    columns: tuple[str, ...]
    """Those that could be the label: attributes, and of a table of vectors whole numbers"""
    left_out: tuple[tuple[str, str], ...]
    left_out_count: int


def start(own: OwnSet) -> None:
    """Start the process that does what the data set's request asks for; it outlives this one.

    Raises:
        CheckpointError: it cannot be started.
    """
    start_job(job_of(own.folder), ["data", "import", own.id])


def again(
    own: OwnSet,
    *,
    options: Options | None = None,
    limits: Limits | None = None,
    look: bool | None = None,
) -> OwnSet:
    """Change what is asked of a data set that is not added yet."""
    was = own.request
    return ask(
        own.folder,
        was.name,
        Path(was.path),
        was.options if options is None else options,
        was.limits if limits is None else limits,
        look=was.look if look is None else look,
        called=was.called,
    )


def forget_look(own: OwnSet) -> None:
    """Remove what a look found, before another one."""
    for name in ("look.json", "look.npz"):
        (own.folder / name).unlink(missing_ok=True)


def wait(own: OwnSet, progress: Callable[[JobState], None]) -> OwnSet:
    """Wait until the process has ended.

    Args:
        own: the data set.
        progress: called with how far it is, some times a second.

    Returns:
        The data set as it is then.

    Raises:
        DataError: it failed, and is removed: nothing is half-added; or it was ended from elsewhere, and can go on; or
            it was removed from elsewhere.
    """
    while True:
        try:
            now = read_own(own.folder)
        except DataError:
            if (own.folder / "request.json").exists():
                raise
            raise DataError(f"'{own.name}' was removed while it was being read: add it again.") from None
        if now.state != "running":
            break
        progress(now.job)
        time.sleep(PAUSE)
    if now.state == "failed":
        delete_own(now)
        raise DataError(now.job.error or "It failed, and did not say why.")
    if now.state in ("interrupted", "stopped", "broken"):
        raise DataError(
            f"Adding '{now.name}' was cut off: `python -m core data resume {now.name}` goes on where it was, "
            f"`python -m core data delete {now.name}` removes what is there."
        )
    return now


def read_sample(own: OwnSet) -> Sample:
    """What a look found.

    Raises:
        DataError: its files are missing or damaged.
    """
    remedy = "look at it again"
    try:
        told = read_json(own.folder / "look.json")
        found = read_arrays(own.folder / "look.npz", ("values",), limit=SAMPLE_LIMIT, remedy=remedy)
        return Sample(
            kind=str(told["kind"]),
            what=str(told["what"]),
            items=int(told["items"]),
            values=found["values"],
            labels=tuple(None if one is None else str(one) for one in told["labels"]),
            columns=tuple(str(one) for one in told["columns"]),
            left_out=tuple((str(name), str(why)) for name, why in told["left_out"]),
            left_out_count=int(told["left_out_count"]),
        )
    except (VAEScopeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"The sample of '{own.name}' cannot be read ({one_line(error, limit=120)}): {remedy}."
        ) from None
