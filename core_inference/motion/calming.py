"""A clip calmed: the filter of the user's choice over rotations and root.

Legend: T frames, J joints (55).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import FloatArray, normalized
from ...rigs.skeleton import BODY_PARTS, JOINT_COUNT
from ..clip import Clip
from .one_euro import calm_rotations, calm_vectors
from .posing import quaternions, with_pose
from .smoothing import Cutoffs, scaled, smooth_rotations, smooth_vectors

Float64 = NDArray[np.float64]
Filter = Callable[[FloatArray, Float64, FloatArray, FloatArray], FloatArray]

FILTERS: dict[str, tuple[Filter, Filter]] = {
    "zero-phase": (smooth_rotations, smooth_vectors),
    "one-euro": (calm_rotations, calm_vectors),
}
"""For rotations (T,J,4) and vectors (T,J,D): values, times (T,), weights (T,J), hertz (J,)."""

UNSEEN_WEIGHT = 0.02
"""What a filled-in frame weighs against a seen one when neighbours are averaged."""


@dataclass(frozen=True, kw_only=True)
class Strength:
    """How strongly: smooth and, for wrists and fingers, hands, 0 to 1, by one of `FILTERS`."""

    smooth: float
    hands: float
    filter: str


def calmed(clip: Clip, strength: Strength, cutoffs: Cutoffs) -> Clip:
    """Low-pass rotations and the root without lag, doubtful frames leaning on sure ones."""
    if len(clip.frame_index) < 2 or max(strength.smooth, strength.hands) <= 0.0:
        return clip
    rotations_by, vectors_by = FILTERS[strength.filter]
    weights = np.maximum(clip.scores.astype(np.float64), UNSEEN_WEIGHT)
    strength_J = np.full(JOINT_COUNT, strength.smooth)
    strength_J[[*BODY_PARTS["wrists"], *BODY_PARTS["fingers"]]] = strength.hands
    hertz_J = scaled(cutoffs.per_joint(), strength_J)
    rotations = rotations_by(quaternions(clip), clip.time_s, weights, hertz_J)
    if strength.smooth <= 0.0:
        return with_pose(clip, rotations, clip.trans.astype(np.float64))
    root_hertz_3 = np.array([cutoffs.root_lateral, cutoffs.root_lateral, cutoffs.root_depth])
    weights_T3 = np.repeat(weights[:, :1], 3, axis=1)
    pelvis_T3 = _calmed_root(clip, weights_T3, scaled(root_hertz_3, strength.smooth), vectors_by)
    return with_pose(clip, rotations, pelvis_T3 - clip.rest_joints[0])


def _calmed_root(
    clip: Clip, weights_T3: Float64, hertz_3: FloatArray, vectors_by: Filter
) -> Float64:
    """The pelvis (T,3) m along the camera's axes: depth is far less sure than left and up."""
    pelvis_T3 = clip.joints[:, 0].astype(np.float64)
    if clip.camera.is_moving:
        return _before_moving(clip, weights_T3, hertz_3, vectors_by)
    camera_from_world = clip.camera.rotation.astype(np.float64)
    seen_T31 = (pelvis_T3 @ camera_from_world.T)[:, :, None]
    calm_T3 = vectors_by(seen_T31, clip.time_s, weights_T3, hertz_3)[..., 0]
    return np.asarray(calm_T3 @ camera_from_world, dtype=np.float64)


def _before_moving(
    clip: Clip, weights_T3: Float64, hertz_3: FloatArray, vectors_by: Filter
) -> Float64:
    """The same in the world, for a camera's own shaking must not move the person (T,3) m.

    Calmed as lateral and as depth is; the way towards the camera is taken from the latter.
    """
    pelvis_T31 = clip.joints[:, 0].astype(np.float64)[:, :, None]
    lateral_T3, depth_T3 = (
        vectors_by(pelvis_T31, clip.time_s, weights_T3, np.full(3, hertz))[..., 0]
        for hertz in (hertz_3[0], hertz_3[2])
    )
    rotation_T33 = clip.camera.rotation.astype(np.float64)
    place_T3 = (np.swapaxes(rotation_T33, 1, 2) @ -clip.camera.translation[..., None])[..., 0]
    ray_T3 = normalized(depth_T3 - place_T3)
    along_T1 = ((depth_T3 - lateral_T3) * ray_T3).sum(axis=1, keepdims=True)
    return np.asarray(lateral_T3 + along_T1 * ray_T3, dtype=np.float64)
