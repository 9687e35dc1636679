"""How the runs of the Compare page are chosen, added, swapped and taken out."""

from collections.abc import Sequence
from itertools import zip_longest

import streamlit as st

from dashboard import controls, gateway, state
from dashboard.gateway import RunRecord
from dashboard.pages._compare_sides import AUTO, FEWEST, LETTERS, Side, Sides, grid, letters_of, side_key

KEY = "runs"
DEFAULTS = ("bundled-digits-beta-1", "bundled-digits-beta-0p1")
SHOWN = "compare-shown"
"""What this page showed last: where `runs` says something else, a link or another page chose it"""
DIMENSIONS = ("dx", "dy")
"""Choices that go with a run when it changes its letter; their keys are `side_key(name, letter)`."""
REMOVED = "remove-run"


def pick_sides() -> Sides | None:
    """Choose the runs; their ids live in the URL as `runs=first,second,...`. None where there is only one."""
    records = controls.usable_runs(epochs=True)
    by_id = {record.id: record for record in records}
    if len(records) < FEWEST:
        _only_one(records[0])
        return None
    asked = _follow(by_id)
    count = len(asked)
    titles = controls.run_titles(records)
    chosen = _two(titles, asked) if count == FEWEST else _several(titles, asked)
    with st.container(horizontal=True, gap="small"):
        if count > FEWEST:
            _swap_button(titles)
        if len(chosen) < min(len(LETTERS), len(records)):
            st.button(
                "Add a run",
                key="add-run",
                icon=":material/add:",
                type="tertiary",
                on_click=_add,
                args=(chosen, by_id),
                help=f"Compare up to {len(LETTERS)} runs",
            )
        if count > FEWEST:
            st.menu_button(
                "Remove a run",
                list(LETTERS[:count]),
                key=REMOVED,
                icon=":material/close:",
                type="tertiary",
                on_click=_remove,
                args=(count, titles),
                format_func=lambda letter: (
                    f"{letter}: {controls.plain(titles[chosen[LETTERS.index(letter)]])}"
                ),
                help="Take a run out of the comparison; nothing is deleted",
            )
    state.put(KEY, chosen)
    state.remember(SHOWN, chosen)
    state.share(KEY, chosen, state.ids_text(chosen))
    sides = tuple(Side(letter, by_id[one]) for letter, one in zip(LETTERS, chosen, strict=False))
    _say_same(sides)
    for side in sides:
        if side.record.reason:
            st.warning(f"{side.letter}: {controls.plain(side.record.reason)}", icon=":material/warning:")
        controls.say_dead_code(side.record, name=side.letter)
    return sides


def _pick(letter: str, titles: dict[str, str], asked: str) -> str:
    key = side_key("run", letter)
    state.restore(key, parse=lambda text: None, default=asked)
    state.limit(key, lambda one: one in titles, asked)
    one = st.selectbox(f"Run {letter}", list(titles), key=key, format_func=lambda one: titles[one])
    state.share(key, one, None)
    return str(one)


def _swap_button(titles: dict[str, str], width: str = "content") -> None:
    st.button(
        "Swap",
        key="swap",
        icon=":material/swap_horiz:",
        on_click=_swap,
        args=(titles,),
        help="Swap A and B",
        width=width,  # type: ignore[arg-type]
    )


def _two(titles: dict[str, str], asked: Sequence[str]) -> list[str]:
    left, middle, right = st.columns([1, 0.26, 1], vertical_alignment="bottom")
    chosen = []
    for letter, column, one in zip(LETTERS, (left, right), asked, strict=False):
        with column:
            chosen.append(_pick(letter, titles, one))
    with middle:
        _swap_button(titles, "stretch")
    return chosen


def _several(titles: dict[str, str], asked: Sequence[str]) -> list[str]:
    chosen = []
    for letter, cell, one in zip(LETTERS, grid(len(asked)), asked, strict=False):
        with cell:
            chosen.append(_pick(letter, titles, one))
    return chosen


def _say_same(sides: Sides) -> None:
    """Name runs that stand under two letters."""
    by_run: dict[str, list[Side]] = {}
    for side in sides:
        by_run.setdefault(side.record.id, []).append(side)
    for twins in by_run.values():
        if len(twins) > 1:
            below = "nothing below can differ" if len(sides) == len(twins) else "they cannot differ below"
            st.info(
                f"{letters_of(twins)} are the same run, so {below}: choose another run on one side.",
                icon=":material/info:",
            )


