"""What the Latent space page shows: the chosen split, coordinates, dimensions and their p-value map."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard import controls, gateway, state, theme
from dashboard.components.latent_map import UNLABELLED
from dashboard.gateway import Latents, MapData, RunRecord
from dashboard.pages._latent_axes import describe_axes

SAMPLE_SEED = 0


@dataclass(frozen=True, eq=False)
class View:
    """Everything that the panels, cards and pictures of the page agree on."""

    data: MapData | None
    """None where neither latents nor images are at hand: the decoder still works"""
    has_images: bool
    coordinates: np.ndarray
    """(N, L) means, samples or codes"""
    what: str
    """'means', 'samples' or 'code'"""
    splits: tuple[str, ...]
    dimensions: tuple[int, ...]
    """the two shown; the only one of a 1-D latent"""
    centre: np.ndarray
    """(L,) what p = 1/2 means: 0 for a prior, the average of the codes without one"""
    spread: np.ndarray
    """(L,) unit of the p-value map: 1 for a prior, the standard deviation of the codes without one"""
    rates: np.ndarray | None
    """(L,) nats per image"""
    contours: bool
    colour: controls.Colour
    """what the colours of the maps mean"""
    key: str
    class_names: tuple[str, ...]
    told: int | None = None
    """class that places are decoded as; None for a run that is told none"""

    @property
    def ids(self) -> np.ndarray:
        """(N,) uint32."""
        return np.zeros(0, np.uint32) if self.data is None else self.data.ids

    @property
    def classes(self) -> np.ndarray:
        """(N,) uint8, 255 for no label."""
        return np.where(self.labels < 0, UNLABELLED, self.labels).astype(np.uint8)

    @property
    def labels(self) -> np.ndarray:
        """(N,) int64, -1 for no label."""
        return np.zeros(0, np.int64) if self.data is None else self.data.latents.labels

    @property
    def colours(self) -> tuple[str, ...]:
        """One fixed colour a class."""
        return theme.CLASS_COLOURS

    @property
    def markers(self) -> np.ndarray | None:
        """(N,) uint8, the split's marker: index into `splits`; None without points."""
        if self.data is None:
            return None
        return np.searchsorted([gateway.SPLIT_CODES.index(s) for s in self.splits], self.data.splits).astype(
            np.uint8
        )

    @property
    def coloured_by(self) -> str:
        """What the colours mean, in words."""
        if isinstance(self.colour, str):
            return {"classes": "label", "markers": "split"}[self.colour]
        return self.colour.name

    @property
    def flat(self) -> bool:
        """Whether the latent has one dimension."""
        return len(self.dimensions) == 1

    @property
    def title(self) -> str:
        """Title of the left panel, a plural."""
        return {"means": "Latent means", "samples": "Posterior samples", "code": "Codes"}[self.what]

    @property
    def p_title(self) -> str:
        """Title of the right panel."""
        return {
            "means": "p-value map Φ(means)",
            "samples": "p-value map Φ(samples)",
            "code": "Φ(standardised code), no prior",
        }[self.what]

    def short(self, dimension: int) -> str:
        """Name of a dimension, counted from 1."""
        return theme.dimension_name(dimension, code=self.what == "code")

    def axis(self, dimension: int) -> str:
        """Name of a dimension with its rate, where it has one."""
        rate = None if self.rates is None else float(self.rates[dimension])
        return theme.latent_axis(dimension, rate=rate, code=self.what == "code")

    def p_axis(self, dimension: int) -> str:
        """Title of an axis of the p-value map."""
        return theme.p_value_axis(dimension, code=self.what == "code")

    def plane(self, z: np.ndarray) -> np.ndarray:
        """(..., L) -> (..., 2), the two dimensions shown; (..., 1) of a 1-D latent."""
        return z[..., list(self.dimensions)]

    def on_panel(self, plane: np.ndarray, *, rows: np.ndarray | float | None = None) -> np.ndarray:
        """Plane (..., 2), or (..., 1) of a 1-D latent, -> places (..., 2) on a panel: a 1-D latent stands on rows.

        Args:
            plane: latents or p-values.
            rows: (...) heights of a 1-D latent's points; the row of what is no image, if None.
        """
        if plane.shape[-1] == 2:
            return plane
        heights = np.broadcast_to(controls.OWN_ROW if rows is None else rows, plane.shape[:-1])
        return np.stack([plane[..., 0], heights], axis=-1)

    def to_unit(self, plane: np.ndarray) -> np.ndarray:
        """Latent plane -> p-values: (..., 2) -> (..., 2), or (..., 1) of a 1-D latent."""
        chosen = list(self.dimensions)
        return gateway.phi((plane - self.centre[chosen]) / self.spread[chosen])

    def from_unit(self, p: np.ndarray) -> np.ndarray:
        """p-values -> latent plane: (..., 2) -> (..., 2)."""
        chosen = list(self.dimensions)
        return gateway.phi_inverse(p) * self.spread[chosen] + self.centre[chosen]

    def in_space(self, plane: np.ndarray, base: np.ndarray) -> np.ndarray:
        """Latent plane (..., 2) -> (..., L) float32, the other dimensions at `base` (L,)."""
        z = np.broadcast_to(base, (*plane.shape[:-1], len(base))).astype(np.float32)
        z[..., list(self.dimensions)] = plane
        return z


