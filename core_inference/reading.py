"""Footage decoded ahead of its use, so that a frame is ready when the one before has been seen."""

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from .estimators.base import State
from .footage import Footage, Frame, read
from .journal import trusting
from .monitor import Monitor
from .protocol import Warned
from .settings import CaptureSettings
from .shots import ShotDetector
from .tally import Tally

AHEAD_BYTES = 64 * 1024**2
AHEAD_FRAMES = 2
"""Frames wait in memory up to that many bytes, and that many however large they are."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """A frame, whether a shot begins with it, and all a reading needs to go on after it."""

    frame: Frame
    is_cut: bool
    state: State


class _Left(Exception):  # noqa: N818
    """Nobody wants more frames."""


class Reader:
    """The wanted frames in order, decoded and searched for cuts by a thread of their own.

    A context manager to iterate over; leaving it ends the thread and closes the footage. Warnings
    are told, and FootageErrors raised, when it is their turn among the frames. `state` is that of
    the last frame an earlier reading came to; an unusable one raises OutputError.
    """

    def __init__(
        self,
        footage: Footage,
        settings: CaptureSettings,
        monitor: Monitor,
        state: State | None = None,
    ) -> None:
        self._footage = footage
        self._settings = settings
        self._monitor = monitor
        self._shots = ShotDetector()
        self._tally = Tally()
        if state is not None:
            with trusting(state):
                self._shots.restore(state["shots"])
                self._tally = Tally.from_state(state["tally"])
        self._waiting: deque[Shown | Warned | None] = deque()
        self._bytes = 0
        self._left = False
        self._changed = threading.Condition()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._reading: Future[None] | None = None

    def __enter__(self) -> Self:
        self._reading = self._pool.submit(self._read)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._changed:
            self._left = True
            self._changed.notify_all()
        self._pool.shutdown()
        self._waiting.clear()

    def __iter__(self) -> Iterator[Shown]:
        while (item := self._take()) is not None:
            if isinstance(item, Warned):
                self._monitor.tell(item)
            else:
                yield item
        if self._reading is not None:
            self._reading.result()

    @property
    def ahead(self) -> int:
        """How many frames wait to be taken."""
        with self._changed:
            return self._frames_waiting()

    def _frames_waiting(self) -> int:
        return sum(isinstance(item, Shown) for item in self._waiting)

    def _take(self) -> Shown | Warned | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            item = self._waiting.popleft()
            self._bytes -= _size(item)
            self._changed.notify_all()
            return item

    def _put(self, item: Shown | Warned | None) -> None:
        """Hand an item over as soon as there is room; raises _Left."""
        with self._changed:
            self._changed.wait_for(lambda: self._left or self._has_room(item))
            if self._left:
                raise _Left
            self._waiting.append(item)
            self._bytes += _size(item)
            self._changed.notify_all()

    def _has_room(self, item: Shown | Warned | None) -> bool:
        fits = self._bytes + _size(item) <= AHEAD_BYTES
        return fits or self._frames_waiting() < AHEAD_FRAMES

    def _read(self) -> None:
        """Read everything, in the thread; the end is None, after it an error is the result's."""
        try:
            self._read_frames()
        except _Left:
            return
        finally:
            with self._changed:
                self._waiting.append(None)
                self._changed.notify_all()

    def _read_frames(self) -> None:
        def warn(code: str, message: str) -> None:
            self._put(Warned(code=code, message=message))

        wanted = self._settings
        with closing(read(self._footage, wanted.start, wanted.end, warn, self._tally)) as frames:
            while True:
                with self._monitor.timed("decode"):
                    frame = next(frames, None)
                if frame is None:
                    return
                with self._monitor.timed("detect"):
                    is_cut = self._shots.is_cut(frame)
                state = {"shots": self._shots.state(), "tally": self._tally.state()}
                self._put(Shown(frame=frame, is_cut=is_cut, state=state))


def _size(item: Shown | Warned | None) -> int:
    return item.frame.image.nbytes if isinstance(item, Shown) else 0
