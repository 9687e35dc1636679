"""A matrix of numbers as a coloured table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dashboard.charts.errors import heat_colours
from dashboard.charts.figure import as_floats

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""Weights of red, green and blue in a colour's lightness (ITU-R BT.709)"""


def matrix_table(values: object, names: Sequence[str]) -> "Styler":
    """Colour a square matrix with numbers from 0 to 1 by the scale of heat maps.

    A table, and not a figure: it can be read aloud and copied, and a browser draws it in a tenth of the time.

    Args:
        values: (R, R); None or NaN stays empty.
        names: of the rows and columns.

    Returns:
        The table, for `st.table`.

    Raises:
        ValueError: if the matrix does not fit the names.
    """
    grid = as_floats(values)
    if grid.shape != (len(names), len(names)):
        raise ValueError(f"A matrix of {len(names)} runs must be square, not {grid.shape}.")
    colours = np.nan_to_num(heat_colours(grid[None], limit=1.0)[0].transpose(1, 2, 0))
    css = [
        [
            ""
            if np.isnan(value)
            else "background-color: rgb({}, {}, {}); color: {}; text-align: center".format(
                *np.rint(colour * 255).astype(int), "#000000" if colour @ LUMINANCE > 0.4 else "#ffffff"
            )
            for value, colour in zip(row, line, strict=True)
        ]
        for row, line in zip(grid, colours, strict=True)
    ]
    frame = pd.DataFrame(grid, index=list(names), columns=list(names))
    styles = pd.DataFrame(css, index=frame.index, columns=frame.columns)
    return frame.style.format("{:.2f}", na_rep="").apply(lambda _: styles, axis=None)


def matrix_frame(matrices: dict[str, np.ndarray], names: Sequence[str]) -> pd.DataFrame:
    """Return several (R, R) matrices as one tidy table (first, second, and a column each), for CSV."""
    size = len(names)
    return pd.DataFrame(
        {
            "first": np.repeat(np.asarray(names, object), size),
            "second": np.tile(np.asarray(names, object), size),
            **{name: np.asarray(matrix, np.float64).ravel() for name, matrix in matrices.items()},
        }
    )
