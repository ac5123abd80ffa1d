"""Preferences: the capture engine's Python, and the research models' folder, device, licence."""

import textwrap
from pathlib import Path

import bpy

from ..rigs.errors import EngineError, UsageError

ROOT_PACKAGE = __package__.rpartition(".")[0]
ENGINE_HINT = (
    "Run 'make demo' in a Pose2Rig checkout, then choose .venv/bin/python "
    "(on Windows .venv\\Scripts\\python.exe) of that checkout here."
)
LICENCE_NOTE = (
    "The networks' weights and the body models SMPL-X, SMPL and MANO are not part of Pose2Rig. "
    "You get them from their owners, for non-commercial research only; so is what you make with "
    "them."
)
"""What everybody reads before the first use of a research network."""

OWN_FOLDER = "Engine's own folder"

DEVICES = (
    ("auto", "Auto", "The fastest that the engine finds"),
    ("cpu", "CPU", "The processor"),
    ("cuda", "CUDA", "An NVIDIA graphics card"),
    ("mps", "Metal", "The graphics of an Apple processor"),
)

_LINE_CHARACTERS = 80


class Pose2RigPreferences(bpy.types.AddonPreferences):
    """What Pose2Rig keeps for all files."""

    bl_idname = ROOT_PACKAGE

    engine_python: bpy.props.StringProperty(
        name="Engine's Python",
        description="The Python interpreter in which Pose2Rig's capture engine is installed",
        subtype="FILE_PATH",
    )
    model_folder: bpy.props.StringProperty(
        name="Models",
        description="Folder of the research networks' weights and body models; empty: the "
        "engine's own folder",
        subtype="DIR_PATH",
    )
    device: bpy.props.EnumProperty(
        name="Device", description="What the research networks run on", items=DEVICES
    )
    research_agreed: bpy.props.BoolProperty(
        name="I may use these models",
        description="I have the right to use the models of my folder, and use them and what they "
        "make within their licences: for non-commercial research",
        default=False,
    )

    def draw(self, context: bpy.types.Context) -> None:
        """Show the engine's interpreter and how to get one, then the research models."""
        self.layout.prop(self, "engine_python")
        if not self.engine_python:
            box = self.layout.box()
            box.label(text="The capture engine runs outside Blender, in a Python of its own.")
            box.label(text=ENGINE_HINT)
        self.layout.prop(self, "model_folder", placeholder=OWN_FOLDER)
        self.layout.prop(self, "device")
        box = self.layout.box()
        column = box.column(align=True)
        for line in textwrap.wrap(LICENCE_NOTE, _LINE_CHARACTERS):
            column.label(text=line)
        box.prop(self, "research_agreed")


def addon_preferences(context: bpy.types.Context) -> Pose2RigPreferences | None:
    """The preferences, None where the classes are registered without the extension."""
    addon = context.preferences.addons.get(ROOT_PACKAGE)
    return addon.preferences if addon else None


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


def model_folder(context: bpy.types.Context) -> Path | None:
    """The research models' folder, None for the engine's own; it is not looked at."""
    chosen = addon_preferences(context).model_folder
    return Path(bpy.path.abspath(chosen)) if chosen else None


def require_agreement(context: bpy.types.Context) -> None:
    """Raise UsageError where nobody has agreed to the research models' licences."""
    if not addon_preferences(context).research_agreed:
        raise UsageError(
            "the research models are for non-commercial research and need your agreement",
            expected="'I may use these models' ticked",
            actual="not ticked",
            next_step="tick it in the Pose2Rig panel (in a script: the preference "
            "research_agreed), or choose the estimator Landmarks and the root Fit",
        )


def _chosen(context: bpy.types.Context) -> str:
    preferences = addon_preferences(context)
    return preferences.engine_python if preferences else ""
