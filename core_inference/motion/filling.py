"""What to believe where nothing was seen: neighbours in time first, the neutral pose last.

Legend: T frames, J joints.
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import FloatArray, normalized
from .smoothing import kernel_sum, sigma_cutoff_hz

NEIGHBOUR_S = 0.2
"""Standard deviation in seconds of the kernel that carries a value into unseen frames."""

NEUTRAL_WEIGHT = 0.1
"""Against the kernel's sum: about 0.4 s after the last sight the neutral pose takes over."""


def fill_rotations(
    quaternion_TJ4: FloatArray,
    neutral_J4: FloatArray,
    trust_TJ: FloatArray,
    time_s_T: NDArray[np.float64],
) -> FloatArray:
    """Blend rotations (T,J,4) towards their neighbours and the neutral pose where trust is low.

    trust_TJ is 0..1: at 1 a rotation stays as it is.
    """
    aligned = np.where(
        np.sum(quaternion_TJ4 * neutral_J4, axis=-1, keepdims=True) < 0.0,
        -quaternion_TJ4,
        quaternion_TJ4,
    )
    believed = _believed(aligned, trust_TJ, time_s_T) + NEUTRAL_WEIGHT * neutral_J4
    fill = normalized(believed)
    fill = np.where(np.sum(fill * aligned, axis=-1, keepdims=True) < 0.0, -fill, fill)
    return normalized(trust_TJ[..., None] * aligned + (1.0 - trust_TJ[..., None]) * fill)


def fill_angles(
    angle_T: FloatArray, trust_T: FloatArray, neutral_T: FloatArray, time_s_T: NDArray[np.float64]
) -> FloatArray:
    """The same for angles in radians (T,) on the circle; neutral_T (T,) is where doubt ends."""
    turn = np.stack([np.cos(angle_T), np.sin(angle_T)], axis=-1)[:, None]
    neutral = np.stack([np.cos(neutral_T), np.sin(neutral_T)], axis=-1)[:, None]
    trust = trust_T[:, None]
    fill = normalized(_believed(turn, trust, time_s_T) + NEUTRAL_WEIGHT * neutral)
    blend = trust[..., None] * turn + (1.0 - trust[..., None]) * fill
    return np.arctan2(blend[:, 0, 1], blend[:, 0, 0])


def _believed(
    values_TJD: FloatArray, trust_TJ: FloatArray, time_s_T: NDArray[np.float64]
) -> FloatArray:
    cutoffs = np.full(values_TJD.shape[1], sigma_cutoff_hz(NEIGHBOUR_S))
    return kernel_sum(values_TJD, time_s_T, trust_TJ, cutoffs)


def trust_from_score(score: FloatArray, low: float = 0.2, high: float = 0.5) -> FloatArray:
    """A smooth step (...): 0 at and below `low`, 1 at and above `high`."""
    x = np.clip((score - low) / (high - low), 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)
