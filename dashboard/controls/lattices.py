"""What a map shows where the pointer meets no point: a lattice of decoded tiles, made in the background.

1,600 decodes take 0.15 s with a small dense decoder and 3 s with a convolutional one on two cores, so no paint waits
for them. A page asks for the lattice of a plane (`decoded_plane`), draws its map without one, and ends with
`await_lattices`: a fragment that draws nothing, starts the work at its first tick, which comes after the paint, looks
again at each tick, and runs the page once more when all is there. That run differs in the map's header alone, so zoom,
selection and the pointer stay where they are; hovering itself asks Python for nothing. The work is a thread of its
own, not the page's script: a click would have to wait for the script, and a closed tab would waste it.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard import gateway
from dashboard.charts.glyphs import pictured
from dashboard.components.latent_map import Lattice, Sprites, lattice_sheet
from dashboard.gateway import RunRecord

log = logging.getLogger("vaescope")

SIDE = 40
"""Tiles a side."""
LARGEST_MODEL = 5_000_000
"""Learned numbers of a run above which 1,600 decodes nobody asked for would keep a laptop busy."""
LARGEST_TILE = 128
"""Pixels a side of an image above which the sheet of tiles would take 100 MB decoded."""
TICK = 0.5
"""Seconds between two looks."""
PATIENCE = 5.0
"""Seconds after the last look in which a lattice that waits for its turn is still wanted by someone."""

_TURN = threading.Lock()  # one at a time: two would only share the same cores


class Sheet:
    """The tiles of one lattice: not begun, in the making, there, or failed; shared by all sessions."""

    def __init__(
        self,
        record: RunRecord,
        dimensions: tuple[int, ...],
        places: dict[str, np.ndarray],
        label: int | None = None,
    ) -> None:
        """Take note of what to decode, and as which class."""
        self.record, self.dimensions, self.label, self.places = record, dimensions, label, places
        self.sprites: Sprites | None = None
        self.failed = False
        self._looked = 0.0
        self._thread: threading.Thread | None = None

    @property
    def ended(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.failed or self.sprites is not None

    def ask(self) -> bool:
        """Begin the work unless it goes on already; tells whether it has ended."""
        self._looked = time.monotonic()
        if not self.ended and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self.make, name="lattice", daemon=True)
            self._thread.start()
        return self.ended

    def make(self) -> None:
        """Decode and encode all tiles; a lattice that nobody looks for any more when its turn comes is left."""
        with _TURN:
            if self.ended or time.monotonic() - self._looked > PATIENCE:
                return
            try:
                self.sprites = lattice_sheet(self._pixels(), columns=SIDE)
            except gateway.VAEScopeError as error:
                log.warning("no lattice of run %s: %s", self.record.id, error)
                self.failed = True
            except Exception:
                log.exception("no lattice of run %s", self.record.id)
                self.failed = True

    def _pixels(self) -> np.ndarray:
        """Tiles, row by row, as uint8 (tiles, C, H, W): one row of a 1-D latent, whose rows are all the same."""
        ends = (self.dimensions[0], self.dimensions[-1])
        parts = []
        base, centre, spread = (self.places[name] for name in ("base", "centre", "spread"))
        for row in gateway.lattice_rows(
            self.record, SIDE, dimensions=ends, base=base, centre=centre, spread=spread, label=self.label
        ):
            pixels = pictured(row)
            parts.append(
                pixels if pixels.dtype == np.uint8 else np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
            )
            if len(self.dimensions) == 1:
                break
        return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class DecodedPlane:
    """The lattice of a plane, for the panels that show it."""

    sheet: Sheet
    names: tuple[str, ...]
    sprites: Sprites | None
    """The sheet's tiles when this run of the page began, so that all of its panels agree on whether they are there"""

    def on(self, *, unit: bool) -> Lattice | None:
        """The lattice for a panel of p-values (`unit`) or of latents; None until it is there."""
        if self.sprites is None:
            return None
        chosen = list(self.sheet.dimensions)
        centre, spread = self.sheet.places["centre"][chosen], self.sheet.places["spread"][chosen]
        middles = gateway.phi_inverse((np.arange(SIDE) + 0.5) / SIDE)
        return Lattice(
            sheet=self.sprites,
            x=(middles * spread[0] + centre[0]).tolist(),
            y=(middles[::-1] * spread[1] + centre[1]).tolist() if len(chosen) == 2 else (),
            names=self.names,
            unit=unit,
            centre=centre.tolist(),
            spread=spread.tolist(),
        )


def decoded_plane(
    record: RunRecord,
    *,
    dimensions: tuple[int, ...],
    names: Sequence[str],
    base: np.ndarray,
    centre: np.ndarray,
    spread: np.ndarray,
    label: int | None = None,
) -> DecodedPlane | None:
    """The lattice of a run's plane, there or not yet; None where it would cost too much (`why_no_lattice`).

    Args:
        record: of the run.
        dimensions: the one or two that the plane shows.
        names: of these dimensions.
        base: (L,) where the other dimensions stand.
        centre: (L,) what p = 1/2 means.
        spread: (L,) the unit of the p-value map.
        label: class that all places are decoded as, for a run that needs one.
    """
    if why_no_lattice(record) is not None:
        return None
    places = {
        name: np.ascontiguousarray(one, np.float64).tobytes()
        for name, one in (("base", base), ("centre", centre), ("spread", spread))
    }
    sheet = _sheet(str(record.folder), record.stamp, dimensions, label, **places, _record=record)
    return DecodedPlane(sheet, tuple(names), sheet.sprites)


# A sheet is 0.1 MB of 8 x 8 tiles and 0.7 MB of 28 x 28 ones.
@st.cache_resource(max_entries=32, show_spinner=False)
def _sheet(
    folder: str,
    stamp: str,
    dimensions: tuple[int, ...],
    label: int | None,
    base: bytes,
    centre: bytes,
    spread: bytes,
    _record: RunRecord,
) -> Sheet:
    named = {"base": base, "centre": centre, "spread": spread}
    return Sheet(
        _record, dimensions, {name: np.frombuffer(one, np.float64) for name, one in named.items()}, label
    )


def why_no_lattice(record: RunRecord) -> str | None:
    """Why hovering an empty place of this run shows nothing; None where it does."""
    assert record.document is not None
    learned, side = gateway.decoder_size(record), max(record.document.data.shape[1:])
    if learned > LARGEST_MODEL:
        return (
            f"this model has {learned:,} learned numbers, too many to decode {SIDE} x {SIDE} places unasked"
        )
    if side > LARGEST_TILE:
        return f"images of {side} pixels a side are too large to keep {SIDE} x {SIDE} of them at hand"
    return None


def await_lattices(planes: Sequence[DecodedPlane | None]) -> None:
    """End a page: make the lattices that are not there yet, and run the page once more when they are."""
    waiting = [plane.sheet for plane in planes if plane is not None and plane.sprites is None]
    if any(not sheet.failed for sheet in waiting):
        _watch(waiting, [])


@st.fragment(run_every=TICK)
def _watch(sheets: list[Sheet], ticks: list[None]) -> None:
    """Look at lattices in the making; `ticks` tells the page's own run, which starts nothing, from those after it."""
    ticks.append(None)
    if len(ticks) == 1:
        return
    ended = [sheet.ask() for sheet in sheets]
    if all(ended):
        st.rerun()
