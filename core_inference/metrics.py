"""What a take is worth: figures of a take by itself, and its errors against a known motion.

Lengths are in metres and angles in radians inside; a figure's name carries another unit where
it has one.

Legend: T frames, J joints, S sole points (4).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rigs.skeleton import PARENTS
from .body_model import BodyModel
from .clip import Clip, RawTake
from .motion.single_frames import single_frames, standing_like
from .motion.soles import sole_points

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


@dataclass(frozen=True, kw_only=True)
class QualityCard:
    """A take's figures, the same of its frames taken singly, and the frame to look at first.

    worst_frame: the source frame that `worst_frame` names.
    """

    after: Quality
    before: Quality
    worst_frame: int

    def as_dict(self) -> dict[str, Any]:
        """The figures by name, those before under `before`, ready for JSON."""
        before = self.before.as_dict()
        return {**self.after.as_dict(), "before": before, "worst_frame": self.worst_frame}


def quality_card(
    clip: Clip, raw: RawTake, body: BodyModel, frames: Clip | None = None
) -> QualityCard:
    """Measure a clip and what the single frames of its raw take gave.

    frames: what `motion.single_frames.single_frames` gave for this take earlier.
    """
    alone = single_frames(raw, body) if frames is None else frames
    before = standing_like(alone, clip, raw, body)
    return QualityCard(
        after=quality(clip, raw, body),
        before=quality(before, raw, body),
        worst_frame=worst_frame(clip, raw, body),
    )


MUCH_REPROJECTION = 0.05
"""The joints of a frame are this share of the person's height in the picture off their pixels."""

MUCH_JERK_M_S3 = 2000.0
MUCH_SLIDE_M_S = 0.1
MUCH_PENETRATION_M = 0.02


def worst_frame(clip: Clip, raw: RawTake, body: BodyModel) -> int:
    """The source frame with the largest sum of four figures, each divided by what is much of it.

    The mean distance of surely seen joints from their pixels; the mean jerk of the joints about
    the frame; the speed of the fastest sole in contact; the depth of the deepest below the ground.
    """
    soles_TS3 = np.asarray(sole_points(clip, body), dtype=np.float64)
    jerk_T = np.zeros(len(clip.frame_index))
    if len(jerk_T) >= 4:
        jerk_T[1:-2] = jerk(clip.joints.astype(np.float64), clip.time_s).mean(axis=1)
    speed_TS = np.zeros(soles_TS3.shape[:2])
    if len(jerk_T) >= 2:
        velocity = np.gradient(soles_TS3[..., :2], clip.time_s, axis=0)
        speed_TS = np.linalg.norm(velocity, axis=-1) * (clip.contacts > IN_CONTACT)
    badness_T = (
        _reprojection_share(clip, raw) / MUCH_REPROJECTION
        + jerk_T / MUCH_JERK_M_S3
        + speed_TS.max(axis=1) / MUCH_SLIDE_M_S
        + np.maximum(-soles_TS3[..., 2].min(axis=1), 0.0) / MUCH_PENETRATION_M
    )
    return int(clip.frame_index[np.argmax(badness_T)])


def _reprojection_share(clip: Clip, raw: RawTake) -> Float64:
    """How far surely seen joints are from their pixels (T,), as a share of the box's height.

    0 where nothing was surely seen.
    """
    _, rows, raw_rows = np.intersect1d(
        clip.frame_index, raw.frame_index, assume_unique=True, return_indices=True
    )
    off_NJ = np.linalg.norm(clip.joints2d[rows] - raw.joints2d[raw_rows], axis=-1)
    seen_NJ = raw.scores[raw_rows] > SURE_SCORE
    mean_N = (off_NJ * seen_NJ).sum(axis=1) / np.maximum(seen_NJ.sum(axis=1), 1)
    share_T = np.zeros(len(clip.frame_index))
    share_T[rows] = mean_N / np.maximum(raw.boxes[raw_rows, 3], 1.0)
    return share_T


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


def derivative(points_TJ3: Float64, time_s_T: Float64, order: int) -> Float64:
    """The time derivative (T-order,J,3) in m/s^order by divided differences over true times.

    Exact for polynomials of that order at any spacing. Needs more than `order` frames. Source:
    Newton's divided differences, f[t0..tk] = f^(k) / k!.
    """
    divided = points_TJ3
    for step in range(1, order + 1):
        span = time_s_T[step:] - time_s_T[:-step]
        divided = step * np.diff(divided, axis=0) / span[:, None, None]
    return divided


def jerk(joints_TJ3: Float64, time_s_T: Float64) -> Float64:
    """Norms (T-3,J) in m/s³ of the third derivative over true times; their mean is the jitter.

    A clip of fewer than four frames has none: one row of zeros. Source: the jitter of Yi et al.,
    "TransPose" (2021), there in 10² m/s³ at a fixed rate.
    """
    if len(joints_TJ3) < 4:
        return np.zeros((1, joints_TJ3.shape[1]))
    third_TJ3 = derivative(joints_TJ3, time_s_T, 3)
    return np.asarray(np.linalg.norm(third_TJ3, axis=-1), dtype=np.float64)


def foot_slide(soles_TS3: Float64, contacts_TS: Float32, time_s_T: Float64) -> float:
    """Mean horizontal speed in m/s of heels and toes while they stand; 0 where none does.

    Over all (frame, sole point) whose contact is above `IN_CONTACT`, the mean of |d(x,y)/dt| by
    central differences over true times.
    """
    standing = contacts_TS > IN_CONTACT
    if len(soles_TS3) < 2 or not standing.any():
        return 0.0
    velocity = np.gradient(soles_TS3[..., :2], time_s_T, axis=0)
    return float(np.linalg.norm(velocity, axis=-1)[standing].mean())


def floor_penetration(soles_TS3: Float64) -> float:
    """Mean depth in m of the deepest sole point below the ground, 0 in frames where none is."""
    return float(np.maximum(-soles_TS3[..., 2].min(axis=1), 0.0).mean())


ALL_BONES = tuple(enumerate(PARENTS))[1:]
"""Every joint but the pelvis with its parent: the 54 bones of the skeleton."""


def bone_length_variation(
    joints_TJ3: Float64, bones: Sequence[tuple[int, int]] = ALL_BONES
) -> float:
    """Coefficient of variation of the bones' lengths: 0 where no bone changes its length.

    Each bone's standard deviation over the frames divided by its mean length, averaged over the
    bones; `bones` (B,2) are pairs of columns of (T,J,3), a joint and its parent.
    """
    ends, starts = np.array(bones).T
    lengths_TB = np.linalg.norm(joints_TJ3[:, ends] - joints_TJ3[:, starts], axis=-1)
    mean_B = np.maximum(lengths_TB.mean(axis=0), 1e-9)
    return float((lengths_TB.std(axis=0) / mean_B).mean())
