"""What networks of body and hands would say of a known motion, with errors put in on purpose.

They measure and test how parts are joined: the body's elbows and wrists are rolled wrongly about
the forearm, the hands' orientations are nearly right or, in some frames, not of a hand at all.

Legend: T frames, J joints (55), S sides (2: left, right), V vertices.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rigs.rotation import (
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    matrix_from_quaternion,
    normalized,
    rotation_about,
)
from ..rigs.skeleton import JOINT, joint_positions, world_rotations
from .body_model import SHAPE_COUNT, BodyModel
from .estimators.integration import BODY_JOINTS, PartPoses

Float64 = NDArray[np.float64]
IntArray = NDArray[np.integer[Any]]

AVERAGE = np.zeros(SHAPE_COUNT)

_ROLLED = [[JOINT[f"{side}_{name}"] for side in ("left", "right")] for name in ("elbow", "wrist")]
_ARMS = [joint for pair in _ROLLED for joint in pair] + list(range(25, 55))


@dataclass(frozen=True, kw_only=True)
class PartErrors:
    """How wrong the networks are.

    roll_deg: standard deviation of the roll of each elbow and each wrist. A body network that
    sees nothing of the roll and says the mean would be off by as much as people vary it, about
    45; hand_deg: standard deviation of a hand's orientation about each axis; lost_share: the
    share 0..1 of hands whose orientation is random, as of a box that shows no hand.
    """

    roll_deg: float = 45.0
    hand_deg: float = 5.0
    lost_share: float = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class SeenParts:
    """The networks' poses, and which hands (T,2) were random."""

    poses: PartPoses
    lost: NDArray[np.bool_]


def seen_parts(rotations_TJ33: Float64, errors: PartErrors, seed: int) -> SeenParts:
    """Say of a motion (T,55,3,3), parent-relative with the root in camera axes, what is seen."""
    rng = np.random.default_rng(seed)
    sides = (len(rotations_TJ33), 2)
    local_TJ33 = rotations_TJ33.copy()
    for joints in _ROLLED:
        roll_TS = np.radians(rng.normal(0.0, errors.roll_deg, sides))
        local_TJ33[:, joints] = local_TJ33[:, joints] @ rotation_about(np.eye(3)[0], roll_TS)
    near_TS3 = np.radians(rng.normal(0.0, errors.hand_deg, (*sides, 3)))
    hand_TS33 = world_rotations(rotations_TJ33)[:, _ROLLED[1]] @ matrix_from_axis_angle(near_TS3)
    lost_TS = rng.random(sides) < errors.lost_share
    random_TS33 = matrix_from_quaternion(normalized(rng.normal(size=(*sides, 4))))
    hand_TS33 = np.where(lost_TS[..., None, None], random_TS33, hand_TS33)
    axis_angle_TJ3 = axis_angle_from_matrix(local_TJ33)
    poses = PartPoses(
        global_orient=axis_angle_TJ3[:, 0],
        body_pose=axis_angle_TJ3[:, BODY_JOINTS],
        hand_orients=axis_angle_from_matrix(hand_TS33),
        hand_poses=np.zeros((*sides, 15, 3)),
        hands_found=np.ones(sides, dtype=np.bool_),
    )
    return SeenParts(poses=poses, lost=lost_TS)


def with_body_pose(rotations_TJ33: Float64, body_pose_TJ3: Float64) -> Float64:
    """The motion (T,55,3,3) with another pose (T,21,3) of the body; root and fingers stay."""
    posed = rotations_TJ33.copy()
    posed[:, BODY_JOINTS] = matrix_from_axis_angle(body_pose_TJ3)
    return posed


def posed_vertices(rotations_TJ33: Float64, body: BodyModel, vertices: IntArray) -> Float64:
    """Some of the open body's vertices (T,V,3) m, the pelvis at its place at rest."""
    world_TJ33 = world_rotations(rotations_TJ33)
    trans_T3 = np.zeros((len(world_TJ33), 3))
    joints_TJ3 = joint_positions(world_TJ33, body.rest_joints(AVERAGE), trans_T3)
    skinned = body.skin(world_TJ33, joints_TJ3, AVERAGE, vertices)
    return np.asarray(skinned, dtype=np.float64)


def arm_vertices(body: BodyModel, step: int) -> IntArray:
    """Every step-th vertex that forearms and hands move."""
    return np.flatnonzero(body.weights[:, _ARMS].sum(axis=1) > 0.5)[::step]
