"""Palms and fingers from the hand landmarks.

Legend: T frames, J finger joints (15, in SMPL-X order).
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import matrix_from_axis_angle, power
from .limbs import swing_onto
from .points import Points
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

MAX_BEND_RAD = np.radians(110.0)


def solve_palm(points: Points, side: str) -> tuple[Float64, Float64]:
    """World rotation (T,3,3) and score (T,) of a palm: hand landmarks, else the body's three."""
    coarse_names = tuple(f"body_{side}_{name}" for name in COARSE_PALM)
    coarse, coarse_score = points_kabsch(points, coarse_names), points.score(*coarse_names)
    fine_names = tuple(f"{side}_hand_{name}" for name in PALM)
    fine, fine_score = points_kabsch(points, fine_names), points.score(*fine_names)
    found = fine_score > 0.2
    rotation = np.where(found[:, None, None], fine, coarse)
    return rotation, np.where(found, fine_score, 0.5 * coarse_score)


def solve_fingers(points: Points, side: str, palm: Float64) -> tuple[Float64, Float64]:
    """Parent-relative rotations (T,15,3,3) and score (T,) of a hand's fingers.

    Every bone swings from where its parent carries it to where its landmarks point, at most
    `MAX_BEND_RAD`.
    """
    locals_TJ33 = np.empty((len(palm), 15, 3, 3))
    for finger_number, names in enumerate(FINGERS.values()):
        parent = palm
        full_names = [f"{side}_hand_{name}" for name in names]
        for bone in range(3):
            start, end = full_names[bone], full_names[bone + 1]
            swung = swing_onto(
                parent,
                points.rest_at(end) - points.rest_at(start),
                points.at(end) - points.at(start),
            )
            local = _limited(np.swapaxes(parent, -1, -2) @ swung)
            locals_TJ33[:, 3 * finger_number + bone] = local
            parent = parent @ local
    return locals_TJ33, points.score(f"{side}_hand_wrist")


def relaxed_fingers(side: str) -> Float64:
    """Parent-relative rotations (15,3,3) of a hand at rest: a light curl, the thumb straight."""
    axis = np.array([0.0, 0.0, -1.0 if side == "left" else 1.0])
    curl_J3 = np.zeros((15, 3))
    curl_J3[:12] = np.tile(RELAXED_CURL_RAD, 4)[:, None] * axis
    return np.asarray(matrix_from_axis_angle(curl_J3), dtype=np.float64)


def _limited(rotation_T33: Float64) -> Float64:
    """Shorten turns beyond `MAX_BEND_RAD` to it."""
    trace = np.trace(rotation_T33, axis1=-2, axis2=-1)
    angle = np.arccos(np.clip((trace - 1.0) / 2.0, -1.0, 1.0))
    fraction = np.minimum(1.0, MAX_BEND_RAD / np.maximum(angle, 1e-6))
    return np.asarray(power(rotation_T33, fraction[:, None]), dtype=np.float64)