@dataclass(frozen=True)
class Asked:
    """What a way of looking asks for, and which of the choices that all share it has a use for."""

    dimensions: tuple[int, ...]
    """the two of the decoded place; the only one of a 1-D latent"""
    samples: bool = True
    """whether posterior samples can be shown instead of means"""
    contours: bool = True
    most: int | None = None
    """points at most; as many as a map may have, if None"""
    decodes: bool = True
    """whether chosen places are decoded, as some class where the run is told one"""


def ask_dimensions(ranked: controls.Ranked) -> Asked:
    """Ask for the two dimensions of the plane."""
    return Asked(_pick_dimensions(ranked))


def view_of(
    record: RunRecord, *, colour: str, ask: Callable[[controls.Ranked], Asked] = ask_dimensions
) -> View:
    """Ask what to show, and fetch it; where the data set is missing the view has no points.

    Args:
        record: of the run.
        colour: what the colours mean, from `controls.pick_colour`.
        ask: draws the choices that this way of looking alone has.
    """
    config = record.config
    has_posterior = gateway.FAMILIES[config.family].has_posterior
    document = record.document
    assert document is not None
    # what a way of looking may have no use for stands last, so that it leaves no gap
    plane = ask is ask_dimensions
    columns = st.columns([1.1, 1.3, 1.6] if plane else [1.1, 1.6, 1.3], vertical_alignment="bottom")
    first, second, third = columns if plane else (columns[0], columns[2], columns[1])
    with first:
        small = document.data.train + document.data.validation + document.data.test < gateway.SMALL_DATA
        splits = controls.pick_splits(both=small)
    ranked = controls.ranked_dimensions(record, splits[0])
    with third:
        asked = ask(ranked)
    with second:
        what = "means" if has_posterior else "code"
        if has_posterior and asked.samples:
            what = controls.pick_show()
    dimensions = asked.dimensions
    contours = (
        config.latent > 1
        and has_posterior
        and asked.contours
        and controls.toggle(
            "Prior contours",
            key="contours",
            default=True,
            help="Circles at 1, 2 and 3 standard deviations of N(0, I).",
        )
    )
    data = None
    if controls.need_latents(record, splits):
        most = {} if asked.most is None else {"most": asked.most}
        data = gateway.map_data(record, splits, **most)
    coordinates = _coordinates(data.latents, what) if data else np.zeros((0, config.latent), np.float32)
    centre, spread = np.zeros(config.latent), np.ones(config.latent)
    if not has_posterior and len(coordinates):
        centre, spread = coordinates.mean(0, dtype=np.float64), coordinates.std(0, dtype=np.float64)
        spread = np.where(spread > 0, spread, 1.0)
    return View(
        data=data,
        has_images=data is not None and gateway.has_images(record),
        coordinates=coordinates,
        what=what,
        splits=splits,
        dimensions=dimensions,
        centre=centre,
        spread=spread,
        rates=ranked.rates,
        contours=contours,
        colour=controls.colour_of(record, data, colour),
        key=f"{record.id}:{what}:{dimensions}",
        class_names=document.data.class_names,
        told=controls.pick_class(record) if asked.decodes else None,
    )


