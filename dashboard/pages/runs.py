"""Runs, the home page: every run of the store, to be found, chosen, opened, compared and tended."""

from collections.abc import Sequence

import streamlit as st

from dashboard import controls, gateway, state
from dashboard.gateway import RunRecord
from dashboard.pages import _runs_actions as actions
from dashboard.pages import _runs_table as table
from dashboard.pages._runs_thumbnail import thumbnail

EVERY = 4.0
"""Seconds between two looks at the store: a run that a terminal trains shows up within five."""
ROW = 60
"""Height of a row in pixels: that of a thumbnail."""
TALLEST = 20
"""Rows before the table scrolls by itself."""
_CHOSEN = "runs-chosen"
_TABLE = "runs-table"


def page() -> None:
    """Draw the page."""
    st.title("Runs")
    actions.said()
    _board()
    _how_to_read()
    actions.questions(gateway.runs(hidden=True))


@st.fragment(run_every=EVERY)
def _board() -> None:
    controls.guarded(_draw_board)()


def _draw_board() -> None:
    records = gateway.runs(hidden=True)
    if not any(actions.can_open(record) and not record.hidden for record in records):
        controls.empty_store(broken=sum(not actions.can_open(record) for record in records))
    if not records:
        return
    filters, order = _filters(records)
    shown = table.ordered([record for record in records if filters.lets_through(record)], order)
    _count(shown, records)
    if not shown:
        st.info("No run fits these filters.", icon=":material/filter_alt_off:")
        if st.button("Clear the filters", key="runs-clear"):
            for key, nothing in (("find", ""), ("data", []), ("family", []), ("state", [])):
                state.put(key, nothing)
                state.share(key, nothing, None)
            st.rerun()
        return
    buttons = st.container()
    chosen = _table(shown)
    with buttons:
        actions.bar(chosen)
        _detail(chosen)
    controls.download_csv(table.download_frame(shown), filename="runs", key="runs", label="This table (CSV)")
    _reasons(shown)


def _filters(records: Sequence[RunRecord]) -> tuple[table.Filters, str]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        with st.container(width=152):
            text = _find()
        with st.container(width=164):
            data = _some("Data", key="data", options=[table.dataset(record) for record in records])
        with st.container(width=140):
            families = _some("Family", key="family", options=[table.family(record) for record in records])
        with st.container(width=156):
            states = _some("State", key="state", options=[record.state for record in records])
        with st.container(width=158):
            order = controls.select("Order", table.ORDERS, key="order", default="newest")
        hidden = controls.toggle("Show hidden", key="hidden")
    return table.Filters(text, data, families, states, hidden), order


def _find() -> str:
    state.restore("find", parse=lambda text: text[:200], default="")
    text = st.text_input(
        "Find", key="find", max_chars=200, placeholder="Name, note, id", icon=":material/search:"
    )
    state.share("find", text, text or None)
    return text


def _some(label: str, *, key: str, options: Sequence[str | None]) -> tuple[str, ...]:
    there = sorted({option for option in options if option is not None})
    nothing: list[str] = []

    def parse(text: str) -> list[str] | None:
        return [one for one in state.as_ids(text) if one in there] or None

    state.restore(key, parse=parse, default=nothing)
    state.limit(key, lambda value: all(one in there for one in value), [])
    chosen = st.multiselect(label, there, key=key, placeholder="All")
    state.share(key, list(chosen), state.ids_text(chosen) or None)
    return tuple(chosen)


def _count(shown: Sequence[RunRecord], records: Sequence[RunRecord]) -> None:
    hidden = sum(record.hidden for record in records)
    running = sum(record.state == "running" for record in records)
    parts = [f"{len(shown)} of {len(records)} runs" if len(shown) < len(records) else f"{len(records)} runs"]
    parts += [f"{hidden} hidden"] * bool(hidden) + [f"{running} being trained"] * bool(running)
    st.caption(
        f"{', '.join(parts)}, in {controls.plain(str(gateway.store_path()))}. Scores are of the test images, in nats "
        "per image; for equal data and likelihood a lower D and a lower D + R are better."
    )


