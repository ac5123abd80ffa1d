"""Legs that reach: the ankle comes where it shall, bones keep their length, knees their side."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.rigs.reaching import STRAIGHTEST, Leg, reach
from pose2rig.rigs.rotation import matrix_from_quaternion

Float64 = NDArray[np.float64]

FRONT = np.array([0.0, -1.0, 0.0])


def bent_leg(frames: int) -> Leg:
    """Legs bent by different amounts, knees forward."""
    bend_T = np.linspace(0.2, 1.2, frames)
    hip_T3 = np.zeros((frames, 3)) + [0.1, 0.0, 0.9]
    knee_T3 = hip_T3 + 0.42 * np.stack([0 * bend_T, -np.sin(bend_T), -np.cos(bend_T)], axis=1)
    ankle_T3 = knee_T3 + 0.4 * np.stack([0 * bend_T, np.sin(bend_T), -np.cos(bend_T)], axis=1)
    front_T3 = np.broadcast_to(FRONT, hip_T3.shape)
    return Leg(hip=hip_T3, knee=knee_T3, ankle=ankle_T3, front=front_T3)


def turned_leg(leg: Leg, goal_T3: Float64) -> tuple[Float64, Float64]:
    """Knees and ankles (T,3) m after reaching."""
    thigh_T33, shin_T33 = (matrix_from_quaternion(turn) for turn in reach(leg, goal_T3))
    knee_T3 = leg.hip + (thigh_T33 @ (leg.knee - leg.hip)[..., None])[..., 0]
    return knee_T3, knee_T3 + (shin_T33 @ (leg.ankle - leg.knee)[..., None])[..., 0]


def test_an_ankle_in_reach_comes_to_its_goal_and_the_knee_stays_in_front() -> None:
    leg = bent_leg(20)
    goal_T3 = leg.ankle + np.array([0.05, -0.04, 0.06])
    knee_T3, ankle_T3 = turned_leg(leg, goal_T3)
    assert np.abs(ankle_T3 - goal_T3).max() < 1e-9
    line_T3 = ankle_T3 - leg.hip
    share_T1 = ((knee_T3 - leg.hip) * line_T3).sum(axis=1) / (line_T3**2).sum(axis=1)
    assert ((knee_T3 - leg.hip - share_T1[:, None] * line_T3) @ FRONT > 0.05).all()


def test_a_leg_told_to_stay_does_not_turn() -> None:
    leg = bent_leg(5)
    thigh_T4, shin_T4 = reach(leg, leg.ankle)
    assert min(np.abs(thigh_T4[:, 0]).min(), np.abs(shin_T4[:, 0]).min()) > 1.0 - 1e-9


@pytest.mark.parametrize("away_m", [0.9, 2.0])
def test_a_goal_out_of_reach_is_neared_by_a_leg_not_quite_straight(away_m: float) -> None:
    leg = bent_leg(5)
    goal_T3 = leg.hip + np.array([0.0, 0.0, -away_m])
    _, ankle_T3 = turned_leg(leg, goal_T3)
    reached_T = np.linalg.norm(ankle_T3 - leg.hip, axis=1)
    assert (reached_T <= STRAIGHTEST * 0.82 + 1e-9).all()
    assert (reached_T > 0.98 * 0.82 - 1e-9).all()
    assert np.abs(ankle_T3[:, :2] - leg.hip[:, :2]).max() < 1e-9
