"""Steps for motions made here: feet that truly stand, then swing to where they stand next.

Legend: T frames, J joints (55).
"""

import numpy as np
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.motion.legs import Leg, reach_ankle
from pose2rig.core_inference.synthetic import KnownMotion, known_motion
from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import JOINT, joint_positions, local_rotations, world_rotations

from .known_motions import AVERAGE, FPS, turned, upright

Float64 = NDArray[np.float64]

CYCLE_S = 1.0
STANDING_SHARE = 0.6
LIFT_M = 0.1
"""A foot's cycle, the share of it that the foot stands, and how high it swings."""

CROUCH_M = 0.045
"""How much lower the pelvis is than that of straight legs: steps are within reach."""


def standing(time_s_T: Float64, side: str) -> NDArray[np.bool_]:
    """When (T,) a walker's foot stands flat on the floor."""
    return _phase(time_s_T, side) < STANDING_SHARE


def with_steps(
    rotations_TJ33: Float64, trans_T3: Float64, betas: Float64, body: BodyModel, time_s_T: Float64
) -> KnownMotion:
    """The motion with legs that step along with `trans` (T,3) m, whose z stays as it is.

    Feet keep the turn of the first frame and stand at the height of straight legs, less
    `CROUCH_M`.
    """
    rest = np.asarray(body.rest_joints(betas), dtype=np.float64)
    trans = trans_T3 - np.array([0.0, 0.0, CROUCH_M])
    bent_TJ33 = rotations_TJ33.copy()
    for side in ("left", "right"):
        for name, degrees in (("hip", -15.0), ("knee", 30.0), ("ankle", -15.0)):
            bend = turned((1.0, 0.0, 0.0), np.full(len(bent_TJ33), degrees))
            bent_TJ33[:, JOINT[f"{side}_{name}"]] = bend
    straight_TJ33 = np.asarray(world_rotations(rotations_TJ33), dtype=np.float64)
    straight_TJ3 = np.asarray(joint_positions(straight_TJ33, rest, trans_T3), dtype=np.float64)
    world_TJ33 = np.asarray(world_rotations(bent_TJ33), dtype=np.float64)
    joints_TJ3 = np.asarray(joint_positions(world_TJ33, rest, trans), dtype=np.float64)
    for side in ("left", "right"):
        hip, knee, ankle, toes = (
            JOINT[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "foot")
        )
        leg = Leg(
            hip=joints_TJ3[:, hip],
            knee=joints_TJ3[:, knee],
            ankle=joints_TJ3[:, ankle],
            front=world_TJ33[:, hip, :, 2],
        )
        offset_3 = straight_TJ3[0, ankle] - trans_T3[0]
        thigh, shin = reach_ankle(leg, _steps(trans_T3, time_s_T, side) + offset_3)
        world_TJ33[:, hip] = thigh @ world_TJ33[:, hip]
        world_TJ33[:, knee] = shin @ world_TJ33[:, knee]
        world_TJ33[:, [ankle, toes]] = world_TJ33[:1, [ankle, toes]]
    return known_motion(body, np.asarray(local_rotations(world_TJ33)), trans, betas)


def walk(
    body: BodyModel, *, seconds: float, speed_m_s: float = 0.7, turn_deg: float = 0.0
) -> tuple[KnownMotion, Float64]:
    """Somebody who walks straight ahead swinging the arms, and the time stamps.

    turn_deg: 0 towards a camera that looks along y, 90 across its picture to the right.
    """
    time_s = np.arange(round(seconds * FPS)) / FPS
    rotations = upright(len(time_s))
    turn = matrix_from_axis_angle(np.array([0.0, 0.0, np.radians(turn_deg)]))
    rotations[:, 0] = turn @ rotations[:, 0]
    swing = np.sin(2 * np.pi * time_s / CYCLE_S)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        down = turned((0.0, 0.0, 1.0), np.full(len(time_s), -sign * 70.0))
        rotations[:, JOINT[f"{side}_shoulder"]] = turned((1.0, 0.0, 0.0), sign * 25 * swing) @ down
        elbow = turned((0.0, 1.0, 0.0), np.full(len(time_s), -sign * 25.0))
        rotations[:, JOINT[f"{side}_elbow"]] = elbow
    way = time_s[:, None] * speed_m_s * (turn @ np.array([0.0, -1.0, 0.0]))
    return with_steps(rotations, way, AVERAGE, body, time_s), time_s


def _phase(time_s_T: Float64, side: str) -> Float64:
    return (time_s_T / CYCLE_S + (0.0 if side == "left" else 0.5)) % 1.0


def _steps(way_T3: Float64, time_s_T: Float64, side: str) -> Float64:
    """Where a foot is (T,3) m that follows a steady way (T,3) m step by step."""
    if len(time_s_T) < 2:
        return way_T3
    velocity_3 = (way_T3[-1] - way_T3[0]) / (time_s_T[-1] - time_s_T[0])
    phase_T = _phase(time_s_T, side)
    swing_T = np.clip((phase_T - STANDING_SHARE) / (1.0 - STANDING_SHARE), 0.0, 1.0)
    ahead_T = swing_T**3 * (10.0 - 15.0 * swing_T + 6.0 * swing_T**2)
    since_T = time_s_T - time_s_T[0] - phase_T * CYCLE_S + STANDING_SHARE / 2 * CYCLE_S
    steps_T3 = way_T3[0] + (since_T + ahead_T * CYCLE_S)[:, None] * velocity_3
    steps_T3[:, 2] = way_T3[:, 2] + LIFT_M * np.sin(np.pi * swing_T) ** 2
    return steps_T3
