"""VAEScope's engine: train, store, load and analyse variational autoencoders and their relatives.

`core.train(config)`, `core.open_run(id)` and `core.list_runs()` are the way in; `core.resume(id)` goes on. Importing
this package imports no torch; the first use of a model does.

Example:
    >>> import core
    >>> run = core.open_run("bundled-digits-beta-1")
    >>> means, log_variances = run.encode(run.images("test").pixels[:3])
    >>> means.shape, run.decode(means).shape
    ((3, 2), (3, 1, 8, 8))
    >>> round(run.scores["test"]["negative_elbo"], 2)  # nats per image, lower is better
    24.53
    >>> config = core.recipe("digits-vae").config.with_settings({"epochs": 1})
    >>> core.train(config, name="One epoch").state
    'finished'
    >>> [record.state for record in core.list_runs() if record.name == "One epoch"]
    ['finished']
"""

from pathlib import Path
from typing import Any

from core.config import RunConfig
from core.errors import ConfigError
from core.recipes import recipe
from core.runs import Run, open_run
from core.store import RunRecord, list_runs

__all__ = ["Run", "RunConfig", "RunRecord", "list_runs", "open_run", "recipe", "resume", "train"]


def train(config: RunConfig, **options: Any) -> Run:
    """Train a run and store it: see `core.training.run.train` for the options and the errors."""
    import inspect

    from core.training.run import train as run

    known = list(inspect.signature(run).parameters)[1:]
    for option in options:
        if option not in known:
            raise ConfigError(
                f"core.train has no option '{option}': choose from {', '.join(known)}; settings are changed with "
                "config.with_settings."
            )
    return run(config, **options)


def resume(run: str | Path, **options: Any) -> Run:
    """Train a stored run further: see `core.training.resume.resume` for the options and the errors."""
    from core.training.resume import resume as resume_run

    return resume_run(run, **options)
