"""What a take is worth: figures of a take by itself, and its errors against a known motion.

Lengths are in metres and angles in radians inside; a figure's name carries another unit where
it has one.

Legend: T frames, J joints, S sole points (4).
"""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ..rigs.rotation import angle_between, kabsch, rotation_about
from ..rigs.skeleton import PARENTS
from .body_model import BodyModel
from .clip import Clip, RawTake
from .motion.ground import sole_points

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]

SURE_SCORE = 0.5
"""A detection counts as one above this score."""

IN_CONTACT = 0.5
"""A foot stands on the ground above this contact."""

_JERK_UNIT_M_S3 = 10.0
_CM_PER_M = 100.0


@dataclass(frozen=True, kw_only=True)
class Quality:
    """One person's figures in report.json: counts, shares 0..1 and the units in the names."""

    frames: int
    frames_tracked: int
    coverage: float
    mean_score: float
    reprojection_px: float
    jitter_10m_s3: float
    foot_slide_cm_s: float
    floor_penetration_cm: float
    bone_length_cv: float

    def as_dict(self) -> dict[str, int | float]:
        """The figures by name, ready for JSON."""
        return asdict(self)


def quality(clip: Clip, raw: RawTake | None, body: BodyModel) -> Quality:
    """Measure a take without knowing the truth; every figure is finite, also for one frame.

    raw is the take the clip was made from; without it the reprojection is 0.
    """
    soles_TS3 = np.asarray(sole_points(clip, body), dtype=np.float64)
    joints_TJ3 = clip.joints.astype(np.float64)
    tracked = clip.tracked
    return Quality(
        frames=len(clip.frame_index),
        frames_tracked=int(tracked.sum()),
        coverage=clip.coverage,
        mean_score=float(clip.scores[tracked].mean()) if tracked.any() else 0.0,
        reprojection_px=reprojection_px(clip, raw) if raw is not None else 0.0,
        jitter_10m_s3=float(jerk(joints_TJ3, clip.time_s).mean()) / _JERK_UNIT_M_S3,
        foot_slide_cm_s=_CM_PER_M * foot_slide(soles_TS3, clip.contacts, clip.time_s),
        floor_penetration_cm=_CM_PER_M * floor_penetration(soles_TS3),
        bone_length_cv=bone_length_variation(joints_TJ3),
    )


# --- figures of a take by itself ---------------------------------------------------------------


def reprojection_px(clip: Clip, raw: RawTake) -> float:
    """Median distance in px of the clip's projected joints to what was surely detected."""
    _, rows, raw_rows = np.intersect1d(
        clip.frame_index, raw.frame_index, assume_unique=True, return_indices=True
    )
    seen = (raw.scores[raw_rows] > SURE_SCORE) & clip.tracked[rows, None]
    if not seen.any():
        return 0.0
    projected, detected = clip.joints2d[rows][seen], raw.joints2d[raw_rows][seen]
    return float(np.median(np.linalg.norm(projected - detected, axis=-1)))


def jerk(joints_TJ3: Float64, time_s_T: Float64) -> Float64:
    """Norms (T-3,J) in m/s³ of the third derivative by divided differences over true times.

    A clip of fewer than four frames has none: one row of zeros.
    """
    if len(joints_TJ3) < 4:
        return np.zeros((1, joints_TJ3.shape[1]))
    divided = joints_TJ3
    for order in (1, 2, 3):
        span = time_s_T[order:] - time_s_T[:-order]
        divided = order * np.diff(divided, axis=0) / span[:, None, None]
    return np.asarray(np.linalg.norm(divided, axis=-1), dtype=np.float64)


def foot_slide(soles_TS3: Float64, contacts_TS: Float32, time_s_T: Float64) -> float:
    """Mean horizontal speed in m/s of heels and toes while they stand; 0 where none does."""
    standing = contacts_TS > IN_CONTACT
    if len(soles_TS3) < 2 or not standing.any():
        return 0.0
    velocity = np.gradient(soles_TS3[..., :2], time_s_T, axis=0)
    return float(np.linalg.norm(velocity, axis=-1)[standing].mean())


