"""The slow part of a run: every frame looked at and recorded, shot after shot.

Frames go to the estimator in groups as large as it likes, eight for the default one. Memory holds a
chunk of what was said of them; whoever is in a finished shot is solved while the next one is
watched.
"""

from dataclasses import dataclass, field
from typing import Any

from ..rigs.errors import Cancelled
from .camera_motion import CameraMotion
from .casting import Member, Shot
from .estimators.base import Estimator, State
from .footage import Footage, Frame
from .journal import Journal, find_unfinished, identity, trusting
from .lens import focal_length_px
from .monitor import Monitor
from .output import OutputFolder
from .people import PersonTracker, choose, link
from .protocol import Started, Warned
from .reading import Reader, Shown
from .recording import Recorder
from .settings import CaptureSettings
from .solving import Solver

STAMP_S = 0.002
"""Some containers keep time in whole milliseconds: that close to the nominal rate, it holds."""

Moment = tuple[int, float]
"""A frame's index and time in seconds."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """How many frames were looked at by this run, their mean rate, and the rows on disk."""

    frames: int
    frame_rate: float
    rows: int


def watch(
    footage: Footage,
    settings: CaptureSettings,
    estimator: Estimator,
    output: OutputFolder,
    solver: Solver,
    monitor: Monitor,
) -> Watched:
    """Look at the wanted frames, with `resume` after those that an unfinished run has looked at.

    A cut ends every take. Raises FootageError for unreadable footage, NoPersonError when nobody
    is in it, UsageError for a person it does not show, Cancelled when the user stops, OutputError
    where there is nothing usable to resume; what was recorded stays on disk.
    """

    def capture() -> State:
        return identity(settings, solver.facts)

    unfinished = find_unfinished(output.journals(), capture) if settings.resume else None
    if unfinished is not None:
        output.run = unfinished.run
    watcher = _Watcher(
        footage=footage,
        settings=settings,
        estimator=estimator,
        recorder=Recorder(folder=output.raw, on_event=monitor.tell, run=output.run),
        solver=solver,
        camera=CameraMotion(focal_px=focal_length_px(footage, settings)),
        journal=Journal(output.raw, output.run, capture),
        monitor=monitor,
    )
    return watcher.watch(None if unfinished is None else unfinished.state)


@dataclass(kw_only=True)
class _Watcher:
    """Looks at footage: is it a cut, who is there, is it the same person as before.

    What it recorded and remembers is in the journal after every chunk of frames.
    """

    footage: Footage
    settings: CaptureSettings
    estimator: Estimator
    recorder: Recorder
    solver: Solver
    camera: CameraMotion
    journal: Journal
    monitor: Monitor
    _tracker: PersonTracker = field(default_factory=PersonTracker)
    _waiting: list[Shown] = field(default_factory=list[Shown])
    _begins_shot: bool = False
    _shots: list[Shot] = field(default_factory=list[Shot])
    _frames: int = 0
    _moments: dict[str, Moment] = field(default_factory=dict[str, Moment])
    _reader_state: State | None = None
    _is_complete: bool = False
    _told_before: int = 0

    def watch(self, unfinished: State | None) -> Watched:
        """Look at the frames and tell who is there; a state is gone on from."""
        self._told_before = len(self.monitor.warnings)
        if unfinished is None:
            for code, message in self.estimator.warnings:
                self.monitor.warn(code, message)
        else:
            with trusting(unfinished):
                self._restore(unfinished)
        before = self._frames
        if not self._is_complete:
            self._read()
        self.solver.cast.check(self.footage, self._frames)
        rate = _mean_rate(self._moments, "footage", self.footage.fps)
        rows = self.recorder.rows
        return Watched(frames=self._frames - before, frame_rate=rate, rows=rows)

    def _read(self) -> None:
        total = expected_frames(self.footage, self.settings)
        self.monitor.begin(self._frames)
        with Reader(self.footage, self.settings, self.monitor, self._reader_state) as reader:
            for shown in reader:
                try:
                    self.monitor.stop_if_asked(self.recorder.rows)
                except Cancelled:
                    self._keep(last=True)
                    raise
                self._look(shown)
                self.monitor.progress("estimate", self._frames, max(total, self._frames))
        self._finish_shot()
        self._is_complete = True
        self._keep(last=True)

    def _look(self, shown: Shown) -> None:
        """Look at a frame, at once or when enough wait."""
        if shown.is_cut:
            self._finish_shot()
            self.estimator.reset()
            self._begins_shot = True
            self.monitor.warn(
                "cut", f"scene change at frame {shown.frame.index}: a new take begins there"
            )
        self._waiting.append(shown)
        self._frames += 1
        ends_chunk = self._frames % self.settings.chunk_frames == 0
        if ends_chunk or len(self._waiting) >= self.estimator.batch_size:
            self._look_at_waiting()
        if ends_chunk or self.recorder.is_full:
            self._keep(last=False)

    def _look_at_waiting(self) -> None:
        if not self._waiting:
            return
        frames = [shown.frame for shown in self._waiting]
        with self.monitor.timed("estimate"):
            people = self.estimator.estimate_all(frames)
        for frame, poses in zip(frames, people, strict=True):
            for seen in self._tracker.observe(frame, poses, self._begins_shot):
                self.recorder.add(seen, frame.image)
            self.camera.observe(frame, [pose.box for pose in poses])
            self._begins_shot = False
            self._note(frame)
        self._reader_state = self._waiting[-1].state
        self._waiting = []

    def _note(self, frame: Frame) -> None:
        """Remember when footage and shot began and where they have come to."""
        now = (frame.index, frame.time_s)
        for span in ("footage", "shot"):
            self._moments.setdefault(f"{span} begins", now)
            self._moments[f"{span} ends"] = now

    def _finish_shot(self) -> None:
        """Look at what waits; the shot's people are known then and can be solved."""
        self._look_at_waiting()
        self.recorder.flush()
        tracklets = self._tracker.tracks()
        image_size = (self.footage.width, self.footage.height)
        people = choose(link(tracklets), image_size)
        camera, doubt = self.camera.finish()
        if doubt is not None and people:
            self._doubt_camera(doubt)
        shot = Shot(
            number=len(self._shots),
            frame_rate=_mean_rate(self._moments, "shot", self.footage.fps),
            people=tuple(Member.from_track(track) for track in people),
            camera=camera,
        )
        self._shots.append(shot)
        self.solver.add(shot, self.recorder)
        self._tracker.forget_shot()
        self.recorder.forget({track.person_id for track in tracklets})
        for moment in ("shot begins", "shot ends"):
            self._moments.pop(moment, None)

    def _doubt_camera(self, doubt: str) -> None:
        """Say it of the first shot with such a camera; all others would say the same."""
        if all(warning.code != "camera" for warning in self.monitor.warnings):
            self.monitor.warn("camera", doubt)

    def _keep(self, *, last: bool) -> None:
        """Put everything on disk that was looked at, if nothing waits to be."""
        self.recorder.flush()
        if not self._waiting:
            self.journal.write(self._state, self.monitor.warn, last=last)

    def _state(self) -> State:
        told = self.monitor.warnings[self._told_before :]
        return {
            "frames": self._frames,
            "reader": self._reader_state,
            "estimator": self.estimator.state(),
            "tracker": self._tracker.state(),
            "recorder": self.recorder.state(),
            "camera": self.camera.state(),
            "moments": self._moments,
            "shots": [shot.state() for shot in self._shots],
            "warnings": [[warning.code, warning.message] for warning in told],
            "complete": self._is_complete,
        }

    def _restore(self, state: State) -> None:
        moments: dict[str, Any] = state["moments"]
        self._frames = int(state["frames"])
        self._reader_state = state["reader"]
        self.estimator.restore(state["estimator"])
        self._tracker.restore(state["tracker"])
        self.recorder.restore(state["recorder"])
        self.camera.restore(state["camera"])
        self._moments = {name: (int(n), float(time_s)) for name, (n, time_s) in moments.items()}
        self._shots = [Shot.from_state(shot) for shot in state["shots"]]
        self._is_complete = bool(state["complete"])
        for code, message in state["warnings"]:
            self.monitor.tell(Warned(code=str(code), message=str(message)))
        for shot in self._shots:
            self.solver.add(shot, self.recorder)


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


def _mean_rate(moments: dict[str, Moment], span: str, nominal: float) -> float:
    """Source frames a second from where a span begins to where it ends, gaps included."""
    if f"{span} begins" not in moments:
        return nominal
    first, last = moments[f"{span} begins"], moments[f"{span} ends"]
    frames, seconds = last[0] - first[0], last[1] - first[1]
    if frames == 0 or abs(frames / nominal - seconds) < STAMP_S:
        return nominal
    return frames / seconds
