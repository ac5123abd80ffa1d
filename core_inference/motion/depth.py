"""Depth mended by the body's own lengths.

Landmarks are sure sideways and unsure in depth. A bone of known length that looks short points
towards or away from the camera by as much as is missing; which of the two, the landmarks' own
depth says. Each link's depth is the least-squares compromise between that depth and its length.

Legend: T frames.
"""

import numpy as np
from numpy.typing import NDArray

from .points import Points

Float64 = NDArray[np.float64]

DEPTH_SIGMA_M = 0.09
"""How far off a landmark's depth is: measured 93 and 97 mm on the pose2sim footage."""

LENGTH_SIGMA_M = 0.02
"""How far off a bone's length is, from the shape's error and the pixels' noise."""

LOOSE_SIGMA_M = 0.08
"""The same for lines that are no bones: collars move the shoulders, the spine bends."""

ROUNDS = 4

_HIPS = ("body_left_hip", "body_right_hip")
_SHOULDERS = ("body_left_shoulder", "body_right_shoulder")


def mend_depth(points: Points) -> Points:
    """Correct the depth (world y) of torso and limbs, from the hips outwards."""
    mended = points.positions.copy()
    _mend_pair(points, mended, _HIPS, LENGTH_SIGMA_M)
    torso = _mend_link(points, mended, _HIPS, _SHOULDERS, LOOSE_SIGMA_M)
    for name in _SHOULDERS:
        mended[:, points.index[name], 1] += torso
    _mend_pair(points, mended, _SHOULDERS, LOOSE_SIGMA_M)
    for side in ("left", "right"):
        _mend_chain(points, mended, side, ("shoulder", "elbow", "wrist"), _HAND)
        _mend_chain(points, mended, side, ("hip", "knee", "ankle"), _FOOT)
        _mend_chain(points, mended, side, ("ankle", "heel"), ("foot_index",))
        _mend_chain(points, mended, side, ("heel", "foot_index"), ())
    return points.moved(mended)


_HAND = ("pinky", "index", "thumb")
_FOOT = ("heel", "foot_index")
"""Landmarks that go where the end of their chain goes."""


def _mend_chain(
    points: Points, mended: Float64, side: str, links: tuple[str, ...], ends: tuple[str, ...]
) -> None:
    """Carry each link's correction to everything beyond it."""
    names = [f"body_{side}_{name}" for name in (*links, *ends)]
    for k in range(1, len(links)):
        correction = _mend_link(points, mended, (names[k - 1],), (names[k],), LENGTH_SIGMA_M)
        mended[:, points.columns(tuple(names[k:])), 1] += correction[:, None]


def _mend_link(
    points: Points,
    mended: Float64,
    start: tuple[str, ...],
    end: tuple[str, ...],
    sigma_m: float,
) -> Float64:
    """How far (T,) the end must move in depth to suit the length from the start."""
    link = mended[:, points.columns(end)].mean(axis=1)
    link = link - mended[:, points.columns(start)].mean(axis=1)
    length = float(np.linalg.norm(points.rest_at(*end) - points.rest_at(*start)))
    return _depth(link, length, sigma_m) - link[:, 1]


def _mend_pair(points: Points, mended: Float64, pair: tuple[str, str], sigma_m: float) -> None:
    """Mend the line between two landmarks of equal standing: each takes half."""
    columns = points.columns(pair)
    link = mended[:, columns[0]] - mended[:, columns[1]]
    length = float(np.linalg.norm(points.rest_at(pair[0]) - points.rest_at(pair[1])))
    half = (_depth(link, length, sigma_m) - link[:, 1]) / 2
    mended[:, columns[0], 1] += half
    mended[:, columns[1], 1] -= half


def _depth(link_T3: Float64, length_m: float, sigma_m: float) -> Float64:
    """The depth (T,) of a link by Gauss-Newton from its own depth, one unknown a frame."""
    aside = np.hypot(link_T3[:, 0], link_T3[:, 2])
    seen = link_T3[:, 1]
    depth = seen.copy()
    for _ in range(ROUNDS):
        current = np.maximum(np.hypot(aside, depth), 1e-6)
        slope = depth / current / sigma_m
        miss = (current - length_m) / sigma_m
        gradient = slope * miss + (depth - seen) / DEPTH_SIGMA_M**2
        depth = depth - gradient / (slope**2 + 1.0 / DEPTH_SIGMA_M**2)
    return depth
