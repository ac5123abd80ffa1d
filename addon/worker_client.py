"""The capture worker as Blender sees it: started, listened to, cancelled; no bpy in here.

The worker runs in its own interpreter with a scrubbed environment. Two threads read its stdout
and stderr; `poll` hands over what has arrived and never waits, so a timer can call it. Whatever
becomes of the worker, the events end with one of Done, Failed or CancelledEvent.
"""

import contextlib
import json
import os
import queue
import subprocess
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from ..core_inference.protocol import (
    MAX_LINE_BYTES,
    CancelledEvent,
    Chunk,
    Done,
    Event,
    Failed,
    event_from_line,
)
from ..rigs.errors import EngineError

CANCEL_GRACE_S = 8.0
KILL_WAIT_S = 2.0
_QUEUE_SIZE = 2000
_LAST_WORDS = 200
_LOG_LINE_BYTES = 4096
_LOG_FILE_BYTES = 4_000_000
_SCRUBBED = ("PYTHON", "LD_", "DYLD_", "BLENDER_")
_CLOSING = (Done, Failed, CancelledEvent)

_BOOTSTRAP = (
    "import runpy, sys, types; package = types.ModuleType('pose2rig'); "
    "package.__path__ = [{root!r}]; sys.modules['pose2rig'] = package; "
    "runpy.run_module('pose2rig.core_inference.worker', run_name='__main__')"
)
"""Runs the worker of this very copy of Pose2Rig, whatever its folder is called."""


@dataclass(frozen=True, kw_only=True)
class MotionOptions:
    """How a raw take becomes motion, by the names of a job file and of the command line.

    calibration_weights is None for what geometry gives, and without a calibration.
    """

    smooth: float
    hands: float
    filter: str
    feet: str
    ground: str
    refine: str
    calibrate: str
    calibration_weights: Path | None

    def as_json(self) -> dict[str, float | str]:
        """Each as a job file has it; no weights are an empty name."""
        weights = self.calibration_weights
        return {**asdict(self), "calibration_weights": "" if weights is None else str(weights)}


@dataclass(frozen=True, kw_only=True)
class CaptureJob:
    """What the worker is asked to do, as its job file says it.

    models, device, exact and half are for the research networks; models None is the engine's own
    folder. With `resume` the engine goes on in `out` where an earlier run of this job ended.
    """

    footage: Path
    out: Path
    start: int | None
    end: int | None
    motion: MotionOptions
    person: str
    estimator: str
    root: str
    models: Path | None
    device: str
    exact: bool
    half: bool
    resume: bool = False

    def to_json(self) -> str:
        """The job file's text."""
        return json.dumps(
            {
                "footage": str(self.footage),
                "out": str(self.out),
                "start": self.start,
                "end": self.end,
                **self.motion.as_json(),
                "person": self.person,
                "estimator": self.estimator,
                "root": self.root,
                "models": None if self.models is None else str(self.models),
                "device": self.device,
                "exact": self.exact,
                "half": self.half,
                "fov": None,
                "focal": None,
                "formats": ["npz"],
                "overwrite": not self.resume,
                "resume": self.resume,
            }
        )


@dataclass(frozen=True, kw_only=True)
class ProcessJob:
    """A raw take that the worker is asked to process again, as its job file says it.

    contacts: a file of foot contacts that hold instead of those found; cache: a folder in which
    the engine keeps what other settings do not change.
    """

    raw: Path
    out: Path
    motion: MotionOptions
    contacts: Path | None
    cache: Path

    def to_json(self) -> str:
        """The job file's text."""
        return json.dumps(
            {
                "job": "process",
                "raw": str(self.raw),
                "out": str(self.out),
                **self.motion.as_json(),
                "contacts": None if self.contacts is None else str(self.contacts),
                "cache": str(self.cache),
            }
        )


def engine_command(python: Path, job_file: Path) -> list[str]:
    """The command line that starts the worker under the engine's interpreter."""
    root = Path(__file__).resolve().parent.parent
    code = _BOOTSTRAP.format(root=str(root))
    return [str(python), "-I", "-X", "utf8", "-c", code, str(job_file)]


def scrubbed_environment() -> dict[str, str]:
    """Blender's environment without what would lead another interpreter astray."""
    return {key: value for key, value in os.environ.items() if not key.startswith(_SCRUBBED)}


