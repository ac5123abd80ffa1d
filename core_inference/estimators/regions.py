"""Turned squares of an image: where the landmark networks look, and the patches they are fed.

The corners of a region are the corners of its patch: position 0..1 in the region is position
0..side in the patch, pixel k at coordinate k, as MediaPipe cuts its own.

Legend: N points.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Image = NDArray[np.uint8]

_TO_UNIT = np.float32(1 / 255)


@dataclass(frozen=True, kw_only=True)
class Region:
    """A square: its middle x, y and its side in px of the image, turned clockwise by angle (rad).

    With an angle of 0 its up is the image's up.
    """

    x: float
    y: float
    size: float
    angle: float

    def misses(self, image: Image) -> bool:
        """Tell whether no part of the image lies in the circle within the square."""
        height, width = image.shape[:2]
        reach = self.size / 2
        beyond_x = max(-self.x, self.x - width, 0.0)
        beyond_y = max(-self.y, self.y - height, 0.0)
        return math.hypot(beyond_x, beyond_y) >= reach


@dataclass(frozen=True, kw_only=True)
class Margin:
    """How a region is made from a box: moved up by so many of the box's heights, then scaled."""

    factor: float
    rise: float = 0.0


class Patch:
    """A square of pixels cut from images; each cut overwrites the one before, new memory is slow.

    side_px: its side. One thread at a time.
    """

    def __init__(self, side_px: int) -> None:
        self.side_px = side_px
        self._bytes = np.empty((side_px, side_px, 3), dtype=np.uint8)
        self._values = np.empty((side_px, side_px, 3), dtype=np.float32)

    def cut(self, image: Image, region: Region, border: int = cv2.BORDER_REPLICATE) -> Float32:
        """Return the region of the image (H,W,3) uint8 as (side,side,3) float32, 0..1.

        border: OpenCV's rule for what lies outside the image. Sampled as MediaPipe does it: of a
        large region, px between the samples do not count.
        """
        cut = self.cut_bytes(image, region, border)
        return np.multiply(cut, _TO_UNIT, out=self._values, dtype=np.float32)

    def cut_bytes(self, image: Image, region: Region, border: int = cv2.BORDER_REPLICATE) -> Image:
        """Return the same as (side,side,3) uint8."""
        patch: Any = cv2.warpAffine(
            image,
            _image_from_region(region, 1 / self.side_px),
            (self.side_px, self.side_px),
            dst=self._bytes,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=border,
        )
        return patch


def in_image(region: Region, points_N2: Float32) -> Float32:
    """Carry positions (N,2) in the region, 0..1, to px of the image (N,2)."""
    matrix_23 = _image_from_region(region, 1.0).astype(np.float32)
    return points_N2 @ matrix_23[:, :2].T + matrix_23[:, 2]


def in_image3(region: Region, points_N3: Float32) -> Float32:
    """Carry positions (N,3) in the region, 0..1, to px of the image; depth is only scaled."""
    depth_N1 = points_N3[:, 2:] * np.float32(region.size)
    return np.concatenate((in_image(region, points_N3[:, :2]), depth_N1), axis=1)


def turned(region: Region, points_N3: Float32) -> Float32:
    """Turn vectors (N,3) m, seen upright in the region, to the axes of the image."""
    sine, cosine = math.sin(region.angle), math.cos(region.angle)
    turn_33 = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]], dtype=np.float32)
    return points_N3 @ turn_33


def up_along(start_2: Float32, end_2: Float32) -> float:
    """Return the angle of a region whose up points from start to end, px."""
    return _wrapped(math.pi / 2 - _direction(start_2, end_2))


def right_along(start_2: Float32, end_2: Float32) -> float:
    """Return the angle of a region whose right points from start to end, px."""
    return _wrapped(-_direction(start_2, end_2))


def region_around(centre_2: Float32, edge_2: Float32, angle: float, margin: Margin) -> Region:
    """Return the region about a centre whose side's middle is as far as the edge point, px."""
    x, y = centre_2.tolist()
    side = 2 * math.dist((x, y), edge_2.tolist())
    return _with_margin(x, y, (side, side), angle, margin)


def region_of_box(points_N2: Float32, angle: float, margin: Margin) -> Region:
    """Return the region about the box around points, as large as its longer side, px.

    The angle only turns the region; the box lies along the image's axes, as MediaPipe's does.
    """
    low_2, high_2 = points_N2.min(axis=0), points_N2.max(axis=0)
    x, y = ((low_2 + high_2) / 2).tolist()
    return _with_margin(x, y, (high_2 - low_2).tolist(), angle, margin)


def region_of_turned_box(points_N2: Float32, angle: float, margin: Margin) -> Region:
    """Return the region at this angle about the box that is turned with it, px."""
    sine, cosine = math.sin(angle), math.cos(angle)
    image_from_region_22 = np.array([[cosine, -sine], [sine, cosine]], dtype=np.float32)
    inside_N2 = points_N2 @ image_from_region_22
    low_2, high_2 = inside_N2.min(axis=0), inside_N2.max(axis=0)
    x, y = (image_from_region_22 @ ((low_2 + high_2) / 2)).tolist()
    return _with_margin(x, y, (high_2 - low_2).tolist(), angle, margin)


def _with_margin(
    x: float, y: float, sides: Sequence[float], angle: float, margin: Margin
) -> Region:
    along = margin.rise * sides[1]
    return Region(
        x=x + along * math.sin(angle),
        y=y - along * math.cos(angle),
        size=max(sides) * margin.factor,
        angle=angle,
    )


def _image_from_region(region: Region, unit: float) -> NDArray[np.float64]:
    """Return (2,3): positions in the region, of which 1 / unit make its side, to px."""
    cosine = math.cos(region.angle) * region.size
    sine = math.sin(region.angle) * region.size
    return np.array(
        [
            [cosine * unit, -sine * unit, region.x - (cosine - sine) / 2],
            [sine * unit, cosine * unit, region.y - (sine + cosine) / 2],
        ]
    )


def _direction(start_2: Float32, end_2: Float32) -> float:
    (x0, y0), (x1, y1) = start_2.tolist(), end_2.tolist()
    return math.atan2(y0 - y1, x1 - x0)


def _wrapped(angle: float) -> float:
    return angle - 2 * math.pi * math.floor((angle + math.pi) / (2 * math.pi))
