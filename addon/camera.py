"""The moving camera of a take: it sees the armature where the footage shows the person."""

import bpy

from ..core_inference.clip import Clip
from .keyframes import key_camera, key_lens
from .sampling import FrameTiming, camera_keys_from_clip
from .take import CLIP_PROPERTY

NAME = "Pose2Rig Camera"
SENSOR_MM = 36.0


def add_camera(
    clip: Clip, timing: FrameTiming, armature: bpy.types.Object, scene: bpy.types.Scene
) -> bpy.types.Object:
    """Put the clip's moving camera beside its armature, keyed on every frame of the clip.

    It goes where the armature goes, and with it when that is taken out. Its lens fits the width of
    the footage, and is keyed as well where the footage zooms. It becomes the scene's camera where
    there is none.
    """
    data = bpy.data.cameras.new(NAME)
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = SENSOR_MM
    data.lens = SENSOR_MM * float(clip.camera.focal[0]) / float(clip.camera.image_size[0])
    camera = bpy.data.objects.new(NAME, data)
    camera[CLIP_PROPERTY] = armature[CLIP_PROPERTY]
    camera.parent = armature
    camera.rotation_mode = "QUATERNION"
    for collection in armature.users_collection:
        collection.objects.link(camera)
    keys = camera_keys_from_clip(clip, timing)
    key_camera(camera, keys, camera.name)
    if keys.zooms is not None:
        key_lens(data, keys.frames, data.lens * keys.zooms, f"{camera.name}_lens")
    scene.camera = scene.camera or camera
    return camera


def key_take_camera(camera: bpy.types.Object, clip: Clip, timing: FrameTiming) -> bpy.types.Action:
    """Make a new action of the clip's camera and assign it."""
    return key_camera(camera, camera_keys_from_clip(clip, timing), camera.name)
