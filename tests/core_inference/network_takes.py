"""Takes of a research network, made from motions whose truth is known.

Legend: T frames, J joints (55).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import SHAPE_COUNT, BodyModel
from pose2rig.core_inference.clip import EstimatedPose, RawTake
from pose2rig.core_inference.synthetic import KnownMotion, camera_position, exact_take
from pose2rig.rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from pose2rig.rigs.skeleton import JOINT_COUNT, joint_positions, world_rotations

from ..licensed_models import smplx_like_joints

Float64 = NDArray[np.float64]

EVERY = 40
"""The mesh is every such vertex of the open body."""


def estimated_take(
    body: BodyModel, motion: KnownMotion, time_s: Float64, body_model: str
) -> RawTake:
    """The motion on SMPL-X-like joints or the open body's, as a network without error gives it.

    Its mesh is a part of the open body's about those joints.
    """
    rest = smplx_like_joints() if body_model == "smplx" else body.rest_joints(np.zeros(SHAPE_COUNT))
    pelvis = motion.joints[:, 0] - camera_position(motion.joints)
    world = world_rotations(motion.rotations)
    joints = joint_positions(world, rest, pelvis - rest[0])
    picked = np.arange(0, len(body.v_template), EVERY)
    count = len(time_s)
    pose = EstimatedPose(
        poses=axis_angle_from_matrix(motion.rotations).reshape(count, 165).astype(np.float32),
        trans=(pelvis - rest[0]).astype(np.float32),
        rest_joints=rest.astype(np.float32),
        betas=np.full(10, 0.0 if body_model == "open" else 0.3, np.float32),
        frame_betas=np.full((count, 10), 0.3, np.float32),
        expression=np.linspace(0, 1, count, dtype=np.float32)[:, None].repeat(10, axis=1),
        body_model=body_model,
        vertices=body.skin(world, joints, np.zeros(SHAPE_COUNT), picked).astype(np.float32),
    )
    return replace(exact_take(motion, body, time_s), pose=pose)


def pose_of(raw: RawTake) -> EstimatedPose:
    """What the network said."""
    assert raw.pose is not None
    return raw.pose


def some_rows(raw: RawTake, keep: NDArray[np.int64]) -> RawTake:
    """The take of somebody who was seen in some of its rows alone."""
    names = ("boxes", "joints2d", "scores", "landmarks2d", "landmarks3d", "landmark_scores")
    own = ("poses", "trans", "frame_betas", "expression", "vertices")
    rows = {name: getattr(raw, name)[keep] for name in (*names, "frame_index", "time_s")}
    pose = replace(pose_of(raw), **{name: getattr(raw.pose, name)[keep] for name in own})
    return replace(raw, **rows, pose=pose)


def turned_by(raw: RawTake, turns_TJ3: Float64) -> RawTake:
    """The take with other rotations: each joint (T,55,3) turned more, axis-angle; no mesh."""
    poses_TJ3 = pose_of(raw).poses.astype(np.float64).reshape(-1, JOINT_COUNT, 3)
    other = matrix_from_axis_angle(poses_TJ3) @ matrix_from_axis_angle(turns_TJ3)
    poses = axis_angle_from_matrix(other).reshape(len(other), -1).astype(np.float32)
    return replace(raw, pose=replace(pose_of(raw), poses=poses, vertices=None))
