"""Jobs in tests: a process that is none, and waiting for what real ones do."""

import time
from collections.abc import Callable
from pathlib import Path

from core.training.jobs import jobs

SECONDS = 150


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not until():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.05)


class Waiting:
    """In place of a process that waits: it lives until it is told otherwise."""

    code: int | None = None

    def poll(self) -> int | None:
        return self.code


def states(store: Path) -> dict[str, str]:
    """States of all jobs, by id."""
    return {one.id: one.state for one in jobs(store)}
