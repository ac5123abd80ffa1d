"""Arms and legs: swing along the bones, twist from the hinge of elbow and knee.

A two-bone limb's first bone points where its landmarks say; how it is turned about itself shows
only in the plane of the bent hinge. Where the limb is straight that plane is lost, and a second
clue (the foot for the leg), then the last plane seen, then the parent's own direction decide, so
that a straightening limb never flips.

Legend: T frames.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import (
    FloatArray,
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    normalized,
    rotation_about,
    swing_between,
    twist_angle,
)
from .filling import fill_angles, trust_from_score
from .points import Points

Float64 = NDArray[np.float64]

BENT = (np.sin(np.radians(8.0)), np.sin(np.radians(25.0)))
"""The hinge's plane is not believed below the first bend and fully believed above the second."""


@dataclass(frozen=True, kw_only=True)
class Limb:
    """Landmark names of a two-bone limb; `hinge` is the bending axis at rest, in zero-pose axes."""

    root: str
    middle: str
    end: str
    hinge: tuple[float, float, float]


LEFT_ARM = Limb(
    root="body_left_shoulder", middle="body_left_elbow", end="body_left_wrist", hinge=(0, -1, 0)
)
RIGHT_ARM = Limb(
    root="body_right_shoulder", middle="body_right_elbow", end="body_right_wrist", hinge=(0, 1, 0)
)
LEFT_LEG = Limb(
    root="body_left_hip", middle="body_left_knee", end="body_left_ankle", hinge=(1, 0, 0)
)
RIGHT_LEG = Limb(
    root="body_right_hip", middle="body_right_knee", end="body_right_ankle", hinge=(1, 0, 0)
)


@dataclass(frozen=True, kw_only=True, eq=False)
class LimbPose:
    """World rotations (T,3,3) of a limb's two bones, with the score (T,) of each."""

    upper: Float64
    lower: Float64
    upper_score: Float64
    lower_score: Float64


def solve_limb(
    points: Points, limb: Limb, parent: Float64, clue: Float64 | None = None
) -> LimbPose:
    """Solve one limb below a parent with world rotation (T,3,3).

    `clue` (T,3) is where the hinge's axis is expected in the world, as the foot gives it for the
    knee: it decides where the limb is straight, and a hinge bent against it is noise.
    """
    upper_rest = points.rest_at(limb.middle) - points.rest_at(limb.root)
    lower_rest = points.rest_at(limb.end) - points.rest_at(limb.middle)
    upper_seen = normalized(points.at(limb.middle) - points.at(limb.root))
    lower_seen = normalized(points.at(limb.end) - points.at(limb.middle))
    upper_score = points.score(limb.root, limb.middle)
    lower_score = np.minimum(upper_score, points.score(limb.end))

    swung = swing_onto(parent, upper_rest, upper_seen)
    hinge_now = swung @ _perpendicular(np.array(limb.hinge, dtype=np.float64), upper_rest)
    hinge_seen = np.cross(upper_seen, lower_seen)
    trust = trust_from_score(np.linalg.norm(hinge_seen, axis=-1), *BENT)
    trust = trust * trust_from_score(lower_score)
    neutral = np.zeros(len(swung))
    if clue is not None:
        neutral = signed_angle(hinge_now, clue, upper_seen)
        trust = trust * (np.sum(hinge_seen * clue, axis=-1) > 0.0)
    seen = signed_angle(hinge_now, hinge_seen, upper_seen)
    twist = fill_angles(seen, trust, neutral, points.time_s)
    upper = rotation_about(upper_seen, twist) @ swung
    return LimbPose(
        upper=upper,
        lower=swing_onto(upper, lower_rest, lower_seen),
        upper_score=upper_score,
        lower_score=lower_score,
    )


def swing_onto(parent: Float64, rest_3: FloatArray, seen_T3: FloatArray) -> Float64:
    """The parent's world rotation (T,3,3), swung by the least turn so that `rest` points `seen`."""
    return np.asarray(swing_between(parent @ rest_3, seen_T3) @ parent, dtype=np.float64)


