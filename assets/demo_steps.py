"""Where the demo's person steps: foot plants and what both feet do between them.

World axes: z up, ground at 0; heading 0 faces -y, the camera, and grows to the person's left.
Legend: T frames.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

Array = NDArray[np.float64]

HALF_WIDTH_M = 0.085
"""How far each foot stands from the line that the person walks on."""

STRIKE_DEG = 17.0
TOE_OFF_DEG = -46.0
FULL_STRIDE_M = 0.9
LIFT_M = 0.045
FLAT_AFTER_S = 0.10
HEEL_OFF_S = 0.20


@dataclass(frozen=True)
class Step:
    """One foot set down: when it lifts and lands, and the place (m) between both feet there."""

    foot: str
    lift_s: float
    land_s: float
    x: float
    y: float
    heading_deg: float

    def place(self) -> Array:
        """The foot's x, y in m and heading in radians, all (3,)."""
        heading = np.deg2rad(self.heading_deg)
        side = HALF_WIDTH_M if self.foot == "left" else -HALF_WIDTH_M
        return np.array([self.x + side * np.cos(heading), self.y + side * np.sin(heading), heading])


@dataclass(frozen=True)
class FootTrack:
    """One foot over time: ground (T,3) x, y, heading; lift (T,) m above it; pitch (T,) radians,
    heel strike positive; pivot (T,) 0 turns about the toe joint, 1 about the heel; airborne
    (T,) bool."""

    ground: Array
    lift: Array
    pitch: Array
    pivot: Array
    airborne: NDArray[np.bool_]


def walk(
    first: Step, pace_s: float, swing_s: float, places: list[tuple[float, float, float]]
) -> list[Step]:
    """Alternate steps from a stand: the right foot first, one every `pace_s`."""
    start = first.land_s
    sides = ("right", "left")
    lifts = [start + pace_s * k for k in range(len(places))]
    return [
        Step(sides[k % 2], lift, lift + swing_s, *place)
        for k, (lift, place) in enumerate(zip(lifts, places, strict=True))
    ]


def foot_track(start: Step, steps: list[Step], time_s: Array) -> FootTrack:
    """The foot that stands at `start` and then takes these steps, in order."""
    place = start.place()
    ground = np.tile(place, (len(time_s), 1))
    lift, pivot = np.zeros(len(time_s)), np.zeros(len(time_s))
    airborne = np.zeros(len(time_s), dtype=bool)
    for step in steps:
        u = np.clip((time_s - step.lift_s) / (step.land_s - step.lift_s), 0.0, 1.0)
        moved = step.place() - place
        ground += smoothed(u)[:, None] * moved
        high = LIFT_M * (0.6 + 0.4 * _stride(moved))
        lift += high * np.sin(np.pi * u**0.7) ** 2
        pivot += smoothed(u) - smoothed((time_s - step.land_s - FLAT_AFTER_S) / 0.1)
        airborne |= (time_s > step.lift_s) & (time_s < step.land_s)
        place = step.place()
    return FootTrack(ground, lift, _pitch(start, steps, time_s), pivot, airborne)


def smoothed(u: Array) -> Array:
    """Minimum-jerk course from 0 to 1 as u goes from 0 to 1; held outside.

    Source: Flash and Hogan, "The coordination of arm movements" (1985).
    """
    u = np.clip(u, 0.0, 1.0)
    return u * u * u * (10.0 + u * (6.0 * u - 15.0))


def _stride(moved: Array) -> float:
    return float(np.clip(np.hypot(moved[0], moved[1]) / FULL_STRIDE_M, 0.12, 1.0))


def _pitch(start: Step, steps: list[Step], time_s: Array) -> Array:
    place, keys = start.place(), [(-1.0, 0.0)]
    for step in steps:
        size = _stride(step.place() - place)
        swing = step.land_s - step.lift_s
        off, strike = TOE_OFF_DEG * size, STRIKE_DEG * size
        keys += [
            (step.lift_s - HEEL_OFF_S, 0.0),
            (step.lift_s, off),
            (step.lift_s + 0.25 * swing, 1.05 * off),
            (step.lift_s + 0.85 * swing, strike),
            (step.land_s, 0.9 * strike),
            (step.land_s + FLAT_AFTER_S, 0.0),
        ]
        place = step.place()
    keys.append((time_s[-1] + 1.0, 0.0))
    times, degrees = np.array(keys).T
    return np.deg2rad(PchipInterpolator(times, degrees)(time_s))
