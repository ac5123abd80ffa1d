"""Figures of a take by itself, on motions whose figures are known."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.core_inference.clip import Clip, RawTake
from pose2rig.core_inference.metrics import (
    bone_length_variation,
    derivative,
    floor_penetration,
    foot_slide,
    jerk,
    quality,
    quality_card,
    worst_frame,
)
from pose2rig.core_inference.motion.posing import quaternions, with_pose
from pose2rig.core_inference.motion.single_frames import single_frames
from pose2rig.core_inference.motion.soles import sole_points
from pose2rig.core_inference.motion.stack import MotionSettings, process
from pose2rig.core_inference.synthetic import exact_take, known_motion

from .conftest import rows_of
from .known_motions import AVERAGE, FPS, clip_of, random_motion, upright


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_open_body()


def standing(body: BodyModel, frames: int, speed_m_s: float = 0.0) -> Clip:
    """A person in the T-pose, the soles on the ground, gliding along x."""
    rotations = upright(frames)
    time_s = np.arange(frames) / FPS
    still = known_motion(body, rotations[:1], np.zeros((1, 3)), AVERAGE)
    height = float(sole_points(clip_of(still, body, np.zeros(1)), body)[..., 2].min())
    trans = np.stack([speed_m_s * time_s, 0 * time_s, 0 * time_s - height], axis=-1)
    return clip_of(known_motion(body, rotations, trans, AVERAGE), body, time_s)


def test_an_exact_clip_has_clean_figures(body: BodyModel):
    motion, time_s = random_motion(body, 1, seconds=1.0)
    raw = exact_take(motion, body, time_s)
    clip = clip_of(motion, body, time_s)
    seen = replace(clip, joints2d=raw.joints2d)
    figures = quality(seen, raw, body)
    assert figures.frames == figures.frames_tracked == len(time_s)
    assert figures.coverage == figures.mean_score == 1.0
    assert figures.reprojection_px == 0.0
    assert figures.bone_length_cv < 1e-5


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_every_figure_is_finite_and_json_ready_for_short_clips(body: BodyModel, frames: int):
    motion, time_s = random_motion(body, 2, seconds=1.0)
    short = known_motion(
        body,
        motion.rotations[:frames],
        motion.joints[:frames, 0] - body.rest_joints(AVERAGE)[0],
        AVERAGE,
    )
    clip = clip_of(short, body, time_s[:frames])
    for contacts in (np.zeros((frames, 4)), np.ones((frames, 4))):
        marked = replace(clip, contacts=contacts.astype(np.float32))
        figures = quality(marked, exact_take(short, body, time_s[:frames]), body).as_dict()
        assert all(np.isfinite(value) for value in figures.values())
        assert json.loads(json.dumps(figures)) == figures


def test_coverage_and_score_count_seen_rows(body: BodyModel):
    clip = standing(body, 10)
    tracked = np.arange(10) < 6
    scores = np.where(tracked[:, None], 0.8, 0.0).astype(np.float32) * np.ones((10, 55))
    figures = quality(replace(clip, tracked=tracked, scores=scores.astype(np.float32)), None, body)
    assert (figures.frames, figures.frames_tracked) == (10, 6)
    assert figures.coverage == pytest.approx(0.6)
    assert figures.mean_score == pytest.approx(0.8)


def test_reprojection_is_the_median_over_sure_detections_of_the_same_frames(body: BodyModel):
    motion, time_s = random_motion(body, 3, seconds=1.0)
    clip = clip_of(motion, body, time_s, first_frame=0)
    raw = exact_take(motion, body, time_s)
    scores = raw.scores.copy()
    scores[:, 22:] = 0.4
    joints2d = clip.joints2d + np.array([3.0, 4.0], dtype=np.float32)
    joints2d[:, 22:] += 500.0
    later = slice(10, None)
    raw = replace(
        raw,
        **{
            name: getattr(raw, name)[later]
            for name in ("frame_index", "time_s", "boxes", "landmarks2d", "landmarks3d")
        },
        landmark_scores=raw.landmark_scores[later],
        scores=scores[later],
        joints2d=joints2d[later],
    )
    assert quality(clip, raw, body).reprojection_px == pytest.approx(5.0, abs=1e-3)


def test_jerk_of_a_cubic_is_its_third_derivative_at_uneven_times():
    rng = np.random.default_rng(4)
    time_s = np.cumsum(rng.uniform(0.01, 0.05, 20))
    cubic = np.stack([2.0 * time_s**3, time_s**2, 5.0 * time_s], axis=-1)[:, None]
    assert jerk(cubic, time_s) == pytest.approx(12.0, rel=1e-6)


def test_jitter_reports_tens_of_m_s3(body: BodyModel):
    clip = standing(body, 20)
    shaken = clip.joints + np.where(np.arange(20) % 2, 0.001, 0.0).astype(np.float32)[:, None, None]
    figures = quality(replace(clip, joints=shaken.astype(np.float32)), None, body)
    expected = 4 * 0.001 * np.sqrt(3) * FPS**3 / 10.0
    assert figures.jitter_10m_s3 == pytest.approx(expected, rel=0.01)


def test_feet_that_glide_while_in_contact_slide(body: BodyModel):
    clip = standing(body, 15, speed_m_s=0.2)
    standing_feet = replace(clip, contacts=np.ones((15, 4), dtype=np.float32))
    assert quality(standing_feet, None, body).foot_slide_cm_s == pytest.approx(20.0, rel=1e-3)
    assert quality(clip, None, body).foot_slide_cm_s == 0.0


def test_only_frames_in_contact_count_as_slide():
    soles = np.zeros((6, 4, 3))
    soles[3:, 0, 0] = [0.1, 0.2, 0.3]
    contacts = np.zeros((6, 4), dtype=np.float32)
    contacts[:2, 0] = 1.0
    assert foot_slide(soles, contacts, np.arange(6) / 10.0) == 0.0


def test_penetration_is_the_mean_depth_of_the_deepest_point(body: BodyModel):
    soles = np.full((4, 4, 3), 0.5)
    soles[0, 2, 2], soles[1, 1, 2], soles[1, 3, 2] = -0.08, -0.04, -0.02
    assert floor_penetration(soles) == pytest.approx(0.03)
    clip = standing(body, 5)
    assert quality(clip, None, body).floor_penetration_cm < 1e-3
    sunk = with_pose(clip, quaternions(clip), clip.trans.astype(np.float64) - [0.0, 0.0, 0.02])
    assert quality(sunk, None, body).floor_penetration_cm == pytest.approx(2.0, rel=1e-3)


def test_bones_that_change_their_length_are_seen(body: BodyModel):
    joints = standing(body, 10).joints.astype(np.float64)
    assert bone_length_variation(joints) < 1e-6
    breathing = joints * np.linspace(0.9, 1.1, 10)[:, None, None]
    expected = np.linspace(0.9, 1.1, 10).std()
    assert bone_length_variation(breathing) == pytest.approx(expected, rel=1e-4)


def test_the_variation_of_some_bones_alone():
    """One bone swings between 1 and 3 m, mean 2 and deviation 1; the other stays."""
    joints = np.zeros((4, 3, 3))
    joints[:, 1, 0] = [1.0, 3.0, 1.0, 3.0]
    joints[:, 2, 1] = 5.0
    assert bone_length_variation(joints, [(1, 0)]) == pytest.approx(0.5)
    assert bone_length_variation(joints, [(2, 0)]) == 0.0
    assert bone_length_variation(joints, [(1, 0), (2, 0)]) == pytest.approx(0.25)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_of_polynomials_are_exact_at_uneven_times(order: int):
    time_s = np.cumsum(np.random.default_rng(12).uniform(0.01, 0.2, 9))
    powers = np.stack([2.0 * time_s**order, time_s ** (order - 1), -(time_s**order)], axis=-1)
    wanted = np.array([2.0, 0.0, -1.0]) * [1, 1, 2, 6][order]
    found = derivative(powers[:, None], time_s, order)
    assert found.shape == (9 - order, 1, 3)
    assert found[:, 0] == pytest.approx(np.tile(wanted, (9 - order, 1)), abs=1e-8)


# --- the quality card --------------------------------------------------------------------------


def shaken(raw: RawTake, row: int, shift_px: float) -> RawTake:
    """The take with one frame's detections somewhere else."""
    joints2d = raw.joints2d.copy()
    joints2d[row] += shift_px
    return replace(raw, joints2d=joints2d)


