"""Body, hands and face of everybody followed, from one image: MediaPipe's networks, run directly.

What each network is shown, and how its numbers are read, is as in MediaPipe's Holistic graph. Two
things are saved: where a hand or a face stayed near where it was, nothing looks for it anew; and
while helpers look at hands and faces, and for more people, the bodies of the next image are seen.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ...rigs.errors import EngineError
from .body_landmarks import Body, BodyModel
from .face_landmarks import Face
from .hand_landmarks import Hand
from .helpers import MAX_HELPERS, Helpers
from .landmark_models import LandmarkModels
from .person_detector import Detection, Window
from .questions import Answer, Followed, Question, WindowQuestion, parts_of
from .regions import Float32, Image, Region

MAX_THREADS = 4
"""More than this many do not see one person faster."""


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


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Somebody whose hands and face are wanted: in which image, and where they went before."""

    image: Image
    body: Body
    followed: Followed


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The people asked about, and who was found in each of the windows, both in order."""

    people: list[PersonSeen]
    windows: list[tuple[Detection, ...]]


class WholeBody:
    """Sees everybody followed in one image after the other; call it from one thread.

    helpers: how many processes look beside this one, None for as many as pay here.
    """

    def __init__(self, models: LandmarkModels, helpers: int | None = None) -> None:
        threads = usable_threads()
        count = min(threads - 1, MAX_HELPERS) if helpers is None else helpers
        self.threads = max(1, threads - count)
        self._helpers = Helpers(models, count, self.threads)
        try:
            self._bodies = BodyModel(models, self.threads)
        except EngineError:
            self.close()
            raise
        self._asked: list[Asked] = []

    def look(self, image: Image, people: Sequence[Followed]) -> list[PersonSeen | None]:
        """Return each of the people as seen in the image (H,W,3) uint8 RGB.

        None for one of whom the body's model says that nobody is there.
        """
        bodies = self.bodies(image, [person.body for person in people])
        self.show(image)
        self.ask(
            [
                Asked(image=image, body=body, followed=person)
                for body, person in zip(bodies, people, strict=True)
                if body is not None
            ]
        )
        answers = iter(self.answers().people)
        return [None if body is None else next(answers) for body in bodies]

    def bodies(self, image: Image, regions: Sequence[Region]) -> list[Body | None]:
        """Return the body in each region of the image, None where nobody is there."""
        return [self._bodies.find(image, region) for region in regions]

    def show(self, image: Image) -> None:
        """Make ready an image that will be asked about."""
        self._helpers.show(image)

    def ask(self, people: Sequence[Asked], windows: Sequence[tuple[Image, Window]] = ()) -> None:
        """Let hands and faces of people, and windows, be looked at; earlier answers are taken."""
        self._asked = list(people)
        questions: list[tuple[Image, Question]] = [
            (image, WindowQuestion(window=window)) for image, window in windows
        ]
        for one in people:
            questions += [(one.image, part) for part in parts_of(one.body, one.followed)]
        self._helpers.ask(questions)

    def answers(self) -> Seen:
        """Wait for what was asked last."""
        answers = self._helpers.answers()
        asked, self._asked = self._asked, []
        windows = len(answers) - 3 * len(asked)
        parts = (answers[start : start + 3] for start in range(windows, len(answers), 3))
        return Seen(
            people=[_person(one.body, *three) for one, three in zip(asked, parts, strict=True)],
            windows=[_people_in(answer) for answer in answers[:windows]],
        )

    def close(self) -> None:
        """Release the models."""
        self._helpers.close()


def followed_from(detection: Detection) -> Followed:
    """Return where to look for a person who was just detected."""
    return Followed(body=detection.region)


def usable_threads() -> int:
    """Return how many threads may run at once on this machine, at most MAX_THREADS."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(count, MAX_THREADS))


def _people_in(answer: Answer) -> tuple[Detection, ...]:
    assert isinstance(answer, tuple)
    return answer


def _person(body: Body, left: Answer, right: Answer, face: Answer) -> PersonSeen:
    assert left is None or isinstance(left, Hand)
    assert right is None or isinstance(right, Hand)
    assert face is None or isinstance(face, Face)
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
        face=face.points if face else None,
        face_score=face.score if face else 0.0,
    )
