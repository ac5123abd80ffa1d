"""The SMPL-X armature in Blender, and any armature read back as a neutral rest pose.

At rest the armature stands upright in the T-pose facing -y with an identity object transform.
Every bone has the same axes (rigs.rest_pose.UPRIGHT), so that keyed rotations are the clip's own
numbers; bones show as limbs through a shape that is stretched from each head to its child's.
"""

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from ..rigs.errors import RigError
from ..rigs.rest_pose import RestPose, smplx_rest_pose
from ..rigs.skeleton import JOINT, JOINT_NAMES, LEFT_HAND, PARENTS, RIGHT_HAND

FloatArray = NDArray[np.floating]

BONE_LENGTH_M = 0.04
_LIMB_NAME = "pose2rig_limb"
_LIMB_RINGS = 0.15  # where along its length the limb shape is widest
_NEXT_JOINT = {"pelvis": "spine1", "spine3": "neck"} | {
    f"{side}_wrist": f"{side}_middle1" for side in ("left", "right")
}
_ENDS_M = {
    "head": (0.0, 0.17, 0.02),
    "jaw": (0.0, -0.04, 0.08),
    "left_eye_smplhf": (0.0, 0.0, 0.03),
    "right_eye_smplhf": (0.0, 0.0, 0.03),
    "left_foot": (0.0, 0.0, 0.07),
    "right_foot": (0.0, 0.0, 0.07),
}
_PALETTES = {"left": "THEME04", "right": "THEME01", "middle": "THEME09"}  # blue, red, yellow
_FACE = ("jaw", "left_eye_smplhf", "right_eye_smplhf")


def build_armature(
    rest_joints_J3: FloatArray, name: str, collection: bpy.types.Collection
) -> bpy.types.Object:
    """Make the armature object of one person in `collection`, selected and active.

    Args: rest_joints_J3 (55,3) m, zero pose in SMPL-X axes. Leaves Blender in object mode.
    """
    rest = smplx_rest_pose(rest_joints_J3)
    data = bpy.data.armatures.new(name)
    armature = bpy.data.objects.new(name, data)
    collection.objects.link(armature)
    make_active(armature)
    bpy.ops.object.mode_set(mode="EDIT")
    for bone, parent, head_3, axes_33 in zip(
        rest.names, rest.parents, rest.heads, rest.rotations, strict=True
    ):
        edit_bone = data.edit_bones.new(bone)
        edit_bone.head = Vector(head_3)
        edit_bone.tail = Vector(head_3 + BONE_LENGTH_M * axes_33[:, 1])
        edit_bone.align_roll(Vector(axes_33[:, 2]))
        if parent >= 0:
            edit_bone.parent = data.edit_bones[rest.names[parent]]
    bpy.ops.object.mode_set(mode="OBJECT")
    _group_bones(data)
    _dress_bones(armature, limb_offsets(rest_joints_J3))
    return armature


def make_active(armature: bpy.types.Object) -> None:
    """Leave any other mode, deselect the rest, select the object and make it active."""
    leave_mode()
    view_layer = bpy.context.view_layer
    for other in view_layer.objects:
        other.select_set(False)
    armature.select_set(True)
    view_layer.objects.active = armature


def leave_mode() -> None:
    """Go to object mode."""
    active = bpy.context.view_layer.objects.active
    if active is not None and active.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")


def read_rest_pose(armature: bpy.types.Object) -> RestPose:
    """Any armature object's bones at rest, in the armature's space; raises RigError."""
    if armature.type != "ARMATURE" or not armature.data.bones:
        raise RigError(
            f"{armature.name} cannot be read as an armature",
            expected="an armature with bones",
            actual=armature.type.lower() if armature.type != "ARMATURE" else "no bones",
            next_step="select an armature",
        )
    bones = sorted(armature.data.bones, key=lambda bone: len(bone.parent_recursive))
    names = [bone.name for bone in bones]
    index = {name: k for k, name in enumerate(names)}
    matrices = np.array([bone.matrix_local for bone in bones])
    return RestPose(
        names=tuple(names),
        parents=tuple(index[bone.parent.name] if bone.parent else -1 for bone in bones),
        heads=matrices[:, :3, 3],
        rotations=matrices[:, :3, :3],
    )


def limb_offsets(rest_joints_J3: FloatArray) -> FloatArray:
    """Where each joint's limb ends, from its head (55,3) m in SMPL-X axes."""
    offsets_J3 = np.empty((len(JOINT_NAMES), 3))
    for joint, name in enumerate(JOINT_NAMES):
        children = [k for k, parent in enumerate(PARENTS) if parent == joint]
        if name in _ENDS_M:
            offsets_J3[joint] = _ENDS_M[name]
        elif children:
            child = JOINT[_NEXT_JOINT[name]] if name in _NEXT_JOINT else children[0]
            offsets_J3[joint] = rest_joints_J3[child] - rest_joints_J3[joint]
        else:
            offsets_J3[joint] = 0.8 * (rest_joints_J3[joint] - rest_joints_J3[PARENTS[joint]])
    return offsets_J3


def _group_bones(data: bpy.types.Armature) -> None:
    groups = {
        "Left hand": JOINT_NAMES[LEFT_HAND],
        "Right hand": JOINT_NAMES[RIGHT_HAND],
        "Face": _FACE,
    }
    grouped = {name for names in groups.values() for name in names}
    groups["Body"] = tuple(name for name in JOINT_NAMES if name not in grouped)
    for group, names in groups.items():
        bone_collection = data.collections.new(group)
        for name in names:
            bone_collection.assign(data.bones[name])


def _dress_bones(armature: bpy.types.Object, offsets_J3: FloatArray) -> None:
    """Show every bone as a limb from its head along its offset."""
    shape = _limb_shape()
    armature.show_in_front = True
    for name, offset_3 in zip(JOINT_NAMES, offsets_J3, strict=True):
        length = float(np.linalg.norm(offset_3))
        pose_bone = armature.pose.bones[name]
        pose_bone.custom_shape = shape
        pose_bone.use_custom_shape_bone_size = False
        pose_bone.custom_shape_rotation_euler = (
            Vector((0.0, 1.0, 0.0)).rotation_difference(Vector(offset_3)).to_euler()
        )
        width = min(0.12 * length, 0.03)
        pose_bone.custom_shape_scale_xyz = (width, length, width)
        bone = armature.data.bones[name]
        bone.show_wire = True
        bone.color.palette = _PALETTES.get(name.partition("_")[0], _PALETTES["middle"])


def _limb_shape() -> bpy.types.Object:
    """The octahedron all bones show: its point at the origin, its tip at y = 1, 2 wide."""
    existing = bpy.data.objects.get(_LIMB_NAME)
    if existing is not None and existing.library is None:
        return existing
    ring = [(1.0, _LIMB_RINGS, 0.0), (0.0, _LIMB_RINGS, 1.0)]
    ring += [(-x, y, -z) for x, y, z in ring]
    faces = [(0, k, k % 4 + 1) for k in range(1, 5)] + [(5, k % 4 + 1, k) for k in range(1, 5)]
    mesh = bpy.data.meshes.new(_LIMB_NAME)
    mesh.from_pydata([(0.0, 0.0, 0.0), *ring, (0.0, 1.0, 0.0)], [], faces)
    return bpy.data.objects.new(_LIMB_NAME, mesh)
