"""One body for the whole clip: the open body's shape from the lengths seen in all frames.

Legend: T frames, K lengths, B shape components.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from ..body_model import SHAPE_COUNT, BodyModel
from .points import Points

Float64 = NDArray[np.float64]

LENGTHS: tuple[tuple[tuple[str, ...], tuple[str, ...], float], ...] = (
    (("body_left_shoulder",), ("body_left_elbow",), 1.0),
    (("body_right_shoulder",), ("body_right_elbow",), 1.0),
    (("body_left_elbow",), ("body_left_wrist",), 1.0),
    (("body_right_elbow",), ("body_right_wrist",), 1.0),
    (("body_left_hip",), ("body_left_knee",), 1.0),
    (("body_right_hip",), ("body_right_knee",), 1.0),
    (("body_left_knee",), ("body_left_ankle",), 1.0),
    (("body_right_knee",), ("body_right_ankle",), 1.0),
    (("body_left_shoulder",), ("body_right_shoulder",), 1.0),
    (("body_left_hip",), ("body_right_hip",), 0.5),
    (
        ("body_left_shoulder", "body_right_shoulder"),
        ("body_left_hip", "body_right_hip"),
        0.5,
    ),
)
"""Pairs of landmark groups whose distance is a length of the body, and how much it counts."""

PRIOR = 0.02
"""One unit of a shape component costs as much as a length that is 2 cm off."""

STRAIGHT_SHARE = 0.8
"""A torso only gets shorter by bending: its length is what it reaches at its straightest."""

MAX_SHAPE = 3.0


def solve_shape(points: Points, body: BodyModel) -> Float64:
    """The shape components (10,) of the open body that best explain the clip's limb lengths.

    Each length is the score-weighted median over all frames, so neither a bad frame nor the
    estimator's wavering scale moves it; what was never seen stays at the average body's, of the
    person's size.
    """
    seen, weights = np.zeros(len(LENGTHS)), np.zeros(len(LENGTHS))
    for k, (start, end, weight) in enumerate(LENGTHS):
        scores = points.score(*start, *end)
        length_T = np.linalg.norm(points.at(*start) - points.at(*end), axis=-1)
        share = STRAIGHT_SHARE if len(start) > 1 else 0.5
        seen[k] = weighted_quantile(length_T, scores**2, share)
        weights[k] = weight * float(np.quantile(scores, 0.75))

    across_K3, slope_K3B = _rest_lengths(body)

    def residuals(betas: Float64) -> Float64:
        lengths = np.linalg.norm(across_K3 + slope_K3B @ betas, axis=-1)
        return np.concatenate([weights * (lengths - seen), PRIOR * (betas - usual)])

    usual = shape_of_size(body, points.size)
    fit = least_squares(residuals, usual, bounds=(usual - MAX_SHAPE, usual + MAX_SHAPE))
    return np.asarray(fit.x, dtype=np.float64)


def shape_of_size(body: BodyModel, size: float) -> Float64:
    """The shape (10,) of the average body made larger or smaller as a whole, size times.

    The first component is the body's size: it moves all points in proportion.
    """
    from_pelvis_J3 = body.joints_template - body.joints_template[0]
    larger_J3 = body.joint_directions[..., 0] - body.joint_directions[0, :, 0]
    share = float(np.sum(larger_J3 * from_pelvis_J3) / np.sum(from_pelvis_J3**2))
    shape = np.zeros(SHAPE_COUNT)
    shape[0] = (size - 1.0) / share
    return shape


def _rest_lengths(body: BodyModel) -> tuple[Float64, Float64]:
    """The lengths as vectors at rest (K,3) m and their change per shape unit (K,3,10)."""

    def vectors(betas: Float64) -> Float64:
        rest_L3 = np.asarray(body.landmark_rest_points(betas), dtype=np.float64)
        ends = [
            [rest_L3[body.landmark_indices(group)].mean(axis=0) for group in (start, end)]
            for start, end, _ in LENGTHS
        ]
        return np.array([end - start for start, end in ends])

    average = vectors(np.zeros(SHAPE_COUNT))
    slopes = [vectors(unit) - average for unit in np.eye(SHAPE_COUNT)]
    return average, np.stack(slopes, axis=-1)


def weighted_quantile(values_T: Float64, weights_T: Float64, quantile: float) -> float:
    """The value below which that share of the weights lies; 0 where all weights are 0."""
    if weights_T.sum() <= 0.0:
        return 0.0
    order = np.argsort(values_T)
    share = np.cumsum(weights_T[order])
    return float(values_T[order[np.searchsorted(share, quantile * share[-1])]])
