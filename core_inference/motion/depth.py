"""The depth of a line of known length, by that length and by how people move.

Landmarks are sure sideways and unsure in depth. A bone of known length that looks short points
towards or away from the camera by as much as is missing; which of the two, the landmarks' own
depth says, of all frames together: a limb has mass and does not leap. Each link's depth is the
least-squares compromise between the landmarks' depth, its length and a bounded acceleration.

Legend: T frames.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from .smoothing import smooth_vectors

Float64 = NDArray[np.float64]

DEPTH_SIGMA_M = 0.09
"""How far off a landmark's depth is: measured 93 and 97 mm on the pose2sim footage."""

ACCELERATION_MS2 = {"pair": 4.5, "torso": 7.5, "arm": 15.0, "leg": 15.0, "foot": 27.0}
"""How the ends of a link may accelerate against each other where nothing else is known, m/s² along
one axis: three times what seven recorded motions do (root mean square 1.4, 2.5, 5, 5.5 and 9)."""

LIVELINESS = 2.0
"""A link that moves sideways accelerates up to so many times as much in depth."""

UNSEEN = 1e-3
"""What an unseen frame weighs against one that is seen for certain."""

ROUNDS = 16

_SIDEWAYS_HZ = 4.0
_LOCAL_HZ = 0.75


@dataclass(frozen=True, kw_only=True, eq=False)
class Link:
    """A line of known length between landmarks over a whole take.

    seen (T,3) m from its start to its end, x and z sideways, y depth; trust (T,) 0..1, above 0;
    time_s (T,) rising; acceleration: m/s² along one axis that it may have at any time.
    """

    seen: Float64
    trust: Float64
    time_s: Float64
    length_m: float
    length_sigma_m: float
    acceleration: float


def link_depth(link: Link) -> Float64:
    """Return the depth (T,) m of a link by Newton's method over all frames, linear in T."""
    aside_T = np.hypot(link.seen[:, 0], link.seen[:, 2])
    seen_T = link.seen[:, 1]
    bound_T = np.hypot(
        link.acceleration, LIVELINESS * sideways_acceleration(link.seen, link.trust, link.time_s)
    )
    bands_3T = _bands(link.time_s, bound_T)
    trust_T = link.trust / DEPTH_SIGMA_M**2
    sure_T = np.sqrt(link.trust) / link.length_sigma_m

    def solved(weight_T: Float64, wanted_T: Float64) -> Float64:
        bands = bands_3T.copy()
        bands[-1] += weight_T
        return np.asarray(solveh_banded(bands, wanted_T))

    depth_T = solved(trust_T, trust_T * seen_T)
    for _ in range(ROUNDS):
        current_T = np.maximum(np.hypot(aside_T, depth_T), 1e-6)
        slope_T = sure_T * depth_T / current_T
        miss_T = sure_T * (current_T - link.length_m)
        # Of a link that looks too long, the second derivative counts: else the step overshoots.
        bend_T = sure_T**2 * np.maximum(1.0 - link.length_m / current_T, 0.0)
        weight_T = slope_T**2 + bend_T * (aside_T / current_T) ** 2
        wanted_T = trust_T * seen_T + weight_T * depth_T - slope_T * miss_T
        depth_T = solved(trust_T + weight_T, wanted_T)
    return depth_T


def sideways_acceleration(seen_T3: Float64, trust_T: Float64, time_s_T: Float64) -> Float64:
    """Return how a link accelerates sideways around each frame (T,), m/s² along one axis."""
    count = len(time_s_T)
    if count < 3:
        return np.zeros(count)
    weights_T1 = trust_T[:, None]
    aside_T12 = seen_T3[:, None, [0, 2]]
    calm_T2 = smooth_vectors(aside_T12, time_s_T, weights_T1, np.array([_SIDEWAYS_HZ]))[:, 0]
    speed_T2 = np.gradient(calm_T2, time_s_T, axis=0)
    squares_T = np.square(np.gradient(speed_T2, time_s_T, axis=0)).mean(axis=1)
    squares_T11 = squares_T[:, None, None]
    local_T = smooth_vectors(squares_T11, time_s_T, weights_T1, np.array([_LOCAL_HZ]))[:, 0, 0]
    return np.sqrt(np.maximum(local_T, 0.0))


def second_differences(time_s_T: Float64) -> Float64:
    """What each of three neighbouring frames counts in a second derivative, (3,T-2) 1/s²."""
    before, after = np.diff(time_s_T)[:-1], np.diff(time_s_T)[1:]
    whole = before + after
    return np.stack((2 / (before * whole), -2 / (before * after), 2 / (after * whole)))


def _bands(time_s_T: Float64, bound_T: Float64) -> Float64:
    """Return the upper bands (3,T), diagonal last, of the squared second differences' matrix.

    Each second difference counts against what is allowed at its middle, m/s².
    """
    bands_3T = np.zeros((3, len(time_s_T)))
    if len(time_s_T) < 3:
        return bands_3T
    parts = second_differences(time_s_T) / bound_T[1:-1]
    for row in range(3):
        for column in range(row, 3):
            until = len(time_s_T) - 2 + column
            bands_3T[2 - (column - row), column:until] += parts[row] * parts[column]
    return bands_3T
