"""Export the active take as FBX."""

from pathlib import Path

import bpy
from bpy_extras.io_utils import ExportHelper

from ...rigs.errors import Pose2RigError
from ..export import FbxExport, export_fbx
from ..take import active_armature
from ..timing import frame_rate


class ExportTake(bpy.types.Operator, ExportHelper):
    """Write the active armature, its body and its action as FBX"""

    bl_idname = "pose2rig.export"
    bl_label = "Export FBX"

    filename_ext = ".fbx"
    filter_glob: bpy.props.StringProperty(default="*.fbx", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """An armature with an action is active."""
        armature = active_armature(context)
        data = armature.animation_data if armature else None
        return data is not None and data.action is not None

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask where to; the proposed name is the action's."""
        if not self.filepath:
            self.filepath = f"{active_armature(context).animation_data.action.name}.fbx"
        return super().invoke(context, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write the file at the scene's frame rate."""
        armature = active_armature(context)
        meshes = tuple(child for child in armature.children if child.type == "MESH")
        path = Path(bpy.path.abspath(self.filepath))
        try:
            export_fbx(
                FbxExport(
                    armature=armature, meshes=meshes, path=path, fps=frame_rate(context.scene)
                )
            )
        except Pose2RigError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Wrote {path.name}")
        return {"FINISHED"}
