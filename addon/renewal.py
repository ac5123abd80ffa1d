"""A take's motion made anew: fresh actions on the same armature, body and camera."""

from collections.abc import Callable

import bpy

from ..core_inference.clip import Clip
from .camera import key_take_camera
from .keyframes import key_motion, key_shapes
from .sampling import keyframes_from_clip
from .take import (
    CLIP_PROPERTY,
    REPLACED_PROPERTY,
    TakeSettings,
    describe,
    nothing_left_on_failure,
)

Animated = bpy.types.Object | bpy.types.Key


def renew_take(armature: bpy.types.Object, clip: Clip, settings: TakeSettings) -> bpy.types.Action:
    """Give the armature a new action of the clip, and its face and moving camera theirs.

    The actions they had stay in the file, with a fake user. When it fails, everything is as
    before.
    """
    keyframes = keyframes_from_clip(clip, settings.timing)
    makers: dict[Animated, Callable[[], bpy.types.Action]] = {
        armature: lambda: key_motion(armature, keyframes, settings.name, settings.mode)
    }
    for child in armature.children:
        if CLIP_PROPERTY not in child:
            continue
        if child.type == "CAMERA" and clip.camera.is_moving:
            makers[child] = lambda camera=child: key_take_camera(camera, clip, settings.timing)
        if keyframes.face_shapes is not None and getattr(child.data, "shape_keys", None):
            makers[child.data.shape_keys] = lambda body=child: key_shapes(
                body, keyframes, f"{settings.name}_face"
            )
    earlier = {thing: _assigned(thing) for thing in makers}
    try:
        with nothing_left_on_failure():
            fresh = [make() for make in makers.values()]
            for action in fresh:
                describe(action, clip, settings)
            describe(armature, clip, settings)
    except BaseException:
        for thing, assigned in earlier.items():
            _assign(thing, assigned)
        raise
    for action, _ in filter(None, earlier.values()):
        action.use_fake_user = True
        action[REPLACED_PROPERTY] = True
        action[CLIP_PROPERTY] = str(settings.path)
    return fresh[0]


def fresh_name(armature: bpy.types.Object) -> str:
    """The armature's name with the first number, from 2, that no action has."""
    number = 2
    while (name := f"{armature.name} ({number})") in bpy.data.actions:
        number += 1
    return name


_Assigned = tuple[bpy.types.Action, object]


def _assigned(thing: Animated) -> _Assigned | None:
    data = thing.animation_data
    if data is None or data.action is None:
        return None
    return data.action, getattr(data, "action_slot", None)


def _assign(thing: Animated, assigned: _Assigned | None) -> None:
    data = thing.animation_data_create()
    data.action = None if assigned is None else assigned[0]
    if assigned is not None and assigned[1] is not None:
        data.action_slot = assigned[1]
