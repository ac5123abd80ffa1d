"""From the people of a finished shot to clips, while the next shot is being watched."""

import threading
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from .background import Background
from .body_model import BodyModel, load_open_body
from .casting import Cast, Member, Shot
from .estimators.base import Estimator
from .footage import Footage
from .metrics import QualityCard, quality_card
from .monitor import Monitor
from .motion.scene import stand_together, thinned
from .motion.stack import process
from .motion.stack import solved as before_filtering
from .output import OutputFolder
from .protocol import Person
from .provenance import take_facts
from .recording import Recorder
from .settings import CaptureSettings
from .takes import TakeFacts, best_portrait, take_from_chunks

THREADS = 2
"""Most of the solver's time numpy holds the interpreter: more threads gain nothing."""

ASK_EVERY_S = 0.2
"""While somebody is being solved, the user is asked so often whether to stop."""

Chunks = tuple[Path, ...]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Solved:
    """A person whose files are among the results: where they were seen, and how well."""

    quality: QualityCard
    shot: int
    member: Member

    def as_dict(self) -> dict[str, Any]:
        """The entry of report.json."""
        return {
            **self.quality.as_dict(),
            "shot": self.shot,
            "first_frame": self.member.first_frame,
            "last_frame": self.member.last_frame,
        }


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """A person to solve; the facts say in what world."""

    number: int
    shot: int
    member: Member
    chunks: Chunks
    facts: TakeFacts


class Solver:
    """Makes raw takes and clips of the wanted people in threads of its own; a context manager.

    Everybody in a shot, wanted or not, has a say in the one world they stand in: each gets the
    same clip whoever else is wanted. Memory holds the takes of two people, and a few rows of the
    others. Leaving it drops what is not done; no file is written after that.
    """

    def __init__(self, output: OutputFolder, settings: CaptureSettings, monitor: Monitor) -> None:
        self.cast = Cast(settings.person)
        self._output = output
        self._settings = settings
        self._monitor = monitor
        self._background = Background(THREADS, "solver")
        self._saving = threading.Lock()
        self._is_left = False
        self._facts: Future[TakeFacts] | None = None
        self._body: Future[BodyModel] | None = None
        self._shots: list[Future[dict[int, Future[Solved]]]] = []
        self._wanted = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._saving:
            self._is_left = True
        self._background.leave()

    def begin(self, footage: Footage, estimator: Estimator) -> None:
        """Learn what all takes share; hashing the footage takes its time in the background."""
        self._facts = self._background.submit(take_facts, footage, self._settings, estimator)

    @property
    def facts(self) -> TakeFacts:
        """What all takes share, once it is known."""
        assert self._facts is not None, "asked before the solver began"
        return self._facts.result()

    def add(self, shot: Shot, recorder: Recorder) -> None:
        """Take over a finished shot, whose rows are all on disk."""
        chosen = self.cast.choose(shot)
        for number, member in chosen.items():
            self._monitor.tell(
                Person(
                    id=number,
                    first_frame=member.first_frame,
                    box=member.box,
                    thumbnail=str(self._output.thumbnail(number)),
                )
            )
        if chosen:
            chunks = {
                member.parts: tuple(path for part in member.parts for path in recorder.chunks(part))
                for member in shot.people
            }
            self._wanted += len(chosen)
            self._body = self._body or self._background.submit(load_open_body)
            standing = self._background.submit(self._stand, self._body, shot, chosen, chunks)
            self._shots.append(standing)

    def finish(self, kept: int) -> dict[int, Solved]:
        """Wait for everybody and return them by number; raises Cancelled when the user stops."""
        self._monitor.begin()
        self._monitor.stop_if_asked(kept)
        self._monitor.progress("solve", 0, self._wanted)
        waiting: dict[int, Future[Solved]] = {}
        for shot in self._shots:
            waiting |= self._result(shot, kept)
        people: dict[int, Solved] = {}
        for number, solved in sorted(waiting.items()):
            people[number] = self._result(solved, kept)
            self._monitor.progress("solve", len(people), self._wanted)
        return people

    def _result(self, future: Future[T], kept: int) -> T:
        """Wait for a result; a stop is heard meanwhile."""
        while wait([future], timeout=ASK_EVERY_S).not_done:
            self._monitor.stop_if_asked(kept)
        self._monitor.stop_if_asked(kept)
        return future.result()

    def _stand(
        self,
        loaded: Future[BodyModel],
        shot: Shot,
        chosen: dict[int, Member],
        chunks: dict[tuple[int, ...], Chunks],
    ) -> dict[int, Future[Solved]]:
        """Bring the shot's people into one world, then have those wanted solved."""
        facts = replace(self.facts, frame_rate=shot.frame_rate, camera=shot.camera)
        body = loaded.result()
        facts_of = dict.fromkeys(chunks, facts)
        if len(chunks) > 1:
            with self._monitor.timed("solve"):
                takes = [thinned(take_from_chunks(paths, facts)) for paths in chunks.values()]
                placed = stand_together(takes, body)
            for parts, take in zip(chunks, placed, strict=True):
                facts_of[parts] = replace(facts, provenance=take.provenance)
        return {
            number: self._background.submit(
                self._solve,
                body,
                _Wanted(
                    number=number,
                    shot=shot.number,
                    member=member,
                    chunks=chunks[member.parts],
                    facts=facts_of[member.parts],
                ),
            )
            for number, member in chosen.items()
        }

    def _solve(self, body: BodyModel, wanted: _Wanted) -> Solved:
        """Make and stage one person's files."""
        with self._monitor.timed("solve"):
            take = take_from_chunks(wanted.chunks, wanted.facts)
            motion = self._settings.motion
            solution = before_filtering(take, body) if motion.takes_as_solved(take) else None
            clip = process(take, body, motion, solution=solution)
            frames = None if solution is None else solution.frames
            figures = quality_card(clip, take, body, frames)
        portrait = best_portrait(wanted.chunks)
        with self._saving:
            if not self._is_left:
                self._output.save_person(wanted.number, take, clip, portrait)
        return Solved(quality=figures, shot=wanted.shot, member=wanted.member)
