"""The ground: where the lowest feet stand, and a picture that stays as it was."""

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import Clip, replaced
from pose2rig.core_inference.motion.ground import OUTLIERS, put_on_ground, shifted
from pose2rig.core_inference.motion.posing import quaternions, with_pose
from pose2rig.core_inference.motion.soles import sole_points

from ..known_motions import clip_of, random_motion


@pytest.fixture(scope="module")
def clip(body: BodyModel) -> Clip:
    motion, time_s = random_motion(body, seed=3, seconds=2.0)
    near = clip_of(motion, body, time_s)
    return with_pose(near, quaternions(near), near.trans + np.array([0.0, 4.0, 0.0]))


def test_soles_are_left_heel_left_toe_right_heel_right_toe(clip: Clip, body: BodyModel) -> None:
    """On the body at rest: heels behind toes, left at +x, both at the bottom of the feet."""
    zero = np.zeros_like(clip.poses)
    rest = np.broadcast_to(clip.rest_joints, clip.joints.shape)
    soles = sole_points(replaced(clip, poses=zero, joints=rest.copy()), body)[0]
    assert (soles[:2, 0] > 0).all()
    assert (soles[2:, 0] < 0).all()
    assert soles[0, 2] < soles[1, 2] - 0.1
    assert soles[2, 2] < soles[3, 2] - 0.1
    ankles = clip.rest_joints[[7, 8], 1]
    assert (soles[:, 1] < ankles.min()).all()


def test_the_lowest_sole_stands_at_zero(clip: Clip, body: BodyModel) -> None:
    grounded = put_on_ground(clip, body)
    lowest = sole_points(grounded, body)[..., 2].min(axis=1)
    assert np.quantile(lowest, OUTLIERS) == pytest.approx(0.0, abs=5e-3)


def test_nobody_sinks_into_the_ground(clip: Clip, body: BodyModel) -> None:
    """Feet that would stand lower are lifted, the person with them, picture and all."""
    grounded = put_on_ground(clip, body)
    lowest = sole_points(grounded, body)[..., 2].min(axis=1)
    assert lowest.min() > -1e-4
    np.testing.assert_array_equal(grounded.poses, clip.poses)
    pixels = grounded.camera.project(grounded.joints.astype(np.float64))
    assert np.linalg.norm(pixels - grounded.joints2d, axis=-1).max() < 0.05


def test_one_bad_frame_lifts_nobody(clip: Clip, body: BodyModel) -> None:
    count = 300
    still = {
        name: np.repeat(getattr(clip, name)[:1], count, axis=0)
        for name in ("poses", "trans", "joints", "joints2d", "scores", "contacts", "expression")
    }
    still |= {"tracked": np.ones(count, bool), "frame_index": np.arange(count)}
    calm = replaced(clip, **still, time_s=np.arange(count) / 30.0)
    calm.joints[100, :, 2] -= 5.0
    grounded = put_on_ground(calm, body)
    assert abs(float(sole_points(grounded, body)[0, :, 2].min())) < 0.01


def test_frames_that_were_filled_in_do_not_count(clip: Clip, body: BodyModel) -> None:
    joints, tracked = clip.joints.copy(), clip.tracked.copy()
    joints[:20, :, 2] -= 5.0
    tracked[:20] = False
    grounded = put_on_ground(replaced(clip, joints=joints, tracked=tracked), body)
    lowest = sole_points(grounded, body)[20:, :, 2].min(axis=1)
    assert np.quantile(lowest, OUTLIERS) == pytest.approx(0.0, abs=5e-3)


def test_the_first_pelvis_stands_above_the_origin(clip: Clip, body: BodyModel) -> None:
    grounded = put_on_ground(clip, body)
    np.testing.assert_allclose(grounded.joints[0, 0, :2], [0.0, 0.0], atol=1e-5)


def test_the_camera_moves_with_the_world_and_the_picture_stays(clip: Clip) -> None:
    shift = np.array([3.0, -2.0, 1.0])
    moved = shifted(clip, shift)
    np.testing.assert_allclose(moved.joints, clip.joints + shift, atol=1e-5)
    np.testing.assert_allclose(moved.trans, clip.trans + shift, atol=1e-5)
    pixels = moved.camera.project(moved.joints.astype(np.float64))
    assert np.linalg.norm(pixels - clip.joints2d, axis=-1).max() < 0.05
    np.testing.assert_array_equal(moved.joints2d, clip.joints2d)
    np.testing.assert_array_equal(moved.poses, clip.poses)


def test_feet_that_nobody_saw_lift_nobody(clip: Clip, body: BodyModel) -> None:
    """Somebody crouching behind something stays at their pixels; seen feet lift as ever."""
    scores = clip.scores.copy()
    scores[:, [7, 8]] = 1.0
    seen = put_on_ground(replaced(clip, scores=scores), body)
    scores[:, [7, 8]] = 0.05
    unseen = put_on_ground(replaced(clip, scores=scores), body)
    lifts = seen.joints[:, 0, 2] - unseen.joints[:, 0, 2]
    assert lifts.max() > 0.01
    assert lifts.min() > -1e-6
    kept = unseen.camera.project(unseen.joints.astype(np.float64))
    before = clip.camera.project(clip.joints.astype(np.float64))
    np.testing.assert_allclose(kept, before, atol=0.01)


def test_the_trust_in_feet_does_not_leap(clip: Clip, body: BodyModel) -> None:
    """Neither where they come into view, nor in frames filled in between such without."""
    scores, tracked = clip.scores.copy(), clip.tracked.copy()
    scores[:, [7, 8]] = 1.0
    seen = put_on_ground(replaced(clip, scores=scores), body)
    middle = len(tracked) // 2
    scores[:middle, [7, 8]] = 0.05
    tracked[5:9] = False
    half = put_on_ground(replaced(clip, scores=scores, tracked=tracked), body)
    unseen = put_on_ground(replaced(clip, scores=np.full_like(scores, 0.05)), body)
    share = (half.joints - unseen.joints)[:, 0, 2] - (half.joints - unseen.joints)[0, 0, 2]
    whole = (seen.joints - unseen.joints)[:, 0, 2]
    assert np.abs(share[:12]).max() < 1e-3
    np.testing.assert_allclose(share[middle + 12 :], whole[middle + 12 :], atol=5e-3)
