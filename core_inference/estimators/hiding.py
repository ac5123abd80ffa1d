"""The image without the people already followed, so that whoever is behind or beside them is found.

The detector gives one answer where two people stand close together, most often the larger one.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from .following import Follower
from .person_detector import Detection
from .regions import Image

PAINTED_MAX = 0.18
"""More paint than this in its box makes a detection none."""

_NOSE = 0
_SHOULDERS_AND_HIPS = [11, 12, 24, 23]
_LIMBS = (
    *((11, 13), (13, 15), (12, 14), (14, 16), (23, 25), (25, 27), (24, 26), (26, 28)),
    *((27, 31), (28, 32), (11, 12), (12, 24), (24, 23), (23, 11)),
)
_LIMB_RADII = 0.11
_HEAD_RADII = 0.17
"""How thick limbs are painted, and how far the head reaches from the nose, in body radii."""

_THUMBNAIL = (64, 64)
_FAR_PX = 16_000.0
"""OpenCV draws no line that reaches further."""


class Canvas:
    """An image without people; each painting overwrites the one before, new memory is slow."""

    def __init__(self) -> None:
        self._picture: Image = np.zeros((0, 0, 3), dtype=np.uint8)

    def without(self, image: Image, people: Sequence[Follower]) -> Image:
        """Return the image (H,W,3) uint8 RGB, its mean colour where people were seen last."""
        if self._picture.shape != image.shape:
            self._picture = np.empty_like(image)
        np.copyto(self._picture, image)
        mean = cv2.mean(cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_NEAREST))
        colour = tuple(round(value) for value in mean[:3])
        for person in people:
            _paint(self._picture, person, (0, 0), colour)
        return self._picture


def is_silhouette(detection: Detection, people: Sequence[Follower], image: Image) -> bool:
    """Tell whether what the detector takes for a person is these people's paint.

    The share of its box says so: on a child kneeling behind another it was at most 0.15, on paint
    mostly 0.2 or more.
    """
    x, y, width, height = detection.box
    left, top = max(round(x), 0), max(round(y), 0)
    right, bottom = min(round(x + width), image.shape[1]), min(round(y + height), image.shape[0])
    if right <= left or bottom <= top:
        return True
    mask = np.zeros((bottom - top, right - left), dtype=np.uint8)
    for person in people:
        _paint(mask, person, (left, top), (1,))
    return float(mask.mean()) > PAINTED_MAX


def _paint(into: Image, person: Follower, corner: tuple[int, int], colour: tuple[int, ...]) -> None:
    """Paint where a person was seen last; corner: the px of the image that into begins at."""
    body_L2, radius_px = person.history[-1][1], person.radius
    points = np.rint(np.clip(body_L2, -_FAR_PX, _FAR_PX)).astype(np.int32)
    points -= np.array(corner, dtype=np.int32)
    thick = max(1, round(_LIMB_RADII * radius_px))
    for start, end in _LIMBS:
        cv2.line(into, points[start].tolist(), points[end].tolist(), colour, thick)
    cv2.fillPoly(into, [points[_SHOULDERS_AND_HIPS]], colour)
    head = max(1, round(_HEAD_RADII * radius_px))
    cv2.circle(into, points[_NOSE].tolist(), head, colour, -1)
