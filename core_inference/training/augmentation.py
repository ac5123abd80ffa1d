"""What changes a labelled person without making the labels wrong: scale, turn, mirror, colour.

A patch is a similar image of the picture about the box's centre. The same similarity, read as a
change of camera and a turn of the person about its axis, carries the labels along: a point's pixel
in the patch is the projection of its turned position, exactly where focal x equals focal y.
Source: I2L-MeshNet, section 4; Moon's dissertation, section 2.7.

Legend: J joints (55), P points (77).
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from ...rigs.skeleton import JOINT_COUNT
from .labels import LabelledPerson
from .points import MIRRORED_POINTS

Float64 = NDArray[np.float64]

_MIRROR_JOINTS = list(MIRRORED_POINTS[:JOINT_COUNT])
_MIRROR_POINTS = list(MIRRORED_POINTS)
_MIRROR_BOXES = [1, 0, 2]
_MIRRORED_ROTATION = np.array([1.0, -1.0, -1.0])
_MIRRORED_POSITION = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class AugmentationRanges:
    """How far augmentation goes; all zero leaves people as they are.

    scale: the box grows or shrinks by up to this share; rotation_deg: largest turn of the picture;
    flip: how often it is mirrored; colour: each channel's gain changes by up to this share.
    """

    scale: float = 0.25
    rotation_deg: float = 60.0
    flip: float = 0.5
    colour: float = 0.2


NO_AUGMENTATION = AugmentationRanges(scale=0.0, rotation_deg=0.0, flip=0.0, colour=0.0)

_TURNED = 0.6
"""How often the picture is turned at all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Augmentation:
    """One drawn change: the box's factor, the turn (rad, from x towards y), mirror, gains (3,)."""

    scale: float = 1.0
    turn_rad: float = 0.0
    is_mirrored: bool = False
    gains: Float64


def drawn(ranges: AugmentationRanges, rng: np.random.Generator) -> Augmentation:
    """Draw a change: scale and turn from normal distributions cut at one and two deviations."""
    turn_deg = np.clip(rng.normal(), -2.0, 2.0) * ranges.rotation_deg / 2.0
    return Augmentation(
        scale=1.0 + float(np.clip(rng.normal(), -1.0, 1.0)) * ranges.scale,
        turn_rad=float(np.radians(turn_deg)) if rng.random() < _TURNED else 0.0,
        is_mirrored=bool(rng.random() < ranges.flip),
        gains=rng.uniform(1.0 - ranges.colour, 1.0 + ranges.colour, 3),
    )


def patch_from_image(
    box_xywh: Float64, size_wh: tuple[int, int], augmentation: Augmentation
) -> Float64:
    """The affine map (2,3) from the picture's px to the patch's.

    The box's centre comes to the patch's; its width, times the scale, to the patch's width.
    """
    centre = box_xywh[:2] + box_xywh[2:] / 2
    gain = size_wh[0] / (box_xywh[2] * augmentation.scale)
    cosine, sine = np.cos(augmentation.turn_rad), np.sin(augmentation.turn_rad)
    linear = gain * np.array([[cosine, -sine], [sine, cosine]])
    if augmentation.is_mirrored:
        linear = np.diag([-1.0, 1.0]) @ linear
    shift = np.array(size_wh) / 2 - linear @ centre
    return np.column_stack([linear, shift])


def patch_of(
    person: LabelledPerson,
    box_xywh: Float64,
    size_wh: tuple[int, int],
    augmentation: Augmentation,
) -> LabelledPerson:
    """The person as a patch (h,w,3) shows them, with every label carried along.

    The box must have the patch's aspect. What lies outside the picture is black. The patch has its
    own camera: focal and principal point that project its 3D points to its 2D points.
    """
    matrix = patch_from_image(box_xywh, size_wh, augmentation)
    image = cv2.warpAffine(person.image, matrix, size_wh, flags=cv2.INTER_LINEAR)
    gain = size_wh[0] / (box_xywh[2] * augmentation.scale)
    turned = replace(
        person,
        image=np.clip(image * augmentation.gains, 0.0, 255.0).round().astype(np.uint8),
        box=np.array([0.0, 0.0, *size_wh]),
        focal=person.focal * gain,
        principal_point=_carried(matrix, person.principal_point),
        points2d=_carried(matrix, person.points2d),
        part_boxes=_carried_boxes(matrix, person.part_boxes, augmentation.turn_rad),
        **_turned_labels(person, augmentation.turn_rad),
    )
    return _mirrored_labels(turned) if augmentation.is_mirrored else turned


def _carried(matrix: Float64, points: Float64) -> Float64:
    return points @ matrix[:, :2].T + matrix[:, 2]


def _carried_boxes(matrix: Float64, boxes_xyxy: Float64, turn_rad: float) -> Float64:
    """Boxes (3,4): the centre is carried, a turned box keeps its area as a square would."""
    centre = _carried(matrix, (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2)
    gain = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    half = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]) / 2 * gain
    share = np.sin(turn_rad) ** 2
    half = (1.0 - share) * half + share * half[:, ::-1]
    return np.concatenate([centre - half, centre + half], axis=1)


def _turned_labels(person: LabelledPerson, turn_rad: float) -> dict[str, Float64]:
    """The person turned about the camera's axis."""
    turn_33 = np.asarray(matrix_from_axis_angle(np.array([0.0, 0.0, turn_rad])))
    pelvis_33 = turn_33 @ matrix_from_axis_angle(person.rotations[0])
    rotations = person.rotations.copy()
    rotations[0] = axis_angle_from_matrix(pelvis_33)
    return {"rotations": rotations, "points3d": person.points3d @ turn_33.T}


def _mirrored_labels(person: LabelledPerson) -> LabelledPerson:
    """Left becomes right: who stands in a mirror has the other body side in every place."""
    return replace(
        person,
        rotations=person.rotations[_MIRROR_JOINTS] * _MIRRORED_ROTATION,
        rotations_known=person.rotations_known[_MIRROR_JOINTS],
        points3d=person.points3d[_MIRROR_POINTS] * _MIRRORED_POSITION,
        points3d_known=person.points3d_known[_MIRROR_POINTS],
        points2d=person.points2d[_MIRROR_POINTS],
        points2d_known=person.points2d_known[_MIRROR_POINTS],
        part_boxes=person.part_boxes[_MIRROR_BOXES],
        part_boxes_known=person.part_boxes_known[_MIRROR_BOXES],
    )
