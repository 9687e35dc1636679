"""A run as it learns: how far it is, its curves, its newest reconstructions, and its latent map through the epochs."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from dashboard import controls, gateway, state
from dashboard.charts.curves import curves_frame, loss_curves
from dashboard.charts.images import enlarge, inline, rows_png
from dashboard.components.film import film
from dashboard.controls import Series
from dashboard.gateway import FAMILIES, Probe, RunRecord, Watched
from dashboard.pages._train_resume import go_on
from dashboard.pages._train_words import badge, progress_text, state_badge
from dashboard.theme import latent_axis

HEAD_SECONDS = 1.0
"""Between two looks at how far it is"""
SECONDS = 2.0
"""Between two drawings of what the run makes: each takes the browser a moment"""
TILE, ACROSS = 48, 8
"""Side of an image in pixels, about, and how many stand in a row"""
_STATE = "train-watched"


def watch(options: dict[str, str], default: str) -> None:
    """Draw the chosen run.

    Args:
        options: what can be watched, {id: text}.
        default: id of the first choice.
    """
    chosen = controls.select("Watch", options, key="job", default=default, always_linked=True)
    seen = gateway.watched(chosen)
    state.remember(_STATE, _stage(seen))
    _every(HEAD_SECONDS, seen, _head)
    if seen.record is None:
        st.info(
            "Nothing of it can be seen before it begins: curves, reconstructions and the latent map come here.",
            icon=":material/hourglass_empty:",
        )
        return
    if not seen.active:
        go_on(seen.record)
    left, right = st.columns(2, gap="medium")
    with left:
        _every(SECONDS, seen, _curves)
    with right:
        _map(seen)
    _every(SECONDS, seen, _pictures)


def _stage(seen: Watched) -> tuple[str, str, bool]:
    return seen.id, seen.state, seen.record is not None


def _every(seconds: float, seen: Watched, draw: Callable[[Watched], None]) -> None:
    """Draw a part, again and again while the run is not over: parts follow one another, and the page stays."""
    if not seen.active:
        # a file that is damaged takes away one part
        controls.guarded(lambda: draw(seen))()
        return

    def tick() -> None:
        draw(gateway.watched(seen.id))

    tick.__qualname__ = draw.__name__
    st.fragment(controls.guarded(tick), run_every=seconds)()


def _head(seen: Watched) -> None:
    """Name, state, progress; the whole page follows when the run begins or ends."""
    if state.recall(_STATE) != _stage(seen):
        st.rerun()
    job = seen.job
    told = badge(seen.state) if job is None else state_badge(job)
    st.subheader(f"{controls.plain(seen.name)} {told}", anchor=False)
    if job is not None and job.status is not None:
        st.progress(job.status.share, text=progress_text(job))
    if job is not None and job.reason:
        st.markdown(controls.plain(job.reason))


def _curves(seen: Watched) -> None:
    record = seen.record
    if record is None:
        return
    rows = gateway.history(record)
    series = Series(record, record.name, 0, rows)
    quantities = controls.quantities_of([series])
    shown = {name: row for name, row in quantities.items() if series.has_rate or not row.needs_rate}
    name = controls.select(
        "Quantity",
        {name: row.title for name, row in shown.items()},
        key="quantity",
        default="negative_elbo" if series.has_rate else "distortion",
    )
    row, curves = shown[name], series.curves(name)
    controls.figure(
        loss_curves(
            curves,
            quantity_title=row.title,
            unit=row.unit,
            direction=row.direction,
            dark=controls.is_dark(),
            about=record.id,
        ),
        key=f"train-curve-{name}",
        filename=f"curves-{record.id}",
        frame=lambda: curves_frame(curves),
        alt=f"{row.title} by epoch, {row.unit}: train solid, held out dashed",
        keep_view=True,
    )


def _map(seen: Watched) -> None:
    """The latent map: live after the newest epoch, or a film of all that were recorded."""
    live = seen.active and not controls.toggle(
        "Time-lapse",
        key="lapse",
        help="All epochs recorded so far, to be played. Off: the newest one, as it comes.",
    )
    if live:
        _every(SECONDS, seen, lambda one: _film(one, newest=True))
    elif seen.active:
        st.fragment(controls.guarded(lambda: _film_so_far(seen)))()
    else:
        _every(SECONDS, seen, lambda one: _film(one, newest=False))


def _film_so_far(seen: Watched) -> None:
    st.button("Take the newer epochs", key="train-newer", icon=":material/refresh:")
    _film(seen, newest=False)


def _film(seen: Watched, *, newest: bool) -> None:
    record = seen.record
    found = None if record is None else gateway.probe(record, newest=newest)
    if record is None or found is None:
        st.info(
            "No latent map was recorded yet: it comes with the first epoch."
            if seen.active
            else "No latent map was recorded of this run through training.",
            icon=":material/scatter_plot:",
        )
        return
    frames, titles = _planes(found, record)
    film(
        frames,
        epochs=found.epochs,
        of_epochs=record.config.epochs,
        labels=found.labels,
        class_names=found.class_names,
        titles=titles,
        key="train-film",
        subject=f"{record.id}|{titles}",
        alt=f"Latent map of {len(found.ids):,} {found.split} images",
        equal=found.means.shape[2] > 1,
        marked=found.means.shape[2] > 1,
    )
    # the first and the last are kept whatever the others are
    apart = found.epochs[2] - found.epochs[1] if len(found.epochs) > 3 else 1
    every = f", one in {apart:,}" if apart > 1 else ""
    kept = f"{len(found.epochs):,} epochs are kept{every}. " if not newest and len(found.epochs) > 1 else ""
    colour = "Colour is the label. " if (found.labels >= 0).any() else ""
    st.caption(
        f"Means of a fixed set of {len(found.ids):,} {found.split} images. {kept}{colour}Axes hold all epochs shown."
    )


def _planes(found: Probe, record: RunRecord) -> tuple[np.ndarray, tuple[str, str]]:
    """Positions (E, n, 2) of two units, or of one against a jitter, and the names of both axes."""
    code = not FAMILIES[record.config.family].has_posterior
    count = found.means.shape[2]
    if count == 1:
        jitter = np.random.default_rng(0).uniform(-1, 1, len(found.ids)).astype(np.float32)
        tall = np.broadcast_to(jitter[None, :, None], found.means.shape)
        return np.concatenate([found.means, tall], axis=2), (latent_axis(0, code=code), "jitter (no meaning)")
    if count == 2:
        return found.means, (latent_axis(0, code=code), latent_axis(1, code=code))
    first, second = _units(found, code=code)
    return found.means[:, :, [first, second]], (
        latent_axis(first, code=code),
        latent_axis(second, code=code),
    )


def _units(found: Probe, *, code: bool) -> tuple[int, int]:
    """Choose two units; at first those whose means vary the most after the newest epoch."""
    spread = np.nan_to_num(found.means[-1].var(axis=0))
    by_spread = np.argsort(-spread, kind="stable")
    options = {str(k): latent_axis(k, code=code).split(" (")[0] for k in range(found.means.shape[2])}
    left, right = st.columns(2)
    with left:
        first = controls.select(
            "Across", options, key="unit-x", default=str(by_spread[0]), always_linked=True
        )
    with right:
        second = controls.select("Up", options, key="unit-y", default=str(by_spread[1]), always_linked=True)
    return int(first), int(second)


def _pictures(seen: Watched) -> None:
    record = seen.record
    found = None if record is None else gateway.shown(record)
    if record is None or found is None:
        return
    after = "before training" if found.epoch == 0 else f"after epoch {found.epoch:,}"
    with st.container(horizontal=True, gap="medium", key="train-shown"):
        # as many in a row as a narrow window holds; in a wide one the rows stand side by side
        for first in range(0, len(found.ids), ACROSS):
            some = slice(first, first + ACROSS)
            png = rows_png(
                [found.originals[some], found.reconstructions[some]],
                labels=["original", "run"],
                scale=enlarge(found.originals.shape[-1], to=TILE),
            )
            st.image(
                inline(png),  # a file of the server may be gone before a slow browser asks for it
                alt=f"{len(found.ids[some])} originals over their reconstructions {after}",
                width=controls.width_of(png),
            )
    st.caption(f"The first {len(found.ids)} images of the same set, and what the run makes of them {after}.")
