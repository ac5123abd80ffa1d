"""Planted feet: what stands stays, what lifts lets go without a pop."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import Clip, replaced
from pose2rig.core_inference.motion.contacts import settled
from pose2rig.core_inference.motion.feet import plant_feet
from pose2rig.core_inference.motion.ground import put_on_ground
from pose2rig.core_inference.motion.posing import quaternions, with_pose, world_matrices
from pose2rig.core_inference.motion.soles import sole_points
from pose2rig.rigs.rotation import angle_between, matrix_from_quaternion
from pose2rig.rigs.skeleton import JOINT, PARENTS

from ..known_motions import FPS, clip_of
from ..walkers import standing, walk

Float64 = NDArray[np.float64]

SECONDS = 4.0
SLIDE_M = 0.02
SLIDE_HZ = 0.7


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


def test_never_changes_nothing(sliding: Clip, body: BodyModel) -> None:
    never = plant_feet(sliding, body, "never")
    for name in ("poses", "trans", "joints", "joints2d"):
        assert getattr(never, name).tobytes() == getattr(sliding, name).tobytes()


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
