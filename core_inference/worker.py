"""The engine's process: the same pipeline, told by a job file, heard through JSON lines.

A job is a capture, or one of its raw takes to be processed again with other settings. Started by
Blender as `python … worker JOB.json`. Stdout carries events only; logs go to stderr. A line on
stdin cancels the run; the end of stdin (Blender closed or died) ends the process.
"""

import json
import os
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ..rigs.errors import Cancelled, EngineError, Pose2RigError, UsageError
from .protocol import CancelledEvent, Done, Event, Failed, OnEvent, line_from_event

if TYPE_CHECKING:
    from .motion.stack import MotionSettings
    from .reprocessing import ProcessSettings
    from .settings import CaptureSettings

Report = dict[str, Any]

_PATHS = ("footage", "out")
_OPTIONAL = (
    "start",
    "end",
    "fov_deg",
    "focal_px",
    "person",
    "estimator",
    "overwrite",
    "resume",
    "root",
    "device",
    "exact",
    "half",
)
_CONTRACT_NAMES = {"fov": "fov_deg", "focal": "focal_px"}


def main() -> int:
    """Do the job of the file named on the command line; the exit status is the contract's."""
    events = _claim_stdout()
    stop = threading.Event()
    threading.Thread(target=_listen, args=(sys.stdin, stop), daemon=True).start()

    def emit(event: Event) -> None:
        try:
            events.write(line_from_event(event) + "\n")
            events.flush()
        except OSError:
            os._exit(1)  # nobody listens any more: Blender is gone

    closing, status = _run(emit, stop)
    emit(closing)
    return status


def _run(emit: OnEvent, stop: threading.Event) -> tuple[Event, int]:
    """Do the job; the event that closes the run, and the exit status."""
    try:
        return Done(report=_do(read_job(Path(sys.argv[-1])), emit, stop)), 0
    except Cancelled as cancelled:
        return CancelledEvent(kept=cancelled.kept), cancelled.exit_status
    except Pose2RigError as error:
        failed = Failed(code=error.code, message=error.message, next_step=error.next_step)
        return failed, error.exit_status
    except Exception as error:  # the top of the process: whatever it is, Blender hears of it
        traceback.print_exception(error, file=sys.stderr)
        sys.stderr.flush()
        return _unforeseen(error), 1


def _do(job: "CaptureSettings | ProcessSettings", emit: OnEvent, stop: threading.Event) -> Report:
    """The report of a capture, or the figures of a take that was processed again."""
    from .reprocessing import ProcessSettings, process_again

    if isinstance(job, ProcessSettings):
        return process_again(job)
    from .pipeline import run

    return run(job, emit, stop.is_set)


def _unforeseen(error: Exception) -> Failed:
    """What Blender is told of an error that is none of ours."""
    if isinstance(error, MemoryError):
        next_step = "close other programs or capture a shorter range"
        return Failed(code="memory", message="the engine ran out of memory", next_step=next_step)
    if isinstance(error, ImportError):
        next_step = "set the engine up again, or choose another Python for it"
        message = f"the engine lacks a package: {error}"
        return Failed(code=EngineError.code, message=message, next_step=next_step)
    message = f"the engine failed: {type(error).__name__}: {error}"
    return Failed(code="internal", message=message, next_step="report it with the engine's log")


def read_job(path: Path) -> "CaptureSettings | ProcessSettings":
    """Read the job file: contract.md's capture options by name; raises UsageError.

    `checkpoint` is a list of PART=PATH. With `"job": "process"` it holds the fields of
    `ProcessSettings`, those of the motion among them.
    """
    try:
        job: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return _process_job(job) if job.get("job") == "process" else _capture_job(job)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            "the engine cannot use its job file",
            expected="a JSON object with footage and out, or with raw and out",
            actual=f"{type(error).__name__}: {error}",
            next_step="check that Blender and the engine run the same Pose2Rig version",
        ) from error


def _capture_job(job: Mapping[str, Any]) -> "CaptureSettings":
    from .estimators.model_folder import parse_overrides
    from .settings import CaptureSettings

    values = {_CONTRACT_NAMES.get(key, key): value for key, value in job.items()}
    options = {key: values[key] for key in _OPTIONAL if values.get(key) is not None}
    formats = values.get("formats")
    return CaptureSettings(
        **{key: Path(values[key]) for key in _PATHS},
        **options,
        models=_path(values, "models"),
        checkpoints=parse_overrides(values.get("checkpoint") or ()),
        formats=None if formats is None else tuple(formats),
        motion=motion_settings(values),
    )


def _process_job(job: Mapping[str, Any]) -> "ProcessSettings":
    from .reprocessing import ProcessSettings

    return ProcessSettings(
        raw=Path(job["raw"]),
        out=Path(job["out"]),
        motion=motion_settings(job),
        contacts=_path(job, "contacts"),
        cache=_path(job, "cache"),
    )


def _path(job: Mapping[str, Any], key: str) -> Path | None:
    return Path(job[key]) if job.get(key) else None


def motion_settings(job: Mapping[str, Any]) -> "MotionSettings":
    """The motion's settings of a job, each as the command line has it where the job is silent."""
    from .motion.stack import MotionSettings
    from .settings import calibration_settings

    usual = MotionSettings()
    weights = _path(job, "calibration_weights")
    return MotionSettings(
        smooth=float(job.get("smooth", usual.smooth)),
        hands=float(job.get("hands", usual.hands)),
        filter=str(job.get("filter", usual.filter)),
        feet=str(job.get("feet", usual.feet)),
        ground=str(job.get("ground", usual.ground)),
        refine=str(job.get("refine", usual.refine)),
        calibration=calibration_settings(str(job.get("calibrate", "none")), weights),
    )


def _claim_stdout() -> TextIO:
    """Keep stdout for events: whatever libraries print there goes to stderr instead."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    return events


def _listen(source: TextIO, stop: threading.Event) -> None:
    """Stop on a line; end the process at the end of stdin, whatever it is doing."""
    if source.readline():
        stop.set()
        while source.readline():
            pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
