"""Zero-phase smoothing of rotations and positions, in hertz and seconds.

The filter is a Gaussian kernel over presentation time stamps, symmetric in time (no lag),
weighted by scores, so that doubtful frames lean on sure neighbours, and indifferent to the sign
of quaternions. It works on footage of any and of variable frame rate.

Legend: T frames, J joints.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import FloatArray, normalized
from ...rigs.skeleton import BODY_PARTS, JOINT_COUNT

STRONGEST = 3.0
"""At smoothing 1 every cutoff is this many times lower than at 0.5; towards 0 it rises."""

HIGHEST_HZ = 1e4
"""No frame rate reaches this: a filter so wide changes nothing."""

_KERNEL_SIGMAS = 3.0
_TINY = 1e-6

Align = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True, kw_only=True)
class Cutoffs:
    """Half-power frequencies in hertz per body part, at smoothing 0.5."""

    torso: float = 8.0
    head: float = 6.0
    legs: float = 12.0
    arms: float = 12.0
    wrists: float = 10.0
    fingers: float = 8.0
    face: float = 8.0
    root_lateral: float = 6.0
    root_depth: float = 2.0

    def per_joint(self) -> FloatArray:
        """Return (55,) hertz."""
        cutoffs = np.empty(JOINT_COUNT)
        for part, joints in BODY_PARTS.items():
            cutoffs[list(joints)] = getattr(self, part)
        return cutoffs


def scaled(cutoffs_hz: FloatArray, strength: FloatArray | float) -> FloatArray:
    """Cutoffs for strengths in 0..1: as they are at 0.5, `STRONGEST` times lower at 1.

    Towards 0 they rise, up to `HIGHEST_HZ`, which leaves the take as solved.
    """
    share = 0.5 / np.maximum(strength, _TINY)
    return np.minimum(cutoffs_hz * share ** np.log2(STRONGEST), HIGHEST_HZ)


def smooth_rotations(
    quaternion_TJ4: FloatArray,
    time_s_T: NDArray[np.float64],
    weights_TJ: FloatArray,
    cutoffs_hz_J: FloatArray,
) -> FloatArray:
    """Low-pass unit quaternions (T,J,4) on SO(3) by a weighted mean around each frame.

    The mean is taken in the hemisphere of the frame itself, so that signs do not matter.
    weights_TJ are scores above 0; cutoffs_hz_J (J,) half-power frequencies.
    """
    total = kernel_sum(quaternion_TJ4, time_s_T, weights_TJ, cutoffs_hz_J, align=_aligned)
    return normalized(total)


def smooth_vectors(
    values_TJ3: FloatArray,
    time_s_T: NDArray[np.float64],
    weights_TJ: FloatArray,
    cutoffs_hz_J: FloatArray,
) -> FloatArray:
    """Low-pass vectors (T,J,D) by the same kernel as `smooth_rotations`.

    The motion goes on beyond its ends by point reflection, so that a trend is kept to the last
    frame.
    """
    reach = _reach(time_s_T, cutoffs_hz_J)
    before = 2.0 * values_TJ3[:1] - values_TJ3[1 : reach + 1][::-1]
    after = 2.0 * values_TJ3[-1:] - values_TJ3[-reach - 1 : -1][::-1]
    values = np.concatenate([before, values_TJ3, after])
    total = kernel_sum(
        np.concatenate([values, np.ones_like(values[..., :1])], axis=-1),
        _mirrored_times(time_s_T, reach),
        _mirrored_weights(weights_TJ, reach),
        cutoffs_hz_J,
    )
    total = total[reach : reach + len(time_s_T)]
    return total[..., :-1] / total[..., -1:]


def calm(
    path_TD: FloatArray, time_s_T: NDArray[np.float64], cutoff_hz: float
) -> NDArray[np.float64]:
    """Low-pass a path (T,D) by the kernel of `smooth_vectors`, all frames weighing the same."""
    even_T1 = np.ones((len(path_TD), 1))
    calm_T1D = smooth_vectors(path_TD[:, None], time_s_T, even_T1, np.array([cutoff_hz]))
    return np.asarray(calm_T1D[:, 0], dtype=np.float64)


def lasting(
    share_T: FloatArray, time_s_T: NDArray[np.float64], cutoff_hz: float
) -> NDArray[np.float64]:
    """A share (T,) 0..1 that rises to its height, and falls from it, no faster than this.

    Nowhere is it more than it was: what soon passes is gone.
    """
    calm_T = calm(share_T[:, None], time_s_T, cutoff_hz)[:, 0]
    return np.clip(np.minimum(calm_T, share_T), 0.0, 1.0)


def half_power_sigma_s(cutoffs_hz: FloatArray) -> FloatArray:
    """Standard deviation in seconds of the Gaussian that halves the power at a frequency."""
    return np.sqrt(np.log(2.0)) / (2.0 * np.pi * cutoffs_hz)


def _aligned(neighbour: FloatArray, centre: FloatArray) -> FloatArray:
    dot = np.sum(neighbour * centre, axis=-1, keepdims=True)
    return np.where(dot < 0.0, -neighbour, neighbour)


def _reach(time_s_T: NDArray[np.float64], cutoffs_hz_J: FloatArray) -> int:
    """How many frames the widest kernel reaches to one side, at most all of them but one."""
    reach_s = _KERNEL_SIGMAS * float(half_power_sigma_s(cutoffs_hz_J).max())
    last = np.searchsorted(time_s_T, time_s_T + reach_s, side="right")
    return int(min((last - np.arange(len(time_s_T))).max(), len(time_s_T) - 1))


def _mirrored_times(time_s_T: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Continue time before the first and after the last frame by reflection."""
    before = 2.0 * time_s_T[:1] - time_s_T[1 : reach + 1][::-1]
    after = 2.0 * time_s_T[-1:] - time_s_T[-reach - 1 : -1][::-1]
    return np.concatenate([before, time_s_T, after])


