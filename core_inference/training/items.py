"""From labelled people to what a network and its losses take: patches and tensors.

Every item is drawn from (seed, epoch, number) alone, so that its place in the order, the number of
processes and a resumed run change nothing of it.

Legend: J joints (55), P points (77), V mesh vertices, h, w rows and columns of the patch.
"""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ...rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from ...rigs.skeleton import PARENTS
from ..estimators.crops import processed_box
from .augmentation import Augmentation, AugmentationRanges, drawn, patch_of
from .labels import FACE_BOX, LEFT_HAND_BOX, RIGHT_HAND_BOX, LabelledPerson, PeopleSource
from .meshes import LabelMesh
from .points import HEAD, PELVIS, RIGHT_WRIST

Float64 = NDArray[np.float64]

Part = Literal["body", "hand", "face"]

PART_ROOTS: dict[Part, int] = {"body": PELVIS, "hand": RIGHT_WRIST, "face": HEAD}
"""The point that a part's depths and errors are told from, and whose rotation is the part's."""

_PART_BOXES: dict[Part, tuple[int, ...]] = {
    "body": (),
    "hand": (LEFT_HAND_BOX, RIGHT_HAND_BOX),
    "face": (FACE_BOX,),
}

MEAN_RGB = np.array([0.485, 0.456, 0.406], dtype=np.float32)
STD_RGB = np.array([0.229, 0.224, 0.225], dtype=np.float32)

REAL_BOX_MM = 2000.0
"""The side of the square that RootNet takes a person's box for."""


class TrainingItem(NamedTuple):
    """One person's patch and labels; collated, every field gains a first dimension N.

    image (3,h,w) as the network takes it. Labels, each with a mask of 0 or 1: rotations (55,3)
    axis-angle full, parent-relative; orient (3,) of the part in camera axes; betas, expression
    (10,); points (77,3) m camera; pixels (77,2) of the patch; boxes (3,4) xyxy px of the patch;
    vertices (V,3): x, y px of the patch, z m from the part's root. focal, centre (2,) px: the
    patch's camera. k mm: RootNet's factor.
    """

    image: Tensor
    rotations: Tensor
    rotations_known: Tensor
    orient: Tensor
    orient_known: Tensor
    betas: Tensor
    betas_known: Tensor
    expression: Tensor
    expression_known: Tensor
    points: Tensor
    points_known: Tensor
    pixels: Tensor
    pixels_known: Tensor
    boxes: Tensor
    boxes_known: Tensor
    vertices: Tensor
    vertices_known: Tensor
    focal: Tensor
    centre: Tensor
    k: Tensor


@dataclass(frozen=True, kw_only=True)
class View:
    """What a network looks at: the part, the patch's size (w, h) px, and how pixels are scaled.

    is_unit: pixels / 255; otherwise (0..255 - mean) / deviation, as RootNet and PoseNet were
    trained. mesh: the mesh whose vertices are labels, for I2L-MeshNet.
    """

    part: Part
    patch_wh: tuple[int, int]
    is_unit: bool = True
    mesh: LabelMesh | None = None


class TrainingItems(Dataset[TrainingItem]):
    """The items of one or more sources; hands are two per person, left ones mirrored."""

    def __init__(
        self,
        sources: tuple[PeopleSource, ...],
        view: View,
        ranges: AugmentationRanges,
        seed: int,
    ) -> None:
        self._view, self._ranges, self._seed = view, ranges, seed
        self._places = [
            (source, index, box)
            for source in sources
            for index in range(len(source))
            for box in _PART_BOXES[view.part] or (None,)
            if box is None or source.has_part(index, box)
        ]
        self.epoch = 0

    def __len__(self) -> int:
        """How many items an epoch has."""
        return len(self._places)

    def __getitem__(self, index: int) -> TrainingItem:
        """The item as the current epoch shows it."""
        source, number, box = self._places[index]
        rng = np.random.default_rng((self._seed, self.epoch, index))
        change = drawn(self._ranges, rng)
        if box is not None and self._view.part == "hand":
            change = replace(change, is_mirrored=box == LEFT_HAND_BOX)
        return item_of(source.person(number), box, self._view, change)


