"""Palms and fingers from the hand landmarks.

Legend: T frames, J finger joints (15, in SMPL-X order).
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import (
    angle_between,
    matrix_from_axis_angle,
    matrix_from_quaternion,
    normalized,
    power,
    quaternion_from_matrix,
    rotation_about,
    slerp,
)
from .filling import trust_from_score
from .limbs import swing_onto
from .palms import turned_onto_pixels
from .points import Points
from .smoothing import lasting
from .torso import points_kabsch

Float64 = NDArray[np.float64]

FINGERS: dict[str, tuple[str, str, str, str]] = {
    "index": (
        "index_finger_mcp",
        "index_finger_pip",
        "index_finger_dip",
        "index_finger_tip",
    ),
    "middle": (
        "middle_finger_mcp",
        "middle_finger_pip",
        "middle_finger_dip",
        "middle_finger_tip",
    ),
    "pinky": ("pinky_mcp", "pinky_pip", "pinky_dip", "pinky_tip"),
    "ring": ("ring_finger_mcp", "ring_finger_pip", "ring_finger_dip", "ring_finger_tip"),
    "thumb": ("thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip"),
}
"""The landmarks along each finger, in the order of the SMPL-X joints."""

PALM = ("wrist", "index_finger_mcp", "middle_finger_mcp", "ring_finger_mcp", "pinky_mcp")

COARSE_PALM = ("wrist", "index", "pinky")
"""The three points of a hand that the body's own landmarks have."""

RELAXED_CURL_RAD = np.radians([12.0, 18.0, 10.0])
"""Bend of the three joints of a finger nobody saw: a hand at rest, not a flat one."""

COARSE_SHARE = 0.45
"""How far a palm from the body's three points is believed, against one from the hand's own."""

AT_ODDS = np.radians((75.0, 105.0))
FINE_SCORE = (0.3, 0.7)
"""A hand seen front to back or upside down is a common error: where the palm of the hand's own
landmarks is turned so far from that of the body's, it is believed less, and not at all from the
second on. Nor is it below the first score; fully from the second."""

PALM_HZ = 3.0
"""One palm gives way to the other no faster than this."""

SPREAD_RAD = np.radians(22.0)
KNUCKLE_RAD = np.radians((-25.0, 95.0))
HINGE_MAX_RAD = np.radians((110.0, 85.0))
THUMB_MAX_RAD = np.radians((50.0, 60.0, 80.0))
"""What fingers can do: sideways and along at the knuckle, bending at the two hinges; the thumb."""


def solve_palm(points: Points, side: str) -> tuple[Float64, Float64]:
    """World rotation (T,3,3) and score (T,) of a palm: hand landmarks, else the body's three.

    Once the points have their rays, a hand that was found is turned until its pixels fit, too.
    """
    coarse_names = tuple(f"body_{side}_{name}" for name in COARSE_PALM)
    coarse, coarse_score = points_kabsch(points, coarse_names), points.score(*coarse_names)
    fine_names = tuple(f"{side}_hand_{name}" for name in PALM)
    fine, fine_score = points_kabsch(points, fine_names), points.score(*fine_names)
    agreeing = 1.0 - trust_from_score(angle_between(coarse, fine), *AT_ODDS)
    found_T = trust_from_score(fine_score, *FINE_SCORE)
    share_T = lasting(found_T * agreeing, points.time_s, PALM_HZ)
    palm = _between(coarse, fine, share_T)
    score_T = (1.0 - share_T) * COARSE_SHARE * coarse_score + share_T * fine_score
    if points.rays is None:
        return palm, score_T
    columns = points.columns(fine_names)
    seen = turned_onto_pixels(palm, points.rest[columns], points.rays[:, columns])
    return _between(palm, seen, lasting(found_T, points.time_s, PALM_HZ)), score_T


def _between(start: Float64, end: Float64, share_T: Float64) -> Float64:
    quaternion = slerp(quaternion_from_matrix(start), quaternion_from_matrix(end), share_T)
    return np.asarray(matrix_from_quaternion(quaternion), dtype=np.float64)


