"""MPJPE and PA-MPJPE of the whole body, the body, each hand and the face.

Legend: T frames, N joints that both sides have.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..rigs.skeleton import JOINT_NAMES, LEFT_HAND, RIGHT_HAND
from .pose_metrics import aligned_point_errors, point_errors, root_aligned

Float64 = NDArray[np.float64]

MM_PER_M = 1000.0

LEAST_JOINTS = 4
"""A part of fewer joints, its root included, is not told of: alignment would fit it whole."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the person: its root and all its joints, the root among them."""

    root: str
    joints: tuple[str, ...]


PARTS: dict[str, Part] = {
    "whole body": Part(root="pelvis", joints=JOINT_NAMES),
    "body": Part(root="pelvis", joints=JOINT_NAMES[:22]),
    "left hand": Part(root="left_wrist", joints=("left_wrist", *JOINT_NAMES[LEFT_HAND])),
    "right hand": Part(root="right_wrist", joints=("right_wrist", *JOINT_NAMES[RIGHT_HAND])),
    "face": Part(root="neck", joints=("neck", "head", *JOINT_NAMES[22:25])),
}
"""Roots as in Hand4Whole (2022), section 5.1: pelvis, wrists, neck. The face's joints are those
of FLAME."""


@dataclass(frozen=True, kw_only=True)
class PartErrors:
    """Mean errors of one part over `points` joints or vertices, the root among them.

    error_mm: with the roots together (MPJPE, MPVPE); aligned_mm: after similarity alignment per
    frame (PA-MPJPE, PA-MPVPE); f_5mm and f_15mm: mean F-scores of a hand's vertices after it,
    0..1, else None.
    """

    points: int
    error_mm: float
    aligned_mm: float
    f_5mm: float | None = None
    f_15mm: float | None = None


def joint_part_errors(
    names: Sequence[str], own_TN3: Float64, truth_TN3: Float64, body_root: Sequence[str]
) -> dict[str, PartErrors]:
    """Errors of every part that the joints `names` (N,) in m make up well enough.

    body_root: the joints whose middle stands for the pelvis. The whole body is told of only
    where a hand or the face is.
    """
    errors: dict[str, PartErrors] = {}
    for title, part in PARTS.items():
        columns = [k for k, name in enumerate(names) if name in part.joints]
        roots = [names.index(n) for n in _roots(part, body_root) if n in names]
        if len(columns) >= LEAST_JOINTS and roots:
            errors[title] = _errors(own_TN3, truth_TN3, columns, roots)
    if not errors.keys() - {"whole body", "body"}:
        errors.pop("whole body", None)
    return errors


def _roots(part: Part, body_root: Sequence[str]) -> Sequence[str]:
    return body_root if part.root == "pelvis" else (part.root,)


def _errors(
    own_TN3: Float64, truth_TN3: Float64, columns: list[int], roots: list[int]
) -> PartErrors:
    own, truth = own_TN3[:, columns], truth_TN3[:, columns]
    placed = point_errors(
        root_aligned(own, own_TN3[:, roots].mean(axis=1)),
        root_aligned(truth, truth_TN3[:, roots].mean(axis=1)),
    )
    return PartErrors(
        points=len(columns),
        error_mm=MM_PER_M * float(placed.mean()),
        aligned_mm=MM_PER_M * float(aligned_point_errors(own, truth).mean()),
    )
