"""Landmarks as wrong as the estimator's: noise, lost limbs and exchanged sides, as measured.

Measured in November 2026 on the 13 rendered views of `rendered_truth.py` (51 s of footage at 30
frames a second, 640 x 640 px, truth known to the pixel), medians over the views:

| error at the person, mm | constant | comes and goes | within s | jitter |
|---|---|---|---|---|
| pixels, right | 11 | 18 | 0.20 | 2.8 |
| pixels, down | 16 | 18 | 0.13 | 3.6 |
| 3D, right | 35 | 29 | 0.23 | 4.5 |
| 3D, down | 22 | 31 | 0.20 | 3.8 |
| 3D, depth | 51 | 78 | 0.23 | 9.8 |

The 3D body as a whole is turned by 7 degrees about the right and by 6 about the down axis (root
mean square over the views); the 3D figures are what is left. An arm's elbow and wrist score below
0.5 in 9 % of the frames, a leg's landmarks in 0.9 %, in spells of 7 frames on average (4 in the
median), and are then off by 100 mm. The two legs' landmarks, from
the knees down, were exchanged in 0.23 % of the frames in which they are 15 cm or more apart: 3
single frames in 43 s. The two arms' never in 49 s (in one spell of 4 frames an arm that nobody
sees, scored 0.2, lies on the other one), nor hips and shoulders.

Legend: T frames, L landmarks.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from pose2rig.core_inference.clip import RawTake
from pose2rig.rigs.rotation import matrix_from_axis_angle

Float64 = NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Error:
    """One number's error: what stays, what comes and goes within `within_s`, and jitter, in m."""

    constant_m: float
    drift_m: float
    within_s: float
    jitter_m: float

    def sample(self, random: Random, frames: int, marks: int, rate_hz: float) -> Float64:
        """Errors (T,L) in m."""
        sigma = self.within_s / 2 * rate_hz
        smooth = gaussian_filter1d(random.normal(size=(frames, marks)), sigma, axis=0, mode="wrap")
        drift = self.drift_m * np.sqrt(2 * np.sqrt(np.pi) * sigma) * smooth
        jitter = self.jitter_m * random.normal(size=(frames, marks))
        return self.constant_m * random.normal(size=marks) + drift + jitter


PIXELS = (
    Error(constant_m=0.011, drift_m=0.018, within_s=0.20, jitter_m=0.0028),
    Error(constant_m=0.016, drift_m=0.018, within_s=0.13, jitter_m=0.0036),
)
SPACE = (
    Error(constant_m=0.035, drift_m=0.029, within_s=0.23, jitter_m=0.0045),
    Error(constant_m=0.022, drift_m=0.031, within_s=0.20, jitter_m=0.0038),
    Error(constant_m=0.051, drift_m=0.078, within_s=0.23, jitter_m=0.0098),
)
TILT_RAD = np.radians((6.9, 6.1, 0.0))
"""Turn of the whole 3D body about the camera's right, down and forward."""

LIMBS = {
    "arm": ("elbow", "wrist", "pinky", "index", "thumb"),
    "leg": ("knee", "ankle", "heel", "foot_index"),
}
LOST_SHARE = {"arm": 0.093, "leg": 0.009}
LOST_FRAMES = 7
LOST_M = 0.1
"""A lost limb: the share of its frames, how long, and how far off its landmarks are."""

SWAPS_PER_S = 3 / 43
"""How often the legs are exchanged, for a single frame."""


def as_estimated(raw: RawTake, seed: int) -> RawTake:
    """An exact take with all the estimator's errors on the body's landmarks."""
    random = np.random.default_rng(seed)
    return with_swaps(with_lost_limbs(with_noise(raw, random), random), random)


def with_noise(raw: RawTake, random: Random) -> RawTake:
    """The take with noise on pixels and 3D points of the body."""
    body = _body(raw)
    frames = len(raw.frame_index)
    scale_T = raw.focal_px / _distance_m(raw)
    marks2d, marks3d = raw.landmarks2d.astype(np.float64), raw.landmarks3d.astype(np.float64)
    for axis, error in enumerate(PIXELS):
        off_TL = error.sample(random, frames, len(body), raw.frame_rate)
        marks2d[:, body, axis] += off_TL * scale_T[:, None]
    tilt = matrix_from_axis_angle(TILT_RAD * random.normal(size=3))
    marks3d[:, body] = marks3d[:, body] @ np.asarray(tilt).T
    for axis, error in enumerate(SPACE):
        marks3d[:, body, axis] += error.sample(random, frames, len(body), raw.frame_rate)
    return replace(
        raw, landmarks2d=marks2d.astype(np.float32), landmarks3d=marks3d.astype(np.float32)
    )


def with_lost_limbs(raw: RawTake, random: Random) -> RawTake:
    """The take with spells in which an arm or a leg scores low and is elsewhere."""
    marks2d, marks3d = raw.landmarks2d.copy(), raw.landmarks3d.copy()
    scores = raw.landmark_scores.copy()
    scale_T = raw.focal_px / _distance_m(raw)
    for limb, names in LIMBS.items():
        for side in ("left", "right"):
            columns = _columns(raw, side, names)
            starts = random.random(len(scores)) < LOST_SHARE[limb] / LOST_FRAMES
            for first in np.flatnonzero(starts):
                rows = slice(first, first + 1 + int(random.geometric(1 / LOST_FRAMES)))
                off = random.normal(0.0, LOST_M / np.sqrt(2), (len(columns), 3))
                scores[rows, columns] = random.uniform(0.05, 0.5)
                marks2d[rows, columns] += off[:, :2] * scale_T[rows, None, None]
                marks3d[rows, columns] += off
    return replace(raw, landmarks2d=marks2d, landmarks3d=marks3d, landmark_scores=scores)


def with_swaps(raw: RawTake, random: Random) -> RawTake:
    """The take with left and right legs exchanged."""
    arrays = {name: getattr(raw, name).copy() for name in ("landmarks2d", "landmarks3d")}
    chance = SWAPS_PER_S / raw.frame_rate
    rows = np.flatnonzero(random.random(len(raw.frame_index)) < chance)[:, None]
    left, right = (_columns(raw, side, LIMBS["leg"]) for side in ("left", "right"))
    for array in arrays.values():
        array[rows, left], array[rows, right] = array[rows, right], array[rows, left]
    return replace(raw, **arrays)


def _body(raw: RawTake) -> list[int]:
    return [k for k, name in enumerate(raw.landmark_names) if name.startswith("body_")]


def _columns(raw: RawTake, side: str, names: tuple[str, ...]) -> list[int]:
    return [raw.landmark_names.index(f"body_{side}_{name}") for name in names]


def _distance_m(raw: RawTake) -> Float64:
    """How far away (T,) the person is: by the size of the body in pixels and in metres."""
    body = _body(raw)
    spread_px = raw.landmarks2d[:, body].std(axis=1).mean(axis=1)
    spread_m = raw.landmarks3d[:, body, :2].std(axis=1).mean(axis=1)
    return raw.focal_px * spread_m / spread_px
