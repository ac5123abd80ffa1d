"""A labelled person: one picture of somebody and everything that is known of them.

What is not known says so in a mask, and no loss looks at it. Rotations are full, as everywhere in
this project; a network's own convention (the hand mean pose taken off) is met where its targets
are made.

Legend: J joints (55), P points (77, `points.POINT_NAMES`).
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import ClipFileError
from ...rigs.skeleton import JOINT_COUNT
from .points import POINT_COUNT

Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEFT_HAND_BOX, RIGHT_HAND_BOX, FACE_BOX = 0, 1, 2

_SHAPES: dict[str, tuple[int, ...]] = {
    "box": (4,),
    "focal": (2,),
    "principal_point": (2,),
    "rotations": (JOINT_COUNT, 3),
    "rotations_known": (JOINT_COUNT,),
    "betas": (10,),
    "expression": (10,),
    "points3d": (POINT_COUNT, 3),
    "points3d_known": (POINT_COUNT,),
    "points2d": (POINT_COUNT, 2),
    "points2d_known": (POINT_COUNT,),
    "part_boxes": (3, 4),
    "part_boxes_known": (3,),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledPerson:
    """One person in one image (H,W,3) uint8 RGB, with the pinhole camera that took it.

    box (4,) xywh px; focal and principal_point (2,) px; rotations (55,3) axis-angle, parent-
    relative, the pelvis' from the zero pose to camera axes; betas and expression (10,) of the body
    that the losses use; points3d (77,3) m camera; points2d (77,2) px; part_boxes (3,4) xyxy px of
    left hand, right hand and face. Raises ClipFileError for arrays of another shape.
    """

    image: NDArray[np.uint8]
    box: Float64
    focal: Float64
    principal_point: Float64
    rotations: Float64
    rotations_known: Bools
    betas: Float64
    betas_known: bool
    expression: Float64
    expression_known: bool
    points3d: Float64
    points3d_known: Bools
    points2d: Float64
    points2d_known: Bools
    part_boxes: Float64
    part_boxes_known: Bools

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.dtype != np.uint8:
            raise _error("image", "(H,W,3) uint8", f"{self.image.shape} {self.image.dtype}")
        for name, shape in _SHAPES.items():
            array: NDArray[Any] = getattr(self, name)
            if array.shape != shape:
                raise _error(name, str(shape), str(array.shape))


class PeopleSource(Protocol):
    """Labelled people by number; the same number always gives the same person."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def has_part(self, index: int, part_box: int) -> bool:
        """Whether the person of that number has that part's box, known without the image."""
        ...

    def person(self, index: int) -> LabelledPerson:
        """The person of that number."""
        ...


def box_around(points_N2: Float64, growth: float) -> Float64:
    """The xyxy px box (4,) of points (N,2), `growth` times as wide and high about its centre."""
    low, high = points_N2.min(axis=0), points_N2.max(axis=0)
    half = (high - low) / 2 * growth
    return np.concatenate([(low + high) / 2 - half, (low + high) / 2 + half])


def _error(name: str, expected: str, actual: str) -> ClipFileError:
    return ClipFileError(
        f"a training label, {name}, has the wrong shape",
        expected=expected,
        actual=actual,
        next_step="check the training data against docs/training.md",
    )
