"""Rotations against scipy's, and through time: signs, turns, resampling."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from pose2rig.rigs.rotation import (
    FloatArray,
    angle_between,
    axis_angle_from_matrix,
    axis_angle_from_quaternion,
    conjugate,
    kabsch,
    matrix_from_6d,
    matrix_from_axis_angle,
    matrix_from_quaternion,
    matrix_from_two_axes,
    multiply,
    normalized,
    power,
    quaternion_from_axis_angle,
    quaternion_from_matrix,
    resample,
    rotation_about,
    sign_continuous,
    slerp,
    swing_between,
    twist_angle,
    wrap_continuous,
)

Float64 = NDArray[np.float64]
EVEN: Float64 = np.ones(12)
RISING: Float64 = np.linspace(0.1, 2.0, 12)


def random_rotations(count: int, seed: int) -> Rotation:
    return Rotation.random(count, rng=np.random.default_rng(seed))


def wxyz(rotation: Rotation) -> Float64:
    return np.roll(rotation.as_quat(), 1, axis=-1)


def random_vectors(*shape: int, seed: int) -> Float64:
    return np.random.default_rng(seed).normal(size=shape)


def assert_same_quaternions(found: FloatArray, expected: Float64) -> None:
    np.testing.assert_allclose(np.abs(np.sum(found * expected, axis=-1)), 1.0, atol=1e-12)


# --- conversions -------------------------------------------------------------------------------


def test_conversions_agree_with_scipy() -> None:
    rotation = random_rotations(500, 1)
    assert_same_quaternions(quaternion_from_axis_angle(rotation.as_rotvec()), wxyz(rotation))
    assert_same_quaternions(quaternion_from_matrix(rotation.as_matrix()), wxyz(rotation))
    atol = 1e-12
    np.testing.assert_allclose(
        matrix_from_quaternion(wxyz(rotation)), rotation.as_matrix(), atol=atol
    )
    np.testing.assert_allclose(
        matrix_from_axis_angle(rotation.as_rotvec()), rotation.as_matrix(), atol=atol
    )
    np.testing.assert_allclose(
        axis_angle_from_quaternion(wxyz(rotation)), rotation.as_rotvec(), atol=1e-9
    )
    np.testing.assert_allclose(
        axis_angle_from_matrix(rotation.as_matrix()), rotation.as_rotvec(), atol=1e-9
    )


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-7, 1e-3, 3.0, np.pi - 1e-7, np.pi])
def test_round_trips_hold_from_no_turn_to_half_a_turn(angle: float) -> None:
    axis = normalized(random_vectors(50, 3, seed=2))
    matrix = matrix_from_axis_angle(axis * angle)
    expected = Rotation.from_rotvec(axis * angle).as_matrix()
    np.testing.assert_allclose(matrix, expected, atol=1e-12)
    again = matrix_from_axis_angle(axis_angle_from_matrix(matrix))
    np.testing.assert_allclose(again, expected, atol=1e-9)


@pytest.mark.parametrize("axis", np.eye(3))
def test_half_turns_about_the_axes_come_back(axis: Float64) -> None:
    found = np.abs(axis_angle_from_matrix(2.0 * np.outer(axis, axis) - np.eye(3)))
    np.testing.assert_allclose(found, np.pi * axis, atol=1e-12)


def test_a_quaternion_and_its_negative_are_the_same_rotation() -> None:
    quaternion = wxyz(random_rotations(100, 3))
    np.testing.assert_allclose(
        matrix_from_quaternion(-quaternion), matrix_from_quaternion(quaternion), atol=1e-15
    )
    np.testing.assert_allclose(
        axis_angle_from_quaternion(-quaternion), axis_angle_from_quaternion(quaternion), atol=1e-12
    )


def test_any_number_of_leading_dimensions_works_and_float32_stays() -> None:
    axis_angle = random_vectors(2, 3, 4, 3, seed=4).astype(np.float32)
    matrix = matrix_from_axis_angle(axis_angle)
    assert matrix.shape == (2, 3, 4, 3, 3)
    assert matrix.dtype == np.float32
    assert matrix_from_axis_angle(axis_angle[0, 0, 0]).shape == (3, 3)
    assert axis_angle_from_matrix(matrix).dtype == np.float32


def test_products_and_inverses_agree_with_matrices() -> None:
    left, right = random_rotations(50, 5), random_rotations(50, 6)
    assert_same_quaternions(multiply(wxyz(left), wxyz(right)), wxyz(left * right))
    assert_same_quaternions(conjugate(wxyz(left)), wxyz(left.inv()))


def test_six_numbers_are_a_row_major_3x2_whose_columns_are_the_first_two_axes() -> None:
    matrix = random_rotations(50, 7).as_matrix()
    six = matrix[:, :, :2].reshape(50, 6)
    np.testing.assert_allclose(six[:, [0, 2, 4]], matrix[:, :, 0])
    np.testing.assert_allclose(matrix_from_6d(six), matrix, atol=1e-12)


def test_six_numbers_of_any_length_and_angle_give_a_rotation() -> None:
    matrix = matrix_from_6d(5.0 * random_vectors(50, 6, seed=8))
    np.testing.assert_allclose(matrix @ np.swapaxes(matrix, -1, -2), _eyes(50), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(matrix), 1.0, atol=1e-9)


def _eyes(count: int) -> Float64:
    return np.broadcast_to(np.eye(3), (count, 3, 3))


def test_the_first_of_two_axes_is_kept_and_the_second_nearly() -> None:
    first, second = random_vectors(20, 3, seed=9), random_vectors(20, 3, seed=10)
    matrix = matrix_from_two_axes(first, second)
    np.testing.assert_allclose(matrix[..., 0], normalized(first), atol=1e-12)
    assert (np.sum(matrix[..., 1] * second, axis=-1) > 0.0).all()
    np.testing.assert_allclose(np.sum(matrix[..., 2] * second, axis=-1), 0.0, atol=1e-12)


def test_a_zero_vector_stays_zero() -> None:
    np.testing.assert_array_equal(normalized(np.zeros((2, 3))), np.zeros((2, 3)))


# --- interpolation and continuity --------------------------------------------------------------


def test_slerp_agrees_with_scipy_whatever_the_signs() -> None:
    generator = np.random.default_rng(11)
    for seed in range(20):
        pair = random_rotations(2, seed)
        signs = generator.choice([-1.0, 1.0], size=2)
        fraction = generator.uniform(size=7)
        start, end = (np.broadcast_to(q, (7, 4)) for q in wxyz(pair) * signs[:, None])
        expected = Slerp([0.0, 1.0], pair)(fraction)
        assert_same_quaternions(slerp(start, end, fraction), wxyz(expected))


def test_slerp_between_equal_rotations_stays_there() -> None:
    quaternion = wxyz(random_rotations(5, 12))
    for other in (quaternion, -quaternion):
        assert_same_quaternions(slerp(quaternion, other, np.linspace(0.0, 1.0, 5)), quaternion)


def test_sign_continuous_changes_signs_only_and_leaves_no_jump() -> None:
    steps = np.cumsum(random_vectors(60, 3, seed=13) * 0.3, axis=0)
    smooth = quaternion_from_axis_angle(steps)
    signs = np.random.default_rng(14).choice([-1.0, 1.0], size=(60, 1))
    found = sign_continuous(smooth * signs)
    assert_same_quaternions(found, np.asarray(smooth))
    assert (np.sum(found[1:] * found[:-1], axis=-1) > 0.0).all()
    np.testing.assert_array_equal(sign_continuous(smooth[:1]), smooth[:1])


def test_wrap_continuous_goes_through_pi_without_a_jump() -> None:
    angle = np.linspace(2.0, 4.5, 26)
    axis = normalized(np.array([1.0, 2.0, -1.0]))
    principal = Rotation.from_rotvec(angle[:, None] * axis).as_rotvec()
    assert np.abs(np.diff(principal, axis=0)).max() > 1.0
    np.testing.assert_allclose(wrap_continuous(principal), angle[:, None] * axis, atol=1e-9)


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_wrap_continuous_counts_several_turns(direction: float) -> None:
    angle = direction * np.linspace(0.1, 7.0 * np.pi, 120)
    axis = normalized(np.array([0.2, -0.7, 0.4]))
    principal = Rotation.from_rotvec(angle[:, None] * axis).as_rotvec()
    np.testing.assert_allclose(wrap_continuous(principal), angle[:, None] * axis, atol=1e-8)


def test_wrap_continuous_passes_frames_without_rotation() -> None:
    angle: Float64 = np.array([0.4, 0.2, 0.0, 0.0, 0.0, -0.2, -0.4])
    axis: Float64 = np.array([0.0, 0.6, 0.8])
    steps: Float64 = angle[:, None] * axis
    found = wrap_continuous(steps)
    np.testing.assert_allclose(found, angle[:, None] * axis, atol=1e-12)
    np.testing.assert_allclose(wrap_continuous(np.zeros((5, 3))), np.zeros((5, 3)), atol=1e-12)


def test_wrap_continuous_starts_within_pi_and_keeps_every_rotation() -> None:
    steps = np.cumsum(random_vectors(200, 4, 3, seed=15) * 0.4, axis=0)
    principal = axis_angle_from_quaternion(quaternion_from_axis_angle(steps))
    found = wrap_continuous(principal)
    assert (np.linalg.norm(found[0], axis=-1) <= np.pi + 1e-9).all()
    np.testing.assert_allclose(
        matrix_from_axis_angle(found), matrix_from_axis_angle(principal), atol=1e-9
    )


def test_wrap_continuous_keeps_the_jumps_of_a_dense_motion_small() -> None:
    """Halfway between two keys of a linear curve the rotation is that halfway between theirs."""
    time = np.linspace(0.0, 4.0, 481)
    steps = np.stack([3.0 * np.sin(2.0 * time), 2.5 * time, np.cos(3.0 * time)], axis=-1)
    rotation = Rotation.from_rotvec(steps)
    keys = wrap_continuous(rotation.as_rotvec())
    middle = matrix_from_axis_angle((keys[1:] + keys[:-1]) / 2.0)
    halfway = Slerp(time, rotation)((time[1:] + time[:-1]) / 2.0).as_matrix()
    assert np.degrees(angle_between(middle, halfway)).max() < 1.0


def test_resample_agrees_with_scipy_and_holds_the_ends() -> None:
    source_s = np.array([0.0, 0.1, 0.35, 0.4, 1.0])
    rotation = random_rotations(5, 16)
    joints = np.stack([wxyz(rotation), -wxyz(rotation)], axis=1)
    target_s = np.linspace(0.0, 1.0, 41)
    found = resample(joints, source_s, target_s)
    expected = wxyz(Slerp(source_s, rotation)(target_s))
    for joint in range(2):
        assert_same_quaternions(found[:, joint], expected)
    beyond = resample(joints, source_s, np.array([-1.0, 2.0]))
    assert_same_quaternions(beyond, joints[[0, -1]])


def test_resample_of_one_frame_repeats_it() -> None:
    joints = wxyz(random_rotations(3, 17))[None]
    found = resample(joints, np.zeros(1), np.linspace(0.0, 1.0, 4))
    np.testing.assert_array_equal(found, np.repeat(joints, 4, axis=0))


# --- measures and constructions ----------------------------------------------------------------


def test_angles_between_rotations_agree_with_scipy() -> None:
    left, right = random_rotations(100, 18), random_rotations(100, 19)
    found = angle_between(left.as_matrix(), right.as_matrix())
    np.testing.assert_allclose(found, (left.inv() * right).magnitude(), atol=1e-9)
    np.testing.assert_allclose(angle_between(left.as_matrix(), left.as_matrix()), 0.0, atol=1e-9)


def test_a_swing_turns_one_direction_into_the_other_and_no_further() -> None:
    source, target = random_vectors(100, 3, seed=20), random_vectors(100, 3, seed=21)
    swing = swing_between(source, target)
    turned = np.einsum("nij,nj->ni", swing, normalized(source))
    np.testing.assert_allclose(turned, normalized(target), atol=1e-9)
    cosine = np.sum(normalized(source) * normalized(target), axis=-1)
    np.testing.assert_allclose(
        np.linalg.norm(axis_angle_from_matrix(swing), axis=-1), np.arccos(cosine), atol=1e-9
    )


def test_a_swing_between_equal_directions_is_none_and_between_opposite_ones_half_a_turn() -> None:
    direction = normalized(random_vectors(20, 3, seed=22))
    np.testing.assert_allclose(swing_between(direction, direction), _eyes(20), atol=1e-12)
    opposite = swing_between(direction, -direction)
    np.testing.assert_allclose(np.einsum("nij,nj->ni", opposite, direction), -direction, atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(opposite), 1.0, atol=1e-9)


def test_a_rotation_is_its_swing_after_its_twist() -> None:
    axis = normalized(random_vectors(50, 3, seed=23))
    angle = np.random.default_rng(24).uniform(-3.0, 3.0, size=50)
    target = random_vectors(50, 3, seed=25)
    whole = swing_between(axis, target) @ rotation_about(axis, angle)
    np.testing.assert_allclose(twist_angle(whole, axis), angle, atol=1e-9)


def test_a_turn_about_an_axis_is_counted_from_minus_pi_to_pi() -> None:
    axis = np.array([0.0, 0.0, 1.0])
    for angle in (-3.1, -0.5, 0.0, 1.2, 3.1):
        turn = rotation_about(axis, np.array(angle))
        expected = Rotation.from_rotvec(angle * axis).as_matrix()
        np.testing.assert_allclose(turn, expected, atol=1e-12)
        assert float(twist_angle(turn, axis)) == pytest.approx(angle, abs=1e-12)


def test_powers_go_a_fraction_of_the_way() -> None:
    rotation = random_rotations(30, 26)
    for fraction in (0.0, 1.0 / 3.0, 1.0):
        expected = Rotation.from_rotvec(rotation.as_rotvec() * fraction).as_matrix()
        np.testing.assert_allclose(power(rotation.as_matrix(), fraction), expected, atol=1e-9)


@pytest.mark.parametrize("weights", [EVEN, RISING])
def test_kabsch_finds_a_known_rotation_whatever_the_offset(weights: Float64) -> None:
    points = random_vectors(8, 12, 3, seed=27)
    rotation = random_rotations(8, 28).as_matrix()
    target = points @ np.swapaxes(rotation, -1, -2) + random_vectors(8, 1, 3, seed=29)
    found = kabsch(points, target, np.broadcast_to(weights, (8, 12)))
    np.testing.assert_allclose(found, rotation, atol=1e-9)


def test_kabsch_agrees_with_scipy_on_noisy_points() -> None:
    points = random_vectors(12, 3, seed=30)
    target = points @ random_rotations(1, 31).as_matrix()[0].T
    target += 0.2 * random_vectors(12, 3, seed=32)
    weights = np.random.default_rng(33).uniform(0.1, 1.0, size=12)
    mean = weights / weights.sum()
    fit = Rotation.align_vectors(target - mean @ target, points - mean @ points, weights)
    np.testing.assert_allclose(kabsch(points, target, weights), fit[0].as_matrix(), atol=1e-8)


def test_kabsch_of_mirrored_points_is_still_a_rotation() -> None:
    points = random_vectors(12, 3, seed=34)
    found = kabsch(points, points * np.array([-1.0, 1.0, 1.0]), np.ones(12))
    assert float(np.linalg.det(found)) == pytest.approx(1.0)
    np.testing.assert_allclose(found @ found.T, np.eye(3), atol=1e-9)


def test_kabsch_ignores_points_without_weight() -> None:
    points = random_vectors(10, 3, seed=35)
    rotation = random_rotations(1, 36).as_matrix()[0]
    target = points @ rotation.T
    target[0] += 50.0
    weights = np.ones(10)
    weights[0] = 0.0
    np.testing.assert_allclose(kabsch(points, target, weights), rotation, atol=1e-9)
