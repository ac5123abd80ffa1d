"""A body's landmarks in its region of the image, in px and in metres, and where it will be next."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .certainty import PRESENT, probability
from .landmark_models import LandmarkModels
from .person_detector import BODY_MARGIN
from .regions import (
    Float32,
    Image,
    Margin,
    Patch,
    Region,
    in_image3,
    region_around,
    turned,
    up_along,
)
from .tflite_model import TfliteModel

_COUNT, _ALL_COUNT = 33, 39
_CENTRE, _EDGE = 33, 34
_OUTPUTS = (0, 1, 3, 4)
_HALF_UNTIL = "model_1/model/re_lu_31/Relu6"
"""From the last 8 x 8 cells on, half precision would put the metres 15 cm off; so it is 2 mm."""

_MARGIN = Margin(factor=BODY_MARGIN)
_HALF_FOLLOWED = 0.01
"""A shift by this share of the region's side is followed by half at once."""

_REACH = 3
_REFINE_MIN = 0.5


@dataclass(frozen=True, kw_only=True)
class Body:
    """points (33,5): x, y, z px, visibility, presence 0..1; world (33,3) m; score 0..1.

    next: where to look for it in the next frame.
    """

    points: Float32
    world: Float32
    score: float
    next: Region


class BodyModel:
    """The network for a body's landmarks, run by one thread at a time.

    In float16 its px would be as good, but its metres 12 cm off.
    """

    def __init__(self, models: LandmarkModels, threads: int = 1) -> None:
        content = models.read("pose_landmark")
        self._model = TfliteModel(content, outputs=_OUTPUTS, threads=threads, half=_HALF_UNTIL)
        self._side_px = self._model.input_size[0]
        self._patch = Patch(self._side_px)

    def find(self, image: Image, region: Region) -> Body | None:
        """Return the body in the region of the image (H,W,3) uint8 RGB, None where none is."""
        patch = self._patch.cut(image, region)
        values, score, heat_SSL, world = self._model.run(patch)
        if score[0] < PRESENT:
            return None
        rows_L5 = values.reshape(_ALL_COUNT, 5)
        places_L3 = rows_L5[:, :3] / np.float32(self._side_px)
        places_L3[:, :2] = _refined(places_L3[:, :2], heat_SSL)
        places_L3 = in_image3(region, places_L3[: _EDGE + 1])
        sure_L2 = probability(rows_L5[:_COUNT, 3:])
        return Body(
            points=np.concatenate((places_L3[:_COUNT], sure_L2), axis=1),
            world=turned(region, world.reshape(_ALL_COUNT, 3)[:_COUNT]),
            score=float(score[0]),
            next=_steadied(region, places_L3[_CENTRE : _EDGE + 1, :2]),
        )


def _steadied(before: Region, aims_22: Float32) -> Region:
    """Return the next region: from the one before towards a centre and an edge point (2,2) px.

    The landmarks shake with the region that they are seen in, so it follows small shifts slowly
    and large ones at once.
    """
    reach = before.size / (2 * BODY_MARGIN)
    up_2 = [math.sin(before.angle), -math.cos(before.angle)]
    starts_22 = np.array([[0, 0], up_2], dtype=np.float32) * np.float32(reach)
    starts_22 += np.array([before.x, before.y], dtype=np.float32)
    shifts_22 = aims_22 - starts_22
    shares_2 = np.square(shifts_22).sum(axis=1) / np.float32(before.size) ** 2
    gains_2 = shares_2 / (shares_2 + np.float32(_HALF_FOLLOWED**2))
    centre_2, edge_2 = starts_22 + gains_2[:, None] * shifts_22
    return region_around(centre_2, edge_2, up_along(centre_2, edge_2), _MARGIN)


def _refined(places_L2: Float32, heat_SSL: Float32) -> Float32:
    """Move positions (L,2), 0..1, to the weighted middle of the heat around them.

    heat_SSL: one map of logits per position. Where no cell near a position reaches 0.5, and where
    it lies outside the map, it stays.
    """
    side, count = len(heat_SSL), len(places_L2)
    cells_L2 = (places_L2 * side).astype(np.int64)
    span_K = np.arange(-_REACH, _REACH + 1)
    columns_LK, rows_LK = (cells_L2[:, axis, None] + span_K for axis in (0, 1))
    known_LKK = _inside(rows_LK, side)[:, :, None] & _inside(columns_LK, side)[:, None, :]
    heat_LKK = heat_SSL[
        np.clip(rows_LK, 0, side - 1)[:, :, None],
        np.clip(columns_LK, 0, side - 1)[:, None, :],
        np.arange(count)[:, None, None],
    ]
    weights_LKK = np.where(known_LKK, probability(heat_LKK), np.float32(0))
    sums_L = np.maximum(weights_LKK.sum(axis=(1, 2)), np.finfo(np.float32).tiny)
    x_L = (weights_LKK.sum(axis=1) * columns_LK).sum(axis=1) / sums_L
    y_L = (weights_LKK.sum(axis=2) * rows_LK).sum(axis=1) / sums_L
    moved_L = (weights_LKK.max(axis=(1, 2)) >= _REFINE_MIN) & _inside(cells_L2, side).all(axis=1)
    middles_L2 = (np.stack((x_L, y_L), axis=1) / side).astype(np.float32)
    return np.where(moved_L[:, None], middles_L2, places_L2)


def _inside(cells: NDArray[np.int64], side: int) -> NDArray[np.bool_]:
    return (cells >= 0) & (cells < side)
