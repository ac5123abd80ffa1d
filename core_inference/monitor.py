"""What a run tells while it works: progress, warnings, time per stage, and whether to stop."""

import math
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from ..rigs.errors import Cancelled
from .protocol import Event, OnEvent, Progress, Warned

STAGES = ("decode", "detect", "estimate", "solve", "export")
_PROGRESS_EVERY_S = 0.1


class Monitor:
    """One run's voice and clock. Only `timed` may be used by other threads than the run's own."""

    def __init__(self, on_event: OnEvent, should_stop: Callable[[], bool]) -> None:
        self.on_event = on_event
        self.should_stop = should_stop
        self.seconds: dict[str, float] = dict.fromkeys(STAGES, 0.0)
        self.warnings: list[Warned] = []
        self._start_s = time.perf_counter()
        self._stage_start_s = self._start_s
        self._last_progress_s = -math.inf
        self._done_before = 0
        self._lock = threading.Lock()

    @contextmanager
    def timed(self, stage: str) -> Generator[None]:
        """Add the block's duration to a stage's seconds; stages overlap."""
        start_s = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self.seconds[stage] += time.perf_counter() - start_s

    @property
    def total_s(self) -> float:
        """Seconds since the run began."""
        return time.perf_counter() - self._start_s

    def stop_if_asked(self, kept: int) -> None:
        """Raise Cancelled when the user wants the run to stop; `kept` frames are on disk."""
        if self.should_stop():
            raise Cancelled(kept)

    def warn(self, code: str, message: str) -> None:
        """Tell the user something the run survived; it also stands in the report."""
        self.tell(Warned(code=code, message=message))

    def tell(self, event: Event) -> None:
        """Pass an event on; a warning also stands in the report."""
        if isinstance(event, Warned):
            self.warnings.append(event)
        self.on_event(event)

    def begin(self, done: int = 0) -> None:
        """Start a stage, of which `done` is done already: its speed is measured from here."""
        self._stage_start_s = time.perf_counter()
        self._last_progress_s = -math.inf
        self._done_before = done

    def progress(self, stage: str, done: int, total: int) -> None:
        """Tell how far a stage is, at most ten times a second, always at its beginning and end."""
        now_s = time.perf_counter()
        if done < total and now_s - self._last_progress_s < _PROGRESS_EVERY_S:
            return
        self._last_progress_s = now_s
        spent_s = max(now_s - self._stage_start_s, 1e-6)
        fps = (done - self._done_before) / spent_s
        eta_s = max(total - done, 0) / fps if fps and total else None
        self.on_event(Progress(done=done, total=total, stage=stage, fps=fps, eta_s=eta_s))
