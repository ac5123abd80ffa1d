"""A palm turned so that its knuckles come onto their pixels.

The pixels of a hand's landmarks are good to a centimetre, also where its 3D points show it front
to back. With the shape of the palm known they say how it is turned, but for the sign of its tilt,
which is left to where it was before.

Legend: T frames, N landmarks of a palm.
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import matrix_from_axis_angle, swing_between

Float64 = NDArray[np.float64]

SIDEWAYS_M = 0.01
DEPTH_M = 0.03
"""How far off pixels are, at the hand, and the depths of the palm as it was turned before."""

STEPS = 3

_FORWARD = np.array([0.0, 1.0, 0.0])
_SMALLEST = 1e-9


def turned_onto_pixels(palm_T33: Float64, rest_N3: Float64, rays_TN2: Float64) -> Float64:
    """The world rotation (T,3,3), near to the one given, that shows a palm as it is seen.

    rest_N3: its landmarks at rest, m; rays_TN2: their pixels from the principal point over the
    focal length, of a level camera. How far away the hand is follows from its size, by weighted
    least squares (Gauss-Newton) together with the turn.
    """
    lines_TN3 = np.stack(
        [rays_TN2[..., 0], np.ones(rays_TN2.shape[:2]), -rays_TN2[..., 1]], axis=-1
    )
    straight_T33 = swing_between(lines_TN3.mean(axis=1), _FORWARD)
    lines_TN3 = lines_TN3 @ np.swapaxes(straight_T33, 1, 2)
    seen_TN2 = lines_TN3[..., ::2] / lines_TN3[..., 1:2]
    size_T11 = np.square(_centred(seen_TN2)).sum(axis=(1, 2), keepdims=True)
    turn_T33 = straight_T33 @ palm_T33
    centred_N3 = rest_N3 - rest_N3.mean(axis=0)
    before_TN = (centred_N3 @ np.swapaxes(turn_T33, 1, 2))[..., 1]
    for _ in range(STEPS):
        now_TN3 = centred_N3 @ np.swapaxes(turn_T33, 1, 2)
        aside_TN2, depth_TN1 = now_TN3[..., ::2], now_TN3[..., 1:2]
        level_TN2 = aside_TN2 - _centred(seen_TN2 * depth_TN1)
        shown_T11 = (level_TN2 * seen_TN2).sum(axis=(1, 2), keepdims=True)
        away_T11 = np.maximum(shown_T11, 0.0) / np.maximum(size_T11, _SMALLEST)
        missed_TN3 = now_TN3 - before_TN[..., None]
        missed_TN3[..., ::2] = aside_TN2 - _centred(seen_TN2 * (away_T11 + depth_TN1))
        turn_T33 = _stepped(turn_T33, now_TN3, missed_TN3)
    return np.asarray(np.swapaxes(straight_T33, 1, 2) @ turn_T33, dtype=np.float64)


def _centred(places_TN2: Float64) -> Float64:
    return places_TN2 - places_TN2.mean(axis=1, keepdims=True)


def _stepped(turn_T33: Float64, now_TN3: Float64, missed_TN3: Float64) -> Float64:
    """One step towards what is missed (T,N,3) m by points (T,N,3) m that turn about the origin."""
    weights_3 = 1.0 / np.array([SIDEWAYS_M, DEPTH_M, SIDEWAYS_M])
    slopes_T3N3 = np.cross(np.eye(3)[:, None], now_TN3[:, None]) * weights_3
    rows_T3Q = slopes_T3N3.reshape(len(now_TN3), 3, -1)
    square_T33 = rows_T3Q @ np.swapaxes(rows_T3Q, 1, 2) + np.eye(3)
    asked_T31 = rows_T3Q @ (missed_TN3 * weights_3).reshape(len(now_TN3), -1, 1)
    return matrix_from_axis_angle(-np.linalg.solve(square_T33, asked_T31)[..., 0]) @ turn_T33
