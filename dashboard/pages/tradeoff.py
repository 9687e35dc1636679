"""Beta trade-off: what each beta cost in reconstruction, and what the code says for it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from dashboard import controls, gateway, state
from dashboard.charts import plot_config
from dashboard.charts.points import TradeoffPoint
from dashboard.charts.tradeoff import tradeoff, tradeoff_frame
from dashboard.gateway import RunRecord, Selection
from dashboard.pages import _tradeoff_board as parts
from dashboard.pages import _tradeoff_images as pictures
from dashboard.pages import _tradeoff_maps as maps
from dashboard.pages._tradeoff_board import Board
from dashboard.pages._tradeoff_selection import selection_at_each_beta

FIGURE = "tradeoff-board"
BOARD = "tradeoff-shown"
"""The board that was drawn last."""
SHOWN_REASONS = 12

HOW_TO_READ = r"""
**Rate** $R = KL(q(z \mid x)\,\|\,N(0, I))$: nats per image that the code carries. **Distortion**
$D = E_{z \sim q(z \mid x)}[-\log p(x \mid z)]$: nats per image that are still missing once the code is known. Training
minimises $D + \beta R$, so a large $\beta$ makes rate expensive: points move left and up. The **reconstruction weight**
$w = n / \beta$, $n$ values an image, is the same knob turned the other way round, as in
$w \cdot$ mean pixel loss $+ R$; at $\beta = 0$ it is infinite.

**Dotted lines** join equal negative ELBO $D + R$: slope $-1$ on linear axes, bent on a logarithmic one. Across betas
the negative ELBO tells where a run stands, not which is better. The **staircase** is the Pareto front: no run shown has
both a smaller rate and a smaller distortion than a run on it.

**Each point is one training.** Another seed would move it a little, and on a small data set as much as the next beta
does: the points need not fall on a smooth or falling curve, least of all on held-out images, where runs of small beta
overfit.

A run with $R < 0.01$ nats has **collapsed**: its decoder ignores $z$, every image is reconstructed as the same mean
image. On a logarithmic axis it sits on the left edge.

**Excess distortion** $D - H(x)$: grey pixels under a Bernoulli cannot be predicted below their own entropy
$H(x) = -\sum_i x_i \log x_i + (1 - x_i) \log (1 - x_i)$, so this is what is left to gain. The floor is the same for all
runs of a board.