def _mirrored_weights(weights_TJ: FloatArray, reach: int) -> FloatArray:
    before, after = weights_TJ[1 : reach + 1][::-1], weights_TJ[-reach - 1 : -1][::-1]
    return np.concatenate([before, weights_TJ, after])


def sigma_cutoff_hz(sigma_s: float) -> float:
    """The half-power frequency of a Gaussian of this standard deviation: the same formula."""
    return float(half_power_sigma_s(np.array(sigma_s)))


def kernel_sum(
    values_TJD: FloatArray,
    time_s_T: NDArray[np.float64],
    weights_TJ: FloatArray,
    cutoffs_hz_J: FloatArray,
    align: Align | None = None,
) -> FloatArray:
    """Sum the weighted neighbours (T,J,D) of each frame, the Gaussian being 1 at the frame itself.

    Neighbours are those within three standard deviations of the widest kernel; `align` may flip
    a neighbour's sign to the frame's own. One pass per frame offset, in memory linear in T.
    """
    sigma_s_J = half_power_sigma_s(cutoffs_hz_J)
    total_TJD = weights_TJ[..., None] * values_TJD
    for offset in range(1, _reach(time_s_T, cutoffs_hz_J) + 1):
        gap_s_T = time_s_T[offset:] - time_s_T[:-offset]
        kernel_TJ = np.exp(-0.5 * (gap_s_T[:, None] / sigma_s_J) ** 2)
        early, late = values_TJD[:-offset], values_TJD[offset:]
        early_seen, late_seen = (align(early, late), align(late, early)) if align else (early, late)
        total_TJD[:-offset] += (kernel_TJ * weights_TJ[offset:])[..., None] * late_seen
        total_TJD[offset:] += (kernel_TJ * weights_TJ[:-offset])[..., None] * early_seen
    return total_TJD
