"""Characters read from Blender: Rigify's human before and after generation, and what is none."""

from typing import Any

import numpy as np
import pytest

from pose2rig.addon.characters import read_character
from pose2rig.core_inference.body_model import SHAPE_COUNT, load_open_body
from pose2rig.rigs.errors import RigError
from pose2rig.rigs.mapping import map_armature
from pose2rig.rigs.retarget import Keyframes, joint_rotations, posed, retarget
from pose2rig.rigs.rotation import (
    angle_between,
    matrix_from_axis_angle,
    matrix_from_quaternion,
    quaternion_from_axis_angle,
)
from pose2rig.rigs.skeleton import JOINT, JOINT_NAMES

pytestmark = pytest.mark.bpy

LIMBS = ("upper_arm_parent.L", "upper_arm_parent.R", "thigh_parent.L", "thigh_parent.R")


@pytest.fixture
def meta_rig(empty_file) -> Any:
    """Rigify's human before a rig is generated from it."""
    import addon_utils

    addon_utils.enable("rigify", default_set=True)
    empty_file.ops.object.armature_human_metarig_add()
    return empty_file.context.object


@pytest.fixture
def rig(meta_rig, empty_file) -> Any:
    """The rig generated from the meta-rig, its limbs and its head on forward kinematics."""
    empty_file.ops.pose.rigify_generate()
    things = empty_file.data.objects
    rig = next(thing for thing in things if thing.type == "ARMATURE" and thing != meta_rig)
    for limb in LIMBS:
        rig.pose.bones[limb]["IK_FK"] = 1.0
    rig.pose.bones["torso"]["neck_follow"] = 1.0
    rig.pose.bones["torso"]["head_follow"] = 1.0
    return rig


def test_an_armature_is_read_as_it_stands_at_rest(meta_rig) -> None:
    """In its own space, parents first; the object's turn, size and the pose stand apart."""
    meta_rig.scale = (0.01, 0.01, 0.01)
    meta_rig.rotation_euler = (np.pi / 2.0, 0.0, 0.0)
    meta_rig.pose.bones["spine"].location = (1.0, 2.0, 3.0)
    import bpy

    bpy.context.view_layer.update()
    armature = read_character(meta_rig)
    bone = meta_rig.data.bones["forearm.L"]
    row = armature.index["forearm.L"]
    np.testing.assert_allclose(armature.rest[row], np.array(bone.matrix_local), atol=1e-6)
    head_3 = np.array(meta_rig.matrix_world @ bone.head_local)
    np.testing.assert_allclose(armature.heads[row], head_3, atol=1e-6)
    tail_3 = np.array(meta_rig.matrix_world @ bone.tail_local)
    np.testing.assert_allclose(armature.tails[row], tail_3, atol=1e-6)
    assert armature.names[armature.parents[row]] == "upper_arm.L"


def test_the_meta_rig_is_a_whole_body(meta_rig) -> None:
    mapping = map_armature(read_character(meta_rig))
    assert (mapping.preset, mapping.root, mapping.score) == ("Rigify meta-rig", None, 1.0)
    assert set(mapping.joints) == set(JOINT_NAMES)
    assert mapping.joints["spine3"] == ("spine.003",)
    assert mapping.joints["neck"] == ("spine.004", "spine.005")
    assert mapping.joints["left_collar"] == ("shoulder.L",)


