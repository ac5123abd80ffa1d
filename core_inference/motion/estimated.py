"""A take that holds rotations already, as the research networks give it, made into a clip.

Legend: T rows of the raw take, U rows of the clip, J joints (55), V vertices.
"""

import numpy as np

from ...rigs.rotation import quaternion_from_axis_angle
from ...rigs.skeleton import JOINT_COUNT
from ..body_model import SHAPE_COUNT
from ..clip import Clip, EstimatedPose, RawTake, replaced
from .placing import camera_of
from .posing import pose_arrays

_FRAMES_AT_ONCE = 64


def clip_from_estimate(raw: RawTake, pose: EstimatedPose) -> Clip:
    """The take's rotations as they are, one row per seen frame, joints by forward kinematics.

    World axes are those of a level camera standing at the origin. The mesh comes later, by
    `with_mesh`, when the person stands where they belong.
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


def with_mesh(clip: Clip, raw: RawTake, pose: EstimatedPose) -> Clip:
    """The clip with the estimator's mesh (U,V,3) m, world, carried along with the pelvis.

    The mesh keeps its own shape in every seen row; a filled row's is between its neighbours'. It
    turns with the clip's camera. A take without a mesh leaves the clip as it is.
    """
    if pose.vertices is None:
        return clip
    own_33, turned_33 = (c.rotation.reshape(-1, 3, 3)[0] for c in (camera_of(raw), clip.camera))
    own_from_world_33 = own_33.T @ turned_33
    own_T3 = pose.trans + pose.rest_joints[0]
    row_U = np.interp(clip.frame_index, raw.frame_index, np.arange(len(raw.frame_index)))
    before_U = row_U.astype(np.int64)
    after_U = np.minimum(before_U + 1, len(own_T3) - 1)
    share_U = (row_U - before_U).astype(np.float32)[:, None, None]
    vertices_UV3 = np.empty((len(row_U), *pose.vertices.shape[1:]), dtype=np.float32)
    for first in range(0, len(row_U), _FRAMES_AT_ONCE):
        part = slice(first, first + _FRAMES_AT_ONCE)
        before, after, share = before_U[part], after_U[part], share_U[part]
        start = pose.vertices[before] - own_T3[before, None]
        end = pose.vertices[after] - own_T3[after, None]
        between = (1.0 - share) * start + share * end
        vertices_UV3[part] = between @ own_from_world_33 + clip.joints[part, :1]
    return replaced(clip, vertices=vertices_UV3)
