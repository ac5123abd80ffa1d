"""Arrays to F-curves; every difference between Blender's versions of actions lives here.

Blender 4.2 and 4.3 keep F-curves in the action itself; 4.4 added slots and layers, and 5.0 took
the old way out. Written curves hold one linear key on every whole frame.

Legend: F frames, B bones.
"""

from collections.abc import Callable, Iterable
from typing import Literal

import bpy
import numpy as np
from numpy.typing import NDArray

from ..rigs import retarget
from ..rigs.face_shapes import FACE_SHAPES
from .sampling import CONTACTS, CameraKeys, Keyframes, axis_angle_channels

RotationMode = Literal["AXIS_ANGLE", "QUATERNION"]

_CHANNELS: dict[str, str] = {
    "AXIS_ANGLE": "rotation_axis_angle",
    "QUATERNION": "rotation_quaternion",
}
_LINEAR = 1  # the number of 'LINEAR' among Keyframe.interpolation's items, in every version

NewCurve = Callable[[str, int, str], bpy.types.FCurve]


def key_motion(
    armature: bpy.types.Object, keyframes: Keyframes, name: str, mode: RotationMode
) -> bpy.types.Action:
    """Make a new action of the keyframes and assign it to the armature object.

    An existing action of that name is left alone: Blender numbers the new one. The bones'
    rotation modes are set to `mode`.
    """
    action = bpy.data.actions.new(name)
    armature.animation_data_create().action = action
    new_curve = _curve_maker(armature, action)
    values_FB4 = keyframes.rotations
    if mode == "AXIS_ANGLE":
        values_FB4 = axis_angle_channels(values_FB4)
    frames_F = keyframes.frames.astype(np.float32)
    for index, bone in enumerate(keyframes.bones):
        armature.pose.bones[bone].rotation_mode = mode
        path = f'pose.bones["{bpy.utils.escape_identifier(bone)}"].'
        if index == 0:
            _write(new_curve, path + "location", bone, frames_F, keyframes.root_location)
        _write(new_curve, path + _CHANNELS[mode], bone, frames_F, values_FB4[:, index])
    if keyframes.contacts is not None:
        for index, name in enumerate(CONTACTS):
            values_F1 = keyframes.contacts[:, index : index + 1]
            _write(new_curve, contact_path(name), "Contacts", frames_F, values_F1)
    return action


def key_character(
    character: bpy.types.Object,
    keyframes: retarget.Keyframes,
    frames_F: NDArray[np.int64],
    name: str,
) -> bpy.types.Action:
    """Make a new action of a retargeted motion at whole frames (F,) and assign it.

    The bones turn by quaternions then; those that the motion does not speak of stay as they are.
    """
    action = bpy.data.actions.new(name)
    character.animation_data_create().action = action
    new_curve = _curve_maker(character, action)
    points_F = frames_F.astype(np.float32)
    channels = (
        ("location", keyframes.placed, keyframes.locations),
        ("rotation_quaternion", keyframes.bones, keyframes.rotations),
    )
    for channel, bones, values_FBC in channels:
        for index, bone in enumerate(bones):
            character.pose.bones[bone].rotation_mode = "QUATERNION"
            path = f'pose.bones["{bpy.utils.escape_identifier(bone)}"].{channel}'
            _write(new_curve, path, bone, points_F, values_FBC[:, index])
    return action


def contact_path(name: str) -> str:
    """The data path of one of `sampling.CONTACTS`, a custom property of the armature object."""
    return f'["{name}"]'


def key_shapes(body: bpy.types.Object, keyframes: Keyframes, name: str) -> bpy.types.Action:
    """Make a new action of the keyframes' face shapes and assign it to the body's shape keys."""
    shape_keys, values_FS = body.data.shape_keys, keyframes.face_shapes
    action = bpy.data.actions.new(name)
    shape_keys.animation_data_create().action = action
    new_curve = _curve_maker(shape_keys, action)
    frames_F = keyframes.frames.astype(np.float32)
    for index, shape in enumerate(FACE_SHAPES):
        path = f'key_blocks["{shape}"].value'
        _write(new_curve, path, "Face", frames_F, values_FS[:, index : index + 1])
    return action


def key_camera(camera: bpy.types.Object, keys: CameraKeys, name: str) -> bpy.types.Action:
    """Make a new action that moves a camera object and assign it; it turns by quaternions."""
    action = bpy.data.actions.new(name)
    camera.animation_data_create().action = action
    new_curve = _curve_maker(camera, action)
    frames_F = keys.frames.astype(np.float32)
    _write(new_curve, "location", name, frames_F, keys.locations)
    _write(new_curve, "rotation_quaternion", name, frames_F, keys.rotations)
    return action


def key_lens(
    lens: bpy.types.Camera, frames_F: NDArray[np.int64], lengths_F: NDArray, name: str
) -> bpy.types.Action:
    """Make a new action of a camera's focal lengths (F,) mm and assign it to the camera's data."""
    action = bpy.data.actions.new(name)
    lens.animation_data_create().action = action
    new_curve = _curve_maker(lens, action)
    _write(new_curve, "lens", name, frames_F.astype(np.float32), lengths_F[:, None])
    return action


def fcurves(datablock: bpy.types.ID) -> Iterable[bpy.types.FCurve]:
    """The F-curves that move `datablock`: those of its action's assigned slot."""
    data = datablock.animation_data
    if data is None or data.action is None:
        return ()
    if not _has_slots():
        return data.action.fcurves
    bag = _channelbag(data)
    return () if bag is None else bag.fcurves


def _has_slots() -> bool:
    return bpy.app.version >= (4, 4, 0)


def _channelbag(data: bpy.types.AnimData) -> "bpy.types.ActionChannelbag | None":
    """What the assigned slot owns: its curves and their groups (from Blender 4.4 on)."""
    if data.action_slot is not None:
        for layer in data.action.layers:
            for strip in layer.strips:
                if (bag := strip.channelbag(data.action_slot)) is not None:
                    return bag
    return None


def _curve_maker(datablock: bpy.types.ID, action: bpy.types.Action) -> NewCurve:
    if not _has_slots():
        return lambda path, index, group: action.fcurves.new(path, index=index, action_group=group)

    def new_curve(path: str, index: int, group: str) -> bpy.types.FCurve:
        curve = action.fcurve_ensure_for_datablock(datablock, path, index=index)
        groups = _channelbag(datablock.animation_data).groups  # 4.4 and 4.5 take no group's name
        curve.group = groups.get(group) or groups.new(group)
        return curve

    return new_curve


def _write(
    new_curve: NewCurve, path: str, group: str, frames_F: NDArray[np.float32], values: NDArray
) -> None:
    """One curve per column of values (F,C)."""
    points = np.empty((len(frames_F), 2), dtype=np.float32)
    points[:, 0] = frames_F
    linear = np.full(len(frames_F), _LINEAR, dtype=np.int32)
    for index in range(values.shape[1]):
        points[:, 1] = values[:, index]
        curve = new_curve(path, index, group)
        curve.keyframe_points.add(len(frames_F))
        curve.keyframe_points.foreach_set("co", points.ravel())
        curve.keyframe_points.foreach_set("interpolation", linear)
        curve.update()
