"""The images that the Edit page works on: a split of the run's data, and a few images of it, in their order."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from dashboard import controls, gateway, state
from dashboard.charts.glyphs import pictured
from dashboard.charts.images import enlarge, image_grid
from dashboard.components.gallery import gallery
from dashboard.gateway import Latents, RunRecord, Selection

MOST = 12
"""Images chosen at most"""
FIRST = 4
"""Images chosen at the start: of different labels where there are so many"""
GALLERY = 40
TILE = 64
"""Side of an image in a row, in pixels, about: pixels are enlarged by whole factors"""
NO_ROW = 10**18
"""What stands for a number that is larger than any row"""
NO_LABEL = "no label"
_SEEN = "edit-images-seen"
_PICKED = "edit-images-picked"


@dataclass(frozen=True, eq=False)
class Images:
    """A split of a run's data with its latents, and the images chosen from it."""

    record: RunRecord
    split: str
    latents: Latents
    rows: tuple[int, ...]
    """Rows in the source of the chosen images, in their order"""
    here: bool
    """Whether the pixels are on this machine"""
    centre: np.ndarray
    """(L,) the origin: 0 for a prior, the average code without one"""
    spread: np.ndarray
    """(L,) unit of each dimension: 1 for a prior, the standard deviation of the codes without one"""
    fixed: int | None = None
    """Class that everything is decoded as; None for each image's own, or for a run that is told none"""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the labels."""
        assert self.record.document is not None
        return self.record.document.data.class_names

    def places(self, rows: Sequence[int]) -> np.ndarray:
        """Where rows of the source stand in the split's latents."""
        return np.searchsorted(self.latents.ids, np.asarray(rows, np.int64))

    def z(self, rows: Sequence[int]) -> np.ndarray:
        """(N, L) means, or codes."""
        return self.latents.means[self.places(rows)]

    def told(self, rows: Sequence[int]) -> np.ndarray:
        """(N,) classes that the images of rows are decoded as, if the run is told any."""
        own = self.latents.labels[self.places(rows)]
        return own if self.fixed is None else np.full_like(own, self.fixed)

    def told_words(self, row: int) -> str:
        """' as class 3', to stand behind 'decoded'; nothing for a run that is told no class."""
        if not gateway.needs_labels(self.record):
            return ""
        return controls.class_words(self.record, int(self.told([row])[0]))

    def has(self, row: int) -> bool:
        """Whether the split has such a row."""
        place = int(np.searchsorted(self.latents.ids, row))
        return place < len(self.latents) and int(self.latents.ids[place]) == row

    def label(self, row: int) -> str:
        """Name of an image's label."""
        index = int(self.latents.labels[self.places([row])[0]])
        return self.class_names[index] if index >= 0 else NO_LABEL

    def title(self, row: int) -> str:
        """What an image is called, as in 'test image 17, label 3'; of a chosen one with its number before it."""
        number = f"{self.rows.index(row) + 1}: " if row in self.rows else ""
        label = self.label(row)
        return f"{number}{self.split} image {row}, {label if label == NO_LABEL else f'label {label}'}"

    def originals(self, rows: Sequence[int]) -> np.ndarray:
        """(N, C, H, W) in [0, 1]: the images themselves, or what the decoder makes of them where they are not here."""
        if not self.here:
            return gateway.decode(self.record, self.z(rows), self.latents.labels[self.places(rows)])
        ids = [gateway.map_id(self.split, row) for row in rows]
        return gateway.unit(gateway.originals(self.record, ids))


