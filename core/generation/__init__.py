"""Where to decode, and what to make of it: prior draws, the lattice, every label, traversals, paths, films.

Pure arrays; only `film` knows pictures. The names below are the public ones.
"""

from core.generation.classes import under_every_label
from core.generation.film import film_gif, film_order, sheet_png
from core.generation.interpolation import film_positions, lerp, path, slerp
from core.generation.places import impossible_code, lattice_points, prior_draws
from core.generation.traversal import quantile_steps, ranked, traversal

__all__ = [
    "film_gif",
    "film_order",
    "film_positions",
    "impossible_code",
    "lattice_points",
    "lerp",
    "path",
    "prior_draws",
    "quantile_steps",
    "ranked",
    "sheet_png",
    "slerp",
    "traversal",
    "under_every_label",
]
