"""How people hold themselves: the usual poses, as a mean and a spread, and the limits of joints.

Legend: M moving joints, without the pelvis (Q = 3 M numbers of a pose), T frames.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import ClipFileError, ModelFileError
from ...rigs.skeleton import JOINT
from ..array_file import load_arrays
from .chain import MOVING

Float64 = NDArray[np.float64]

PATH = Path(__file__).parent.parent.parent / "assets" / "pose_prior.npz"

LIMIT_SIGMA_RAD = np.radians(5.0)
"""How far beyond its limit a joint goes at the cost of one sigma."""

_Angles = tuple[float, float, float]
_LIMITS_DEG: dict[str, tuple[_Angles, _Angles]] = {
    "spine1": ((-12, -18, -15), (30, 18, 15)),
    "spine2": ((-12, -18, -15), (30, 18, 15)),
    "spine3": ((-12, -18, -15), (30, 18, 15)),
    "neck": ((-35, -40, -30), (35, 40, 30)),
    "head": ((-35, -40, -30), (35, 40, 30)),
    "left_hip": ((-125, -45, -30), (25, 45, 60)),
    "left_knee": ((-3, -5, -5), (150, 5, 5)),
    "left_ankle": ((-50, -30, -25), (40, 30, 25)),
    "left_collar": ((-15, -30, -25), (15, 25, 35)),
    "left_elbow": ((-100, -155, -180), (100, 5, 180)),
}
"""Axis-angle components, lowest and highest; the right side mirrors the left. What keeps elbows
hinges is in `hinges`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PosePrior:
    """mean (Q,) axis-angle, radians; whiten (Q,Q) turns what is off the mean into sigmas (rows
    times matrix); low and high (Q,) limits of the same components."""

    mean: Float64
    whiten: Float64
    low: Float64
    high: Float64

    def unusual(self, angles_TQ: Float64) -> Float64:
        """How many sigmas (T,Q) poses are off the usual."""
        return (angles_TQ - self.mean) @ self.whiten

    def beyond(self, angles_TQ: Float64) -> Float64:
        """How many sigmas (T,Q) joints are beyond their limits, 0 within."""
        above_TQ: Float64 = np.maximum(angles_TQ - self.high, 0.0)
        below_TQ: Float64 = np.minimum(angles_TQ - self.low, 0.0)
        return np.asarray(above_TQ + below_TQ, dtype=np.float64) / LIMIT_SIGMA_RAD


@functools.cache
def load_pose_prior() -> PosePrior:
    """Read the prior that `assets/bake_pose_prior.py` made; raises ModelFileError."""
    size = 3 * (len(MOVING) - 1)
    try:
        file = load_arrays(PATH)
        mean_Q, covariance_QQ = (file[name].astype(np.float64) for name in ("mean", "covariance"))
    except (ClipFileError, KeyError, ValueError) as error:
        raise _unusable("cannot be read", str(error)) from error
    if mean_Q.shape != (size,) or covariance_QQ.shape != (size, size):
        raise _unusable("has a wrong shape", f"{mean_Q.shape} and {covariance_QQ.shape}")
    try:
        whiten_QQ = np.linalg.cholesky(np.linalg.inv(covariance_QQ))
    except np.linalg.LinAlgError as error:
        raise _unusable("is no covariance", str(error)) from error
    if not (np.isfinite(mean_Q).all() and np.isfinite(whiten_QQ).all()):
        raise _unusable("has wrong numbers", "nan or infinity")
    low_Q, high_Q = _limits()
    return PosePrior(
        mean=mean_Q,
        whiten=np.asarray(whiten_QQ, dtype=np.float64),
        low=low_Q,
        high=high_Q,
    )


def _unusable(what: str, actual: str) -> ModelFileError:
    size = 3 * (len(MOVING) - 1)
    return ModelFileError(
        f"{PATH.name} {what}",
        expected=f"an npz file with a mean ({size},) and a covariance ({size}, {size})",
        actual=actual,
        next_step="install Pose2Rig again or bake it again (assets/README.md)",
    )


def _limits() -> tuple[Float64, Float64]:
    low, high = np.full((len(MOVING), 3), -np.inf), np.full((len(MOVING), 3), np.inf)
    for name, (lowest, highest) in _LIMITS_DEG.items():
        row = MOVING.index(JOINT[name])
        low[row], high[row] = np.radians(lowest), np.radians(highest)
        if name.startswith("left_"):
            mirrored = MOVING.index(JOINT[name.replace("left", "right")])
            ends = np.radians(lowest) * (1, -1, -1), np.radians(highest) * (1, -1, -1)
            low[mirrored], high[mirrored] = np.minimum(*ends), np.maximum(*ends)
    return low[1:].ravel(), high[1:].ravel()
