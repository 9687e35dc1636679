"""VAEScope's engine: train, store, load and analyse variational autoencoders and their relatives.

`core.train(config)`, `core.open_run(id)` and `core.list_runs()` are the way in. Importing this package imports no
torch; the first use of a model does.
"""

from typing import Any

from core.config import RunConfig
from core.recipes import recipe
from core.runs import Run, open_run
from core.store import RunRecord, list_runs

__all__ = ["Run", "RunConfig", "RunRecord", "list_runs", "open_run", "recipe", "train"]


def train(config: RunConfig, **options: Any) -> Run:
    """Train a run and store it: see `core.training.run.train` for the options and the errors."""
    from core.training.run import train as run

    return run(config, **options)