def solve_fingers(points: Points, side: str) -> tuple[Float64, Float64]:
    """Parent-relative rotations (T,15,3,3) and score (T,) of a hand's fingers, in its own palm.

    Knuckles bend and spread within limits; the joints beyond are hinges that only bend. The
    thumb's joints swing, within limits too.
    """
    palm = points_kabsch(points, tuple(f"{side}_hand_{name}" for name in PALM))
    locals_TJ33 = np.empty((len(palm), 15, 3, 3))
    for number, (finger, names) in enumerate(FINGERS.items()):
        bones_seen = _bones(points, [f"{side}_hand_{name}" for name in names])
        solve = _thumb if finger == "thumb" else _finger
        locals_TJ33[:, 3 * number : 3 * number + 3] = solve(bones_seen, palm)
    return locals_TJ33, points.score(f"{side}_hand_wrist")


_Bones = list[tuple[Float64, Float64]]


def _bones(points: Points, names: list[str]) -> _Bones:
    """Each bone's vector at rest (3,) and as seen (T,3)."""
    return [
        (points.rest_at(end) - points.rest_at(start), points.at(end) - points.at(start))
        for start, end in zip(names[:-1], names[1:], strict=True)
    ]


def _finger(bones: _Bones, palm: Float64) -> Float64:
    """Knuckle with two freedoms, then two hinges (T,3,3,3)."""
    rest, seen = bones[0]
    along = normalized(rest)
    bend_axis = normalized(np.cross(along, np.array([0.0, -1.0, 0.0])))
    down = np.cross(bend_axis, along)
    in_palm = np.einsum("tji,tj->ti", palm, normalized(seen))
    bend = np.clip(np.arctan2(in_palm @ down, in_palm @ along), *KNUCKLE_RAD)
    spread = np.arcsin(np.clip(in_palm @ bend_axis, -1.0, 1.0))
    spread = np.clip(spread, -SPREAD_RAD, SPREAD_RAD)
    knuckle = rotation_about(bend_axis, bend) @ rotation_about(-down, spread)
    hinges = [
        rotation_about(bend_axis, np.clip(_bend(bones, k), 0.0, HINGE_MAX_RAD[k])) for k in (0, 1)
    ]
    return np.stack([knuckle, *hinges], axis=1)


def _bend(bones: _Bones, first: int) -> Float64:
    """How much more (T,) two neighbouring bones are bent than at rest, radians."""
    rest = _angle(bones[first][0], bones[first + 1][0])
    return np.asarray(_angle(bones[first][1], bones[first + 1][1]) - rest)


def _angle(one: Float64, other: Float64) -> Float64:
    cosine = np.sum(normalized(one) * normalized(other), axis=-1)
    return np.arccos(np.clip(cosine, -1.0, 1.0))


def _thumb(bones: _Bones, palm: Float64) -> Float64:
    """Three limited swings (T,3,3,3)."""
    parent, rotations = palm, []
    for (rest, seen), limit in zip(bones, THUMB_MAX_RAD, strict=True):
        local = _limited(np.swapaxes(parent, -1, -2) @ swing_onto(parent, rest, seen), limit)
        rotations.append(local)
        parent = parent @ local
    return np.stack(rotations, axis=1)


def relaxed_fingers(side: str) -> Float64:
    """Parent-relative rotations (15,3,3) of a hand at rest: a light curl, the thumb straight."""
    axis = np.array([0.0, 0.0, -1.0 if side == "left" else 1.0])
    curl_J3 = np.zeros((15, 3))
    curl_J3[:12] = np.tile(RELAXED_CURL_RAD, 4)[:, None] * axis
    return np.asarray(matrix_from_axis_angle(curl_J3), dtype=np.float64)


def _limited(rotation_T33: Float64, limit_rad: float) -> Float64:
    """Shorten turns beyond the limit to it."""
    trace = np.trace(rotation_T33, axis1=-2, axis2=-1)
    angle = np.arccos(np.clip((trace - 1.0) / 2.0, -1.0, 1.0))
    fraction = np.minimum(1.0, limit_rad / np.maximum(angle, 1e-6))
    return np.asarray(power(rotation_T33, fraction[:, None]), dtype=np.float64)