def test_the_card_has_every_figure_before_and_after(body: BodyModel):
    """Single frames of noisy landmarks shake more than the clip that is made of them all."""
    motion, time_s = random_motion(body, 3, seconds=1.5)
    take = exact_take(motion, body, time_s)
    random = np.random.default_rng(5)
    noise = random.normal(0.0, 4.0, take.landmarks2d.shape).astype(np.float32)
    raw = replace(take, landmarks2d=take.landmarks2d + noise)
    clip = process(raw, body, MotionSettings())
    card = quality_card(clip, raw, body)
    told = card.as_dict()
    assert set(told) == {*card.after.as_dict(), "before", "worst_frame"}
    assert set(told["before"]) == set(card.after.as_dict())
    assert card.after == quality(clip, raw, body)
    assert card.before.frames == card.after.frames
    assert card.before.jitter_10m_s3 > 1.25 * card.after.jitter_10m_s3
    assert quality_card(clip, raw, body, single_frames(raw, body)) == card
    json.dumps(told, allow_nan=False)


def test_the_figures_before_are_of_every_source_frame_where_some_were_not_seen(body: BodyModel):
    motion, time_s = random_motion(body, 4, seconds=1.5)
    raw = rows_of(exact_take(motion, body, time_s), np.delete(np.arange(len(time_s)), [9, 10]), 7)
    clip = process(raw, body, MotionSettings())
    card = quality_card(clip, raw, body)
    assert (card.before.frames, card.before.frames_tracked) == (len(time_s), len(time_s) - 2)


