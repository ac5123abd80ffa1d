"""Which bones a mesh is calibrated by, and what each of its vertices takes from each bone.

The learnable matrices of PC-HMR begin as geometry: a vertex belongs to the bones that its skin
weights name, and takes of a bone's stretch as much as it lies along the bone. The paper gives
neither the bones nor the beginning: both are ours.

Legend: V vertices, J joints (55), B bones, N vertices near a joint.
"""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import ClipFileError, ModelFileError
from ...rigs.rotation import FloatArray
from ...rigs.skeleton import JOINT, JOINT_COUNT, PARENTS
from ..array_file import load_arrays, save_arrays
from .calibration import CalibrationWeights

Float64 = NDArray[np.float64]

_TRUNK_AND_LIMBS = tuple((PARENTS[joint], joint) for joint in range(1, 22))
_ENDS = (
    (JOINT["left_wrist"], JOINT["left_middle1"]),
    (JOINT["right_wrist"], JOINT["right_middle1"]),
    (JOINT["head"], JOINT["left_eye_smplhf"]),
    (JOINT["head"], JOINT["right_eye_smplhf"]),
)

BONES: NDArray[np.int64] = np.array(_TRUNK_AND_LIMBS + _ENDS, dtype=np.int64)
"""(B,2) parent and child joint of each bone, the parent's bone before its child's. Hands and head
end in bones of their own; fingers, jaw and eyes go with them."""

NEAR_M = 0.02
"""A vertex nearer than this to two bones of one joint belongs to both alike."""


def geometric_weights(
    rest_V3: FloatArray, skin_VJ: FloatArray, joints_J3: FloatArray
) -> CalibrationWeights:
    """Return the weights that geometry gives a mesh with vertices and joints (55,3) m at rest.

    skin_VJ (V,55) are its skin weights, rows summing to 1. A joint's skin goes to the bones that
    begin there, to the nearer one more, or where none does to the bone that ends there.
    """
    start_B3 = joints_J3[BONES[:, 0]]
    bone_B3 = joints_J3[BONES[:, 1]] - start_B3
    away_VB3 = rest_V3[:, None] - start_B3
    along_VB = np.einsum("vbi,bi->vb", away_VB3, bone_B3) / np.sum(bone_B3**2, axis=-1)
    along_VB = np.clip(along_VB, 0.0, 1.0)
    off_VB3 = away_VB3 - along_VB[..., None] * bone_B3
    nearness_VB = 1.0 / (np.sum(off_VB3**2, axis=-1) + NEAR_M**2)
    share_VB = np.zeros_like(along_VB)
    for joint, bones in enumerate(_BONES_OF_JOINT):
        near_VK = nearness_VB[:, bones]
        part_VK = near_VK / near_VK.sum(axis=1, keepdims=True)
        share_VB[:, bones] += skin_VJ[:, joint, None] * part_VK
    return CalibrationWeights(share=share_VB, along=along_VB)


def _bones_of_joint(joint: int) -> list[int]:
    """The bones that begin at a joint; else that end there; else those of its parent."""
    for column in (0, 1):
        found = np.flatnonzero(BONES[:, column] == joint).tolist()
        if found and joint not in _EYES:
            return found
    return _bones_of_joint(PARENTS[joint])


_EYES = (JOINT["left_eye_smplhf"], JOINT["right_eye_smplhf"])
_BONES_OF_JOINT = [_bones_of_joint(joint) for joint in range(JOINT_COUNT)]


def save_weights(path: Path, weights: CalibrationWeights) -> None:
    """Write learned weights as npz: share and along (V,B), bones (B,2); raises OutputError."""
    arrays = {"share": weights.share, "along": weights.along}
    numbers = {name: array.astype(np.float32) for name, array in arrays.items()}
    save_arrays(path, {**numbers, "bones": BONES})


def load_weights(path: Path) -> CalibrationWeights:
    """Read what `save_weights` wrote; raises ModelFileError for anything else."""
    try:
        arrays = load_arrays(path, ("share", "along", "bones"))
        share_VB, along_VB = (arrays[name].astype(np.float64) for name in ("share", "along"))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        if not np.array_equal(arrays["bones"], BONES) or share_VB.shape[1] != len(BONES):
            raise ValueError("other bones")
        if not (np.isfinite(share_VB).all() and np.isfinite(along_VB).all()):
            raise ValueError("infinite or no numbers")
        return CalibrationWeights(share=share_VB, along=along_VB, sha256=sha256)
    except (ClipFileError, OSError, KeyError, ValueError, IndexError, TypeError) as error:
        raise ModelFileError(
            f"cannot read the calibration's weights in {path.name}",
            expected=f"share and along of each vertex for {len(BONES)} bones, and the bones",
            actual=error.actual if isinstance(error, ClipFileError) else str(error),
            next_step="give a file that save_weights wrote, or leave the option out",
        ) from error


def check_fits(weights: CalibrationWeights, vertex_count: int) -> None:
    """Raise ModelFileError where weights are of a mesh with another number of vertices."""
    if len(weights.share) != vertex_count:
        raise ModelFileError(
            "the calibration's weights are of another mesh",
            expected=f"{vertex_count} vertices",
            actual=str(len(weights.share)),
            next_step="learn weights for this estimator's mesh, or leave the option out",
        )
