"""Parts of an image to look for people in: tiles that cover it, and windows about a person."""

import math
from functools import cache

import numpy as np

from .following import Follower
from .person_detector import Window
from .regions import Image

SCALES = (2.2, 4.8)
"""The image's longer side over the side of the windows."""

SMALLEST_PX = 360
"""No window is smaller: of people under 80 px the landmark models say little."""

_STEP_X, _STEP_Y = 0.7, 0.55
_ALMOST_WHOLE = 0.8


@cache
def tiles_of(width: int, height: int) -> list[list[Window]]:
    """Return the windows of each finer scale, which overlap so that a person fits into one."""
    scales: list[list[Window]] = []
    longer = last = max(width, height)
    for scale in SCALES:
        side = max(SMALLEST_PX, round(longer / scale))
        if side > _ALMOST_WHOLE * last:
            continue
        wide, high = min(side, width), min(side, height)
        scales.append(
            [
                (x, y, wide, high)
                for y in _starts(height, high, round(_STEP_Y * side))
                for x in _starts(width, wide, round(_STEP_X * side))
            ]
        )
        last = side
    return scales


def _starts(length: int, window: int, step: int) -> list[int]:
    count = 1 + math.ceil((length - window) / step)
    return [round(start) for start in np.linspace(0, length - window, count).tolist()]


def around(person: Follower, image: Image, radii: float) -> Window:
    """Return the window in the image that the person fills, so that nobody larger stands out."""
    height, width = image.shape[:2]
    side = round(radii * person.radius)
    if side > _ALMOST_WHOLE * max(width, height):
        return (0, 0, width, height)
    wide, high = min(max(side, SMALLEST_PX), width), min(max(side, SMALLEST_PX), height)
    x = min(max(round(person.where.body.x - wide / 2), 0), width - wide)
    y = min(max(round(person.where.body.y - high / 2), 0), height - high)
    return (x, y, wide, high)


def holds(window: Window, person: Follower) -> bool:
    """Tell whether the detector sees this person well in the window."""
    x, y, wide, high = window
    inside = x <= person.where.body.x <= x + wide and y <= person.where.body.y <= y + high
    return inside and 2 * person.radius >= 0.25 * max(wide, high)


def square(person: Follower) -> Window:
    """Return the square, along the image's axes, that stands for a person."""
    body = person.where.body
    corner_x, corner_y = body.x - body.size / 2, body.y - body.size / 2
    return (round(corner_x), round(corner_y), round(body.size), round(body.size))
