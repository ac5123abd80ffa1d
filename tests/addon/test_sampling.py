"""Clips at whole scene frames: the time rule, SO(3), and channels without jumps."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.addon.sampling import FrameTiming, axis_angle_channels, keyframes_from_clip
from pose2rig.core_inference.clip import replaced
from pose2rig.rigs.errors import ClipFileError
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.rotation import (
    angle_between,
    axis_angle_from_quaternion,
    matrix_from_axis_angle,
    matrix_from_quaternion,
    quaternion_from_axis_angle,
    sign_continuous,
    wrap_continuous,
)


def _degrees(left: NDArray[np.floating], right: NDArray[np.floating]) -> float:
    return float(np.degrees(angle_between(left, right).max()))


def test_same_rate_gives_every_row_and_nothing_else(make_clip) -> None:
    """At the clip's own rate each row is a key, the pelvis with the upright turn taken off."""
    clip = make_clip(frames=40)
    keys = keyframes_from_clip(clip, FrameTiming(fps=30.0, first_frame=1))
    assert keys.frames.tolist() == list(range(1, 41))
    rows = matrix_from_axis_angle(clip.poses.astype(np.float64).reshape(-1, 55, 3))
    rows[:, 0] = UPRIGHT.T @ rows[:, 0]
    assert _degrees(matrix_from_quaternion(keys.rotations), rows) < 1e-4


def test_pelvis_location_is_the_way_from_its_rest_place(make_clip) -> None:
    """Rest place plus the location turned upright is the clip's pelvis."""
    clip = make_clip(frames=40)
    keys = keyframes_from_clip(clip, FrameTiming(fps=30.0, first_frame=1))
    pelvis = (clip.rest_joints[0] + keys.root_location) @ UPRIGHT.T
    assert np.abs(pelvis - clip.joints[:, 0]).max() < 1e-6


def test_other_rates_sample_the_motion_at_the_frames_times(make_clip) -> None:
    """30 fps footage in a 24 fps scene: every whole frame holds the motion of its own time."""
    clip = make_clip(frames=91, fps=30.0)
    keys = keyframes_from_clip(clip, FrameTiming(fps=24.0, first_frame=101))
    assert keys.frames.tolist() == list(range(101, 101 + 73))
    exact = make_clip(time_s=(keys.frames - 101) / 24.0)
    rows = matrix_from_axis_angle(exact.poses.astype(np.float64).reshape(-1, 55, 3))
    sampled = matrix_from_quaternion(keys.rotations)
    assert _degrees(sampled[:, 1:], rows[:, 1:]) < 0.05  # chords of a curved motion
    pelvis = (clip.rest_joints[0] + keys.root_location) @ UPRIGHT.T
    assert np.abs(pelvis - exact.joints[:, 0]).max() < 1e-3


def test_variable_rate_keeps_true_time(make_clip) -> None:
    """Samples at uneven times: a key between them is where the motion is then, not by count."""
    time_s = np.cumsum(np.random.default_rng(2).uniform(0.01, 0.06, 80))
    keys = keyframes_from_clip(make_clip(time_s=time_s), FrameTiming(fps=30.0, first_frame=0))
    assert keys.frames[0] == np.ceil(time_s[0] * 30.0)
    assert keys.frames[-1] == np.floor(time_s[-1] * 30.0)
    exact = make_clip(time_s=keys.frames / 30.0)
    rows = matrix_from_axis_angle(exact.poses.astype(np.float64).reshape(-1, 55, 3))
    assert _degrees(matrix_from_quaternion(keys.rotations)[:, 1:], rows[:, 1:]) < 0.1


def test_one_sample_between_frames_makes_one_key(make_clip) -> None:
    """A single image, and a clip shorter than a frame, still give a key."""
    clip = make_clip(time_s=np.array([0.39 / 24.0]))
    assert keyframes_from_clip(clip, FrameTiming(fps=24.0, first_frame=1)).frames.tolist() == [1]


