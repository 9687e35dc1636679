"""The lattice of a panel: decoded tiles that the browser shows where the pointer meets no point."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.components.latent_map.sprites import Sprites, make_sprites, serve


@dataclass(frozen=True, eq=False)
class Lattice:
    """Tiles over the p-value map of a plane, and how a place of the panel finds its tile.

    Tile (row r, column c) of R x C belongs to the p-values (c + 1/2) / C and 1 - (r + 1/2) / R. On the unit square a
    place is its p-values; on a latent panel they are Phi((x - centre) / spread) of each axis.

    Attributes:
        sheet: the tiles, row by row on one sheet, from `lattice_sheet`.
        x: where the columns stand on the first axis of the latent plane, from left to right.
        y: where the rows stand on the second axis, from top to bottom; empty where there is one dimension.
        names: of the axes of the latent plane, as in ``("z 1", "z 2")``.
        unit: whether the panel shows p-values instead of latents.
        centre: what p = 1/2 means on each axis.
        spread: the unit of Phi on each axis.
    """

    sheet: Sprites
    x: Sequence[float]
    y: Sequence[float]
    names: Sequence[str]
    unit: bool
    centre: Sequence[float]
    spread: Sequence[float]

    def __post_init__(self) -> None:
        """Check that the parts fit together.

        Raises:
            ValueError: one sentence that names what does not fit.
        """
        tiles = len(self.x) * max(1, len(self.y))
        if not len(self.x) or self.sheet.tiles != tiles or self.sheet.columns != len(self.x):
            raise ValueError(
                f"A lattice of {len(self.x)} columns and {len(self.y)} rows does not fit its sheet of "
                f"{self.sheet.tiles} tiles in {self.sheet.columns} columns."
            )
        axes = 2 if len(self.y) else 1
        if {len(self.names), len(self.centre), len(self.spread)} != {axes}:
            raise ValueError(
                f"A lattice over {axes} axes needs a name, a centre and a spread for each of them."
            )
        if not all(math.isfinite(one) for one in (*self.x, *self.y, *self.centre)):
            raise ValueError("A lattice stands at finite places about a finite centre.")
        if any(not math.isfinite(one) or one <= 0 for one in self.spread):
            raise ValueError(f"A lattice's spread must be positive, not {list(self.spread)}.")

    def described(self, *, key: str) -> dict[str, Any]:
        """Make the tiles fetchable, and say what the browser needs to know; JSON values."""
        return {
            "sprites": serve(self.sheet, key=key),
            "x": [float(one) for one in self.x],
            "y": [float(one) for one in self.y],
            "names": [str(one) for one in self.names],
            "unit": bool(self.unit),
            "centre": [float(one) for one in self.centre],
            "spread": [float(one) for one in self.spread],
        }


def lattice_sheet(pixels: np.ndarray, *, columns: int) -> Sprites:
    """Put the tiles of a lattice onto one lossless sheet, row by row.

    Args:
        pixels: uint8 (rows * columns, C, H, W), one or three channels.
        columns: tiles in a row.

    Raises:
        ValueError: another shape or type, an incomplete row, or a sheet that browsers do not decode.
    """
    if columns < 1 or len(pixels) % columns:
        raise ValueError(f"{len(pixels)} tiles do not fill rows of {columns}.")
    return make_sprites(pixels, columns=columns, rows=len(pixels) // columns)
