"""The capture that is running: what was asked, its worker, and what becomes of the result.

At most one runs at a time. `step` is everything that a timer tick does, and can be called without
one: it drains the worker's events, shows them in `window_manager.pose2rig`, and when the worker is
done puts the take into the scene.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import bpy

from ..core_inference.protocol import (
    CancelledEvent,
    Chunk,
    Done,
    Event,
    Failed,
    Person,
    Progress,
    Started,
    Warned,
)
from ..rigs.errors import EngineError, FootageError, OutputError, Pose2RigError
from . import storage, thumbnails
from .keyframes import RotationMode
from .people import CaptureResult, show_capture
from .preferences import addon_preferences, engine_python, model_folder, require_agreement
from .properties import CaptureStatus
from .timing import check_frame_rate, frame_rate
from .worker_client import CaptureJob, WorkerClient, engine_command

StepResult = Literal["RUNNING", "DONE", "CANCELLED", "FAILED"]


@dataclass(kw_only=True)
class _Session:
    """A running capture; the choices are those of the moment it began."""

    client: WorkerClient
    job: CaptureJob
    mode: RotationMode
    first_frame: int
    match_scene: bool


_current: list[_Session] = []  # empty, or the one that runs
_unfinished: list[CaptureJob] = []  # empty, or what the last capture left half done


def is_running() -> bool:
    """Whether a capture runs."""
    return bool(_current)


def start(context: bpy.types.Context, *, resume: bool = False) -> None:
    """Start the worker on the scene's settings; raises Pose2RigError when that cannot be.

    With `resume` it goes on where the last capture ended, if `can_resume`.
    """
    if _current:
        raise EngineError(
            "a capture is already running",
            expected="one capture at a time",
            actual="a second one",
            next_step="wait for it or cancel it",
        )
    python = engine_python(context)
    settings = context.scene.pose2rig
    if settings.needs_models:
        require_agreement(context)
    job = _job_to_resume(context) if resume else _new_job(context)
    client = WorkerClient(engine_command(python, _write_job(job)), job.out / "engine.log")
    _unfinished.clear()
    _current.append(
        _Session(
            client=client,
            job=job,
            mode=settings.rotation_mode,
            first_frame=settings.first_frame,
            match_scene=settings.match_scene,
        )
    )
    _reset(context.window_manager.pose2rig)


def can_resume(context: bpy.types.Context) -> bool:
    """Whether the last capture stopped half-way, and the scene's settings are still its own."""
    if not _unfinished or _current:
        return False
    (job,) = _unfinished
    footage = Path(bpy.path.abspath(context.scene.pose2rig.footage))
    return _job(context, footage, job.out) == replace(job, resume=False)


def step(context: bpy.types.Context) -> StepResult:
    """Take in what the worker said since the last step; put the take into the scene at the end."""
    session = _current[0]
    status = context.window_manager.pose2rig
    for event in session.client.poll():
        if isinstance(event, Done):
            return _finish(context, session, event)
        _show(status, event)
        if isinstance(event, Chunk):  # from now on there is something to go on from
            _unfinished[:] = [session.job]
        if isinstance(event, Failed | CancelledEvent):
            return _close(status, "FAILED" if isinstance(event, Failed) else "CANCELLED")
    return "RUNNING"


def cancel(context: bpy.types.Context) -> None:
    """Ask the running capture to stop; `step` says when it has."""
    if _current:
        _current[0].client.cancel()
        context.window_manager.pose2rig.state = "CANCELLING"


def fail(context: bpy.types.Context, error: Pose2RigError) -> None:
    """Show an error as the outcome and end what runs."""
    status = context.window_manager.pose2rig
    status.message = error.message
    status.next_step = error.next_step
    _close(status, "FAILED")


def refuse(context: bpy.types.Context, error: Pose2RigError) -> None:
    """Show why a capture could not start; one that runs already goes on."""
    if not _current:
        _reset(context.window_manager.pose2rig)
        fail(context, error)


