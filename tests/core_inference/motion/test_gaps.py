"""Gaps: one row per source frame, filled by slerp, flagged and without score."""

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import Clip, replaced
from pose2rig.core_inference.motion.gaps import fill_gaps
from pose2rig.core_inference.motion.posing import quaternions, with_pose
from pose2rig.rigs.rotation import (
    angle_between,
    matrix_from_quaternion,
    resample,
    slerp,
)

from ..known_motions import clip_of, random_motion

ROWS = (
    "poses", "trans", "expression", "joints", "joints2d", "scores", "tracked", "contacts",
    "time_s", "frame_index",
)  # fmt: skip
FIRST = 5


@pytest.fixture(scope="module")
def whole(body: BodyModel) -> Clip:
    motion, time_s = random_motion(body, seed=2, seconds=1.0)
    near = clip_of(motion, body, time_s, first_frame=FIRST)
    clip = with_pose(near, quaternions(near), near.trans + np.array([0.0, 4.0, 0.0]))
    return replaced(clip, contacts=np.full_like(clip.contacts, 0.7))


def without(clip: Clip, missing: list[int]) -> Clip:
    keep = np.setdiff1d(np.arange(len(clip.frame_index)), missing)
    return replaced(clip, **{name: getattr(clip, name)[keep] for name in ROWS})


def test_a_clip_without_gaps_is_left_alone(whole: Clip) -> None:
    assert fill_gaps(whole, whole.time_s) is whole


def test_every_source_frame_has_a_row_and_the_filled_ones_are_flagged(whole: Clip) -> None:
    missing = [4, 11, 12, 13]
    filled = fill_gaps(without(whole, missing), whole.time_s)
    np.testing.assert_array_equal(filled.frame_index, whole.frame_index)
    np.testing.assert_array_equal(filled.time_s, whole.time_s)
    assert np.flatnonzero(~filled.tracked).tolist() == missing
    assert (filled.scores[missing] == 0.0).all()
    assert (filled.contacts[missing] == 0.0).all()
    assert filled.coverage == pytest.approx(26 / 30)


def test_rows_that_were_seen_stay_as_they_are(whole: Clip) -> None:
    missing = [4, 11, 12, 13]
    filled = fill_gaps(without(whole, missing), whole.time_s)
    seen = np.setdiff1d(np.arange(30), missing)
    np.testing.assert_array_equal(filled.scores[seen], whole.scores[seen])
    np.testing.assert_array_equal(filled.contacts[seen], whole.contacts[seen])
    np.testing.assert_allclose(filled.joints[seen], whole.joints[seen], atol=1e-5)
    np.testing.assert_allclose(filled.joints2d[seen], whole.joints2d[seen], atol=0.02)


def test_rotations_go_by_slerp_and_the_root_in_a_straight_line(whole: Clip) -> None:
    filled = fill_gaps(without(whole, [11, 12, 13]), whole.time_s)
    ends = quaternions(whole)[[10, 14]]
    for row, share in ((11, 0.25), (12, 0.5), (13, 0.75)):
        expected = slerp(ends[0], ends[1], np.full(55, share))
        found = quaternions(filled)[row]
        off = angle_between(matrix_from_quaternion(found), matrix_from_quaternion(expected))
        assert np.degrees(off).max() < 0.01
        line = (1 - share) * whole.trans[10] + share * whole.trans[14]
        np.testing.assert_allclose(filled.trans[row], line, atol=1e-5)


def test_filling_goes_by_time_and_not_by_count(whole: Clip) -> None:
    """A frame missing near the end of a long step is near the frame after it."""
    time_s = whole.time_s.copy()
    time_s[12:] += 0.1
    clip = without(replaced(whole, time_s=time_s), [12])
    filled = fill_gaps(clip, time_s)
    share = (time_s[12] - time_s[11]) / (time_s[13] - time_s[11])
    assert share == pytest.approx(0.8, abs=0.01)
    line = (1 - share) * whole.trans[11] + share * whole.trans[13]
    np.testing.assert_allclose(filled.trans[12], line, atol=1e-5)


def test_bones_keep_their_lengths_in_a_gap(whole: Clip) -> None:
    filled = fill_gaps(without(whole, [11, 12, 13]), whole.time_s)
    thigh = np.linalg.norm(filled.joints[:, 4] - filled.joints[:, 1], axis=-1)
    assert np.ptp(thigh) < 1e-5


def test_filled_rows_are_those_of_a_resampled_motion(whole: Clip) -> None:
    clip = without(whole, [3, 20, 21])
    filled = fill_gaps(clip, whole.time_s)
    expected = resample(quaternions(clip), clip.time_s, whole.time_s)
    off = angle_between(
        matrix_from_quaternion(quaternions(filled)), matrix_from_quaternion(expected)
    )
    assert np.degrees(off).max() < 0.01
