"""PC-HMR's calibration: a mesh bent and stretched bone by bone until it has a target pose.

A mesh regressor knows shapes and often misses the pose; a pose estimator knows joints alone. Every
bone of the mesh is turned onto the target's bone, put at its parent joint and stretched to its
length, and every vertex follows the bones it belongs to.
Source: Luan et al. (2021), "PC-HMR: Pose Calibration for 3D Human Mesh Recovery from 2D
Images/Videos", section 3.3, equations 5 to 13.

Legend: T frames, J joints (55), B bones, V vertices.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import FloatArray, swing_between

Float64 = NDArray[np.float64]

_FRAMES_AT_ONCE = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class BoneMoves:
    """How each bone goes from one pose to another, in the axes of both.

    turn (T,B,3,3), the paper's Psi; shift (T,B,3) m, its T; stretch (T,B,3) m, its Delta: what the
    child joint lacks after turn and shift, since the bones differ in length.
    """

    turn: Float64
    shift: Float64
    stretch: Float64


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationWeights:
    """What a mesh takes from each bone: the paper's two learnable matrices.

    share (V,B), its A: how much a vertex belongs to each bone; along (V,B), its W: how much of the
    bone's stretch it takes, 0 at the parent joint, 1 at the child's. sha256: of the file that they
    were read from, or None.
    """

    share: Float64
    along: Float64
    sha256: str | None = None

    def __post_init__(self) -> None:
        if self.share.ndim != 2 or self.share.shape != self.along.shape:
            raise ValueError(f"expected two (V,B), got {self.share.shape} and {self.along.shape}")


def bone_moves(
    source_TJ3: FloatArray, target_TJ3: FloatArray, bones_B2: NDArray[np.int64]
) -> BoneMoves:
    """Return how each bone (parent, child) moves from a pose (T,J,3) m to a target (T,J,3) m.

    Source: PC-HMR, equations 6 to 10. A bone without a length, in either pose, does not turn;
    of the half turn onto an opposite bone any axis serves.
    """
    parent_B, child_B = bones_B2.T
    own_TB3 = source_TJ3[:, child_B] - source_TJ3[:, parent_B]
    wanted_TB3 = target_TJ3[:, child_B] - target_TJ3[:, parent_B]
    turn_TB33 = np.asarray(swing_between(own_TB3, wanted_TB3), dtype=np.float64)
    shift_TB3 = target_TJ3[:, parent_B] - _turned(turn_TB33, source_TJ3[:, parent_B])
    reached_TB3 = _turned(turn_TB33, source_TJ3[:, child_B]) + shift_TB3
    stretch_TB3 = target_TJ3[:, child_B] - reached_TB3
    return BoneMoves(turn=turn_TB33, shift=shift_TB3, stretch=stretch_TB3)


def _turned(turn_TB33: FloatArray, points_TB3: FloatArray) -> Float64:
    return np.asarray((turn_TB33 @ points_TB3[..., None])[..., 0], dtype=np.float64)


def calibrated_mesh(
    vertices_TV3: FloatArray, moves: BoneMoves, weights: CalibrationWeights
) -> NDArray[np.float32]:
    """Return the mesh (T,V,3) m in the target's pose.

    Source: PC-HMR, equations 12 and 13, summed over the bones before the vertices are turned.
    """
    stretched_VB = weights.share * weights.along
    result_TV3 = np.empty(vertices_TV3.shape, dtype=np.float32)
    for first in range(0, len(vertices_TV3), _FRAMES_AT_ONCE):
        part = slice(first, first + _FRAMES_AT_ONCE)
        turn_TB9 = moves.turn[part].reshape(-1, len(weights.share[0]), 9)
        turn_TV33 = (weights.share @ turn_TB9).reshape(len(turn_TB9), -1, 3, 3)
        moved_TV3 = (turn_TV33 @ vertices_TV3[part, :, :, None].astype(np.float64))[..., 0]
        moved_TV3 += weights.share @ moves.shift[part]
        moved_TV3 += stretched_VB @ moves.stretch[part]
        result_TV3[part] = moved_TV3
    return result_TV3
