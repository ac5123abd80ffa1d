"""How somebody's clothes are coloured: a small histogram of the trunk and of the thighs.

Legend: A cells of the histogram (24), the trunk's half before the thighs'.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from .base import Float32
from .regions import Image, Patch, Region

SIDE_PX = 64
"""The body is looked at as a square of so many pixels."""

Appearance = NDArray[np.float32] | NDArray[np.float64]

_HUES = 8
_GREYS = 4
_CELLS = _HUES + _GREYS
_MIN_SATURATION = 48
_MIN_VALUE = 32
_MIN_PIXELS = 24
_VISIBLE = 0.5
_SHOULDERS, _HIPS, _KNEES = (11, 12), (23, 24), (25, 26)


def appearance(image: Image, body: Float32) -> Float32 | None:
    """Return (24,) 0..1 that sum to 1: shares of eight hues and four greys in each half.

    image (H,W,3) uint8 RGB; body (33,5) as in `Body.points`. A part of which too little is in
    view leaves its half 0; None where both do.
    """
    points_N2 = body[[*_SHOULDERS, *_HIPS, *_KNEES], :2]
    low_2, high_2 = points_N2.min(axis=0), points_N2.max(axis=0)
    size = max(float((high_2 - low_2).max()), 1.0)
    x, y = ((low_2 + high_2) / 2).tolist()
    region = Region(x=x, y=y, size=size, angle=0.0)
    cells_SS = _colour_cells(Patch(SIDE_PX).cut_bytes(image, region, cv2.BORDER_CONSTANT))
    inside = (body[:, :2] - np.array([x, y], dtype=np.float32)) * np.float32(SIDE_PX / size)
    places = inside + np.float32(SIDE_PX / 2)
    halves = [
        _histogram(cells_SS, places, (11, 12, 24, 23), body),
        _histogram(cells_SS, places, (23, 24, 26, 25), body),
    ]
    shares_A = np.concatenate(halves)
    total = shares_A.sum()
    return None if total <= 0 else (shares_A / total).astype(np.float32)


def unlikeness(one_A: Appearance | None, other_A: Appearance | None) -> float | None:
    """Return the Hellinger distance 0..1 of two appearances, None where nothing compares.

    Trunk and thighs, the two halves, count alike, each where both appearances have it.
    """
    if one_A is None or other_A is None:
        return None
    one_2K, other_2K = one_A.reshape(2, -1), other_A.reshape(2, -1)
    total_2 = one_2K.sum(axis=1) * other_2K.sum(axis=1)
    known_2 = total_2 > 0
    if not known_2.any():
        return None
    alike_2 = np.sqrt(one_2K * other_2K).sum(axis=1)[known_2] / np.sqrt(total_2[known_2])
    return float(np.sqrt(np.maximum(1.0 - alike_2, 0.0)).mean())


def _colour_cells(patch: Image) -> NDArray[np.int64]:
    """Return the cell (S,S) of each pixel: its hue, or where it has none its grey."""
    hue, saturation, value = cv2.split(np.asarray(cv2.cvtColor(patch, cv2.COLOR_RGB2HSV)))
    is_coloured = (saturation >= _MIN_SATURATION) & (value >= _MIN_VALUE)
    return np.where(is_coloured, hue.astype(np.int64) * _HUES // 180, _HUES + value // 64)


def _histogram(
    cells_SS: NDArray[np.int64], places: Float32, corners: tuple[int, ...], body: Float32
) -> Float32:
    """Return the shares (12,) of the cells within a quadrilateral of landmarks, 0 if unseen."""
    nothing = np.zeros(_CELLS, dtype=np.float32)
    if body[list(corners), 3].min() < _VISIBLE:
        return nothing
    mask = np.zeros(cells_SS.shape, dtype=np.uint8)
    cv2.fillPoly(mask, [np.rint(places[list(corners)]).astype(np.int32)], (1,))
    inside = cells_SS[mask > 0]
    if len(inside) < _MIN_PIXELS:
        return nothing
    return np.bincount(inside, minlength=_CELLS).astype(np.float32) / len(inside)
