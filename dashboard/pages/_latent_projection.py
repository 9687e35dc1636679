"""A projection of all latent dimensions: PCA at once, t-SNE and UMAP by a process in the background."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import controls, gateway
from dashboard.components.latent_map import Panel, latent_map
from dashboard.gateway import JobState, Projection, RunRecord, VAEScopeError, Wanted
from dashboard.pages import _latent_cards as cards
from dashboard.pages._latent_view import Asked, View, count_of, kept_dimensions, view_of

BADGE = "projection, not the latent space"
COSTS = {"tsne": (3, 10.5), "umap": (12, 1.5)}
"""Seconds to start, and for each 1,000 points, on one core of 2026"""

HOW_TO_READ = r"""
**A projection is not the latent space.** PCA, t-SNE and UMAP lay out points of all $L$ dimensions in two or three.
**PCA** turns the space and drops what varies least: distances can only shrink, and the explained variance says how much
of the spread is left. **t-SNE and UMAP** keep near neighbours near, and nothing else: the size of a group, the distance
between two groups, and the empty space between them are no property of the latent space, and another seed draws
another picture. None can be decoded, so a click on an empty place does nothing.

**Trustworthiness and continuity** (Venna and Kaski 2001) count neighbours, with $k = 10$: trustworthiness falls when
points are drawn side by side that are far apart in the latent space, continuity when near neighbours are torn apart.
With $r(i, j)$ the rank of $j$ among the neighbours of $i$ in the latent space, and $U_i$ those among the $k$ nearest in
the projection that are not among the $k$ nearest there,

$$T = 1 - \frac{2}{N k (2 N - 3 k - 1)} \sum_i \sum_{j \in U_i} (r(i, j) - k);$$

