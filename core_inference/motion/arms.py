"""An arm that reaches: shoulder and elbow turned so that the wrist comes where it shall.

Legend: T frames, J joints (55).
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import normalized, quaternion_from_matrix
from ...rigs.skeleton import JOINT
from .legs import Leg, reach_ankle

Float64 = NDArray[np.float64]

REACHING = ("shoulder", "elbow", "wrist")
"""The joints of an arm that turn."""

STRAIGHT_M = 1e-4
"""An arm that is bent by less shows no plane: its elbow is behind it then."""


def reaching_arm(world_TJ33: Float64, joints_TJ3: Float64, shift_T3: Float64, side: str) -> Float64:
    """Parent-relative turns (T,3,4) of `REACHING` that move a wrist by (T,3) m, world, or nearest.

    The elbow stays in the plane that it bends in, the hand turned as it was in the world.
    """
    collar, shoulder, elbow, wrist = (JOINT[f"{side}_{name}"] for name in ("collar", *REACHING))
    root_T3, middle_T3, end_T3 = (joints_TJ3[:, joint] for joint in (shoulder, elbow, wrist))
    line_T3 = normalized(end_T3 - root_T3)
    bend_T3 = middle_T3 - root_T3
    bend_T3 = bend_T3 - (bend_T3 * line_T3).sum(axis=-1, keepdims=True) * line_T3
    behind_T3 = normalized(bend_T3 - STRAIGHT_M * world_TJ33[:, shoulder, :, 2])
    # Two bones are two bones: an elbow is behind the arm as a knee is before the leg.
    arm = Leg(hip=root_T3, knee=middle_T3, ankle=end_T3, front=behind_T3)
    upper_T33, lower_T33 = reach_ankle(arm, arm.ankle + shift_T3)
    own_3T33 = np.stack(
        [
            upper_T33 @ world_TJ33[:, shoulder],
            lower_T33 @ world_TJ33[:, elbow],
            world_TJ33[:, wrist],
        ]
    )
    above_3T33 = np.concatenate([world_TJ33[None, :, collar], own_3T33[:-1]])
    relative_3T33 = np.swapaxes(above_3T33, -1, -2) @ own_3T33
    return np.asarray(quaternion_from_matrix(relative_3T33.swapaxes(0, 1)), dtype=np.float64)
