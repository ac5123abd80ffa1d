"""Blender as a tool of the command line: found, started without a window, answered in JSON."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..rigs.errors import BlenderError, OutputError, Pose2RigError, RigError

_PACKAGE = Path(__file__).parent.parent
_LAST_LINES = 5

_BOOTSTRAP = (
    "import runpy, sys, types; "
    "package = types.ModuleType('pose2rig'); "
    "package.__path__ = [{root!r}]; "
    "sys.modules['pose2rig'] = package; "
    "runpy.run_module('pose2rig.addon.headless', run_name='__main__')"
)
"""Makes the package importable from where this copy of it lies, whatever the folder's name."""


@dataclass(frozen=True, kw_only=True)
class BlenderHost:
    """A way to run Blender: the command that ends before the job file's path."""

    command: tuple[str, ...]

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Do one job of addon/headless.py; raises BlenderError with Blender's own reason."""
        try:
            with tempfile.TemporaryDirectory(prefix="pose2rig-") as folder:
                path = Path(folder) / "job.json"
                path.write_text(json.dumps(job), encoding="utf-8")
                ended = subprocess.run(
                    [*self.command, str(path)],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    encoding="utf-8",
                    errors="replace",
                    check=False,
                )
        except OSError as error:
            raise _failed("could not be started", str(error)) from error
        sys.stderr.write(ended.stderr)
        sys.stderr.flush()
        return _answer(ended)


def find_blender(path: Path | None) -> BlenderHost | None:
    """Find a Blender: the given executable, else the bpy module, else `blender` on PATH.

    Raises BlenderError when a path is given and no program is there.
    """
    code = _BOOTSTRAP.format(root=str(_PACKAGE))
    background = ("--background", "--factory-startup", "--python-expr", code, "--")
    if path is not None:
        if not path.is_file() or not os.access(path, os.X_OK):
            raise BlenderError(
                f"--blender {path} is not " + ("a program" if path.is_file() else "there"),
                expected="a Blender executable",
                actual="another file" if path.is_file() else "no such file",
                next_step="give the path of Blender itself",
            )
        return BlenderHost(command=(str(path.absolute()), *background))
    if importlib.util.find_spec("bpy") is not None:
        return BlenderHost(command=(sys.executable, "-I", "-X", "utf8", "-c", code))
    on_path = shutil.which("blender")
    return BlenderHost(command=(on_path, *background)) if on_path else None


def _answer(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    for line in reversed(ended.stdout.splitlines()):
        if line.startswith('{"ok"'):
            answer = json.loads(line)
            if answer["ok"]:
                return answer
            if answer.get("code") in _OWN_ERRORS:
                raise _own_error(answer)
            raise BlenderError(
                "Blender could not do the export",
                expected="a written file",
                actual=answer["message"],
                next_step=answer["next_step"],
            )
    last = " | ".join((ended.stderr or ended.stdout).strip().splitlines()[-_LAST_LINES:])
    raise _failed(f"ended with status {ended.returncode} and no answer", last or "silence")


_OWN_ERRORS: dict[str, type[Pose2RigError]] = {
    error.code: error for error in (RigError, OutputError)
}
"""What Blender's process says in our own words of files and armatures; it goes on as it is."""


def _own_error(answer: dict[str, Any]) -> Pose2RigError:
    return _OWN_ERRORS[answer["code"]](
        answer["what"],
        expected=answer["expected"],
        actual=answer["actual"],
        next_step=answer["next_step"],
    )


def _failed(what: str, actual: str) -> BlenderError:
    return BlenderError(
        f"Blender {what}",
        expected="Blender 4.2 or later, or the bpy module",
        actual=actual,
        next_step="try --blender PATH with another Blender, or --formats npz",
    )
