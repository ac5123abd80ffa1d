"""The pose that a mesh is calibrated to: the landmarks' (parallel), or its own lifted (serial).

Positions are in the axes of a level camera at the origin: x right, y forward, z up.
Source: PC-HMR, section 3.2 and equation 4.

Legend: T frames, J joints (55), B bones.
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import FloatArray
from ...rigs.skeleton import BODY_PARTS, JOINT
from .calibration_weights import BONES
from .depth import ACCELERATION_MS2, Link, link_depth

Float64 = NDArray[np.float64]

_NEAREST_M = 0.1

_FEET = (JOINT["left_foot"], JOINT["right_foot"])


def at_the_meshs_place(own_TJ3: FloatArray, found_TJ3: FloatArray, trust_TJ: FloatArray) -> Float64:
    """Return the target (T,J,3) m: a found pose, as large as the mesh's own and at its pelvis.

    A bone is turned and stretched as far as trust (T,J), 0..1, in the joint it begins at goes.
    Size and place stay the mesh regressor's: landmarks make everybody an adult.
    """
    own_TB3, found_TB3 = _bone_vectors(own_TJ3), _bone_vectors(found_TJ3)
    size = np.median(_length(own_TB3).sum(axis=1) / _length(found_TB3).sum(axis=1))
    trust_TB1 = trust_TJ[:, BONES[:, 0], None]
    wanted_TB3 = trust_TB1 * size * found_TB3 + (1.0 - trust_TB1) * own_TB3
    target_TJ3 = own_TJ3.astype(np.float64).copy()
    for bone, (parent, child) in enumerate(BONES):
        target_TJ3[:, child] = target_TJ3[:, parent] + wanted_TB3[:, bone]
    return target_TJ3


def lifted(own_TJ3: FloatArray, time_s_T: NDArray[np.float64]) -> Float64:
    """Return the pose (T,J,3) m that the pixels of a mesh's joints tell, lifted over the take.

    A lifter without learned numbers: every bone has one length, the median of the take's, and its
    depth moves as people do; which way it points, the mesh's own depths say. The camera is at the
    origin, and joints stay on their pixels' rays.
    """
    lifted_TJ3 = own_TJ3.astype(np.float64).copy()
    for parent, child in BONES:
        seen_T3 = own_TJ3[:, child].astype(np.float64) - own_TJ3[:, parent]
        link = Link(
            seen=seen_T3,
            trust=np.ones(len(seen_T3)),
            time_s=time_s_T,
            length_m=float(np.median(_length(seen_T3))),
            length_sigma_m=_LENGTH_SIGMA_M,
            acceleration=ACCELERATION_MS2[_kind(child)],
        )
        depth_T = np.maximum(lifted_TJ3[:, parent, 1] + link_depth(link), _NEAREST_M)
        along_ray_T = depth_T / np.maximum(own_TJ3[:, child, 1], _NEAREST_M)
        lifted_TJ3[:, child] = own_TJ3[:, child] * along_ray_T[:, None]
    return lifted_TJ3


_LENGTH_SIGMA_M = 0.02


def _kind(joint: int) -> str:
    """How a bone that ends at a joint moves, a key of `ACCELERATION_MS2`."""
    if joint in _FEET:
        return "foot"
    limbs = {"legs": "leg", "arms": "arm", "wrists": "arm", "fingers": "arm"}
    return next((kind for part, kind in limbs.items() if joint in BODY_PARTS[part]), "torso")


def _bone_vectors(joints_TJ3: FloatArray) -> Float64:
    joints = joints_TJ3.astype(np.float64)
    return joints[:, BONES[:, 1]] - joints[:, BONES[:, 0]]


def _length(vectors: FloatArray) -> Float64:
    return np.linalg.norm(vectors, axis=-1)
