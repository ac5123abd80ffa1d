"""The chain that a clip is solved on: a body's joints with the landmarks and soles they carry.

Legend: J joints (55).
"""

import numpy as np
from numpy.typing import NDArray

from ..body_model import BodyModel
from .chain import Chain
from .evidence import NAMES
from .soles import soles_of

Float64 = NDArray[np.float64]


def body_chain(body: BodyModel, open_betas: Float64, rest_joints_J3: Float64) -> Chain:
    """Joints (55,3) m with the points of `NAMES`, then the soles, where the open body of that shape
    (10,) has them beside its own joints."""
    marks = body.landmark_indices(NAMES)
    joint_L = np.where(body.landmark_joint >= 0, body.landmark_joint, body.landmark_parent)
    carrier = joint_L[marks]
    marks_N3 = np.asarray(body.landmark_rest_points(open_betas), dtype=np.float64)[marks]
    open_J3 = np.asarray(body.rest_joints(open_betas), dtype=np.float64)
    soles = soles_of(body, open_betas)
    return Chain(
        rest_joints=rest_joints_J3,
        carrier=np.concatenate([carrier, soles.carrier]),
        offset=np.concatenate([marks_N3 - open_J3[carrier], soles.offset]),
    )