def item_of(
    person: LabelledPerson, part_box: int | None, view: View, change: Augmentation
) -> TrainingItem:
    """The patch of a person, or of their part in `part_boxes`, changed, as tensors.

    A box that lies outside the picture gives a black patch of which nothing is known.
    """
    box = _cut_box(person, part_box, view)
    patch = patch_of(person, person.box if box is None else box, view.patch_wh, change)
    known = 0.0 if box is None else 1.0
    orient, orient_known = _orientation(patch, PART_ROOTS[view.part])
    vertices, has_vertices = _vertices(patch, view)
    size = np.prod(view.patch_wh)
    return TrainingItem(
        image=_image(patch.image, view),
        rotations=_floats(patch.rotations),
        rotations_known=_floats(patch.rotations_known * known),
        orient=_floats(orient),
        orient_known=_floats(orient_known * known),
        betas=_floats(patch.betas),
        betas_known=_floats(patch.betas_known * known),
        expression=_floats(patch.expression),
        expression_known=_floats(patch.expression_known * known),
        points=_floats(patch.points3d),
        points_known=_floats(patch.points3d_known * known),
        pixels=_floats(patch.points2d),
        pixels_known=_floats(patch.points2d_known * known),
        boxes=_floats(patch.part_boxes),
        boxes_known=_floats(patch.part_boxes_known * known),
        vertices=_floats(vertices),
        vertices_known=_floats(has_vertices * known),
        focal=_floats(patch.focal),
        centre=_floats(patch.principal_point),
        k=_floats(REAL_BOX_MM * np.sqrt(patch.focal.prod() / size)),
    )


def _cut_box(person: LabelledPerson, part_box: int | None, view: View) -> Float64 | None:
    box = person.box
    if part_box is not None:
        low, high = np.split(person.part_boxes[part_box], 2)
        box = np.concatenate([low, high - low])
    height, width = person.image.shape[:2]
    return processed_box(box, (width, height), view.patch_wh[0] / view.patch_wh[1])


def _image(patch: NDArray[np.uint8], view: View) -> Tensor:
    values = patch.astype(np.float32)
    values = values / 255.0 if view.is_unit else (values - MEAN_RGB) / STD_RGB
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))


def _orientation(patch: LabelledPerson, joint: int) -> tuple[Float64, bool]:
    """A joint's rotation from the zero pose to camera axes, known where its whole chain is."""
    matrix_33, known = np.eye(3), True
    while joint >= 0:
        matrix_33 = np.asarray(matrix_from_axis_angle(patch.rotations[joint])) @ matrix_33
        known = known and bool(patch.rotations_known[joint])
        joint = PARENTS[joint]
    return np.asarray(axis_angle_from_matrix(matrix_33), dtype=np.float64), known


def _vertices(patch: LabelledPerson, view: View) -> tuple[Float64, bool]:
    """The mesh in the patch, posed anew from its rotations so that mirrored bodies are right."""
    if view.mesh is None:
        return np.zeros((0, 3)), False
    root = PART_ROOTS[view.part]
    known = patch.betas_known and bool(patch.rotations_known.all() and patch.points3d_known[root])
    if not known:
        return np.zeros((view.mesh.count, 3)), False
    camera_V3 = view.mesh.posed(patch.rotations, patch.betas, root) + patch.points3d[root]
    pixels = camera_V3[:, :2] / camera_V3[:, 2:] * patch.focal + patch.principal_point
    depth = camera_V3[:, 2:] - patch.points3d[root, 2]
    return np.concatenate([pixels, depth], axis=1), True


def _floats(values: object) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))