def signed_angle(start_T3: FloatArray, end_T3: FloatArray, axis_T3: FloatArray) -> Float64:
    """Radians (T,) from `start` to `end` about the unit axis, both seen along it."""
    cross = np.sum(np.cross(start_T3, end_T3) * axis_T3, axis=-1)
    along = np.sum(start_T3 * axis_T3, axis=-1) * np.sum(end_T3 * axis_T3, axis=-1)
    return np.arctan2(cross, np.sum(start_T3 * end_T3, axis=-1) - along)


def _perpendicular(vector_3: Float64, axis_3: Float64) -> Float64:
    unit = normalized(axis_3)
    return np.asarray(normalized(vector_3 - np.sum(vector_3 * unit) * unit), dtype=np.float64)


# --- the ends: feet and forearms --------------------------------------------------------------

TWIST_SHARE = 0.5
WRIST_TWIST = np.radians(45.0)
"""How much of the palm's turn about the forearm the elbow joint takes; the wrist keeps the rest, up
to a limit, for a wrist does not twist: only the skin over it does."""

FLEXION = np.radians((-80.0, 80.0))
DEVIATION = np.radians((-25.0, 40.0))
"""How far a wrist bends towards the back and the inside of the hand, and sideways towards thumb and
little finger: what people can do, and the error of an estimator."""

TWIST_CENTRE = np.radians(50.0)
TWIST_REACH = np.radians(100.0)
"""The palm turns from palm-down at rest further outwards than inwards: centre and half range."""


def solve_foot(points: Points, side: str, shin: Float64) -> tuple[Float64, Float64]:
    """World rotation (T,3,3) and score (T,) of a foot: the shin's, swung from heel to toe.

    Heel, ankle and toe lie too close to a line to say how the foot rolls: it does not.
    """
    heel, toe = f"body_{side}_heel", f"body_{side}_foot_index"
    rest = points.rest_at(toe) - points.rest_at(heel)
    foot = swing_onto(shin, rest, points.at(toe) - points.at(heel))
    return foot, points.score(f"body_{side}_ankle", heel, toe)


def knee_clue(points: Points, side: str) -> Float64:
    """Where the foot expects the knee's axis (T,3): across the foot, to the body's left."""
    forward = points.at(f"body_{side}_foot_index") - points.at(f"body_{side}_heel")
    shin = points.at(f"body_{side}_ankle") - points.at(f"body_{side}_knee")
    return np.asarray(normalized(np.cross(forward, shin)), dtype=np.float64)


def share_twist(forearm: Float64, palm: Float64, axis_3: FloatArray, side: str) -> Float64:
    """Turn the forearm (T,3,3) about its own axis (3,) towards the palm, by `TWIST_SHARE`.

    The turn is measured around the middle of what a forearm can do, so that it never wraps
    within reach, and ends at the reach.
    """
    outwards = 1.0 if side == "right" else -1.0
    centre = outwards * TWIST_CENTRE
    relative = np.swapaxes(forearm, -1, -2) @ palm
    away = twist_angle(relative, axis_3) - centre
    away = np.arctan2(np.sin(away), np.cos(away))
    twist = centre + np.clip(away, -TWIST_REACH, TWIST_REACH)
    of_wrist = np.clip((1.0 - TWIST_SHARE) * twist, -WRIST_TWIST, WRIST_TWIST)
    turn = rotation_about(normalized(axis_3), twist - of_wrist)
    return np.asarray(forearm @ turn, dtype=np.float64)


def within_wrist(forearm: Float64, palm: Float64, axis_3: FloatArray, side: str) -> Float64:
    """The palm's world rotation (T,3,3), nearest to the one seen, that its forearm (T,3,3) allows.

    axis_3: the forearm's own axis at rest, from elbow to wrist.
    """
    relative = np.swapaxes(forearm, -1, -2) @ palm
    twist = twist_angle(relative, axis_3)
    swing = axis_angle_from_matrix(relative @ rotation_about(axis_3, -twist))
    ends = DEVIATION if side == "left" else -DEVIATION[::-1]
    swing[..., 1] = np.clip(swing[..., 1], *ends)
    swing[..., 2] = np.clip(swing[..., 2], *FLEXION)
    twist = np.clip(twist, -WRIST_TWIST, WRIST_TWIST)
    bent = matrix_from_axis_angle(swing) @ rotation_about(axis_3, twist)
    return np.asarray(forearm @ bent, dtype=np.float64)
