"""Process a take's raw take again, and go to its worst frame."""

import bpy

from .. import process_session
from ..take import WORST_PROPERTY, active_armature, described
from .watching import WatchingOperator


class Reprocess(WatchingOperator, bpy.types.Operator):
    """Make the take's motion again from its raw take, as the sliders say, in a fresh action"""

    bl_idname = "pose2rig.reprocess"
    bl_label = "Process Again"
    bl_options = {"UNDO"}  # noqa: RUF012

    session = process_session
    misfit = "the take could not be given its fresh motion"

    armature: bpy.props.StringProperty(
        name="Armature",
        description="Whose take; empty is the active armature",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Some armature is a take; which one is asked for is looked at later."""
        return any(process_session.can_process(each) for each in bpy.data.objects)

    def begin(self, context: bpy.types.Context) -> None:
        """Start on the armature's take, also in place of another one."""
        named = bpy.data.objects.get(self.armature)
        process_session.start(context, named if self.armature else active_armature(context))

    def outcome(self, context: bpy.types.Context) -> tuple[str, str]:
        """What the panel says where it did not go well."""
        status = context.window_manager.pose2rig
        return status.process_message, status.process_next_step


class WorstFrame(bpy.types.Operator):
    """Go to the frame of the take that most needs a look"""

    bl_idname = "pose2rig.worst_frame"
    bl_label = "Go to Worst Frame"
    bl_options = {"UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """The active take knows its worst frame."""
        armature = active_armature(context)
        return armature is not None and WORST_PROPERTY in described(armature)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set the scene's current frame."""
        context.scene.frame_set(described(active_armature(context))[WORST_PROPERTY])
        return {"FINISHED"}
