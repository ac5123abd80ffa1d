"""The image without the people already followed, so that whoever is behind or beside them is found.

The detector gives one answer where two people stand close together, most often the larger one.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from .following import Follower
from .person_detector import Detection
from .regions import Float32, Image

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


def silhouettes(people: Sequence[Follower], image: Image) -> Image:
    """Return (H,W) uint8, 1 on these people where they were seen last, 0 elsewhere."""
    mask = np.zeros(image.shape[:2], dtype=np.uint8)
    for person in people:
        _paint(mask, person.history[-1][1], person.radius)
    return mask


def without(image: Image, mask: Image) -> Image:
    """Return the image (H,W,3) uint8 RGB with what the mask (H,W) shows in its mean colour."""
    painted = image.copy()
    painted[mask > 0] = np.rint(cv2.mean(image)[:3]).astype(np.uint8)
    return painted


def is_silhouette(detection: Detection, mask: Image) -> bool:
    """Tell whether what the detector takes for a person is the paint, by the share of its box.

    On a child kneeling behind another the share was at most 0.15, on paint mostly 0.2 or more.
    """
    x, y, width, height = detection.box
    part = mask[max(round(y), 0) : round(y + height), max(round(x), 0) : round(x + width)]
    return part.size == 0 or float(part.mean()) > PAINTED_MAX


def _paint(mask: Image, body_L2: Float32, radius_px: float) -> None:
    height, width = mask.shape
    limit_2 = np.array([width, height], dtype=np.float32)
    points = np.rint(np.clip(body_L2, -limit_2, 2 * limit_2)).astype(np.int32)
    thick = max(1, round(_LIMB_RADII * radius_px))
    for start, end in _LIMBS:
        cv2.line(mask, points[start].tolist(), points[end].tolist(), (1,), thick)
    cv2.fillPoly(mask, [points[_SHOULDERS_AND_HIPS]], (1,))
    cv2.circle(mask, points[_NOSE].tolist(), max(1, round(_HEAD_RADII * radius_px)), (1,), -1)
