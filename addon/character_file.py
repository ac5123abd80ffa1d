"""A character's file into an empty Blender: FBX, glTF, VRM (read as glTF) and .blend."""

from collections.abc import Callable
from pathlib import Path

import bpy

from ..rigs.errors import RigError


def open_character(path: Path) -> list[bpy.types.Object]:
    """Open or import a character's file in place of whatever is open; returns its armatures.

    Scripts in the file are not run. Raises RigError where Blender refuses the file or no armature
    is in it.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise _refused(path, f"{', '.join(_READERS)}", path.suffix or "no ending")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    try:
        reader(str(path))
    except RuntimeError as error:
        reason = str(error).strip().removeprefix("Error: ").splitlines() or ["no reason"]
        raise _refused(path, "a file that Blender reads", reason[0]) from error
    bpy.context.view_layer.update()
    found = [thing for thing in bpy.context.scene.objects if thing.type == "ARMATURE"]
    if not found:
        kinds = sorted({thing.type.lower() for thing in bpy.context.scene.objects})
        raise _refused(path, "an armature in it", ", ".join(kinds) or "an empty scene")
    return found


def _refused(path: Path, expected: str, actual: str) -> RigError:
    return RigError(
        f"cannot use the character {path.name}",
        expected=expected,
        actual=actual,
        next_step="open it in Blender, and save or export it anew",
    )


def _read_gltf(path: str) -> None:
    operator = bpy.ops.import_scene.gltf
    shapeless = {"disable_bone_shape": True}  # bone shapes would be meshes of the character
    known = operator.get_rna_type().properties.keys()
    operator(filepath=path, **{name: value for name, value in shapeless.items() if name in known})


def _read_fbx(path: str) -> None:
    if bpy.app.version >= (4, 5, 0):
        bpy.ops.wm.fbx_import(filepath=path)
    else:
        bpy.ops.import_scene.fbx(filepath=path)


def _read_blend(path: str) -> None:
    bpy.ops.wm.open_mainfile(filepath=path, load_ui=False, use_scripts=False)


_READERS: dict[str, Callable[[str], None]] = {
    ".fbx": _read_fbx,
    ".glb": _read_gltf,
    ".gltf": _read_gltf,
    ".vrm": _read_gltf,
    ".blend": _read_blend,
}