continuity exchanges the two spaces. Both lie between 0 and 1, higher is better, and are taken over at most 2,000 of the
points, because they need a table of all pairs.
"""


def pick_method(*, key: str, raw: str | None = None) -> tuple[str, int]:
    """Choose a method and, where chance has a part in it, the seed; `raw` is an option beside the methods."""
    methods = {name: method.title for name, method in gateway.PROJECTIONS.items()}
    options = methods if raw is None else {"dims": raw, **methods}
    left, right = st.columns([1.6, 1], vertical_alignment="bottom")
    with left:
        helped = " ".join(f"{one.title}: {one.sentence}" for one in gateway.PROJECTIONS.values())
        method = controls.select(
            "Axes" if raw else "Method", options, key=key, default=next(iter(options)), help=helped
        )
    seed = 0
    if method in methods and gateway.PROJECTIONS[method].seeded:
        with right:
            seed = controls.number("Seed", key="pseed", default=0, low=0, high=99_999)
    return method, seed


def draw(record: RunRecord, colour: str, selection: controls.MapSelection) -> None:
    """Draw the projection with its badge, and the clicked image beside it."""
    asked: list[tuple[str, int]] = []

    def ask(ranked: controls.Ranked) -> Asked:
        asked.append(pick_method(key="method"))
        return Asked(
            kept_dimensions(ranked),
            samples=False,
            contours=False,
            most=gateway.PROJECTED_POINTS,
            decodes=False,
        )

    view = view_of(record, colour=colour, ask=ask)
    if view.data is None:
        st.caption("A projection needs the images' latents, and so the images.")
        return
    (method, seed), title = asked[0], gateway.PROJECTIONS[asked[0][0]].title
    made = need_projection(record, Wanted.of(view.splits, method, seed=seed), points=len(view.ids))
    if made is None:
        return
    describe(view, made, latent=record.config.latent)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _map(record, view, made, title, selection)
        controls.download_csv(
            frame_of(view, made.places, names=axis_names(made)),
            filename=f"{record.id}-{method}",
            key="projection",
            label="Projection (CSV)",
        )
    with right:
        cards.point_card(record, view)
    selection.panel(
        view.ids, key="latent-selected", origin=f"Selected on a {title} projection of the Latent space page."
    )


def _map(
    record: RunRecord, view: View, made: Projection, title: str, selection: controls.MapSelection
) -> None:
    names = axis_names(made)
    events = latent_map(
        [
            Panel(
                id="projection",
                title=f"{title}: {BADGE}",
                xy=made.places,
                x_title=names[0],
                y_title=names[1],
                clickable_empty=False,
                alt=f"{title} of {len(view.ids)} images, a {BADGE}, coloured by {view.coloured_by}",
            )
        ],
        key="latent-map",
        ids=view.ids,
        classes=view.classes,
        class_names=view.class_names,
        colours=view.colours,
        markers=view.markers,
        marker_names=view.splits,
        marker_title="split",
        colour=view.colour,
        sprites=controls.sprites(record, view.data) if view.data and view.has_images else None,
        id_bits=gateway.ROW_BITS,
        view_key=f"{record.id}:{made.method}:{made.seed}",
        columns=1,
        height=640,
        selected_ids=selection.begin(view.ids, key="latent-map"),
        report_selection=True,
    )
    selection.take(events, view.ids)
    if events.click:
        cards.remember_point(view, events.click["id"])


def axis_names(made: Projection) -> list[str]:
    """Titles of the axes; only those of PCA are directions of the latent space, with a share of its variance."""
    title = gateway.PROJECTIONS[made.method].title
    if made.explained is None:
        return [f"{title} {k + 1} (no unit)" for k in range(made.places.shape[1])]
    return [f"PC {k + 1} ({share:.1%} of the variance)" for k, share in enumerate(made.explained)]


def describe(view: View, made: Projection, *, latent: int) -> None:
    """Badge a projection: what it is, of how many points, and how well it keeps their neighbours."""
    assert view.data is not None
    method, judged = gateway.PROJECTIONS[made.method], made.quality
    st.badge(BADGE, icon=":material/warning:", color="orange")
    chance = "no chance in it, so no seed" if made.seed is None else f"seed {made.seed}"
    shares = ""
    if made.explained is not None:
        shares = (
            f" Explained variance: {made.explained.sum():.1%} of the variance of all {latent} dimensions."
        )
    kind = "codes" if view.what == "code" else "posterior means"
    st.caption(
        f"{method.title} of the {kind} of {count_of(view.data)}, from {latent} dimensions to {made.places.shape[1]}; "
        f"{chance}. Trustworthiness {judged.trustworthiness:.3f}, continuity {judged.continuity:.3f} (0 to 1, higher "
        f"is better; k = {judged.neighbours} neighbours, over {judged.judged:,} of the points).{shares}"
    )


def frame_of(view: View, places: np.ndarray, *, names: list[str]) -> pd.DataFrame:
    """Points and their images as a table: split, row in the source, label, coordinates."""
    assert view.data is not None
    labels = [view.class_names[label] if label >= 0 else "" for label in view.labels.tolist()]
    splits = [gateway.SPLIT_CODES[code] for code in view.data.splits.tolist()]
    table = pd.DataFrame({"split": splits, "row": view.data.latents.ids, "label": labels})
    for name, column in zip(names, places.T, strict=True):
        table[name] = column
    return table


def need_projection(record: RunRecord, wanted: Wanted, *, points: int) -> Projection | None:
    """The projection, if it is at hand; else what is known of it: how far it is, how to start it, why it failed."""
    made = gateway.projection(record, wanted)
    if made is not None:
        return made
    job = gateway.projection_job(record, wanted)
    if job.running:
        _watch(record, wanted)
        return None
    title = gateway.PROJECTIONS[wanted.method].title
    if job.state == "failed":
        st.error(
            f"{title} failed: {controls.plain(job.error or 'no reason is known')}", icon=":material/error:"
        )
    elif job.state == "interrupted":
        st.warning(
            f"{title} was interrupted: its process ended without a word (killed, or the machine was switched off).",
            icon=":material/warning:",
        )
    elif job.state == "stopped":
        st.info(f"{title} was stopped before it was done.", icon=":material/info:")
    fixed, each = COSTS[wanted.method]
    st.caption(
        f"{title} of {points:,} points in {wanted.dimensions} dimensions, seed {wanted.seed}, is not computed yet. It "
        f"takes about {controls.span(fixed + each * points / 1000)} on one core, in the background: you can look at "
        "other pages, or close this one. At most "
        f"{gateway.PROJECTED_POINTS:,} points are projected. What is computed is kept with the run."
    )
    again = job.state in ("failed", "interrupted", "stopped")
    label = "Start again" if again else f"Compute {title}"
    if st.button(label, key="project-start", icon=":material/play_arrow:", type="primary"):
        try:
            gateway.start_projection(record, wanted)
        except VAEScopeError as error:
            st.error(controls.plain(str(error)), icon=":material/error:")
            return None
        st.rerun()
    return None


@st.fragment(run_every=1.0)
def _watch(record: RunRecord, wanted: Wanted) -> None:
    """Show how far the process is, each second; draws the page anew once it has ended."""
    job = gateway.projection_job(record, wanted)
    if not job.running:
        st.rerun()
    title = gateway.PROJECTIONS[wanted.method].title
    bar, stop = st.columns([5, 1], vertical_alignment="bottom")
    with bar:
        st.progress(_share(job), text=_progress(title, job))
    with stop:
        if st.button("Stop", key="project-stop", icon=":material/stop:", width="stretch"):
            gateway.stop_projection(record, wanted)
            st.rerun()


def _share(job: JobState) -> float:
    """How much of the bar is full: laying out is nearly all of the work."""
    return min(1.0, job.done / job.total) if job.total else float(job.phase == "Judging")


def _progress(title: str, job: JobState) -> str:
    step = f", step {job.done:,} of {job.total:,}" if job.total else ""
    left = f", about {controls.span(job.left)} left" if job.left is not None else ""
    return f"{title}: {controls.plain(job.phase.lower())}{step}; {controls.span(job.seconds)} so far{left}"
