"""Capture: start the worker, watch it from a timer, and stop it on Esc or Cancel."""

import bpy

from .. import capture_session
from .watching import WatchingOperator, redraw


class Capture(WatchingOperator, bpy.types.Operator):
    """Turn the footage into an animated armature. Esc cancels"""

    bl_idname = "pose2rig.capture"
    bl_label = "Capture"
    bl_options = {"UNDO"}  # noqa: RUF012

    session = capture_session
    misfit = "the captured take could not be put into the scene"

    resume: bpy.props.BoolProperty(
        name="Resume",
        description="Go on where the last capture stopped, if nothing was changed since",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """One capture at a time."""
        return not capture_session.is_running()

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Drain on the timer, cancel on Esc, leave everything else to Blender."""
        if event.type == "ESC" and event.value == "PRESS":
            capture_session.cancel(context)
            redraw(context)
            return {"RUNNING_MODAL"}
        return super().modal(context, event)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator itself: another file is loaded or the window closes."""
        super().cancel(context)
        context.window_manager.pose2rig.state = "IDLE"

    def begin(self, context: bpy.types.Context) -> None:
        """Start the capture that the scene's settings describe."""
        capture_session.start(context, resume=self.resume)

    def outcome(self, context: bpy.types.Context) -> tuple[str, str]:
        """What the panel says of the capture."""
        status = context.window_manager.pose2rig
        return status.message, status.next_step


class CancelCapture(bpy.types.Operator):
    """Stop the running capture"""

    bl_idname = "pose2rig.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only while something runs."""
        return capture_session.is_running()

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Ask the worker to stop; the capture's own timer sees it end."""
        capture_session.cancel(context)
        return {"FINISHED"}
