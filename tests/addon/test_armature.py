"""The armature's contract: names, places, one orientation, limbs, and reading any armature."""

import numpy as np
import pytest

from pose2rig.core_inference.body_model import load_open_body
from pose2rig.rigs.errors import RigError
from pose2rig.rigs.rest_pose import UPRIGHT, smplx_rest_pose
from pose2rig.rigs.skeleton import JOINT_NAMES, PARENTS

from .conftest import on_licensed_joints

pytestmark = pytest.mark.bpy
BETAS = np.linspace(-1.0, 1.0, 10)


@pytest.fixture
def armature(empty_file):
    """An armature of a person who is not the average one."""
    from pose2rig.addon.armature import build_armature

    rest = load_open_body().rest_joints(BETAS)
    return build_armature(rest, "somebody", empty_file.context.scene.collection)


def test_bones_carry_smplx_names_and_parents(armature) -> None:
    """Exactly the 55 joints, each under its parent."""
    bones = armature.data.bones
    assert {bone.name for bone in bones} == set(JOINT_NAMES)
    parents = tuple(
        JOINT_NAMES.index(bones[name].parent.name) if bones[name].parent else -1
        for name in JOINT_NAMES
    )
    assert parents == PARENTS


def test_heads_are_forward_kinematics_within_a_micrometre(armature) -> None:
    """Bone heads equal the rest joints, stood upright."""
    heads = np.array([armature.data.bones[name].head_local for name in JOINT_NAMES])
    assert np.abs(heads - load_open_body().rest_joints(BETAS) @ UPRIGHT.T).max() < 1e-6


def test_every_bone_has_the_same_orientation_and_the_object_none(armature) -> None:
    """The SMPL-X axes turned +90 degrees about x; the object transform is the identity."""
    for bone in armature.data.bones:
        assert np.abs(np.array(bone.matrix_local.to_3x3()) - UPRIGHT).max() < 1e-6
    assert np.array_equal(np.array(armature.matrix_world), np.eye(4))


def test_at_rest_it_stands_upright_facing_minus_y(armature) -> None:
    """Head over feet, toes before the ankles at -y, the left hand at +x."""
    bones = armature.data.bones
    assert bones["head"].head_local.z > bones["pelvis"].head_local.z + 0.4
    assert bones["left_foot"].head_local.y < bones["left_ankle"].head_local.y
    assert bones["left_wrist"].head_local.x > 0.4


def test_limb_shapes_reach_from_head_to_child(armature) -> None:
    """The shape of each bone with one continuation ends where that joint begins."""
    from mathutils import Vector

    for name, child in (("left_elbow", "left_wrist"), ("pelvis", "spine1"), ("neck", "head")):
        pose_bone = armature.pose.bones[name]
        shape = pose_bone.custom_shape.data.vertices
        tip = shape[-1].co * Vector(pose_bone.custom_shape_scale_xyz)
        tip.rotate(pose_bone.custom_shape_rotation_euler)
        end = pose_bone.bone.matrix_local @ tip
        assert (end - armature.data.bones[child].head_local).length < 1e-5


def test_reading_it_back_gives_the_rest_pose(armature) -> None:
    """read_rest_pose and smplx_rest_pose agree bone by bone."""
    from pose2rig.addon.armature import read_rest_pose

    read, made = read_rest_pose(armature), smplx_rest_pose(load_open_body().rest_joints(BETAS))
    order = [read.names.index(name) for name in made.names]
    assert np.abs(read.heads[order] - made.heads).max() < 1e-6
    assert np.abs(read.rotations[order] - made.rotations).max() < 1e-6
    assert [read.names[read.parents[k]] if read.parents[k] >= 0 else "" for k in order] == [
        made.names[parent] if parent >= 0 else "" for parent in made.parents
    ]


