"""Labelled people in COCO's format with fits of SMPL-X, as the papers' authors publish them.

Read are, of the annotation file (COCO or COCO-WholeBody): images' id, file_name, width, height;
annotations' id, image_id, bbox, iscrowd, keypoints (17 x y v), foot_kpts, lefthand_kpts,
righthand_kpts, lefthand_box, righthand_box, face_box and their _valid. Of the fits (NeuralAnnot),
by annotation id: smplx_param with root_pose, body_pose, lhand_pose, rhand_pose, jaw_pose, shape,
expr, trans, and cam_param with focal and princpt. Everything but bbox may be missing.

The files are the work of strangers: sizes are bounded, numbers checked, and no image outside the
data folder is opened. Source: Moon et al. (2022), "NeuralAnnot".

Legend: J joints (55), P points (77).
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from ...rigs.errors import FootageError
from ...rigs.skeleton import JOINT_COUNT, LEFT_HAND, RIGHT_HAND
from ..image_file import read_image
from .body_layer import BodyLayer
from .labels import Bools, LabelledPerson
from .points import (
    COCO_BODY_17,
    COCO_FEET_6,
    LEFT_HAND_20,
    LEFT_WRIST,
    POINT_COUNT,
    RIGHT_HAND_20,
    RIGHT_WRIST,
)

Float64 = NDArray[np.float64]
Json = dict[str, Any]

MAX_JSON_BYTES = 2 * 1024**3
MAX_IMAGE_SIDE_PX = 20_000
MAX_NUMBER = 1e6

_KEYPOINTS: dict[str, tuple[int, ...]] = {
    "keypoints": COCO_BODY_17,
    "foot_kpts": COCO_FEET_6,
    "lefthand_kpts": (LEFT_WRIST, *LEFT_HAND_20),
    "righthand_kpts": (RIGHT_WRIST, *RIGHT_HAND_20),
}
_BOXES = ("lefthand_box", "righthand_box", "face_box")
_ROTATIONS: dict[str, tuple[int, int]] = {
    "root_pose": (0, 1),
    "body_pose": (1, 22),
    "jaw_pose": (22, 23),
    "lhand_pose": (LEFT_HAND.start, LEFT_HAND.stop),
    "rhand_pose": (RIGHT_HAND.start, RIGHT_HAND.stop),
}
_HANDS = ("lhand_pose", "rhand_pose")
_JAW, _EYES = 22, [23, 24]


@dataclass(frozen=True, kw_only=True)
class CocoFiles:
    """images: the folder of the pictures; annotations, fits: JSON files (fits may be absent)."""

    images: Path
    annotations: Path
    fits: Path | None = None


class CocoPeople:
    """The annotated people of a data set, those with a box; the images are read when needed.

    With SMPL-X's layer, fits give shape, expression and 3D points; without it rotations of the
    body alone: the hands' are told from a mean pose that only the licensed file has.
    Raises FootageError for files that are not of this format.
    """

    def __init__(self, files: CocoFiles, layer: BodyLayer | None) -> None:
        self._root, self._layer = files.images.resolve(), layer
        data = _read_json(files.annotations)
        self._fits: Json = {} if files.fits is None else _read_json(files.fits)
        self._images = {
            int(image["id"]): image for image in _rows(data, "images", files.annotations)
        }
        self._people = [
            row
            for row in _rows(data, "annotations", files.annotations)
            if not row.get("iscrowd") and _image_id(row) in self._images and _has_box(row)
        ]

    def __len__(self) -> int:
        """How many people there are."""
        return len(self._people)

    def has_part(self, index: int, part_box: int) -> bool:
        """Whether the annotation has that part's box."""
        return _part_box(self._people[index], _BOXES[part_box]) is not None

    def person(self, index: int) -> LabelledPerson:
        """The person of that number; raises FootageError where the image cannot be used."""
        row = self._people[index]
        image = self._image(row)
        points2d, points2d_known = _keypoints(row)
        fit = _table(self._fits, str(row["id"]))
        parameters, camera = _table(fit, "smplx_param"), _table(fit, "cam_param")
        rotations, rotations_known = self._rotations(parameters)
        betas, expression = _numbers(parameters, "shape", 10), _numbers(parameters, "expr", 10)
        boxes = [_part_box(row, name) for name in _BOXES]
        focal, centre = _camera(camera, image.shape)
        has_shape = self._layer is not None and betas is not None
        shape = betas if has_shape and betas is not None else np.zeros(10)
        face = expression if expression is not None else np.zeros(10)
        points3d, points3d_known = self._points(parameters, rotations, (shape, face), has_shape)
        return LabelledPerson(
            image=image,
            box=np.array(row["bbox"], dtype=np.float64),
            focal=focal,
            principal_point=centre,
            rotations=rotations,
            rotations_known=rotations_known,
            betas=shape,
            betas_known=has_shape,
            expression=face,
            expression_known=self._layer is not None and expression is not None,
            points3d=points3d,
            points3d_known=points3d_known,
            points2d=points2d,
            points2d_known=points2d_known,
            part_boxes=np.stack([np.zeros(4) if box is None else box for box in boxes]),
            part_boxes_known=np.array([box is not None for box in boxes]),
        )

    def _image(self, row: Json) -> NDArray[np.uint8]:
        name = str(self._images[row["image_id"]].get("file_name", ""))
        try:
            path = (self._root / name).resolve()
            is_inside = path.is_relative_to(self._root) and path != self._root
            image = read_image(path, MAX_IMAGE_SIDE_PX) if is_inside else None
        except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
            raise _error(f"the image {name!r}", "a file", str(error)) from error
        if not is_inside:
            raise _error(f"the image {name!r}", f"a file in {self._root.name}", "a path out of it")
        if image is None:
            raise _error(f"the image {name!r}", "a picture that OpenCV reads", "something else")
        return image

    def _rotations(self, parameters: Json) -> tuple[Float64, Bools]:
        """Full rotations (55,3) as far as the fit and the layer tell them."""
        rotations, known = np.zeros((JOINT_COUNT, 3)), np.zeros(JOINT_COUNT, dtype=bool)
        for name, (first, last) in _ROTATIONS.items():
            values = _numbers(parameters, name, 3 * (last - first))
            if values is None or (name in _HANDS and self._layer is None):
                continue
            rotations[first:last], known[first:last] = values.reshape(-1, 3), True
        if self._layer is not None:
            mean = self._layer.hand_mean.cpu().numpy().astype(np.float64)
            rotations[LEFT_HAND.start :] += mean * known[LEFT_HAND.start :, None]
        # The authors' fits leave the eyes where they are.
        known[_EYES] = known[_JAW]
        return rotations, known

    def _points(
        self, parameters: Json, rotations: Float64, shape: tuple[Float64, Float64], has_shape: bool
    ) -> tuple[Float64, Bools]:
        trans = _numbers(parameters, "trans", 3)
        if self._layer is None or trans is None or not has_shape:
            return np.zeros((POINT_COUNT, 3)), np.zeros(POINT_COUNT, dtype=bool)
        arrays = (rotations, *shape)
        tensors = [torch.from_numpy(values.astype(np.float32))[None] for values in arrays]
        with torch.no_grad():
            points = self._layer.points(*tensors)[0].numpy().astype(np.float64)
        return points + trans, self._layer.known_points.numpy().copy()