def choose_images(record: RunRecord) -> Images | None:
    """Ask for a split and images of it; None where their latents are not at hand, which is said then."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        split = controls.segmented(
            "Images of",
            {"test": "Test", "train": "Train"},
            key="of",
            default="test",
            help="Training images are those that the run trained on, without the ones held out for validation.",
        )
        with st.container(width=260):
            kept = controls.pick_selection(record)
    if not controls.need_latents(record, (split,)):
        return None
    latents = gateway.latents(record, split)
    centre, spread = gateway.split_units(record, split)
    images = Images(
        record=record,
        split=split,
        latents=latents,
        rows=(),
        here=gateway.has_images(record),
        centre=centre,
        spread=spread,
    )
    rows = _pick_rows(images, kept)
    return replace(images, rows=tuple(rows), fixed=controls.pick_class_or_own(record))


def rows_of(text: str) -> list[int]:
    """Whole numbers of a text, each once, in their order: '3, 17 40' -> [3, 17, 40]."""
    numbers = (min(int(part[:30]), NO_ROW) for part in re.findall(r"[0-9]+", text))
    return list(dict.fromkeys(numbers))


def rows_text(rows: Sequence[int]) -> str:
    """Write rows as the URL and the box have them."""
    return ",".join(str(row) for row in rows)


def type_rows(
    label: str, images: Images, *, key: str, default: Sequence[int], most: int, help: str
) -> list[int]:
    """Ask for images by their rows; the text lives in the URL. Never empty: without a known one, the default."""
    seen, now = state.recall(_SEEN + key), (images.record.config.dataset, images.split)
    state.restore(key, parse=lambda text: text, default=rows_text(default))
    if not any(images.has(row) for row in rows_of(state.current(key))) and seen not in (None, now):
        # numbers of another split or data set say nothing here
        state.put(key, rows_text(default))
        state.restore(key, parse=lambda text: text, default=rows_text(default))
    state.remember(_SEEN + key, now)
    typed = rows_of(st.text_input(label, key=key, help=help))
    known = [row for row in typed if images.has(row)]
    unknown = [row for row in typed if not images.has(row)]
    if unknown or not known:
        some = ", ".join(str(one) for one in images.latents.ids[:3])
        what = f"no image {rows_text(unknown[:5])}" if unknown else "no image chosen"
        instead = "" if known else " Some of its images are shown instead."
        st.warning(
            f"There is {what} among the {images.split} images of {controls.plain(images.record.config.dataset)}: "
            f"their numbers are {some}, ... {images.latents.ids[-1]}.{instead}",
            icon=":material/warning:",
        )
    if len(known) > most:
        st.warning(f"{len(known)} images were chosen; the first {most} are shown.", icon=":material/warning:")
    chosen = known[:most] or list(default)
    state.share(key, state.current(key), rows_text(chosen))
    return chosen


def _pick_rows(images: Images, kept: Selection | None) -> list[int]:
    default = gateway.some_rows(images.record, images.split, FIRST, seed=0)
    own = controls.kept_ids(images.record, kept, most=GALLERY, splits=(images.split,))
    of_kept = None if own is None else [gateway.split_and_row(int(one))[1] for one in own]
    if kept is not None and of_kept is None:
        st.caption(f"The selection {controls.plain(kept.name)} has no {images.split} image of this run.")
    left, count, fresh = st.columns([3, 1, 1], vertical_alignment="bottom")
    with left:
        chosen = type_rows(
            "Images, by their numbers",
            images,
            key="rows",
            default=default,
            most=MOST,
            help="Rows in the data set, in the order of the path. Click thumbnails below to add and to remove images.",
        )
    with fresh:
        if st.button("Other images", icon=":material/casino:", width="stretch"):
            state.put("gallery", secrets.randbelow(100_000))
    with count:
        seed = controls.number(
            "Gallery seed",
            key="gallery",
            default=0,
            low=0,
            high=99_999,
            help="The gallery is a stratified random draw, each label has its share of it. With a kept selection "
            "chosen it shows the first images of that.",
        )
    shown = of_kept or gateway.some_rows(images.record, images.split, GALLERY, seed=seed)
    picked = gallery(
        pictured(images.originals(shown)),
        ids=shown,
        names=[images.title(row) for row in shown],
        chosen=chosen,
        key="edit-gallery",
        label=f"{len(shown)} {images.split} images to choose from"
        + (f", of the selection {kept.name}" if kept is not None and of_kept else ""),
    )
    if picked is not None and picked != state.recall(_PICKED):
        state.remember(_PICKED, picked)
        state.put("rows", rows_text(toggled(chosen, picked.id)))
        st.rerun()
    return chosen


def toggled(chosen: Sequence[int], row: int) -> list[int]:
    """Add an image at the end, or take it out; the last one stays, and a full list takes no more."""
    if row not in chosen:
        return [*chosen, row][:MOST]
    rest = [one for one in chosen if one != row]
    return rest or list(chosen)


def show_chosen(images: Images) -> None:
    """Draw the chosen images with their numbers."""
    pictures = images.originals(images.rows)
    names = ", ".join(f"{k + 1}: image {row} ({images.label(row)})" for k, row in enumerate(images.rows))
    st.image(
        image_grid(pictures, columns=MOST, numbers=True, gap=6, scale=enlarge(pictures.shape[-1], to=TILE)),
        alt=f"The {len(images.rows)} chosen images",
        caption=f"{'Chosen' if images.here else 'Chosen, as the run reconstructs them'}: {controls.plain(names)}.",
    )