**Step through beta**: the same test images, decoded from the mean of their posterior; the latent plane, its p-value map
$\Phi(\mu)$ (the normal CDF of each dimension) and the decoded lattice at $\Phi^{-1}$ of the same unit square.
"""


def page() -> None:
    """Draw the page: choose, guard, compute, draw."""
    st.title("Beta trade-off")
    records = controls.usable_runs()
    board, split, kept = _choose(records)
    if board is None:
        st.info(
            f"No run here has a rate on the {split} split, so there is no trade-off to show. Train a sweep, here or in "
            "a terminal; it takes a minute:",
            icon=":material/info:",
        )
        controls.offer_training(recipe="digits-vae", sweep="1")
        st.code("python -m core sweep digits-vae --beta 0.25,0.5,1,2,4", language="bash")
        _left_out(records, None, split)
        controls.how_to_read(HOW_TO_READ)
        return
    steps = {one.id: f"{board.betas[one.id]}, w {parts.weight_text(one)}" for one in board.records}
    # the board shows the run that the slider below it chooses: drawn in another order, all would move when it comes
    chosen = controls.option_value(steps, key="step", default=board.default.id)
    record = next(record for record in board.records if record.id == chosen)
    _board(board, record, split)
    _left_out(records, board, split)
    selection_at_each_beta(board, kept, split)
    pictures.reconstruction_rows(board, kept, split)
    st.subheader("Step through beta")
    _step(board, steps)
    maps.draw(board, record, split, kept)
    controls.how_to_read(HOW_TO_READ)


def _choose(records: Sequence[RunRecord]) -> tuple[Board | None, str, Selection | None]:
    """Choose a board, the split whose scores are drawn, and a kept selection of its data."""
    left, right, last = st.columns([3, 0.8, 1], vertical_alignment="bottom")
    with right:
        split = controls.segmented(
            "Images",
            {"test": "Test", "train": "Train"},
            key="scored",
            default="test",
            help="Split that was scored",
        )
    boards = parts.boards_of(records, split)
    if not boards:
        return None, split, None
    for key, board in boards.items():
        if run := controls.run_in_hand(board.betas):
            state.suggest("board", key)
            state.suggest("step", run)
    with left:
        chosen = controls.select(
            "Board",
            {key: board.title for key, board in boards.items()},
            key="board",
            default=parts.default_board(boards),
            help="Runs of the same data, family, network, latent size and likelihood. Only they share a board.",
        )
    with last:
        kept = controls.pick_selection(boards[chosen].records[0])
    return boards[chosen], split, kept


def _step(board: Board, steps: Mapping[str, str]) -> None:
    """Choose the run in view: the slider, or a point of the board."""
    if len(board.records) == 1:
        st.caption(
            "This board has one run: train others with `python -m core sweep` to step through their betas."
        )
        return
    controls.step_slider(
        "Beta of the run in view",
        steps,
        key="step",
        default=board.default.id,
        help="Smallest beta first. A click on a point of the board sets it too.",
    )


def _board(board: Board, record: RunRecord, split: str) -> None:
    """Draw the board, the run in view beside it, and the numbers under it."""
    points = parts.points_of(board, split)
    front = gateway.pareto_front([one.rate for one in points], [one.distortion for one in points])
    wide = parts.spread_is_wide(points)
    if state.recall(BOARD, board.key) != board.key:
        state.put("lograte", wide)  # the axis suits a board: what suited another says nothing
    state.remember(BOARD, board.key)
    log_rate = controls.toggle(
        "Logarithmic rate axis",
        key="lograte",
        default=wide,
        help="Spreads out small rates; collapsed runs sit on its left edge",
    )
    left, right = st.columns([7, 3], gap="medium")
    with left:
        drawn = tradeoff(
            points,
            front=front.tolist(),
            log_rate=log_rate,
            dark=controls.is_dark(),
            selected=record.id,
            units=gateway.units(),
        )
        event = st.plotly_chart(
            controls.sized(drawn),
            key=FIGURE,
            width="stretch",
            height=controls.room_of(controls.sized(drawn)),
            theme=None,
            config=plot_config("beta-tradeoff"),
            on_select="rerun",
            selection_mode="points",
            alt=f"Rate and distortion in nats per image of {len(points)} runs, {split} images",
        )
        controls.download_csv(
            tradeoff_frame(points, front=front.tolist()).assign(split=split),
            filename="beta-tradeoff",
            key=FIGURE,
        )
    with right:
        _in_view(next(one for one in points if one.run_id == record.id), record, split)
    _follow_click(board, record, event)
    _numbers(points, front, split)


def _follow_click(board: Board, record: RunRecord, event: Any) -> None:
    """Bring a run that was clicked into view; the click stays selected, so only a new one counts."""
    picked = picked_run(event)
    if picked == state.recall("tradeoff-picked"):
        return
    state.remember("tradeoff-picked", picked)
    if picked != record.id and picked in board.betas:
        state.put("step", picked)
        st.rerun()


def picked_run(event: Any) -> str | None:
    """The run whose point is selected in the figure, if any."""
    selection = event.get("selection") if isinstance(event, Mapping) else None
    for point in (selection or {}).get("points", []):
        found = point.get("customdata")
        if isinstance(found, list | tuple):
            found = found[0] if found else None
        if isinstance(found, str):
            return found
    return None


def _in_view(point: TradeoffPoint, record: RunRecord, split: str) -> None:
    """The run in view, in numbers, and the way to its latent space."""
    excess = controls.show_number(point.scores.get("excess_distortion"))
    active = point.scores.get("active_units")
    with st.container(border=True):
        st.markdown(f"**{controls.plain(point.name)}**")
        done, planned = record.document.epoch if record.document else 0, record.config.epochs
        epochs = f"{done:,} epochs" if done == planned else f"{done:,} of {planned:,} epochs ({record.state})"
        st.caption(f"In view · {split} images · {epochs} · seed {record.config.seed}")
        if point.collapsed:
            st.warning(
                "Collapsed: rate below 0.01 nats, its decoder ignores the code.", icon=":material/compress:"
            )
        st.markdown(
            f"""
