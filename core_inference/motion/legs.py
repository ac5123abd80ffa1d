"""A leg that reaches: hip and knee turned so that the ankle comes where it shall.

Legend: T frames.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import matrix_from_two_axes, normalized, swing_between
from .filling import trust_from_score

Float64 = NDArray[np.float64]

EASY, STRAIGHTEST = 0.98, 0.998
"""How far a leg reaches with ease and at most, as shares of its two bones in line. Near the end a
millimetre for the ankle is centimetres for the knee: between the two, reaching slackens."""

PLANE_M = (0.02, 0.08)
"""A knee that is bent by less than this shows no plane, by more than the second it does: up to
there the thigh's own front helps."""

_FOLDED = 0.2
_LEAST_SLACK_M = 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class Leg:
    """Joints hip, knee, ankle (T,3) m and the thigh's front (T,3), a unit vector, in the world."""

    hip: Float64
    knee: Float64
    ankle: Float64
    front: Float64

    def moved(self, shift_T3: Float64) -> "Leg":
        """The leg carried along by (T,3) m."""
        hip, knee, ankle = (joint + shift_T3 for joint in (self.hip, self.knee, self.ankle))
        return Leg(hip=hip, knee=knee, ankle=ankle, front=self.front)

    @property
    def bones(self) -> tuple[Float64, Float64]:
        """The lengths (T,1) m of thigh and shin."""
        thigh_T3, shin_T3 = self.knee - self.hip, self.ankle - self.knee
        return _length(thigh_T3), _length(shin_T3)

    @property
    def easy_reach(self) -> Float64:
        """How far (T,1) m the ankle can be from the hip with ease, or is anyway."""
        thigh_T1, shin_T1 = self.bones
        return np.maximum(EASY * (thigh_T1 + shin_T1), _length(self.ankle - self.hip))

    def reached(self, wanted_T1: Float64) -> Float64:
        """How far (T,1) m the ankle goes that is wanted so far from the hip."""
        easy_T1 = self.easy_reach
        thigh_T1, shin_T1 = self.bones
        rest_T1 = np.maximum(STRAIGHTEST * (thigh_T1 + shin_T1) - easy_T1, _LEAST_SLACK_M)
        beyond_T1 = np.maximum(wanted_T1 - easy_T1, 0.0)
        slack_T1 = easy_T1 + rest_T1 * (1.0 - np.exp(-beyond_T1 / rest_T1))
        return np.maximum(np.minimum(wanted_T1, slack_T1), _FOLDED * easy_T1)


def reach_ankle(leg: Leg, goal_T3: Float64) -> tuple[Float64, Float64]:
    """World turns (T,3,3) of thigh and shin that bring the ankle to a goal (T,3) m, or nearest.

    The knee stays in the plane that it bends in, turned along with the line from hip to ankle.
    """
    thigh_T1, shin_T1 = leg.bones
    line_T3, goal_line_T3 = leg.ankle - leg.hip, goal_T3 - leg.hip
    now_T3, then_T3 = normalized(line_T3), normalized(goal_line_T3)
    away_T1 = leg.reached(_length(goal_line_T3))
    bend_T3 = _across(leg.knee - leg.hip, now_T3)
    shown_T1 = trust_from_score(_length(bend_T3), *PLANE_M)
    help_T3 = (1.0 - shown_T1) * PLANE_M[1] * _across(leg.front, now_T3)
    pole_T3 = normalized(shown_T1 * bend_T3 + help_T3)
    turned_T3 = (swing_between(now_T3, then_T3) @ pole_T3[..., None])[..., 0]
    along_T1 = (thigh_T1**2 - shin_T1**2 + away_T1**2) / (2.0 * away_T1)
    aside_T1 = np.sqrt(np.maximum(thigh_T1**2 - along_T1**2, 0.0))
    knee_T3 = along_T1 * then_T3 + aside_T1 * turned_T3
    normal_T3, goal_normal_T3 = np.cross(now_T3, pole_T3), np.cross(then_T3, turned_T3)
    thigh = _turn((leg.knee - leg.hip, normal_T3), (knee_T3, goal_normal_T3))
    shin = _turn((leg.ankle - leg.knee, normal_T3), (away_T1 * then_T3 - knee_T3, goal_normal_T3))
    return thigh, shin


def _turn(start: tuple[Float64, Float64], end: tuple[Float64, Float64]) -> Float64:
    """The turn (T,3,3) that carries one bone and the axis it bends about onto another pair."""
    before, after = (matrix_from_two_axes(bone, axis) for bone, axis in (start, end))
    return np.asarray(after @ np.swapaxes(before, -1, -2), dtype=np.float64)


def _across(vector_T3: Float64, unit_T3: Float64) -> Float64:
    """What of a vector is square to a unit vector."""
    return vector_T3 - (vector_T3 * unit_T3).sum(axis=-1, keepdims=True) * unit_T3


def _length(vector_T3: Float64) -> Float64:
    return np.asarray(np.linalg.norm(vector_T3, axis=-1, keepdims=True), dtype=np.float64)
