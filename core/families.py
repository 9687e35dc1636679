"""The table of families: read this first.

A family is a network x an objective x defaults: one row. A row names its builders as `module:function`,
so that this file, and all that only lists families, imports no torch.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.errors import ConfigError


@dataclass(frozen=True)
class Family:
    """One row of the table: a kind of model and what it can be asked."""

    name: str
    title: str
    sentence: str
    source: str
    model: str
    """`module:class`, called as (config, shape) with shape = (C, H, W) in padded pixels."""
    objective: str
    """`module:function`, see core/objectives.py."""
    networks: tuple[str, ...]
    has_posterior: bool
    needs_labels: bool = False
    ignores: tuple[str, ...] = ()
    """Settings that have no meaning here: any value but the default is refused."""


FAMILIES: dict[str, Family] = {
    row.name: row
    for row in (
        Family(
            name="vae",
            title="Variational autoencoder",
            sentence="Encodes an image as a Gaussian and minimises D + beta R; beta = 1 is the evidence bound.",
            source="Kingma and Welling 2014, arXiv:1312.6114; beta: Higgins et al. 2017",
            model="core.models.vae:Vae",
            objective="core.objectives:elbo",
            networks=("mlp", "conv"),
            has_posterior=True,
        ),
        Family(
            name="ae",
            title="Autoencoder",
            sentence="Encodes an image as a point and minimises D alone: no posterior, no prior, no rate.",
            source="Hinton and Salakhutdinov 2006, doi:10.1126/science.1127647",
            model="core.models.autoencoder:Autoencoder",
            objective="core.objectives:distortion_alone",
            networks=("mlp", "conv"),
            has_posterior=False,
            ignores=("beta", "warmup_epochs"),
        ),
    )
}


def family(name: str) -> Family:
    """Look up one row of the table.

    Raises:
        ConfigError: no such family; the sentence lists those there are.
    """
    try:
        return FAMILIES[name]
    except KeyError:
        raise ConfigError(f"There is no family '{name}': choose one of {', '.join(FAMILIES)}.") from None


def build(builder: str) -> Callable[..., Any]:
    """Import what a row names as `module:function`."""
    module, _, attribute = builder.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found
