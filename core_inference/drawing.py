"""What is drawn on a picture: people as skeletons, their numbers, a line of text.

Pixels are BGR here, as OpenCV writes them.

Legend: J joints (55).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..rigs.skeleton import BODY_PARTS, JOINT, JOINT_NAMES, PARENTS

Image = NDArray[np.uint8]
Float64 = NDArray[np.float64]
Bgr = tuple[int, int, int]

FILLED_BGR = (60, 60, 255)
TEXT_BGR = (255, 255, 255)
DARK_BGR = (20, 20, 20)

FAINTEST = 0.2
SURE_SCORE = 0.7
NAME_SIZE = 2.0

_FINE = frozenset((*BODY_PARTS["fingers"], *BODY_PARTS["face"]))
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SUBPIXEL_BITS = 4


@dataclass(frozen=True, kw_only=True)
class Colours:
    """The colours of one skeleton, BGR."""

    left: Bgr
    middle: Bgr
    right: Bgr

    def of(self, joint: int) -> Bgr:
        """The colour of the bone that ends in a joint."""
        side = JOINT_NAMES[joint].partition("_")[0]
        return {"left": self.left, "right": self.right}.get(side, self.middle)


BY_SIDE = Colours(left=(255, 150, 40), middle=(90, 220, 120), right=(30, 130, 255))
"""Somebody alone: left and right are what one wants to tell apart."""

PEOPLE_BGR: tuple[Bgr, ...] = (
    (60, 200, 255),
    (255, 170, 60),
    (110, 220, 90),
    (230, 110, 240),
    (90, 120, 255),
    (220, 220, 70),
    (150, 180, 210),
    (60, 150, 150),
    (250, 130, 140),
    (180, 90, 160),
)
"""One colour a person, over again from the eleventh on."""

RIGHT_SHADE = 0.6


def person_bgr(number: int) -> Bgr:
    """The colour of a person among several."""
    return PEOPLE_BGR[number % len(PEOPLE_BGR)]


def person_colours(number: int) -> Colours:
    """A person among several: one colour, darker on the right."""
    blue, green, red = bright = person_bgr(number)
    dark = (round(blue * RIGHT_SHADE), round(green * RIGHT_SHADE), round(red * RIGHT_SHADE))
    return Colours(left=bright, middle=bright, right=dark)


def draw_skeleton(
    image: Image, points_J2: Float64, scores_J: Float64, colours: Colours = BY_SIDE
) -> None:
    """Draw 55 joints at (55,2) px into a BGR image, bones as sure as their scores (55,)."""
    thick = _thickness(image, points_J2)
    canvas = np.zeros_like(image)
    cover = np.zeros(image.shape[:2], dtype=np.uint8)
    limit = 8 * max(image.shape[:2])
    fixed_J2 = (np.clip(points_J2, -limit, limit) * 2**_SUBPIXEL_BITS).round().astype(int)
    strength_J = np.clip(scores_J / SURE_SCORE, FAINTEST, 1.0)
    fine_first = sorted(range(1, len(PARENTS)), key=lambda joint: joint not in _FINE)
    for edge in (2, 0):
        for joint in fine_first:
            width = max(1, thick // 2) if joint in _FINE else thick
            strength = min(strength_J[joint], strength_J[PARENTS[joint]])
            colour = DARK_BGR if edge else colours.of(joint)
            ends = fixed_J2[PARENTS[joint]].tolist(), fixed_J2[joint].tolist()
            _line(canvas, cover, ends, (width + edge, strength), colour)
    for joint in range(len(PARENTS)):
        if joint not in _FINE:
            _dot(canvas, cover, fixed_J2[joint].tolist(), thick, strength_J[joint])
    _blend(image, canvas, cover)


def draw_name(image: Image, points_J2: Float64, name: str, colour: Bgr) -> None:
    """Write a name above the head of joints at (55,2) px, inside the picture."""
    size, thick = _letters(image, NAME_SIZE)
    (width, height), _ = cv2.getTextSize(name, _FONT, size, thick)
    head_x, neck_y = points_J2[JOINT["head"], 0], points_J2[JOINT["neck"], 1]
    above = points_J2[JOINT["head"], 1] - 1.5 * abs(neck_y - points_J2[JOINT["head"], 1]) - height
    x = round(float(np.clip(head_x - width / 2, 0, image.shape[1] - width)))
    y = round(float(np.clip(above, height + thick, image.shape[0] - thick)))
    _write(image, name, (x, y), (size, thick, colour))


def write_label(image: Image, text: str, *, marked: bool) -> None:
    """Write a line into the upper left corner; where marked, in red, with a frame around all."""
    size, thick = _letters(image)
    if marked:
        edge = max(3, round(8 * size))
        low, high = (0, 0), (image.shape[1] - 1, image.shape[0] - 1)
        cv2.rectangle(image, low, high, FILLED_BGR, edge)
    place = (round(14 * size), round(34 * size))
    _write(image, text, place, (size, thick, FILLED_BGR if marked else TEXT_BGR))


def fitted(rgb: Image, scale: float) -> Image:
    """An RGB picture as BGR, scaled down, its sides even as video encoders want them."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    if scale < 1.0:
        size = (round(bgr.shape[1] * scale), round(bgr.shape[0] * scale))
        bgr = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
    odd_height, odd_width = bgr.shape[0] % 2, bgr.shape[1] % 2
    if odd_height or odd_width:
        bgr = cv2.copyMakeBorder(bgr, 0, odd_height, 0, odd_width, cv2.BORDER_REPLICATE)
    return np.asarray(bgr, dtype=np.uint8)


