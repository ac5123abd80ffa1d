"""Smoothing: no lag, the stated cutoffs, indifferent to signs, leaning on scores, true to time."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pose2rig.core_inference.motion.smoothing import (
    STRONGEST,
    Cutoffs,
    calm,
    half_power_sigma_s,
    lasting,
    scaled,
    sigma_cutoff_hz,
    smooth_rotations,
    smooth_vectors,
)
from pose2rig.rigs.rotation import (
    FloatArray,
    axis_angle_from_quaternion,
    quaternion_from_axis_angle,
)
from pose2rig.rigs.skeleton import BODY_PARTS, JOINT, JOINT_COUNT

Float64 = NDArray[np.float64]

AXIS: Float64 = np.array([0.6, 0.0, 0.8])
FAST = np.arange(1200) / 240.0


def turning(angle_T: Float64) -> FloatArray:
    """One joint (T,1,4) that turns about a fixed axis."""
    return quaternion_from_axis_angle(angle_T[:, None, None] * AXIS)


def angle_of(quaternion_TJ4: FloatArray) -> FloatArray:
    """The signed angle (T,) about the axis."""
    return axis_angle_from_quaternion(quaternion_TJ4)[:, 0] @ AXIS


def even(count: int, joints: int = 1) -> Float64:
    return np.ones((count, joints))


@pytest.mark.parametrize("cutoff_hz", [3.0, 6.0])
def test_a_wave_at_the_cutoff_keeps_half_its_power(cutoff_hz: float) -> None:
    """Amplitude 1/sqrt(2), for rotations and vectors alike, and without a shift in time."""
    wave = 0.2 * np.sin(2.0 * np.pi * cutoff_hz * FAST)
    cutoffs = np.array([cutoff_hz])
    inner = slice(240, -240)
    found = angle_of(smooth_rotations(turning(wave), FAST, even(len(FAST)), cutoffs))
    np.testing.assert_allclose(found[inner], wave[inner] / np.sqrt(2.0), atol=0.002)
    vectors = smooth_vectors(wave[:, None, None], FAST, even(len(FAST)), cutoffs)[:, 0, 0]
    np.testing.assert_allclose(vectors[inner], wave[inner] / np.sqrt(2.0), atol=0.002)


def test_slow_motion_passes_and_jitter_does_not() -> None:
    slow = 0.5 * np.sin(2.0 * np.pi * 0.3 * FAST)
    jitter = 0.05 * np.sin(2.0 * np.pi * 30.0 * FAST)
    found = angle_of(
        smooth_rotations(turning(slow + jitter), FAST, even(len(FAST)), np.array([5.0]))
    )
    assert np.abs(found - slow)[100:-100].max() < 0.005


def test_a_steady_turn_and_a_steady_walk_are_not_shifted() -> None:
    steady = 2.0 * FAST[:600] - 2.0
    cutoffs = np.array([4.0])
    found = angle_of(smooth_rotations(turning(steady), FAST[:600], even(600), cutoffs))
    np.testing.assert_allclose(found[60:-60], steady[60:-60], atol=1e-6)
    walk = steady[:, None, None] * np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(
        smooth_vectors(walk, FAST[:600], even(600), cutoffs), walk, atol=1e-9
    )


def test_a_symmetric_pulse_stays_symmetric_and_in_its_place() -> None:
    pulse = 0.8 * np.exp(-0.5 * ((np.arange(201) - 100) / 6.0) ** 2)
    time_s = np.arange(201) / 60.0
    found = angle_of(smooth_rotations(turning(pulse), time_s, even(201), np.array([3.0])))
    assert int(np.argmax(found)) == 100
    np.testing.assert_allclose(found, found[::-1], atol=1e-9)
    assert found.max() < pulse.max() - 0.05


def test_played_backwards_it_gives_the_same() -> None:
    generator = np.random.default_rng(1)
    motion = quaternion_from_axis_angle(np.cumsum(generator.normal(size=(80, 3, 3)) * 0.1, axis=0))
    weights = generator.uniform(0.1, 1.0, size=(80, 3))
    time_s = np.arange(80) / 30.0
    cutoffs = np.array([2.0, 5.0, 8.0])
    forwards = smooth_rotations(motion, time_s, weights, cutoffs)
    backwards = smooth_rotations(motion[::-1], time_s, weights[::-1], cutoffs)[::-1]
    np.testing.assert_allclose(forwards, backwards, atol=1e-9)


def test_the_signs_of_quaternions_do_not_matter() -> None:
    generator = np.random.default_rng(2)
    steps = np.cumsum(generator.normal(size=(120, 4, 3)) * 0.2, axis=0)
    motion = quaternion_from_axis_angle(steps)
    signs = generator.choice([-1.0, 1.0], size=(120, 4, 1))
    arguments = (np.arange(120) / 30.0, even(120, 4), np.full(4, 4.0))
    plain = smooth_rotations(motion, *arguments)
    flipped = smooth_rotations(motion * signs, *arguments)
    np.testing.assert_allclose(flipped, plain * signs, atol=1e-12)


def test_rotations_through_pi_are_smoothed_without_a_jump() -> None:
    angle = np.pi + 0.5 * np.sin(2.0 * np.pi * 0.5 * FAST)
    wrapped = Rotation.from_rotvec(angle[:, None] * AXIS).as_rotvec()
    motion = quaternion_from_axis_angle(wrapped[:, None])
    found = smooth_rotations(motion, FAST, even(len(FAST)), np.array([5.0]))
    turns = Rotation.from_quat(np.roll(found[:, 0], -1, axis=-1))
    truth = Rotation.from_rotvec(angle[:, None] * AXIS)
    assert np.degrees((turns.inv() * truth).magnitude())[60:-60].max() < 0.5


def test_a_doubtful_frame_leans_on_its_neighbours_and_barely_moves_them() -> None:
    angle = np.zeros(61)
    angle[30] = 1.0
    time_s = np.arange(61) / 30.0
    doubtful = even(61)
    doubtful[30] = 0.02
    cutoffs = np.array([5.0])
    sure = angle_of(smooth_rotations(turning(angle), time_s, even(61), cutoffs))
    found = angle_of(smooth_rotations(turning(angle), time_s, doubtful, cutoffs))
    assert found[30] < 0.1 < sure[30]
    assert found[29] < 0.1 * sure[29]
    vectors = smooth_vectors(angle[:, None, None], time_s, doubtful, cutoffs)[:, 0, 0]
    assert vectors[30] < 0.1


def test_the_common_size_of_weights_does_not_matter() -> None:
    generator = np.random.default_rng(3)
    motion = quaternion_from_axis_angle(generator.normal(size=(40, 1, 3)) * 0.3)
    weights = generator.uniform(0.1, 1.0, size=(40, 1))
    time_s, cutoffs = np.arange(40) / 30.0, np.array([4.0])
    np.testing.assert_allclose(
        smooth_rotations(motion, time_s, weights, cutoffs),
        smooth_rotations(motion, time_s, 0.05 * weights, cutoffs),
        atol=1e-12,
    )


def test_time_stamps_count_and_not_frames() -> None:
    """A motion sampled at a varying rate comes out as the same motion sampled evenly."""
    step_s = np.where(np.arange(900) < 450, 1 / 120.0, 1 / 60.0)
    time_s = np.concatenate([[0.0], np.cumsum(step_s)])
    wave = 0.3 * np.sin(2.0 * np.pi * 4.0 * time_s)
    found = angle_of(smooth_rotations(turning(wave), time_s, even(901), np.array([4.0])))
    inner = np.r_[60:430, 470:840]
    np.testing.assert_allclose(found[inner], wave[inner] / np.sqrt(2.0), atol=0.004)


def test_one_joints_cutoff_is_not_anothers() -> None:
    wave = 0.2 * np.sin(2.0 * np.pi * 4.0 * FAST)
    both = np.concatenate([turning(wave), turning(wave)], axis=1)
    found = smooth_rotations(both, FAST, even(len(FAST), 2), np.array([1.0, 40.0]))
    angles = axis_angle_from_quaternion(found) @ AXIS
    assert np.abs(angles[240:-240, 0]).max() < 0.01
    np.testing.assert_allclose(angles[240:-240, 1], wave[240:-240], atol=0.005)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_shortest_clips_can_be_smoothed(count: int) -> None:
    motion = quaternion_from_axis_angle(np.random.default_rng(4).normal(size=(count, 1, 3)) * 0.2)
    time_s, cutoffs = np.arange(count) / 30.0, np.array([2.0])
    found = smooth_rotations(motion, time_s, even(count), cutoffs)
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1.0)
    assert np.isfinite(smooth_vectors(motion[..., 1:], time_s, even(count), cutoffs)).all()


def test_every_joint_has_the_cutoff_of_its_part() -> None:
    cutoffs = Cutoffs(arms=11.0, wrists=22.0, fingers=33.0)
    hertz = cutoffs.per_joint()
    assert hertz.shape == (JOINT_COUNT,)
    assert hertz[JOINT["left_elbow"]] == 11.0
    assert hertz[JOINT["right_wrist"]] == 22.0
    assert set(hertz[list(BODY_PARTS["fingers"])].tolist()) == {33.0}
    assert (hertz > 0.0).all()


def test_strength_scales_the_cutoffs() -> None:
    cutoffs = np.array([3.0, 6.0])
    np.testing.assert_allclose(scaled(cutoffs, 0.5), cutoffs)
    np.testing.assert_allclose(scaled(cutoffs, 1.0), cutoffs / STRONGEST)
    strengths = [scaled(cutoffs, s)[0] for s in (0.01, 0.1, 0.3, 0.5, 0.8, 1.0)]
    assert strengths == sorted(strengths, reverse=True)
    assert strengths[0] > 10.0 * cutoffs[0]


def test_a_width_and_its_frequency_belong_together() -> None:
    sigma_s = float(half_power_sigma_s(np.array([4.0]))[0])
    assert sigma_cutoff_hz(sigma_s) == pytest.approx(4.0)
    gain = np.exp(-0.5 * (2.0 * np.pi * 4.0 * sigma_s) ** 2)
    assert gain == pytest.approx(1.0 / np.sqrt(2.0))


def test_a_calm_path_is_one_smoothed_with_even_weights() -> None:
    path_T2 = np.random.default_rng(2).normal(size=(90, 2))
    smooth = smooth_vectors(path_T2[:, None], FAST[:90], even(90), np.array([4.0]))[:, 0]
    np.testing.assert_array_equal(calm(path_T2, FAST[:90], 4.0), smooth)
    np.testing.assert_array_equal(calm(path_T2[:1], FAST[:1], 4.0), path_T2[:1])


def test_a_share_keeps_what_lasts_and_loses_what_passes() -> None:
    share_T = np.zeros(len(FAST))
    share_T[240:250] = 1.0
    share_T[480:960] = 1.0
    kept_T = lasting(share_T, FAST, 3.0)
    assert kept_T[240:250].max() < 0.4
    np.testing.assert_allclose(kept_T[600:840], 1.0, atol=1e-6)
    assert (kept_T <= share_T).all()
    assert (kept_T >= 0.0).all()
    assert np.abs(np.diff(kept_T[485:955])).max() < 0.05
