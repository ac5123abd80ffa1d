"""Errors of joints, vertices and rotations against a known motion, frame by frame.

Points are joints or vertices alike: mean `point_errors` after `root_aligned` are the MPJPE and
the MPVPE, after `similarity_aligned` the PA-MPJPE and the PA-MPVPE. All lengths are in metres,
all results finite for finite input, also where points coincide or lie on one line.

Legend: T frames, N points, J joints, R root points.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rigs.rotation import angle_between, kabsch, rotation_about

Float64 = NDArray[np.float64]

PCK_THRESHOLD_M = 0.15
"""A joint nearer than this to the truth counts as correct in 3DPCK (MPI-INF-3DHP, MuPoTS-3D)."""

AUC_THRESHOLDS_M = np.arange(0.0, 0.1501, 0.005)
"""0, 5 ... 150 mm: where MuPoTS-3D's own evaluation samples the 3DPCK curve."""


# --- distances ---------------------------------------------------------------------------------


def point_errors(predicted_TN3: Float64, truth_TN3: Float64) -> Float64:
    """Euclidean distances (T,N) in m between points that belong together.

    Without alignment their mean is the absolute error; see `root_aligned` for MPJPE and MPVPE.
    """
    return np.asarray(np.linalg.norm(predicted_TN3 - truth_TN3, axis=-1), dtype=np.float64)


def root_aligned(points_TN3: Float64, root_T3: Float64) -> Float64:
    """The points (T,N,3) m relative to their own root (T,3) of every frame.

    MPJPE and MPVPE = mean |(p - root) - (p* - root*)| over points and frames. The root is the
    pelvis for the whole body and the body, the wrist for a hand, the neck for the face. Source:
    Moon et al., "Accurate 3D hand pose estimation for whole-body 3D human mesh estimation"
    (2022), section 5.1.
    """
    return points_TN3 - root_T3[:, None]


def aligned_point_errors(predicted_TN3: Float64, truth_TN3: Float64) -> Float64:
    """Distances (T,N) in m after similarity alignment of every frame.

    Their mean is the PA-MPJPE of joints and the PA-MPVPE of vertices.
    """
    return point_errors(similarity_aligned(predicted_TN3, truth_TN3), truth_TN3)


def rotation_errors(predicted: Float64, truth: Float64) -> Float64:
    """Geodesic distances (T,J) in radians between (T,J,3,3) matrices of the same frame."""
    return np.asarray(angle_between(predicted, truth), dtype=np.float64)


# --- alignments --------------------------------------------------------------------------------


def similarity_aligned(predicted_TN3: Float64, truth_TN3: Float64) -> Float64:
    """The predicted points (T,N,3), every frame turned, scaled and moved best onto the truth.

    Least squares over the points of each frame, without mirroring. Points that all coincide are
    moved onto the truth's middle. Source: Umeyama, "Least-squares estimation of transformation
    parameters between two point patterns" (1991), eqs. 40 to 43.
    """
    weights = np.ones(predicted_TN3.shape[:-1])
    rotation_T33 = kabsch(predicted_TN3, truth_TN3, weights)
    middle = truth_TN3.mean(axis=1, keepdims=True)
    centred = predicted_TN3 - predicted_TN3.mean(axis=1, keepdims=True)
    turned = centred @ np.swapaxes(rotation_T33, -1, -2)
    size_T = np.sum(centred * centred, axis=(1, 2))
    fit_T = np.sum(turned * (truth_TN3 - middle), axis=(1, 2))
    scale_T = np.divide(fit_T, size_T, out=np.zeros_like(fit_T), where=size_T > _NO_SIZE)
    return np.asarray(scale_T[:, None, None] * turned + middle, dtype=np.float64)


_NO_SIZE = 1e-200
"""Summed squares in m² below which points coincide, and dividing by them would not be sound."""


def level_alignment(predicted_N3: Float64, truth_N3: Float64) -> tuple[Float64, Float64]:
    """The turn about z (3,3) and the shift (3,) m that best carry one world into another."""
    source = predicted_N3 - predicted_N3.mean(axis=0)
    target = truth_N3 - truth_N3.mean(axis=0)
    along = np.sum(source[:, :2] * target[:, :2])
    across = np.sum(source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0])
    yaw = np.arctan2(across, along)
    turn = np.asarray(rotation_about(np.array([0.0, 0.0, 1.0]), yaw), dtype=np.float64)
    return turn, truth_N3.mean(axis=0) - turn @ predicted_N3.mean(axis=0)


# --- where the person is -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RootErrors:
    """MRPE in mm, and its parts: mean absolute errors along x (right), y (down), z (forward)."""

    mrpe_mm: float
    x_mm: float
    y_mm: float
    z_mm: float


def root_errors(predicted_T3: Float64, truth_T3: Float64) -> RootErrors:
    """Mean root position error of roots (T,3) m, both in camera space, in mm.

    MRPE = mean over frames of |R - R*|; its part along an axis is the mean of |R_a - R*_a|.
    Source: Moon, dissertation, eq. 2.5 and table 2.5 ("Camera distance-aware top-down approach
    for 3D multi-person pose estimation", 2019).
    """
    offset_T3 = predicted_T3 - truth_T3
    x_mm, y_mm, z_mm = 1000.0 * np.abs(offset_T3).mean(axis=0)
    mrpe_mm = 1000.0 * float(np.linalg.norm(offset_T3, axis=-1).mean())
    return RootErrors(mrpe_mm=mrpe_mm, x_mm=float(x_mm), y_mm=float(y_mm), z_mm=float(z_mm))


# --- shares of correct joints ------------------------------------------------------------------


def pck(errors: NDArray[np.floating[Any]], threshold_m: float = PCK_THRESHOLD_M) -> float:
    """3DPCK: the share 0..1 of errors in m, of any shape, that are below the threshold.

    Of `point_errors` after `root_aligned` it is 3DPCK_rel, of camera-space points without any
    alignment 3DPCK_abs. Source: Mehta et al. (2017, 2018); Moon, dissertation, section 2.8.1.
    """
    return float((errors < threshold_m).mean())


def pck_auc(
    errors: NDArray[np.floating[Any]], thresholds_m: Sequence[float] | Float64 = AUC_THRESHOLDS_M
) -> float:
    """Area under the 3DPCK curve, 0..1: the mean of `pck` over the thresholds.

    The first threshold is 0, below which no error is: 30/31 is the best there is. Source: the
    evaluation of MPI-INF-3DHP and MuPoTS-3D (Mehta et al. 2017, 2018).
    """
    return float(np.mean([pck(errors, float(threshold)) for threshold in thresholds_m]))
