"""Pelvis and head orientations from their landmarks; `spine` fits what lies between them.

Legend: T frames, N landmarks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import FloatArray, kabsch, normalized
from .points import Points

Float64 = NDArray[np.float64]

SHOULDERS = ("body_left_shoulder", "body_right_shoulder")
HIPS = ("body_left_hip", "body_right_hip")
HEAD_POINTS = (
    "body_nose",
    "body_left_eye_inner",
    "body_left_eye_outer",
    "body_right_eye_inner",
    "body_right_eye_outer",
    "body_left_ear",
    "body_right_ear",
    "body_mouth_left",
    "body_mouth_right",
)

RIGID_FACE_POINTS = tuple(
    f"face_{k:03d}"
    for k in (1, 4, 5, 6, 10, 33, 67, 93, 103, 109, 127, 133, 168, 195, 197, 234, 263, 297, 323)
    + (332, 338, 356, 362, 454)
)
"""Points of the face mesh that no expression moves much: nose, temples, eye corners."""

ACROSS_WEIGHT = 2.0
"""How much more the line across the hips counts than the line up the torso."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Torso:
    """World rotations (T,3,3) of pelvis and head, and how well each part is seen (T,)."""

    pelvis: Float64
    head: Float64
    pelvis_score: Float64
    chest_score: Float64
    head_score: Float64

    def score_of(self, joint: str) -> Float64:
        """The score (T,) of one of the torso's joints."""
        if joint == "pelvis":
            return self.pelvis_score
        return self.head_score if joint in ("neck", "head") else self.chest_score


def solve_torso(points: Points) -> Torso:
    """Turn the rest pose's torso and head onto the landmarks, weighted, by Kabsch (1976)."""
    hips_score, shoulders_score = points.score(*HIPS), points.score(*SHOULDERS)
    head, head_score = _head(points)
    return Torso(
        pelvis=_pelvis(points),
        head=head,
        pelvis_score=np.minimum(hips_score, shoulders_score),
        chest_score=shoulders_score,
        head_score=head_score,
    )


def _pelvis(points: Points) -> Float64:
    """One turn for two directions: the line across the hips and the line up the torso."""
    left, right = HIPS
    seen = np.stack(
        [points.at(left) - points.at(right), points.at(*SHOULDERS) - points.at(*HIPS)], axis=1
    )
    rest = np.stack(
        [
            points.rest_at(left) - points.rest_at(right),
            points.rest_at(*SHOULDERS) - points.rest_at(*HIPS),
        ]
    )
    return directions_kabsch(rest, seen, np.array([ACROSS_WEIGHT, 1.0]))


def directions_kabsch(rest_N3: FloatArray, seen_TN3: FloatArray, weights_N: FloatArray) -> Float64:
    """The rotation (T,3,3) that best turns directions at rest (N,3) onto seen ones (T,N,3).

    Every direction stands with its opposite, which keeps the centroid at zero.
    """
    rest, seen = normalized(rest_N3), normalized(seen_TN3)
    source = np.broadcast_to(np.concatenate([rest, -rest]), (len(seen), 2 * len(rest), 3))
    target = np.concatenate([seen, -seen], axis=1)
    weights = np.broadcast_to(np.concatenate([weights_N, weights_N]), source.shape[:2])
    return np.asarray(kabsch(source, target, weights), dtype=np.float64)


def _head(points: Points) -> tuple[Float64, Float64]:
    """The head's rotation and score: the face mesh where it was found, else the pose's points."""
    coarse = points_kabsch(points, HEAD_POINTS)
    coarse_score = points.score("body_nose", "body_left_ear", "body_right_ear")
    if RIGID_FACE_POINTS[0] not in points.index:
        return coarse, coarse_score
    fine = points_kabsch(points, RIGID_FACE_POINTS)
    fine_score = points.score(*RIGID_FACE_POINTS)
    found = fine_score > 0.3
    return np.where(found[:, None, None], fine, coarse), np.where(found, fine_score, coarse_score)


def points_kabsch(points: Points, names: tuple[str, ...]) -> Float64:
    """The rotation (T,3,3) that turns the named points of the rest pose onto those seen."""
    columns = points.columns(names)
    seen = points.positions[:, columns]
    rest = np.broadcast_to(points.rest[columns], seen.shape)
    weights = np.maximum(points.scores[:, columns], 1e-3)
    return np.asarray(kabsch(rest, seen, weights), dtype=np.float64)
