"""The form of the Train page: where to start from, and a box for each setting that the family knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import controls, gateway, state
from dashboard.gateway import FAMILIES, RECIPES, Box, Raw, RunConfig, VAEScopeError

SOURCES = {"recipe": "A recipe", "run": "A run's settings"}
FIRST = "digits-vae"
_FORM = "train-form"

ESSENTIAL = ("dataset", "family", "latent", "beta", "epochs", "batch_size", "learning_rate", "seed")
"""Above the others, and never folded away"""
GROUPS: dict[str, tuple[str, ...]] = {
    "Data": ("pad", "validation", "binarise"),
    "Network": ("network", "hidden", "activation", "tied"),
    "Objective": (
        "likelihood", "sigma", "learn_sigma", "output", "warmup_epochs", "free_bits", "mmd_weight", "mmd_bandwidth",
        "l2", "corruption", "corruption_level", "sparsity_weight", "sparsity_target", "contraction_weight",
        "pixel_weight", "feature_weight", "adversarial_weight",
    ),
    "Steps": ("optimiser", "weight_decay", "schedule"),
    "Records": ("report_every", "checkpoint_epochs", "checkpoint_minutes", "keep_every"),
    "Machine": ("device", "precision", "threads"),
}  # fmt: skip
REST = "More"
"""Settings that stand in no group"""
LABELS = {
    "dataset": "Data set",
    "hidden": "Hidden layers",
    "latent": "Latent dimensions",
    "l2": "L2 penalty",
}


@dataclass(frozen=True, eq=False)
class Plan:
    """What the form asks for."""

    config: RunConfig
    """With the beta of the form, which a sweep replaces"""
    name: str
    recipe: str | None
    """Name of the recipe that it began with"""
    betas: tuple[float, ...]
    """Of a sweep; none of a single run"""
    configs: tuple[RunConfig, ...]
    """Of each run"""


@dataclass
class Form:
    """What stands in the boxes, for as long as the session lasts."""

    base: tuple[str, ...]
    """Recipe or run, its name or id, and of a recipe the data set that a link asks for"""
    turn: int
    """Boxes of another turn are other boxes, which begin with what `raw` says"""
    raw: Raw
    name: str


def form() -> Plan | None:
    """Draw the form; None where it cannot be started as it is, which it has said."""
    chosen = _start_from()
    if chosen is None:
        return None
    base, config, recipe, name = chosen
    kept: Form | None = state.recall(_FORM)
    if kept is None or kept.base != base:
        raw = gateway.raw_of(config) | _for_data(*base[2:])
        kept = Form(base, 1 + (kept.turn if kept else 0), raw, name)
        state.remember(_FORM, kept)
    sweep = _boxes(kept, config)
    return _checked(kept, config, recipe, sweep)


def _for_data(name: str = "") -> Raw:
    """What to begin with other than a recipe on the data set that a link asks for."""
    row = next((one for one in gateway.data_sets() if one.name == name), None)
    return {} if row is None else dict(gateway.first_settings(row.name, row.kind, row.train_images)[1])


def _start_from() -> tuple[tuple[str, ...], RunConfig, str | None, str] | None:
    """What the form begins with, its config, its recipe and a name for the new run."""
    source = controls.segmented(
        "Start from", SOURCES, key="train-source", default="run" if state.linked("from") else "recipe"
    )
    if source == "recipe":
        options = {name: name for name in RECIPES}
        name = controls.select("Recipe", options, key="recipe", default=FIRST)
        one = RECIPES[name]
        st.caption(controls.plain(f"{one.sentence} Source: {one.source}. Expect: {one.reference}."))
        return ("recipe", name, state.linked("on")), one.config, name, name
    records = [record for record in gateway.runs() if record.document is not None]
    if not records:
        st.info("There is no run to start from yet: start from a recipe.", icon=":material/info:")
        return None
    record = controls.pick_run(
        key="from", records=records, default=controls.run_in_hand(one.id for one in records)
    )
    again = f"{record.name}, again"
    return (
        ("run", record.id),
        record.config,
        gateway.recipe_of(record),
        again if len(again) <= gateway.NAME_LIMIT else record.name,
    )


def _boxes(kept: Form, base: RunConfig) -> str | None:
    """Draw the boxes and keep what stands in them; the text of a sweep's betas, None of a single run."""
    family = str(kept.raw["family"])
    known = gateway.asked(family)
    fresh = gateway.raw_of(base)
    sweeps = "beta" in known and controls.toggle(
        "Sweep over beta", key="sweep", help="One run a beta, queued in this order."
    )
    betas = None
    columns = _columns()
    for key in ESSENTIAL:
        if key in known:
            with next(columns):
                if sweeps and key == "beta":
                    betas = _betas(kept)
                else:
                    _draw(kept, key)
    st.caption(controls.plain(f"{FAMILIES[family].title}: {FAMILIES[family].sentence}"))
    grouped = {key for keys in GROUPS.values() for key in keys} | {*ESSENTIAL}
    others = tuple(key for key in known if key not in grouped)
    for title, keys in ({**GROUPS, REST: others} if others else GROUPS).items():
        there = [key for key in keys if key in known]
        if not there:
            continue
        count = sum(kept.raw[key] != fresh[key] for key in there)
        with st.expander(
            f"{title} · {count} changed" if count else title, key=f"train-group-{title.lower()}"
        ):
            columns = _columns()
            for key in there:
                with next(columns):
                    _draw(kept, key)
    if kept.raw["family"] != family:
        # the boxes that another family needs, with its defaults in them
        kept.raw = gateway.raw_of_family(kept.raw, family, str(kept.raw["family"]))
        kept.turn += 1
        st.rerun()
    return betas


