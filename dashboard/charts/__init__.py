"""Arrays and frames in, Plotly figures or PNG bytes out: no Streamlit, no core.

One module a kind of picture: `curves` (losses, rate per dimension), `tradeoff` (rate and distortion),
`density` (one latent dimension), `images` (grids, lattices, error maps). Figures carry their own template, so
a page draws them with `st.plotly_chart(figure, theme=None, config=PLOT_CONFIG)`.
"""

import re
from typing import Any, Literal


def plot_config(filename: str = "vaescope", *, image_format: Literal["png", "svg"] = "png") -> dict[str, Any]:
    """Return the configuration of a figure's tool bar: how the browser saves the figure as an image.

    Args:
        filename: name of the saved file without its ending; characters outside letters, digits, dot, dash
            and underscore become a dash.
        image_format: "png" (at twice the drawn size) or "svg".

    Returns:
        A configuration for `st.plotly_chart(config=...)`.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", filename).strip("-.") or "vaescope"
    return {
        "displaylogo": False,
        # Plotly 7 offers "Share chart..." by default, which sends the data to its maker's server.
        "showSendToCloud": False,
        "plotlyServerURL": "",
        "responsive": True,
        "scrollZoom": False,
        # Run names may hold dollar signs: they are names, never formulas.
        "typesetMath": False,
        "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
        "toImageButtonOptions": {
            "format": image_format,
            "filename": safe,
            "scale": 2 if image_format == "png" else 1,
        },
    }


PLOT_CONFIG: dict[str, Any] = plot_config()
"""Configuration of every figure that is saved as PNG."""

SVG_CONFIG: dict[str, Any] = plot_config(image_format="svg")
"""The same figure saved as SVG."""
