"""What is asked of an image beside the bodies in it, and the models that answer.

A question is about one part of a person whose body is known, or whether people are in a window.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .body_landmarks import Body
from .face_landmarks import Face, FaceModel
from .hand_landmarks import Hand, HandModel
from .landmark_models import LandmarkModels
from .person_detector import Detection, PersonDetector, Window
from .regions import Float32, Image, Region

FILES = (
    *("pose_detection", "hand_recrop", "hand_landmark"),
    *("face_detection", "face_landmark", "iris_landmark"),
)
"""The landmark models that answer."""

PartName = Literal["left_hand", "right_hand", "face"]
Part = Hand | Face | None
Answer = Part | tuple[Detection, ...]

_ARMS: tuple[tuple[PartName, list[int]], ...] = (
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
class PartQuestion:
    """Which part, the rows of `Body.points` that say where it is, and where it went before."""

    part: PartName
    points: Float32
    before: Region | None


@dataclass(frozen=True, kw_only=True)
class WindowQuestion:
    """Who is in a part of the image."""

    window: Window


Question = PartQuestion | WindowQuestion


def parts_of(body: Body, followed: Followed) -> Iterator[PartQuestion]:
    """Yield what is to be asked of a person: the left hand, the right hand, the face."""
    for part, rows in _ARMS:
        yield PartQuestion(part=part, points=body.points[rows], before=getattr(followed, part))
    yield PartQuestion(part="face", points=body.points[_HEAD, :2], before=followed.face)


class Looker:
    """The networks for hands, faces and for finding people, run by one thread at a time."""

    def __init__(self, models: LandmarkModels, threads: int = 1) -> None:
        self._detector = PersonDetector(models, threads)
        self._hands = HandModel(models, threads)
        self._faces = FaceModel(models, threads)

    def look(self, image: Image, question: Question) -> Answer:
        """Answer a question about the image (H,W,3) uint8 RGB."""
        if isinstance(question, WindowQuestion):
            return self._detector.detect(image, question.window)
        looker = self._faces if question.part == "face" else self._hands
        return looker.find(image, question.points, question.before)
