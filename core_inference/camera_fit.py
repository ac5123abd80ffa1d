"""How a camera turned and zoomed between two pictures, from points followed from one to the other.

Rays are (N,3) with z 1 in camera axes (x right, y down, z forward): pixels from the principal
point over the focal length, of both pictures that of the first, and 1.

Legend: N points, H hypotheses.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..rigs.rotation import normalized

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

HYPOTHESES = 48
"""Of two points each: where half of the points are wrong, a fourth of the pairs is right, and that
none of so many is happens once in a million times."""

LIKELY = 0.8
"""A turn with which so many points agree is refined without a search for another."""

_PAIR_ZOOM = 1.5
"""A pair of wrong points can ask for any zoom. The true one since a key picture stays within this:
a picture enlarged by a third has lost the corners with which it would go on."""

_ROUNDS = 3
"""Of refining: more change the turn by less than a hundredth of its error."""

_TURN_STEP, _LOG_STEP = 0.1, 0.3
"""How far a round may turn about each axis, in radians, and zoom: so far `small_turn` gives a
rotation to seven digits, and slopes hold."""

_APART = 1e-6
"""Two points nearer to each other than this, at z = 1, are one, and tell no turn."""

_SEED = 20
_TINY = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class Turn:
    """A camera's turn: rotation (3,3) carries what the first picture's camera saw into the
    second's axes; zoom is the second's focal length over the first's; off (N,): how far from where
    that puts them the points are, over the reach, so that those below 1 fit."""

    rotation: Float64
    off: Float64
    zoom: float = 1.0

    @property
    def fits(self) -> Bool:
        """Which points (N,) moved as it says."""
        return self.off < 1.0

    @property
    def share(self) -> float:
        """The share 0..1 of the points that fit."""
        return float(self.fits.mean()) if len(self.off) else 0.0


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
        turn_33, _ = _commonest(before_N3, after_N3, reach, 1.0)
    for _ in range(_ROUNDS):
        miss_N = _misses(turn_33[None], before_N3, after_N3)[0]
        turn_33 = _wahba(before_U3, after_U3, _tukey(miss_N, reach))
    miss_N = _misses(turn_33[None], before_N3, after_N3)[0]
    return Turn(rotation=turn_33, off=miss_N / reach)


def fit_zoom(
    before_N3: Float64, after_N3: Float64, reach: float, likely: tuple[Float64, float]
) -> Turn:
    """The turn and zoom with which most points agree: as `fit_turn`, with one unknown more.

    likely: the turn (3,3) and the zoom to be tried first. Refined by Gauss and Newton's steps with
    Tukey's weights.
    """
    turn_33, zoom = likely
    if (_misses(turn_33[None], before_N3, after_N3, zoom)[0] < reach).mean() < LIKELY:
        turn_33, zoom = _commonest(before_N3, after_N3, reach, _PAIR_ZOOM)
        miss_N = _misses(turn_33[None], before_N3, after_N3, zoom)[0]
        after_U3 = normalized(after_N3 * _over(np.array([[zoom]])))
        turn_33 = _wahba(normalized(before_N3), after_U3, _tukey(miss_N, reach))
    for _ in range(_ROUNDS):
        flat_N2 = projected(before_N3 @ turn_33.T)
        off_N2 = zoom * flat_N2 - after_N3[:, :2]
        weights_N = _tukey(np.linalg.norm(off_N2, axis=1), reach)
        slopes_N24 = np.concatenate([turning_slopes(flat_N2), flat_N2[..., None]], axis=2)
        slopes_M4 = zoom * slopes_N24.reshape(-1, 4)
        weighted_KN = (slopes_M4 * np.repeat(weights_N, 2)[:, None]).T
        normal_44 = weighted_KN @ slopes_M4 + _TINY * np.eye(4)
        step_4 = -np.linalg.solve(normal_44, weighted_KN @ off_N2.ravel())
        turn_33 = small_turn(np.clip(step_4[:3], -_TURN_STEP, _TURN_STEP)) @ turn_33
        zoom *= float(np.exp(np.clip(step_4[3], -_LOG_STEP, _LOG_STEP)))
    miss_N = _misses(turn_33[None], before_N3, after_N3, zoom)[0]
    return Turn(rotation=turn_33, off=miss_N / reach, zoom=zoom)


def _tukey(miss_N: Float64, reach: float) -> Float64:
    """What points so far off weigh, (N,) 0..1; nothing from the reach on."""
    return np.asarray(np.maximum(1.0 - (miss_N / reach) ** 2, 0.0) ** 2, dtype=np.float64)


def _commonest(
    before_N3: Float64, after_N3: Float64, reach: float, most: float
) -> tuple[Float64, float]:
    """Of turns with zooms, each of two points, the one with which most points agree.

    most: the largest zoom; 1 for turns alone. Points that coincide tell no turn.
    """
    pairs_H2 = _pairs(len(before_N3))
    far_H, near_H = (
        np.linalg.norm(rays[pairs_H2[:, 1], :2] - rays[pairs_H2[:, 0], :2], axis=1)
        for rays in (after_N3, before_N3)
    )
    zooms_H1 = np.clip(far_H / np.maximum(near_H, _TINY), 1 / most, most)[:, None]
    before_U3 = normalized(before_N3)
    after_H33 = _triads(*(normalized(after_N3[ends_H] * _over(zooms_H1)) for ends_H in pairs_H2.T))
    before_H33 = _triads(before_U3[pairs_H2[:, 0]], before_U3[pairs_H2[:, 1]])
    turns_H33 = after_H33 @ np.swapaxes(before_H33, -1, -2)
    misses_HN = _misses(turns_H33, before_N3, after_N3, zooms_H1[..., None])
    costs_H = np.minimum(misses_HN, reach).sum(axis=1)
    best = int(np.argmin(np.where(np.minimum(far_H, near_H) > _APART, costs_H, np.inf)))
    return turns_H33[best], float(zooms_H1[best, 0])


def _over(zooms_H1: Float64) -> Float64:
    """What takes zooms out of rays with z 1 (H,3)."""
    return np.concatenate([1 / zooms_H1, 1 / zooms_H1, np.ones_like(zooms_H1)], axis=1)


def turning_slopes(flat_N2: Float64) -> Float64:
    """How points of the plane z = 1 move there (N,2,3) with a small turn about x, y and z."""
    x, y = flat_N2.T
    slopes_N23 = np.empty((len(flat_N2), 2, 3))
    slopes_N23[:, 0, 0], slopes_N23[:, 0, 1], slopes_N23[:, 0, 2] = -x * y, 1 + x * x, -y
    slopes_N23[:, 1, 0], slopes_N23[:, 1, 1], slopes_N23[:, 1, 2] = -1 - y * y, x * y, x
    return slopes_N23


def small_turn(axis_angle_3: Float64) -> Float64:
    """The rotation (3,3) of a small axis-angle; of a larger one, a rotation nearby."""
    x, y, z = axis_angle_3.tolist()
    return nearest_turn(np.array([[1.0, -z, y], [z, 1.0, -x], [-y, x, 1.0]]))


def nearest_turn(matrix_33: Float64) -> Float64:
    """The rotation next to a matrix that is nearly one: two steps of Newton's method."""
    for _ in range(2):
        matrix_33 = 1.5 * matrix_33 - 0.5 * matrix_33 @ matrix_33.T @ matrix_33
    return matrix_33


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


def _misses(
    turns_H33: Float64, before_N3: Float64, after_N3: Float64, zooms: Float64 | float = 1.0
) -> Float64:
    """How far off each point is after each turn (H,N), at z = 1; zooms: one or (H,1,1)."""
    turned_HN3 = before_N3 @ np.swapaxes(turns_H33, -1, -2)
    off_HN2 = zooms * projected(turned_HN3) - after_N3[:, :2]
    return np.sqrt(np.einsum("hni,hni->hn", off_HN2, off_HN2))


def _wahba(before_U3: Float64, after_U3: Float64, weights_N: Float64) -> Float64:
    """The rotation (3,3) that best carries unit rays into others."""
    u, _, vt = np.linalg.svd((after_U3 * weights_N[:, None]).T @ before_U3)
    signs = np.array([1.0, 1.0, np.linalg.det(u) * np.linalg.det(vt)])
    return np.asarray((u * signs) @ vt, dtype=np.float64)
