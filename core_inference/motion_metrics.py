"""Errors over time against a known motion: accelerations, foot contacts, coverage.

Legend: T frames, J joints, S sole points (4), U frames of the reference.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metrics import IN_CONTACT, derivative

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]


def accelerations(joints_TJ3: Float64, origin_T3: Float64) -> Float64:
    """Norms (T-2,J) in m/frame² of second differences relative to a moving origin (T,3).

    |x[t-1] - 2 x[t] + x[t+1]| of x = joint - origin. Fewer than three frames have none: one row
    of zeros.
    """
    if len(joints_TJ3) < 3:
        return np.zeros((1, joints_TJ3.shape[1]))
    second = np.diff(joints_TJ3 - origin_T3[:, None], n=2, axis=0)
    return np.asarray(np.linalg.norm(second, axis=-1), dtype=np.float64)


def acceleration_errors(predicted_TJ3: Float64, truth_TJ3: Float64) -> Float64:
    """Norms (T-2,J) in m/frame² of the difference of both accelerations.

    |a - a*| with a = x[t-1] - 2 x[t] + x[t+1]; both sides relative to their root where the
    figure is to be of the pose alone. Fewer than three frames: one row of zeros. Source:
    Kanazawa et al., "Learning 3D human dynamics from video" (2019), section 4.2.
    """
    if len(predicted_TJ3) < 3:
        return np.zeros((1, predicted_TJ3.shape[1]))
    second = np.diff(predicted_TJ3 - truth_TJ3, n=2, axis=0)
    return np.asarray(np.linalg.norm(second, axis=-1), dtype=np.float64)


def timed_acceleration_errors(
    predicted_TJ3: Float64, truth_TJ3: Float64, time_s_T: Float64
) -> Float64:
    """The same norms (T-2,J) in m/s², over the frames' true times (T,), evenly spaced or not.

    Second derivatives by divided differences, see `metrics.derivative`.
    """
    if len(predicted_TJ3) < 3:
        return np.zeros((1, predicted_TJ3.shape[1]))
    second = derivative(predicted_TJ3 - truth_TJ3, time_s_T, 2)
    return np.asarray(np.linalg.norm(second, axis=-1), dtype=np.float64)


def contact_f1(predicted_TS: Float32, truth_TS: Float32) -> float:
    """F1 score of contacts, 0..1, each above `IN_CONTACT`; 1 where neither has any."""
    said, true = predicted_TS > IN_CONTACT, truth_TS > IN_CONTACT
    counted = int(said.sum() + true.sum())
    return 2.0 * float((said & true).sum()) / counted if counted else 1.0


def person_frame_coverage(
    found: NDArray[np.bool_], present: NDArray[np.bool_] | None = None
) -> float:
    """The share 0..1 of person-frames in which the person was really seen, not filled in.

    found and present have one element per person and frame, in any shape; present says where the
    person is in the footage at all, None: everywhere. 1 where nobody is anywhere.
    """
    where: NDArray[Any] = np.ones(found.shape, dtype=bool) if present is None else present
    return float(found[where].mean()) if where.any() else 1.0


def seen_at(
    target_s_U: Float64, time_s_T: Float64, tracked_T: NDArray[np.bool_], slack_s: float
) -> NDArray[np.bool_]:
    """Whether the row (T,) nearest in time was tracked, for every (U,).

    False for times further than slack_s before the first row or after the last.
    """
    within = (target_s_U >= time_s_T[0] - slack_s) & (target_s_U <= time_s_T[-1] + slack_s)
    return tracked_T[nearest(time_s_T, target_s_U)] & within


def nearest(source_s_T: Float64, target_s_U: Float64) -> NDArray[np.intp]:
    """The row of `source_s_T`, rising times, that is nearest to each of (U,)."""
    right = np.clip(np.searchsorted(source_s_T, target_s_U), 0, len(source_s_T) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(target_s_U - source_s_T[left] < source_s_T[right] - target_s_U, left, right)
