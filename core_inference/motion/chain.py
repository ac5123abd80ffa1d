"""The body as a chain of joints: where its points are, and how they move with every joint.

Small turns are right perturbations: a joint's rotation R becomes R exp(d), d (3,) radians in the
joint's own axes.

Legend: T frames, J joints (55), M moving joints, N points, P parameters of a frame (3 + 3 M).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import matrix_from_axis_angle
from ...rigs.skeleton import JOINT, JOINT_COUNT, PARENTS, joint_positions, world_rotations

Float64 = NDArray[np.float64]

MOVING = tuple(
    JOINT[name]
    for name in (
        *("pelvis", "spine1", "spine2", "spine3", "neck", "head"),
        *("left_hip", "left_knee", "left_ankle", "right_hip", "right_knee", "right_ankle"),
        *("left_collar", "left_shoulder", "left_elbow"),
        *("right_collar", "right_shoulder", "right_elbow"),
    )
)
"""The joints whose rotations a clip is solved for; hands, toes and face ride along."""

PARAMETERS = 3 + 3 * len(MOVING)
"""Of a frame: where the pelvis is, then the turns of the moving joints."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Chain:
    """Points on a body of fixed lengths.

    rest_joints (55,3) m; carrier (N,) the joint that carries each point and offset (N,3) m the
    point's place from it in the zero pose.
    """

    rest_joints: Float64
    carrier: NDArray[np.int64]
    offset: Float64

    def placed(self, pose: "ChainPose") -> "PlacedChain":
        """Where joints and points are in a pose."""
        world_TJ33 = np.asarray(world_rotations(pose.rotations), dtype=np.float64)
        trans_T3 = pose.pelvis - self.rest_joints[0]
        joints_TJ3 = np.asarray(joint_positions(world_TJ33, self.rest_joints, trans_T3))
        reach_TN3 = (world_TJ33[:, self.carrier] @ self.offset[..., None])[..., 0]
        return PlacedChain(
            world=world_TJ33, joints=joints_TJ3, points=joints_TJ3[:, self.carrier] + reach_TN3
        )

    def slopes(self, placed: "PlacedChain") -> Float64:
        """How points move with the parameters: (T,N,3,P) m per m or radian, world."""
        count, points = placed.points.shape[:2]
        moving = list(MOVING)
        lever_TMN3 = placed.points[:, None] - placed.joints[:, moving, None]
        lever_TMN3 *= self._carried()[:, :, None]
        slopes_TN3P = np.zeros((count, points, 3, PARAMETERS))
        slopes_TN3P[..., :3] = np.eye(3)
        axes_TMc3 = np.swapaxes(placed.world[:, moving], -1, -2)
        turned_TMcN3 = np.cross(axes_TMc3[:, :, :, None], lever_TMN3[:, :, None])
        rows = turned_TMcN3.transpose(0, 3, 4, 1, 2).reshape(count, points, 3, -1)
        slopes_TN3P[..., 3:] = rows
        return slopes_TN3P

    def _carried(self) -> Float64:
        """1 where a moving joint carries a point (M,N), else 0."""
        carried_JN = np.zeros((JOINT_COUNT, len(self.carrier)))
        for number, joint in enumerate(self.carrier.tolist()):
            while joint >= 0:
                carried_JN[joint, number] = 1.0
                joint = PARENTS[joint]
        return carried_JN[list(MOVING)]


@dataclass(frozen=True, kw_only=True, eq=False)
class ChainPose:
    """rotations (T,55,3,3) parent-relative and pelvis (T,3) m, world."""

    rotations: Float64
    pelvis: Float64

    def part(self, frames: slice) -> "ChainPose":
        """The pose of some frames."""
        return ChainPose(rotations=self.rotations[frames], pelvis=self.pelvis[frames])

    def moved(self, step_TP: Float64) -> "ChainPose":
        """The pose after a step of the parameters (T,P)."""
        rotations_TJ33 = self.rotations.copy()
        turns_TM3 = step_TP[:, 3:].reshape(len(step_TP), -1, 3)
        moving = list(MOVING)
        rotations_TJ33[:, moving] = rotations_TJ33[:, moving] @ matrix_from_axis_angle(turns_TM3)
        return ChainPose(rotations=rotations_TJ33, pelvis=self.pelvis + step_TP[:, :3])


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacedChain:
    """world (T,55,3,3) rotations, joints (T,55,3) m and points (T,N,3) m, all in the world."""

    world: Float64
    joints: Float64
    points: Float64
