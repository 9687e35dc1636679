"""Where to decode: draws from the prior, the lattice of the p-value map, places no image has. Pure arrays."""

import numpy as np

from core.analysis.pvalues import phi_inverse
from core.data.intake import whole_number
from core.families import Family


def prior_draws(n: int, *, latent: int, seed: int) -> np.ndarray:
    """Draw z ~ N(0, I): (n, latent) float32. The first k rows are the same for every n >= k.

    Raises:
        ConfigError: n or the seed is no whole number from 0.
    """
    rows, generator = whole_number(n, "n"), np.random.default_rng(whole_number(seed, "seed"))
    return generator.standard_normal((rows, latent)).astype(np.float32)


def lattice_points(
    n: int, *, latent: int, dimensions: tuple[int, int] = (0, 1), base: np.ndarray | None = None
) -> np.ndarray:
    """Latents of an n x n lattice over the p-value map: (n, n, latent) float32, row 0 at the top.

    Tile (row r, column c) stands at `Phi^-1(((c + 1/2) / n, 1 - (r + 1/2) / n))`: cell midpoints, since the borders
    of the unit square are infinitely far away. Other dimensions stand at `base` (latent,), or at 0.

    Raises:
        ValueError: dimensions outside the latent space, or twice the same.
    """
    first, second = dimensions
    if not (0 <= first < latent and 0 <= second < latent) or (first == second and latent > 1):
        raise ValueError(f"Dimensions {dimensions} do not span a plane of {latent} latent dimensions.")
    middles = (np.arange(n) + 0.5) / n
    points = np.zeros((n, n, latent)) if base is None else np.tile(np.asarray(base, np.float64), (n, n, 1))
    # a 1-D latent has no second axis: every row of its lattice is the same
    if latent > 1:
        points[:, :, second] = phi_inverse(1 - middles)[:, None]
    points[:, :, first] = phi_inverse(middles)[None, :]
    return points.astype(np.float32)


def impossible_code(family: Family, z: np.ndarray) -> str:
    """Say of latents (..., L) that some leave the 0 to 1 of a sigmoid code; nothing where none does, or of others.

    A decoder takes any number: such a place can be decoded, and that nothing was ever encoded there is to be said.
    """
    low, high = float(z.min()), float(z.max())
    if not family.sigmoid_code or (low >= 0 and high <= 1):
        return ""
    reach = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
    return f"The encoder never gives such a code: its units lie between 0 and 1, and here they are {reach}."
