"""What a run would cost, measured by a process of its own, so that neither the page nor the server waits for it."""

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

from core.config import RunConfig
from core.jobs import ROOT
from core.recipes import RECIPES
from core.training.jobs import jobs
from dashboard.gateway.training import command_words

LONGEST = 120.0
"""Seconds that a measurement may take"""


@dataclass
class Measurement:
    """What a run would cost, measured by a process of its own; `cost` or `error` when it is done."""

    cost: dict[str, Any] | None = None
    """As `core.training.cost.Cost` has it, and `bytes`"""
    error: str | None = None
    beside: int = 0
    """Jobs that trained at the same time"""

    @property
    def done(self) -> bool:
        """Whether it has an answer."""
        return self.cost is not None or self.error is not None


MOST = 64
"""Measurements that are kept"""
_KEPT: dict[str, Measurement] = {}
"""By the settings as JSON, for all sessions"""
_KEEPING = threading.Lock()
_ONE_AT_A_TIME = threading.Lock()
"""Two measurements at once would measure one another"""


def cost(config: RunConfig) -> Measurement | None:
    """The measurement of these settings, done or under way; None where nobody asked for it."""
    return _KEPT.get(config.model_dump_json())


def measure(config: RunConfig) -> Measurement:
    """Measure what a run would cost, in the background; one that failed is tried again."""
    key = config.model_dump_json()
    with _KEEPING:
        found = _KEPT.get(key)
        if found is None or found.error is not None:
            found = _KEPT[key] = Measurement(beside=sum(one.state == "running" for one in jobs()))
            while len(_KEPT) > MOST:
                _KEPT.pop(next(iter(_KEPT)))
            threading.Thread(target=_measure, args=(config, found), name="cost", daemon=True).start()
    return found


def _measure(config: RunConfig, into: Measurement) -> None:
    """Ask the command line, as a person would: what a wrong guess of memory kills is not this server."""
    words = command_words(config, recipe=next(iter(RECIPES)))
    try:
        with _ONE_AT_A_TIME:
            done = subprocess.run(
                [sys.executable, "-m", "core", *words, "--dry-run", "--json"],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=LONGEST,
                check=False,
            )
        if done.returncode == 0:
            into.cost = json.loads(done.stdout)
        else:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            into.error = (
                said[-1].removeprefix("error: ")
                if said and done.returncode > 0
                else "The measurement was ended by the system, perhaps for its memory: choose a smaller batch_size or "
                "network."
            )
    except subprocess.TimeoutExpired:
        into.error = (
            f"A few steps took longer than {LONGEST:.0f} s: the run would be long; try a smaller batch_size."
        )
    except (OSError, ValueError) as error:
        into.error = f"The cost could not be measured ({error}): try again."
