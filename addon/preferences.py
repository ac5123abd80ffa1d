"""Preferences: where the capture engine's Python is."""

from pathlib import Path

import bpy

from ..rigs.errors import EngineError

ROOT_PACKAGE = __package__.rpartition(".")[0]
ENGINE_HINT = (
    "Run 'make demo' in a Pose2Rig checkout, then choose .venv/bin/python "
    "(on Windows .venv\\Scripts\\python.exe) of that checkout here."
)


class Pose2RigPreferences(bpy.types.AddonPreferences):
    """What Pose2Rig keeps for all files."""

    bl_idname = ROOT_PACKAGE

    engine_python: bpy.props.StringProperty(
        name="Engine's Python",
        description="The Python interpreter in which Pose2Rig's capture engine is installed",
        subtype="FILE_PATH",
    )

    def draw(self, context: bpy.types.Context) -> None:
        """Show the engine's interpreter and how to get one."""
        self.layout.prop(self, "engine_python")
        if not self.engine_python:
            box = self.layout.box()
            box.label(text="The capture engine runs outside Blender, in a Python of its own.")
            box.label(text=ENGINE_HINT)


def has_engine(context: bpy.types.Context) -> bool:
    """Whether an interpreter has been chosen; it is not looked at."""
    return bool(_chosen(context))


def engine_python(context: bpy.types.Context) -> Path:
    """The engine's interpreter; raises EngineError with what to do when there is none."""
    chosen = _chosen(context)
    path = Path(bpy.path.abspath(chosen))
    if chosen and path.is_file():
        return path
    raise EngineError(
        "Pose2Rig's capture engine is not set up",
        expected="the engine's Python in Pose2Rig's preferences",
        actual=f"no file at {chosen}" if chosen else "none chosen",
        next_step=ENGINE_HINT[0].lower() + ENGINE_HINT[1:].rstrip("."),
    )


def _chosen(context: bpy.types.Context) -> str:
    addon = context.preferences.addons.get(ROOT_PACKAGE)
    return addon.preferences.engine_python if addon and addon.preferences else ""
