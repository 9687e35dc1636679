"""The boxes of the settings on the Train page, and what they describe. All of it comes from `RunConfig`."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from core.config import RunConfig
from core.errors import ConfigError
from core.families import FAMILIES
from core.recipes import RECIPES
from core.store import RunRecord
from core.training.jobs import TrainingJob, jobs

Kind = Literal["choice", "switch", "whole", "text"]
Raw = dict[str, Any]
"""What stands in the boxes, by setting: text, or what a box of another kind gives"""


@dataclass(frozen=True)
class Box:
    """How a setting is asked for; all of it comes from the one statement of the settings."""

    key: str
    about: str
    kind: Kind
    allowed: str
    choices: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None


def box(key: str) -> Box:
    """How a setting is asked for."""
    field = RunConfig.model_fields[key]
    rules = {
        name: getattr(rule, name)
        for rule in field.metadata
        for name in ("ge", "le", "lt")
        if hasattr(rule, name)
    }
    choices = tuple(str(one) for one in get_args(field.annotation) if isinstance(one, str))
    kind: Kind = "text"
    if key == "family":
        choices = tuple(FAMILIES)
    if choices:
        kind = "choice"
    elif field.annotation is bool:
        kind = "switch"
    elif field.annotation is int and "ge" in rules:
        kind = "whole"
    high = rules.get("le", rules["lt"] - 1 if "lt" in rules else None)
    return Box(key, field.description or "", kind, RunConfig.allowed(key), choices, rules.get("ge"), high)


def asked(family: str) -> tuple[str, ...]:
    """Settings that mean something to a family and can be chosen there."""
    row = FAMILIES[family]
    return tuple(key for key in RunConfig.model_fields if key not in (*row.ignores, *row.fixed))


def as_text(value: Any) -> str:
    """A setting as a text box and a command line have it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ",".join(str(one) for one in value)
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def raw_of(config: RunConfig) -> Raw:
    """What stands in the boxes of a config."""
    values = {key: getattr(config, key) for key in RunConfig.model_fields}
    return {key: as_text(value) if box(key).kind == "text" else value for key, value in values.items()}


def raw_of_family(raw: Raw, before: str, after: str) -> Raw:
    """What stands in the boxes when another family is chosen: its own defaults, and what else was typed."""
    new, row = raw_of(RunConfig.make({"family": after})), FAMILIES[after]
    old = FAMILIES[before]
    own = {*old.defaults, *old.fixed, *old.uses, *row.defaults, *row.fixed, *row.ignores, *row.uses, "family"}
    mixed = {key: new[key] if key in own else value for key, value in raw.items()}
    return mixed if mixed["network"] in row.networks else {**mixed, "network": row.networks[0]}


def config_of(raw: Raw) -> RunConfig:
    """The config that the boxes describe.

    Raises:
        ConfigError: a value cannot be used; the sentence says what is allowed.
    """
    return RunConfig.make({key: raw[key] for key in asked(str(raw["family"])) if key in raw})


def changed(base: RunConfig, config: RunConfig) -> dict[str, tuple[str, str]]:
    """{setting: (before, now)} of the settings in which a config differs from what it began with."""
    return {
        key: (as_text(getattr(base, key)), as_text(getattr(config, key)))
        for key in RunConfig.model_fields
        if getattr(base, key) != getattr(config, key)
    }


def command_words(
    config: RunConfig, *, recipe: str, name: str | None = None, betas: Sequence[float] = ()
) -> list[str]:
    """Words after `python -m core` that train the same."""
    base = RECIPES[recipe].config
    if base.family == config.family:
        keys: Sequence[str] = list(changed(base, config))
    else:
        keys = asked(config.family)
    said = [f"{key}={as_text(getattr(config, key))}" for key in keys if not (betas and key == "beta")]
    words = ["sweep" if betas else "train", recipe]
    words += ["--beta=" + ",".join(as_text(beta) for beta in betas)] if betas else []
    words += ["--set", *said] if said else []
    return words if name is None else [*words, f"--name={name}"]


def command(config: RunConfig, *, recipe: str, name: str, betas: Sequence[float] = ()) -> str:
    """A line of a terminal that trains the same."""
    return shlex.join(["python", "-m", "core", *command_words(config, recipe=recipe, name=name, betas=betas)])


def twin(configs: Sequence[RunConfig]) -> TrainingJob | None:
    """A job that is not over and trains the very same as one of these, seed included."""
    return next((one for one in jobs() if one.active and one.config in configs), None)


def recipe_of(record: RunRecord) -> str | None:
    """Name of the recipe that a run was made by, if there is such a one."""
    name = record.document.recipe if record.document else None
    return name if name in RECIPES else None


def checked_betas(text: str) -> list[float]:
    """Betas as they are typed, with commas or spaces between.

    Raises:
        ConfigError: one is no number.
    """
    betas = []
    for part in text.replace(",", " ").split():
        try:
            betas.append(float(part))
        except ValueError:
            raise ConfigError(
                f"'{part[:40]}' is no beta: write numbers with commas between, such as 0.25, 1, 4."
            ) from None
    return betas
