"""How a camera turned and went between two pictures, from points on the ground and above it.

A camera that goes moves near things farther across the picture than far ones. On the ground it is
known how near they are: at the camera's height over the sine of how far they lie below the horizon.
Things above the ground are at any depth, but not behind it. Lengths are in heights of the camera
above the ground.

Legend: N points, K unknowns (three of the turn, two of the way).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .camera_fit import projected, small_turn, turning_slopes

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

ROUNDS = (4.0, 2.0, 1.0, 1.0)
"""How far off a point may be in each round of the fit, in reaches."""

LOW = 0.02
"""Ground nearer to the horizon than this (a sine) says nothing."""

NEAREST = 3.0
"""Nothing is nearer to the camera than this part of its height: inverse depths end here."""

TURN_SIGMA_RAD = 0.02
WAY_SIGMA = 0.1
"""How far, between two frames, a camera may leave the way that it went before."""

_TINY = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """rotation (3,3) carries the first picture's camera axes into the second's; way (2,): how far
    the camera went along the two horizontal axes it was told in, in heights of the camera."""

    rotation: Float64
    way: Float64


@dataclass(frozen=True, kw_only=True, eq=False)
class WalkFit:
    """A walk; off (N,): how far from where it puts them the points are, over the reach, so that
    those below 1 fit; and which points lie on the ground (N,)."""

    walk: Walk
    off: Float64
    grounded: Bool

    @property
    def fits(self) -> Bool:
        """Which points (N,) moved as it says."""
        return self.off < 1.0

    @property
    def share(self) -> float:
        """The share 0..1 of the points that fit."""
        return float(self.fits.mean()) if len(self.off) else 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class WalkSight:
    """before (N,3) and after (N,3): rays with z 1 of the same points in both pictures.

    level (3,3): from the axes of a level camera (down is its y) into those of the first picture's;
    reach: how far off a point may be, in the plane z = 1.
    """

    before: Float64
    after: Float64
    level: Float64
    reach: float


def fit_walk(sight: WalkSight, expected: Walk) -> WalkFit:
    """The turn and way that the points say, near what is expected where they say little.

    Gauss and Newton's steps from what is expected, outliers weighed down more and more. Each point
    below the horizon counts as ground where that fits; of any other, its own depth is eliminated.
    """
    walk = expected
    for reaches in ROUNDS:
        reach = reaches * sight.reach
        view = _look(sight, walk, reach)
        weights_N = 1.0 / (1.0 + (view.miss / reach) ** 2) ** 2 / sight.reach**2
        slopes_NK = view.slopes.reshape(-1, 5)
        weighted_KN = (slopes_NK * np.repeat(weights_N, 2)[:, None]).T
        held_K, stiff_K = _held(walk, expected)
        normal_KK = weighted_KN @ slopes_NK + np.diag(stiff_K)
        step_K = -np.linalg.solve(normal_KK, weighted_KN @ view.off.ravel() + stiff_K * held_K)
        walk = Walk(rotation=small_turn(step_K[:3]) @ walk.rotation, way=walk.way + step_K[3:])
    view = _look(sight, walk, sight.reach)
    return WalkFit(walk=walk, off=view.miss / sight.reach, grounded=view.grounded)


def _held(walk: Walk, expected: Walk) -> tuple[Float64, Float64]:
    """How far (K,) a walk is from what is expected, and how stiffly it is held there."""
    turned_33 = walk.rotation @ expected.rotation.T
    turned_3 = 0.5 * (turned_33 - turned_33.T)[[2, 0, 1], [1, 2, 0]]  # sines of a small angle
    sigma_K = np.array([TURN_SIGMA_RAD] * 3 + [WAY_SIGMA] * 2)
    return np.concatenate([turned_3, walk.way - expected.way]), 1.0 / sigma_K**2


@dataclass(frozen=True, kw_only=True, eq=False)
class _View:
    """off (N,2): how far the points are from where a walk puts them, with slopes (N,2,K); miss (N,)
    its length; grounded (N,)."""

    off: Float64
    slopes: Float64
    miss: Float64
    grounded: Bool


def _look(sight: WalkSight, walk: Walk, reach: float) -> _View:
    down_3, across_32 = sight.level[:, 1], sight.level[:, [0, 2]]
    turned_N3 = sight.before @ walk.rotation.T
    gone_3 = walk.rotation @ (across_32 @ walk.way)
    ground_N = sight.before @ down_3
    off_ground_N2 = _off(turned_N3 - ground_N[:, None] * gone_3, sight.after)
    is_near = np.linalg.norm(off_ground_N2, axis=1) < reach
    grounded_N = (ground_N > LOW) & is_near
    own_N = _inverse_depths(turned_N3, gone_3, sight.after)
    least_N = np.maximum(ground_N, 0.0)
    inverse_N = np.where(grounded_N, ground_N, np.clip(own_N, least_N, NEAREST))
    is_free = ~grounded_N & (own_N > least_N) & (own_N < NEAREST)
    points_N3 = turned_N3 - inverse_N[:, None] * gone_3
    depth_N = np.maximum(points_N3[:, 2], 1e-3)
    flat_N2 = points_N3[:, :2] / depth_N[:, None]
    off_N2, slopes_N2K = flat_N2 - sight.after[:, :2], np.empty((len(flat_N2), 2, 5))
    slopes_N2K[..., :3] = turning_slopes(flat_N2)
    moved_N23 = _carried(flat_N2, walk.rotation @ across_32)
    slopes_N2K[..., 3:] = -(inverse_N / depth_N)[:, None, None] * moved_N23
    along_N2 = _carried(flat_N2, gone_3[:, None])[..., 0]
    along_N2 /= np.maximum(np.linalg.norm(along_N2, axis=1, keepdims=True), _TINY)
    along_N2 *= is_free[:, None]
    off_N2 -= along_N2 * (along_N2 * off_N2).sum(axis=1, keepdims=True)
    slopes_N2K -= along_N2[..., None] * np.einsum("ni,nik->nk", along_N2, slopes_N2K)[:, None]
    miss_N = np.linalg.norm(off_N2, axis=1)
    return _View(off=off_N2, slopes=slopes_N2K, miss=miss_N, grounded=grounded_N)


def _carried(flat_N2: Float64, steps_3S: Float64) -> Float64:
    """How points at z = 1 move (N,2,S) there when they are carried along steps (3,S)."""
    return steps_3S[:2] - flat_N2[..., None] * steps_3S[2]


def _off(points_N3: Float64, after_N3: Float64) -> Float64:
    return projected(points_N3) - after_N3[:, :2]


def _inverse_depths(turned_N3: Float64, gone_3: Float64, after_N3: Float64) -> Float64:
    """Where on their rays (N,) points are that went as they did, as one over the depth."""
    # With a, t, g for the three: (a x t) (a x g) over the square of a x g.
    after_by_gone_N, squares_N = after_N3 @ gone_3, (after_N3**2).sum(axis=1)
    common_N = squares_N * (turned_N3 @ gone_3)
    common_N -= after_by_gone_N * (after_N3 * turned_N3).sum(axis=1)
    return common_N / np.maximum(squares_N * (gone_3 @ gone_3) - after_by_gone_N**2, _TINY)
