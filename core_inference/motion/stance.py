"""Where feet stand while a clip is solved, and which way is up.

Legend: T frames, S sole points (left heel, left toe, right heel, right toe), N points.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import normalized, swing_between
from .evidence import NAMES
from .filling import trust_from_score
from .mass import centre_of_mass
from .smoothing import smooth_vectors
from .soles import MARKS

Float64 = NDArray[np.float64]

SOLES = tuple(range(len(NAMES), len(NAMES) + len(MARKS)))
"""Where the sole points stand: after the landmarks."""

SOLE_MARKS = tuple(NAMES.index(name) for name in MARKS)
"""The landmarks that say how well they are seen."""

SPEED_M_S = (0.2, 0.6)
"""A sole stands up to the first speed, not from the second, while a clip is solved."""

DEPTH_SHARE = 0.33
"""Speed towards the camera counts so much: it is less sure, and a foot may still walk that way."""

SPEED_HZ = 6.0
HEIGHT_M = (0.05, 0.15)
"""A sole stands up to the first height above the ground, not from the second."""

SLOPE_SIGMA_RAD = np.radians(10.0)
"""How far off the way up is that the body shows."""

STEEPEST_RAD = np.radians(10.0)
"""Ground that leans farther from the way up of the body is stairs or a slope: the body is right."""

LOWEST = 0.2
"""Share of resting soles that may be below the ground where no plane says it."""

BELOW_M, ABOVE_M = 0.15, 0.05
"""How far below and above the ground resting soles may be before they lose their say."""

STRAIGHT = (0.85, 0.95)
"""A body shows what is up where its shoulders are so far from its ankles, as a share of the way by
hips and
knees; fully from the second."""

LYING = (np.cos(np.radians(60.0)), np.cos(np.radians(45.0)))
"""A body that leans so far from the world's z says nothing of it, up to the second."""

LEVEL_SHARE = 0.2
"""What a level camera says of the way up, against a body that stands straight all the time."""

_ROUNDS = 12
_FEWEST = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Stance:
    """contacts (T,S) 0..1; up (3,) world, a unit vector; ground_m the ground's height along it."""

    contacts: Float64
    up: Float64
    ground_m: float

    @property
    def upright_from_world(self) -> Float64:
        """The smallest turn (3,3) that makes the way up the z axis."""
        return np.asarray(swing_between(self.up, np.array([0.0, 0.0, 1.0])), dtype=np.float64)

    def part(self, frames: slice) -> "Stance":
        """The same of some frames."""
        return Stance(contacts=self.contacts[frames], up=self.up, ground_m=self.ground_m)


def find_stance(
    points_TN3: Float64,
    trust_TS: Float64,
    camera_T33: Float64,
    time_s_T: Float64,
    speed_m_s: tuple[float, float] = SPEED_M_S,
) -> Stance:
    """Which soles rest where, of a body whose landmarks `evidence.NAMES` and soles are (T,N,3) m.

    trust_TS: how well soles are seen, 0..1; camera_T33: world to camera axes. speed_m_s: a sole
    stands up to the first, not from the second.
    """
    soles_TS3 = points_TN3[:, SOLES]
    speed_TS = _speeds(soles_TS3, camera_T33, time_s_T)
    still_TS = (1.0 - trust_from_score(speed_TS, *speed_m_s)) * trust_from_score(trust_TS)
    up = body_up(points_TN3)
    height_TS = soles_TS3 @ up
    if (still_TS > 0.3).sum() < _FEWEST:
        ground_m = float(np.quantile(height_TS, LOWEST))
        return Stance(contacts=np.zeros(height_TS.shape), up=up, ground_m=ground_m)
    up, ground_m = _ground(soles_TS3.reshape(-1, 3), still_TS.ravel(), up)
    low_TS = 1.0 - trust_from_score(soles_TS3 @ up - ground_m, *HEIGHT_M)
    return Stance(contacts=still_TS * low_TS, up=up, ground_m=ground_m)


