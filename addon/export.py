"""Write an armature and its body as FBX: scale 1, no leaf bones, one named take, all keys.

The export runs in a scene of its own that is taken away afterwards: the user's scene, selection
and current frame stay as they are, and nothing else in it is evaluated for each frame.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..rigs.errors import BlenderError, OutputError, RigError
from .timing import set_frame_rate


@dataclass(frozen=True, kw_only=True)
class FbxExport:
    """What to write: the armature, the meshes with it, and where; `fps` frames per second."""

    armature: bpy.types.Object
    meshes: tuple[bpy.types.Object, ...]
    path: Path
    fps: float


def export_fbx(job: FbxExport) -> None:
    """Write the armature's assigned action as the file's one take, named after the action.

    Written beside its final name and renamed, so that it is whole or absent. Raises RigError
    when there is nothing to write, OutputError when the place cannot be written.
    """
    data = job.armature.animation_data
    if data is None or data.action is None:
        raise RigError(
            f"{job.armature.name} has no motion",
            expected="an armature with an action",
            actual="no action",
            next_step="capture footage first",
        )
    temporary = _temporary_file(job.path)
    try:
        with export_scene(job) as (scene, objects), _only_take(job.armature, objects):
            _write(scene, objects, temporary)
        _rename(temporary, job.path)
    finally:
        temporary.unlink(missing_ok=True)


def _output_error(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write {path.name}",
        expected="a folder with room and write permission",
        actual=error.strerror or str(error),
        next_step="choose another place or free some disk space",
    )


def _temporary_file(path: Path) -> Path:
    """Reserve a hidden file beside the final name, so that the rename stays on one disk."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.fbx")
    try:
        temporary.write_bytes(b"")
    except OSError as error:
        raise _output_error(path, error) from error
    return temporary


def _rename(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except OSError as error:
        raise _output_error(path, error) from error


@contextmanager
def export_scene(job: FbxExport) -> Iterator[tuple[bpy.types.Scene, list[bpy.types.Object]]]:
    """Make a scene of nothing but the armature and its meshes, at the job's frame rate."""
    objects = [job.armature, *job.meshes]
    scene = bpy.data.scenes.new("pose2rig_export")
    try:
        set_frame_rate(scene, job.fps)
        for item in objects:
            scene.collection.objects.link(item)
        yield scene, objects
    finally:
        bpy.data.scenes.remove(scene)


@contextmanager
def _only_take(armature: bpy.types.Object, objects: list[bpy.types.Object]) -> Iterator[None]:
    """Put the action on the only unmuted strip, with action, track and strip named alike.

    Blender 4.2 names an FBX take after the action, 5.0 after the strip.
    """
    data = armature.animation_data
    action, slot = data.action, getattr(data, "action_slot", None)
    muted = [(track, track.mute) for track in data.nla_tracks]
    hidden = [(modifier, modifier.show_viewport) for modifier in _skins(objects)]
    for track, _ in muted:
        track.mute = True
    for modifier, _ in hidden:
        modifier.show_viewport = False
    data.action = None
    track = data.nla_tracks.new()
    track.name = action.name
    strip = track.strips.new(action.name, int(action.frame_range[0]), action)
    strip.name = action.name
    if slot is not None:
        strip.action_slot = slot
    try:
        yield
    finally:
        data.nla_tracks.remove(track)
        data.action = action
        if slot is not None:
            data.action_slot = slot
        for track, mute in muted:
            track.mute = mute
        for modifier, show in hidden:
            modifier.show_viewport = show


def _skins(objects: list[bpy.types.Object]) -> list[bpy.types.Modifier]:
    return [m for item in objects for m in item.modifiers if m.type == "ARMATURE"]


def _write(scene: bpy.types.Scene, objects: list[bpy.types.Object], path: Path) -> None:
    # The selection must be given too: Blender looks it up in the window's scene, not in this one.
    with bpy.context.temp_override(
        scene=scene, view_layer=scene.view_layers[0], selected_objects=objects
    ):
        try:
            bpy.ops.export_scene.fbx(
                filepath=str(path),
                check_existing=False,
                use_selection=True,
                object_types={"ARMATURE", "MESH"},
                apply_scale_options="FBX_SCALE_ALL",
                add_leaf_bones=False,
                mesh_smooth_type="FACE",
                path_mode="COPY",
                embed_textures=True,
                use_mesh_modifiers=False,
                bake_anim=True,
                bake_anim_use_all_bones=True,
                bake_anim_use_nla_strips=True,
                bake_anim_use_all_actions=False,
                bake_anim_force_startend_keying=True,
                bake_anim_simplify_factor=0.0,
            )
        except RuntimeError as error:
            raise BlenderError(
                "Blender's FBX export failed",
                expected="a written FBX file",
                actual=str(error).strip().splitlines()[-1],
                next_step="check that the bundled FBX add-on is enabled",
            ) from error
