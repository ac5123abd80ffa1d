"""Foot contacts from height and speed.

Legend: T frames.
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.skeleton import JOINT
from ..body_model import BodyModel
from ..clip import Clip, replaced
from .filling import trust_from_score
from .ground import sole_points

Float64 = NDArray[np.float64]

HEIGHT_M = (0.03, 0.08)
"""Fully in contact up to the first height above the lowest the foot gets, not from the second."""

FEET = [JOINT[name] for name in ("left_ankle", "left_foot", "right_ankle", "right_foot")]
SEEN_SCORE = 0.2
"""A foot below this score is in contact with nothing that is known."""

LOW_SHARE = 0.2
"""Share of the frames in which a foot may be lower than its lowest: see `ground.OUTLIERS`."""

SPEED_M_S = (0.3, 0.8)
"""Fully in contact up to the first speed, not from the second."""


def mark_contacts(clip: Clip, body: BodyModel) -> Clip:
    """Fill in `contacts` (T,4): left heel, left toe, right heel, right toe, 0..1."""
    soles_TS3 = sole_points(clip, body)
    speed = speeds(soles_TS3, clip.time_s)
    low = np.quantile(soles_TS3[..., 2], LOW_SHARE, axis=0)
    above = soles_TS3[..., 2] - low
    contact = (1.0 - trust_from_score(above, *HEIGHT_M)) * (
        1.0 - trust_from_score(speed, *SPEED_M_S)
    )
    seen = clip.scores[:, FEET] > SEEN_SCORE
    return replaced(clip, contacts=(contact * seen).astype(np.float32))


def speeds(points_TS3: Float64, time_s_T: Float64) -> Float64:
    """Metres per second (T,S) by central differences over presentation times; 0 for one frame."""
    if len(points_TS3) < 2:
        return np.zeros(points_TS3.shape[:-1])
    velocity = np.gradient(points_TS3, time_s_T, axis=0)
    return np.asarray(np.linalg.norm(velocity, axis=-1), dtype=np.float64)
