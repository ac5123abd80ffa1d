"""The One-Euro filter, forward and backward: calm where things rest, close where they move.

A low-pass of first order whose cutoff rises with speed (Casiez, Roussel and Vogel: "1 euro
filter", CHI 2012), over presentation times, so that the frame rate does not matter. A single pass
lags behind; here one pass runs forward and one backward over the take, and the middle between
them is taken, in which their lags cancel.

Legend: T frames, J joints, D numbers of a vector.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import (
    FloatArray,
    axis_angle_from_quaternion,
    conjugate,
    multiply,
    sign_continuous,
    slerp,
)
from .smoothing import HIGHEST_HZ

Float64 = NDArray[np.float64]

REST_SHARE = 0.25
"""The cutoff at rest, as a share of the zero-phase filter's."""

TURNING_RAD_S, MOVING_M_S = 1.5, 0.75
"""At this speed the cutoff is that of the zero-phase filter; beyond, it rises on."""

SPEED_HZ = 1.0
"""The cutoff for the speed itself."""

Blend = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


def calm_rotations(
    quaternion_TJ4: FloatArray, time_s_T: Float64, weights_TJ: FloatArray, cutoffs_hz_J: FloatArray
) -> FloatArray:
    """Filter unit quaternions (T,J,4); cutoffs_hz_J and scores weights_TJ as of `smoothing`."""
    whole_TJ4 = sign_continuous(quaternion_TJ4)
    turns_KJ3 = axis_angle_from_quaternion(multiply(conjugate(whole_TJ4[:-1]), whole_TJ4[1:]))
    alpha = _alphas(turns_KJ3 / TURNING_RAD_S, time_s_T, weights_TJ, cutoffs_hz_J)
    forward_TJ4, backward_TJ4 = _both_ways(whole_TJ4, alpha, slerp)
    return slerp(forward_TJ4, backward_TJ4, np.full(weights_TJ.shape, 0.5))


def calm_vectors(
    values_TJD: FloatArray, time_s_T: Float64, weights_TJ: FloatArray, cutoffs_hz_J: FloatArray
) -> FloatArray:
    """Filter vectors (T,J,D) in metres by the same rule."""
    alpha = _alphas(np.diff(values_TJD, axis=0) / MOVING_M_S, time_s_T, weights_TJ, cutoffs_hz_J)
    forward_TJD, backward_TJD = _both_ways(values_TJD, alpha, _straight)
    return (forward_TJD + backward_TJD) / 2.0


def _straight(start: FloatArray, end: FloatArray, fraction: FloatArray) -> FloatArray:
    return start + fraction[..., None] * (end - start)


_Ways = tuple[FloatArray, FloatArray]


def _alphas(
    steps_KJD: FloatArray, time_s_T: Float64, weights_TJ: FloatArray, cutoffs_hz_J: FloatArray
) -> _Ways:
    """How far each pass goes from its last value to the next one (T-1,J), 0..1.

    steps_KJD: from frame to frame, in units of the speed at which the cutoff is the given one.
    """
    gap_s_K1 = np.diff(time_s_T)[:, None]
    velocity_KJD = steps_KJD / gap_s_K1[..., None]
    share_K1 = _share(np.full_like(gap_s_K1, SPEED_HZ), gap_s_K1)
    calm = _both_ways(velocity_KJD, (share_K1[1:], share_K1[:-1]), _straight)
    alphas: list[FloatArray] = []
    for way_KJD, seen_KJ in zip(calm, (weights_TJ[1:], weights_TJ[:-1]), strict=True):
        speed_KJ = np.linalg.norm(way_KJD, axis=-1)
        cutoff_KJ = cutoffs_hz_J * (REST_SHARE + (1.0 - REST_SHARE) * speed_KJ)
        open_KJ = np.where(cutoffs_hz_J < HIGHEST_HZ, _share(cutoff_KJ, gap_s_K1), 1.0)
        alphas.append(np.where(open_KJ < 1.0, open_KJ * np.minimum(seen_KJ, 1.0), 1.0))
    return alphas[0], alphas[1]


def _share(cutoff_hz: FloatArray, gap_s: FloatArray) -> FloatArray:
    """How far a low-pass of first order goes towards a new value after a gap."""
    return 1.0 / (1.0 + 1.0 / (2.0 * np.pi * cutoff_hz * gap_s))


def _both_ways(values_TJD: FloatArray, alphas: _Ways, blend: Blend) -> _Ways:
    """Run forward and backward over the frames, each value following from the one before."""
    forward_TJD, backward_TJD = values_TJD.copy(), values_TJD.copy()
    ahead, back = alphas
    for frame in range(1, len(values_TJD)):
        forward_TJD[frame] = blend(forward_TJD[frame - 1], values_TJD[frame], ahead[frame - 1])
        early = len(values_TJD) - 1 - frame
        backward_TJD[early] = blend(backward_TJD[early + 1], values_TJD[early], back[early])
    return forward_TJD, backward_TJD