def test_what_is_no_armature_is_refused(empty_file) -> None:
    """A mesh, and an armature without bones."""
    from pose2rig.addon.armature import read_rest_pose

    bpy = empty_file
    mesh = bpy.data.objects.new("mesh", bpy.data.meshes.new("mesh"))
    bare = bpy.data.objects.new("bare", bpy.data.armatures.new("bare"))
    for thing in (mesh, bare):
        with pytest.raises(RigError, match="armature"):
            read_rest_pose(thing)


def test_it_can_be_built_while_something_else_is_edited(empty_file) -> None:
    """The user's edit mode is left, not an error."""
    from pose2rig.addon.armature import build_armature

    bpy = empty_file
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.mode_set(mode="EDIT")
    made = build_armature(
        load_open_body().rest_joints(BETAS), "somebody", bpy.context.scene.collection
    )
    assert bpy.context.object == made
    assert bpy.context.mode == "OBJECT"
    assert len(made.data.bones) == 55


def test_body_is_skinned_as_the_numpy_body_is(empty_file, make_clip) -> None:
    """Blender's evaluated vertices are the numpy model's within a millimetre, posed."""
    from pathlib import Path

    from pose2rig.addon.sampling import FrameTiming
    from pose2rig.addon.take import TakeSettings, add_take
    from pose2rig.rigs.rotation import matrix_from_axis_angle
    from pose2rig.rigs.skeleton import world_rotations

    bpy = empty_file
    clip = make_clip(frames=20)
    timing = FrameTiming(fps=30.0, first_frame=1)
    settings = TakeSettings(
        name="a", mode="AXIS_ANGLE", timing=timing, path=Path("a.npz"), quality={}
    )
    take = add_take(clip, settings, bpy.context.scene)
    bpy.context.scene.frame_set(17)
    evaluated = take.body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.empty(3 * len(evaluated.data.vertices))
    evaluated.data.vertices.foreach_get("co", points)
    row = slice(16, 17)
    world = world_rotations(matrix_from_axis_angle(clip.poses[row].reshape(-1, 55, 3)))
    skinned = load_open_body().skin(world, clip.joints[row], clip.open_betas)[0]
    assert np.abs(points.reshape(-1, 3) - skinned).max() < 1e-3
    assert [slot.material.name for slot in take.body.material_slots] == [
        f"pose2rig_{part}" for part in load_open_body().part_names
    ]


def test_a_take_of_the_licensed_body_stands_in_its_own_joints(empty_file, make_clip) -> None:
    """Bones at the clip's rest joints, the open body's mesh moved as they are."""
    from pathlib import Path

    from pose2rig.addon.sampling import FrameTiming
    from pose2rig.addon.take import TakeSettings, add_take

    bpy = empty_file
    clip = on_licensed_joints(make_clip(frames=5))
    timing = FrameTiming(fps=30.0, first_frame=1)
    settings = TakeSettings(
        name="a", mode="AXIS_ANGLE", timing=timing, path=Path("a.npz"), quality={}
    )
    take = add_take(clip, settings, bpy.context.scene)
    heads = np.array([take.armature.data.bones[name].head_local for name in JOINT_NAMES])
    assert np.abs(heads - clip.rest_joints @ UPRIGHT.T).max() < 1e-6
    for row in (0, 4):
        bpy.context.scene.frame_set(row + 1)
        posed = np.array([take.armature.pose.bones[name].head for name in JOINT_NAMES])
        assert np.abs(posed - clip.joints[row]).max() < 1e-4
    model = load_open_body()
    points = np.empty(3 * len(take.body.data.vertices))
    take.body.data.vertices.foreach_get("co", points)
    moved = points.reshape(-1, 3) @ UPRIGHT - model.rest_vertices(np.zeros(10))
    apart = clip.rest_joints - model.rest_joints(np.zeros(10))
    assert np.abs(apart).max() > 0.02
    np.testing.assert_allclose(moved, model.weights @ apart, atol=1e-5)
