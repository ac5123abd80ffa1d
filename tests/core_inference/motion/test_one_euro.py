"""The One-Euro filter both ways: calm at rest, no lag, close to what moves, true time."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.motion.one_euro import calm_rotations, calm_vectors
from pose2rig.core_inference.motion.smoothing import HIGHEST_HZ
from pose2rig.rigs.rotation import angle_between, matrix_from_quaternion, quaternion_from_axis_angle

Float64 = NDArray[np.float64]

TIME_S = np.arange(240) / 30.0
CUTOFF = np.array([6.0])


def turns(angle_T: Float64) -> Float64:
    axis = np.array([0.36, 0.48, 0.8])
    return np.asarray(quaternion_from_axis_angle(angle_T[:, None] * axis))[:, None]


def degrees_apart(one: Float64, other: Float64) -> Float64:
    turns_33 = (np.asarray(matrix_from_quaternion(q), dtype=np.float64) for q in (one, other))
    return np.degrees(angle_between(*turns_33))


def even(count: int) -> Float64:
    return np.ones((count, 1))


def test_a_trembling_rest_is_calmed_more_than_by_its_cutoff_while_moving() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0.0, 0.02, len(TIME_S))
    residues: list[float] = []
    for speed_rad_s in (0.0, 3.0):
        path = speed_rad_s * TIME_S
        calm = calm_rotations(turns(path + noise), TIME_S, even(len(TIME_S)), CUTOFF)
        residues.append(float(np.square(degrees_apart(calm, turns(path))[20:-20]).mean() ** 0.5))
    assert residues[0] < 0.5 * np.degrees(0.02)
    assert residues[0] < 0.7 * residues[1]


@pytest.mark.parametrize("hertz", [0.5, 1.0, 2.0])
def test_there_is_no_lag(hertz: float) -> None:
    """The best shift of a swing in time is none, and most of its height is kept."""
    swing = 0.6 * np.sin(2 * np.pi * hertz * TIME_S)
    calm = calm_vectors(swing[:, None, None], TIME_S, even(len(TIME_S)), CUTOFF)[:, 0, 0]
    middle = slice(60, 180)
    phase = np.exp(-2j * np.pi * hertz * TIME_S[middle])
    one, other = (np.vdot(phase.conj(), values[middle]) for values in (swing, calm))
    assert np.degrees(np.angle(other / one)) == pytest.approx(0.0, abs=1.0)
    assert abs(other / one) > 0.85


def test_reversed_time_gives_the_reverse() -> None:
    rng = np.random.default_rng(2)
    values = np.cumsum(rng.normal(0.0, 0.05, (60, 2, 3)), axis=0)
    weights = rng.uniform(0.1, 1.0, (60, 2))
    cutoffs = np.array([3.0, 8.0])
    ahead = calm_vectors(values, TIME_S[:60], weights, cutoffs)
    back = calm_vectors(values[::-1], TIME_S[:60], weights[::-1], cutoffs)[::-1]
    np.testing.assert_allclose(ahead, back, atol=1e-12)


def test_the_frame_rate_does_not_matter() -> None:
    residues: list[float] = []
    for rate in (30, 120):
        time_s = np.arange(4 * rate) / rate
        path = 0.3 * np.sin(2 * np.pi * 0.7 * time_s)[:, None, None]
        calm = calm_vectors(path, time_s, even(len(time_s)), CUTOFF)
        residues.append(float(np.abs(calm - path)[rate:-rate].max()))
    assert residues[1] == pytest.approx(residues[0], rel=0.5)
    assert residues[0] < 0.03


def test_signs_of_quaternions_do_not_matter() -> None:
    angle = 0.8 * np.sin(2.0 * TIME_S)
    flipped = turns(angle) * np.where(np.arange(len(TIME_S)) % 3 == 0, -1.0, 1.0)[:, None, None]
    one, other = (
        calm_rotations(q, TIME_S, even(len(TIME_S)), CUTOFF) for q in (turns(angle), flipped)
    )
    assert degrees_apart(one, other).max() < 1e-4
    np.testing.assert_allclose(np.linalg.norm(one, axis=-1), 1.0, atol=1e-9)


def test_doubtful_frames_lean_on_their_neighbours() -> None:
    path = np.zeros((len(TIME_S), 1, 3))
    path[100:103] = 0.5
    doubtful = even(len(TIME_S))
    doubtful[100:103] = 0.02
    off = [
        np.abs(calm_vectors(path, TIME_S, weights, CUTOFF)).max()
        for weights in (even(len(TIME_S)), doubtful)
    ]
    assert off[1] < 0.1 * off[0]


def test_without_smoothing_nothing_changes() -> None:
    rng = np.random.default_rng(3)
    values, weights = rng.normal(size=(20, 1, 3)), rng.uniform(0.1, 1.0, (20, 1))
    off = np.array([HIGHEST_HZ])
    np.testing.assert_allclose(calm_vectors(values, TIME_S[:20], weights, off), values, atol=1e-12)
    quaternions = turns(rng.normal(size=20))
    calm = calm_rotations(quaternions, TIME_S[:20], weights, off)
    assert degrees_apart(calm, quaternions).max() < 1e-4


@pytest.mark.parametrize("count", [2, 3])
def test_few_frames_are_enough(count: int) -> None:
    values = np.arange(3.0 * count).reshape(count, 1, 3)
    assert np.isfinite(calm_vectors(values, TIME_S[:count], even(count), CUTOFF)).all()
