"""What nothing was seen of: neighbours in time first, the neutral pose last, never a jump."""

import numpy as np
from numpy.typing import NDArray

from pose2rig.core_inference.motion.filling import (
    fill_angles,
    fill_rotations,
    trust_from_score,
)
from pose2rig.rigs.rotation import (
    FloatArray,
    angle_between,
    matrix_from_quaternion,
    quaternion_from_axis_angle,
)

Float64 = NDArray[np.float64]

NEUTRAL = quaternion_from_axis_angle(np.zeros((1, 3)))
TIME_S = np.arange(151) / 30.0


def degrees(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.degrees(angle_between(matrix_from_quaternion(one), matrix_from_quaternion(other)))


def held(angle: float) -> FloatArray:
    """A joint (T,1,4) that keeps still at an angle about x."""
    return quaternion_from_axis_angle(np.broadcast_to([angle, 0.0, 0.0], (len(TIME_S), 1, 3)))


def test_what_is_trusted_stays_as_it_is() -> None:
    motion = quaternion_from_axis_angle(np.random.default_rng(1).normal(size=(151, 2, 3)))
    neutral = np.repeat(NEUTRAL, 2, axis=0)
    found = fill_rotations(motion, neutral, np.ones((151, 2)), TIME_S)
    assert degrees(found, motion).max() < 1e-4
    angles = np.random.default_rng(2).uniform(-3.0, 3.0, 151)
    np.testing.assert_allclose(
        fill_angles(angles, np.ones(151), np.zeros(151), TIME_S), angles, atol=1e-9
    )


def test_a_frame_out_of_sight_is_as_its_neighbours() -> None:
    """Whatever wild pose the solver had there."""
    motion, trust = held(1.0).copy(), np.ones((151, 1))
    motion[75] = quaternion_from_axis_angle(np.array([[0.0, 3.0, 0.0]]))
    trust[75] = 0.0
    found = fill_rotations(motion, NEUTRAL, trust, TIME_S)
    assert degrees(found, held(1.0)).max() < 3.0


def test_long_out_of_sight_the_neutral_pose_takes_over_gently() -> None:
    motion, trust = held(1.5), np.ones((151, 1))
    trust[60:] = 0.0
    found = fill_rotations(motion, NEUTRAL, trust, TIME_S)
    assert degrees(found[-1:], NEUTRAL[None])[0, 0] < 1.0
    assert degrees(found[62:63], held(1.5)[:1])[0, 0] < 10.0
    assert degrees(found[1:], found[:-1]).max() < np.degrees(1.5) / 5


def test_never_seen_at_all_is_the_neutral_pose() -> None:
    motion = quaternion_from_axis_angle(np.random.default_rng(3).normal(size=(151, 1, 3)))
    found = fill_rotations(motion, NEUTRAL, np.zeros((151, 1)), TIME_S)
    assert degrees(found, np.broadcast_to(NEUTRAL, (151, 1, 4))).max() < 1e-4


def test_signs_do_not_matter() -> None:
    generator = np.random.default_rng(4)
    motion = quaternion_from_axis_angle(generator.normal(size=(151, 1, 3)) * 0.5)
    trust = generator.uniform(size=(151, 1))
    signs = generator.choice([-1.0, 1.0], size=(151, 1, 1))
    plain = fill_rotations(motion, NEUTRAL, trust, TIME_S)
    assert degrees(fill_rotations(motion * signs, NEUTRAL, trust, TIME_S), plain).max() < 1e-4


def test_angles_are_filled_on_the_circle() -> None:
    """Between 179 and -179 degrees lies 180, not 0."""
    angle, trust = np.full(151, np.radians(179.0)), np.ones(151)
    angle[76:] = np.radians(-179.0)
    angle[70:80], trust[70:80] = 0.0, 0.0
    found = fill_angles(angle, trust, np.full(151, np.pi), TIME_S)
    off = np.degrees(np.angle(np.exp(1j * (found - np.pi))))
    assert np.abs(off).max() < 2.0


def test_angles_long_out_of_sight_end_where_doubt_ends() -> None:
    trust = np.ones(151)
    trust[50:] = 0.0
    found = fill_angles(np.full(151, 1.0), trust, np.full(151, 0.2), TIME_S)
    np.testing.assert_allclose(found[:45], 1.0, atol=1e-6)
    assert abs(found[-1] - 0.2) < 0.01


def test_trust_rises_smoothly_with_the_score() -> None:
    scores = np.linspace(0.0, 1.0, 101)
    trust = trust_from_score(scores)
    assert (trust[scores <= 0.2] == 0.0).all()
    assert (trust[scores >= 0.5] == 1.0).all()
    assert (np.diff(trust) >= 0.0).all()
    assert np.diff(trust).max() < 0.06
