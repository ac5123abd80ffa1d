"""Poses made into a clip's arrays and back."""

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import Clip
from pose2rig.core_inference.motion.posing import (
    pose_arrays,
    quaternions,
    with_pose,
    world_matrices,
)
from pose2rig.rigs.rotation import angle_between, matrix_from_quaternion
from pose2rig.rigs.skeleton import joint_positions, world_rotations

from ..known_motions import clip_of, random_motion


@pytest.fixture(scope="module")
def clip(body: BodyModel) -> Clip:
    motion, time_s = random_motion(body, seed=4, seconds=1.0)
    near = clip_of(motion, body, time_s)
    return with_pose(near, quaternions(near), near.trans + np.array([0.0, 4.0, 0.0]))


def test_a_clips_own_pose_changes_nothing(clip: Clip) -> None:
    again = with_pose(clip, quaternions(clip), clip.trans)
    np.testing.assert_allclose(again.poses, clip.poses, atol=1e-6)
    np.testing.assert_allclose(again.joints, clip.joints, atol=1e-6)
    np.testing.assert_allclose(again.joints2d, clip.joints2d, atol=1e-2)


def test_signs_of_quaternions_do_not_matter(clip: Clip) -> None:
    signs = np.random.default_rng(5).choice([-1.0, 1.0], size=(*clip.scores.shape, 1))
    plain = with_pose(clip, quaternions(clip), clip.trans)
    flipped = with_pose(clip, quaternions(clip) * signs, clip.trans)
    np.testing.assert_allclose(flipped.poses, plain.poses, atol=1e-6)
    np.testing.assert_allclose(flipped.joints, plain.joints, atol=1e-6)


def test_joints_follow_from_the_pose_in_single_precision(clip: Clip) -> None:
    arrays = pose_arrays(quaternions(clip), clip.trans, clip.rest_joints, clip.camera)
    assert {name: array.dtype for name, array in arrays.items()} == dict.fromkeys(
        ("poses", "trans", "joints", "joints2d"), np.dtype(np.float32)
    )
    world = world_rotations(matrix_from_quaternion(quaternions(clip)))
    joints = joint_positions(world, clip.rest_joints, clip.trans)
    np.testing.assert_allclose(arrays["joints"], joints, atol=1e-5)


def test_world_rotations_of_a_clip_chain_its_poses(clip: Clip) -> None:
    expected = world_rotations(matrix_from_quaternion(quaternions(clip)))
    assert np.degrees(angle_between(world_matrices(clip), expected)).max() < 1e-3
