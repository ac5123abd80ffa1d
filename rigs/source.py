"""The source of a retargeted motion: SMPL-X joints that turn and go through the world.

Legend: T frames, J joints (55).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .binding import SIDES
from .rest_pose import UPRIGHT
from .rotation import conjugate, matrix_from_quaternion, multiply, quaternion_from_matrix
from .skeleton import JOINT, JOINT_COUNT, PARENTS

Float64 = NDArray[np.float64]

ANKLE_SHARE, BALL_SHARE = 0.090, 0.032
"""How high ankle and ball of the foot are above the sole, as shares of thigh and shin together
(the open body's mean shape)."""

HEEL_SHARE, TIP_SHARE = 0.068, 0.070
"""How far the heel's point is behind the ankle and the toe's before the ball, in shares of thigh
and shin together (the open body's mean shape)."""

BALL_AHEAD_SHARE = 0.171
"""How far the ball is before the ankle, for feet without toes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """turns (55,T,4) from the upright zero pose, world; pelvis (T,3) m; rest_joints
    (55,3) m, zero pose."""

    turns: Float64
    pelvis: Float64
    rest_joints: Float64

    @property
    def leg_m(self) -> float:
        """Thigh and shin together."""
        return leg_length({name: self.rest_joints[joint] for name, joint in JOINT.items()})

    def path(self, joint: int) -> Float64:
        """Where a joint is (T,3) m, world."""
        parent = PARENTS[joint]
        if parent < 0:
            return self.pelvis
        bone_3 = UPRIGHT @ (self.rest_joints[joint] - self.rest_joints[parent])
        return self.path(parent) + turned(self.turns[parent], bone_3)

    def hip_centre(self) -> Float64:
        """The middle (T,3) m between the hip joints, world."""
        return 0.5 * (self.path(JOINT["left_hip"]) + self.path(JOINT["right_hip"]))

    def soles(self, side: str) -> Float64:
        """Where heel and toe (T,2,3) m of a foot touch the ground, world."""
        heel_3 = self.leg_m * np.array([0.0, HEEL_SHARE, -ANKLE_SHARE])
        tip_3 = self.leg_m * np.array([0.0, -TIP_SHARE, -BALL_SHARE])
        carried = ((JOINT[f"{side}_ankle"], heel_3), (JOINT[f"{side}_foot"], tip_3))
        points = [
            self.path(joint) + turned(self.turns[joint], offset_3) for joint, offset_3 in carried
        ]
        return np.stack(points, axis=1)


def world_quaternions(rotations_TJ33: Float64) -> Float64:
    """World turns (55,T,4) from the upright zero pose, of parent-relative rotations (T,55,3,3)."""
    upright_4 = quaternion_from_matrix(UPRIGHT)
    world_JT4 = np.empty((JOINT_COUNT, len(rotations_TJ33), 4))
    for joint, parent in enumerate(PARENTS):
        local_T4 = quaternion_from_matrix(rotations_TJ33[:, joint].astype(np.float64))
        world_JT4[joint] = local_T4 if parent < 0 else multiply(world_JT4[parent], local_T4)
    return np.asarray(multiply(world_JT4, conjugate(upright_4)), dtype=np.float64)


def leg_length(joints: Mapping[str, Float64]) -> float:
    """Thigh and shin together, m, the mean of both legs, from where joints (3,) m are by name."""
    bones = [(f"{side}_{a}", f"{side}_{b}") for side in SIDES for a, b in _LEG]
    return 0.5 * sum(float(np.linalg.norm(joints[end] - joints[start])) for start, end in bones)


def turned(turn_T4: Float64, vector_3: Float64) -> Float64:
    """A vector (3,) turned by (T,4): (T,3)."""
    return np.asarray(matrix_from_quaternion(turn_T4) @ vector_3, dtype=np.float64)


_LEG = (("hip", "knee"), ("knee", "ankle"))
