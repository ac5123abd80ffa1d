"""Hands joined to the body: Algorithm 1, its limits, and what it is worth on real motions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.bvh import load_bvh
from pose2rig.core_inference.bvh_motion import body_motion
from pose2rig.core_inference.clip import CAMERA_FROM_WORLD
from pose2rig.core_inference.estimators.integration import (
    BODY_JOINTS,
    IntegrationSettings,
    PartPoses,
    euler_angles,
    hands_found,
    integrate,
)
from pose2rig.core_inference.synthetic_parts import (
    AVERAGE,
    PartErrors,
    arm_vertices,
    posed_vertices,
    seen_parts,
    with_body_pose,
)
from pose2rig.rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from pose2rig.rigs.skeleton import JOINT, joint_positions, world_rotations

Float64 = NDArray[np.float64]

WITH, WITHOUT = IntegrationSettings(), IntegrationSettings(anatomical_limits=False)
LETTER = IntegrationSettings(roll_in_camera=True)
ELBOWS = [JOINT["left_elbow"], JOINT["right_elbow"]]
WRISTS = [JOINT["left_wrist"], JOINT["right_wrist"]]


def matrix(axis_angle: Float64) -> Float64:
    return np.asarray(matrix_from_axis_angle(axis_angle), dtype=np.float64)


def euler(x: float, y: float, z: float) -> Float64:
    """Degrees about x, then y, then z."""
    return Rotation.from_euler("xyz", [x, y, z], degrees=True).as_matrix()


def random_parts(seed: int, count: int = 40) -> PartPoses:
    rng = np.random.default_rng(seed)
    return PartPoses(
        global_orient=rng.normal(0, 1.0, (count, 3)),
        body_pose=rng.normal(0, 0.4, (count, 21, 3)),
        hand_orients=rng.normal(0, 1.0, (count, 2, 3)),
        hand_poses=rng.normal(0, 0.3, (count, 2, 15, 3)),
        hands_found=np.ones((count, 2), dtype=bool),
    )


def arms(elbow: Float64, hand: Float64) -> PartPoses:
    """A T-pose but for one elbow rotation and one hand orientation (3,3) on both sides."""
    body = np.zeros((1, 21, 3))
    body[:, np.array(ELBOWS) - 1] = axis_angle_from_matrix(elbow)
    return PartPoses(
        global_orient=np.zeros((1, 3)),
        body_pose=body,
        hand_orients=np.tile(axis_angle_from_matrix(hand), (1, 2, 1)),
        hand_poses=np.ones((1, 2, 15, 3)),
        hands_found=np.ones((1, 2), dtype=bool),
    )


def full(parts: PartPoses, body_pose: Float64) -> Float64:
    """Parent-relative rotations (T,55,3,3) of a body pose."""
    local = np.tile(np.eye(3), (len(body_pose), 55, 1, 1))
    local[:, 0] = matrix_from_axis_angle(parts.global_orient)
    local[:, BODY_JOINTS] = matrix_from_axis_angle(body_pose)
    return local


# --- the algorithm -----------------------------------------------------------------------------


def letter_by_letter(parts: PartPoses) -> tuple[Float64, NDArray[np.bool_]]:
    """Algorithm 1 line by line, a frame and a side at a time, with scipy's Euler angles."""
    local = full(parts, np.asarray(parts.body_pose, dtype=np.float64))
    world = world_rotations(local)
    accepted = np.zeros((len(local), 2), dtype=bool)
    for frame in range(len(local)):
        for side, (elbow, wrist) in enumerate(zip(ELBOWS, WRISTS, strict=True)):
            hand = Rotation.from_rotvec(parts.hand_orients[frame, side])
            angles = Rotation.from_matrix(world[frame, elbow]).as_euler("xyz")
            both = [angles[0], hand.as_euler("xyz")[0]]
            angles[0] = np.angle(np.exp(1j * np.array(both)).sum())
            new_elbow = Rotation.from_euler("xyz", angles)
            shoulder = Rotation.from_matrix(world[frame, elbow - 2])
            new_wrist = new_elbow.inv() * hand
            _, y, z = new_wrist.as_euler("xyz")
            if abs(y) < np.pi / 4 and abs(z) < np.pi / 2:
                accepted[frame, side] = True
                local[frame, elbow] = (shoulder.inv() * new_elbow).as_matrix()
                local[frame, wrist] = new_wrist.as_matrix()
    return local[:, BODY_JOINTS], accepted


