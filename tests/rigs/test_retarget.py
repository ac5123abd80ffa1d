"""Motions on made characters: bones point where the source's do, and the way back is free."""

import time
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.rigs.errors import RigError
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.retarget import posed, retarget
from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import JOINT, JOINT_COUNT

Float64 = NDArray[np.float64]

BUILDS = (
    "T-pose",
    "A-pose",
    "odd pose",
    "random rolls",
    "cm, turned 90",
    "one spine bone",
    "five spine bones",
    "twists inline",
    "twists beside",
    "no fingers, collars",
    "root bone",
)
FRAMES = 60
BENDS = 0.35
"""Radians about each axis: knees and elbows bend by up to a right angle and more."""


@pytest.fixture(name="motion")
def random_motion(measures: ModuleType, rest_J3: Float64) -> Any:
    """Every joint goes its own smooth way, and the pelvis through the room."""
    random = np.random.default_rng(11)
    time_T11 = np.arange(FRAMES)[:, None, None] / 10.0
    phases = random.uniform(0.0, 6.0, (JOINT_COUNT, 3))
    rotations = matrix_from_axis_angle(2.0 * BENDS * np.sin(phases + time_T11))
    rotations[:, 0] = matrix_from_axis_angle(np.sin(phases[0] + time_T11[:, 0])) @ UPRIGHT
    pelvis_T3 = np.cumsum(random.normal(scale=0.05, size=(FRAMES, 3)), axis=0) + [0.0, 0.0, 0.9]
    return measures.Motion(rotations=rotations, pelvis=pelvis_T3, rest_joints=rest_J3)


@pytest.mark.parametrize("build", BUILDS)
def test_limbs_palms_and_fingers_point_as_the_sources(
    build: str, made: ModuleType, measures: ModuleType, motion: Any, rest_J3: Float64
) -> None:
    character = made.made_character(made.BUILDS[build], rest_J3)
    world_TB44 = measures.carried(motion, character)
    for group in ("limbs", "palms", "fingers"):
        errors = measures.direction_errors(motion, character, world_TB44, measures.BONES[group])
        fingerless = build.startswith("no fingers") and group != "limbs"
        assert errors.shape[1] == (0 if fingerless else len(measures.BONES[group]))
        assert fingerless or errors.max() < 0.01, group


@pytest.mark.parametrize("build", BUILDS)
def test_the_way_back_gives_the_motion_again(
    build: str, made: ModuleType, measures: ModuleType, motion: Any, rest_J3: Float64
) -> None:
    character = made.made_character(made.BUILDS[build], rest_J3)
    errors = measures.round_trip_errors(motion, character, measures.carried(motion, character))
    assert errors.shape == (FRAMES, len(character[1].joints))
    assert errors.max() < 0.01


def test_keys_of_a_full_turn_are_unit_quaternions_that_never_jump(
    made: ModuleType, motion: Any, rest_J3: Float64
) -> None:
    armature, mapping = made.made_character(made.BUILDS["random rolls"], rest_J3)
    about_z_T3 = np.linspace(0.0, 2.0 * np.pi, FRAMES)[:, None] * np.array([0.0, 0.0, 1.0])
    rotations = motion.rotations.copy()
    rotations[:, 0] = matrix_from_axis_angle(about_z_T3) @ UPRIGHT
    keys = retarget(rotations, motion.pelvis, rest_J3, armature, mapping)
    assert keys.rotations.shape == (FRAMES, len(keys.bones), 4)
    assert np.abs(np.linalg.norm(keys.rotations, axis=-1) - 1.0).max() < 1e-9
    assert (np.sum(keys.rotations[1:] * keys.rotations[:-1], axis=-1) > 0.0).all()
    hips_T4 = keys.rotations[:, keys.bones.index(mapping.joints["pelvis"][0])]
    assert hips_T4[0] @ hips_T4[-1] < -0.99


def test_the_zero_pose_on_a_t_posed_character_is_its_rest(
    made: ModuleType, measures: ModuleType, rest_J3: Float64
) -> None:
    armature, mapping = made.made_character(made.BUILDS["T-pose"], rest_J3)
    zero = measures.zero_pose(rest_J3)
    keys = retarget(zero.rotations, zero.pelvis, rest_J3, armature, mapping)
    assert np.abs(np.abs(keys.rotations[..., 0]) - 1.0).max() < 1e-5


