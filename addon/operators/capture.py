"""Capture: start the worker, watch it from a timer, and stop it on Esc or Cancel."""

import time

import bpy

from ...rigs.errors import EngineError, Pose2RigError
from .. import capture_session

TICK_S = 0.1


class Capture(bpy.types.Operator):
    """Turn the footage into an animated armature. Esc cancels"""

    bl_idname = "pose2rig.capture"
    bl_label = "Capture"
    bl_options = {"UNDO"}  # noqa: RUF012

    resume: bpy.props.BoolProperty(
        name="Resume",
        description="Go on where the last capture stopped, if nothing was changed since",
        options={"SKIP_SAVE"},
    )

    _timer: bpy.types.Timer | None = None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """One capture at a time."""
        return not capture_session.is_running()

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Start, and go on in the background of the user's work."""
        if not self._start(context):
            return {"CANCELLED"}
        manager = context.window_manager
        self._timer = manager.event_timer_add(TICK_S, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Capture and wait for the result, for scripts and for Blender without a window."""
        if not self._start(context):
            return {"CANCELLED"}
        while (result := self.step(context)) == {"RUNNING_MODAL"}:
            time.sleep(TICK_S)
        return result

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Drain on the timer, cancel on Esc, leave everything else to Blender."""
        if event.type == "ESC" and event.value == "PRESS":
            capture_session.cancel(context)
            redraw(context)
            return {"RUNNING_MODAL"}
        return self.step(context) if event.type == "TIMER" else {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator itself: another file is loaded or the window closes."""
        capture_session.abandon()
        context.window_manager.pose2rig.state = "IDLE"
        self._stop_timer(context)

    def step(self, context: bpy.types.Context) -> set[str]:
        """One tick: what has happened since the last one, and the operator's answer to it."""
        if not capture_session.is_running():  # abandoned from outside
            self._stop_timer(context)
            return {"CANCELLED"}
        try:
            result = capture_session.step(context)
        except Pose2RigError as error:
            capture_session.fail(context, error)
            result = "FAILED"
        except Exception as error:  # the operator's top: whatever it is, the user hears of it
            capture_session.fail(context, _unexpected(error))
            result = "FAILED"
        redraw(context)
        if result == "RUNNING":
            return {"RUNNING_MODAL"}
        self._stop_timer(context)
        status = context.window_manager.pose2rig
        if result == "FAILED":
            self.report({"ERROR"}, f"{status.message}; {status.next_step}")
        else:
            self.report({"INFO"}, status.message)
        return {"FINISHED"} if result == "DONE" else {"CANCELLED"}

    def _start(self, context: bpy.types.Context) -> bool:
        try:
            capture_session.start(context, resume=self.resume)
        except Pose2RigError as error:
            capture_session.refuse(context, error)
            self.report({"ERROR"}, str(error))
            redraw(context)
            return False
        return True

    def _stop_timer(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None


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


def redraw(context: bpy.types.Context) -> None:
    """Have every 3D view's sidebar drawn again."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def _unexpected(error: Exception) -> EngineError:
    return EngineError(
        "the captured take could not be put into the scene",
        expected="a take that fits this Blender",
        actual=f"{type(error).__name__}: {error}",
        next_step="report this message",
    )
