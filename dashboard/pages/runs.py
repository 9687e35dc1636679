"""Runs, the home page: every run of the store, to be found, chosen, opened, compared and tended."""

from collections.abc import Sequence

import streamlit as st

from dashboard import controls, gateway, state
from dashboard.gateway import RunRecord, Selection, VAEScopeError
from dashboard.pages import _runs_actions as actions
from dashboard.pages import _runs_table as table
from dashboard.pages import _runs_trash as trash
from dashboard.pages._runs_choice import chosen_rows
from dashboard.pages._runs_dialogs import questions
from dashboard.pages._runs_thumbnail import thumbnail
from dashboard.pages._runs_words import names, said

EVERY = 4.0
"""Seconds between two looks at the store: a run that a terminal trains shows up within five."""
VIEWS = {"runs": "Runs", "trash": "Trash"}
"""What the page lists: value in the URL -> text people read."""


def page() -> None:
    """Draw the page."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title("Runs", width="content")
        with st.container(horizontal=True, width="content", vertical_alignment="bottom"):
            place = st.container(width="content")
            view = controls.segmented("List", VIEWS, key="view", default="runs")
            selection = None
            if view == "runs":
                with place, st.container(horizontal=True, width="content", vertical_alignment="bottom"):
                    controls.toggle("Show hidden", key="hidden")
                    with st.container(width=250):
                        selection = controls.pick_selection(None)
    said()
    if view == "trash":
        trash.draw(gateway.trash())
    else:
        _board(selection)
        _how_to_read()
    questions(gateway.runs(hidden=True), gateway.trash() if view == "trash" else [])


@st.fragment(run_every=EVERY)
def _board(selection: Selection | None) -> None:
    controls.guarded(lambda: _draw_board(selection))()


def _draw_board(selection: Selection | None) -> None:
    records = gateway.runs(hidden=True)
    if not any(actions.can_open(record) and not record.hidden for record in records):
        controls.empty_store(broken=sum(not actions.can_open(record) for record in records))
    if not records:
        if words := _trash_words():
            st.caption(f"There are no runs here, and {words}.")
        return
    sizes = {record.folder: gateway.folder_size(record) for record in records}
    filters, order = _filters(records)
    shown = table.ordered([record for record in records if filters.lets_through(record)], order, sizes)
    _count(shown, records, sizes)
    if not shown:
        st.info("No run fits these filters.", icon=":material/filter_alt_off:")
        if st.button("Clear the filters", key="runs-clear"):
            for key, nothing in (("find", ""), ("data", []), ("family", []), ("state", []), ("tags", [])):
                state.put(key, nothing)
                state.share(key, nothing, None)
            st.rerun()
        return
    buttons = st.container()
    frame = table.frame(shown, [thumbnail(record) for record in shown], sizes, selection)
    rows, columns = [record.folder for record in shown], table.without_empty(table.COLUMNS, frame)
    columns.pop("why", None)  # the reasons stand under the table, where there is room for all of each
    picked = chosen_rows(frame, rows, key="runs-table", columns=columns, alt="Table of the runs")
    chosen = [shown[k] for k in picked]
    with buttons:
        actions.bar(chosen, table.download_frame(chosen, sizes, selection))
        _detail(chosen, sizes)
    controls.download_csv(
        table.download_frame(shown, sizes, selection), filename="runs", key="runs", label="This table (CSV)"
    )
    _reasons(shown)


def _filters(records: Sequence[RunRecord]) -> tuple[table.Filters, str]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        with st.container(width=controls.pixels(140)):
            text = _find()
        with st.container(width=controls.pixels(172)):
            data = _some("Data", key="data", options=[table.dataset(record) for record in records])
        with st.container(width=controls.pixels(128)):
            families = _some("Family", key="family", options=[table.family(record) for record in records])
        with st.container(width=controls.pixels(160)):
            states = _some("State", key="state", options=[record.state for record in records])
        with st.container(width=controls.pixels(140)):
            tags = _some(
                "Tags",
                key="tags",
                options=[tag for record in records for tag in record.tags],
                help="Runs that have all of these. Choose runs in the table and press 'Tags' to give them some.",
            )
        with st.container(width=controls.pixels(150)):
            order = controls.select("Order", table.ORDERS, key="order", default="newest")
    return table.Filters(text, data, families, states, tags, bool(state.kept("hidden", False))), order


def _find() -> str:
    state.restore("find", parse=lambda text: text[:200], default="")
    text = st.text_input(
        "Find", key="find", max_chars=200, placeholder="Name, note, id", icon=":material/search:"
    )
    state.share("find", text, text or None)
    return text


def _some(label: str, *, key: str, options: Sequence[str | None], help: str | None = None) -> tuple[str, ...]:
    there = sorted({option for option in options if option is not None})
    nothing: list[str] = []

    def parse(text: str) -> list[str] | None:
        return [one for one in state.as_ids(text) if one in there] or None

    state.restore(key, parse=parse, default=nothing)
    left = [one for one in state.current(key) if one in there]
    state.limit(key, lambda value: len(value) == len(left), left)
    chosen = st.multiselect(label, there, key=key, placeholder="All", help=help)
    state.share(key, list(chosen), state.ids_text(chosen) or None)
    return tuple(chosen)


def _count(shown: Sequence[RunRecord], records: Sequence[RunRecord], sizes: table.Sizes) -> None:
    hidden = sum(record.hidden for record in records)
    running = sum(record.state == "running" for record in records)
    size, every = (
        gateway.size_text(sum(sizes[record.folder] or 0 for record in some)) for some in (shown, records)
    )
    parts = [f"{len(records)} runs", f"{every} on disk"]
    if len(shown) < len(records):
        parts = [f"{len(shown)} of {len(records)} runs", f"{size} of {every} on disk"]
    parts += [f"{hidden} hidden"] * bool(hidden) + [f"{running} being trained"] * bool(running)
    parts += [words] if (words := _trash_words()) else []
    st.caption(
        f"{', '.join(parts)}, in {controls.plain(str(gateway.store_path()))}. Scores are of the test images, nats per "
        "image; lower D and D + R are better for equal data and likelihood."
    )


def _trash_words() -> str:
    """How much lies in the trash, as part of a sentence; nothing where it is empty."""
    try:
        entries = gateway.trash()
    except VAEScopeError:
        return "the trash cannot be read"  # its own list says why
    size = gateway.size_text(sum(entry.size for entry in entries))
    return f"{len(entries)} in the trash ({size})" if entries else ""


def _detail(chosen: Sequence[RunRecord], sizes: table.Sizes) -> None:
    if not chosen:
        st.caption("Choose runs by the boxes at the left of the table: one to open, two or more to compare.")
        return
    if len(chosen) > 1:
        size = gateway.size_text(sum(sizes[record.folder] or 0 for record in chosen))
        st.caption(f"{len(chosen)} chosen, {size} on disk: {controls.plain(names(chosen))}")
        return
    record, facts = chosen[0], [f"id {chosen[0].id}"]
    if (document := record.document) is not None:
        config = document.config
        layers = "-".join(map(str, config.hidden))
        facts = [
            f"recipe {document.recipe}" if document.recipe else "no recipe",
            f"{config.network} {layers}",
            f"{config.likelihood} likelihood{_of_likelihood(record)}",
            f"{document.parameters:,} parameters",
            document.machine,
            *facts,
        ]
    if kept := gateway.kept_epochs(record):
        facts.append(
            f"keeps epochs {', '.join(str(one.at) for one in reversed(kept))} too, listed behind its name"
        )
    if (disk := sizes[record.folder]) is not None:
        facts.append(f"{gateway.size_text(disk)} on disk")
    if record.tags:
        facts.append(f"tagged {', '.join(record.tags)}")
    st.caption(f"**{controls.plain(record.name)}**: {controls.plain('; '.join(facts))}")
    if record.note:
        st.text(record.note)


def _of_likelihood(record: RunRecord) -> str:
    """What a likelihood has besides its name: a learned sigma, binary pixels."""
    config, sigma = record.config, gateway.score(record, "sigma")
    learned = f", sigma learned: {sigma:.3g}" if sigma is not None else ", sigma learned"
    binary = "" if config.binarise == "none" else f", pixels {gateway.pixel_words(record)}"
    return (learned if config.learn_sigma else "") + binary


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

**D sel.**, **R sel.** and **D + R sel.** are there while a kept selection is chosen: the averages over its images, of
all splits of which a run has stored or cached latents. Choose *none* to take these columns away.

**Disk** is what all files of a run take, latents and caches included (1 MB = 1,000,000 bytes). A deleted run goes to
the **Trash** as it is and keeps its space; it is restored from there, or deleted for good. **Tags** are words of your
own: they filter this list, and a link carries that filter as it carries all others.
"""
    )
