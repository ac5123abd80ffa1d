"""Process a take's raw take again, and go to its worst frame."""

import time

import bpy

from ...rigs.errors import EngineError, Pose2RigError
from .. import process_session
from ..take import WORST_PROPERTY, active_armature, described
from .capture import TICK_S, redraw


class Reprocess(bpy.types.Operator):
    """Make the take's motion again from its raw take, as the sliders say, in a fresh action"""

    bl_idname = "pose2rig.reprocess"
    bl_label = "Process Again"
    bl_options = {"UNDO"}  # noqa: RUF012

    armature: bpy.props.StringProperty(
        name="Armature",
        description="Whose take; empty is the active armature",
        options={"SKIP_SAVE"},
    )

    _timer: bpy.types.Timer | None = None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Some armature is a take; which one is asked for is looked at later."""
        return any(process_session.can_process(each) for each in bpy.data.objects)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Start, and go on in the background of the user's work."""
        is_watched = process_session.is_running()
        if not self._start(context):
            return {"CANCELLED"}
        redraw(context)
        if is_watched:  # by the operator whose worker has just been replaced
            return {"FINISHED"}
        manager = context.window_manager
        self._timer = manager.event_timer_add(TICK_S, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Process and wait for the result, for scripts and for Blender without a window."""
        if not self._start(context):
            return {"CANCELLED"}
        while (result := self.step(context)) == {"RUNNING_MODAL"}:
            time.sleep(TICK_S)
        return result

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Look after the worker on the timer, leave everything else to Blender."""
        return self.step(context) if event.type == "TIMER" else {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator itself: another file is loaded or the window closes."""
        process_session.abandon()
        self._stop_timer(context)

    def step(self, context: bpy.types.Context) -> set[str]:
        """One tick: the operator's answer to what has happened since the last one."""
        if not process_session.is_running():  # abandoned from outside
            self._stop_timer(context)
            return {"CANCELLED"}
        try:
            result = process_session.step(context)
        except Pose2RigError as error:
            process_session.fail(context, error)
            result = "FAILED"
        except Exception as error:  # the operator's top: whatever it is, the user hears of it
            process_session.fail(context, _unexpected(error))
            result = "FAILED"
        if result == "RUNNING":
            return {"RUNNING_MODAL"}
        redraw(context)
        self._stop_timer(context)
        if result == "FAILED":
            self._report(context)
        return {"FINISHED"} if result == "DONE" else {"CANCELLED"}

    def _start(self, context: bpy.types.Context) -> bool:
        named = bpy.data.objects.get(self.armature)
        armature = named if self.armature else active_armature(context)
        try:
            process_session.start(context, armature)
        except Pose2RigError as error:
            process_session.fail(context, error)
            self._report(context)
            redraw(context)
            return False
        return True

    def _report(self, context: bpy.types.Context) -> None:
        status = context.window_manager.pose2rig
        self.report({"ERROR"}, f"{status.process_message}; {status.process_next_step}")

    def _stop_timer(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None


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


def _unexpected(error: Exception) -> EngineError:
    return EngineError(
        "the take could not be given its fresh motion",
        expected="a take that fits this Blender",
        actual=f"{type(error).__name__}: {error}",
        next_step="report this message",
    )