def _table(shown: Sequence[RunRecord]) -> list[RunRecord]:
    """Draw the table; return the chosen runs. A choice stays with its runs when rows come, go or move."""
    rows = [record.folder for record in shown]
    kept = state.recall(_TABLE)
    if kept is None or kept[0] != rows:
        # the table knows rows by number only: other rows need a table of their own, begun with the same runs chosen
        chosen = state.recall(_CHOSEN, [])
        kept = (rows, (kept[1] + 1) if kept else 0, [k for k, folder in enumerate(rows) if folder in chosen])
        state.remember(_TABLE, kept)
    frame = table.frame(shown, [thumbnail(record) for record in shown])
    empty = [name for name in ("note", "why") if frame[name].isna().all()]
    event = st.dataframe(
        frame,
        key=f"{_TABLE}-{kept[1]}",
        column_config=table.COLUMNS,
        column_order=[name for name in table.COLUMNS if name not in empty],
        hide_index=True,
        row_height=ROW,
        height="content" if len(shown) <= TALLEST else 36 + ROW * TALLEST,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": kept[2]}},
        placeholder="–",
        alt="Table of the runs",
    )
    chosen = [shown[k] for k in event["selection"]["rows"] if k < len(shown)]
    state.remember(_CHOSEN, [record.folder for record in chosen])
    return chosen


def _detail(chosen: Sequence[RunRecord]) -> None:
    if not chosen:
        st.caption("Choose runs by the boxes at the left of the table: one to open, two or more to compare.")
        return
    if len(chosen) > 1:
        st.caption(f"{len(chosen)} chosen: {controls.plain(actions.names(chosen))}")
        return
    record, facts = chosen[0], [f"id {chosen[0].id}"]
    if (document := record.document) is not None:
        config = document.config
        layers = "-".join(map(str, config.hidden))
        facts = [
            f"recipe {document.recipe}" if document.recipe else "no recipe",
            f"{config.network} {layers}",
            f"{config.likelihood} likelihood",
            f"{document.parameters:,} parameters",
            document.machine,
            *facts,
        ]
    st.caption(f"**{controls.plain(record.name)}**: {controls.plain('; '.join(facts))}")
    if record.note:
        st.text(record.note)


def _reasons(shown: Sequence[RunRecord]) -> None:
    told = [record for record in shown if table.remark(record)]
    if not told:
        return
    with st.container(border=True):
        st.markdown("**Why some of these cannot be opened, or ended early**")
        lines = [
            f"- {controls.plain(record.name)} ({record.state}): {controls.plain(table.remark(record) or '')}"
            for record in told
        ]
        st.markdown("\n".join(lines))


def _how_to_read() -> None:
    controls.how_to_read(
        r"""
Each row is one training of one model. All three scores are of the **test images**, in **nats per image**:

- **D**, distortion: $D = \mathbb{E}_{z \sim q(z|x)}[-\log p(x|z)]$, summed over pixels: what the code loses of
  the image. Lower is better, for the same data and likelihood.
- **R**, rate: $R = \mathrm{KL}(q(z|x)\,\|\,\mathcal{N}(0, I))
  = \tfrac12 \sum_j (\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2)$: what the code says about the image.
  Neither more nor less is better by itself; below 0.01 the run has *collapsed*.
- **D + R**, the negative ELBO: a bound on $-\log p(x)$ from above. Lower is better, for the same data and likelihood.
- **β** and **Weight** are one setting in two conventions. Training minimises $D + \beta R$; other texts write
  $w \cdot \text{mean over } n \text{ pixels} + R$. They agree at $w = n / \beta$: a larger weight is a smaller β,
  and β = 0 is an infinite weight.

A dash means that a number does not apply, or is not there yet: a plain autoencoder (`ae`) has no posterior, so no
rate, no β and no ELBO; a run in training is scored when it ends. The small map shows the test images in the two most
informative latent dimensions, one colour a class, the same as on every page. A run whose data set is not part of the
project (`fashion-mnist`) comes without latents: until they are made, its decoded lattice stands there instead.
"""
    )
