"""The skeleton against the smplx package's names, and forward kinematics by its definition."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import (
    BODY_PARTS,
    JOINT,
    JOINT_COUNT,
    JOINT_NAMES,
    LEFT_HAND,
    PARENTS,
    RIGHT_HAND,
    joint_positions,
    local_rotations,
    world_rotations,
)

Float64 = NDArray[np.float64]


@pytest.fixture(name="local_TJ33")
def random_locals() -> Float64:
    generator = np.random.default_rng(5)
    return np.asarray(matrix_from_axis_angle(generator.normal(size=(4, JOINT_COUNT, 3))))


@pytest.fixture(name="rest_J3")
def random_rest() -> Float64:
    return np.random.default_rng(6).normal(size=(JOINT_COUNT, 3))


@pytest.mark.slow
def test_names_and_order_are_those_of_the_smplx_package() -> None:
    joint_names = pytest.importorskip("smplx.joint_names", reason="needs the research extra")
    assert list(JOINT_NAMES) == list(joint_names.JOINT_NAMES[:55])


def test_there_are_55_joints_each_named_once() -> None:
    assert JOINT_COUNT == len(JOINT_NAMES) == len(PARENTS) == len(set(JOINT_NAMES)) == 55
    assert [JOINT[name] for name in JOINT_NAMES] == list(range(55))


@pytest.mark.parametrize(
    ("joint", "parent"),
    [
        ("left_hip", "pelvis"),
        ("spine1", "pelvis"),
        ("left_knee", "left_hip"),
        ("right_ankle", "right_knee"),
        ("left_foot", "left_ankle"),
        ("spine3", "spine2"),
        ("neck", "spine3"),
        ("left_collar", "spine3"),
        ("head", "neck"),
        ("right_shoulder", "right_collar"),
        ("left_wrist", "left_elbow"),
        ("jaw", "head"),
        ("left_eye_smplhf", "head"),
        ("left_index1", "left_wrist"),
        ("left_thumb1", "left_wrist"),
        ("left_pinky3", "left_pinky2"),
        ("right_ring1", "right_wrist"),
        ("right_middle3", "right_middle2"),
    ],
)
def test_parents_follow_anatomy(joint: str, parent: str) -> None:
    assert JOINT_NAMES[PARENTS[JOINT[joint]]] == parent


def test_parents_come_before_their_children() -> None:
    assert PARENTS[0] == -1
    assert all(0 <= parent < joint for joint, parent in enumerate(PARENTS[1:], start=1))


def test_the_right_side_mirrors_the_left() -> None:
    for joint, name in enumerate(JOINT_NAMES):
        if name.startswith("left_"):
            mirrored = JOINT["right_" + name.removeprefix("left_")]
            parent = JOINT_NAMES[PARENTS[joint]].replace("left_", "right_")
            assert JOINT_NAMES[PARENTS[mirrored]] == parent


def test_fingers_come_in_the_order_index_middle_pinky_ring_thumb() -> None:
    order = [f"{finger}{k}" for finger in ("index", "middle", "pinky", "ring", "thumb")
             for k in (1, 2, 3)]  # fmt: skip
    assert list(JOINT_NAMES[LEFT_HAND]) == [f"left_{name}" for name in order]
    assert list(JOINT_NAMES[RIGHT_HAND]) == [f"right_{name}" for name in order]


def test_every_joint_is_in_exactly_one_body_part() -> None:
    assert sorted(joint for joints in BODY_PARTS.values() for joint in joints) == list(range(55))


def test_local_and_world_rotations_undo_each_other(local_TJ33: Float64) -> None:
    world_TJ33 = world_rotations(local_TJ33)
    np.testing.assert_allclose(local_rotations(world_TJ33), local_TJ33, atol=1e-12)


def test_a_world_rotation_is_the_product_along_its_chain(local_TJ33: Float64) -> None:
    chain = ["pelvis", "left_hip", "left_knee", "left_ankle", "left_foot"]
    expected = np.eye(3)
    for name in chain:
        expected = expected @ local_TJ33[0, JOINT[name]]
    found = world_rotations(local_TJ33)[0, JOINT["left_foot"]]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_without_rotation_joints_stand_where_they_rest_moved_by_trans(rest_J3: Float64) -> None:
    identity = np.broadcast_to(np.eye(3), (2, JOINT_COUNT, 3, 3))
    trans = np.array([[0.0, 0.0, 0.0], [1.0, -2.0, 3.0]])
    found = joint_positions(world_rotations(identity), rest_J3, trans)
    np.testing.assert_allclose(found, rest_J3 + trans[:, None], atol=1e-12)


def test_the_pelvis_stands_at_trans_plus_its_rest_whatever_it_is_turned_by(
    local_TJ33: Float64, rest_J3: Float64
) -> None:
    trans = np.random.default_rng(7).normal(size=(4, 3))
    found = joint_positions(world_rotations(local_TJ33), rest_J3, trans)
    np.testing.assert_allclose(found[:, 0], trans + rest_J3[0], atol=1e-12)


def test_bones_keep_their_lengths(local_TJ33: Float64, rest_J3: Float64) -> None:
    found = joint_positions(world_rotations(local_TJ33), rest_J3, np.zeros((4, 3)))
    parents = np.array(PARENTS[1:])
    rest = np.linalg.norm(rest_J3[1:] - rest_J3[parents], axis=-1)
    lengths = np.linalg.norm(found[:, 1:] - found[:, parents], axis=-1)
    np.testing.assert_allclose(lengths, np.broadcast_to(rest, lengths.shape), atol=1e-12)


def test_bending_one_joint_moves_its_descendants_only(rest_J3: Float64) -> None:
    local_TJ33 = np.broadcast_to(np.eye(3), (1, JOINT_COUNT, 3, 3)).copy()
    local_TJ33[0, JOINT["left_elbow"]] = matrix_from_axis_angle(np.array([0.0, 1.0, 0.5]))
    moved = joint_positions(world_rotations(local_TJ33), rest_J3, np.zeros((1, 3)))[0] - rest_J3
    below = {JOINT["left_wrist"], *range(*LEFT_HAND.indices(JOINT_COUNT))}
    assert {int(j) for j in np.flatnonzero(np.linalg.norm(moved, axis=-1) > 1e-9)} == below
