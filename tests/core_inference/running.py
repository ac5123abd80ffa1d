"""Running the product as users do: the command line and the worker, and what they left behind."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pose2rig.core_inference.output import CHUNK_PATTERN, JOURNAL_PATTERN, RAW
from pose2rig.core_inference.protocol import Event, event_from_line

LIMIT_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that has ended: its status, and what stood on stdout and stderr, line by line."""

    status: int
    out: list[str]
    err: list[str]

    @property
    def errors(self) -> list[str]:
        """The lines that begin as an error does."""
        return [line for line in self.err if line.startswith("pose2rig: error: ")]

    @property
    def warnings(self) -> list[str]:
        """The warnings, without their beginning."""
        start = "pose2rig: warning: "
        return [line.removeprefix(start) for line in self.err if line.startswith(start)]


def ended(status: int, out: str, err: str) -> Ended:
    """What a command left; the progress bar rewrites its line with carriage returns."""
    lines = [line for line in err.replace("\r", "\n").split("\n") if line.strip()]
    return Ended(status=status, out=out.splitlines(), err=lines)


def pose2rig(
    *arguments: object,
    python: str | Path = sys.executable,
    environment: Mapping[str, str] | None = None,
    limits: Callable[[], None] | None = None,
) -> Ended:
    """Run the command line in a process of its own."""
    done = subprocess.run(
        [str(python), "-m", "pose2rig.core_inference", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_S,
        check=False,
        env=environment,
        preexec_fn=limits,
    )
    return ended(done.returncode, done.stdout, done.stderr)


def assert_one_line(end: Ended, status: int, *words: str) -> None:
    """The command was refused: one line says why, beside warnings and the bar; no traceback."""
    assert end.status == status, end.err
    assert len(end.errors) == 1, end.err
    what, _, rest = end.errors[0].partition("; expected ")
    assert len(what) > len("pose2rig: error: ")
    assert ", got " in rest
    assert "; " in rest.partition(", got ")[2]
    for word in words:
        assert word in end.errors[0]
    for line in end.err:
        assert line.startswith(("pose2rig: ", "estimate:", "solve:", "export:")), line


def files_under(folder: Path) -> dict[str, str]:
    """Every file below a folder, hidden ones too, with its SHA-256."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def results_under(folder: Path) -> list[str]:
    """Everything below a folder but chunks and journals: empty where no result stands."""
    kept = {
        str(path.relative_to(folder))
        for pattern in (CHUNK_PATTERN, JOURNAL_PATTERN)
        for path in (folder / RAW).glob(pattern)
    }
    entries = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return sorted(entries - kept - ({RAW} if kept else set()))


# --- the worker --------------------------------------------------------------------------------

_BOOTSTRAP = (
    "import runpy, sys, types; package = types.ModuleType('pose2rig'); "
    "package.__path__ = [{root!r}]; sys.modules['pose2rig'] = package; "
    "runpy.run_module('pose2rig.core_inference.worker', run_name='__main__')"
)
"""The design's start of the worker, for a checkout whose folder has another name."""


def start_worker(
    folder: Path, repository: Path, job: dict[str, Any], python: str | Path = sys.executable
) -> subprocess.Popen[str]:
    """Start the engine's process on a job, as Blender does."""
    file = folder / "job.json"
    file.write_text(json.dumps(job), encoding="utf-8")
    code = _BOOTSTRAP.format(root=str(repository))
    return subprocess.Popen(
        [str(python), "-I", "-X", "utf8", "-c", code, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        env={},
    )


def events_of(worker: "subprocess.Popen[str]") -> list[Event]:
    """All events still to come; anything else on stdout raises EngineError."""
    assert worker.stdout is not None
    return [event_from_line(line) for line in worker.stdout]
