"""Blender's work for the command line, in a Blender without a window.

Runs as `python -m pose2rig.addon.headless JOB.json` with the bpy module, or inside a Blender
executable after `--`. The one line on stdout that begins with {"ok" is the result:
{"ok": true, "path", "frames"} with exit status 0, or {"ok": false, "code", "message",
"next_step"} with exit status 1, and "what", "expected" and "actual" where the error is one of
Pose2Rig's own. (Blender's own lines stand before it, and may follow it.)

The job is a JSON object: {"job": "export_fbx", "clip": npz, "out": fbx, "name": take's name,
"rotation_mode": "AXIS_ANGLE" or "QUATERNION"}, or {"job": "retarget", "character": file, "map":
a mapping's text, where there is one, and to write a file as well "motion": npz of
core_inference/motion_file.py, "out": fbx or glb, "name"}, whose result also has "mapping", the
text of the one that was used, and "warnings".
"""

import json
import sys
import traceback
from pathlib import Path
from typing import Any, get_args

import bpy

from ..core_inference.clip import load_clip
from ..core_inference.motion_file import load_motion
from ..rigs.errors import Pose2RigError, UsageError
from ..rigs.mapping import as_json, from_json
from .character_file import open_character
from .export import FbxExport, export_fbx
from .gltf_export import export_glb
from .keyframes import RotationMode
from .retargeting import choose_character, doubts, put_on, skins_of
from .sampling import FrameTiming
from .take import TakeSettings, add_take
from .timing import set_frame_rate


def export_clip_as_fbx(job: dict[str, Any]) -> dict[str, Any]:
    """Write a clip as FBX at its own frame rate, one key per source frame, from time zero."""
    clip_path, out = Path(_text(job, "clip")), Path(_text(job, "out"))
    mode = job.get("rotation_mode", "AXIS_ANGLE")
    if mode not in get_args(RotationMode):
        raise _usage_error("rotation_mode", " or ".join(get_args(RotationMode)), repr(mode))
    clip = load_clip(clip_path)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    set_frame_rate(scene, clip.frame_rate)
    timing = FrameTiming(fps=clip.frame_rate, first_frame=1, origin_s=float(clip.time_s[0]))
    settings = TakeSettings(
        name=_text(job, "name"), mode=mode, timing=timing, path=clip_path, quality={}
    )
    take = add_take(clip, settings, scene)
    export_fbx(
        FbxExport(armature=take.armature, meshes=(take.body,), path=out, fps=clip.frame_rate)
    )
    return {"path": str(out), "frames": int(take.action.frame_range[1])}


def retarget_onto_character(job: dict[str, Any]) -> dict[str, Any]:
    """Put a motion on a character's file at its own frame rate; without "out", only map it."""
    given = from_json(_text(job, "map")) if "map" in job else None
    character = choose_character(open_character(Path(_text(job, "character"))), given)
    answer = {"mapping": as_json(character.mapping), "warnings": doubts(character)}
    if "out" not in job:
        return answer
    motion, out = load_motion(Path(_text(job, "motion"))), Path(_text(job, "out"))
    set_frame_rate(bpy.context.scene, motion.frame_rate)
    timing = FrameTiming(fps=motion.frame_rate, first_frame=1, origin_s=float(motion.time_s[0]))
    put_on(character, motion, timing, _text(job, "name"))
    export = FbxExport(
        armature=character.object,
        meshes=skins_of(character.object),
        path=out,
        fps=motion.frame_rate,
    )
    (export_glb if out.suffix.lower() == ".glb" else export_fbx)(export)
    last = character.object.animation_data.action.frame_range[1]
    return {"path": str(out), "frames": int(last), **answer}


_JOBS = {"export_fbx": export_clip_as_fbx, "retarget": retarget_onto_character}


def main() -> int:
    """Do the job of the file named last on the command line; report it as one JSON line."""
    try:
        job = _read_job(Path(sys.argv[-1]))
        result = {"ok": True, **_JOBS[job["job"]](job)}
    except Pose2RigError as error:
        message = error.message
        result = {"ok": False, "code": error.code, "message": message}
        parts = ("what", "expected", "actual", "next_step")
        result |= {part: getattr(error, part) for part in parts}
    except Exception as error:  # the top of the process: whatever it is, the caller hears of it
        traceback.print_exc()
        result = {"ok": False, "code": "blender", "message": f"{type(error).__name__}: {error}"}
        result["next_step"] = "run again with --debug and report the message"
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
    return 0 if result["ok"] else 1


def _read_job(path: Path) -> dict[str, Any]:
    try:
        job = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _usage_error("the file", "a readable JSON file", str(error)) from error
    if not isinstance(job, dict) or job.get("job") not in _JOBS:
        raise _usage_error("job", " or ".join(_JOBS), repr(job)[:120])
    return job


def _text(job: dict[str, Any], key: str) -> str:
    value = job.get(key)
    if not isinstance(value, str) or not value:
        raise _usage_error(key, "a text", repr(value))
    return value


def _usage_error(what: str, expected: str, actual: str) -> UsageError:
    return UsageError(
        f"cannot use {what} of the Blender job",
        expected=expected,
        actual=actual,
        next_step="start it through the pose2rig command",
    )


if __name__ == "__main__":
    sys.exit(main())
