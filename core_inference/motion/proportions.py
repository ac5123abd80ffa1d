"""One body for the whole clip: the open body's shape from the lengths seen in all frames.

Legend: T frames, K lengths.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from ..body_model import SHAPE_COUNT, BodyModel
from ..clip import RawTake

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
        1.0,
    ),
)
"""Pairs of landmark groups whose distance is a length of the body, and how much it counts."""

PRIOR = 0.01
"""One unit of a shape component costs as much as a length that is 1 cm off."""

MAX_SHAPE = 3.0


def solve_shape(raw: RawTake, body: BodyModel) -> Float64:
    """The shape components (10,) of the open body that best explain the clip's limb lengths.

    Each length is the score-weighted median over all frames, so neither a bad frame nor the
    estimator's wavering scale moves it; what was never seen stays at the average body's.
    """
    column = {name: k for k, name in enumerate(raw.landmark_names)}
    seen, weights = np.zeros(len(LENGTHS)), np.zeros(len(LENGTHS))
    for k, (start, end, weight) in enumerate(LENGTHS):
        names = [column[name] for name in (*start, *end)]
        scores = raw.landmark_scores[:, names].min(axis=1).astype(np.float64)
        points = raw.landmarks3d.astype(np.float64)
        ends = [points[:, [column[n] for n in group]].mean(axis=1) for group in (start, end)]
        seen[k] = weighted_median(np.linalg.norm(ends[0] - ends[1], axis=-1), scores**2)
        weights[k] = weight * float(np.quantile(scores, 0.75))

    def residuals(betas: Float64) -> Float64:
        rest = body.landmark_rest_points(betas)
        return np.concatenate([weights * (_lengths(body, rest) - seen), PRIOR * betas])

    fit = least_squares(residuals, np.zeros(SHAPE_COUNT), bounds=(-MAX_SHAPE, MAX_SHAPE))
    return np.asarray(fit.x, dtype=np.float64)


def _lengths(body: BodyModel, rest_L3: Float64) -> Float64:
    def middle(names: tuple[str, ...]) -> Float64:
        return rest_L3[[body.landmark_index[name] for name in names]].mean(axis=0)

    return np.array([np.linalg.norm(middle(start) - middle(end)) for start, end, _ in LENGTHS])


def weighted_median(values_T: Float64, weights_T: Float64) -> float:
    """The value that splits the weights in halves; 0 where all weights are 0."""
    if weights_T.sum() <= 0.0:
        return 0.0
    order = np.argsort(values_T)
    share = np.cumsum(weights_T[order])
    return float(values_T[order[np.searchsorted(share, 0.5 * share[-1])]])
