"""Planted feet: what stands stays, what lifts lets go without a pop."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import Clip, replaced
from pose2rig.core_inference.motion.contacts import FARTHEST_M, settled
from pose2rig.core_inference.motion.feet import plant_feet
from pose2rig.core_inference.motion.ground import put_on_ground
from pose2rig.core_inference.motion.posing import quaternions, with_pose, world_matrices
from pose2rig.core_inference.motion.soles import sole_points
from pose2rig.core_inference.synthetic import known_motion
from pose2rig.rigs.rotation import angle_between, matrix_from_quaternion, quaternion_from_matrix
from pose2rig.rigs.skeleton import JOINT, PARENTS

from ..known_motions import AVERAGE, FPS, clip_of, turned, upright
from ..walkers import standing, walk

Float64 = NDArray[np.float64]

SECONDS = 4.0
SLIDE_M = 0.02
SLIDE_HZ = 0.7

ANKLES = [JOINT["left_ankle"], JOINT["right_ankle"]]


@pytest.fixture(scope="module")
def walking(body: BodyModel) -> Clip:
    """A walker whose contacts are known."""
    motion, time_s = walk(body, seconds=SECONDS, turn_deg=30.0)
    contacts = np.stack([standing(time_s, side) for side in ("left", "right")], axis=1)
    clip = clip_of(motion, body, time_s)
    clip = replaced(clip, contacts=np.repeat(contacts, 2, axis=1).astype(np.float32))
    return put_on_ground(clip, body)


@pytest.fixture(scope="module")
def sliding(walking: Clip) -> Clip:
    """The same, swaying by centimetres, as what one camera shows does."""
    time_s = walking.time_s[:, None]
    phase = 2 * np.pi * SLIDE_HZ * np.array([1.0, 0.8, 1.2]) * time_s + np.array([0.0, 1.0, 2.0])
    sway = SLIDE_M * np.sin(phase) * np.array([1.0, 1.0, 0.5])
    return with_pose(walking, quaternions(walking), walking.trans + sway)


def speeds_m_s(clip: Clip, body: BodyModel) -> tuple[Float64, NDArray[np.bool_]]:
    """Of the soles from frame to frame (T-1,4), and whether they stand in both."""
    steps = np.linalg.norm(np.diff(sole_points(clip, body), axis=0), axis=-1) * FPS
    return steps, (clip.contacts[1:] > 0.5) & (clip.contacts[:-1] > 0.5)


def test_standing_soles_do_not_move_and_are_on_the_ground(sliding: Clip, body: BodyModel) -> None:
    before, stands = speeds_m_s(sliding, body)
    planted = plant_feet(sliding, body, "auto")
    after, _ = speeds_m_s(planted, body)
    assert before[stands].mean() > 0.03
    assert after[stands].max() < 0.003
    heights = sole_points(planted, body)[..., 2][planted.contacts > 0.5]
    assert np.abs(heights).max() < 0.002


def test_what_moves_is_let_go_without_a_pop(sliding: Clip, walking: Clip, body: BodyModel) -> None:
    """No joint accelerates much more than a walker's own do."""
    planted = plant_feet(sliding, body, "auto")
    fastest = [
        np.linalg.norm(np.diff(clip.joints[:, :22].astype(np.float64), n=2, axis=0), axis=-1).max()
        for clip in (walking, planted)
    ]
    assert fastest[1] * FPS**2 < 1.3 * fastest[0] * FPS**2 + 3.0


