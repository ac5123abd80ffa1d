"""Takes that hold rotations: taken as they are, then cleaned as any other; meshes follow."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import Clip, RawTake
from pose2rig.core_inference.metrics import quality
from pose2rig.core_inference.motion.estimated import clip_from_estimate
from pose2rig.core_inference.motion.ground import OUTLIERS
from pose2rig.core_inference.motion.posing import quaternions
from pose2rig.core_inference.motion.soles import sole_points, soles_of
from pose2rig.core_inference.motion.stack import MotionSettings, process
from pose2rig.rigs.rotation import (
    angle_between,
    matrix_from_axis_angle,
    matrix_from_quaternion,
)
from pose2rig.rigs.skeleton import JOINT

from ..known_motions import random_motion, turned, upright
from ..network_takes import estimated_take, pose_of, some_rows

OFF = MotionSettings(smooth=0.0, hands=0.0, feet="never", ground="level", refine="never")


@pytest.fixture(scope="module", params=["smplx", "open"])
def raw(request: pytest.FixtureRequest, body: BodyModel) -> RawTake:
    motion, time_s = random_motion(body, seed=8, seconds=2.0)
    return estimated_take(body, motion, time_s, request.param)


def degrees_apart(clip: Clip, raw: RawTake) -> NDArray[np.float64]:
    own = matrix_from_axis_angle(pose_of(raw).poses.astype(np.float64).reshape(-1, 55, 3))
    return np.degrees(angle_between(matrix_from_quaternion(quaternions(clip)), own))


def test_rotations_are_taken_as_they_are_and_joints_follow(raw: RawTake) -> None:
    clip = clip_from_estimate(raw, pose_of(raw))
    assert degrees_apart(clip, raw).max() < 1e-3
    np.testing.assert_allclose(clip.joints, pose_of(raw).joints(), atol=1e-5)
    np.testing.assert_array_equal(clip.scores, raw.scores)
    np.testing.assert_array_equal(clip.rest_joints, pose_of(raw).rest_joints)
    np.testing.assert_array_equal(clip.betas, pose_of(raw).betas)
    np.testing.assert_array_equal(clip.open_betas, 0.0)
    assert clip.tracked.all()
    assert clip.body_model == pose_of(raw).body_model


def test_joints2d_are_where_the_picture_shows_the_joints(raw: RawTake) -> None:
    """The pelvis, told in the camera, lands on its own pixels."""
    clip = clip_from_estimate(raw, pose_of(raw))
    np.testing.assert_allclose(clip.joints2d[:, 0], raw.joints2d[:, 0], atol=0.05)


def test_without_smoothing_only_the_ground_moves_the_person(raw: RawTake, body: BodyModel) -> None:
    clip = process(raw, body, OFF)
    assert degrees_apart(clip, raw).max() < 1e-3
    moved = clip.joints - pose_of(raw).joints()
    np.testing.assert_allclose(moved, np.broadcast_to(moved[:, :1], moved.shape), atol=1e-5)
    lowest = sole_points(clip, body)[..., 2].min(axis=1)
    assert lowest.min() > -1e-4
    assert np.quantile(lowest, OUTLIERS) == pytest.approx(0.0, abs=5e-3)


def test_turns_that_leap_by_a_sign_are_smoothed_as_one_turn(body: BodyModel) -> None:
    """Root rotations about pi from frame to frame: n*pi and -n*pi are the same."""
    motion, time_s = random_motion(body, seed=9, seconds=2.0)
    facing = turned((0.0, 1.0, 0.0), 180.0 + 2.0 * np.sin(9.0 * time_s))
    motion.rotations[:, 0] = upright(len(time_s))[:, 0] @ facing
    raw = estimated_take(body, motion, time_s, "smplx")
    other = pose_of(raw).poses.copy().reshape(-1, 55, 3)
    angle = np.linalg.norm(other[::2, 0], axis=-1, keepdims=True)
    other[::2, 0] *= (angle - 2 * np.pi) / angle
    flipped = replace(raw, pose=replace(pose_of(raw), poses=other.reshape(-1, 165)))
    for settings in (MotionSettings(), MotionSettings(refine="never")):
        one, two = (process(take, body, settings) for take in (raw, flipped))
        np.testing.assert_allclose(one.joints, two.joints, atol=1e-4)
    assert degrees_apart(two, raw)[:, 0].max() < 5.0


def test_a_filled_rows_expression_is_between_its_neighbours(raw: RawTake, body: BodyModel) -> None:
    keep = np.delete(np.arange(60), [30, 31, 32])
    clip = process(some_rows(raw, keep), body, OFF)
    assert np.flatnonzero(~clip.tracked).tolist() == [30, 31, 32]
    np.testing.assert_allclose(clip.expression, pose_of(raw).expression, atol=1e-5)


# --- soles, ground, contacts and figures on joints that are not the open body's -----------------


def standing(body: BodyModel, seconds: float = 2.0) -> RawTake:
    """Upright and still on SMPL-X-like joints, but for the left thigh, which lifts its foot."""
    count = round(30 * seconds)
    motion, time_s = random_motion(body, seed=1, seconds=seconds)
    rotations = upright(count)
    lift = np.where(time_s > 1.0, 60.0, 0.0)
    rotations[:, JOINT["left_hip"]] = turned((1.0, 0.0, 0.0), -lift)
    still = replace(motion, rotations=rotations, joints=motion.joints[:1].repeat(count, axis=0))
    return estimated_take(body, still, time_s, "smplx")


def test_soles_are_below_the_clips_own_ankles(body: BodyModel) -> None:
    clip = process(standing(body), body, OFF)
    soles = sole_points(clip, body)
    ankles = clip.joints[:, [7, 7, 8, 8]]
    heel = soles_of(body, np.zeros(10)).offset[0]
    below = soles[0, 0] - ankles[0, 0]
    np.testing.assert_allclose(below, [heel[0], -heel[2], heel[1]], atol=0.01)
    assert np.abs(soles[:30, :, 2]).max() < 0.03


def test_contacts_are_those_of_the_feet_that_stand(body: BodyModel) -> None:
    clip = process(standing(body), body, OFF)
    assert (clip.contacts[:25] > 0.9).all()
    assert (clip.contacts[35:, 2:] > 0.9).all()
    assert (clip.contacts[35:, :2] < 0.1).all()


def test_figures_of_the_take_are_finite_and_small(body: BodyModel) -> None:
    raw = standing(body)
    figures = quality(process(raw, body, MotionSettings()), raw, body)
    assert figures.floor_penetration_cm < 0.5
    assert figures.foot_slide_cm_s < 5.0
    assert figures.bone_length_cv < 1e-4
    assert all(np.isfinite(value) for value in figures.as_dict().values())
