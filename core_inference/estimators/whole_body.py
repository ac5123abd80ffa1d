"""Body, hands and face of everybody followed, from one image: MediaPipe's networks, run directly.

What each network is shown, and how its numbers are read, is as in MediaPipe's Holistic graph. Two
things are saved: where a hand or a face stayed near where it was, nothing looks for it anew, and
the parts of a person, and several people, are seen at the same time, or each by all threads,
whichever the runtime does better.

Legend: P people.
"""

import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from .body_landmarks import Body, BodyModel
from .face_landmarks import EYES, Face, FaceModel, IrisModel, with_eyes
from .hand_landmarks import Hand, HandModel
from .landmark_models import LandmarkModels
from .person_detector import Detection
from .regions import Float32, Image, Region
from .tflite_model import runs_alone

MAX_THREADS = 4
"""More than this many do not see one person faster."""

_LEFT_ARM, _RIGHT_ARM = [15, 17, 19], [16, 18, 20]
_HEAD = slice(0, 11)


@dataclass(frozen=True, kw_only=True)
class Followed:
    """Where to look for a person in the next frame; None for a part to look for anew."""

    body: Region
    left_hand: Region | None = None
    right_hand: Region | None = None
    face: Region | None = None


@dataclass(frozen=True, kw_only=True)
class PersonSeen:
    """One person as the landmark models see them, None for a part that they do not find.

    body (33,5) x, y, z, visibility, presence; hands (21,3) and face (478,3) x, y, z: px of the
    image, z away from the camera. *_world (33,3), (21,3) m, camera axes. Scores 0..1; *_side how
    far the hand itself looks like one of that side. next: where to look in the next frame.
    """

    body: Float32
    body_world: Float32
    body_score: float
    next: Followed
    left_hand: Float32 | None = None
    left_hand_world: Float32 | None = None
    left_hand_score: float = 0.0
    left_hand_side: float = 0.0
    right_hand: Float32 | None = None
    right_hand_world: Float32 | None = None
    right_hand_score: float = 0.0
    right_hand_side: float = 0.0
    face: Float32 | None = None
    face_score: float = 0.0


def followed_from(detection: Detection) -> Followed:
    """Return where to look for a person who was just detected."""
    return Followed(body=detection.region)


def usable_threads() -> int:
    """Return how many threads may run at once on this machine, at most MAX_THREADS."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(count, MAX_THREADS))


class WholeBody:
    """Sees everybody followed in one image; call it from one thread."""

    def __init__(self, models: LandmarkModels, threads: int | None = None) -> None:
        self._models = models
        count = threads or usable_threads()
        self._side_by_side = 1 if runs_alone() else count
        self._threads = count // self._side_by_side
        self._pool = ThreadPoolExecutor(self._side_by_side, thread_name_prefix="whole_body")
        self._own = threading.local()
        self._alone = BodyModel(models, threads=count)

    def look(self, image: Image, people: Sequence[Followed]) -> list[PersonSeen | None]:
        """Return each of the people as seen in the image (H,W,3) uint8 RGB.

        None for one of whom the body's model says that nobody is there.
        """
        if len(people) == 1:
            bodies = [self._alone.find(image, people[0].body)]
        else:
            asked = [self._ask(BodyModel, image, person.body) for person in people]
            bodies = (body.result() for body in asked)
        parts = [
            None if body is None else self._ask_parts(image, body, person)
            for body, person in zip(bodies, people, strict=True)
        ]
        with_irises = [None if part is None else self._ask_irises(image, part) for part in parts]
        return [None if part is None else part.seen() for part in with_irises]

    def close(self) -> None:
        """Release the models."""
        self._pool.shutdown()

    def _ask_parts(self, image: Image, body: Body, person: Followed) -> "_Parts":
        points_L5 = body.points
        return _Parts(
            body=body,
            face=self._ask(FaceModel, image, points_L5[_HEAD, :2], person.face),
            left=self._ask(HandModel, image, points_L5[_LEFT_ARM], person.left_hand),
            right=self._ask(HandModel, image, points_L5[_RIGHT_ARM], person.right_hand),
        )

    def _ask_irises(self, image: Image, parts: "_Parts") -> "_Parts":
        face = parts.face.result()
        if face is None:
            return parts
        eyes = tuple(self._ask(IrisModel, image, face.points, eye) for eye in EYES)
        return replace(parts, eyes=eyes)

    def _ask(self, kind: type[Any], *question: Any) -> "Future[Any]":
        if self._side_by_side > 1:
            return self._pool.submit(self._answer, kind, question)
        answered: Future[Any] = Future()
        answered.set_result(self._answer(kind, question))
        return answered

    def _answer(self, kind: type[Any], question: tuple[Any, ...]) -> Any:
        """Let this thread's own model of a kind answer; it is made when first asked for."""
        if not hasattr(self._own, kind.__name__):
            setattr(self._own, kind.__name__, kind(self._models, self._threads))
        return getattr(self._own, kind.__name__).find(*question)


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """A person whose parts are being looked at."""

    body: Body
    face: "Future[Face | None]"
    left: "Future[Hand | None]"
    right: "Future[Hand | None]"
    eyes: "tuple[Future[tuple[Float32, Float32]], ...]" = ()

    def seen(self) -> PersonSeen:
        """Wait for the parts and return the person."""
        body, face, left, right = (
            self.body,
            self.face.result(),
            self.left.result(),
            self.right.result(),
        )
        eyes = [eye.result() for eye in self.eyes]
        return PersonSeen(
            body=body.points,
            body_world=body.world,
            body_score=body.score,
            next=Followed(
                body=body.next,
                left_hand=left.next if left else None,
                right_hand=right.next if right else None,
                face=face.next if face else None,
            ),
            left_hand=left.points if left else None,
            left_hand_world=left.world if left else None,
            left_hand_score=left.score if left else 0.0,
            left_hand_side=1.0 - left.rightness if left else 0.0,
            right_hand=right.points if right else None,
            right_hand_world=right.world if right else None,
            right_hand_score=right.score if right else 0.0,
            right_hand_side=right.rightness if right else 0.0,
            face=with_eyes(face.points, eyes) if face else None,
            face_score=face.score if face else 0.0,
        )
