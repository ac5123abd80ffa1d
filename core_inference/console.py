"""What the command line shows: a progress bar, a summary, one line for an error."""

import atexit
import gc
import os
import re
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from tqdm import tqdm

from ..rigs.errors import Cancelled, Pose2RigError
from .protocol import CancelledEvent, Done, Event, Failed, Progress, Warned, line_from_event

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal obeys instead of showing it, but for tabs and ends of lines."""

_UNITS = {"estimate": "frame", "solve": "person", "export": "file"}


def _send_stderr_nowhere() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)


class ReaderLeft(Exception):  # noqa: N818
    """Nobody reads the output any more: nothing is wrong, nothing more can be said."""


class Console:
    """The terminal of one command. Libraries' own noise on stderr is shown only with --debug."""

    def __init__(self, *, debug: bool, json_lines: bool) -> None:
        self._debug = debug
        self._json_lines = json_lines
        self._bar: tqdm[Any] | None = None
        self._stage = ""
        self._out: TextIO = sys.stdout
        self._err: TextIO = sys.stderr
        self._saved_stderr: int | None = None

    def __enter__(self) -> Self:
        if not self._debug:
            self._hide_noise()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close_bar()
        if self._saved_stderr is not None:
            # Networks that an error left in cycles tell of their end: now, while nobody hears it.
            gc.collect()
            self._err.close()
            self._err = sys.stderr
            os.dup2(self._saved_stderr, 2)
            os.close(self._saved_stderr)
            self._saved_stderr = None

    def _hide_noise(self) -> None:
        """Native libraries write to the file behind stderr: give them another one."""
        self._saved_stderr = os.dup(2)
        self._err = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")
        _send_stderr_nowhere()
        # What they say as they are unloaded comes after everything of ours.
        atexit.register(_send_stderr_nowhere)

    def on_event(self, event: Event) -> None:
        """Show an event: as JSON on stdout, or as a moving bar and warnings on stderr."""
        if self._json_lines:
            self.print(line_from_event(event))
        elif isinstance(event, Progress):
            self._move_bar(event)
        elif isinstance(event, Warned):
            self.say(f"pose2rig: warning: {event.message}")

    def print(self, text: str) -> None:
        """Write to stdout; control characters and what its encoding lacks are escaped.

        Raises ReaderLeft.
        """
        encoding = self._out.encoding or "utf-8"
        try:
            shown = _shown(text).encode(encoding, "backslashreplace").decode(encoding)
            self._out.write(shown + "\n")
            self._out.flush()
        except BrokenPipeError as error:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._out.fileno())
            os.close(null)
            raise ReaderLeft from error

    def say(self, text: str) -> None:
        """Write a line to stderr, above the bar; control characters are escaped."""
        self._close_bar()
        self._err.write(_shown(text) + "\n")
        self._err.flush()

    def finish(self, report: dict[str, Any], out: Path) -> None:
        """Close a capture: the `done` event, or a line for each person."""
        self._close_bar()
        if self._json_lines:
            self.print(line_from_event(Done(report=report)))
            return
        for number, person in report["people"].items():
            self.print(
                f"person {number}: {person['frames']} frames, "
                f"coverage {person['coverage']:.0%}, "
                f"reprojection {person['reprojection_px']:.1f} px, "
                f"foot slide {person['foot_slide_cm_s']:.1f} cm/s"
            )
        self.print(f"wrote {out} ({report['frames_per_second']:.1f} frames/s)")

    def cancelled(self, kept: int) -> int:
        """Say that the user stopped the run; returns the exit status."""
        self.say(f"pose2rig: cancelled, {kept} frames kept")
        if self._json_lines:
            self.print(line_from_event(CancelledEvent(kept=kept)))
        return Cancelled.exit_status

    def fail(self, error: Pose2RigError) -> None:
        """Write one line for an error, and its traceback with --debug."""
        self._close_bar()
        if self._debug:
            traceback.print_exception(error, file=self._err)
        self.say("pose2rig: error: " + " ".join(str(error).split()))
        if self._json_lines:
            failed = Failed(code=error.code, message=error.message, next_step=error.next_step)
            self.print(line_from_event(failed))

    def _move_bar(self, event: Progress) -> None:
        if self._bar is None or self._stage != event.stage:
            self._close_bar()
            self._stage = event.stage
            unit = _UNITS[event.stage]
            self._bar = tqdm(
                total=event.total, desc=event.stage, file=self._err, unit=unit, disable=None
            )
        self._bar.total = event.total
        self._bar.update(event.done - self._bar.n)

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _shown(text: str) -> str:
    """The text without power over the terminal: names in strangers' files come this way."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