@pytest.fixture(scope="module")
def rolling(body: BodyModel) -> Clip:
    """A walker who rolls from heel to toe, centimetres off: heels come and leave earlier."""
    motion, time_s = walk(body, seconds=SECONDS, turn_deg=30.0)
    early, late = (
        np.stack([standing(time_s + shift_s, side) for side in ("left", "right")], axis=1)
        for shift_s in (0.12, -0.12)
    )
    flat = np.stack([standing(time_s, side) for side in ("left", "right")], axis=1)
    contacts = np.stack([flat & early, flat & late], axis=2).reshape(-1, 4)
    clip = clip_of(motion, body, time_s)
    clip = put_on_ground(replaced(clip, contacts=contacts.astype(np.float32)), body)
    turns = quaternions(clip)
    wobble = 8.0 * np.sin(2 * np.pi * SLIDE_HZ * time_s)
    for side in ("left", "right"):
        ankle = JOINT[f"{side}_ankle"]
        own = np.asarray(matrix_from_quaternion(turns[:, ankle]), dtype=np.float64)
        turns[:, ankle] = quaternion_from_matrix(own @ turned((0.0, 1.0, 0.0), wobble))
    sway = SLIDE_M * np.sin(2 * np.pi * SLIDE_HZ * time_s)[:, None] * np.array([1.0, 1.0, 0.3])
    return with_pose(clip, turns, clip.trans + sway)


def test_a_heel_that_lifts_does_not_move_the_toe_nor_a_toe_that_comes_the_heel(
    rolling: Clip, body: BodyModel
) -> None:
    """Also with the neighbouring frames in which the contact begins and ends."""
    alone = (rolling.contacts[:, [0, 2]] > 0.5) != (rolling.contacts[:, [1, 3]] > 0.5)
    assert alone.sum() > 20
    velocity = np.gradient(sole_points(rolling, body)[..., :2], rolling.time_s, axis=0)
    before = np.linalg.norm(velocity, axis=-1)[rolling.contacts > 0.5]
    planted = plant_feet(rolling, body, "auto")
    velocity = np.gradient(sole_points(planted, body)[..., :2], planted.time_s, axis=0)
    after = np.linalg.norm(velocity, axis=-1)[rolling.contacts > 0.5]
    assert before.mean() > 0.03
    assert after.max() < 0.003


def test_shaking_hips_do_not_shake_the_knees_of_straight_legs(body: BodyModel) -> None:
    """Somebody who stands, seen a few millimetres up and down from frame to frame."""
    count = 90
    time_s = np.arange(count) / FPS
    clip = clip_of(known_motion(body, upright(count), np.zeros((count, 3)), AVERAGE), body, time_s)
    clip = put_on_ground(replaced(clip, contacts=np.ones((count, 4), dtype=np.float32)), body)
    shake = np.random.default_rng(5).normal(0.0, 0.003, (count, 1)) * np.array([0.0, 0.0, 1.0])
    planted = plant_feet(with_pose(clip, quaternions(clip), clip.trans + shake), body, "auto")
    knees = planted.joints[10:-10, [JOINT["left_knee"], JOINT["right_knee"]]].astype(np.float64)
    assert np.abs(np.diff(knees, axis=0)).max() < 0.006


def test_a_free_foot_does_not_sink_into_the_ground(body: BodyModel) -> None:
    """Standing on the right foot, the left one's toes pointing down through the floor."""
    straight = known_motion(body, upright(30), np.zeros((30, 3)), AVERAGE)
    contacts = np.tile(np.array([0.0, 0.0, 1.0, 1.0], dtype=np.float32), (30, 1))
    clip = clip_of(straight, body, np.arange(30) / FPS)
    clip = put_on_ground(replaced(clip, contacts=contacts), body)
    turns = quaternions(clip)
    down = turned((1.0, 0.0, 0.0), np.full(30, 20.0))
    turns[:, JOINT["left_ankle"]] = quaternion_from_matrix(down)
    clip = with_pose(clip, turns, clip.trans)
    assert sole_points(clip, body)[:, 1, 2].max() < -0.03
    lowest = [
        sole_points(plant_feet(clip, body, "auto", grounded=grounded), body)[:, 1, 2]
        for grounded in (True, False)
    ]
    assert np.abs(lowest[0]).max() < 0.002
    assert lowest[1].max() < -0.03


