"""The delivered demo clip: small, playable, and its stored motion is what the pictures show."""

from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.body_model import load_open_body
from pose2rig.core_inference.clip import Clip, load_clip
from pose2rig.core_inference.estimators.landmark_models import open_landmark_models
from pose2rig.core_inference.estimators.landmarks import LandmarkEstimator
from pose2rig.core_inference.footage import Frame, content_sha256, open_footage, read
from pose2rig.core_inference.motion.posing import world_matrices
from pose2rig.core_inference.motion.soles import sole_points
from pose2rig.rigs.skeleton import JOINT, joint_positions

ASSETS = Path(__file__).parents[2] / "assets"
FOOTAGE = ASSETS / "demo.mp4"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def truth() -> Clip:
    return load_clip(ASSETS / "demo_motion.npz")


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return list(read(open_footage(FOOTAGE)))


def test_it_is_small() -> None:
    assert FOOTAGE.stat().st_size < MEGABYTE
    assert (ASSETS / "demo_motion.npz").stat().st_size < MEGABYTE


def test_the_motion_has_a_row_for_each_frame_at_its_time(truth: Clip, frames: list[Frame]) -> None:
    assert truth.frame_index.tolist() == [frame.index for frame in frames]
    np.testing.assert_allclose(truth.time_s, [frame.time_s for frame in frames], atol=1e-3)
    assert truth.tracked.all()


def test_the_motion_belongs_to_this_very_file(truth: Clip) -> None:
    assert truth.provenance["footage_sha256"] == content_sha256(open_footage(FOOTAGE))
    assert "synthetic" in truth.provenance["estimator"]


def test_the_camera_is_the_one_that_is_assumed_of_unknown_footage(truth: Clip) -> None:
    footage = open_footage(FOOTAGE)
    diagonal = np.hypot(footage.width, footage.height)
    np.testing.assert_allclose(truth.camera.focal, diagonal, rtol=1e-5)
    assert truth.camera.image_size.tolist() == [footage.width, footage.height]


def test_joints_follow_from_the_pose_and_project_into_the_picture(truth: Clip) -> None:
    joints = joint_positions(world_matrices(truth), truth.rest_joints, truth.trans)
    np.testing.assert_allclose(truth.joints, joints, atol=1e-4)
    projected = truth.camera.project(truth.joints.astype(np.float64))
    np.testing.assert_allclose(truth.joints2d, projected, atol=0.5)
    assert truth.joints2d.min() > 0
    assert truth.joints2d.max() < truth.camera.image_size.min()


def test_standing_feet_neither_slide_nor_sink(truth: Clip) -> None:
    """Frame to frame, a heel or toe in contact at both stays within 6 mm; soles within 1 cm."""
    soles = sole_points(truth, load_open_body())
    standing = (truth.contacts[1:] > 0.5) & (truth.contacts[:-1] > 0.5)
    moved = np.linalg.norm(np.diff(soles, axis=0)[..., :2], axis=-1)
    assert standing.mean() > 0.4
    assert moved[standing].max() < 0.006
    assert soles[..., 2].min() > -0.01


def clothed(truth: Clip, frames: list[Frame], late: int) -> float:
    """The share of knees on dark trousers and chests on the blue shirt, `late` frames later."""
    count = len(frames) - late
    joints = [JOINT[name] for name in ("left_knee", "right_knee", "spine3")]
    places = truth.joints2d[:count, joints].round().astype(int)
    found = []
    for (left, right, chest), frame in zip(places, frames[late:], strict=True):
        pixels = frame.image.astype(int)
        found += [pixels[y, x].max() < 90 for x, y in (left, right)]
        found.append(pixels[chest[1], chest[0], 2] - pixels[chest[1], chest[0], 0] > 30)
    return float(np.mean(found))


def test_the_pictures_show_the_motion(truth: Clip, frames: list[Frame]) -> None:
    """True knees and chests are where the clothes are, and half a second later they are not."""
    assert clothed(truth, frames, late=0) > 0.93
    assert clothed(truth, frames[:130], late=15) < 0.6


def test_the_person_walks_turns_waves_and_squats(truth: Clip) -> None:
    pelvis = truth.joints[:, 0]
    assert np.linalg.norm(np.diff(pelvis[:, :2], axis=0), axis=1).sum() > 2.5
    facing = world_matrices(truth)[:, 0, :2, 2]
    heading = np.unwrap(np.arctan2(facing[:, 1], facing[:, 0]))
    assert np.ptp(heading) > np.deg2rad(120)
    above_head = truth.joints[:, JOINT["right_wrist"], 2] > truth.joints[:, JOINT["neck"], 2]
    assert above_head.sum() > 30
    assert np.ptp(pelvis[:, 2]) > 0.3


@pytest.mark.slow
def test_the_estimator_finds_body_face_and_both_hands(frames: list[Frame]) -> None:
    estimator = LandmarkEstimator(open_landmark_models(None))
    groups = {
        part: np.array([name.startswith(part) for name in estimator.landmark_names])
        for part in ("body", "left_hand", "right_hand", "face")
    }
    seen: list[list[bool]] = []
    for frame in frames[::3]:
        (pose,) = estimator.estimate_all([frame])[0]
        assert pose.landmarks is not None
        scores = pose.landmarks.scores
        seen.append([bool(scores[group].mean() > 0.3) for group in groups.values()])
    estimator.close()
    share = dict(zip(groups, np.mean(seen, axis=0), strict=True))
    assert share["body"] == 1.0
    assert min(share.values()) > 0.7, share
