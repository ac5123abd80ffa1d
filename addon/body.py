"""The open body as a mesh, skinned to an SMPL-X armature.

Legend: V vertices, N faces, J joints (55).
"""

import bpy
import numpy as np
from numpy.typing import NDArray

from ..core_inference.body_model import OpenBody
from ..rigs.rest_pose import UPRIGHT
from ..rigs.skeleton import JOINT_NAMES

FloatArray = NDArray[np.floating]

MIN_WEIGHT = 1e-4

PART_COLOURS: dict[str, tuple[float, float, float]] = {
    "skin": (0.62, 0.40, 0.30),
    "shirt": (0.10, 0.24, 0.42),
    "trousers": (0.06, 0.07, 0.10),
    "shoes": (0.03, 0.03, 0.03),
    "hair": (0.05, 0.03, 0.02),
    "eye_white": (0.80, 0.80, 0.78),
    "iris": (0.08, 0.15, 0.18),
    "teeth": (0.75, 0.72, 0.65),
    "tongue": (0.50, 0.18, 0.17),
}
"""Linear RGB of each part of the body."""