def _coordinates(latents: Latents, what: str) -> np.ndarray:
    return gateway.posterior_samples(latents, seed=SAMPLE_SEED) if what == "samples" else latents.means


def _pick_dimensions(ranked: controls.Ranked) -> tuple[int, ...]:
    """Two dimensions, most telling first; one or two latent dimensions leave no choice."""
    if len(ranked.names) <= 2:
        return tuple(range(len(ranked.names)))
    names = numbered(ranked)
    keys = list(names)
    left, right = st.columns(2)
    with left:
        first = controls.select("Across", names, key="dx", default=keys[0], help=ranked.help)
    with right:
        rest = {key: name for key, name in names.items() if key != first}
        second = controls.select("Up", rest, key="dy", default=next(k for k in keys if k != first))
    return int(first) - 1, int(second) - 1


def numbered(ranked: controls.Ranked) -> dict[str, str]:
    """Options of a choice of dimension: {its number, counted from 1: its name}, most telling first."""
    return {str(k + 1): name for k, name in ranked.names.items()}


def kept_dimensions(ranked: controls.Ranked) -> tuple[int, int]:
    """The two dimensions that the plane shows, as they were chosen last; for ways of looking that do not ask."""
    keys = list(numbered(ranked))
    for key in ("dx", "dy"):
        state.restore(key, parse=lambda text: text if text in keys else None, default=None)
    first, second = state.current("dx"), state.current("dy")
    first = first if first in keys else keys[0]
    second = second if second in keys and second != first else next(k for k in keys if k != first)
    return int(first) - 1, int(second) - 1


def keep_dimensions(ranked: controls.Ranked, first: int, second: int) -> None:
    """Let the plane, and the link, have these two dimensions."""
    keys = list(numbered(ranked))
    for key, value, default in (("dx", first, keys[0]), ("dy", second, None)):
        text = str(value + 1)
        state.put(key, text)
        state.share(key, text, None if text == default else text)


def count_of(data: MapData) -> str:
    """Say how many of how many images are shown."""
    sampled = " (a stratified sample with seed 0)" if data.sampled else ""
    return f"{len(data.ids):,} of {data.total:,} images{sampled}"


def describe_view(record: RunRecord, view: View) -> None:
    """Say what is shown, how many of how many, and how far it is from the prior."""
    if view.data is None:
        st.caption("No points without the images: every place below that you choose is still decoded.")
        return
    count = count_of(view.data)
    dimensions = list(view.dimensions)
    if view.what == "code":
        family = controls.plain(record.config.family)
        st.caption(
            f"{count}. Family {family} has no posterior and no prior: codes are shown raw, and "
            "standardised (mean 0, variance 1) before Φ. Rate, prior contours and samples from "
            "the prior do not apply."
        )
        describe_axes(record)
        return
    spread = gateway.moments(view.data.latents)
    assert spread.variance is not None
    distance = gateway.uniformity(gateway.phi(view.coordinates[:, dimensions]))
    shown = "means" if view.what == "means" else f"samples (one an image, seed {SAMPLE_SEED})"
    parts = [
        f"{view.short(k)}: E[σ²] = {controls.two_digits(spread.variance[k])}, E[μ²] = "
        f"{controls.two_digits(spread.mean_square[k])}, "
        f"distance of Φ({view.what}) from even = {distance[i]:.3f}"
        for i, k in enumerate(dimensions)
    ]
    st.caption(
        f"{count}; showing posterior {shown}. {'; '.join(parts)} (Kolmogorov-Smirnov, lower is more even)."
    )