def _speeds(soles_TS3: Float64, camera_T33: Float64, time_s_T: Float64) -> Float64:
    """How fast soles move (T,S) m/s, along the camera's axis only by its share."""
    if len(soles_TS3) < 2:
        return np.zeros(soles_TS3.shape[:2])
    even_TS, hertz_S = np.ones(soles_TS3.shape[:2]), np.full(len(SOLES), SPEED_HZ)
    calm_TS3 = smooth_vectors(soles_TS3, time_s_T, even_TS, hertz_S)
    velocity_TS3 = np.gradient(calm_TS3, time_s_T, axis=0) @ np.swapaxes(camera_T33, 1, 2)
    return np.asarray(np.linalg.norm(velocity_TS3 * (1.0, 1.0, DEPTH_SHARE), axis=-1))


def body_up(points_TN3: Float64) -> Float64:
    """The way up (3,): from the soles of a straight body to its mass, else the world's z."""

    def middle(name: str) -> Float64:
        ends = [NAMES.index(f"body_{side}_{name}") for side in ("left", "right")]
        return points_TN3[:, ends].mean(axis=1)

    shoulders, hips = middle("shoulder"), middle("hip")
    knees, ankles = middle("knee"), middle("ankle")
    length_T = np.linalg.norm(shoulders - ankles, axis=-1)
    parts = (shoulders - hips, hips - knees, knees - ankles)
    longest = sum(float(np.median(np.linalg.norm(part, axis=-1))) for part in parts)
    straight_T = trust_from_score(length_T / longest, *STRAIGHT)
    mass_T3 = centre_of_mass(points_TN3[:, : len(NAMES)], NAMES)
    rise_T3 = normalized(mass_T3 - points_TN3[:, SOLES].mean(axis=1))
    upright_T = trust_from_score(rise_T3[:, 2], *LYING)
    told = ((straight_T * upright_T)[:, None] * rise_T3).mean(axis=0)
    return np.asarray(normalized(told + LEVEL_SHARE * np.array([0.0, 0.0, 1.0])), dtype=np.float64)


def _ground(soles_N3: Float64, still_N: Float64, up_3: Float64) -> tuple[Float64, float]:
    """The plane under resting soles: its normal (3,), close to the way up, and its height."""
    first = normalized(np.cross(up_3, np.eye(3)[np.abs(up_3).argmin()]))
    across_32 = np.stack([first, np.cross(up_3, first)], axis=1)
    height_N = soles_N3 @ up_3
    rests = still_N > 0.3
    aside_N2 = soles_N3 @ across_32
    terms_N3 = np.concatenate(
        [aside_N2 - aside_N2[rests].mean(axis=0), np.ones((len(soles_N3), 1))], axis=1
    )
    plane_3 = np.array([0.0, 0.0, np.quantile(height_N[rests], LOWEST)])
    believed_N = still_N
    for _ in range(_ROUNDS):
        off_N = height_N - terms_N3 @ plane_3
        reach_N = np.where(off_N > 0.0, ABOVE_M, BELOW_M)
        believed_N = still_N / (1.0 + (off_N / reach_N) ** 2)
        held = believed_N.sum() * (ABOVE_M / SLOPE_SIGMA_RAD) ** 2
        normal_33 = (terms_N3 * believed_N[:, None]).T @ terms_N3 + np.diag([held, held, 0.0])
        plane_3 = np.linalg.solve(normal_33, terms_N3.T @ (believed_N * height_N))
    normal_3 = normalized(up_3 - across_32 @ plane_3[:2])
    if normal_3 @ up_3 < np.cos(STEEPEST_RAD):
        return up_3, float(np.quantile(height_N[rests], LOWEST))
    rest_N = believed_N > 0.5 * believed_N.max()
    return normal_3, float(np.median((soles_N3 @ normal_3)[rest_N]))