def test_far_from_any_contact_the_body_stays_where_it_was_seen(
    walking: Clip, body: BodyModel
) -> None:
    contacts = walking.contacts.copy()
    contacts[15:] = 0.0
    lifted = with_pose(walking, quaternions(walking), walking.trans + np.array([0.0, 0.0, 0.04]))
    planted = plant_feet(replaced(lifted, contacts=contacts), body, "auto")
    sunk = lifted.trans[:, 2] - planted.trans[:, 2]
    assert sunk[:12].min() > 0.03
    assert np.abs(sunk[75:]).max() < 0.002


def test_knees_do_not_flip_and_bones_keep_their_lengths(sliding: Clip, body: BodyModel) -> None:
    planted = plant_feet(sliding, body, "auto")
    turns = [
        world_matrices(clip)[:, [JOINT["left_hip"], JOINT["right_hip"]]]
        for clip in (sliding, planted)
    ]
    assert np.degrees(angle_between(*turns)).max() < 25.0
    parents = list(PARENTS[1:])
    lengths = [
        np.linalg.norm(clip.joints[:, 1:] - clip.joints[:, parents], axis=-1)
        for clip in (sliding, planted)
    ]
    np.testing.assert_allclose(lengths[1], lengths[0], atol=1e-5)


def test_what_is_above_the_legs_keeps_its_turns(sliding: Clip, body: BodyModel) -> None:
    planted = plant_feet(sliding, body, "auto")
    legs = [
        JOINT[f"{side}_{name}"] for side in ("left", "right") for name in ("hip", "knee", "ankle")
    ]
    others = np.delete(np.arange(55), legs)
    own, other = (matrix_from_quaternion(quaternions(clip)) for clip in (sliding, planted))
    assert np.degrees(angle_between(own[:, others], other[:, others])).max() < 0.01


def test_feet_that_truly_stand_are_left_where_they_are(walking: Clip, body: BodyModel) -> None:
    planted = plant_feet(walking, body, "auto")
    off = np.linalg.norm(planted.joints - walking.joints, axis=-1)
    assert off.max() < 0.02
    assert off.mean() < 0.002


def test_always_holds_a_slider_and_auto_does_not(walking: Clip, body: BodyModel) -> None:
    """Somebody who stands and glides through the picture, taken for standing."""
    still = with_pose(
        walking,
        np.broadcast_to(quaternions(walking)[:1], quaternions(walking).shape),
        walking.trans[:1] + np.linspace(0.0, 0.6, len(walking.trans))[:, None] * [1.0, 0.0, 0.0],
    )
    for mode, holds in (("auto", False), ("always", True)):
        told = settled(np.ones((len(still.trans), 4)), still, body, mode)
        slider = replaced(still, contacts=told.astype(np.float32))
        speeds, _ = speeds_m_s(plant_feet(slider, body, mode), body)
        assert bool(speeds[10:-10].max() < 0.003) is holds, mode


def test_a_foot_without_contact_is_not_touched(sliding: Clip, body: BodyModel) -> None:
    free = replaced(sliding, contacts=np.zeros_like(sliding.contacts))
    np.testing.assert_array_equal(plant_feet(free, body, "auto").poses, free.poses)


@pytest.mark.parametrize(("fps", "speed_m_s"), [(5.0, 0.2), (30.0, 0.1)])
def test_whoever_glides_on_one_pose_is_not_pulled_far(
    body: BodyModel, fps: float, speed_m_s: float
) -> None:
    count = round(8.0 * fps)
    place_T3 = np.arange(count)[:, None] / fps * np.array([speed_m_s, 0.0, 0.0])
    motion = known_motion(body, upright(count), place_T3, AVERAGE)
    glider = put_on_ground(clip_of(motion, body, np.arange(count) / fps), body)
    told = settled(np.ones((count, 4)), glider, body, "auto")
    planted = plant_feet(replaced(glider, contacts=told.astype(np.float32)), body, "auto")
    pulled_m = np.linalg.norm((planted.joints - glider.joints)[:, ANKLES], axis=-1)
    assert 0.05 < pulled_m.max() < FARTHEST_M + 0.02
