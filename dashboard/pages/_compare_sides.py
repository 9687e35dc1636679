"""The two runs that the Compare page shows, and how they are chosen."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard import controls, gateway, state
from dashboard.gateway import RunRecord

KEY = "runs"
DEFAULTS = ("bundled-digits-beta-1", "bundled-digits-beta-0p1")
LETTERS = ("A", "B")
SHOWN = "compare-shown"
"""What this page showed last: where `runs` says something else, a link or another page chose it"""
PER_SIDE = ("run", "dx", "dy")
"""Choices that go with a run when the sides are swapped; their keys are `side_key(name, letter)`."""


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two runs."""

    letter: str
    record: RunRecord

    @property
    def has_posterior(self) -> bool:
        """Whether the encoder gives a Gaussian: else there is no rate and no prior."""
        return gateway.FAMILIES[self.record.config.family].has_posterior

    @property
    def dataset(self) -> tuple[str, str]:
        """Name and fingerprint of its data: equal for runs that saw the same images."""
        assert self.record.document is not None
        return self.record.document.data.dataset, self.record.document.data.fingerprint

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of its images."""
        assert self.record.document is not None
        return self.record.document.data.shape

    @property
    def small(self) -> bool:
        """Whether its data set is so small that both splits are shown by default."""
        assert self.record.document is not None
        data = self.record.document.data
        return data.train + data.validation + data.test < gateway.SMALL_DATA


Sides = tuple[Side, Side]


def side_key(name: str, letter: str) -> str:
    """Key of a choice that each side has for itself, such as 'dx-a'."""
    return f"{name}-{letter.lower()}"


def pick_sides() -> Sides | None:
    """Choose two runs; their ids live in the URL as `runs=first,second`. None where there is only one."""
    records = controls.usable_runs()
    by_id = {record.id: record for record in records}
    if len(records) < 2:
        _only_one(records[0])
        return None
    _follow(by_id)
    titles = controls.run_titles(records)
    left, middle, right = st.columns([1, 0.26, 1], vertical_alignment="bottom")
    chosen = []
    for letter, column in zip(LETTERS, (left, right), strict=True):
        key = side_key("run", letter)
        state.restore(key, parse=lambda text: None, default=records[0].id)
        state.limit(key, lambda one: one in by_id, records[0].id)
        with column:
            one = st.selectbox(f"Run {letter}", list(titles), key=key, format_func=lambda one: titles[one])
        state.share(key, one, None)
        chosen.append(one)
    with middle:
        st.button(
            "Swap",
            key="swap",
            icon=":material/swap_horiz:",
            on_click=_swap,
            help="Swap A and B",
            width="stretch",
        )
    state.put(KEY, chosen)
    state.remember(SHOWN, chosen)
    state.share(KEY, chosen, state.ids_text(chosen))
    first, second = (Side(letter, by_id[one]) for letter, one in zip(LETTERS, chosen, strict=True))
    if first.record.id == second.record.id:
        st.info(
            "A and B are the same run, so nothing below can differ: choose another run on one side.",
            icon=":material/info:",
        )
    for side in (first, second):
        if side.record.reason:
            st.warning(f"{side.letter}: {controls.plain(side.record.reason)}", icon=":material/warning:")
    return first, second


def _follow(by_id: dict[str, RunRecord]) -> None:
    """Take over runs that a link or another page chose; what stood in the pickers stays otherwise."""
    named: list[str] = []

    def parse(text: str) -> list[str] | None:
        named.extend(state.as_ids(text))
        return [one for one in named if one in by_id] or None

    nothing: list[str] = []
    state.restore(KEY, parse=parse, default=nothing)
    asked = [one for one in state.current(KEY) or [] if one in by_id][:2]
    missing = [one for one in named if one not in by_id]
    if missing:
        st.warning(
            f"The link names {controls.plain(', '.join(missing)[:200])}, which cannot be compared: it was deleted, "
            "hidden, or cannot be opened. Another run is shown instead.",
            icon=":material/link_off:",
        )
    if asked == state.recall(SHOWN):
        return
    for letter, one in zip(LETTERS, fill_up(asked, by_id), strict=True):
        state.put(side_key("run", letter), one)


def fill_up(asked: Sequence[str], by_id: dict[str, RunRecord]) -> list[str]:
    """Two ids: those asked for, else a sensible first one, and one that can be compared with it if there is any."""
    first = controls.run_in_hand(by_id) or controls.default_run(list(by_id.values()))
    pair = list(asked[:2]) or [first]
    key = gateway.comparable_key(by_id[pair[0]])
    others = [one for one in by_id if one != pair[0]]
    # the sort is stable: of equals the newest stays first
    others.sort(key=lambda one: (gateway.comparable_key(by_id[one]) != key, one not in DEFAULTS))
    return [*pair, *others][:2]


def _swap() -> None:
    for name in PER_SIDE:
        keys = [side_key(name, letter) for letter in LETTERS]
        values = [state.current(key) for key in keys]
        for key, value in zip(keys, reversed(values), strict=True):
            if value is not None:
                state.put(key, value)


def _only_one(record: RunRecord) -> None:
    st.info(
        f"Comparing needs two runs, and only {controls.plain(record.name)} can be opened. Train another one in a "
        "terminal, with another beta for example:",
        icon=":material/info:",
    )
    st.code("python -m core train digits-vae --set beta=0.5", language="bash")
    if st.button("Open it on the Latent space page", key="open-only", icon=":material/scatter_plot:"):
        controls.go("latent", run=record.id)


def why_not_comparable(sides: Sides) -> str | None:
    """Say in Markdown why the losses of two runs measure different things; None where they can be compared."""
    first, second = (side.record for side in sides)
    if gateway.comparable_key(first) == gateway.comparable_key(second):
        return None
    reasons = []
    if sides[0].dataset != sides[1].dataset:
        reasons.append(f"their data differ ({_both([controls.plain(side.dataset[0]) for side in sides])})")
    one, two = first.config, second.config
    if one.likelihood != two.likelihood:
        reasons.append(f"their likelihoods differ ({one.likelihood} and {two.likelihood})")
    elif one.likelihood == "gaussian" and one.sigma != two.sigma:
        reasons.append(f"the sigma of their likelihoods differs ({one.sigma:.4g} and {two.sigma:.4g})")
    pixels = [gateway.pixels_per_image(side.record) for side in sides]
    if pixels[0] != pixels[1]:
        reasons.append(f"their images have different numbers of pixels (n = {pixels[0]:,} and {pixels[1]:,})")
    return "; ".join(reasons) or "their images are padded differently"


def _both(texts: Sequence[str]) -> str:
    return f"{texts[0]} and {texts[1]}" if texts[0] != texts[1] else f"two versions of {texts[0]}"


def describe(side: Side) -> None:
    """One line about a run under its picker, and a way to its own page."""
    config, document = side.record.config, side.record.document
    assert document is not None
    family = gateway.FAMILIES[config.family].title
    parts = [
        f"{family}, {config.network}",
        controls.plain(config.dataset),
        f"{config.latent} latent dimension{'s' if config.latent > 1 else ''}",
    ]
    if side.has_posterior:
        weight = controls.weight_text(config.beta, gateway.pixels_per_image(side.record))
        parts.append(f"beta {config.beta:g} (reconstruction weight {weight})")
    else:
        parts.append("no posterior: rate, prior and beta do not apply")
    parts.append(f"epoch {document.epoch:,}")
    st.caption(f"**{side.letter}** · " + " · ".join(parts))
