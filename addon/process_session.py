"""A take that is being processed again: what the sliders ask for, the worker, the fresh action.

At most one runs at a time; a newer wish replaces it. `request` waits until the sliders rest and
then calls the operator, whose timer calls `step`.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import bpy

from ..core_inference.clip import load_clip
from ..core_inference.protocol import Done, Failed
from ..rigs.errors import ClipFileError, OutputError, Pose2RigError, RigError
from .contact_curves import save_contacts
from .motion_sliders import REFINEMENTS, SLIDERS
from .preferences import engine_python
from .properties import LANDMARKS
from .renewal import fresh_name, renew_take
from .sampling import FrameTiming
from .take import (
    CLIP_PROPERTY,
    PROVENANCE_PROPERTY,
    RAW_PROPERTY,
    TIMING_PROPERTY,
    WEIGHTS_PROPERTY,
    TakeSettings,
)
from .worker_client import MotionOptions, ProcessJob, WorkerClient, engine_command

SETTLE_S = 0.3
"""Sliders that have not moved for so long have found their place."""

_SAME = 1e-4

Setting = float | str | bool
StepResult = Literal["RUNNING", "DONE", "FAILED"]


@dataclass(frozen=True, kw_only=True)
class _Session:
    client: WorkerClient
    job: ProcessJob
    armature: int  # its session uid: names change, and undo remakes objects


_current: list[_Session] = []  # empty, or the one that runs
_asked: list[int] = []  # empty, or the armature whose slider moved last


def is_running() -> bool:
    """Whether a take is being processed."""
    return bool(_current)


def is_running_for(armature: bpy.types.Object) -> bool:
    """Whether it is this armature's take."""
    return bool(_current) and _current[0].armature == armature.session_uid


def can_process(armature: bpy.types.Object | None) -> bool:
    """Whether the armature's take knows the raw take it came from."""
    return armature is not None and RAW_PROPERTY in armature


def request(armature: bpy.types.Object) -> None:
    """Have the take processed once its sliders rest."""
    _asked[:] = [armature.session_uid]
    if bpy.app.timers.is_registered(_settled):
        bpy.app.timers.unregister(_settled)
    bpy.app.timers.register(_settled, first_interval=SETTLE_S)


def forget_requests() -> None:
    """Ask for nothing any more."""
    _asked.clear()
    if bpy.app.timers.is_registered(_settled):
        bpy.app.timers.unregister(_settled)


def _settled() -> None:
    """The sliders rest: process, unless the motion is already what they say."""
    armature = _object(_asked.pop()) if _asked else None
    if not can_process(armature) or not is_outdated(armature):
        return
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window):
        bpy.ops.pose2rig.reprocess("INVOKE_DEFAULT", armature=armature.name)


def is_outdated(armature: bpy.types.Object) -> bool:
    """Whether the assigned action was made with other settings than the sliders show."""
    made, motion = made_with(armature), armature.pose2rig
    shown = {**_options(armature).as_json(), "use_contacts": motion.use_contacts}
    return not made or any(not _same(shown[name], value) for name, value in made.items())


def _same(one: Setting, other: Setting) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, abs_tol=_SAME)
    return one == other


def made_with(armature: bpy.types.Object) -> dict[str, Setting]:
    """What the sliders were, by their names, when the assigned action was made.

    Nothing where the action is not of a take.
    """
    data = armature.animation_data
    described = data.action if data and data.action else armature
    made = _provenance(described).get("motion")
    if made is None:
        return {}
    auto = REFINEMENTS[0][0]
    return {
        **{name: made[name] for name in SLIDERS if name in made},
        "use_contacts": made.get("contacts") == "given",
        "refine": made.get("refine", auto) if is_of_network(armature) else auto,
        "calibrate": made.get("calibrate", "none"),
        "calibration_weights": described.get(WEIGHTS_PROPERTY, ""),
    }


def is_of_network(armature: bpy.types.Object) -> bool:
    """Whether the take is a research network's, whose body and mesh can be calibrated."""
    return _provenance(armature).get("estimator", LANDMARKS) != LANDMARKS


def _provenance(datablock: bpy.types.ID) -> dict[str, Any]:
    return json.loads(datablock.get(PROVENANCE_PROPERTY, "{}"))