def _thickness(image: Image, points_J2: Float64) -> int:
    """Bones of 2 px and more: thin for somebody small in the picture."""
    extent = float(np.ptp(points_J2, axis=0).max())
    return max(2, round(min(min(image.shape[:2]) / 180, extent / 40)))


def _letters(image: Image, factor: float = 1.0) -> tuple[float, int]:
    """Size and thickness of letters that can be read in a picture."""
    size = factor * max(0.4, min(image.shape[:2]) / 900)
    return size, max(1, round(size * 1.6))


def _write(image: Image, text: str, place: tuple[int, int], pen: tuple[float, int, Bgr]) -> None:
    size, thick, colour = pen
    for paint, width in ((DARK_BGR, thick * 3), (colour, thick)):
        cv2.putText(image, text, place, _FONT, size, paint, width, cv2.LINE_AA)


def _line(
    canvas: Image,
    cover: Image,
    ends: tuple[list[int], list[int]],
    pen: tuple[int, float],
    colour: Bgr,
) -> None:
    """The colour goes wide and hard on the canvas, the smooth edge into the cover."""
    width, strength = pen
    cv2.line(canvas, ends[0], ends[1], colour, width + 2, cv2.LINE_8, _SUBPIXEL_BITS)
    shade = (round(255 * strength),)
    cv2.line(cover, ends[0], ends[1], shade, width, cv2.LINE_AA, _SUBPIXEL_BITS)


def _dot(canvas: Image, cover: Image, point: list[int], radius: int, strength: float) -> None:
    fixed = round(radius * 2**_SUBPIXEL_BITS * 0.8)
    wide = fixed + 2**_SUBPIXEL_BITS
    cv2.circle(canvas, point, wide, TEXT_BGR, cv2.FILLED, cv2.LINE_8, _SUBPIXEL_BITS)
    shade = (round(255 * strength),)
    cv2.circle(cover, point, fixed, shade, cv2.FILLED, cv2.LINE_AA, _SUBPIXEL_BITS)


def _blend(image: Image, canvas: Image, cover: Image) -> None:
    x, y, width, height = cv2.boundingRect(cover)
    box = np.s_[y : y + height, x : x + width]
    weight = cover[box].astype(np.float32)[..., None] / 255.0
    image[box] = (image[box] * (1.0 - weight) + canvas[box] * weight).round().astype(np.uint8)
