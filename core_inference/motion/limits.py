"""What a joint can do: turns beyond it are doubted, and doubt leans on neighbours in time.

Legend: T frames, J joints (55).
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import axis_angle_from_matrix
from ...rigs.skeleton import JOINT, JOINT_COUNT
from .filling import trust_from_score

Float64 = NDArray[np.float64]

MAX_TURN_DEG: dict[str, float] = {
    "spine1": 40.0,
    "spine2": 40.0,
    "spine3": 40.0,
    "neck": 50.0,
    "head": 50.0,
    "left_collar": 55.0,
    "right_collar": 55.0,
    "left_hip": 150.0,
    "right_hip": 150.0,
    "left_knee": 160.0,
    "right_knee": 160.0,
    "left_ankle": 65.0,
    "right_ankle": 65.0,
    "left_wrist": 95.0,
    "right_wrist": 95.0,
}
"""Degrees away from the T-pose, in the parent's frame, that a person's joint can turn."""

BEYOND = 1.25
"""From this multiple of its limit on, a turn is not believed at all."""


def plausibility(local_TJ33: Float64) -> Float64:
    """1 where a joint's turn (T,55,3,3) is within its limit, falling to 0 beyond it (T,55)."""
    limits_J = np.full(JOINT_COUNT, 360.0)
    for name, degrees in MAX_TURN_DEG.items():
        limits_J[JOINT[name]] = degrees
    turn_TJ = np.degrees(np.linalg.norm(axis_angle_from_matrix(local_TJ33), axis=-1))
    return 1.0 - np.asarray(trust_from_score(turn_TJ / limits_J, 1.0, BEYOND), dtype=np.float64)
