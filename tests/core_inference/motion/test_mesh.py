"""The estimator's mesh goes where the motion goes, bone by bone."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import SHAPE_COUNT, BodyModel
from pose2rig.core_inference.clip import Clip, EstimatedPose, RawTake
from pose2rig.core_inference.motion.estimated import clip_from_estimate
from pose2rig.core_inference.motion.mesh import grown_by, with_mesh
from pose2rig.core_inference.motion.posing import world_matrices
from pose2rig.core_inference.motion.stack import MotionSettings, process
from pose2rig.rigs.rotation import angle_between
from pose2rig.rigs.skeleton import JOINT

from ..known_motions import random_motion
from ..network_takes import EVERY, estimated_take, pose_of, some_rows, turned_by

Float64 = NDArray[np.float64]

OFF = MotionSettings(smooth=0.0, hands=0.0, feet="never", ground="level", refine="never")


@pytest.fixture(scope="module", params=["smplx", "open"])
def raw(request: pytest.FixtureRequest, body: BodyModel) -> RawTake:
    motion, time_s = random_motion(body, seed=8, seconds=2.0)
    return estimated_take(body, motion, time_s, request.param)


def mesh_of(holder: Clip | EstimatedPose) -> Float64:
    assert holder.vertices is not None
    return holder.vertices.astype(np.float64)


def skin_of(clip: Clip, body: BodyModel) -> Float64:
    """Where the vertices are on a body that stands as the clip does."""
    picked = np.arange(0, len(body.v_template), EVERY)
    joints = clip.joints.astype(np.float64)
    return np.asarray(body.skin(world_matrices(clip), joints, np.zeros(SHAPE_COUNT), picked))


def test_an_untouched_pose_leaves_the_mesh_as_it_was(body: BodyModel) -> None:
    """More rows than are worked on at once, up to the last."""
    motion, time_s = random_motion(body, seed=10, seconds=5.0)
    raw = estimated_take(body, motion, time_s, "smplx")
    clip = with_mesh(clip_from_estimate(raw, pose_of(raw)), raw, pose_of(raw), body)
    assert clip.vertices is not None
    assert clip.vertices.dtype == np.float32
    np.testing.assert_allclose(mesh_of(clip), mesh_of(pose_of(raw)), atol=1e-5)


def test_limbs_of_the_mesh_turn_with_those_of_the_motion(raw: RawTake, body: BodyModel) -> None:
    """Arms and legs turned by some 15 degrees, as refining and feet turn them."""
    turns = np.zeros((60, 55, 3))
    turns[:, [JOINT["left_elbow"], JOINT["right_shoulder"], JOINT["left_knee"]], 1] = 0.25
    other = turned_by(raw, turns)
    clip = clip_from_estimate(other, pose_of(other))
    before, truth = mesh_of(pose_of(raw)), skin_of(clip, body)
    after = mesh_of(with_mesh(clip, raw, pose_of(raw), body))
    off_before, off_after = (np.linalg.norm(m - truth, axis=-1) for m in (before, after))
    assert np.quantile(off_before, 0.95) > 0.05
    assert off_after.mean() < 0.004
    assert off_after.mean() < 0.25 * off_before.mean()


def test_jaw_and_eyes_are_no_part_of_the_mesh(raw: RawTake, body: BodyModel) -> None:
    turns = np.zeros((60, 55, 3))
    turns[:, [JOINT["jaw"], JOINT["left_eye_smplhf"]], 0] = 0.3
    other = turned_by(raw, turns)
    clip = clip_from_estimate(other, pose_of(other))
    after = mesh_of(with_mesh(clip, raw, pose_of(raw), body))
    np.testing.assert_allclose(after, mesh_of(pose_of(raw)), atol=1e-5)


def test_who_stands_farther_has_a_larger_mesh_as_large_in_the_picture(
    raw: RawTake, body: BodyModel
) -> None:
    own = pose_of(raw)
    pelvis = own.trans + own.rest_joints[0]
    size = 1.25
    moved = (size * pelvis - own.rest_joints[0]).astype(np.float32)
    clip = clip_from_estimate(raw, replace(own, trans=moved))
    assert grown_by(clip, raw, own) == pytest.approx(size, abs=1e-5)
    after = mesh_of(with_mesh(clip, raw, own, body, size))
    np.testing.assert_allclose(after, size * mesh_of(own), atol=2e-5)


@pytest.mark.filterwarnings("error")
def test_rows_in_which_the_pose_is_not_before_the_camera_say_nothing_of_the_size(
    raw: RawTake, body: BodyModel
) -> None:
    own = pose_of(raw)
    clip = clip_from_estimate(raw, own)
    nowhere = np.broadcast_to(-own.rest_joints[0], own.trans.shape)
    pelvis = own.trans + own.rest_joints[0]
    mostly = np.where(np.arange(len(pelvis))[:, None] < 40, nowhere, nowhere + pelvis / 2)
    for trans, size in ((nowhere, 1.0), (-own.trans, 1.0), (mostly, 2.0)):
        pose = replace(own, trans=trans.astype(np.float32))
        assert grown_by(clip, raw, pose) == pytest.approx(size, abs=1e-5)


@pytest.mark.parametrize("refine", ["auto", "never"])
def test_somebody_at_the_camera_gives_finite_arrays(
    raw: RawTake, body: BodyModel, refine: str
) -> None:
    own = pose_of(raw)
    nowhere = np.broadcast_to(-own.rest_joints[0], own.trans.shape)
    taken = replace(raw, pose=replace(own, trans=nowhere.astype(np.float32)))
    clip = process(taken, body, MotionSettings(refine=refine))
    for array in (clip.poses, clip.trans, clip.joints, clip.joints2d, mesh_of(clip)):
        assert np.isfinite(array).all()


def test_the_mesh_follows_through_smoothing_and_ground(raw: RawTake, body: BodyModel) -> None:
    clip = process(raw, body, MotionSettings(smooth=1.0, ground="level", refine="never"))
    pelvis = pose_of(raw).trans + pose_of(raw).rest_joints[0]
    assert np.abs(clip.joints[:, 0] - pelvis).max() > 0.1
    off = np.linalg.norm(mesh_of(clip) - skin_of(clip, body), axis=-1)
    assert off.mean() < 0.005


def test_the_mesh_turns_with_the_world(raw: RawTake, body: BodyModel) -> None:
    """Feet and body show which way is up: person, camera and mesh are turned alike."""
    level = process(raw, body, OFF)
    turned_too = process(raw, body, replace(OFF, ground="auto"))
    turn = turned_too.camera.rotation.T @ level.camera.rotation
    assert np.degrees(angle_between(turn[None].astype(np.float64), np.eye(3)[None]))[0] > 1.0
    about = [mesh_of(clip) - clip.joints[:, :1] for clip in (level, turned_too)]
    np.testing.assert_allclose(about[1], about[0] @ turn.T, atol=1e-5)


def test_a_filled_rows_mesh_is_in_the_filled_pose(raw: RawTake, body: BodyModel) -> None:
    keep = np.delete(np.arange(60), [30, 31, 32])
    clip = process(some_rows(raw, keep), body, OFF)
    assert np.flatnonzero(~clip.tracked).tolist() == [30, 31, 32]
    off = np.linalg.norm(mesh_of(clip) - skin_of(clip, body), axis=-1)
    assert off[30:33].mean() < 0.005


def test_without_a_mesh_there_is_none_and_a_single_frame_is_enough(
    raw: RawTake, body: BodyModel
) -> None:
    one = some_rows(raw, np.array([5]))
    clip = process(one, body, MotionSettings(smooth=1.0))
    assert mesh_of(clip).shape == mesh_of(pose_of(one)).shape
    bare = replace(one, pose=replace(pose_of(one), vertices=None))
    assert process(bare, body, MotionSettings()).vertices is None
