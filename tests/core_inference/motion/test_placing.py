"""A person's place among the others: a turn that moves no pixel, and numbers from strangers."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import RawTake
from pose2rig.core_inference.motion.placing import Scene, scene_of, turned
from pose2rig.core_inference.synthetic import exact_take
from pose2rig.rigs.errors import ClipFileError

from ..known_motions import clip_of, random_motion

SCENE = Scene(pitch_rad=0.3, roll_rad=-0.1, size=0.7, ground_m=-1.5, origin=(0.25, 4.0))


@pytest.fixture(scope="module")
def raw(body: BodyModel) -> RawTake:
    motion, time_s = random_motion(body, seed=2, seconds=0.2)
    return exact_take(motion, body, time_s)


def told(raw: RawTake, scene: Any) -> RawTake:
    return replace(raw, provenance={"scene": scene})


def test_a_scene_comes_back_from_the_provenance_exactly(raw: RawTake) -> None:
    assert scene_of(raw) is None
    assert scene_of(told(raw, SCENE.as_json())) == SCENE


@pytest.mark.parametrize(
    "scene",
    [
        7,
        {},
        {**SCENE.as_json(), "size": "large"},
        {**SCENE.as_json(), "origin": [1.0]},
        {**SCENE.as_json(), "origin": 3},
        {**SCENE.as_json(), "size": 0.0},
        {**SCENE.as_json(), "pitch_rad": 3.0},
        {**SCENE.as_json(), "ground_m": float("nan")},
        {**SCENE.as_json(), "ground_m": 1e9},
    ],
)
def test_a_scene_that_makes_no_sense_is_refused(raw: RawTake, scene: Any) -> None:
    with pytest.raises(ClipFileError, match="place among the others"):
        scene_of(told(raw, scene))


def test_a_camera_that_looks_down_sees_forward_below_and_right_below_with_roll() -> None:
    down = Scene(pitch_rad=0.3).world_from_level @ np.array([0.0, 1.0, 0.0])
    np.testing.assert_allclose(down, [0.0, np.cos(0.3), -np.sin(0.3)], atol=1e-12)
    right = Scene(roll_rad=0.2).world_from_level @ np.array([1.0, 0.0, 0.0])
    np.testing.assert_allclose(right, [np.cos(0.2), 0.0, -np.sin(0.2)], atol=1e-12)


def test_a_level_cameras_ground_goes_through_the_same_origin(raw: RawTake) -> None:
    level = scene_of(told(raw, SCENE.as_json()), "level")
    assert level is not None
    assert (level.pitch_rad, level.roll_rad, level.size) == (0.0, 0.0, SCENE.size)
    tilted = SCENE.world_from_level.T @ np.array([*SCENE.origin, SCENE.ground_m])
    np.testing.assert_allclose([*level.origin, level.ground_m], tilted)
    assert scene_of(raw, "level") is None


def test_turning_moves_no_pixel_and_keeps_the_pose(body: BodyModel) -> None:
    motion, time_s = random_motion(body, seed=3, seconds=0.5)
    still = clip_of(motion, body, time_s)
    ahead = replace(still, joints=still.joints + np.array([0, 6, 0], np.float32))
    ahead = replace(ahead, trans=still.trans + np.array([0, 6, 0], np.float32))
    clip = turned(ahead, SCENE.world_from_level)
    np.testing.assert_allclose(clip.joints, ahead.joints @ SCENE.world_from_level.T, atol=1e-5)
    np.testing.assert_allclose(clip.poses[:, 3:], ahead.poses[:, 3:], atol=1e-5)
    before = ahead.camera.project(ahead.joints.astype(np.float64))
    np.testing.assert_allclose(clip.joints2d, before, atol=0.02)
