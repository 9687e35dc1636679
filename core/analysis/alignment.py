"""One latent space laid onto another: the turn, mirroring and shift that bring the same images closest together.

Training is free to rotate and mirror a latent space: the prior N(0, I) looks the same from every side. Before places
in two runs can be compared, that freedom has to be taken out, and nothing else: no scale, no bending.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

Method = Literal["orthogonal", "permutation"]
METHODS: tuple[Method, ...] = ("orthogonal", "permutation")


@dataclass(frozen=True, eq=False)
class Alignment:
    """A rigid motion of the second run's latents onto the first's, fitted to the same images in both.

    Spaces of different size are compared in the larger one, L = max(L1, L2): the smaller is padded with zeros.
    """

    method: Method
    matrix: np.ndarray
    """(L, L) float64, orthogonal; of the method 'permutation' one entry of 1 or -1 in each row and column"""
    first_mean: np.ndarray
    """(L,) centre of the first, 0 in padded dimensions"""
    second_mean: np.ndarray
    """(L,) centre of the second, 0 in padded dimensions"""
    distance: float
    """Root mean square distance of an image's place in the first from its aligned place, over images, in the unit of
    the latents (the prior's sigma); lower is more alike, 0 is the same"""
    residual: float | None
    """1 - rho^2, in [0, 1], no unit, lower is more alike: see `align`; None where a run gives all images one place"""
    images: int

    @property
    def mirrored(self) -> bool:
        """Whether the motion holds a reflection."""
        return bool(np.linalg.det(self.matrix) < 0)

    def apply(self, z: np.ndarray) -> np.ndarray:
        """Move latents of the second run: (N, L2) -> (N, L) float64, in the first's coordinates.

        Raises:
            ValueError: z is not (N, at most L).
        """
        width = len(self.matrix)
        if z.ndim != 2 or z.shape[1] > width:
            raise ValueError(f"Latents to align must be (N, at most {width}), not {z.shape}.")
        return (_padded(z, width) - self.second_mean) @ self.matrix + self.first_mean


def align(first: np.ndarray, second: np.ndarray, *, method: Method = "orthogonal") -> Alignment:
    """Lay the second onto the first: row i of both is the same image.

    With X and Y the two clouds, each minus its own mean, the method chooses Q to minimise the sum of squared
    distances ||X - Y Q||^2:

    - 'orthogonal': over all rotations, with and without a reflection (orthogonal Procrustes: Schoenemann, "A
      generalized solution of the orthogonal Procrustes problem", Psychometrika 31, 1966). Q = U V^T for the singular
      value decomposition Y^T X = U S V^T.
    - 'permutation': over exchanges of dimensions and changes of their signs only, so that single dimensions stay what
      they are. The assignment problem on |Y^T X| (Kuhn's Hungarian method, scipy's `linear_sum_assignment`).

    `distance` is sqrt(||X - Y Q||^2 / N). `residual` leaves scale out: with rho = trace(X^T Y Q) / (||X|| ||Y||) it is
    1 - rho^2, the share of one cloud's spread that the best motion *and scale* of the other does not explain. It is
    the same in both directions: 0 is one shape, 1 nothing in common. Of 'orthogonal' it is the disparity of
    `scipy.spatial.procrustes` (Gower, "Generalized Procrustes analysis", Psychometrika 40, 1975).

    Args:
        first: (N, L1) finite numbers, N from 2.
        second: (N, L2), the same images in the same order.
        method: 'orthogonal' or 'permutation'.

    Raises:
        ValueError: shapes or numbers that do not fit, fewer than two images, or an unknown method.
    """
    if first.ndim != 2 or second.ndim != 2 or len(first) != len(second) or len(first) < 2:
        raise ValueError(
            f"Aligning needs two arrays (N, L) of the same two or more images, not {first.shape} and {second.shape}."
        )
    width = max(first.shape[1], second.shape[1])
    x, y = _padded(first, width), _padded(second, width)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("Latents to align must be finite numbers.")
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    if method == "orthogonal":
        matrix = _rotation(y.T @ x)
    elif method == "permutation":
        matrix = _signed_permutation(y.T @ x)
    else:
        raise ValueError(f"There is no alignment '{method}': choose 'orthogonal' or 'permutation'.")
    moved = y @ matrix
    norms = float(np.linalg.norm(x)), float(np.linalg.norm(y))
    residual = None
    if _spread_out(x, x_mean) and _spread_out(y, y_mean):
        rho = float((x * moved).sum()) / (norms[0] * norms[1])
        residual = min(1.0, max(0.0, 1 - rho * rho))
    distance = math.sqrt(float(np.square(x - moved).sum()) / len(x))
    return Alignment(method, matrix, x_mean, y_mean, distance, residual, len(x))


def _padded(z: np.ndarray, width: int) -> np.ndarray:
    return np.pad(np.asarray(z, np.float64), ((0, 0), (0, width - z.shape[1])))


def _spread_out(centred: np.ndarray, mean: np.ndarray) -> bool:
    """Whether a centred cloud is more than the rounding of one place."""
    return bool(np.abs(centred).max() > 1e-9 * max(1.0, float(np.abs(mean).max())))


def _rotation(cross: np.ndarray) -> np.ndarray:
    u, _, v = np.linalg.svd(cross)
    return np.asarray(u @ v)


def _signed_permutation(cross: np.ndarray) -> np.ndarray:
    from scipy.optimize import linear_sum_assignment  # slow to import, and only this needs it

    rows, columns = linear_sum_assignment(-np.abs(cross))
    matrix = np.zeros_like(cross)
    matrix[rows, columns] = np.where(cross[rows, columns] < 0, -1.0, 1.0)
    return matrix
