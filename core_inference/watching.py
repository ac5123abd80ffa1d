"""The slow part of a run: every frame decoded, looked at and recorded.

Frames go to the estimator in groups as large as it likes, most often of one; memory holds a group.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..rigs.errors import NoPersonError
from .estimators.base import Estimator
from .footage import Footage, Frame, read
from .monitor import Monitor
from .people import PersonTrack, PersonTracker, choose
from .protocol import Person, Started
from .recording import Recorder
from .settings import CaptureSettings
from .shots import ShotDetector

STAMP_S = 0.002
"""Some containers keep time in whole milliseconds: that close to the nominal rate, it holds."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Whom the footage shows: one track per shot, and how many frames were read at what rate."""

    tracks: tuple[PersonTrack, ...]
    frames: int
    frame_rate: float


def watch(
    footage: Footage,
    settings: CaptureSettings,
    estimator: Estimator,
    recorder: Recorder,
    monitor: Monitor,
) -> Watched:
    """Look at the wanted frames and record everybody seen.

    A cut ends every take. Raises FootageError for unreadable footage, NoPersonError when nobody
    is in it, Cancelled when the user stops; what was recorded stays on disk.
    """
    for code, message in estimator.warnings:
        monitor.warn(code, message)
    eyes = _Eyes(estimator=estimator, recorder=recorder, monitor=monitor)
    total = expected_frames(footage, settings)
    first: Frame | None = None
    last: Frame | None = None
    count = 0
    monitor.begin()
    try:
        for frame in _timed_frames(footage, settings, monitor):
            monitor.stop_if_asked(recorder.rows)
            eyes.look(frame)
            first, last, count = first or frame, frame, count + 1
            monitor.progress("estimate", count, max(total, count))
        eyes.finish()
    finally:
        recorder.flush()
    tracks = choose(eyes.tracker.tracks(), (footage.width, footage.height))
    if not tracks:
        raise _nobody(footage, count)
    for number, track in enumerate(tracks):
        x, y, width, height = track.boxes[0].tolist()
        monitor.on_event(
            Person(id=number, first_frame=int(track.frame_index[0]), box=(x, y, width, height))
        )
    return Watched(tracks=tracks, frames=count, frame_rate=_mean_rate(first, last, footage.fps))


@dataclass(kw_only=True)
class _Eyes:
    """Looks at frames in order: is it a cut, who is there, is it the same person as before.

    Frames wait until there are as many as the estimator likes to see at once, or a cut comes.
    """

    estimator: Estimator
    recorder: Recorder
    monitor: Monitor
    tracker: PersonTracker = field(default_factory=PersonTracker)
    shots: ShotDetector = field(default_factory=ShotDetector)
    waiting: list[Frame] = field(default_factory=list[Frame])
    begins_shot: bool = False

    def look(self, frame: Frame) -> None:
        with self.monitor.timed("detect"):
            is_cut = self.shots.is_cut(frame)
        if is_cut:
            self.finish()
            self.estimator.reset()
            self.begins_shot = True
            self.monitor.warn(
                "cut", f"scene change at frame {frame.index}: a new take begins there"
            )
        self.waiting.append(frame)
        if len(self.waiting) >= self.estimator.batch_size:
            self.finish()

    def finish(self) -> None:
        """Look at the frames that wait, if any do."""
        if not self.waiting:
            return
        with self.monitor.timed("estimate"):
            poses = self.estimator.estimate_all(self.waiting)
        for frame, pose in zip(self.waiting, poses, strict=True):
            seen = self.tracker.observe(frame, pose, self.begins_shot)
            self.begins_shot = False
            if seen is not None:
                self.recorder.add(seen)
        self.waiting = []


def started(footage: Footage, settings: CaptureSettings) -> Started:
    """The event that opens a run."""
    frames = expected_frames(footage, settings)
    return Started(frames=frames, width=footage.width, height=footage.height, fps=footage.fps)


def expected_frames(footage: Footage, settings: CaptureSettings) -> int:
    """How many frames the range should have, 0 if the container does not say."""
    if not footage.frame_count:
        return 0
    end = min(settings.end or footage.frame_count, footage.frame_count)
    return max(end - (settings.start or 0), 0)


def _timed_frames(footage: Footage, settings: CaptureSettings, monitor: Monitor) -> Iterator[Frame]:
    """The frames, with the time each took to decode on the monitor's clock."""
    frames = read(footage, settings.start, settings.end, monitor.warn)
    while True:
        with monitor.timed("decode"):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame


def _mean_rate(first: Frame | None, last: Frame | None, nominal: float) -> float:
    """Source frames a second between two frames, those left out included."""
    if first is None or last is None or first.index == last.index:
        return nominal
    frames, seconds = last.index - first.index, last.time_s - first.time_s
    return nominal if abs(frames / nominal - seconds) < STAMP_S else frames / seconds


def _nobody(footage: Footage, frames: int) -> NoPersonError:
    return NoPersonError(
        f"no person found in {footage.path.name}",
        expected="somebody visible from the hips up for half a second",
        actual=f"nobody in {frames} frames",
        next_step="choose footage that shows a person, or another frame range",
    )
