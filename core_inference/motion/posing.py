"""Rotations and a root position made into a clip's arrays, and back.

Legend: T frames, J joints (55).
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import (
    FloatArray,
    axis_angle_from_quaternion,
    matrix_from_quaternion,
    quaternion_from_axis_angle,
)
from ...rigs.skeleton import JOINT_COUNT, joint_positions, world_rotations
from ..clip import Camera, Clip, replaced

Float64 = NDArray[np.float64]


def quaternions(clip: Clip) -> Float64:
    """The clip's parent-relative rotations as unit quaternions (T,55,4), wxyz."""
    axis_angle = clip.poses.reshape(-1, JOINT_COUNT, 3).astype(np.float64)
    return np.asarray(quaternion_from_axis_angle(axis_angle), dtype=np.float64)


def world_matrices(clip: Clip) -> Float64:
    """The clip's world rotations (T,55,3,3)."""
    locals_TJ33 = matrix_from_quaternion(quaternions(clip))
    return np.asarray(world_rotations(locals_TJ33), dtype=np.float64)


def pose_arrays(
    quaternion_TJ4: FloatArray, trans_T3: FloatArray, rest_joints_J3: FloatArray, camera: Camera
) -> dict[str, NDArray[np.float32]]:
    """The four arrays of a clip that follow from a pose: poses, trans, joints and joints2d."""
    rest = rest_joints_J3.astype(np.float64)
    world_TJ33 = world_rotations(matrix_from_quaternion(quaternion_TJ4))
    joints = joint_positions(world_TJ33, rest, trans_T3)
    poses = axis_angle_from_quaternion(quaternion_TJ4).reshape(len(trans_T3), -1)
    return {
        "poses": poses.astype(np.float32),
        "trans": trans_T3.astype(np.float32),
        "joints": joints.astype(np.float32),
        "joints2d": camera.project(joints).astype(np.float32),
    }


def with_pose(clip: Clip, quaternion_TJ4: FloatArray, trans_T3: FloatArray) -> Clip:
    """The clip with other rotations (T,55,4) and root translation (T,3) m; joints follow."""
    arrays = pose_arrays(quaternion_TJ4, trans_T3, clip.rest_joints, clip.camera)
    return replaced(clip, **arrays)
