"""A take that holds rotations already, as the research networks give it, made into a clip.

Legend: T rows of the raw take, J joints (55).
"""

import numpy as np

from ...rigs.rotation import quaternion_from_axis_angle
from ...rigs.skeleton import JOINT_COUNT
from ..body_model import SHAPE_COUNT
from ..clip import Clip, EstimatedPose, RawTake
from .placing import camera_of
from .posing import pose_arrays


def clip_from_estimate(raw: RawTake, pose: EstimatedPose) -> Clip:
    """The take's rotations as they are, one row per seen frame, joints by forward kinematics.

    World axes are those of a level camera standing at the origin. The mesh comes later, by
    `mesh.with_mesh`, when the person stands where they belong.
    """
    count = len(raw.frame_index)
    camera = camera_of(raw)
    axis_angle_TJ3 = pose.poses.astype(np.float64).reshape(count, JOINT_COUNT, 3)
    trans_T3 = pose.trans.astype(np.float64)
    return Clip(
        **pose_arrays(
            quaternion_from_axis_angle(axis_angle_TJ3), trans_T3, pose.rest_joints, camera
        ),
        betas=pose.betas,
        open_betas=np.zeros(SHAPE_COUNT, dtype=np.float32),
        rest_joints=pose.rest_joints,
        expression=pose.expression,
        scores=raw.scores,
        tracked=np.ones(count, dtype=bool),
        contacts=np.zeros((count, 4), dtype=np.float32),
        time_s=raw.time_s,
        frame_index=raw.frame_index,
        frame_rate=raw.frame_rate,
        camera=camera,
        body_model=pose.body_model,
        provenance=raw.provenance,
    )
