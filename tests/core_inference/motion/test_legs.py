"""A leg that reaches: the ankle comes where it shall, the knee keeps its side and its length."""

import numpy as np
from numpy.typing import NDArray

from pose2rig.core_inference.motion.legs import Leg, reach_ankle

Float64 = NDArray[np.float64]

THIGH_M, SHIN_M = 0.42, 0.4
FRONT = np.array([0.0, -1.0, 0.0])


def bent_leg(bend_rad_T: Float64) -> Leg:
    """A leg below a hip at the origin, its knee bent forwards, a half on each side of it."""
    half = bend_rad_T / 2
    aside, down = np.sin(half), -np.cos(half)
    nought = np.zeros_like(half)
    knee = THIGH_M * np.stack([nought, -aside, down], axis=1)
    ankle = knee + SHIN_M * np.stack([nought, aside, down], axis=1)
    front = np.broadcast_to(FRONT, knee.shape)
    return Leg(hip=np.zeros_like(knee), knee=knee, ankle=ankle, front=front)


def reached(leg: Leg, goal_T3: Float64) -> tuple[Float64, Float64]:
    """Where knee and ankle come to be."""
    thigh, shin = reach_ankle(leg, goal_T3)
    knee = leg.hip + (thigh @ (leg.knee - leg.hip)[..., None])[..., 0]
    return knee, knee + (shin @ (leg.ankle - leg.knee)[..., None])[..., 0]


def goals(count: int, seed: int) -> Float64:
    rng = np.random.default_rng(seed)
    away = rng.uniform(0.3, 0.75, (count, 1))
    towards = rng.normal(size=(count, 3)) * 0.5 + np.array([0.0, 0.0, -1.0])
    return away * towards / np.linalg.norm(towards, axis=1, keepdims=True)


def test_the_ankle_comes_where_it_shall_and_bones_keep_their_lengths() -> None:
    leg = bent_leg(np.linspace(0.2, 1.8, 200))
    goal = goals(200, seed=1)
    knee, ankle = reached(leg, goal)
    np.testing.assert_allclose(ankle, goal, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(knee, axis=1), THIGH_M, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(ankle - knee, axis=1), SHIN_M, atol=1e-9)


def test_turns_are_turns_and_none_where_the_ankle_is_already() -> None:
    leg = bent_leg(np.linspace(0.2, 1.8, 20))
    for turn in reach_ankle(leg, goals(20, seed=2)):
        np.testing.assert_allclose(np.linalg.det(turn), 1.0, atol=1e-9)
        upright = np.broadcast_to(np.eye(3), turn.shape)
        np.testing.assert_allclose(turn @ np.swapaxes(turn, -1, -2), upright, atol=1e-9)
    for turn in reach_ankle(leg, leg.ankle):
        np.testing.assert_allclose(turn, np.broadcast_to(np.eye(3), turn.shape), atol=1e-7)


def test_what_is_out_of_reach_is_reached_for() -> None:
    leg = bent_leg(np.array([0.6]))
    goal = np.array([[0.0, -1.0, -1.0]])
    knee, ankle = reached(leg, goal)
    np.testing.assert_allclose(
        ankle / np.linalg.norm(ankle), goal / np.linalg.norm(goal), atol=1e-9
    )
    assert 0.99 * (THIGH_M + SHIN_M) < np.linalg.norm(ankle) <= THIGH_M + SHIN_M
    assert (knee[0] - ankle[0] / 2)[2] > 0.0


def test_the_knee_keeps_its_side() -> None:
    """Bent forwards before, bent forwards after, wherever below the hip the ankle goes."""
    leg = bent_leg(np.linspace(0.2, 1.8, 300))
    rng = np.random.default_rng(3)
    aside = rng.uniform(-0.2, 0.2, (300, 2))
    goal = np.concatenate([aside, rng.uniform(-0.75, -0.4, (300, 1))], axis=1)
    knee, ankle = reached(leg, goal)
    towards = ankle / np.linalg.norm(ankle, axis=1, keepdims=True)
    bulge = knee - (knee * towards).sum(axis=1, keepdims=True) * towards
    assert (bulge @ FRONT > 0.0).all()


def test_a_leg_that_straightens_and_bends_again_does_not_flip() -> None:
    """Nor where noise bends the straight knee backwards by a degree."""
    bend = np.maximum(np.cos(np.linspace(0.0, 2 * np.pi, 120)), 0.0) * 1.2
    bend[bend < 1e-9] = np.random.default_rng(4).uniform(-0.02, 0.02, int((bend < 1e-9).sum()))
    leg = bent_leg(bend)
    knee, _ = reached(leg, leg.ankle * 0.97 + np.array([0.0, -0.02, 0.0]))
    assert (knee @ FRONT > 0.0).all()
    assert np.abs(np.diff(knee[:, 0])).max() < 0.01
    assert np.abs(np.diff(knee, axis=0)).max() < 0.05
