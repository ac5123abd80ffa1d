"""Finding people in an image or a part of it: where each stands, how large, and how turned.

MediaPipe's detector sees faces and upper bodies, and says of each where the middle of the hips is
and how far the body reaches from there.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from .anchor_boxes import anchors, found
from .landmark_models import LandmarkModels
from .regions import Float32, Image, Region, up_along
from .tflite_model import TfliteModel

BODY_MARGIN = 1.25
"""The region of a body is this much larger than twice the body's radius."""

Window = tuple[int, int, int, int]
"""x, y, width, height px of a part of an image."""

_STRIDES = (8, 16, 32, 32, 32)
_SHRINK_SIDES = 2


@dataclass(frozen=True, kw_only=True)
class Detection:
    """A person the detector sees, in px of the whole image.

    score 0..1; box x, y, width, height of what it knows people by, the head or upper body; x, y
    the middle of the hips; radius how far the body reaches from there; angle (rad, clockwise) of
    the body's up from the image's.
    """

    score: float
    box: tuple[float, float, float, float]
    x: float
    y: float
    radius: float
    angle: float

    @property
    def region(self) -> Region:
        """Where the body's landmarks are to be looked for."""
        return Region(x=self.x, y=self.y, size=2 * self.radius * BODY_MARGIN, angle=self.angle)


class PersonDetector:
    """The person detector, run by one thread at a time."""

    def __init__(self, models: LandmarkModels, threads: int = 1) -> None:
        self._model = TfliteModel(models.read("pose_detection"), threads=threads)
        self._side_px = self._model.input_size[0]
        self._letterbox = _Letterbox(self._side_px)
        self._anchors = anchors(self._side_px, _STRIDES)

    def detect(self, image: Image, window: Window | None = None) -> tuple[Detection, ...]:
        """Return everybody scored 0.5 or better in the image (H,W,3) uint8 RGB, best first.

        window: the part to look at, inside the image; None for all.
        """
        x, y, width, height = window or (0, 0, image.shape[1], image.shape[0])
        patch, scale, corner_2 = self._letterbox.fit(image[y : y + height, x : x + width])
        offsets, logits = self._model.run(patch)
        people = found(offsets, logits, self._anchors, self._side_px)
        to_px = self._side_px / scale
        origin_2 = np.array([x, y], dtype=np.float32) - corner_2 / scale
        points_DK2 = people.points * to_px + origin_2
        boxes_D22 = people.boxes.reshape(-1, 2, 2) * to_px + origin_2
        return tuple(
            _detection(float(score), box_22, points_K2)
            for score, box_22, points_K2 in zip(people.scores, boxes_D22, points_DK2, strict=True)
        )


def _detection(score: float, box_22: Float32, points_K2: Float32) -> Detection:
    (x0, y0), (x1, y1) = box_22.tolist()
    hips_2, edge_2 = points_K2[0], points_K2[1]
    return Detection(
        score=score,
        box=(x0, y0, x1 - x0, y1 - y0),
        x=float(hips_2[0]),
        y=float(hips_2[1]),
        radius=math.dist(hips_2.tolist(), edge_2.tolist()),
        angle=up_along(hips_2, edge_2),
    )


class _Letterbox:
    """The black square that images are fitted into; each fitting overwrites the one before."""

    def __init__(self, side_px: int) -> None:
        self._side_px = side_px
        self._small: Image = np.zeros((0, 0, 3), dtype=np.uint8)
        self._square: Image = np.zeros((side_px, side_px, 3), dtype=np.uint8)
        self._values = np.empty((side_px, side_px, 3), dtype=np.float32)

    def fit(self, image: Image) -> tuple[Float32, float, Float32]:
        """Fit an image into the middle of the square, -1..1.

        Returns the square (side,side,3), how many of its px one of the image's takes, and the px
        of the square (2,) at which the image's corner lies.
        """
        height, width = image.shape[:2]
        side_px = self._side_px
        small = self._shrunk(image, max(height, width) // (_SHRINK_SIDES * side_px))
        scale = side_px / max(height, width)
        corner_2 = (side_px - np.array([width, height], dtype=np.float32) * np.float32(scale)) / 2
        inner_x, inner_y = scale * width / small.shape[1], scale * height / small.shape[0]
        matrix_23 = np.array([[inner_x, 0, corner_2[0]], [0, inner_y, corner_2[1]]], dtype=float)
        square: Any = cv2.warpAffine(
            small,
            matrix_23,
            (side_px, side_px),
            dst=self._square,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(0, 0, 0),
        )
        np.multiply(square, np.float32(2 / 255), out=self._values, dtype=np.float32)
        return np.subtract(self._values, np.float32(1), out=self._values), scale, corner_2

    def _shrunk(self, image: Image, step: int) -> Image:
        """Return the image so many times smaller, that its fitting skips few pixels."""
        if step <= 1:
            return image
        size = (max(1, image.shape[1] // step), max(1, image.shape[0] // step))
        if self._small.shape[1::-1] != size:
            self._small = np.empty((size[1], size[0], 3), dtype=np.uint8)
        small: Any = cv2.resize(image, size, dst=self._small, interpolation=cv2.INTER_AREA)
        return small
