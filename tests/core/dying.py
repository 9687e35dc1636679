"""Trains runs in processes that are killed: started once with torch loaded, it forks one process for each.

Words on stdin, one line each: `train STORE K` or `resume STORE K` kills the process before its K-th call that changes a
file; `moment STORE SECONDS` kills it then. The answer is a line: killed, or done.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from core.config import RunConfig
from core.data import catalog
from core.encoding import build_model
from core.store import list_runs
from core.training.resume import resume
from core.training.run import train
from core.training.updates import Descent

SETTINGS: dict[str, Any] = {
    "hidden": (8,),
    "batch_size": 700,
    "epochs": 2,
    "checkpoint_minutes": 1e-9,
    "threads": 1,
    "device": "cpu",
}
"""Two steps an epoch, and a checkpoint after each"""
CALLS = ((os, "open"), (os, "replace"), (Path, "unlink"), (Path, "open"))
"""Not fsync: to a killed process, unlike to a power cut, what was written is written"""


def kill_before(number: int) -> None:
    """Kill this process before its so manieth call of those that change a file."""
    made = 0

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal made
            made += 1
            if made == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        return call

    for place, name in CALLS:
        setattr(place, name, watched(getattr(place, name)))


def work(what: str, store: Path) -> None:
    """Train a run, or the rest of the only one there is."""
    if what == "resume":
        (record,) = list_runs(store)
        resume(record.folder)
    else:
        train(RunConfig.make(SETTINGS), store=store)


def main() -> None:
    """Fork for each line of stdin."""
    torch.set_num_threads(1)
    catalog.load("digits", "train")
    # loads what torch loads at the first optimiser, once for all that are forked
    config = RunConfig.make(SETTINGS)
    Descent(build_model(config, (1, 8, 8)), config)
    for line in sys.stdin:
        what, store, number = line.split()
        if not (process := os.fork()):
            if what != "moment":
                kill_before(int(number))
            work(what, Path(store))
            os._exit(0)
        if what == "moment":
            time.sleep(float(number))
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        print("killed" if os.WIFSIGNALED(status) else f"done {status}", flush=True)


if __name__ == "__main__":
    main()