@pytest.mark.slow
def test_the_generated_rig_is_moved_by_its_fk_controls(rig) -> None:
    """No mechanism, deform or inverse-kinematics bone is among them."""
    mapping = map_armature(read_character(rig))
    assert (mapping.preset, mapping.root, mapping.twists) == ("Rigify controls", "root", {})
    assert set(mapping.joints) == set(JOINT_NAMES)
    assert mapping.joints["pelvis"] == ("torso", "spine_fk")
    spine = [mapping.joints[f"spine{k}"] for k in (1, 2, 3)]
    assert spine == [("spine_fk.001",), ("spine_fk.002",), ("spine_fk.003",)]
    assert mapping.joints["right_shoulder"] == ("upper_arm_fk.R",)
    assert mapping.joints["left_collar"] == ("shoulder.L",)
    assert mapping.joints["left_wrist"] == ("hand_fk.L",)
    assert mapping.joints["left_index1"] == ("f_index.01.L",)
    assert mapping.joints["jaw"] == ("jaw_master",)
    bones = [bone for chain in mapping.joints.values() for bone in chain]
    assert not [bone for bone in bones if bone.startswith(("MCH-", "ORG-", "DEF-"))]


@pytest.mark.slow
def test_forward_kinematics_poses_the_controls_as_blender_does(rig, empty_file) -> None:
    """Any turns of all mapped controls: 0.1 degrees and 0.1 mm from Blender's constraints."""
    armature = read_character(rig)
    chains = map_armature(armature).joints.values()
    bones = tuple(bone for chain in chains for bone in chain)
    generator = np.random.default_rng(5)
    turns_TK4 = quaternion_from_axis_angle(generator.normal(0.0, 0.3, (1, len(bones), 3)))
    for bone, turn_4 in zip(bones, turns_TK4[0], strict=True):
        rig.pose.bones[bone].rotation_mode = "QUATERNION"
        rig.pose.bones[bone].rotation_quaternion = turn_4
    rig.pose.bones["torso"].location = (0.2, -0.1, 0.3)
    keyframes = Keyframes(
        bones=bones,
        rotations=turns_TK4,
        placed=("torso",),
        locations=np.array([[[0.2, -0.1, 0.3]]]),
    )
    expected_B44 = posed(armature, keyframes)[0]
    context = empty_file.context
    context.view_layer.update()
    seen = rig.evaluated_get(context.evaluated_depsgraph_get())
    rows = [armature.index[bone] for bone in bones]
    actual_K44 = np.array([seen.matrix_world @ seen.pose.bones[bone].matrix for bone in bones])
    np.testing.assert_allclose(actual_K44[:, :3, 3], expected_B44[rows, :3, 3], atol=1e-4)
    unturned_K33 = matrix_from_quaternion(turns_TK4[0]) - np.eye(3)
    assert np.abs(unturned_K33).max() > 0.3
    np.testing.assert_allclose(actual_K44[:, :3, :3], expected_B44[rows, :3, :3], atol=2e-3)


def test_what_is_no_armature_is_refused(empty_file) -> None:
    bpy = empty_file
    lamp = bpy.data.objects.new("lamp", bpy.data.lights.new("lamp", "POINT"))
    with pytest.raises(RigError, match="'lamp' is no armature; expected an armature object"):
        read_character(lamp)
    bare = bpy.data.objects.new("bare", bpy.data.armatures.new("bare"))
    bpy.context.collection.objects.link(bare)
    bpy.context.view_layer.update()
    with pytest.raises(RigError, match="no bones"):
        read_character(bare)


def test_a_generated_rig_takes_a_motion_although_its_hips_hang_on_its_spine(rig) -> None:
    armature = read_character(rig)
    mapping = map_armature(armature)
    body = load_open_body()
    rest = np.asarray(body.rest_joints(np.zeros(SHAPE_COUNT)), dtype=np.float64)
    turns = np.random.default_rng(5).normal(0.0, 0.2, (3, len(JOINT_NAMES), 3))
    rotations = matrix_from_axis_angle(turns)
    keyframes = retarget(rotations, np.tile([0.0, 0.0, 0.95], (3, 1)), rest, armature, mapping)
    back = joint_rotations(posed(armature, keyframes), rest, armature, mapping)
    joints = [JOINT[f"{side}_{name}"] for side in ("left", "right") for name in ("knee", "elbow")]
    assert np.degrees(angle_between(back[:, joints], rotations[:, joints])).max() < 2.0
