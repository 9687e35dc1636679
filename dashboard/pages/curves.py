"""Loss curves: what was minimised, epoch by epoch, of one or several runs, live while one trains."""

from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import controls, gateway, state
from dashboard.charts.curves import curves_frame, loss_curves, rate_frame, rate_heatmap
from dashboard.controls import Quantity, Series
from dashboard.gateway import FAMILIES, RunRecord, Selection, VAEScopeError
from dashboard.pages import _curves_series as parts
from dashboard.pages._curves_selection import selection_points, selection_table

SECONDS = 2
"""Between two looks at the store: a run started in a terminal shows within 5 s."""
MOST = 8
"""Runs in one overlay."""

HOW_TO_READ = r"""
**Distortion** $D = E_{z \sim q(z \mid x)}[-\log p(x \mid z)]$: what reconstruction costs. **Rate**
$R = KL(q(z \mid x)\,\|\,N(0, I))$: what the code tells about the image; it is neither good nor bad by itself. Training
minimises the **objective**, $D + \beta R$ and, with their weights, the other terms that a run has; without a posterior
there is no $R$. The **negative ELBO** is $D + R$ whatever beta was. All in nats per image: summed over pixels, averaged
over images. Lower is better, except for the rate.

**Other terms** of an objective, where a run has any, stand beside them, unweighted, each with its unit: the sparsity
penalty, the contraction, the losses of a VAE-GAN's players. A discriminator that is right on more than 98 % of the
images for three epochs in a row is named a collapse.

**Solid, train:** averages over the epoch, *while the weights move*, with the beta of each step (smaller than the final
one during a warm-up). **Dashed, held out:** the same terms after the epoch, at its *final weights* and at the final
beta, with the same noise every time. So the solid line lags half an epoch behind, and can lie above the dashed one
early on without anything being wrong.

The dashed split is **validation**, images held out of the training set. Where a run held nothing out, it is the
official **test** split, which is only watched: no epoch, threshold or setting is chosen by it.

**Group seeds** draws runs that differ in nothing but the seed as their mean, in a band of one standard deviation over
the seeds (n − 1) to each side, at the epochs that all of them have: what training anew does, not an error of the mean.

**Heat map:** the rate of each latent dimension, $\tfrac12(\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2)$ averaged over
images. A dimension that stays at 0 nats is not used.
"""


def page() -> None:
    """Draw the page: choose, guard, compute, draw."""
    st.title("Loss curves")
    state.forget("curves-seen")
    _watch()
    records = controls.usable_runs()
    left, right = st.columns([4, 1.2])
    with left:
        chosen = _choose(records)
    with right:
        kept = controls.pick_selection(chosen[0]) if chosen else None
    notes = (
        st.container()
    )  # sentences come and go in here, so that the figures keep their place and their zoom
    series = _load(chosen, notes)
    if not series:
        notes.info("Choose a run above to see its curves.", icon=":material/info:")
        controls.how_to_read(HOW_TO_READ)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        quantities = controls.quantities_of(series)
        titles = {name: row.title for name, row in quantities.items()} | {"all": "All"}
        anything = any(one.has_rate for one in series)
        quantity = controls.segmented(
            "Quantity", titles, key="quantity", default="negative_elbo" if anything else "distortion"
        )
        log_x = controls.toggle("Log epochs", key="logx")
        log_y = controls.toggle("Log values", key="logy")
        banded = len(parts.seeds_of(series)) > 0 and controls.toggle(
            "Group seeds",
            key="seeds",
            help="Runs that differ in nothing but the seed as one line, their mean, in a band of one standard "
            "deviation to each side.",
        )
    groups = _groups(series, notes)
    _figures(
        groups,
        quantities if quantity == "all" else {quantity: quantities[quantity]},
        log_x=log_x,
        log_y=log_y,
        banded=banded,
        notes=notes,
        kept=kept,
    )
    _table(series)
    selection_table(series, kept)
    _heatmap(series)
    controls.how_to_read(HOW_TO_READ)


def _look() -> None:
    """Draw the page anew when any run has changed; nothing is read but the listing."""
    now = [(record.id, record.state, record.stamp) for record in gateway.runs()]
    before = state.recall("curves-seen")
    state.remember("curves-seen", now)
    if before is not None and before != now:
        st.rerun()


_watch = st.fragment(run_every=SECONDS)(controls.guarded(_look))