def test_the_paper_is_followed_to_the_letter() -> None:
    parts = random_parts(1)
    result = integrate(parts, LETTER)
    expected, accepted = letter_by_letter(parts)
    assert 10 < accepted.sum() < 70
    np.testing.assert_array_equal(result.accepted, accepted)
    np.testing.assert_allclose(matrix(result.body_pose), expected, atol=1e-9)


def test_angles_are_those_of_x_first() -> None:
    rotations = Rotation.from_rotvec(np.random.default_rng(2).normal(0, 2.0, (200, 3)))
    ours = euler_angles(rotations.as_matrix())
    np.testing.assert_allclose(ours, rotations.as_euler("xyz"), atol=1e-9)


@pytest.mark.parametrize("settings", [WITHOUT, replace(WITHOUT, roll_in_camera=True)])
def test_hands_are_where_they_were_and_turned_as_seen(
    settings: IntegrationSettings, body: BodyModel
) -> None:
    parts = random_parts(3)
    rest = np.asarray(body.rest_joints(AVERAGE), dtype=np.float64)
    before, after = (
        full(parts, np.asarray(parts.body_pose)),
        full(parts, integrate(parts, settings).body_pose),
    )
    orients = world_rotations(after)[:, WRISTS]
    np.testing.assert_allclose(orients, matrix(np.asarray(parts.hand_orients)), atol=1e-9)
    places = [
        joint_positions(world_rotations(local), rest, np.zeros((len(local), 3)))[:, WRISTS]
        for local in (before, after)
    ]
    np.testing.assert_allclose(places[0], places[1], atol=1e-4)
    others = np.setdiff1d(np.arange(55), ELBOWS + WRISTS)
    np.testing.assert_allclose(before[:, others], after[:, others], atol=1e-12)


@pytest.mark.parametrize("settings", [WITH, LETTER])
def test_the_mean_of_two_rolls_goes_the_short_way(settings: IntegrationSettings) -> None:
    result = integrate(arms(euler(170, 0, 0), euler(-170, 0, 0)), settings)
    elbows = matrix(result.body_pose[0, np.array(ELBOWS) - 1])
    wrists = matrix(result.body_pose[0, np.array(WRISTS) - 1])
    np.testing.assert_allclose(elbows, np.tile(euler(180, 0, 0), (2, 1, 1)), atol=1e-9)
    np.testing.assert_allclose(wrists, np.tile(euler(10, 0, 0), (2, 1, 1)), atol=1e-9)


def test_by_default_it_does_not_matter_where_the_camera_stands() -> None:
    parts = random_parts(4)
    turn = Rotation.from_euler("xyz", [20, 110, -50], degrees=True).as_matrix()
    orients, hands = np.asarray(parts.global_orient), np.asarray(parts.hand_orients)
    turned = replace(
        parts,
        global_orient=axis_angle_from_matrix(turn @ matrix(orients)),
        hand_orients=axis_angle_from_matrix(turn @ matrix(hands)),
    )
    one, other = (integrate(p, WITH).body_pose for p in (parts, turned))
    np.testing.assert_allclose(matrix(one), matrix(other), atol=1e-9)
    one, other = (integrate(p, LETTER).body_pose for p in (parts, turned))
    assert np.abs(matrix(one) - matrix(other)).max() > 0.1


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [WITH, LETTER])
@pytest.mark.parametrize(
    ("y", "z", "possible"),
    [(44, 0, True), (46, 0, False), (-46, 0, False), (0, 89, True), (0, -91, False)],
)
def test_wrists_bend_within_limits(
    settings: IntegrationSettings, y: float, z: float, possible: bool
) -> None:
    parts = arms(np.eye(3), euler(0, y, z))
    result = integrate(parts, settings)
    assert result.accepted.tolist() == [[possible, possible]]
    if not possible:
        np.testing.assert_array_equal(result.body_pose, parts.body_pose)
    np.testing.assert_array_equal(result.hand_poses, parts.hand_poses)
    assert integrate(parts, replace(settings, anatomical_limits=False)).accepted.all()


def test_limits_are_settings() -> None:
    narrow = IntegrationSettings(max_y_rad=np.radians(10), max_z_rad=np.radians(20))
    assert not integrate(arms(np.eye(3), euler(0, 11, 0)), narrow).accepted.any()
    assert not integrate(arms(np.eye(3), euler(0, 0, 21)), narrow).accepted.any()
    assert integrate(arms(np.eye(3), euler(0, 9, 19)), narrow).accepted.all()


