"""A sweep: runs that differ in one value, beta, and share a name to be found by."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import RunConfig
from core.errors import ConfigError
from core.families import family
from core.runs import Run
from core.store import clean_name, new_id
from core.training.queue import submit

if TYPE_CHECKING:
    from core.training.run import Hooks


def sweep_configs(config: RunConfig, betas: Sequence[float]) -> list[RunConfig]:
    """One config a beta, in the given order, all checked before the first one trains.

    Raises:
        ConfigError: no beta, one twice, one out of range, or a family without a rate.
    """
    if "beta" in family(config.family).ignores:
        raise ConfigError(
            f"Family '{config.family}' has no rate, so it has no beta to sweep: choose family=vae."
        )
    if not betas:
        raise ConfigError("A sweep needs at least one beta, such as --beta 0.5,1,2.")
    if len(set(betas)) != len(betas):
        raise ConfigError(
            f"Each beta may stand once in a sweep, these do not: {', '.join(f'{b:g}' for b in betas)}."
        )
    return [config.with_settings({"beta": beta}) for beta in betas]


def sweep_names(configs: Sequence[RunConfig], name: str) -> list[str]:
    """Name the runs of a sweep, '<name>, beta <value>', all checked before the first one trains.

    Raises:
        ConfigError: one is too long, or the name is none.
    """
    return [clean_name(f"{clean_name(name)}, beta {one.beta:g}") for one in configs]


def sweep(
    config: RunConfig,
    betas: Sequence[float],
    *,
    name: str,
    store: str | Path | None = None,
    recipe: str | None = None,
    hooks: "Hooks | None" = None,
) -> list[Run]:
    """Train one run a beta, named as `sweep_names` has it; what is done stays done if a later one fails.

    A stop that the hooks ask for ends the sweep: the last of the runs is then the one that was stopped.

    Raises:
        ConfigError: as `sweep_configs` and `sweep_names`.
        VAEScopeError: as `core.training.run.train`.
    """
    from core.training.run import train

    configs, shared, runs = sweep_configs(config, betas), new_id(name), list[Run]()
    for one, title in zip(configs, sweep_names(configs, name), strict=True):
        runs.append(train(one, name=title, store=store, recipe=recipe, sweep=shared, hooks=hooks))
        if runs[-1].state == "stopped":
            break
    return runs


def submit_sweep(
    config: RunConfig,
    betas: Sequence[float],
    *,
    name: str,
    store: str | Path | None = None,
    recipe: str | None = None,
) -> list[str]:
    """Queue one job a beta, in their order; they share the sweep's name as runs of `sweep` do. No torch is loaded.

    Returns:
        The ids of the runs, which are those of the jobs.

    Raises:
        ConfigError: as `sweep_configs` and `sweep_names`.
        CheckpointError: the store cannot be written; jobs before the one that failed stay queued.
    """
    configs, shared = sweep_configs(config, betas), new_id(name)
    return [
        submit(one, name=title, store=store, recipe=recipe, sweep=shared)
        for one, title in zip(configs, sweep_names(configs, name), strict=True)
    ]
