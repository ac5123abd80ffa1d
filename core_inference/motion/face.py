"""The jaw from the face mesh.

Legend: T frames.
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import matrix_from_axis_angle
from .points import Points
from .torso import RIGID_FACE_POINTS

Float64 = NDArray[np.float64]

INNER_LIPS = ("face_013", "face_014")
"""Middle of the upper and of the lower lip, inner edge."""

MAX_OPENING_RAD = np.radians(30.0)
CLOSED_RATIO = 0.02
"""A gap between the lips below this share of the face's size is a closed mouth."""


def solve_jaw(points: Points, jaw_rest_3: Float64) -> tuple[Float64, Float64]:
    """Parent-relative rotation (T,3,3) and score (T,) of the jaw from how far the lips are apart.

    jaw_rest_3 is the jaw joint at rest, m. The gap is measured against the face's own size, so
    that it needs no scale; a jaw turned by an angle parts lips at a distance from its joint by
    about that angle times the distance.
    """
    if INNER_LIPS[0] not in points.index:
        still = np.broadcast_to(np.eye(3), (len(points.time_s), 3, 3))
        return still.copy(), np.zeros(len(points.time_s))
    gap = np.linalg.norm(points.at(INNER_LIPS[0]) - points.at(INNER_LIPS[1]), axis=-1)
    columns = points.columns(RIGID_FACE_POINTS)
    seen_size = _spread(points.positions[:, columns])
    rest_size = float(_spread(points.rest[None, columns])[0])
    ratio = np.maximum(gap / np.maximum(seen_size, 1e-6) - CLOSED_RATIO, 0.0)
    reach = np.linalg.norm(points.rest_at(INNER_LIPS[1]) - jaw_rest_3)
    angle = np.clip(ratio * rest_size / reach, 0.0, MAX_OPENING_RAD)
    rotation = matrix_from_axis_angle(angle[:, None] * np.array([1.0, 0.0, 0.0]))
    return np.asarray(rotation, dtype=np.float64), points.score(*INNER_LIPS)


def _spread(points_TN3: Float64) -> Float64:
    """Root mean square distance (T,) from the middle of the points."""
    away = points_TN3 - points_TN3.mean(axis=1, keepdims=True)
    return np.sqrt(np.mean(np.sum(away * away, axis=-1), axis=-1))