def abandon() -> None:
    """End the running capture at once, for Blender is closing or loading another file."""
    while _current:
        _current.pop().client.close()


def _footage(text: str) -> Path:
    path = Path(bpy.path.abspath(text))
    if text and path.exists():
        return path
    raise FootageError(
        "there is no footage to capture",
        expected="a video file, a folder of images or an image",
        actual=f"nothing at {text}" if text else "an empty path",
        next_step="choose footage in the Pose2Rig panel",
    )


def _new_job(context: bpy.types.Context) -> CaptureJob:
    footage = _footage(context.scene.pose2rig.footage)
    return _job(context, footage, storage.new_take_folder(footage.stem))


def _job_to_resume(context: bpy.types.Context) -> CaptureJob:
    if can_resume(context):
        return replace(_unfinished[0], resume=True)
    raise EngineError(
        "there is no capture to resume",
        expected="one that stopped half-way, with the settings it had",
        actual="other settings" if _unfinished else "none",
        next_step="capture anew",
    )


def _job(context: bpy.types.Context, footage: Path, out: Path) -> CaptureJob:
    settings = context.scene.pose2rig
    return CaptureJob(
        footage=footage,
        out=out,
        start=settings.start or None,
        end=settings.end or None,
        motion=settings.options(of_network=settings.is_of_network),
        person=settings.people,
        root=settings.root,
        estimator=settings.estimator,
        models=model_folder(context),
        device=addon_preferences(context).device,
        exact=settings.needs_models and settings.precision == "EXACT",
        half=settings.needs_models and settings.precision == "HALF",
    )


def _write_job(job: CaptureJob) -> Path:
    path = job.out / "capture_job.json"
    try:
        path.write_text(job.to_json(), encoding="utf-8")
    except OSError as error:
        raise OutputError(
            "cannot write the capture's folder",
            expected=f"room and write permission in {job.out}",
            actual=error.strerror or str(error),
            next_step="free some disk space",
        ) from error
    return path


def _reset(status: CaptureStatus) -> None:
    status.state = "RUNNING"
    status.stage = "start"
    status.done = status.total = 0
    status.progress = status.fps = 0.0
    status.eta_s = -1.0
    status.people = 0
    status.message = status.next_step = status.warnings = ""


def _show(status: CaptureStatus, event: Event) -> None:
    match event:
        case Started():
            status.total = event.frames
        case Progress():
            status.stage, status.done, status.total = event.stage, event.done, event.total
            status.progress = event.done / max(event.total, 1)
            status.fps = event.fps
            status.eta_s = -1.0 if event.eta_s is None else event.eta_s
        case Person():
            status.people += 1
        case Warned(code="licence"):  # agreed to before, and the take shows it
            return
        case Warned():
            status.warnings = f"{status.warnings}\n{event.message}".strip()
        case Failed():
            status.message, status.next_step = event.message, event.next_step
        case CancelledEvent():
            status.message = f"Cancelled; {event.kept} frames kept"
        case _:
            return


def _close(status: CaptureStatus, state: StepResult) -> StepResult:
    abandon()
    status.state = state
    return state


def _finish(context: bpy.types.Context, session: _Session, event: Done) -> StepResult:
    """The final apply: every captured person becomes a take and a row of the list."""
    _unfinished.clear()
    report, job, scene = event.report, session.job, context.scene
    fps = frame_rate(scene)
    if session.match_scene:
        fps = report["footage"]["frame_rate"]
        check_frame_rate(fps)
    result = CaptureResult(
        name=job.footage.stem,
        folder=job.out,
        people={int(number): figures for number, figures in report["people"].items()},
        mode=session.mode,
        first_frame=session.first_frame,
        fps=fps,
        match_scene=session.match_scene,
        calibration_weights=job.motion.calibration_weights,
    )
    thumbnails.forget()
    show_capture(scene, result)
    status = context.window_manager.pose2rig
    status.progress = 1.0
    status.message = f"Captured {result.name}"
    if len(result.people) > 1:
        status.message += f": {len(result.people)} people"
    return _close(status, "DONE")
