"""What a page hands to the latent map: panels of points."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dashboard.components.latent_map.lattices import Lattice


@dataclass(frozen=True, eq=False)
class Panel:
    """One rectangle of points; row k of every panel is the k-th of the shared ids.

    Attributes:
        id: name of the panel in events, unique in its map.
        title: text above the panel.
        xy: float32 (N, 2), data units; NaN means that the point is absent here.
        x_title: name and unit of the horizontal axis.
        y_title: name and unit of the vertical axis.
        domain: x0, x1, y0, y1 shown at first, or None to fit the points.
        alt: a sentence for people who cannot see the panel.
        circles: radii of prior contours about the origin, in data units (standard deviations).
        draws: float32 (k, 2), points drawn above the others and numbered from 1, or None.
        image: a PNG stretched over `domain` behind the points, or None.
        image_pixelated: keep the image's pixels as squares (a lattice of tiles would blur otherwise).
        square: one unit is equally long on both axes.
        marker: x, y of a cross (the place that was decoded), or None.
        clickable_empty: clicks beside the points are reported.
        cell: row and column of the grid where the panel stands, if the width holds all columns of the map; the next
            free place of the row, if None.
        lattice: decoded tiles, one of which is shown where the pointer meets no point, or None.
    """

    id: str
    title: str
    xy: np.ndarray
    x_title: str
    y_title: str
    domain: tuple[float, float, float, float] | None = None
    alt: str = ""
    circles: tuple[float, ...] = ()
    draws: np.ndarray | None = None
    image: bytes | None = None
    image_pixelated: bool = True
    square: bool = True
    marker: tuple[float, float] | None = None
    clickable_empty: bool = True
    cell: tuple[int, int] | None = None
    lattice: Lattice | None = None

    def __post_init__(self) -> None:
        """Check shapes and numbers once, so that a mistake is named here and not in the browser.

        Raises:
            ValueError: one sentence that names the panel, the bad value and what is expected.
        """
        name = f"Panel {self.id!r}"
        if not self.id or not isinstance(self.id, str):
            raise ValueError(f"A panel's id must be a non-empty text, not {self.id!r}.")
        xy = np.asarray(self.xy)
        if xy.ndim != 2 or xy.shape[1] != 2:
            raise ValueError(f"{name}: xy must have the shape (N, 2), not {xy.shape}.")
        if np.isinf(xy).any():
            raise ValueError(f"{name}: xy holds an infinite number; use NaN for a point that is absent.")
        if self.domain is not None:
            _finite(name, "domain", self.domain, 4)
            x0, x1, y0, y1 = self.domain
            if x0 >= x1 or y0 >= y1:
                raise ValueError(
                    f"{name}: domain must be (x0, x1, y0, y1) with x0 < x1 and y0 < y1, not {self.domain}."
                )
        if self.image is not None and self.domain is None:
            raise ValueError(f"{name}: an image needs a domain, the rectangle over which it is stretched.")
        if any(not math.isfinite(radius) or radius <= 0 for radius in self.circles):
            raise ValueError(f"{name}: circles must be positive radii, not {self.circles}.")
        if self.draws is not None:
            draws = np.asarray(self.draws)
            if draws.ndim != 2 or draws.shape[1] != 2 or not np.isfinite(draws).all():
                raise ValueError(
                    f"{name}: draws must be finite numbers of the shape (k, 2), not {draws.shape}."
                )
        if self.marker is not None:
            _finite(name, "marker", self.marker, 2)
        if self.cell is not None and (len(self.cell) != 2 or min(self.cell) < 0):
            raise ValueError(f"{name}: cell must be a row and a column, counted from 0, not {self.cell}.")


def _finite(name: str, what: str, values: Iterable[float], count: int) -> None:
    numbers = tuple(values)
    if len(numbers) != count or not all(math.isfinite(value) for value in numbers):
        raise ValueError(f"{name}: {what} must be {count} finite numbers, not {numbers}.")