def test_the_way_is_scaled_by_the_legs_from_the_objects_origin(
    made: ModuleType, measures: ModuleType, rest_J3: Float64
) -> None:
    armature, mapping = made.made_character(made.BUILDS["cm, turned 90"], rest_J3)
    legs_m = [
        sum(float(np.linalg.norm(places[end] - places[start])) for start, end in _LEG)
        for places in (
            {joint: armature.heads[armature.index[mapping.joints[joint][0]]] for joint in _LEFT},
            {joint: rest_J3[JOINT[joint]] for joint in _LEFT},
        )
    ]
    zero = measures.zero_pose(rest_J3)
    rotations = np.repeat(zero.rotations, 2, axis=0)
    pelvis_23 = np.array([[0.0, 0.0, 0.9], [1.0, 2.0, 1.0]])
    keys = retarget(rotations, pelvis_23, rest_J3, armature, mapping)
    hips_23 = posed(armature, keys)[:, armature.index[mapping.joints["pelvis"][0]], :3, 3]
    scale = legs_m[0] / legs_m[1]
    assert not 0.97 < scale < 1.03
    assert np.allclose(hips_23[1] - hips_23[0], scale * (pelvis_23[1] - pelvis_23[0]), atol=1e-9)
    assert np.abs(hips_23[0, :2] - armature.world[:2, 3]).max() < 0.05


_LEG = (("left_hip", "left_knee"), ("left_knee", "left_ankle"))
_LEFT = ("left_hip", "left_knee", "left_ankle")


def test_a_root_bone_takes_the_way_over_the_ground_and_the_hips_the_height(
    made: ModuleType, motion: Any, rest_J3: Float64
) -> None:
    armature, mapping = made.made_character(made.BUILDS["root bone"], rest_J3)
    keys = retarget(motion.rotations, motion.pelvis, rest_J3, armature, mapping)
    assert keys.placed == ("root", mapping.joints["pelvis"][0])
    assert "root" not in keys.bones
    places_TB3 = posed(armature, keys)[..., :3, 3]
    root_T3 = places_TB3[:, armature.index["root"]]
    hips_T3 = places_TB3[:, armature.index[mapping.joints["pelvis"][0]]]
    assert np.abs(root_T3[:, 2]).max() < 1e-9
    assert np.ptp(root_T3[:, :2], axis=0).min() > 0.2
    assert np.linalg.norm(hips_T3[:, :2] - root_T3[:, :2], axis=1).max() < 0.15
    without = replace(mapping, root=None)
    alone = posed(armature, retarget(motion.rotations, motion.pelvis, rest_J3, armature, without))
    assert np.allclose(alone[:, 1:], posed(armature, keys)[:, 1:], atol=1e-9)


def test_a_spine_of_one_bone_carries_the_chest_whatever_joint_it_stands_for(
    made: ModuleType, motion: Any, rest_J3: Float64
) -> None:
    armature, mapping = made.made_character(made.BUILDS["one spine bone"], rest_J3)
    other = dict(mapping.joints)
    other["spine1"] = other.pop("spine3")
    poses = [
        posed(armature, retarget(motion.rotations, motion.pelvis, rest_J3, armature, own))
        for own in (mapping, replace(mapping, joints=other))
    ]
    assert np.allclose(poses[0], poses[1], atol=1e-9)


def test_feet_that_hang_on_nothing_are_carried_to_their_legs(
    made: ModuleType, motion: Any, rest_J3: Float64
) -> None:
    armature, mapping = made.made_character(made.BUILDS["cm, turned 90"], rest_J3)
    feet = [mapping.joints[f"{side}_ankle"][0] for side in ("left", "right")]
    parents = armature.parents.copy()
    parents[[armature.index[foot] for foot in feet]] = -1
    loose = replace(armature, parents=parents)
    own, other = (
        retarget(motion.rotations, motion.pelvis, rest_J3, character, mapping)
        for character in (armature, loose)
    )
    assert other.placed == (*own.placed, *feet)
    assert np.allclose(posed(armature, own), posed(loose, other), atol=1e-9)


def test_a_mapping_without_legs_is_refused(made: ModuleType, motion: Any, rest_J3: Float64) -> None:
    armature, mapping = made.made_character(made.BUILDS["T-pose"], rest_J3)
    joints = {joint: chain for joint, chain in mapping.joints.items() if "knee" not in joint}
    with pytest.raises(RigError, match="left_knee, right_knee"):
        retarget(
            motion.rotations, motion.pelvis, rest_J3, armature, replace(mapping, joints=joints)
        )


@pytest.mark.slow
def test_ten_minutes_onto_a_long_rig_take_less_than_two_seconds(
    made: ModuleType, measures: ModuleType, rest_J3: Float64
) -> None:
    armature, mapping = made.made_character(measures.LONG_RIG, rest_J3)
    random = np.random.default_rng(3)
    rotations = matrix_from_axis_angle(0.3 * random.normal(size=(18_000, JOINT_COUNT, 3)))
    pelvis_T3 = random.normal(size=(18_000, 3))
    start_s = time.process_time()
    keys = retarget(rotations, pelvis_T3, rest_J3, armature, mapping)
    assert time.process_time() - start_s < 2.0
    assert keys.rotations.shape == (18_000, 65, 4)
