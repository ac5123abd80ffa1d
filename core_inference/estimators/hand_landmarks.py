"""A hand's landmarks in its region of the image, in px and in metres, and where it will be next."""

import math
from dataclasses import dataclass, replace

import numpy as np

from .certainty import PRESENT
from .landmark_models import LandmarkModels
from .regions import (
    Float32,
    Image,
    Margin,
    Patch,
    Region,
    in_image,
    in_image3,
    region_around,
    region_of_turned_box,
    turned,
    up_along,
)
from .tflite_model import TfliteModel

_COUNT = 21
_DEPTH_SCALE = np.float32(1 / 0.4)
_PALM = [0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18]
_WRIST = 0
_KNUCKLES, _KNUCKLE_WEIGHTS = [5, 9, 13], np.array([0.25, 0.5, 0.25], dtype=np.float32)
_VISIBLE_MIN = 0.1
_DOUBTFUL = 0.1
"""From this score on, it is worth looking again, at the hand that was seen there."""

_FROM_BODY = Margin(factor=2.7, rise=0.1)
_FROM_RECROP = Margin(factor=1.0, rise=0.1)
_FROM_HAND = Margin(factor=2.0, rise=0.1)


@dataclass(frozen=True, kw_only=True)
class Hand:
    """points (21,3) x, y, z px; world (21,3) m; score 0..1; rightness 0..1, how right it looks.

    next: where to look for it in the next frame, None where it was hard to see: there, what was
    taken for the hand may be something else and is not followed.
    """

    points: Float32
    world: Float32
    score: float
    rightness: float
    next: Region | None


class HandModel:
    """The networks for a hand's region and landmarks, run by one thread at a time."""

    def __init__(self, models: LandmarkModels, threads: int = 1) -> None:
        self._recrop = TfliteModel(models.read("hand_recrop"), threads=threads, half=True)
        self._recrop_patch = Patch(self._recrop.input_size[0])
        self._model = TfliteModel(models.read("hand_landmark"), threads=threads, half=True)
        self._patch = Patch(self._model.input_size[0])

    def find(self, image: Image, arm_35: Float32, before: Region | None) -> Hand | None:
        """Return the hand in the image (H,W,3) uint8 RGB, None where none is seen.

        arm_35: the body's wrist, pinky and index finger, rows of `Body.points`; before: where the
        frame before saw the hand go.
        """
        if arm_35[0, 3] < _VISIBLE_MIN:
            return None
        rough = _region_from_arm(arm_35[:, :2])
        if rough.misses(image):
            return None
        hand = None
        if before is not None and _is_near(before, rough):
            hand = self._look(image, before)
        if hand is None or hand.score < PRESENT:
            hand = self._look(image, self._recropped(image, rough))
        if _DOUBTFUL <= hand.score < PRESENT:
            hand = replace(self._look(image, _region_from_hand(hand.points[:, :2])), next=None)
        return hand if hand.score >= PRESENT else None

    def _recropped(self, image: Image, rough: Region) -> Region:
        (crop_114,) = self._recrop.run(self._recrop_patch.cut(image, rough))
        places_22 = crop_114.reshape(2, 2) / np.float32(self._recrop_patch.side_px)
        centre_2, edge_2 = in_image(rough, places_22)
        return region_around(centre_2, edge_2, up_along(edge_2, centre_2), _FROM_RECROP)

    def _look(self, image: Image, region: Region) -> Hand:
        points, score, rightness, world = self._model.run(self._patch.cut(image, region))
        places_N3 = points.reshape(_COUNT, 3) / np.float32(self._patch.side_px)
        places_N3[:, 2] *= _DEPTH_SCALE
        points_N3 = in_image3(region, places_N3)
        return Hand(
            points=points_N3,
            world=turned(region, world.reshape(_COUNT, 3)),
            score=float(score[0]),
            rightness=float(rightness[0]),
            next=_region_from_hand(points_N3[:, :2]),
        )


def _region_from_arm(arm_32: Float32) -> Region:
    """Return the region around a hand from the body's wrist, pinky and index finger, px."""
    wrist_2, pinky_2, index_2 = arm_32
    middle_2 = (2 * index_2 + pinky_2) / 3
    return region_around(middle_2, wrist_2, up_along(wrist_2, middle_2), _FROM_BODY)


def _region_from_hand(points_N2: Float32) -> Region:
    knuckles_2 = _KNUCKLE_WEIGHTS @ points_N2[_KNUCKLES]
    return region_of_turned_box(
        points_N2[_PALM], up_along(points_N2[_WRIST], knuckles_2), _FROM_HAND
    )


def _is_near(before: Region, rough: Region) -> bool:
    """Tell whether a hand may still be where it went: not far from where the body has it."""
    apart = math.hypot(before.x - rough.x, before.y - rough.y)
    return apart < 0.2 * rough.size and 0.3 < before.size / max(rough.size, 1e-6) < 1.2
