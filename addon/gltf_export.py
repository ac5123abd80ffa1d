"""Write a character as one binary glTF: its armature, its meshes and the take, all keys."""

import bpy

from ..rigs.errors import BlenderError
from .export import FbxExport, export_scene


def export_glb(job: FbxExport) -> None:
    """Write the armature's assigned action as the file's one animation, named after the action.

    Raises BlenderError where Blender's exporter fails.
    """
    window = bpy.context.window
    before = window.scene
    with export_scene(job) as (scene, objects):
        window.scene = scene
        carriers = _above(objects)  # the exporter finds nothing below an object that is not there
        for item in carriers:
            scene.collection.objects.link(item)
        try:
            for item in (*objects, *carriers):
                item.hide_viewport = False
                item.hide_set(False)
                item.select_set(True)
            frames = job.armature.animation_data.action.frame_range
            scene.frame_start, scene.frame_end = (int(frame) for frame in frames)
            _write(job)
        finally:
            window.scene = before


def _above(objects: list[bpy.types.Object]) -> list[bpy.types.Object]:
    """The objects that carry these, at any distance, without these."""
    found: list[bpy.types.Object] = []
    for item in objects:
        while (item := item.parent) is not None:
            if item not in objects and item not in found:
                found.append(item)
    return found


def _write(job: FbxExport) -> None:
    try:
        bpy.ops.export_scene.gltf(
            filepath=str(job.path),
            check_existing=False,
            export_format="GLB",
            use_selection=True,
            use_active_scene=True,
            export_animation_mode="ACTIVE_ACTIONS",
            export_nla_strips_merged_animation_name=job.armature.animation_data.action.name,
            export_force_sampling=True,
            export_optimize_animation_size=False,
            export_anim_slide_to_zero=True,
        )
    except RuntimeError as error:
        raise BlenderError(
            "Blender's glTF export failed",
            expected="a written glb file",
            actual=str(error).strip().splitlines()[-1],
            next_step="check that the bundled glTF add-on is enabled",
        ) from error