def test_a_hand_that_was_not_found_is_left_out() -> None:
    parts = random_parts(5)
    found = np.ones_like(parts.hands_found)
    found[:, 0] = False
    result = integrate(replace(parts, hands_found=found), WITHOUT)
    both = integrate(parts, WITHOUT)
    left, right = (
        np.array([elbow, wrist]) - 1 for elbow, wrist in zip(ELBOWS, WRISTS, strict=True)
    )
    np.testing.assert_array_equal(result.body_pose[:, left], parts.body_pose[:, left])
    np.testing.assert_array_equal(result.body_pose[:, right], both.body_pose[:, right])
    assert not result.hand_poses[:, 0].any()
    np.testing.assert_array_equal(result.hand_poses[:, 1], parts.hand_poses[:, 1])
    np.testing.assert_array_equal(result.accepted, found)


def test_a_hand_is_found_where_its_box_is_near_the_wrist() -> None:
    boxes = np.tile(np.array([10.0, 10.0, 50.0, 30.0]), (1, 2, 1))
    wrists = np.array([[[69.0, 20.0], [71.0, 20.0]]])
    assert hands_found(boxes, wrists).tolist() == [[True, False]]


def test_shapes_are_checked() -> None:
    parts = random_parts(6, count=3)
    with pytest.raises(ValueError, match=r"body_pose: expected \(3, 21, 3\), got \(3, 20, 3\)"):
        replace(parts, body_pose=parts.body_pose[:, 1:])


# --- what it is worth --------------------------------------------------------------------------


def three_errors(motion: Float64, body: BodyModel, errors: PartErrors) -> list[float]:
    """Mean errors in mm of forearm and hand vertices: not joined, joined, joined with limits."""
    seen = seen_parts(motion, errors, seed=0).poses
    joined = [integrate(seen, settings).body_pose for settings in (WITHOUT, WITH)]
    vertices = arm_vertices(body, 12)
    truth = posed_vertices(motion, body, vertices)
    posed = [
        posed_vertices(with_body_pose(motion, pose), body, vertices)
        for pose in (np.asarray(seen.body_pose, dtype=np.float64), *joined)
    ]
    return [1000 * float(np.linalg.norm(found - truth, axis=-1).mean()) for found in posed]


def assert_order(three: list[float]) -> None:
    """Each step helps by a tenth at least."""
    none, joined, limits = three
    assert joined < 0.9 * none, three
    assert limits < 0.9 * joined, three


def test_integration_helps_and_its_limits_help_more(repository_dir: Path, body: BodyModel) -> None:
    """As in Table 4.6 of the dissertation, where the limits take 55.5 mm to 51.9 mm."""
    with np.load(repository_dir / "assets" / "demo_motion.npz", allow_pickle=False) as archive:
        poses = archive["poses"].astype(np.float64)
    motion = matrix(poses.reshape(-1, 55, 3))
    motion[:, 0] = CAMERA_FROM_WORLD @ motion[:, 0]
    assert_order(three_errors(motion, body, PartErrors()))
    assert_order(three_errors(motion, body, PartErrors(roll_deg=60.0, lost_share=0.1)))


def test_without_lost_hands_limits_cost_little(body: BodyModel) -> None:
    motion = full(random_parts(7), np.zeros((40, 21, 3)))
    none, joined, limits = three_errors(motion, body, PartErrors(lost_share=0.0))
    assert joined < 0.5 * none
    assert joined <= limits < 1.1 * joined


@pytest.mark.parametrize(
    "name",
    [
        "cmu_01_01_forward_jumps",
        "cmu_12_01_walk",
        "cmu_jumping_jacks",
        "fair1_wave_hello",
        "fair1_zombie",
        "pymo_expressive_walk",
        "rokoko_dance_fingers",
    ],
)
def test_the_order_is_the_papers_on_real_motions(
    shared_dir: Path, body: BodyModel, name: str
) -> None:
    path = shared_dir / "footage" / "mocap" / f"{name}.bvh"
    if not path.is_file():
        pytest.skip(f"no {path.name} in ../shared")
    rest = np.asarray(body.rest_joints(AVERAGE), dtype=np.float64)
    motion = body_motion(load_bvh(path), rest).rotations
    motion = motion[:: max(1, len(motion) // 200)].copy()
    motion[:, 0] = CAMERA_FROM_WORLD @ motion[:, 0]
    assert_order(three_errors(motion, body, PartErrors()))
    none, joined, limits = three_errors(motion, body, PartErrors(roll_deg=60.0, lost_share=0.1))
    assert none > joined > limits