def _follow(by_id: dict[str, RunRecord]) -> list[str]:
    """Take over runs that a link or another page chose; what stood in the pickers stays otherwise."""
    named: list[str] = []

    def parse(text: str) -> list[str] | None:
        named.extend(state.as_ids(text))
        return [one for one in named if one in by_id] or None

    nothing: list[str] = []
    state.restore(KEY, parse=parse, default=nothing)
    before = state.current(KEY) or []
    known = [one for one in before if one in by_id]
    asked = known[: len(LETTERS)]
    # named by a link, or shown until now and deleted meanwhile
    missing = list(dict.fromkeys(one for one in (*named, *before) if one not in by_id))
    if missing:
        instead = " Another run is shown instead." if len(asked) < FEWEST else ""
        st.warning(
            f"{controls.plain(', '.join(missing)[:200])} cannot be compared: it was deleted, hidden, or cannot be "
            f"opened.{instead}",
            icon=":material/link_off:",
        )
    if len(known) > len(asked):
        st.warning(
            f"The link names {len(known)} runs, and the page compares {len(asked)} at most: the first are shown.",
            icon=":material/link_off:",
        )
    if asked == state.recall(SHOWN):
        return asked
    chosen = fill_up(asked, by_id)
    if len(asked) < len(before) <= FEWEST:
        # the run that is still there keeps its letter
        others = iter(chosen[len(asked) :])
        chosen = [one if one in by_id else next(others) for one in before] + list(others)
    for letter, one in zip(LETTERS, chosen, strict=False):
        state.put(side_key("run", letter), one)
    return chosen


def fill_up(asked: Sequence[str], by_id: dict[str, RunRecord], *, count: int = FEWEST) -> list[str]:
    """At least `count` ids: those asked for, else a sensible first one, and others that can be compared with it."""
    first = controls.run_in_hand(by_id) or controls.default_run(list(by_id.values()))
    chosen = list(asked) or [first]
    key = gateway.comparable_key(by_id[chosen[0]])
    others = [one for one in by_id if one not in chosen]
    # the sort is stable: of equals the newest stays first
    others.sort(
        key=lambda one: (
            gateway.comparable_key(by_id[one]) != key,
            by_id[one].at is not None,
            one not in DEFAULTS,
        )
    )
    return [*chosen, *others[: max(0, count - len(chosen))]]


def _add(chosen: Sequence[str], by_id: dict[str, RunRecord]) -> None:
    state.put(KEY, fill_up(chosen, by_id, count=len(chosen) + 1))


def _in_pickers(titles: dict[str, str], count: int) -> list[str]:
    """The runs that the pickers show; where one says nothing known, as before it was ever drawn, what was kept."""
    before = list(state.kept(KEY) or [])
    shown = [state.current(side_key("run", letter)) for letter in LETTERS[:count]]
    return [one if one in titles else old for one, old in zip_longest(shown, before[:count])]


def _remove(count: int, titles: dict[str, str]) -> None:
    """Take one run out: those behind it move up a letter, with the dimensions chosen for them."""
    letter = state.current(REMOVED)
    if letter not in LETTERS[:count]:
        return
    place = LETTERS.index(letter)
    chosen = _in_pickers(titles, count)
    del chosen[place]
    for name in DIMENSIONS:
        values = [state.current(side_key(name, letter)) or AUTO for letter in LETTERS[:count]]
        del values[place]
        for letter, value in zip(LETTERS, [*values, AUTO], strict=False):
            if value == AUTO:
                state.share(side_key(name, letter), AUTO, None)
            state.put(side_key(name, letter), value)
    state.put(KEY, chosen)


def _swap(titles: dict[str, str]) -> None:
    chosen = list(state.kept(KEY) or [])
    chosen[:2] = reversed(_in_pickers(titles, FEWEST))
    for name in DIMENSIONS:
        keys = [side_key(name, letter) for letter in LETTERS[:2]]
        values = [state.current(key) for key in keys]
        for key, value in zip(keys, reversed(values), strict=True):
            if value is not None:
                state.put(key, value)
    state.put(KEY, chosen)


def _only_one(record: RunRecord) -> None:
    st.info(
        f"Comparing needs two runs, and only {controls.plain(record.name)} can be opened. Train another one, with "
        "another beta for example, here or in a terminal:",
        icon=":material/info:",
    )
    controls.offer_training(**{"from": record.id})
    st.code("python -m core train digits-vae --set beta=0.5", language="bash")
    if st.button("Open it on the Latent space page", key="open-only", icon=":material/scatter_plot:"):
        controls.go("latent", run=record.id)
