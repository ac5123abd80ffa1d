"""How a camera turned between two pictures, from points that were followed from one to the other.

Rays are (N,3) with z 1 in camera axes (x right, y down, z forward): pixels from the principal
point over the focal length, and 1.

Legend: N points, H hypotheses.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..rigs.rotation import normalized

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

HYPOTHESES = 48
LIKELY = 0.8
_SEED = 20
_ROUNDS = 3
_TINY = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class Turn:
    """A camera's turn: rotation (3,3) carries what the first picture's camera saw into the
    second's axes; fits (N,) says which points moved as it says; share of all points that did."""

    rotation: Float64
    fits: Bool

    @property
    def share(self) -> float:
        """The share 0..1 of the points that fit."""
        return float(self.fits.mean()) if len(self.fits) else 0.0


def fit_turn(before_N3: Float64, after_N3: Float64, reach: float, likely_33: Float64) -> Turn:
    """The turn with which most points agree, refined on those; reach: how far off a point may be.

    A likely turn is tried first; where fewer points than `LIKELY` agree with it, turns of two
    points each are. Their pairs are the same for as many points, so that equal points give equal
    turns. reach is in the plane z = 1. Needs at least two points. Source: Fischler and Bolles,
    RANSAC (1981); Wahba's problem by singular values (Markley, 1988).
    """
    before_U3, after_U3 = normalized(before_N3), normalized(after_N3)
    turn_33 = likely_33
    if (_misses(likely_33[None], before_N3, after_N3)[0] < reach).mean() < LIKELY:
        pairs_H2 = _pairs(len(before_N3))
        before_H33, after_H33 = (
            _triads(rays[pairs_H2[:, 0]], rays[pairs_H2[:, 1]]) for rays in (before_U3, after_U3)
        )
        turns_H33 = after_H33 @ np.swapaxes(before_H33, -1, -2)
        costs_H = np.minimum(_misses(turns_H33, before_N3, after_N3), reach).sum(axis=1)
        turn_33 = turns_H33[int(np.argmin(costs_H))]
    for _ in range(_ROUNDS):
        miss_N = _misses(turn_33[None], before_N3, after_N3)[0]
        weights_N = np.maximum(1.0 - (miss_N / reach) ** 2, 0.0) ** 2
        turn_33 = _wahba(before_U3, after_U3, weights_N)
    miss_N = _misses(turn_33[None], before_N3, after_N3)[0]
    return Turn(rotation=turn_33, fits=miss_N < reach)


def projected(rays_N3: Float64) -> Float64:
    """Rays (...,3) cut with the plane z = 1, (...,2); behind the camera they go far away."""
    return rays_N3[..., :2] / np.maximum(rays_N3[..., 2:], 1e-3)


def _pairs(count: int) -> NDArray[np.int64]:
    """Two different points for each hypothesis (H,2)."""
    first, second = np.random.default_rng(_SEED).random((2, HYPOTHESES))
    first_H = (first * count).astype(np.int64)
    second_H = (first_H + 1 + (second * (count - 1)).astype(np.int64)) % count
    return np.stack([first_H, second_H], axis=1)


def _triads(first_H3: Float64, second_H3: Float64) -> Float64:
    """Orthonormal axes (H,3,3), as columns, from two unit vectors each."""
    across_H3 = np.cross(first_H3, second_H3)
    across_H3 /= np.maximum(np.linalg.norm(across_H3, axis=-1, keepdims=True), _TINY)
    return np.stack([first_H3, across_H3, np.cross(first_H3, across_H3)], axis=-1)


def _misses(turns_H33: Float64, before_N3: Float64, after_N3: Float64) -> Float64:
    """How far off each point is after each turn (H,N), in the plane z = 1."""
    turned_HN3 = before_N3 @ np.swapaxes(turns_H33, -1, -2)
    off_HN2 = projected(turned_HN3) - after_N3[:, :2]
    return np.sqrt(np.einsum("hni,hni->hn", off_HN2, off_HN2))


def _wahba(before_U3: Float64, after_U3: Float64, weights_N: Float64) -> Float64:
    """The rotation (3,3) that best carries unit rays into others."""
    u, _, vt = np.linalg.svd((after_U3 * weights_N[:, None]).T @ before_U3)
    signs = np.array([1.0, 1.0, np.linalg.det(u) * np.linalg.det(vt)])
    return np.asarray((u * signs) @ vt, dtype=np.float64)