class WorkerClient:
    """One running worker, whose log goes to `log_path`.

    Making it starts it; raises EngineError where it cannot start.
    """

    def __init__(self, command: list[str], log_path: Path) -> None:
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=scrubbed_environment(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, ValueError) as error:
            raise EngineError(
                "the capture engine cannot be started",
                expected=f"a Python interpreter at {command[0]}",
                actual=str(error),
                next_step="set the engine's Python in Pose2Rig's preferences",
            ) from error
        self._events: queue.Queue[Event] = queue.Queue(_QUEUE_SIZE)
        self._log_path = log_path
        self._last_words = ""
        self._kept = 0
        self._closing = False
        self._kill_at: float | None = None
        self.ended = False
        self._log_reader = threading.Thread(target=self._drain_log, daemon=True)
        event_reader = threading.Thread(target=self._read_events, daemon=True)
        assert self._process.stdout is not None and self._process.stderr is not None
        self._readers = {  # started in this order: the last waits for the first
            self._log_reader: self._process.stderr,
            event_reader: self._process.stdout,
        }
        for thread in self._readers:
            thread.start()

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    def poll(self, limit: int = 50) -> list[Event]:
        """Up to `limit` events that have arrived; never waits. A closing event comes last."""
        if self._kill_at is not None and time.monotonic() > self._kill_at:
            self._process.kill()
        events: list[Event] = []
        while not self.ended and len(events) < limit:
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                break
            events.append(event)
            self.ended = isinstance(event, _CLOSING)
        return events

    def cancel(self) -> None:
        """Ask the worker to stop; it is killed when it has not after a few seconds."""
        if self._kill_at is not None:
            return
        self._kill_at = time.monotonic() + CANCEL_GRACE_S
        try:
            self._stdin.write(b"cancel\n")
            self._stdin.flush()
        except OSError:
            self._process.kill()

    def close(self) -> None:
        """End the worker if it still runs, and its threads."""
        self._closing = True
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        _close(self._stdin)
        for thread, stream in self._readers.items():
            thread.join(KILL_WAIT_S)
            if not thread.is_alive():  # closing a pipe that is being read would wait for it
                stream.close()

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _read_events(self) -> None:
        """The stdout thread: lines to events, then one closing event if there was none."""
        assert self._process.stdout is not None
        while line := self._process.stdout.readline(MAX_LINE_BYTES):
            try:
                event = event_from_line(line.decode("utf-8", errors="replace"))
            except EngineError as error:
                self._process.kill()
                message = error.message
                self._put(Failed(code=error.code, message=message, next_step=error.next_step))
                return
            self._kept += _frames_of(event)
            self._put(event)
            if isinstance(event, _CLOSING):
                return
        status = self._process.wait()
        self._log_reader.join(KILL_WAIT_S)
        self._put(self._death(status))

    def _put(self, event: Event) -> None:
        while not self._closing:
            try:
                return self._events.put(event, timeout=0.2)
            except queue.Full:
                continue

    def _death(self, status: int) -> Event:
        if self._kill_at is not None:
            return CancelledEvent(kept=self._kept)
        if status < 0:  # what it said before says nothing about a kill from outside
            how = f"(signal {-status}): the system or somebody stopped it, or it crashed"
        else:
            how = f"(exit status {status}); it said last: {self._last_words or 'nothing'}"
        log = f"{self._log_path.parent.name}/{self._log_path.name}"
        return Failed(
            code="engine",
            message=f"the capture engine ended unexpectedly {how}",
            next_step=f"{'resume' if self._kept else 'capture again'}; the log is {log}",
        )

    def _drain_log(self) -> None:
        """The stderr thread: keeps the worker from blocking and its last words at hand."""
        assert self._process.stderr is not None
        written = 0
        with contextlib.ExitStack() as stack:
            file = None
            with contextlib.suppress(OSError):  # a full disk must not stop the draining
                file = stack.enter_context(self._log_path.open("wb", buffering=0))
            while line := self._process.stderr.readline(_LOG_LINE_BYTES):
                if text := line.decode("utf-8", errors="replace").strip():
                    self._last_words = text[:_LAST_WORDS]
                if file is not None and written < _LOG_FILE_BYTES:
                    with contextlib.suppress(OSError):
                        written += file.write(line)


def _frames_of(event: Event) -> int:
    """How many frames a chunk has put on disk; 0 for what is no chunk, or no sound one."""
    if isinstance(event, Chunk) and isinstance(event.first, int) and isinstance(event.last, int):
        return max(0, event.last - event.first + 1)
    return 0


def _close(stream: IO[bytes]) -> None:
    with contextlib.suppress(OSError):  # a pipe whose other end is gone has nothing to flush
        stream.close()
