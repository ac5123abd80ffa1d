"""The camera in Blender sees the joints where the clip's own camera sees them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pose2rig.core_inference.camera import CAMERA_FROM_WORLD, Camera
from pose2rig.core_inference.clip import Clip, replaced
from pose2rig.rigs.rotation import matrix_from_axis_angle

pytestmark = pytest.mark.bpy

FRAMES = 24
SIZE = (640, 360)


def filmed(clip: Clip) -> Clip:
    """The clip before a camera 4 m away, which turns by 25 degrees and goes 1 m to the right."""
    share = np.linspace(0.0, 1.0, len(clip.frame_index))
    turns = matrix_from_axis_angle(np.outer(share, np.radians([5.0, 25.0, 3.0])))
    places = np.outer(share, [1.0, 0.0, 0.2]) + [0.0, -4.0, 1.0]
    rotation = turns @ CAMERA_FROM_WORLD
    camera = Camera(
        focal=np.full(2, 600.0, np.float32),
        principal_point=np.array(SIZE, np.float32) / 2,
        image_size=np.array(SIZE, np.int32),
        rotation=rotation.astype(np.float32),
        translation=-(rotation @ places[..., None])[..., 0].astype(np.float32),
    )
    return replaced(clip, camera=camera)


def bare_armature(scene: Any) -> Any:
    """What the take's armature is to a camera: a place, a collection, a clip."""
    import bpy

    from pose2rig.addon.take import CLIP_PROPERTY

    armature = bpy.data.objects.new("somebody", bpy.data.armatures.new("somebody"))
    armature[CLIP_PROPERTY] = "somebody.npz"
    scene.collection.objects.link(armature)
    return armature


def seen_px(scene: Any, camera: Any, points: Any) -> Any:
    """World points (N,3) in px of the footage, as Blender's own camera sees them."""
    from bpy_extras.object_utils import world_to_camera_view
    from mathutils import Vector

    found = [world_to_camera_view(scene, camera, Vector(point)) for point in points.tolist()]
    return np.array([[view.x * SIZE[0], (1.0 - view.y) * SIZE[1]] for view in found])


def test_blender_sees_the_joints_where_the_clip_says(empty_file: Any, make_clip: Any) -> None:
    from pose2rig.addon.camera import add_camera
    from pose2rig.addon.sampling import FrameTiming

    clip = filmed(make_clip(frames=FRAMES, fps=24.0))
    scene = empty_file.context.scene
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.camera = None
    armature = bare_armature(scene)
    camera = add_camera(clip, FrameTiming(fps=24.0, first_frame=1), armature, scene)
    expected = clip.camera.project(clip.joints.astype(np.float64))
    for row in (0, 7, FRAMES - 1):
        scene.frame_set(1 + row)
        seen = seen_px(scene, camera, clip.joints[row, :22])
        np.testing.assert_allclose(seen, expected[row, :22], atol=0.1)
    assert scene.camera == camera


def test_the_lens_is_keyed_where_the_footage_zooms(empty_file: Any, make_clip: Any) -> None:
    from pose2rig.addon.camera import SENSOR_MM, add_camera
    from pose2rig.addon.keyframes import fcurves
    from pose2rig.addon.sampling import FrameTiming

    clip = filmed(make_clip(frames=FRAMES, fps=24.0))
    zoom = np.linspace(1.0, 1.6, FRAMES).astype(np.float32)
    clip = replaced(clip, camera=replace(clip.camera, zoom=zoom))
    scene = empty_file.context.scene
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    camera = add_camera(clip, FrameTiming(fps=24.0, first_frame=1), bare_armature(scene), scene)
    (curve,) = fcurves(camera.data)
    assert (curve.data_path, len(curve.keyframe_points)) == ("lens", FRAMES)
    expected = clip.camera.project(clip.joints.astype(np.float64))
    for row in (0, 7, FRAMES - 1):
        scene.frame_set(1 + row)
        np.testing.assert_allclose(camera.data.lens, SENSOR_MM * 600.0 / 640 * zoom[row], rtol=1e-5)
        seen = seen_px(scene, camera, clip.joints[row, :22])
        np.testing.assert_allclose(seen, expected[row, :22], atol=0.1)


def test_the_scenes_own_camera_stays_and_a_second_one_has_its_own_name(
    empty_file: Any, make_clip: Any
) -> None:
    from pose2rig.addon.camera import NAME, add_camera
    from pose2rig.addon.sampling import FrameTiming

    clip = filmed(make_clip(frames=FRAMES, fps=24.0))
    scene, timing = empty_file.context.scene, FrameTiming(fps=24.0, first_frame=1)
    armature = bare_armature(scene)
    first = add_camera(clip, timing, armature, scene)
    second = add_camera(clip, replace(timing, first_frame=11), armature, scene)
    assert (first.name, second.name) == (NAME, f"{NAME}.001")
    assert scene.camera == first
    assert second.animation_data.action.frame_range[:] == (11.0, 10.0 + FRAMES)


def test_a_camera_leaves_with_its_take(empty_file: Any, make_clip: Any) -> None:
    from pose2rig.addon.camera import add_camera
    from pose2rig.addon.sampling import FrameTiming
    from pose2rig.addon.take import remove_take

    scene = empty_file.context.scene
    armature = bare_armature(scene)
    clip = filmed(make_clip(frames=FRAMES, fps=24.0))
    clip = replaced(clip, camera=replace(clip.camera, zoom=np.ones(FRAMES, np.float32)))
    add_camera(clip, FrameTiming(fps=24.0, first_frame=1), armature, scene)
    assert (len(empty_file.data.actions), len(empty_file.data.cameras)) == (2, 1)
    remove_take(armature)
    assert not [*empty_file.data.objects, *empty_file.data.actions, *empty_file.data.cameras]
