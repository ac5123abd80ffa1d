"""What an unfinished capture leaves behind so that `--resume` goes on from there.

A journal says what capture it is and holds the states of everything that remembers frames. It is
replaced after every chunk, whole or not at all; a kill costs what came after it. It is read as
the work of strangers: JSON of bounded size, which names no files.

What grows in it are the boxes of the people of the shot that goes on: 75 bytes a frame and person,
8 MB an hour of one person at 30 frames a second; a finished shot leaves 100 bytes a person. Above
OFTEN_BYTES it is written less often, so that what is written grows no faster than the footage.
"""

import json
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..rigs.errors import OutputError
from .estimators.base import State
from .settings import CaptureSettings
from .takes import TakeFacts
from .tally import OnWarning

MAX_BYTES = 256 * 1024**2
"""Thirty hours of people without a cut (ten people for three hours); beyond, the last journal that
was smaller stays, and a run is resumed from there."""

OFTEN_BYTES = 8 * 1024**2
"""A journal of k times this size is written once in k + 1 chunks: measured, a megabyte takes 20 ms,
so that this stays below 5 % of the time that a chunk of one person takes."""

JOURNAL_NAME = r"run\.(\w+)\.journal\.json"
"""The name of a journal, with the run's mark."""

_UNUSABLE = (KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError)
"""What reading a state raises that nobody wrote."""


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """What a journal says of a capture that did not end: its mark, and where it stood."""

    run: str
    state: State


class Journal:
    """The journal of one run in the folder of its chunks.

    capture: asked at the first writing what capture it is, as `identity` says it.
    """

    def __init__(self, folder: Path, run: str, capture: Callable[[], State]) -> None:
        self._path = folder / f"run.{run}.journal.json"
        self._capture = capture
        self._to_skip = 0
        self._has_warned = False

    def write(self, state: Callable[[], State], on_warning: OnWarning, *, last: bool) -> None:
        """Replace the journal if it is time to; the `last` time it always is.

        A journal that has become too large is not written, of which a warning tells once. Raises
        OutputError when the folder cannot be written.
        """
        self._to_skip -= 1
        if self._to_skip >= 0 and not last:
            return
        content = {"capture": self._capture(), "state": state()}
        text = json.dumps(content, allow_nan=False, separators=(",", ":"))
        self._to_skip = len(text) // OFTEN_BYTES
        if len(text) > MAX_BYTES:
            self._warn_once(on_warning)
            return
        beside = self._path.with_name(f".{self._path.name}.tmp")
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(self._path)
        except OSError as error:
            raise OutputError(
                f"cannot write {self._path.name}",
                expected="a folder with room and write permission",
                actual=error.strerror or str(error),
                next_step="free some disk space or choose another --out folder",
            ) from error

    def _warn_once(self, on_warning: OnWarning) -> None:
        if not self._has_warned:
            self._has_warned = True
            on_warning(
                "journal_full",
                "too many people for too long without a cut: from here on, a run that is stopped "
                "has to look again at what comes now",
            )


def identity(settings: CaptureSettings, facts: TakeFacts) -> State:
    """Everything that decides what is seen in the footage; the rest may change on `--resume`."""
    told = facts.provenance
    return {
        "program": told["program"],
        "footage_sha256": told["footage_sha256"],
        "start": settings.start,
        "end": settings.end,
        "fov": settings.fov_deg,
        "focal": settings.focal_px,
        "estimator": told["estimator"],
        "weights_sha256": told["weights_sha256"],
        "root": settings.root,
        "device": settings.device,
        "exact": settings.exact,
        "half": settings.half,
    }


def find_unfinished(paths: list[Path], capture: Callable[[], State]) -> Unfinished | None:
    """Return the capture with the wanted identity that came furthest, None without journals.

    Raises OutputError where all journals are of other captures, or unusable.
    """
    wanted = capture() if paths else {}
    found: list[tuple[int, Unfinished]] = []
    refused: OutputError | None = None
    for path in sorted(paths, key=lambda path: path.stat().st_mtime):
        try:
            frames, unfinished = _read(path, wanted)
            found.append((frames, unfinished))
        except OutputError as error:
            refused = error
    if not found and refused is not None:
        raise refused
    return max(found, key=lambda pair: pair[0])[1] if found else None


@contextmanager
def trusting(state: State) -> Generator[State]:
    """Whatever cannot be restored from a journal's state becomes an OutputError."""
    try:
        yield state
    except _UNUSABLE as error:
        raise _unusable(f"{type(error).__name__}: {error}") from error


def _read(path: Path, wanted: State) -> tuple[int, Unfinished]:
    """Read one journal: the frames it has behind it, and what to go on with."""
    matched = re.fullmatch(JOURNAL_NAME, path.name)
    assert matched is not None, "only journals are asked for"
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ValueError(f"{size} bytes")
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
        own: dict[str, Any] = dict(content["capture"])
        state: State = dict(content["state"])
        frames = int(state["frames"])
    except (OSError, *_UNUSABLE) as error:
        raise _unusable(str(error) or type(error).__name__) from error
    differing = [name for name in wanted if own.get(name) != wanted[name]]
    if differing:
        raise OutputError(
            "the unfinished capture in the folder is another one",
            expected=_told(own, differing),
            actual=_told(wanted, differing),
            next_step="resume it with what it began with, or add --overwrite instead of --resume",
        )
    return frames, Unfinished(run=matched[1], state=state)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _told(values: State, names: list[str]) -> str:
    return ", ".join(f"{name} {str(values.get(name))[:16]}" for name in names)


def _unusable(actual: str) -> OutputError:
    return OutputError(
        "the journal of the unfinished capture cannot be used",
        expected="what this version writes",
        actual=" ".join(actual.split())[:200],
        next_step="capture again with --overwrite instead of --resume",
    )
