"""Body, hands and face of everybody followed, from one image: MediaPipe's networks, run directly.

What each network is shown, and how its numbers are read, is as in MediaPipe's Holistic graph. Two
things are saved: where a hand or a face stayed near where it was, nothing looks for it anew; and
while helpers look at the hands and faces of one image, the bodies of the next are seen.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from .body_landmarks import Body, BodyModel
from .face_landmarks import Face
from .hand_landmarks import Hand
from .helpers import MAX_HELPERS, Helpers
from .landmark_models import LandmarkModels
from .parts import Followed, Part, questions_about
from .person_detector import Detection
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


class WholeBody:
    """Sees everybody followed in one image after the other; call it from one thread.

    helpers: how many processes look at hands and faces, None for as many as pay here.
    """

    def __init__(self, models: LandmarkModels, helpers: int | None = None) -> None:
        threads = usable_threads()
        count = min(threads - 1, MAX_HELPERS) if helpers is None else helpers
        self.threads = max(1, threads - count)
        self._helpers = Helpers(models, count, self.threads)
        self._bodies = BodyModel(models, self.threads)
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
        answers = iter(self.answers())
        return [None if body is None else next(answers) for body in bodies]

    def bodies(self, image: Image, regions: Sequence[Region]) -> list[Body | None]:
        """Return the body in each region of the image, None where nobody is there."""
        return [self._bodies.find(image, region) for region in regions]

    def show(self, image: Image) -> None:
        """Make ready an image of which hands and faces will be asked."""
        self._helpers.show(image)

    def ask(self, people: Sequence[Asked]) -> None:
        """Let the hands and faces of people be looked at; earlier answers must be taken."""
        self._asked = list(people)
        self._helpers.ask(
            [
                (one.image, question)
                for one in people
                for question in questions_about(one.body, one.followed)
            ]
        )

    def answers(self) -> list[PersonSeen]:
        """Wait for those asked about last and return them, in order."""
        parts = self._helpers.answers()
        bodies = [one.body for one in self._asked]
        return [
            _person(body, *parts[3 * index : 3 * index + 3]) for index, body in enumerate(bodies)
        ]

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


def _person(body: Body, left: Part, right: Part, face: Part) -> PersonSeen:
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