def _options(armature: bpy.types.Object) -> MotionOptions:
    return armature.pose2rig.options(of_network=is_of_network(armature))


def start(context: bpy.types.Context, armature: bpy.types.Object | None) -> None:
    """Start the worker on what the armature's sliders say, in place of one that runs.

    Raises Pose2RigError when that cannot be.
    """
    python = engine_python(context)
    folder = _folder()
    job = _job(armature, folder)
    abandon()
    file = folder / "job.json"
    try:
        file.write_text(job.to_json(), encoding="utf-8")
    except OSError as error:
        raise _unwritable(folder, error) from error
    client = WorkerClient(engine_command(python, file), folder / "engine.log")
    _current.append(_Session(client=client, job=job, armature=armature.session_uid))
    _tell(context, "")


def step(context: bpy.types.Context) -> StepResult:
    """Take in what the worker said; at the end give the armature its fresh action.

    Raises Pose2RigError where that cannot be.
    """
    session = _current[0]
    for event in session.client.poll():
        if isinstance(event, Done):
            _finish(session, event.report)
            abandon()
            return "DONE"
        if isinstance(event, Failed):
            abandon()
            _tell(context, event.message, event.next_step)
            return "FAILED"
    return "RUNNING"


def refuse(context: bpy.types.Context, error: Pose2RigError) -> None:
    """Show why a take could not be processed; one that runs already goes on."""
    _tell(context, error.message, error.next_step)


def fail(context: bpy.types.Context, error: Pose2RigError) -> None:
    """Show an error as the outcome and end what runs."""
    abandon()
    refuse(context, error)


def abandon() -> None:
    """End the worker at once, if one runs."""
    while _current:
        _current.pop().client.close()


def _tell(context: bpy.types.Context, message: str, next_step: str = "") -> None:
    status = context.window_manager.pose2rig
    status.process_message, status.process_next_step = message, next_step


def _object(session_uid: int) -> bpy.types.Object | None:
    return next((each for each in bpy.data.objects if each.session_uid == session_uid), None)


def _folder() -> Path:
    """A folder of this Blender session: nothing in it is needed afterwards."""
    folder = Path(bpy.app.tempdir) / "pose2rig_process"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


def _job(armature: bpy.types.Object | None, folder: Path) -> ProcessJob:
    if armature is None or not can_process(armature):
        raise RigError(
            "there is nothing to process again",
            expected="the armature of a take that Pose2Rig has captured",
            actual=f"{armature.name}, which has no raw take" if armature else "no armature",
            next_step="select the armature of a take",
        )
    raw, motion = Path(armature[RAW_PROPERTY]), armature.pose2rig
    if not raw.is_file():
        raise ClipFileError(
            "the raw take is not there any more",
            expected=f"a file at {raw}",
            actual="none",
            next_step="capture the footage again",
        )
    contacts = None
    if motion.use_contacts:
        contacts = folder / "contacts.npz"
        save_contacts(
            contacts, armature, load_clip(Path(armature[CLIP_PROPERTY])), timing(armature)
        )
    return ProcessJob(
        raw=raw,
        out=folder / "clip.npz",
        motion=_options(armature),
        contacts=contacts,
        cache=folder,
    )


def timing(armature: bpy.types.Object) -> FrameTiming:
    """The frames that the take was keyed for."""
    return FrameTiming(**armature[TIMING_PROPERTY].to_dict())


def _finish(session: _Session, figures: dict[str, Any]) -> None:
    armature = _object(session.armature)
    if armature is None:
        raise RigError(
            "the take that was processed is gone",
            expected="its armature",
            actual="none in this file",
            next_step="select the armature of a take",
        )
    mode = armature.pose.bones[0].rotation_mode
    settings = TakeSettings(
        name=fresh_name(armature),
        mode=mode if mode == "QUATERNION" else "AXIS_ANGLE",
        timing=timing(armature),
        path=Path(armature[CLIP_PROPERTY]),
        quality=figures,
        calibration_weights=session.job.motion.calibration_weights,
    )
    renew_take(armature, load_clip(session.job.out), settings)


def _unwritable(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        "cannot write what the engine needs",
        expected=f"room and write permission in {folder}",
        actual=error.strerror or str(error),
        next_step="free some disk space",
    )