def seen_standing(body: BodyModel, frames: int) -> tuple[Clip, RawTake]:
    """A clip of a person who stands still, and the take that shows exactly this."""
    clip = standing(body, frames)
    motion = known_motion(body, upright(frames), clip.trans.astype(np.float64), AVERAGE)
    take = rows_of(exact_take(motion, body, clip.time_s), np.arange(frames), 100)
    return replace(clip, frame_index=take.frame_index, joints2d=take.joints2d), take


@pytest.mark.parametrize("worst", [0, 3, 20])
def test_the_worst_frame_is_named_by_its_number_in_the_footage(body: BodyModel, worst: int):
    """Where pixels are far off, where a foot in contact leaps, where one sinks."""
    clip, raw = seen_standing(body, 25)
    assert worst_frame(clip, shaken(raw, worst, 80.0), body) == 100 + worst
    sunk = clip.joints.copy()
    sunk[worst:, :, 2] -= 0.2 * np.exp(-np.arange(25 - worst))[:, None]
    assert worst_frame(replace(clip, joints=sunk), raw, body) in range(98 + worst, 103 + worst)
    slid = clip.joints.copy()
    slid[worst:, :, 0] += 0.2
    marked = replace(clip, joints=slid, contacts=np.ones_like(clip.contacts))
    assert worst_frame(marked, raw, body) in range(98 + worst, 103 + worst) or worst == 0


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_the_worst_frame_of_a_short_clip_is_one_of_its_own(body: BodyModel, frames: int):
    clip, raw = seen_standing(body, frames)
    assert worst_frame(clip, raw, body) in clip.frame_index
