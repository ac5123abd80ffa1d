"""Contacts: feet that are low and still, by height and speed over true time."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import Clip, replaced
from pose2rig.core_inference.motion.contacts import (
    DRIFTED_M,
    FARTHEST_M,
    FEET,
    settled,
    stance_of,
    stretches,
    with_contacts,
)
from pose2rig.core_inference.motion.posing import quaternions, with_pose
from pose2rig.core_inference.motion.soles import sole_points
from pose2rig.core_inference.synthetic import known_motion
from pose2rig.rigs.skeleton import JOINT

from ..known_motions import AVERAGE, clip_of, turned, upright

Float64 = NDArray[np.float64]

COUNT = 90
TIME_S = np.arange(COUNT) / 30.0


@pytest.fixture(scope="module")
def standing(body: BodyModel) -> Clip:
    """Somebody who stands still for three seconds."""
    motion = known_motion(body, upright(COUNT), np.zeros((COUNT, 3)), AVERAGE)
    return clip_of(motion, body, TIME_S)


def contacts_of(clip: Clip, body: BodyModel) -> NDArray[np.float32]:
    return with_contacts(clip, stance_of(clip, body).contacts).contacts


def moved(clip: Clip, trans_T3: Float64) -> Clip:
    return with_pose(clip, quaternions(clip), clip.trans + trans_T3)


def test_whoever_stands_still_is_in_contact_with_both_feet(standing: Clip, body: BodyModel) -> None:
    contacts = contacts_of(standing, body)
    assert contacts.shape == (COUNT, 4)
    assert contacts.dtype == np.float32
    np.testing.assert_allclose(contacts, 1.0, atol=1e-6)


def test_a_jump_is_no_contact_while_in_the_air(standing: Clip, body: BodyModel) -> None:
    height = np.clip(1.0 - ((TIME_S - 1.5) / 0.4) ** 2, 0.0, None) * 0.5
    up = height[:, None] * np.array([0.0, 0.0, 1.0])
    contacts = contacts_of(moved(standing, up), body)
    assert contacts[height > 0.1].max() == 0.0
    assert contacts[np.abs(TIME_S - 1.5) > 0.6].min() > 0.99


def test_a_foot_that_slides_fast_is_no_contact(standing: Clip, body: BodyModel) -> None:
    slow, fast = (TIME_S[:, None] * np.array([speed, 0.0, 0.0]) for speed in (0.1, 1.0))
    assert contacts_of(moved(standing, slow), body).min() > 0.99
    assert contacts_of(moved(standing, fast), body).max() == 0.0


def test_the_columns_are_left_heel_left_toe_right_heel_right_toe(body: BodyModel) -> None:
    """The left foot lifts its toes, the right one goes up altogether with its knee bent."""
    rotations = upright(COUNT)
    phase = np.clip((TIME_S - 0.5) / 0.5, 0.0, 1.0)
    rotations[:, JOINT["left_ankle"]] = turned((1.0, 0.0, 0.0), -40.0 * phase)
    rotations[:, JOINT["right_hip"]] = turned((1.0, 0.0, 0.0), -80.0 * phase)
    rotations[:, JOINT["right_knee"]] = turned((1.0, 0.0, 0.0), 80.0 * phase)
    motion = known_motion(body, rotations, np.zeros((COUNT, 3)), AVERAGE)
    contacts = contacts_of(clip_of(motion, body, TIME_S), body)
    assert contacts[:10].min() > 0.99
    assert contacts[60:, 0].min() > 0.5
    assert contacts[60:, 1:].max() < 0.4


def test_a_foot_that_nobody_saw_is_in_no_contact(standing: Clip, body: BodyModel) -> None:
    scores = standing.scores.copy()
    scores[40:50, FEET[2:]] = 0.1
    contacts = contacts_of(replaced(standing, scores=scores), body)
    assert (contacts[40:50, 2:] == 0.0).all()
    assert contacts[40:50, :2].min() > 0.99
    assert contacts[:40].min() > 0.99


def column(start: int, stop: int, value: float = 1.0) -> Float64:
    """Contacts (T,4) of the left heel alone."""
    contacts = np.zeros((COUNT, 4))
    contacts[start:stop, 0] = value
    return contacts


def test_blinks_of_a_sole_that_stays_are_filled_and_those_of_one_that_lifts_are_not(
    standing: Clip, body: BodyModel
) -> None:
    blinking = column(10, 60)
    blinking[30:34, 0] = 0.0
    kept = settled(blinking, standing, body, "auto")
    np.testing.assert_array_equal(np.flatnonzero(kept[:, 0] > 0.5), np.arange(10, 60))
    hop = np.zeros((COUNT, 3))
    hop[30:34, 2] = 0.08
    kept = settled(blinking, moved(standing, hop), body, "auto")
    assert (kept[30:34, 0] == 0.0).all()
    pause = column(10, 60)
    pause[30:42, 0] = 0.0
    np.testing.assert_array_equal(settled(pause, standing, body, "auto"), pause)


def test_single_frames_are_no_contact(standing: Clip, body: BodyModel) -> None:
    assert not settled(column(20, 21), standing, body, "auto").any()


def test_a_slide_parts_a_contact_in_two(standing: Clip, body: BodyModel) -> None:
    """A third of a second of sliding by half a metre, between two places."""
    slide = np.clip((TIME_S - 1.3) / 0.3, 0.0, 1.0)[:, None] * np.array([0.5, 0.0, 0.0])
    kept = settled(column(5, 85), moved(standing, slide), body, "auto")[:, 0] > 0.5
    assert kept[5:36].all()
    assert kept[52:85].all()
    assert not kept[43:45].any()


def test_places_that_are_far_apart_are_not_both_stood_on_at_once(
    standing: Clip, body: BodyModel
) -> None:
    leap: Float64 = np.outer(0.3 * (TIME_S >= 1.5), [1.0, 0.0, 0.0])
    contacts = column(5, 85)
    contacts[45, 0] = 0.0
    kept = settled(contacts, moved(standing, leap), body, "auto")[:, 0] > 0.5
    assert kept[5:40].all()
    assert kept[50:85].all()
    assert not kept[43:47].any()


def gliding(body: BodyModel, *, fps: float, seconds: float, speed_m_s: float) -> Clip:
    """Somebody who stands and glides aside, evenly but for a millimetre."""
    count = round(fps * seconds)
    rng = np.random.default_rng(3)
    place_T3 = np.arange(count)[:, None] / fps * np.array([speed_m_s, 0.0, 0.0])
    place_T3 += rng.normal(0.0, 0.001, place_T3.shape)
    return clip_of(
        known_motion(body, upright(count), place_T3, AVERAGE), body, np.arange(count) / fps
    )


def stands_from(clip: Clip, body: BodyModel) -> list[Float64]:
    """How far (m) the left heel is from its place in each stretch it is said to stand, where all
    of the clip was taken for standing."""
    kept = settled(np.ones((len(clip.time_s), 4)), clip, body, "auto")
    heel_T3 = sole_points(clip, body)[:, 0]
    whole = [heel_T3[first:stop] for first, stop in stretches(kept[:, 0] > 0.5)]
    return [np.linalg.norm(path_T3 - np.median(path_T3, axis=0), axis=1) for path_T3 in whole]


@pytest.mark.parametrize("fps", [5.0, 8.0, 10.0, 30.0])
def test_a_slide_is_cut_at_any_frame_rate(body: BodyModel, fps: float) -> None:
    """A frame at 5 fps lasts longer than the pause between two contacts."""
    away = stands_from(gliding(body, fps=fps, seconds=6.0, speed_m_s=0.25), body)
    assert len(away) >= 4
    assert max(away_T.max() for away_T in away) <= FARTHEST_M


@pytest.mark.parametrize(("speed_m_s", "drifts"), [(0.04, True), (0.07, False)])
def test_who_glides_faster_than_a_drift_does_not_stand(
    body: BodyModel, speed_m_s: float, drifts: bool
) -> None:
    away = stands_from(gliding(body, fps=30.0, seconds=9.0, speed_m_s=speed_m_s), body)
    assert (len(away) == 1) == drifts
    assert (max(away_T.max() for away_T in away) > FARTHEST_M) == drifts


def test_a_drift_goes_only_so_far(body: BodyModel) -> None:
    away = stands_from(gliding(body, fps=30.0, seconds=30.0, speed_m_s=0.04), body)
    assert len(away) > 1
    assert FARTHEST_M < max(away_T.max() for away_T in away) <= DRIFTED_M