| Quantity | Value |
|---|--:|
| Beta | {point.beta:g} |
| Weight w = n / β | {parts.weight_text(record)} |
| Rate R, nats | {point.rate:.2f} |
| Distortion D, nats | {point.distortion:.2f} |
| Excess D − H(x), nats | {excess} |
| Negative ELBO, nats | {point.rate + point.distortion:.2f} |
| Active units | {"–" if active is None else f"{active:.0f} of {record.config.latent}"} |
"""
        )
        if st.button(
            "Open in Latent space", key="open-latent", icon=":material/scatter_plot:", width="stretch"
        ):
            controls.go("latent", run=record.id)
        if st.button(
            "Show its loss curves", key="open-curves", icon=":material/show_chart:", width="stretch"
        ):
            controls.go("curves", runs=record.id)


def _numbers(points: Sequence[TradeoffPoint], front: np.ndarray, split: str) -> None:
    floor = parts.floor_of(points)
    words = (
        f"Scores of the {split} images. Each point is one training run: another seed would move it a little."
    )
    if floor is not None:
        words += (
            f" {floor:.2f} nats of every distortion are the entropy H(x) of the grey pixels themselves, which no model "
            "can remove; the excess is what is above."
        )
    st.caption(words)
    column = st.column_config.NumberColumn
    with st.expander("All runs of this board, in numbers", icon=":material/table_rows:"):
        st.dataframe(
            parts.score_table(points, front.tolist()),
            hide_index=True,
            placeholder="does not apply",
            column_config={
                "run": st.column_config.TextColumn("Run", pinned=True),
                "beta": column("Beta", format="%g", help="Weight of the rate in the objective"),
                "weight": st.column_config.TextColumn(
                    "Weight w = n / β", help="Equivalent reconstruction weight"
                ),
                "rate": column(
                    "R, nats", format="%.3f", help="Rate, nats per image; neither direction is better"
                ),
                "distortion": column(
                    "D, nats", format="%.2f", help="Distortion, nats per image; lower is better"
                ),
                "excess": column(
                    "D − H(x), nats", format="%.2f", help="Excess distortion, nats per image; lower is better"
                ),
                "negative_elbo": column(
                    "D + R, nats", format="%.2f", help="Negative ELBO; unmarked across betas"
                ),
                "front": st.column_config.CheckboxColumn(
                    "On the front", help="No run beats it on both R and D"
                ),
                "collapsed": st.column_config.CheckboxColumn("Collapsed", help="R below 0.01 nats"),
            },
        )


def _left_out(records: Sequence[RunRecord], board: Board | None, split: str) -> None:
    """Name the runs that no board can show, and why."""
    reasons = [(record, why) for record in records if (why := parts.why_left_out(record, split))]
    if not reasons:
        return
    with st.expander(
        f"Left out of all boards: {len(reasons)}", icon=":material/block:", expanded=board is None
    ):
        lines = [f"- {controls.plain(record.name)}: {why}" for record, why in reasons[:SHOWN_REASONS]]
        more = len(reasons) - SHOWN_REASONS
        st.markdown("\n".join(lines + ([f"- and {more} others"] if more > 0 else [])))
