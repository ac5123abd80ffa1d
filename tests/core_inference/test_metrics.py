"""Figures of a take and errors against the truth, on motions whose figures are known."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.core_inference.clip import Clip
from pose2rig.core_inference.metrics import (
    accelerations,
    aligned_joint_errors,
    bone_length_variation,
    contact_f1,
    floor_penetration,
    foot_slide,
    jerk,
    joint_errors,
    level_alignment,
    quality,
    rotation_errors,
    similarity_aligned,
)
from pose2rig.core_inference.motion.ground import sole_points
from pose2rig.core_inference.motion.posing import quaternions, with_pose
from pose2rig.core_inference.synthetic import exact_take, known_motion
from pose2rig.rigs.rotation import matrix_from_axis_angle

from .known_motions import AVERAGE, FPS, Float64, clip_of, random_motion, upright


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_open_body()


def points(seed: int, frames: int = 7, count: int = 12) -> Float64:
    return np.random.default_rng(seed).normal(0.0, 0.5, (frames, count, 3))


def turn(*axis_angle: float) -> Float64:
    return np.asarray(matrix_from_axis_angle(np.array(axis_angle)), dtype=np.float64)


def standing(body: BodyModel, frames: int, speed_m_s: float = 0.0) -> Clip:
    """A person in the T-pose, the soles on the ground, gliding along x."""
    rotations = upright(frames)
    time_s = np.arange(frames) / FPS
    still = known_motion(body, rotations[:1], np.zeros((1, 3)), AVERAGE)
    height = float(sole_points(clip_of(still, body, np.zeros(1)), body)[..., 2].min())
    trans = np.stack([speed_m_s * time_s, 0 * time_s, 0 * time_s - height], axis=-1)
    return clip_of(known_motion(body, rotations, trans, AVERAGE), body, time_s)


# --- figures of a take by itself ---------------------------------------------------------------


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


# --- errors against a known motion -------------------------------------------------------------


def test_joint_errors_are_distances():
    truth = points(5)
    assert joint_errors(truth + [0.0, 0.03, 0.04], truth) == pytest.approx(0.05)


def test_similarity_alignment_undoes_turn_scale_and_shift_of_every_frame():
    truth = points(6)
    moved = np.stack([(1 + 0.1 * k) * p @ turn(k, 1.0, -0.5).T + k for k, p in enumerate(truth)])
    assert aligned_joint_errors(moved, truth).max() < 1e-12
    assert similarity_aligned(moved, truth) == pytest.approx(truth)


def test_similarity_alignment_does_not_mirror():
    truth = points(7)
    assert aligned_joint_errors(truth * [-1.0, 1.0, 1.0], truth).mean() > 0.1


def test_similarity_alignment_is_the_best_there_is():
    truth, guess = points(8, frames=1), points(9, frames=1)
    best = (joint_errors(similarity_aligned(guess, truth), truth) ** 2).sum()
    rng = np.random.default_rng(10)
    aligned = similarity_aligned(guess, truth)
    for _ in range(50):
        nudge = turn(*rng.normal(0.0, 0.05, 3)) * rng.normal(1.0, 0.02)
        nudged = aligned @ nudge.T + rng.normal(0.0, 0.01, 3)
        assert (joint_errors(nudged, truth) ** 2).sum() >= best


def test_rotation_errors_are_geodesic():
    truth = np.broadcast_to(turn(0.3, 0.2, 0.1), (2, 3, 3, 3))
    off = truth @ turn(0.0, np.radians(25.0), 0.0)
    assert np.degrees(rotation_errors(off, truth)) == pytest.approx(25.0)


def test_acceleration_is_relative_to_the_moving_origin():
    frames = np.arange(10.0)
    origin = np.stack([frames**3, frames, 0 * frames], axis=-1)
    joints = (
        origin[:, None] + np.stack([0.002 * frames**2, 0 * frames, 0 * frames], axis=-1)[:, None]
    )
    assert accelerations(joints, origin) == pytest.approx(0.004)
    assert accelerations(joints[:2], origin[:2]).tolist() == [[0.0]]


def test_level_alignment_finds_turn_about_z_and_shift():
    source = points(11).reshape(-1, 3)
    wanted = turn(0.0, 0.0, 2.5)
    found, shift = level_alignment(source, source @ wanted.T + [1.0, -2.0, 3.0])
    assert found == pytest.approx(wanted)
    assert source @ found.T + shift == pytest.approx(source @ wanted.T + [1.0, -2.0, 3.0])


def test_contact_f1():
    true = np.array([[1, 1, 0, 0]], dtype=np.float32)
    said = np.array([[0.9, 0.2, 0.7, 0]], dtype=np.float32)
    assert contact_f1(said, true) == pytest.approx(0.5)
    assert contact_f1(true, true) == 1.0
    assert contact_f1(0 * true, true) == 0.0
    assert contact_f1(0 * true, 0 * true) == 1.0