# --- JSON ------------------------------------------------------------------------------------


def _read_json(path: Path) -> Json:
    try:
        size = path.stat().st_size
        if size > MAX_JSON_BYTES:
            raise _error(path.name, f"at most {MAX_JSON_BYTES >> 20} MB", f"{size >> 20} MB")
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise _error(path.name, "a JSON file", error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _error(path.name, "a JSON file", str(error)[:80]) from error
    if not isinstance(data, dict):
        raise _error(path.name, "a JSON object", type(data).__name__)
    return data


def _rows(data: Json, name: str, path: Path) -> list[Json]:
    rows = data.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _error(path.name, f"a list of {name}", type(rows).__name__)
    if not all(isinstance(row.get("id"), int) for row in rows):
        raise _error(path.name, f"{name} with a whole number as id", "one without")
    return rows


def _numbers(row: Json, name: str, count: int) -> Float64 | None:
    """`count` finite numbers under a name, else None: what is not there is not known."""
    try:
        values = np.array(row.get(name, ()), dtype=np.float64).reshape(-1)
    except (TypeError, ValueError, OverflowError):
        return None
    good = len(values) == count and bool((np.abs(values) <= MAX_NUMBER).all())
    return values if good else None


def _table(data: Json, name: str) -> Json:
    value = data.get(name)
    return cast(Json, value) if isinstance(value, dict) else {}


def _image_id(row: Json) -> int | None:
    value = row.get("image_id")
    return value if isinstance(value, int) else None


def _has_box(row: Json) -> bool:
    box = _numbers(row, "bbox", 4)
    return box is not None and bool((box[2:] > 1.0).all())


def _part_box(row: Json, name: str) -> Float64 | None:
    """The xyxy px box of a part whose annotation says that it is valid."""
    box = _numbers(row, name, 4)
    if box is None or not row.get(name.replace("_box", "_valid")) or not (box[2:] > 1.0).all():
        return None
    return np.concatenate([box[:2], box[:2] + box[2:]])


def _keypoints(row: Json) -> tuple[Float64, Bools]:
    """Points (77,2) px; a hand's own wrist does not replace the body's."""
    points, known = np.zeros((POINT_COUNT, 2)), np.zeros(POINT_COUNT, dtype=bool)
    for name, columns in _KEYPOINTS.items():
        values = _numbers(row, name, 3 * len(columns))
        if values is None:
            continue
        for column, (x, y, seen) in zip(columns, values.reshape(-1, 3).tolist(), strict=True):
            if seen > 0.0 and not known[column]:
                points[column], known[column] = (x, y), True
    return points, known


def _camera(camera: Json, shape: tuple[int, ...]) -> tuple[Float64, Float64]:
    """The fit's camera, else the image's diagonal and middle as the rest of the program takes."""
    focal, centre = _numbers(camera, "focal", 2), _numbers(camera, "princpt", 2)
    if focal is None or not (focal > 0.0).all() or centre is None:
        height, width = shape[:2]
        return np.full(2, math.hypot(width, height)), np.array([width, height]) / 2
    return focal, centre


def _error(what: str, expected: str, actual: str) -> FootageError:
    return FootageError(
        f"cannot train on {what}",
        expected=expected,
        actual=actual,
        next_step="check the training data against docs/training.md",
    )
