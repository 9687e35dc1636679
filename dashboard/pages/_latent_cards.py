"""The two cards under the maps: the clicked image, and the decoded place."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import controls, gateway, state
from dashboard.charts.glyphs import reading
from dashboard.charts.images import enlarge, image_grid
from dashboard.gateway import RunRecord
from dashboard.pages._latent_place import surroundings
from dashboard.pages._latent_view import View

POINT = "latent-point"
CARD_PIXELS = 224
"""Side of a picture on a card, about: pictures are enlarged by whole factors, so that pixels stay squares."""


def remember_point(view: View, map_id: int) -> None:
    """Keep the clicked point for the next runs, and for other pages."""
    state.remember(POINT, int(map_id))


def chosen_id() -> int | None:
    """Id on maps of the clicked point, shown here or not."""
    return state.recall(POINT)


def chosen_row(view: View) -> int | None:
    """Row of the clicked point among those shown, None where it is not among them."""
    chosen = chosen_id()
    rows = np.flatnonzero(view.ids == (-1 if chosen is None else chosen))
    return int(rows[0]) if len(rows) else None


def point_card(record: RunRecord, view: View) -> None:
    """Draw the clicked image: original, reconstruction, label, D, R, posterior mean and standard deviation.

    Before the first click it is the first image shown, so that the card has its size from the start: a click then moves
    nothing, neither what stands below nor, beside it, the card of the place.
    """
    st.subheader("The image")
    posterior = gateway.FAMILIES[record.config.family].has_posterior
    st.caption(
        "Click a point to see its image, its reconstruction and its posterior."
        if posterior
        else "Click a point to see its image, its reconstruction and its code."
    )
    if view.data is None or not len(view.ids):
        return
    row = chosen_row(view) or 0
    latents, map_id = view.data.latents, int(view.ids[row])
    split, source_row = gateway.split_and_row(map_id)
    label = int(latents.labels[row])
    name = view.class_names[label] if label >= 0 else "no label"
    st.markdown(f"**{controls.plain(name)}** · {split} image {source_row}")
    if view.has_images:
        pixels = gateway.originals(record, [map_id])
        again = gateway.reconstruct(record, pixels, latents.labels[[row]])
        scale = enlarge(pixels.shape[-1], to=CARD_PIXELS)
        left, right = st.columns(2)
        with left:
            png = image_grid(pixels, columns=1, gap=0, scale=scale)
            st.image(png, caption="Original", alt=f"Original: {name}", width=controls.width_of(png))
        with right:
            png = image_grid(again, columns=1, gap=0, scale=scale)
            of = "Reconstruction at the mean" if posterior else "Reconstruction"
            st.image(
                png,
                caption=of,
                alt=f"{of}: {name}",
                width=controls.width_of(png),
            )
        if said := reading(pixels.shape[1:]).strip():
            st.caption(said)
    distortion = float(latents.distortion[row])
    rate = None if latents.rate is None else float(latents.rate[row])
    values = {
        "distortion": distortion,
        "rate": rate,
        "negative_elbo": None if rate is None else distortion + rate,
    }
    st.dataframe(_score_table(values), hide_index=True)
    table = pd.DataFrame({"dimension": [view.short(k) for k in range(latents.means.shape[1])]})
    table["mean" if latents.log_variances is not None else "code"] = latents.means[row]
    if latents.log_variances is not None:
        table["standard deviation"] = np.exp(0.5 * latents.log_variances[row].astype(np.float64))
    st.dataframe(table, hide_index=True, height="auto" if len(table) <= 8 else 320)
    controls.download_csv(table, filename=f"{record.id}-{split}-{source_row}", key="point")


def _score_table(values: dict[str, float | None]) -> pd.DataFrame:
    scores = [gateway.SCORES[name] for name in values]
    return pd.DataFrame(
        {
            "of this image": [score.title for score in scores],
            "nats": [controls.show_number(value) for value in values.values()],
            "better": [score.direction or "neither" for score in scores],
        }
    )


class Place:
    """The decoded place: its coordinates in the URL, set by a click on an empty place or typed."""

    KEYS = ("zx", "zy")

    def __init__(self, record: RunRecord, view: View) -> None:
        """Read where the place is; None until one was clicked or typed."""
        self.record, self.view = record, view
        self.keys = self.KEYS[: len(view.dimensions)]
        values = [controls.coordinate_value(key) for key in self.keys]
        self.marker = None if None in values else np.array(values, np.float64)

    def base(self) -> np.ndarray:
        """(L,) where the other dimensions stand: at 0 (or the average code), or at the clicked image's mean."""
        centre = self.view.centre.astype(np.float64)
        row = chosen_row(self.view)
        if (
            len(centre) > 2
            and row is not None
            and self.view.data is not None
            and state.recall("latent-base") == "point"
        ):
            return self.view.data.latents.means[row].astype(np.float64)
        return centre

    def surrounded(self) -> controls.DecodedPlane | None:
        """The lattice of the plane, the other dimensions where this place has them: what hovering shows."""
        return controls.decoded_plane(
            self.record,
            dimensions=self.view.dimensions,
            names=[self.view.short(k) for k in self.view.dimensions],
            base=self.base(),
            centre=self.view.centre,
            spread=self.view.spread,
            label=self.view.told,
        )

    def move_to(self, panel: str, x: float, y: float) -> bool:
        """Put the place where a panel was clicked; p-values are turned back into latents. Tells whether it moved."""
        place = np.array([x, y])[: len(self.keys)]
        if panel != "latent":
            place = self.view.from_unit(np.clip(place, 0, 1))
        place = np.round(np.clip(place, -controls.FARTHEST, controls.FARTHEST), 4)
        if self.marker is not None and np.array_equal(place, self.marker):
            return False
        for key, value in zip(self.keys, place, strict=True):
            state.put(key, float(value))
        return True

    def draw(self, *, lattice: bool = True) -> None:
        """Draw the card: the coordinates to type, and the decoded image there; `lattice`: the manifold is shown too."""
        st.subheader("The place")
        names = [self.view.short(k) for k in self.view.dimensions]
        columns = st.columns(len(names))
        values = []
        for column, key, name in zip(columns, self.keys, names, strict=True):
            with column:
                values.append(controls.coordinate(name, key=key))
        if len(self.view.centre) > 2:
            self._choose_base()
        if None in values:
            where = "a map" if self.view.flat or not lattice else "a map or of the manifold"
            st.caption(f"Click an empty place of {where}, or type coordinates, to decode what is there.")
            reason = controls.why_no_lattice(self.record)
            if reason is not None:
                st.caption(f"Hovering shows nothing there: {reason}.")
            return
        place = np.array(values, np.float64)
        z = self.view.in_space(place, self.base())
        image = gateway.decode(self.record, z[None], self.view.told)
        p = self.view.to_unit(place)
        left, right = st.columns(2)
        with left:
            png = image_grid(image, columns=1, gap=0, scale=enlarge(image.shape[-1], to=CARD_PIXELS))
            st.image(
                png,
                caption=f"Decoded there{controls.class_words(self.record, self.view.told)}",
                alt="The image decoded at the chosen place",
                width=controls.width_of(png),
            )
        with right:
            st.markdown(
                "  \n".join(
                    f"{name} = {one:.3f}, p-value {value:.4f}"
                    for name, one, value in zip(names, place, p, strict=True)
                )
            )
            distance = float(
                np.sqrt(
                    np.square(
                        (place - self.view.plane(self.view.centre)) / self.view.plane(self.view.spread)
                    ).sum()
                )
            )
            st.caption(f"{distance:.2f} standard deviations from the centre.")
        surroundings(self.record, self.view, z)

    def _choose_base(self) -> None:
        code = self.view.what == "code"
        options = {
            "zero": "the average code" if code else "0",
            "point": f"the clicked image's {'code' if code else 'mean'}",
        }
        chosen = controls.segmented("Other dimensions stand at", options, key="base", default="zero")
        if chosen != state.recall("latent-base", "zero"):
            state.remember("latent-base", chosen)
            st.rerun()
