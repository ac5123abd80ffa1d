"""Hands near the body: out of it, on it where they rest close to it, and elsewhere untouched."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import Clip, replaced
from pose2rig.core_inference.motion import near_body
from pose2rig.core_inference.motion.arms import REACHING, reaching_arm
from pose2rig.core_inference.motion.evidence import SIDES
from pose2rig.core_inference.motion.near_body import FARTHEST_M, SOFT_M, keep_distance
from pose2rig.core_inference.motion.posing import quaternions, with_pose, world_matrices
from pose2rig.core_inference.motion.touch import (
    FINGERS,
    beside_arm,
    gaps_to_hand,
    gaps_to_skin,
    hand_balls,
    patch_around,
    posed_skin,
    skin_of,
)
from pose2rig.core_inference.synthetic import known_motion
from pose2rig.rigs.rotation import angle_between, matrix_from_axis_angle
from pose2rig.rigs.skeleton import JOINT

from ..known_motions import AVERAGE, FPS, clip_of, upright

Float64 = NDArray[np.float64]

COUNT = 120
MIDDLE = slice(50, 70)
"""Frames in which a hand is nearest."""

TIMES = np.arange(COUNT) / FPS


def approach(size_m: float) -> Float64:
    """A smooth way there, a rest from frame 40 to 80, and back (T,) m."""
    away_s = np.maximum(np.abs(TIMES - TIMES[60]) - 20 / FPS, 0.0)
    return size_m * (1.0 - np.cos(np.pi * np.minimum(away_s, 1.0))) / 2.0


def with_wrist(clip: Clip, side: str, place_T3: Float64) -> Clip:
    """The clip with a wrist (T,3) m, world, elsewhere."""
    joints_TJ3 = clip.joints.astype(np.float64)
    shift_T3 = place_T3 - joints_TJ3[:, JOINT[f"{side}_wrist"]]
    local_TJ4 = quaternions(clip)
    arm = [JOINT[f"{side}_{name}"] for name in REACHING]
    local_TJ4[:, arm] = reaching_arm(world_matrices(clip), joints_TJ3, shift_T3, side)
    return with_pose(clip, local_TJ4, clip.trans.astype(np.float64))


@pytest.fixture(scope="module")
def bent(body: BodyModel) -> Clip:
    """Somebody who stands before the camera, both palms held across the belly, well ahead of it."""
    rotations_TJ33 = upright(COUNT)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for name, turn in (("shoulder", [0.0, 0.0, -1.2]), ("elbow", [0.0, -1.6, 0.0])):
            turned = matrix_from_axis_angle(np.array(turn) * [1.0, sign, sign])
            rotations_TJ33[:, JOINT[f"{side}_{name}"]] = turned
    clip = clip_of(known_motion(body, rotations_TJ33, np.zeros((COUNT, 3)), AVERAGE), body, TIMES)
    return replaced(clip, scores=np.ones_like(clip.scores))


def belly(clip: Clip, *, ahead_m: Float64, up_m: float = 0.0) -> Float64:
    """A place (T,3) m before the body's axis; the body looks along the world's -y."""
    place_T3 = clip.joints[:, JOINT["spine1"]].astype(np.float64)
    return place_T3 + np.stack([np.full(COUNT, 0.05), -ahead_m, np.full(COUNT, up_m)], axis=1)


def gaps_m(clip: Clip, body: BodyModel) -> tuple[Float64, Float64]:
    """How near the hands (T,2) come to the body, and (T,) to each other."""
    world_TJ33, joints_TJ3 = world_matrices(clip), clip.joints.astype(np.float64)
    skin = skin_of(body, clip.open_betas)
    posed = posed_skin(skin, world_TJ33, joints_TJ3)
    hands = [hand_balls(body, world_TJ33, joints_TJ3, clip.open_betas, side) for side in SIDES]
    near = [
        gaps_to_skin(
            hand,
            patch_around(hand.mean(axis=1), posed, beside_arm(skin, side), TIMES, slice(None)),
        )
        for hand, side in zip(hands, SIDES, strict=True)
    ]
    between = gaps_to_hand(hands[0], hands[1], np.zeros((COUNT, 3)))
    return np.stack([gaps.gap.min(axis=1) for gaps in near], axis=1), between.gap.min(axis=1)


@pytest.fixture(scope="module")
def sunk(bent: Clip, body: BodyModel) -> Clip:
    """The left hand comes and lies four centimetres deep in the belly, then goes."""
    hand = with_wrist(bent, "left", belly(bent, ahead_m=0.25 + approach(0.2)))
    gap_m = float(gaps_m(hand, body)[0][MIDDLE, 0].mean())
    return with_wrist(hand, "left", belly(bent, ahead_m=0.21 - gap_m + approach(0.2)))


def moved(one: Clip, other: Clip) -> NDArray[np.bool_]:
    return np.any(one.poses != other.poses, axis=1)


def test_a_hand_in_the_belly_comes_out(sunk: Clip, body: BodyModel) -> None:
    before, after = gaps_m(sunk, body)[0][:, 0], gaps_m(keep_distance(sunk, body), body)[0][:, 0]
    assert before[MIDDLE].max() < -0.03
    assert after.min() > -SOFT_M - 0.005


def test_what_is_clear_of_the_body_keeps_its_bytes(sunk: Clip, body: BodyModel) -> None:
    kept = keep_distance(sunk, body)
    changed_T = moved(sunk, kept)
    assert changed_T[MIDDLE].all()
    assert not changed_T[:10].any() and not changed_T[-10:].any()
    np.testing.assert_array_equal(kept.joints[~changed_T], sunk.joints[~changed_T])


def test_a_clip_without_hands_near_the_body_is_the_same(bent: Clip, body: BodyModel) -> None:
    ahead = with_wrist(bent, "left", belly(bent, ahead_m=0.4 + approach(0.05), up_m=0.1))
    ahead = with_wrist(ahead, "right", belly(bent, ahead_m=0.4 + approach(0.05), up_m=0.4))
    assert keep_distance(ahead, body) is ahead


def test_a_hand_comes_out_towards_the_camera_without_a_leap(sunk: Clip, body: BodyModel) -> None:
    kept = keep_distance(sunk, body)
    wrist = JOINT["left_wrist"]
    way_T3 = kept.joints[:, wrist].astype(np.float64) - sunk.joints[:, wrist]
    assert way_T3[MIDDLE, 1].max() < -0.02
    assert np.abs(way_T3[MIDDLE][:, [0, 2]]).max() < 0.015
    assert np.linalg.norm(np.diff(way_T3, n=2, axis=0), axis=-1).max() * FPS**2 < 6.0


def test_the_rest_of_the_body_and_the_turn_of_the_hand_stay(sunk: Clip, body: BodyModel) -> None:
    kept = keep_distance(sunk, body)
    arm = {JOINT[f"left_{name}"] for name in REACHING}
    others = [joint for joint in range(55) if joint not in arm]
    poses = [clip.poses.reshape(COUNT, 55, 3)[:, others] for clip in (sunk, kept)]
    np.testing.assert_allclose(poses[0], poses[1], atol=1e-5)
    hands = [world_matrices(clip)[:, JOINT["left_wrist"]] for clip in (sunk, kept)]
    assert angle_between(hands[0], hands[1]).max() < 1e-3


@pytest.mark.parametrize(("gap_m", "touches"), [(0.03, True), (0.14, False)])
def test_a_hand_that_rests_close_before_the_body_lies_on_it(
    bent: Clip, sunk: Clip, body: BodyModel, gap_m: float, touches: bool
) -> None:
    """As far as its depth could be wrong, no farther."""
    deep_m = float(-gaps_m(sunk, body)[0][MIDDLE, 0].mean())
    wrist_T3 = sunk.joints[:, JOINT["left_wrist"]].astype(np.float64)
    near = with_wrist(sunk, "left", wrist_T3 - [0.0, deep_m + gap_m, 0.0])
    before = gaps_m(near, body)[0][MIDDLE, 0]
    after = gaps_m(keep_distance(near, body), body)[0][MIDDLE, 0]
    assert before.min() > gap_m - 0.015
    assert (after.max() < 0.01) == touches
    assert after.min() > -0.01


def test_a_hand_that_passes_close_by_does_not_touch(sunk: Clip, body: BodyModel) -> None:
    deep_m = float(-gaps_m(sunk, body)[0][MIDDLE, 0].mean())
    wrist_T3 = sunk.joints[:, JOINT["left_wrist"]].astype(np.float64)
    aside_T3 = np.zeros((COUNT, 3))
    aside_T3[:, 0] = 1.0 * (TIMES - TIMES[60]).clip(-0.12, 0.12)
    near = with_wrist(sunk, "left", wrist_T3 - [0.0, deep_m + 0.03, 0.0] + aside_T3)
    kept = keep_distance(near, body)
    fastest = slice(58, 63)
    shift_T3 = (kept.joints - near.joints)[:, JOINT["left_wrist"]]
    assert np.linalg.norm(shift_T3[fastest], axis=-1).max() < 0.012


def test_hands_come_out_of_each_other(bent: Clip, body: BodyModel) -> None:
    """Here the palms lie in one another."""
    before = with_wrist(bent, "left", belly(bent, ahead_m=np.full(COUNT, 0.4)))
    palms = [
        before.joints[:, [JOINT[f"{side}_{name}"] for name in ("wrist", "middle1")]].mean(axis=1)
        for side in SIDES
    ]
    wrist_T3 = before.joints[:, JOINT["right_wrist"]] + palms[0] - palms[1]
    before = with_wrist(before, "right", wrist_T3.astype(np.float64))
    after = keep_distance(before, body)
    assert gaps_m(before, body)[1].max() < -2.0 * SOFT_M
    assert gaps_m(after, body)[1].min() > -1.4 * SOFT_M


def test_the_same_clip_gives_the_same_bytes(sunk: Clip, body: BodyModel) -> None:
    one, other = keep_distance(sunk, body), keep_distance(sunk, body)
    np.testing.assert_array_equal(one.poses, other.poses)


def test_a_hand_deep_in_the_body_goes_no_farther_than_it_may(bent: Clip, body: BodyModel) -> None:
    """It would have to go farther to come out."""
    deep = with_wrist(bent, "left", belly(bent, ahead_m=np.full(COUNT, -0.1)))
    kept = keep_distance(deep, body)
    moved_m = np.linalg.norm((kept.joints - deep.joints)[:, JOINT["left_wrist"]], axis=-1)
    assert moved_m.min() > FARTHEST_M - 0.01
    assert moved_m.max() < FARTHEST_M + 1e-4
    assert gaps_m(kept, body)[0][:, 0].max() < -SOFT_M


def test_hands_in_the_very_same_place_give_finite_poses(bent: Clip, body: BodyModel) -> None:
    """Nothing says which way apart."""
    own, other = (
        [JOINT[f"{side}_wrist"], *(JOINT[f"{side}_{f}{k}"] for f in FINGERS for k in (1, 2, 3))]
        for side in SIDES
    )
    joints_TJ3 = bent.joints.copy()
    joints_TJ3[:, own] = joints_TJ3[:, other]
    kept = keep_distance(replaced(bent, joints=joints_TJ3), body)
    assert np.isfinite(kept.poses).all()
    assert np.isfinite(kept.joints).all()


def test_blocks_of_frames_give_the_same_as_all_at_once(
    sunk: Clip, body: BodyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hand that rests close before somebody who sways: so the skin moves where blocks meet."""
    deep_m = float(-gaps_m(sunk, body)[0][MIDDLE, 0].mean())
    wrist_T3 = sunk.joints[:, JOINT["left_wrist"]].astype(np.float64)
    near = with_wrist(sunk, "left", wrist_T3 - [0.0, deep_m + 0.03, 0.0])
    sway_T3 = 0.2 * np.sin(2.0 * np.pi * TIMES)[:, None] * np.array([1.0, 0.0, 0.0])
    near = with_pose(near, quaternions(near), near.trans + sway_T3)
    kept = keep_distance(near, body)
    assert moved(near, kept)[MIDDLE].all()
    for block in (7, COUNT - 1, COUNT):
        monkeypatch.setattr(near_body, "BLOCK", block)
        np.testing.assert_allclose(keep_distance(near, body).poses, kept.poses, atol=1e-6)
