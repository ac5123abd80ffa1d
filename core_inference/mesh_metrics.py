"""MPVPE, PA-MPVPE and F-scores of two posed bodies, skinned a few frames at a time.

Legend: T frames, J joints (55), V vertices, N and M points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from ..rigs.skeleton import JOINT, JOINT_COUNT
from .body_model import SHAPE_COUNT, BodyModel
from .part_errors import MM_PER_M, PARTS, Part, PartErrors
from .pose_metrics import point_errors, root_aligned, similarity_aligned

Float64 = NDArray[np.float64]

F_THRESHOLDS_M = (0.005, 0.015)
"""FreiHAND's two thresholds."""

MAX_MESH_FRAMES = 200
"""Longer clips have this many of their frames' meshes compared, spread evenly: time, not
memory, is what more would cost."""

_FRAMES_AT_ONCE = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class PosedBody:
    """The open body over a clip: world (T,55,3,3) rotations, joints (T,55,3) m in the same world
    and betas (10,), its shape."""

    world: Float64
    joints: Float64
    betas: Float64

    def __post_init__(self) -> None:
        frames = len(self.joints)
        shapes = (self.world.shape, self.joints.shape, self.betas.shape)
        expected = ((frames, JOINT_COUNT, 3, 3), (frames, JOINT_COUNT, 3), (SHAPE_COUNT,))
        if shapes != expected:
            raise ValueError(f"a posed body has shapes {expected}, got {shapes}")


def f_scores(
    predicted_TN3: Float64, truth_TM3: Float64, thresholds_m: Sequence[float] = F_THRESHOLDS_M
) -> Float64:
    """F-scores (T, thresholds) of two sets of points of every frame, 0..1.

    F = 2 P R / (P + R), 0 where both are 0: precision P is the share of predicted points nearer
    than the threshold to their nearest true one, recall R the share of true points as near to
    their nearest predicted one; points need not belong together. Source: Knapitsch et al., "Tanks
    and temples" (2017), section 4; FreiHAND (Zimmermann et al. 2019) takes it of a hand's vertices
    after similarity alignment, at 5 and 15 mm.
    """
    limits = np.array(thresholds_m)[:, None]
    shares = [
        [(KDTree(b).query(a)[0] < limits).mean(axis=-1) for a, b in ((p, t), (t, p))]
        for p, t in zip(predicted_TN3, truth_TM3, strict=True)
    ]
    precision, recall = np.moveaxis(np.array(shares, dtype=np.float64), 1, 0)
    both = precision + recall
    return np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)


def part_vertices(body: BodyModel, part: Part) -> NDArray[np.intp]:
    """The vertices (N,) whose strongest joint is one of the part's."""
    strongest_V = body.weights.argmax(axis=1)
    return np.flatnonzero(np.isin(strongest_V, [JOINT[name] for name in part.joints]))


def mesh_part_errors(
    body: BodyModel, own: PosedBody, truth: PosedBody, known_J: NDArray[np.bool_]
) -> dict[str, PartErrors]:
    """Errors of every part whose joints are all known, over all its vertices.

    A part's vertices are those of `part_vertices`, its root its root joint. Both bodies have the
    same frames (T,); of more than `MAX_MESH_FRAMES` that many are taken, evenly spread. known_J
    (55,): whether the truth has the joint's rotation.
    """
    parts = {
        title: part
        for title, part in PARTS.items()
        if all(known_J[JOINT[name]] for name in part.joints)
    }
    vertices = {title: part_vertices(body, part) for title, part in parts.items()}
    frames = _spread(len(own.joints))
    sums = {title: np.zeros(2 + len(F_THRESHOLDS_M)) for title in parts}
    for first in range(0, len(frames), _FRAMES_AT_ONCE):
        rows = frames[first : first + _FRAMES_AT_ONCE]
        meshes = [_skinned(body, side, rows) for side in (own, truth)]
        for title, part in parts.items():
            root = JOINT[part.root]
            placed = [
                root_aligned(mesh[:, vertices[title]], side.joints[rows, root])
                for mesh, side in zip(meshes, (own, truth), strict=True)
            ]
            sums[title] += _summed_errors(placed[0], placed[1], hand=_is_hand(part))
    return {
        title: _part_errors(sums[title] / len(frames), len(vertices[title]), hand=_is_hand(part))
        for title, part in parts.items()
    }


def mesh_frames(frames: int) -> int:
    """How many of a clip's frames have their meshes compared."""
    return len(_spread(frames))


def _spread(frames: int) -> NDArray[np.intp]:
    count = min(frames, MAX_MESH_FRAMES)
    return np.linspace(0, frames - 1, count).round().astype(np.intp)


def _is_hand(part: Part) -> bool:
    return part.root.endswith("wrist")


def _skinned(body: BodyModel, side: PosedBody, rows: NDArray[np.intp]) -> Float64:
    """All vertices (T,V,3) m of some frames."""
    skinned = body.skin(side.world[rows], side.joints[rows], side.betas)
    return np.asarray(skinned, dtype=np.float64)


def _summed_errors(own_TN3: Float64, truth_TN3: Float64, *, hand: bool) -> Float64:
    """Mean errors in m before and after alignment and a hand's two F-scores (4,), summed over
    the frames."""
    aligned = similarity_aligned(own_TN3, truth_TN3)
    sums = np.zeros(2 + len(F_THRESHOLDS_M))
    sums[0] = point_errors(own_TN3, truth_TN3).mean(axis=1).sum()
    sums[1] = point_errors(aligned, truth_TN3).mean(axis=1).sum()
    if hand:
        sums[2:] = f_scores(aligned, truth_TN3).sum(axis=0)
    return sums


def _part_errors(means: Float64, points: int, *, hand: bool) -> PartErrors:
    error, aligned, f_5mm, f_15mm = (float(value) for value in means)
    return PartErrors(
        points=points,
        error_mm=MM_PER_M * error,
        aligned_mm=MM_PER_M * aligned,
        f_5mm=f_5mm if hand else None,
        f_15mm=f_15mm if hand else None,
    )
