"""A leg that reaches: thigh and shin turned so that the ankle comes where it shall.

Legend: T frames.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .rotation import matrix_from_two_axes, normalized, quaternion_from_matrix, swing_between

Float64 = NDArray[np.float64]

EASY, STRAIGHTEST, FOLDED = 0.98, 0.999, 0.2
"""How far a leg reaches with ease, at most and at least, as shares of its two bones in line."""

PLANE_SHARE = 0.05
"""A knee bent by less than this share of the leg leans on the thigh's front for its plane."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Leg:
    """Joints hip, knee, ankle (T,3) m and the thigh's front (T,3), unit vectors, world."""

    hip: Float64
    knee: Float64
    ankle: Float64
    front: Float64


def reach(leg: Leg, goal_T3: Float64) -> tuple[Float64, Float64]:
    """World turns (T,4) of thigh and shin that bring the ankle to a goal (T,3) m, or near it.

    The knee stays in the plane that it bends in, turned along with the line from hip to ankle.
    Source: the law of cosines in that plane.
    """
    thigh_T3, shin_T3 = leg.knee - leg.hip, leg.ankle - leg.knee
    thigh_T1, shin_T1 = _length(thigh_T3), _length(shin_T3)
    now_T3, then_T3 = normalized(leg.ankle - leg.hip), normalized(goal_T3 - leg.hip)
    away_T1 = _reached(_length(goal_T3 - leg.hip), _length(leg.ankle - leg.hip), thigh_T1 + shin_T1)
    bend_T3 = _across(thigh_T3, now_T3)
    missing_T1 = np.maximum(PLANE_SHARE * (thigh_T1 + shin_T1) - _length(bend_T3), 0.0)
    pole_T3 = normalized(bend_T3 + missing_T1 * normalized(_across(leg.front, now_T3)))
    turned_T3 = (swing_between(now_T3, then_T3) @ pole_T3[..., None])[..., 0]
    along_T1 = (thigh_T1**2 - shin_T1**2 + away_T1**2) / (2.0 * away_T1)
    aside_T1 = np.sqrt(np.maximum(thigh_T1**2 - along_T1**2, 0.0))
    knee_T3 = along_T1 * then_T3 + aside_T1 * turned_T3
    normals = (np.cross(now_T3, pole_T3), np.cross(then_T3, turned_T3))
    return (
        _turn((thigh_T3, normals[0]), (knee_T3, normals[1])),
        _turn((shin_T3, normals[0]), (away_T1 * then_T3 - knee_T3, normals[1])),
    )


def _reached(wanted_T1: Float64, now_T1: Float64, straight_T1: Float64) -> Float64:
    """How far the ankle goes from the hip; reaching slackens where the leg is nearly straight."""
    easy_T1 = np.maximum(EASY * straight_T1, now_T1)
    rest_T1 = np.maximum(STRAIGHTEST * straight_T1 - easy_T1, 1e-4 * straight_T1)
    beyond_T1 = np.maximum(wanted_T1 - easy_T1, 0.0)
    slack_T1 = easy_T1 + rest_T1 * (1.0 - np.exp(-beyond_T1 / rest_T1))
    return np.maximum(np.minimum(wanted_T1, slack_T1), FOLDED * straight_T1)


def _turn(start: tuple[Float64, Float64], end: tuple[Float64, Float64]) -> Float64:
    """The turn (T,4) that carries one bone and the axis it bends about onto another pair."""
    before_T33, after_T33 = (matrix_from_two_axes(bone, axis) for bone, axis in (start, end))
    turn_T33 = after_T33 @ np.swapaxes(before_T33, -1, -2)
    return np.asarray(quaternion_from_matrix(turn_T33), dtype=np.float64)


def _across(vector_T3: Float64, unit_T3: Float64) -> Float64:
    """What of a vector is square to a unit vector."""
    return vector_T3 - (vector_T3 * unit_T3).sum(axis=-1, keepdims=True) * unit_T3


def _length(vector_T3: Float64) -> Float64:
    return np.asarray(np.linalg.norm(vector_T3, axis=-1, keepdims=True), dtype=np.float64)