def _choose(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Pick the runs; one whose training starts while the page is open joins by itself, once."""
    known = {record.id for record in records}
    # Compare shows epochs of runs too; their curves are a part of their runs'
    if of_compare := state.kept("runs"):
        whole = list(dict.fromkeys(one.partition("@")[0] for one in of_compare))
        if whole != of_compare:
            state.put("runs", whole)
    running = [record.id for record in records if record.state == "running"]
    default = list(dict.fromkeys([*running, *_first_runs(records)]))[:MOST]
    state.restore(
        "runs",
        # a link may name a run twice, which the picker would refuse
        parse=lambda text: [one for one in dict.fromkeys(state.as_ids(text)) if one in known][:MOST] or None,
        default=default,
    )
    followed = state.recall("curves-followed")
    if followed is not None:
        chosen = [one for one in state.current("runs") if one in known]
        new = [one for one in running if one not in followed and one not in chosen]
        if new:
            state.put("runs", [*chosen, *new][:MOST])
    state.remember("curves-followed", {*(followed or ()), *running})
    return controls.pick_runs("Runs", key="runs", records=records, default=default, most=MOST)


def _first_runs(records: Sequence[RunRecord]) -> list[str]:
    """A telling default: the run in hand, between the smallest and the largest beta of its board."""
    by_id = {record.id: record for record in records}
    default = controls.run_in_hand(by_id) or controls.default_run(records)
    key = gateway.board_key(by_id[default])
    board = sorted(
        (one for one in records if one.config.beta > 0 and gateway.board_key(one) == key),
        key=lambda one: (one.config.beta, one.id),
    )
    if not board or not FAMILIES[by_id[default].config.family].has_posterior:
        return [default]
    return list(dict.fromkeys([board[0].id, default, board[-1].id]))


def _load(chosen: Sequence[RunRecord], notes: DeltaGenerator) -> list[Series]:
    """Read the histories; a run whose history is damaged is said to be so and left out."""
    titles = controls.run_titles(chosen)
    colours = _colours([record.id for record in chosen])
    series = []
    for record in chosen:
        try:
            rows = gateway.history(record)
        except VAEScopeError as error:
            notes.warning(
                f"{controls.plain(record.name)} is left out: {controls.plain(str(error))}",
                icon=":material/warning:",
            )
            continue
        series.append(Series(record, titles[record.id], colours[record.id], rows))
        if record.state not in ("finished", "running") and record.reason:
            notes.warning(
                f"{controls.plain(record.name)}: {controls.plain(record.reason)}", icon=":material/warning:"
            )
        if collapse := gateway.collapse_sentence(rows):
            notes.warning(f"{controls.plain(record.name)}: {collapse}", icon=":material/warning:")
    return series


def _colours(ids: Sequence[str]) -> dict[str, int]:
    """Give each run a colour that it keeps while it is chosen, whatever joins or leaves."""
    before: dict[str, int] = state.recall("curves-colours", {})
    kept = {one: before[one] for one in ids if one in before}
    free = (index for index in range(len(ids) + len(kept) + 1) if index not in kept.values())
    colours = {one: kept[one] if one in kept else next(free) for one in ids}
    state.remember("curves-colours", colours)
    return colours


def _groups(series: Sequence[Series], notes: DeltaGenerator) -> list[list[Series]]:
    """Keep apart what may not be overlaid, and say why; the reader chooses a group, or all side by side."""
    groups = parts.groups_of(series)
    if len(groups) == 1:
        return groups
    notes.warning(
        f"These runs are not drawn over one another: they differ in {controls.plain(parts.differences(groups))}. "
        "Distortions in nats mean the same only for the same data, pixel count and likelihood.",
        icon=":material/call_split:",
    )
    options = {
        str(k): f"{controls.kind_of(group[0].record)} ({len(group)} {'run' if len(group) == 1 else 'runs'})"
        for k, group in enumerate(groups)
    } | {"side": "Side by side"}
    with notes:
        view = controls.segmented("Show", options, key="group", default="0")
    return groups if view == "side" else [groups[int(view)]]


def _figures(
    groups: Sequence[Sequence[Series]],
    quantities: Mapping[str, Quantity],
    *,
    log_x: bool,
    log_y: bool,
    banded: bool,
    notes: DeltaGenerator,
    kept: Selection | None,
) -> None:
    """Draw one figure a group and quantity, two in a row."""
    cells = [(k, group, name) for k, group in enumerate(groups) for name in quantities]
    columns: list[DeltaGenerator] = []
    for k, group, name in cells:
        row = quantities[name]
        betas = parts.betas_text([one for one in group if one.has_rate or not row.needs_rate])
        curves = parts.drawn_curves(group, name, banded=banded)
        curves += selection_points(group, kept, name)
        # across betas a lower negative ELBO or objective does not mean a better model, so it goes unmarked
        marked = row.direction if not betas or name == "distortion" else ""
        # a row at a time, so that on a phone they follow each other in order
        columns = columns or list(st.columns(2 if len(cells) > 1 else 1, gap="medium"))
        with columns.pop(0):
            if len(groups) > 1:
                st.caption(controls.plain(controls.kind_of(group[0].record)))
            controls.figure(
                loss_curves(
                    curves,
                    quantity_title=row.title,
                    unit=row.unit,
                    direction=marked,
                    log_x=log_x,
                    log_y=log_y,
                    dark=controls.is_dark(),
                    about=controls.kind_of(group[0].record),
                ),
                key=f"curves-{name}-{k}",
                filename=f"curves-{name.replace('_', '-')}",
                frame=curves_frame(curves).assign(quantity=name, unit=row.unit),
                alt=f"{row.title} by epoch, {row.unit}, of {len(group)} runs: train solid, held out dashed",
                keep_view=True,
            )
    for group in groups:
        _say_limits(group, quantities, notes)
    st.caption(_splits_sentence([one for group in groups for one in group]))


def _say_limits(group: Sequence[Series], quantities: Mapping[str, Quantity], notes: DeltaGenerator) -> None:
    """Say which curves do not apply, and which may not be compared."""
    without = [one for one in group if not one.has_rate]
    missing = [row.title for row in quantities.values() if row.needs_rate]
    if without and missing:
        names = ", ".join(controls.plain(one.title) for one in without)
        family = FAMILIES[without[0].record.config.family].title.lower()
        notes.info(
            f"{' and '.join(missing)}: does not apply to {names}. A plain {family} has no posterior, so no rate."
            if family == "autoencoder"
            else f"{' and '.join(missing)}: does not apply to {names}, which has no posterior, so no rate.",
            icon=":material/info:",
        )
    if "objective" in quantities and (betas := parts.betas_text(group)):
        notes.info(
            f"Objectives of different beta cannot be compared: here {betas}. Read each curve by itself, or choose "
            "the negative ELBO, which weighs both terms alike.",
            icon=":material/balance:",
        )


def _splits_sentence(series: Sequence[Series]) -> str:
    held = {name: [one for one in series if one.held_out == name] for name in ("validation", "test")}
    words = "Train: averages over each epoch while the weights move. "
    if held["validation"]:
        words += "Validation: images held out of the training set, at the epoch's final weights and the final beta. "
    if held["test"]:
        names = (
            ""
            if not held["validation"]
            else f" ({', '.join(controls.plain(one.title) for one in held['test'])})"
        )
        words += (
            f"Test{names}: nothing was held out, so the official test split is watched at the epoch's final weights "
            "and the final beta; nothing is ever chosen by it."
        )
    return words


def _table(series: Sequence[Series]) -> None:
    """The last epoch of each run, in numbers."""
    st.subheader("After the last epoch")
    st.caption(
        "D, R, D + R and the objective in nats per image. Held out: the split of the dashed curves. "
        "–: does not apply, or not recorded yet."
    )
    frame = parts.last_values(series)
    column = st.column_config.NumberColumn
    numbers = {
        f"{name} {split}": column(f"{short} {split}", format="%.2f", help=help_text)
        for name, short, help_text in (
            ("distortion", "D", "Distortion, nats per image; lower is better"),
            ("rate", "R", "Rate, nats per image; neither direction is better"),
            ("negative_elbo", "D + R", "Negative ELBO, nats per image; lower is better at equal beta"),
            (
                "objective",
                "Objective",
                "What training minimised, nats per image; lower is better at equal beta",
            ),
        )
        for split in ("train", "held out")
    }
    st.dataframe(
        frame,
        hide_index=True,
        placeholder="–",
        column_config={
            "run": st.column_config.TextColumn("Run", pinned=True),
            "epoch": "Epoch",
            "beta": column("Beta", format="%g", help="Weight of the rate in the objective"),
            "second split": st.column_config.TextColumn("Held out is", help="The split of the dashed curves"),
            "seconds": column(
                "Seconds an epoch", format="%.2f", help="Training and scoring, mean over epochs"
            ),
            **numbers,
        },
    )
    controls.download_csv(frame, filename="last-epoch", key="last-epoch")


def _heatmap(series: Sequence[Series]) -> None:
    """The rate of each dimension over epochs, of one run."""
    st.subheader("Rate of each dimension")
    by_id = {one.record.id: one for one in series}
    first = next((one.record.id for one in series if one.has_rate), series[0].record.id)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        chosen = controls.select(
            "Run", {key: one.title for key, one in by_id.items()}, key="heat", default=first
        )
        one = by_id[chosen]
        split = controls.segmented(
            "Split", {"held": one.held_out.title(), "train": "Train"}, key="heatsplit", default="held"
        )
    if not one.has_rate:
        family = FAMILIES[one.record.config.family]
        st.info(
            f"Does not apply: {controls.plain(one.title)} is of the family {family.name}, which has no posterior, "
            "so no rate in any dimension.",
            icon=":material/info:",
        )
        return
    name = "train" if split == "train" else one.held_out
    rates, epochs = one.rates(name)
    controls.figure(
        rate_heatmap(rates, epochs, dark=controls.is_dark()),
        key="rate-heatmap",
        filename="rate-per-dimension",
        frame=rate_frame(rates, epochs).assign(run=one.title, split=name) if rates else None,
        alt=f"Heat map of the rate of {one.record.config.latent} latent dimensions over {len(epochs)} epochs",
        keep_view=True,
    )
