"""A face's landmarks in its region of the image, with irises, and where it will be next.

Legend: E points around an eye (71).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .anchor_boxes import anchors, found
from .certainty import PRESENT, probability
from .landmark_models import LandmarkModels
from .regions import (
    Float32,
    Image,
    Margin,
    Patch,
    Region,
    in_image,
    in_image3,
    region_of_box,
    right_along,
)
from .tflite_model import TfliteModel

_COUNT = 468
_STRIDES = (8, 16, 16, 16)
_EYES_OUTSIDE = (33, 263)
_HEAD_EYES = (5, 2)
_FROM_HEAD = Margin(factor=3.0)
_FROM_DETECTION = Margin(factor=2.0, rise=0.1)
_FROM_FACE = Margin(factor=1.5)
_FROM_EYE = Margin(factor=2.3)
_LIDS = 16
_IRISES = (slice(468, 473), slice(473, 478))
_FEATURES = [0, 2, 5, 9, 10]
_NEAR = 0.25


@dataclass(frozen=True, kw_only=True)
class Eye:
    """One eye: which points of the face its corners are, from the image's left, and its outline.

    mirrored: whether the network wants to see it mirrored.
    """

    corners: tuple[int, int]
    outline: tuple[int, ...]
    mirrored: bool


EYES = (
    Eye(
        corners=(33, 133),
        outline=(
            *(33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173),
            *(130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190),
            *(226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189),
            *(35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245, 156),
            *(70, 63, 105, 66, 107, 55, 193),
        ),
        mirrored=False,
    ),
    Eye(
        corners=(362, 263),
        outline=(
            *(263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398),
            *(359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414),
            *(446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413),
            *(265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465, 383),
            *(300, 293, 334, 296, 336, 285, 417),
        ),
        mirrored=True,
    ),
)
"""The person's right eye and the left one, in the order of the irises after the face's points."""


@dataclass(frozen=True, kw_only=True)
class Face:
    """points (478,3) x, y, z px: the mesh, mended by the eyes', and two irises; score 0..1.

    next: where to look for it in the next frame.
    """

    points: Float32
    score: float
    next: Region


class FaceModel:
    """The networks for a face's region, landmarks and eyes, run by one thread at a time."""

    def __init__(self, models: LandmarkModels, threads: int = 1) -> None:
        self._detector = TfliteModel(models.read("face_detection"), threads=threads, half=True)
        self._anchors = anchors(self._detector.input_size[0], _STRIDES)
        self._head_patch = Patch(self._detector.input_size[0])
        self._model = TfliteModel(models.read("face_landmark"), threads=threads, half=True)
        self._patch = Patch(self._model.input_size[0])
        self._irises = IrisModel(models, threads)

    def find(self, image: Image, head_N2: Float32, before: Region | None) -> Face | None:
        """Return the face in the image (H,W,3) uint8 RGB, None where none is seen.

        head_N2: the body's eleven points of the head, px; before: where the frame before saw the
        face go.
        """
        rough = _region_from_head(head_N2)
        if rough.misses(image):
            return None
        if before is not None and _is_near(before, head_N2):
            return self._look(image, before)
        region = self._detected(image, rough)
        return None if region is None else self._look(image, region)

    def _detected(self, image: Image, rough: Region) -> Region | None:
        patch = self._head_patch.cut(image, rough, cv2.BORDER_CONSTANT)
        offsets, logits = self._detector.run(patch * np.float32(2) - np.float32(1))
        faces = found(offsets, logits, self._anchors, self._head_patch.side_px)
        if not len(faces.scores):
            return None
        points_K2 = in_image(rough, faces.points[0])
        return region_of_box(points_K2, right_along(points_K2[0], points_K2[1]), _FROM_DETECTION)

    def _look(self, image: Image, region: Region) -> Face | None:
        points, logit = self._model.run(self._patch.cut(image, region))
        score = float(probability(logit).item())
        if score < PRESENT:
            return None
        places_N3 = points.reshape(_COUNT, 3) / np.float32(self._patch.side_px)
        points_N3 = in_image3(region, places_N3)
        right, left = _EYES_OUTSIDE
        angle = right_along(points_N3[right, :2], points_N3[left, :2])
        eyes = [self._irises.find(image, points_N3, eye) for eye in EYES]
        return Face(
            points=with_eyes(points_N3, eyes),
            score=score,
            next=region_of_box(points_N3[:, :2], angle, _FROM_FACE),
        )


class IrisModel:
    """The network for an eye's outline and iris, run by one thread at a time."""

    def __init__(self, models: LandmarkModels, threads: int = 1) -> None:
        self._model = TfliteModel(models.read("iris_landmark"), threads=threads, half=True)
        self._patch = Patch(self._model.input_size[0])

    def find(self, image: Image, face_N3: Float32, eye: Eye) -> tuple[Float32, Float32]:
        """Return the points (71,3) around one eye of a face (468,3) and its iris (5,3), px.

        The network knows right eyes; a left one is shown to it mirrored.
        """
        start_2, end_2 = face_N3[list(eye.corners), :2]
        corners_22 = np.stack((start_2, end_2))
        region = region_of_box(corners_22, right_along(start_2, end_2), _FROM_EYE)
        patch = self._patch.cut(image, region)
        patch = np.ascontiguousarray(patch[:, ::-1]) if eye.mirrored else patch
        outline, iris = self._model.run(patch)
        places_N3 = np.concatenate((outline, iris)).reshape(-1, 3) / np.float32(self._patch.side_px)
        if eye.mirrored:
            places_N3[:, 0] = 1 - places_N3[:, 0]
        points_N3 = in_image3(region, places_N3)
        return points_N3[: len(eye.outline)], points_N3[len(eye.outline) :]


def with_eyes(face_N3: Float32, eyes: Sequence[tuple[Float32, Float32]]) -> Float32:
    """Return a face's points (478,3): those of the mesh (468,3), mended by the eyes', and irises.

    eyes: as IrisModel finds them, in the order of EYES. Only the edges of the lids are mended: of
    raised brows, which its patch hardly shows, the eyes' network says that they sink. The mesh
    keeps its depth, and an iris is as deep as its lids.
    """
    whole_N3 = np.concatenate((face_N3, *(iris for _, iris in eyes)))
    for eye, (outline_E3, _), irises in zip(EYES, eyes, _IRISES, strict=True):
        lids = list(eye.outline[:_LIDS])
        whole_N3[lids, :2] = outline_E3[:_LIDS, :2]
        whole_N3[irises, 2] = face_N3[lids, 2].mean()
    return whole_N3


def _region_from_head(head_N2: Float32) -> Region:
    """Return the region to find a face in from the body's points of the head, px."""
    right, left = _HEAD_EYES
    return region_of_box(head_N2, right_along(head_N2[right], head_N2[left]), _FROM_HEAD)


def _is_near(before: Region, head_N2: Float32) -> bool:
    """Tell whether a face may still be where it went: around the body's eyes, nose and mouth."""
    middle_2 = head_N2[_FEATURES].mean(axis=0).tolist()
    return math.dist(middle_2, (before.x, before.y)) < _NEAR * before.size