def _columns() -> Any:
    """Places for boxes, four in a row."""
    while True:
        yield from st.columns(4, gap="small")


def _betas(kept: Form) -> str:
    """The box of the betas of a sweep, in the place of that of beta."""
    betas = st.text_input(
        "Betas",
        value=str(kept.raw.get("betas", "0.25, 1, 4")),
        key=f"train-{kept.turn}-betas",
        max_chars=400,
        help="Numbers from 0 with commas between, each once.",
    )
    kept.raw["betas"] = betas
    return betas


def _draw(kept: Form, key: str) -> None:
    """Draw the box of a setting, and keep what stands in it."""
    box = gateway.box(key)
    label = LABELS.get(key, key.replace("_", " ").capitalize())
    value = kept.raw[key]
    called = f"train-{kept.turn}-{key}"
    about = controls.plain(f"{box.about[:1].upper()}{box.about[1:]}. {_allowed(box)}")
    if key == "dataset":
        kept.raw[key] = _data_set(str(value), label, called, about)
    elif box.kind == "choice":
        choices = list(FAMILIES[str(kept.raw["family"])].networks if key == "network" else box.choices)
        kept.raw[key] = st.selectbox(
            label,
            choices,
            index=choices.index(str(value)) if value in choices else 0,
            format_func=lambda one: str(one).replace("_", " "),
            key=called,
            help=about,
        )
    elif box.kind == "switch":
        kept.raw[key] = st.toggle(label, value=bool(value), key=called, help=about)
    elif box.kind == "whole":
        given = st.number_input(
            label, value=int(value), min_value=box.low, max_value=box.high, step=1, key=called, help=about
        )
        kept.raw[key] = int(given)
    else:
        kept.raw[key] = st.text_input(label, value=str(value), key=called, max_chars=200, help=about)


def _allowed(box: Box) -> str:
    if box.kind == "whole":
        return f"A whole number from {box.low:,} to {box.high:,}."
    return f"Allowed: {box.allowed}." if box.kind == "text" and box.key != "dataset" else ""


def _data_set(value: str, label: str, called: str, about: str) -> str:
    """Choose among the data sets that are on this machine, and the one that was begun with."""
    rows = gateway.data_sets()
    here = [row.name for row in rows if gateway.is_here(row)]
    names = here if value in here else [*here, value]
    away = [row.name for row in rows if row.name not in here]
    hint = f" Not on this machine: {', '.join(away)}; the Data page fetches them." if away else ""
    return str(
        st.selectbox(
            label,
            names,
            index=names.index(value),
            format_func=lambda one: str(one) if one in here else f"{one} (not on this machine)",
            key=called,
            help=about + controls.plain(hint),
        )
    )


def _checked(kept: Form, base: RunConfig, recipe: str | None, sweep: str | None) -> Plan | None:
    """The plan, or a sentence on what is wrong with it."""
    kept.name = st.text_input(
        "Name of the sweep" if sweep is not None else "Name of the run",
        value=kept.name,
        key=f"train-{kept.turn}-name",
        max_chars=gateway.NAME_LIMIT,
        help="What it is called on all pages; it can be changed later.",
    )
    try:
        config = gateway.config_of(kept.raw)
        betas: Sequence[float] = () if sweep is None else gateway.checked_betas(sweep)
        configs = (config,) if sweep is None else tuple(gateway.sweep_configs(config, betas))
        if sweep is not None:
            gateway.sweep_names(configs, kept.name)
        else:
            gateway.clean_name(kept.name)
    except VAEScopeError as error:
        st.error(controls.plain(str(error)), icon=":material/error:")
        return None
    _say_changed(base, config, kept.base[1])
    if not _data_is_here(config):
        return None
    if unfit := gateway.why_not_fit(config):
        st.error(controls.plain(str(unfit)), icon=":material/error:")
        return None
    return Plan(config, kept.name, recipe, tuple(betas), configs)


def _say_changed(base: RunConfig, config: RunConfig, named: str) -> None:
    differing = gateway.changed(base, config)
    if differing:
        said = ", ".join(f"{key} {new} ({old})" for key, (old, new) in differing.items())
        st.caption(controls.plain(f"Other than in {named}, whose values stand in brackets: {said}."))


def _data_is_here(config: RunConfig) -> bool:
    row = next((one for one in gateway.data_sets() if one.name == config.dataset), None)
    if row is not None and gateway.is_here(row):
        return True
    known = "" if row else " and nobody here knows it"
    st.warning(
        f"The data set {controls.plain(config.dataset)} is not on this machine{known}: choose another one above, or "
        "open the Data page to fetch or add it.",
        icon=":material/dataset:",
    )
    if st.button("Open the Data page", key="train-data", icon=":material/dataset:"):
        controls.go("data", **({"set": row.name} if row else {}))
    return False