def floor_penetration(soles_TS3: Float64) -> float:
    """Mean depth in m of the deepest sole point below the ground, 0 in frames where none is."""
    return float(np.maximum(-soles_TS3[..., 2].min(axis=1), 0.0).mean())


def bone_length_variation(joints_TJ3: Float64) -> float:
    """Standard deviation over mean of each bone's length, averaged over the 54 bones."""
    parents = np.array(PARENTS[1:])
    lengths_TB = np.linalg.norm(joints_TJ3[:, 1:] - joints_TJ3[:, parents], axis=-1)
    mean_B = np.maximum(lengths_TB.mean(axis=0), 1e-9)
    return float((lengths_TB.std(axis=0) / mean_B).mean())


# --- errors against a known motion -------------------------------------------------------------


def joint_errors(predicted_TJ3: Float64, truth_TJ3: Float64) -> Float64:
    """Distances (T,J) in m; their mean is the MPJPE."""
    return np.asarray(np.linalg.norm(predicted_TJ3 - truth_TJ3, axis=-1), dtype=np.float64)


def similarity_aligned(predicted_TJ3: Float64, truth_TJ3: Float64) -> Float64:
    """The predicted joints (T,J,3), every frame turned, scaled and moved best onto the truth.

    Source: Umeyama (1991), least squares over the joints of each frame.
    """
    weights = np.ones(predicted_TJ3.shape[:-1])
    rotation_T33 = kabsch(predicted_TJ3, truth_TJ3, weights)
    middle = truth_TJ3.mean(axis=1, keepdims=True)
    centred = predicted_TJ3 - predicted_TJ3.mean(axis=1, keepdims=True)
    turned = centred @ np.swapaxes(rotation_T33, -1, -2)
    size = np.maximum(np.sum(centred * centred, axis=(1, 2)), 1e-12)
    scale_T = np.sum(turned * (truth_TJ3 - middle), axis=(1, 2)) / size
    return np.asarray(scale_T[:, None, None] * turned + middle, dtype=np.float64)


def aligned_joint_errors(predicted_TJ3: Float64, truth_TJ3: Float64) -> Float64:
    """Distances (T,J) in m after similarity alignment per frame; their mean is the PA-MPJPE."""
    return joint_errors(similarity_aligned(predicted_TJ3, truth_TJ3), truth_TJ3)


def rotation_errors(predicted: Float64, truth: Float64) -> Float64:
    """Geodesic distances (T,J) in radians between (T,J,3,3) matrices of the same frame."""
    return np.asarray(angle_between(predicted, truth), dtype=np.float64)


def accelerations(joints_TJ3: Float64, origin_T3: Float64) -> Float64:
    """Norms (T-2,J) in m/frame² of second differences relative to a moving origin.

    Fewer than three frames have none: one row of zeros.
    """
    if len(joints_TJ3) < 3:
        return np.zeros((1, joints_TJ3.shape[1]))
    second = np.diff(joints_TJ3 - origin_T3[:, None], n=2, axis=0)
    return np.asarray(np.linalg.norm(second, axis=-1), dtype=np.float64)


def level_alignment(predicted_N3: Float64, truth_N3: Float64) -> tuple[Float64, Float64]:
    """The turn about z (3,3) and the shift (3,) m that best carry one world into another."""
    source = predicted_N3 - predicted_N3.mean(axis=0)
    target = truth_N3 - truth_N3.mean(axis=0)
    along = np.sum(source[:, :2] * target[:, :2])
    across = np.sum(source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0])
    yaw = np.arctan2(across, along)
    turn = np.asarray(rotation_about(np.array([0.0, 0.0, 1.0]), yaw), dtype=np.float64)
    return turn, truth_N3.mean(axis=0) - turn @ predicted_N3.mean(axis=0)


def contact_f1(predicted_TS: Float32, truth_TS: Float32) -> float:
    """F1 score of contacts, 0..1, each above `IN_CONTACT`; 1 where neither has any."""
    said, true = predicted_TS > IN_CONTACT, truth_TS > IN_CONTACT
    counted = int(said.sum() + true.sum())
    return 2.0 * float((said & true).sum()) / counted if counted else 1.0
