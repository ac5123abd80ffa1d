"""One hand or the face of a person whose body is known: what is asked, and who answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .body_landmarks import Body
from .face_landmarks import Face, FaceModel
from .hand_landmarks import Hand, HandModel
from .landmark_models import LandmarkModels
from .regions import Float32, Image, Region

FILES = ("hand_recrop", "hand_landmark", "face_detection", "face_landmark", "iris_landmark")
"""The landmark models that look at parts."""

Name = Literal["left_hand", "right_hand", "face"]
Part = Hand | Face | None

_ARMS: tuple[tuple[Name, list[int]], ...] = (
    ("left_hand", [15, 17, 19]),
    ("right_hand", [16, 18, 20]),
)
_HEAD = slice(0, 11)


@dataclass(frozen=True, kw_only=True)
class Followed:
    """Where to look for a person in the next frame; None for a part to look for anew."""

    body: Region
    left_hand: Region | None = None
    right_hand: Region | None = None
    face: Region | None = None


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which part, the rows of `Body.points` that say where it is, and where it went before."""

    part: Name
    points: Float32
    before: Region | None


def questions_about(body: Body, followed: Followed) -> Iterator[Question]:
    """Yield what is to be asked of a person: the left hand, the right hand, the face."""
    for part, rows in _ARMS:
        yield Question(part=part, points=body.points[rows], before=getattr(followed, part))
    yield Question(part="face", points=body.points[_HEAD, :2], before=followed.face)


class PartModels:
    """The networks for hands and faces, run by one thread at a time."""

    def __init__(self, models: LandmarkModels, threads: int = 1) -> None:
        self._hands = HandModel(models, threads)
        self._faces = FaceModel(models, threads)

    def look(self, image: Image, question: Question) -> Part:
        """Return the part in the image (H,W,3) uint8 RGB, None where it is not seen."""
        looker = self._faces if question.part == "face" else self._hands
        return looker.find(image, question.points, question.before)
