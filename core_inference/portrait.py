"""A small picture of each person, for lists of people.

Legend: H, W height and width of an image in px.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from .estimators.base import PersonPose

RGB = NDArray[np.uint8]

HEIGHT_PX = 128
MAX_WIDTH_PX = 192
_MARGIN = 0.1
_JPEG_QUALITY = 85


def showiness(image: RGB, pose: PersonPose) -> float:
    """How good a portrait this frame gives: px of the person's box in view, times their score."""
    left, top, right, bottom = _inside(image, pose.box, margin=0.0)
    return float((right - left) * (bottom - top)) * float(pose.scores.mean())


def portrait(image: RGB, box: tuple[float, float, float, float]) -> RGB:
    """Cut the person of a box x, y, width, height px out of an image (H,W,3), 128 px high."""
    left, top, right, bottom = _inside(image, box, margin=_MARGIN)
    cut = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    height, width = cut.shape[:2]
    scale = min(HEIGHT_PX / height, MAX_WIDTH_PX / width)
    size = (max(round(scale * width), 1), max(round(scale * height), 1))
    kind = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(cut, size, interpolation=kind), np.uint8)


def jpeg(picture: RGB) -> NDArray[np.uint8]:
    """The picture (H,W,3) as the bytes of a JPEG file."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    assert ok, "a picture in memory can always be a JPEG"
    return np.asarray(data, np.uint8).reshape(-1)


def _inside(
    image: RGB, box: tuple[float, float, float, float], margin: float
) -> tuple[int, int, int, int]:
    """Left, top, right and bottom px of the box, grown by a share of its size, in the image."""
    height, width = image.shape[:2]
    x, y, w, h = box
    left, right = np.clip([x - margin * w, x + (1.0 + margin) * w], 0, width)
    top, bottom = np.clip([y - margin * h, y + (1.0 + margin) * h], 0, height)
    return min(int(left), width - 1), min(int(top), height - 1), int(right), int(bottom)
