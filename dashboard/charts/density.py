"""One latent dimension: the value on x, a density for each class on y."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.figure import as_floats, new_figure, say_empty
from dashboard.theme import class_colour, palette, plotly_text

GRID = 256
"""Positions at which a density is evaluated."""


def class_densities(
    values: np.ndarray, labels: np.ndarray, *, p_values: bool = False
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Estimate the density of each class, scaled by its share of the images.

    The classes therefore add up to the density of all images, which integrates to one. Each is a Gaussian
    kernel estimate (scipy.stats.gaussian_kde) with Scott's bandwidth, or the grid's step where that is wider.
    p-values end at 0 and 1, where a plain estimate falls to half: there it is reflected at both ends
    (Silverman 1986, section 2.10).

    Args:
        values: (N,) values, or p-values in [0, 1]; NaN is left out.
        labels: (N,) class indices; -1 is unlabelled.
        p_values: whether the values are p-values.

    Returns:
        positions (256,), and for each class present its density (256,), in order of the class index.
    """
    known = np.isfinite(values)
    values, labels = values[known], labels[known]
    if not len(values):
        return np.zeros(0), {}
    if p_values:
        grid = np.linspace(0.0, 1.0, GRID)
    else:
        # The prior's bulk stays in view even when all images sit in one place.
        spread = 0.12 * max(float(np.ptp(values)), 1.0)
        grid = np.linspace(min(values.min() - spread, -3.0), max(values.max() + spread, 3.0), GRID)
    densities = {}
    for label in np.unique(labels):
        own = values[labels == label]
        density = _kernel_density(own, grid)
        if p_values:
            density = density + _kernel_density(-own, grid) + _kernel_density(2.0 - own, grid)
        densities[int(label)] = density * (len(own) / len(values))
    return grid, densities


def density_1d(
    values: Sequence[float] | np.ndarray,
    labels: Sequence[int] | np.ndarray,
    *,
    class_names: Sequence[str],
    p_values: bool = False,
    title: str,
    x_title: str,
    prior: bool = True,
    dark: bool,
) -> go.Figure:
    """Draw one latent dimension as a density for each class.

    Each class is scaled by its share of the images, so the classes add up to the line of all images. Beside
    it stands what a matching prior gives: the standard normal density, or the constant 1 for p-values.

    Args:
        values: (N,) latent values, or their p-values in [0, 1]; NaN is left out.
        labels: (N,) class indices; -1 is unlabelled.
        class_names: name of each class.
        p_values: whether the values are p-values, Phi(z).
        title: of the figure.
        x_title: name of the values, with their unit.
        prior: whether there is a prior to compare with.
        dark: whether the page is dark.

    Returns:
        The figure: one trace a class, then "all images", then the prior if there is one.

    Raises:
        ValueError: if values and labels differ in length.
    """
    numbers, classes = as_floats(values), np.asarray(labels, dtype=np.int64)
    if numbers.shape != classes.shape:
        raise ValueError(f"Each value needs one label, but there are {len(numbers)} and {len(classes)}.")
    figure = new_figure(
        title,
        x_title=x_title,
        y_title="Density, scaled by class share" if len(np.unique(classes)) > 1 else "Density",
        uirevision=f"density|{p_values}",
        dark=dark,
        subtitle="classes add up to all images" + ("; dotted: a matching prior" if prior else ""),
    )
    grid, densities = class_densities(numbers, classes, p_values=p_values)
    if not densities:
        return say_empty(figure, "No image has a value here.", dark=dark)
    colours = palette(dark)
    x = grid.astype(np.float32)
    for label, density in densities.items():
        name = class_names[label] if 0 <= label < len(class_names) else _unnamed(label)
        colour = class_colour(label)
        figure.add_trace(
            go.Scatter(
                x=x,
                y=density.astype(np.float32),
                name=plotly_text(name),
                meta=[plotly_text(name), int((classes == label).sum())],
                mode="lines",
                line={"color": colour, "width": 1.8},
                fill="tozeroy",
                fillcolor=_translucent(colour, 0.14),
                hovertemplate="%{meta[0]} (%{meta[1]} images): density <b>%{y:.3~g}</b> at %{x:.3~f}"
                "<extra></extra>",
            )
        )
    total = np.sum(list(densities.values()), axis=0)
    lines = [("all images", total, "solid")]
    if prior:
        even = np.ones_like(grid) if p_values else np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
        lines.append(("prior", even, "dot"))
    for name, y, dash in lines:
        figure.add_trace(
            go.Scatter(
                x=x,
                y=y.astype(np.float32),
                name=name,
                mode="lines",
                line={"color": colours.text if dash == "solid" else colours.muted, "width": 2, "dash": dash},
                hovertemplate=f"{name}: density <b>%{{y:.3~g}}</b> at %{{x:.3~f}}<extra></extra>",
            )
        )
    figure.update_layout(hovermode="closest", showlegend=True)
    figure.update_yaxes(rangemode="tozero")
    if p_values:
        figure.update_xaxes(range=[0, 1])
    return figure


def density_frame(
    values: Sequence[float] | np.ndarray,
    labels: Sequence[int] | np.ndarray,
    *,
    class_names: Sequence[str],
    p_values: bool = False,
) -> pd.DataFrame:
    """Return the densities of `density_1d` as a tidy table (class, value, density), for CSV."""
    grid, densities = class_densities(
        as_floats(values), np.asarray(labels, dtype=np.int64), p_values=p_values
    )
    parts = [
        pd.DataFrame(
            {
                "class": class_names[label] if 0 <= label < len(class_names) else _unnamed(label),
                "value": grid,
                "density": density,
            }
        )
        for label, density in densities.items()
    ]
    columns = ["class", "value", "density"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _kernel_density(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return the Gaussian kernel density of values at the grid's positions."""
    from scipy.stats import gaussian_kde, norm  # scipy.stats takes half a second: not at start

    # A collapsed run holds all images in one place: never narrower than the grid can show.
    step = float(grid[1] - grid[0])
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    if spread < step / 100:
        return norm.pdf(grid, loc=float(values.mean()), scale=step)
    scott = len(values) ** -0.2
    return gaussian_kde(values, bw_method=max(scott, step / spread))(grid)


def _translucent(colour: str, alpha: float) -> str:
    """Return "#rrggbb" as a CSS colour with transparency."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def _unnamed(label: int) -> str:
    """Name a class that has no name."""
    return "unlabelled" if label == -1 else f"class {label}"
