"""What operators have in common that start a worker and watch it from a timer."""

import time
from types import ModuleType
from typing import ClassVar

import bpy

from ...rigs.errors import EngineError, Pose2RigError

TICK_S = 0.1


class WatchingOperator:
    """Base of an operator: starts a job, looks after it on a timer, reports how it ended.

    An operator says how a job starts (`begin`) and what has become of it (`outcome`).

    session: the module that holds the one job of its kind, with `is_running`, `step`, `refuse`,
    `fail` and `abandon`. misfit: what to tell of a result that Blender does not take.
    """

    session: ClassVar[ModuleType]
    misfit: ClassVar[str]

    _timer: bpy.types.Timer | None = None

    def begin(self, context: bpy.types.Context) -> None:
        """Start the job, in place of one that runs; raises Pose2RigError."""
        raise NotImplementedError

    def outcome(self, context: bpy.types.Context) -> tuple[str, str]:
        """What the last job has come to, empty where that needs no word, and the next step."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Start, and go on in the background of the user's work."""
        is_watched = self.session.is_running()
        is_started = self._start(context)
        redraw(context)
        if not is_started or is_watched:  # by the operator whose job has just been replaced
            return {"CANCELLED"}
        manager = context.window_manager
        self._timer = manager.event_timer_add(TICK_S, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Start and wait for the result, for scripts and for Blender without a window."""
        if not self._start(context):
            return {"CANCELLED"}
        while (result := self.step(context)) == {"RUNNING_MODAL"}:
            time.sleep(TICK_S)
        return result

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Look after the job on the timer, leave everything else to Blender."""
        return self.step(context) if event.type == "TIMER" else {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator itself: another file is loaded or the window closes."""
        self.session.abandon()
        self._stop_timer(context)

    def step(self, context: bpy.types.Context) -> set[str]:
        """One tick: what has happened since the last one, and the operator's answer to it."""
        if not self.session.is_running():  # abandoned from outside
            self._stop_timer(context)
            return {"CANCELLED"}
        try:
            result = self.session.step(context)
        except Pose2RigError as error:
            self.session.fail(context, error)
            result = "FAILED"
        except Exception as error:  # the operator's top: whatever it is, the user hears of it
            self.session.fail(context, self._unexpected(error))
            result = "FAILED"
        redraw(context)
        if result == "RUNNING":
            return {"RUNNING_MODAL"}
        self._stop_timer(context)
        message, next_step = self.outcome(context)
        if result == "FAILED":
            self.report({"ERROR"}, f"{message}; {next_step}")
        elif message:
            self.report({"INFO"}, message)
        return {"FINISHED"} if result == "DONE" else {"CANCELLED"}

    def _start(self, context: bpy.types.Context) -> bool:
        try:
            self.begin(context)
        except Pose2RigError as error:
            self.session.refuse(context, error)
            self.report({"ERROR"}, str(error))
            return False
        return True

    def _stop_timer(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None

    def _unexpected(self, error: Exception) -> EngineError:
        return EngineError(
            self.misfit,
            expected="a take that fits this Blender",
            actual=f"{type(error).__name__}: {error}",
            next_step="report this message",
        )


def redraw(context: bpy.types.Context) -> None:
    """Have every 3D view's sidebar drawn again."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
