"""Solved arms that reach a little farther, so that their palms come onto their pixels.

The clip is solved for the body's landmarks, of which the hand has three; the hand's own say better
where it is in the picture.

Legend: T frames, J joints (55), N landmarks of a palm.
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import matrix_from_quaternion
from ...rigs.skeleton import JOINT
from .arms import REACHING, reaching_arm
from .chain import Chain, ChainPose
from .evidence import SIDES
from .filling import trust_from_score
from .hands import FINE_SCORE, PALM
from .points import Points
from .smoothing import calm

Float64 = NDArray[np.float64]

SHARE = 0.7
"""So much of what a palm's landmarks miss by on average is taken from it: they are off by 9 mm in
the picture, the wrist that the clip was solved for by 14 (rendered)."""

CALM_HZ = 3.0
"""What they miss by changes no faster: beyond that it is the landmarks' own trembling."""


def hands_on_pixels(
    chain: Chain, pose: ChainPose, palms_TJ33: Float64, points: Points, camera_T33: Float64
) -> ChainPose:
    """The pose with both wrists moved across the view, as far as the palms were seen elsewhere.

    palms_TJ33: world rotations (T,55,3,3) with the palms as they shall be; points with their rays,
    on the same body; camera_T33: world to camera, which is at the origin.
    """
    placed = chain.placed(pose)
    rotations_TJ33 = pose.rotations.copy()
    for side in SIDES:
        wrist = JOINT[f"{side}_wrist"]
        palm_TN3 = placed.joints[:, wrist, None] + _reach(points, side) @ np.swapaxes(
            palms_TJ33[:, wrist], 1, 2
        )
        missed_T3 = _missed(palm_TN3 @ np.swapaxes(camera_T33, 1, 2), points, side)
        shift_T3 = calm((missed_T3[:, None] @ camera_T33)[:, 0], points.time_s, CALM_HZ)
        arm = [JOINT[f"{side}_{name}"] for name in REACHING]
        turns_T34 = reaching_arm(placed.world, placed.joints, shift_T3, side)
        rotations_TJ33[:, arm] = matrix_from_quaternion(turns_T34)
    return ChainPose(rotations=rotations_TJ33, pelvis=pose.pelvis)


def _names(side: str) -> tuple[str, ...]:
    return tuple(f"{side}_hand_{name}" for name in PALM)


def _reach(points: Points, side: str) -> Float64:
    """From the wrist joint to the palm's landmarks at rest (N,3) m; the first is the wrist."""
    rest_N3 = points.rest[points.columns(_names(side))]
    return rest_N3 - rest_N3[0]


def _missed(palm_TN3: Float64, points: Points, side: str) -> Float64:
    """How far a palm, camera axes, has to go across the view (T,3) m to be where it is seen."""
    assert points.rays is not None, "the points lie on their rays"
    seen_TN2 = points.rays[:, points.columns(_names(side))]
    missed_TN2 = seen_TN2 * palm_TN3[..., 2:] - palm_TN3[..., :2]
    share_T1 = SHARE * trust_from_score(points.score(*_names(side)), *FINE_SCORE)[:, None]
    aside_T2 = share_T1 * missed_TN2.mean(axis=1)
    return np.concatenate([aside_T2, np.zeros_like(share_T1)], axis=1)
