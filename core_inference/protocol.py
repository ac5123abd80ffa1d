"""Events of a run, as JSON lines: the only words the worker says to Blender.

A run emits `started`, then `progress`, `person`, `chunk` and `warning` in any order, and closes
with exactly one of `done`, `failed` or `cancelled`. Standard library only, so that Blender's own
Python can read it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from ..rigs.errors import EngineError

MAX_LINE_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Started:
    """The footage is open; `frames` is an estimate of what will be read, 0 if unknown."""

    frames: int
    width: int
    height: int
    fps: float


@dataclass(frozen=True, kw_only=True)
class Progress:
    """`done` of `total` of `stage` ("estimate", "solve" or "export"); `eta_s` is None at first."""

    done: int
    total: int
    stage: str
    fps: float
    eta_s: float | None


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody was seen: `box` is x, y, width, height in pixels of the first frame.

    `thumbnail` is the path of a small JPEG, there when the run is done.
    """

    id: int
    first_frame: int
    box: tuple[float, float, float, float]
    thumbnail: str = ""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Source frames `first` to `last` (inclusive) are safe on disk."""

    path: str
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Warned:
    """Something the user should know and the run survived."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Done:
    """The run is complete; `report` is the content of report.json."""

    report: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The run ended with an error; `message` is one line, `next_step` what to do."""

    code: str
    message: str
    next_step: str


@dataclass(frozen=True, kw_only=True)
class CancelledEvent:
    """The user stopped the run; `kept` frames of the raw take are on disk."""

    kept: int


Event = Started | Progress | Person | Chunk | Warned | Done | Failed | CancelledEvent
OnEvent = Callable[[Event], None]

_TYPES: dict[str, type[Any]] = {
    "started": Started,
    "progress": Progress,
    "person": Person,
    "chunk": Chunk,
    "warning": Warned,
    "done": Done,
    "failed": Failed,
    "cancelled": CancelledEvent,
}
_NAMES = {kind: name for name, kind in _TYPES.items()}


def line_from_event(event: Event) -> str:
    """Return the event as one JSON line, without its line feed."""
    return json.dumps({"event": _NAMES[type(event)], **asdict(event)}, allow_nan=False)


def event_from_line(line: str) -> Event:
    """Read one JSON line back; an unknown event or malformed line raises EngineError."""
    try:
        fields = json.loads(line[:MAX_LINE_BYTES])
        kind = _TYPES[fields.pop("event")]
        if kind is Person:
            fields["box"] = tuple(fields["box"])
        return kind(**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(
            "the engine sent a line that is no event",
            expected=f"a JSON object with an event of {', '.join(_TYPES)}",
            actual=repr(line[:120]),
            next_step="check that Blender and the engine run the same Pose2Rig version",
        ) from error
