"""Errors over time against values found by hand."""

import numpy as np
import pytest

from pose2rig.core_inference.motion_metrics import (
    acceleration_errors,
    accelerations,
    contact_f1,
    nearest,
    person_frame_coverage,
    seen_at,
    timed_acceleration_errors,
)


def test_acceleration_is_relative_to_the_moving_origin():
    frames = np.arange(10.0)
    origin = np.stack([frames**3, frames, 0 * frames], axis=-1)
    joints = (
        origin[:, None] + np.stack([0.002 * frames**2, 0 * frames, 0 * frames], axis=-1)[:, None]
    )
    assert accelerations(joints, origin) == pytest.approx(0.004)
    assert accelerations(joints[:2], origin[:2]).tolist() == [[0.0]]


def test_acceleration_error_by_hand():
    """x = 0, 1, 4 mm against 0, 1, 2 mm: second differences of 2 and 0; y gives 0 and -1.5."""
    own = np.array([[0.0, 0, 0], [1, 0, 0], [4, 0, 0]])[:, None] / 1000
    truth = np.array([[0.0, 0, 0], [1, 1.5, 0], [2, 1.5, 0]])[:, None] / 1000
    assert 1000 * acceleration_errors(own, truth) == pytest.approx(2.5)


def test_steady_drift_has_no_acceleration_error_and_shaking_has():
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 1, (20, 5, 3))
    time_s = np.arange(20) / 30.0
    drift = truth + rng.normal(0, 1, (1, 5, 3)) * time_s[:, None, None] + 4.0
    assert acceleration_errors(drift, truth).max() < 1e-12
    shaken = truth + 0.001 * (-1.0) ** np.arange(20)[:, None, None]
    assert 1000 * acceleration_errors(shaken, truth) == pytest.approx(4 * np.sqrt(3))
    assert timed_acceleration_errors(shaken, truth, time_s) == pytest.approx(
        0.004 * np.sqrt(3) * 30**2
    )


def test_true_times_count_where_frames_are_uneven():
    """A fall at 9.81 m/s² against rest."""
    time_s = np.cumsum(np.random.default_rng(2).uniform(0.01, 0.2, 15))
    fall = np.zeros((15, 2, 3))
    fall[..., 2] = -0.5 * 9.81 * time_s[:, None] ** 2
    assert timed_acceleration_errors(fall, 0 * fall, time_s) == pytest.approx(9.81)


@pytest.mark.parametrize("frames", [1, 2])
def test_two_frames_have_no_acceleration(frames: int):
    own, truth = np.ones((frames, 4, 3)), np.zeros((frames, 4, 3))
    assert acceleration_errors(own, truth).tolist() == [[0.0] * 4]
    assert timed_acceleration_errors(own, truth, np.arange(frames) / 30).tolist() == [[0.0] * 4]


def test_contact_f1():
    true = np.array([[1, 1, 0, 0]], dtype=np.float32)
    said = np.array([[0.9, 0.2, 0.7, 0]], dtype=np.float32)
    assert contact_f1(said, true) == pytest.approx(0.5)
    assert contact_f1(true, true) == 1.0
    assert contact_f1(0 * true, true) == 0.0
    assert contact_f1(0 * true, 0 * true) == 1.0


def test_coverage_counts_person_frames_in_which_somebody_is_there():
    """Two people, four frames: three of the five person-frames that there are were seen."""
    found = np.array([[True, True, False, False], [True, False, True, False]])
    present = np.array([[True, True, True, False], [True, True, False, False]])
    assert person_frame_coverage(found, present) == pytest.approx(3 / 5)
    assert person_frame_coverage(found) == pytest.approx(4 / 8)
    assert person_frame_coverage(found, np.zeros((2, 4), dtype=bool)) == 1.0


def test_seen_is_what_the_nearest_row_was_and_nothing_outside():
    time_s = np.array([1.0, 1.1, 1.2])
    tracked = np.array([True, False, True])
    asked = np.array([0.9, 0.96, 1.04, 1.09, 1.16, 1.24, 1.26])
    seen = seen_at(asked, time_s, tracked, 0.05)
    assert seen.tolist() == [False, True, True, False, True, True, False]


def test_nearest_row_is_the_one_that_a_search_of_all_finds():
    rng = np.random.default_rng(3)
    source, target = np.sort(rng.uniform(0, 1, 30)), rng.uniform(-0.2, 1.2, 200)
    wanted = np.abs(source[None] - target[:, None]).argmin(axis=1)
    assert nearest(source, target).tolist() == wanted.tolist()
    assert nearest(source[:1], target[:2]).tolist() == [0, 0]