def test_rounded_time_stamps_stand_on_their_frames(make_clip) -> None:
    """Time stamps rounded to float32 do not lose the last frame."""
    time_s = (np.arange(3000) / 29.97).astype(np.float32).astype(np.float64)[-50:]
    keys = keyframes_from_clip(
        make_clip(time_s=time_s), FrameTiming(fps=29.97, first_frame=1, origin_s=float(time_s[0]))
    )
    assert keys.frames.tolist() == list(range(1, 51))


@pytest.mark.parametrize("fps", [5.0, 24.0, 30000 / 1001, 30.0, 60.0, 120.0])
def test_stamps_rounded_to_milliseconds_give_one_key_per_row(make_clip, fps: float) -> None:
    """From whatever row on, at the rate itself and at the mean rate of the rounded stamps."""
    stamps = np.round(np.arange(150) / fps, 3)
    clip = make_clip(frames=50, fps=fps)
    for start in range(100):
        time_s = stamps[start : start + 50]
        for rate in (fps, 49 / (time_s[-1] - time_s[0])):
            timing = FrameTiming(fps=rate, first_frame=1, origin_s=float(time_s[0]))
            keys = keyframes_from_clip(replaced(clip, time_s=time_s), timing)
            assert keys.frames.tolist() == list(range(1, 51)), (start, rate)
    rows = matrix_from_axis_angle(clip.poses.astype(np.float64).reshape(-1, 55, 3))
    assert _degrees(matrix_from_quaternion(keys.rotations[:, 1:]), rows[:, 1:]) < 1e-4


def test_a_span_that_no_memory_holds_is_refused(make_clip) -> None:
    """Two samples a year apart: one clear error before anything is made."""
    clip = make_clip(time_s=np.array([0.0, 3.2e7]))
    with pytest.raises(ClipFileError, match="too long"):
        keyframes_from_clip(clip, FrameTiming(fps=30.0, first_frame=1))


def _spins() -> NDArray[np.floating]:
    time = np.linspace(0.0, 1.0, 300)
    vectors = np.zeros((300, 4, 3))
    vectors[:, 0] = np.outer(25.0 * (time - 0.5), [0.6, 0.0, 0.8])
    vectors[:, 1] = np.outer(np.sin(9.0 * time), [0.0, 0.0, 1.0])
    vectors[150:, 3] = np.outer(time[150:], [1.0, 0.0, 0.0])
    return sign_continuous(quaternion_from_axis_angle(vectors))


def test_channels_do_not_jump_at_zero_or_pi() -> None:
    """Four turns through pi, swings through zero, no motion at all, and motion from standstill."""
    steps = np.abs(np.diff(axis_angle_channels(_spins()), axis=0)).max(axis=(0, 2))
    assert steps[:2].max() < 0.1
    assert steps[2] == 0.0
    assert steps[3] < 0.6  # the start from standstill itself


def test_channels_are_the_wrap_continuous_axis_angle_with_unit_axes() -> None:
    """Angle times axis is rigs.rotation's wrap-continuous vector; axes are unit everywhere."""
    spins = _spins()
    channels = axis_angle_channels(spins)
    vectors = channels[..., :1] * channels[..., 1:]
    assert np.allclose(vectors, wrap_continuous(axis_angle_from_quaternion(spins)), atol=1e-9)
    assert np.allclose(np.linalg.norm(channels[..., 1:], axis=-1), 1.0)


@pytest.mark.parametrize("fps", [5.0, 24.0, 59.94])
def test_linear_channels_between_keys_stay_near_the_motion(make_clip, fps: float) -> None:
    """Half a frame between two keys, as motion blur sees it, is no wild pose."""
    keys = keyframes_from_clip(make_clip(frames=90), FrameTiming(fps=fps, first_frame=1))
    channels = axis_angle_channels(keys.rotations)
    middle = 0.5 * (channels[1:] + channels[:-1])
    axis = middle[..., 1:] / np.linalg.norm(middle[..., 1:], axis=-1, keepdims=True)
    between = matrix_from_axis_angle(middle[..., :1] * axis)
    whole = matrix_from_quaternion(keys.rotations)
    step = angle_between(whole[1:], whole[:-1])
    away = angle_between(between, whole[1:]) + angle_between(between, whole[:-1])
    assert (away - step).max() < np.radians(3.0)
