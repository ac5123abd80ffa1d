"""Which soles stand and which way is up: of walkers before a tilted camera, of who lies or sits."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.camera import CAMERA_FROM_WORLD
from pose2rig.core_inference.motion.evidence import NAMES
from pose2rig.core_inference.motion.placing import Scene
from pose2rig.core_inference.motion.soles import soles_of
from pose2rig.core_inference.motion.stance import SOLES, Stance, body_up, find_stance
from pose2rig.core_inference.synthetic import KnownMotion, known_motion
from pose2rig.rigs.skeleton import JOINT, world_rotations

from ..known_motions import AVERAGE, FPS, turned, upright
from ..walkers import standing, walk

Float64 = NDArray[np.float64]

COUNT = 60
UP = np.array([0.0, 0.0, 1.0])


def points_of(motion: KnownMotion, body: BodyModel) -> Float64:
    """The landmarks and soles (T,N,3) m that a stance is found from."""
    world = np.asarray(world_rotations(motion.rotations), dtype=np.float64)
    marks = body.landmark_points(world, motion.joints, motion.open_betas, NAMES)
    soles = soles_of(body, motion.open_betas).at(world, motion.joints)
    return np.concatenate([np.asarray(marks, dtype=np.float64), soles], axis=1)


def stance_before(points_TN3: Float64, view: Float64, scores: float = 1.0) -> Stance:
    """The stance as a camera sees it that is turned (3,3) from level and taken for level."""
    count = len(points_TN3)
    camera = np.broadcast_to(CAMERA_FROM_WORLD, (count, 3, 3)).astype(np.float64)
    trust = np.full((count, len(SOLES)), scores)
    return find_stance(points_TN3 @ view, trust, camera, np.arange(count) / FPS)


def degrees_off(up: Float64, expected: Float64) -> float:
    return float(np.degrees(np.arccos(np.clip(up @ expected, -1.0, 1.0))))


@pytest.mark.parametrize("turn_deg", [0.0, 90.0])
@pytest.mark.parametrize(("pitch_deg", "roll_deg"), [(0.0, 0.0), (20.0, 0.0), (-10.0, 5.0)])
def test_a_walker_shows_contacts_and_the_way_up(
    body: BodyModel, turn_deg: float, pitch_deg: float, roll_deg: float
) -> None:
    motion, time_s = walk(body, seconds=4.0, turn_deg=turn_deg)
    scene = Scene(pitch_rad=float(np.radians(pitch_deg)), roll_rad=float(np.radians(roll_deg)))
    stance = stance_before(points_of(motion, body), scene.world_from_level)
    assert degrees_off(stance.up, scene.world_from_level.T @ UP) < 3.0
    assert degrees_off(stance.upright_from_world @ stance.up, UP) < 1e-4
    for side, columns in (("left", [0, 1]), ("right", [2, 3])):
        truth, found = standing(time_s, side), (stance.contacts[:, columns] > 0.5).all(axis=1)
        assert np.mean(truth == found) > 0.9
        assert truth.any()
        assert not truth.all()


def lying(body: BodyModel) -> KnownMotion:
    rotations = upright(COUNT)
    rotations[:, 0] = turned((0.0, 1.0, 0.0), np.full(COUNT, 90.0)) @ rotations[:, 0]
    return known_motion(body, rotations, np.zeros((COUNT, 3)), AVERAGE)


def seated(body: BodyModel) -> KnownMotion:
    rotations = upright(COUNT)
    for side in ("left", "right"):
        rotations[:, JOINT[f"{side}_hip"]] = turned((1.0, 0.0, 0.0), np.full(COUNT, -85.0))
        rotations[:, JOINT[f"{side}_knee"]] = turned((1.0, 0.0, 0.0), np.full(COUNT, 80.0))
    return known_motion(body, rotations, np.zeros((COUNT, 3)), AVERAGE)


def test_a_lying_and_a_seated_body_are_not_stood_up(body: BodyModel) -> None:
    for motion in (lying(body), seated(body)):
        points = points_of(motion, body)
        assert degrees_off(body_up(points), UP) < 3.0
        assert degrees_off(stance_before(points, np.eye(3)).up, UP) < 5.0


def test_who_leans_for_a_moment_does_not_tilt_the_world(body: BodyModel) -> None:
    """A second of a deep bow in four of standing."""
    lean = 60.0 * np.clip(1.0 - np.abs(np.arange(120) / FPS - 2.0) / 0.5, 0.0, 1.0)
    rotations = upright(120)
    rotations[:, JOINT["spine1"]] = turned((1.0, 0.0, 0.0), lean)
    motion = known_motion(body, rotations, np.zeros((120, 3)), AVERAGE)
    assert degrees_off(stance_before(points_of(motion, body), np.eye(3)).up, UP) < 3.0


def test_one_frame_and_feet_that_nobody_saw_give_a_stance(body: BodyModel) -> None:
    motion, _ = walk(body, seconds=1.0)
    points = points_of(motion, body)
    assert stance_before(points[:1], np.eye(3)).contacts.shape == (1, 4)
    blind = stance_before(points, np.eye(3), scores=0.05)
    assert not blind.contacts.any()
    assert degrees_off(blind.up, UP) < 5.0


def test_parts_are_the_same_frames(body: BodyModel) -> None:
    stance = stance_before(points_of(walk(body, seconds=1.0)[0], body), np.eye(3))
    part = stance.part(slice(3, 9))
    np.testing.assert_array_equal(part.contacts, stance.contacts[3:9])
    assert part.ground_m == stance.ground_m
