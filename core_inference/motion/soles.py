"""Where heels and toes touch the ground: the points under the foot, below its landmarks.

Legend: T frames, S sole points (left heel, left toe, right heel, right toe).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import FloatArray
from ...rigs.skeleton import JOINT
from ..body_model import BodyModel
from ..clip import Clip
from .posing import world_matrices

Float64 = NDArray[np.float64]

MARKS = ("body_left_heel", "body_left_foot_index", "body_right_heel", "body_right_foot_index")
"""Heel and toe of both feet, in the order of a clip's contacts: they lie above the sole."""

CARRIERS = tuple(JOINT[name] for name in ("left_ankle", "left_foot", "right_ankle", "right_foot"))
"""The joints that carry them."""

_OF_FOOT = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Soles:
    """carrier (S,) joints and offset (S,3) m of the sole points from them, zero pose."""

    carrier: NDArray[np.int64]
    offset: Float64

    def at(self, world_TJ33: Float64, joints_TJ3: Float64) -> Float64:
        """Where they are (T,S,3) m on a posed body."""
        reach_TS3 = (world_TJ33[:, self.carrier] @ self.offset[..., None])[..., 0]
        return np.asarray(joints_TJ3[:, self.carrier] + reach_TS3, dtype=np.float64)


def soles_of(body: BodyModel, open_betas: FloatArray) -> Soles:
    """The sole points of a shape (10,): a flat foot has both of them at its lowest vertex."""
    vertices_V3 = np.asarray(body.rest_vertices(open_betas), dtype=np.float64)
    points_S3 = np.asarray(body.landmark_rest_points(open_betas), dtype=np.float64)[
        body.landmark_indices(MARKS)
    ]
    carrier = np.array(CARRIERS)
    for side in (slice(0, 2), slice(2, 4)):
        own = body.weights[:, carrier[side]].sum(axis=1) > _OF_FOOT
        points_S3[side, 1] = vertices_V3[own, 1].min()
    joints_J3 = np.asarray(body.rest_joints(open_betas), dtype=np.float64)
    return Soles(carrier=carrier, offset=points_S3 - joints_J3[carrier])


def sole_points(clip: Clip, body: BodyModel) -> Float64:
    """Where a clip's heels and toes touch the ground (T,S,3) m, world."""
    soles = soles_of(body, clip.open_betas)
    return soles.at(world_matrices(clip), clip.joints.astype(np.float64))
