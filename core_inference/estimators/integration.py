"""Body and hands of separate networks joined at the wrists: Algorithm 1 of Pose2Pose.

A body network sees how forearms and hands are rolled only poorly; a hand network sees it well but
says nothing of the arm. The hand's orientation replaces the wrist's, half of what this turns the
hand about the forearm goes into the elbow (a forearm's two bones twist along their length), and
the whole is refused where the wrist would bend as no wrist does.

Euler angles here are R = Rz Ry Rx: x comes first, about the joint's own x axis, and in the zero
pose that is the forearm's line. So x is the roll of forearm and hand, and changing it moves
neither elbow nor wrist. Of a wrist, y is the bend towards thumb or little finger and z the bend
towards palm or back of the hand. The paper names the axes and does not state the order; no order
in which x comes later leaves the forearm where it is.

Legend: T frames, S sides (2: left, right), K finger joints (15).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle, rotation_about
from ...rigs.skeleton import JOINT, JOINT_COUNT, world_rotations

FloatArray = NDArray[np.floating[Any]]
Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

BODY_JOINTS = slice(1, 22)
"""The 21 joints of the body that a body network turns, without the pelvis."""

_ELBOWS = [JOINT["left_elbow"], JOINT["right_elbow"]]
_WRISTS = [JOINT["left_wrist"], JOINT["right_wrist"]]
_FOREARM = np.array([1.0, 0.0, 0.0])


@dataclass(frozen=True, kw_only=True)
class IntegrationSettings:
    """How hands are joined to the body.

    anatomical_limits: refuse a hand that would bend the wrist by max_y_rad or max_z_rad or more
    (line 7 of Algorithm 1). roll_in_camera: compare the rolls of forearm and hand by the Euler
    angles of their global rotations, line 5 to the letter. These turn over where the forearm
    points at the camera, and turned true elbows by up to 88 degrees (benchmarks/integration.py);
    so by default both are taken in the elbow's own axes, wherever the camera stands.
    """

    anatomical_limits: bool = True
    max_y_rad: float = np.pi / 4
    max_z_rad: float = np.pi / 2
    roll_in_camera: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class PartPoses:
    """What the networks of body and hands say, or what came of joining them; axis-angle.

    global_orient (T,3), camera axes; body_pose (T,21,3) parent-relative; hand_orients (T,2,3) of
    the left and the right hand, camera axes; hand_poses (T,2,15,3) parent-relative and relative
    to the hand's mean pose; hands_found (T,2).
    """

    global_orient: FloatArray
    body_pose: FloatArray
    hand_orients: FloatArray
    hand_poses: FloatArray
    hands_found: Bools

    def __post_init__(self) -> None:
        count = len(self.global_orient)
        for name, shape in (
            ("global_orient", (count, 3)),
            ("body_pose", (count, 21, 3)),
            ("hand_orients", (count, 2, 3)),
            ("hand_poses", (count, 2, 15, 3)),
            ("hands_found", (count, 2)),
        ):
            actual = getattr(self, name).shape
            if actual != shape:
                raise ValueError(f"{name}: expected {shape}, got {actual}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Integrated:
    """The joined body_pose (T,21,3) and hand_poses (T,2,15,3), and whose orientation was taken
    over, accepted (T,2)."""

    body_pose: Float64
    hand_poses: Float64
    accepted: Bools


def hands_found(hand_boxes_TS4: FloatArray, wrists_TS2: FloatArray) -> Bools:
    """Whether a hand's box (T,2,4), x1 y1 x2 y2, is near the wrist (T,2,2), both in the same px.

    Near is nearer from the box's centre than its longer side. Returns (T,2).
    Source: Pose2Pose, supplement, section 8 ("the box scale").
    """
    first_TS2, last_TS2 = hand_boxes_TS4[..., :2], hand_boxes_TS4[..., 2:]
    away_TS = np.linalg.norm((first_TS2 + last_TS2) / 2 - wrists_TS2, axis=-1)
    return np.asarray(away_TS < (last_TS2 - first_TS2).max(axis=-1), dtype=np.bool_)


def integrate(parts: PartPoses, settings: IntegrationSettings) -> Integrated:
    """Join the hands that were found to the body; the others get the mean pose, that is zeros.

    Where a hand is refused, elbow and wrist stay the body network's; its fingers are kept.
    Source: Pose2Pose, Algorithm 1 (supplement, section 8) and section 4.5; the dissertation's
    section 4.4.5 is the same.
    """
    axis_angle_TJ3 = np.zeros((len(parts.global_orient), JOINT_COUNT, 3))
    axis_angle_TJ3[:, 0] = parts.global_orient
    axis_angle_TJ3[:, BODY_JOINTS] = parts.body_pose
    local_TJ33 = matrix_from_axis_angle(axis_angle_TJ3)
    world_TJ33 = world_rotations(local_TJ33)
    hand_TS33 = matrix_from_axis_angle(parts.hand_orients.astype(np.float64))
    old_TS33 = world_TJ33[:, _ELBOWS]
    turn_TS33 = rotation_about(_FOREARM, _roll_between(old_TS33, hand_TS33, settings) / 2)
    wrist_TS33 = np.swapaxes(old_TS33 @ turn_TS33, -1, -2) @ hand_TS33
    accepted_TS = parts.hands_found & _possible(wrist_TS33, settings)
    taken = accepted_TS[..., None]
    body_pose_TJ3 = axis_angle_TJ3.copy()
    for joints, new_TS33 in (
        (_ELBOWS, local_TJ33[:, _ELBOWS] @ turn_TS33),
        (_WRISTS, wrist_TS33),
    ):
        new_TS3 = axis_angle_from_matrix(new_TS33)
        body_pose_TJ3[:, joints] = np.where(taken, new_TS3, axis_angle_TJ3[:, joints])
    return Integrated(
        body_pose=body_pose_TJ3[:, BODY_JOINTS],
        hand_poses=np.where(parts.hands_found[..., None, None], parts.hand_poses, 0.0),
        accepted=accepted_TS,
    )


def _roll_between(elbow: Float64, hand: Float64, settings: IntegrationSettings) -> Float64:
    """How much further (...) the hand is rolled than the elbow, -pi..pi.

    Half of it on top of the elbow's roll is the circular mean of the two, line 5's average.
    """
    if settings.roll_in_camera:
        further = euler_angles(hand)[..., 0] - euler_angles(elbow)[..., 0]
        return np.asarray(np.arctan2(np.sin(further), np.cos(further)), dtype=np.float64)
    return euler_angles(np.swapaxes(elbow, -1, -2) @ hand)[..., 0]


def _possible(wrist: Float64, settings: IntegrationSettings) -> Bools:
    """Where a wrist (...,3,3), parent-relative, bends as wrists do (line 7)."""
    if not settings.anatomical_limits:
        return np.ones(wrist.shape[:-2], dtype=np.bool_)
    angles = np.abs(euler_angles(wrist))
    return (angles[..., 1] < settings.max_y_rad) & (angles[..., 2] < settings.max_z_rad)


def euler_angles(matrix: FloatArray) -> Float64:
    """The x, y and z (...,3) in radians with R = Rz Ry Rx, from matrices (...,3,3).

    y lies within -pi/2..pi/2; where it is one of these, x and z have only their sum or
    difference, and come out as one of many.
    """
    x = np.arctan2(matrix[..., 2, 1], matrix[..., 2, 2])
    y = np.arcsin(np.clip(-matrix[..., 2, 0], -1.0, 1.0))
    z = np.arctan2(matrix[..., 1, 0], matrix[..., 0, 0])
    return np.stack([x, y, z], axis=-1).astype(np.float64)
