"""The slow part of a run: every frame decoded, looked at and recorded, one at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..rigs.errors import Cancelled, NoPersonError
from .estimators.base import Estimator
from .footage import Footage, Frame, read
from .monitor import Monitor
from .people import PersonTrack, PersonTracker, choose
from .protocol import Person
from .recording import Recorder
from .settings import CaptureSettings
from .shots import ShotDetector


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
    tracker, shots = PersonTracker(), ShotDetector()
    total = expected_frames(footage, settings)
    times_s: list[float] = []
    known: set[int] = set()
    monitor.begin()
    for frame in _timed_frames(footage, settings, monitor):
        if monitor.should_stop():
            recorder.flush()
            raise Cancelled(recorder.rows)
        with monitor.timed("detect"):
            is_cut = shots.is_cut(frame)
        if is_cut:
            estimator.reset()
            monitor.warn("cut", f"scene change at frame {frame.index}: a new take begins there")
        with monitor.timed("estimate"):
            pose = estimator.estimate(frame)
        seen = tracker.observe(frame, pose, is_cut)
        if seen is not None:
            recorder.add(seen)
            if seen.person_id not in known:
                known.add(seen.person_id)
                monitor.on_event(
                    Person(id=seen.person_id, first_frame=frame.index, box=seen.pose.box)
                )
        times_s.append(frame.time_s)
        monitor.progress("estimate", len(times_s), max(total, len(times_s)))
    recorder.flush()
    tracks = choose(tracker.tracks(), (footage.width, footage.height))
    if not tracks:
        raise _nobody(footage, len(times_s))
    return Watched(tracks=tracks, frames=len(times_s), frame_rate=_mean_rate(times_s, footage.fps))


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


def _mean_rate(times_s: list[float], nominal: float) -> float:
    if len(times_s) < 2:
        return nominal
    return (len(times_s) - 1) / (times_s[-1] - times_s[0])


def _nobody(footage: Footage, frames: int) -> NoPersonError:
    return NoPersonError(
        f"no person found in {footage.path.name}",
        expected="somebody visible from the hips up for half a second",
        actual=f"nobody in {frames} frames",
        next_step="choose footage that shows a person, or another frame range",
    )
