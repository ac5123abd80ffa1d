"""What the rendered people do: recorded motions, and a wave of the hands, on the open body.

Everybody stands on the floor z = 0 about the world's origin and looks, on average, along -y.

Legend: T frames, J joints (55), S sole points (4).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import SHAPE_COUNT, BodyModel
from pose2rig.core_inference.bvh import load_bvh
from pose2rig.core_inference.bvh_motion import body_motion
from pose2rig.core_inference.motion.soles import soles_of
from pose2rig.core_inference.synthetic import known_motion
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.rotation import rotation_about
from pose2rig.rigs.skeleton import JOINT, JOINT_COUNT, local_rotations, world_rotations

Float64 = NDArray[np.float64]
Colour = tuple[float, float, float]

RATE_HZ = 30.0
UP, FORWARD = np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0])
"""Up in the world, and where a pelvis looks in its own axes."""

STANDING_M, STANDING_M_S = 0.05, 0.4
"""A heel or toe that is lower than this and slower is truly in contact."""

LOWEST_SHARE = 0.05
"""Share of the frames in which a sole point may be lower than its own lowest height."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A part of a BVH file of the test data: file, first second, the body that does it."""

    file: str
    start_s: float
    shape: dict[str, float]
    shirt: Colour
    trousers: Colour


MOTIONS: dict[str, Recorded] = {
    "walk": Recorded(
        file="cmu_12_01_walk",
        start_s=0.2,
        shape={"size": 0.8, "gender": -1.0, "muscle": 0.5},
        shirt=(0.06, 0.16, 0.36),
        trousers=(0.045, 0.05, 0.07),
    ),
    "jacks": Recorded(
        file="cmu_jumping_jacks",
        start_s=0.1,
        shape={"size": -0.8, "gender": 1.2, "hip_width": 0.7},
        shirt=(0.42, 0.07, 0.09),
        trousers=(0.08, 0.10, 0.16),
    ),
    "jumps": Recorded(
        file="cmu_01_01_forward_jumps",
        start_s=6.0,
        shape={"weight": 1.0, "thigh_length": -0.7, "arm_length": 0.7},
        shirt=(0.55, 0.52, 0.45),
        trousers=(0.07, 0.13, 0.09),
    ),
    "turn": Recorded(
        file="fair1_zombie",
        start_s=9.5,
        shape={"muscle": 1.0, "torso_length": 0.8, "shin_length": -0.8},
        shirt=(0.30, 0.24, 0.10),
        trousers=(0.06, 0.08, 0.13),
    ),
    "dance": Recorded(
        file="rokoko_dance_fingers",
        start_s=3.0,
        shape={"size": 0.2, "shoulder_width": 0.8, "shin_length": 0.8, "weight": -0.5},
        shirt=(0.05, 0.28, 0.20),
        trousers=(0.25, 0.20, 0.14),
    ),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Performance:
    """A motion to be rendered, fully known, world axes with z up.

    rotations (T,55,3,3) parent-relative; joints (T,55,3) m; open_betas (10,); soles (T,4,3) m;
    contacts (T,4) 0 or 1 of left heel, left toe, right heel, right toe; time_s (T,).
    """

    rotations: Float64
    joints: Float64
    open_betas: Float64
    soles: Float64
    contacts: NDArray[np.float32]
    time_s: Float64
    shirt: Colour
    trousers: Colour


def recorded(name: str, mocap: Path, body: BodyModel, seconds: float) -> Performance:
    """A recorded motion's part, carried over to its own body."""
    part = MOTIONS[name]
    betas = _betas(body, part.shape)
    rest = np.asarray(body.rest_joints(betas), dtype=np.float64)
    motion = body_motion(load_bvh(mocap / f"{part.file}.bvh"), rest)
    step = max(1, round(1.0 / RATE_HZ / (motion.time_s[1] - motion.time_s[0])))
    first = round(part.start_s * RATE_HZ) * step
    rows = slice(first, first + round(seconds * RATE_HZ) * step, step)
    return _performance(
        body, motion.rotations[rows], motion.trans[rows], betas, (part.shirt, part.trousers)
    )


def _betas(body: BodyModel, shape: dict[str, float]) -> Float64:
    betas = np.zeros(SHAPE_COUNT)
    betas[[body.shape_names.index(name) for name in shape]] = list(shape.values())
    return betas


def _performance(
    body: BodyModel,
    rotations_TJ33: Float64,
    trans_T3: Float64,
    betas: Float64,
    clothes: tuple[Colour, Colour],
) -> Performance:
    """The motion turned to look along -y on average, its middle above the origin, on the floor."""
    rest = np.asarray(body.rest_joints(betas), dtype=np.float64)
    ahead = (rotations_TJ33[:, 0] @ FORWARD).mean(axis=0)
    turn = np.asarray(rotation_about(UP, -np.pi / 2 - np.arctan2(ahead[1], ahead[0])))
    rotations = rotations_TJ33.copy()
    rotations[:, 0] = turn @ rotations[:, 0]
    pelvis = (trans_T3 + rest[0]) @ turn.T
    pelvis[:, :2] -= (pelvis.min(axis=0) + pelvis.max(axis=0))[:2] / 2
    known = known_motion(body, rotations, pelvis - rest[0], betas)
    world = world_rotations(rotations)
    soles = soles_of(body, betas).at(world, known.joints)
    floor = UP * np.quantile(soles[..., 2].min(axis=1), LOWEST_SHARE)
    soles = soles - floor
    time_s = np.arange(len(rotations)) / RATE_HZ
    return Performance(
        rotations=rotations,
        joints=known.joints - floor,
        open_betas=betas,
        soles=soles,
        contacts=true_contacts(soles, time_s),
        time_s=time_s,
        shirt=clothes[0],
        trousers=clothes[1],
    )


def speeds(points_TS3: Float64, time_s_T: Float64) -> Float64:
    """Metres per second (T,S) by central differences over presentation times."""
    velocity = np.gradient(points_TS3, time_s_T, axis=0)
    return np.asarray(np.linalg.norm(velocity, axis=-1), dtype=np.float64)


def true_contacts(soles_TS3: Float64, time_s_T: Float64) -> NDArray[np.float32]:
    """Whether each sole point (T,S) stands: near its own lowest height and nearly still."""
    lowest = np.quantile(soles_TS3[..., 2], LOWEST_SHARE, axis=0)
    low = soles_TS3[..., 2] - lowest < STANDING_M
    return (low & (speeds(soles_TS3, time_s_T) < STANDING_M_S)).astype(np.float32)


# --- the wave ----------------------------------------------------------------------------------

WAVE_HZ = 3.0
FOREARM_SWING, HAND_SWING = np.radians(25.0), np.radians(20.0)
UPPER_ARM, FOREARM = np.radians(-35.0), np.radians(75.0)
"""How far above the horizontal the arms point, outwards, in the picture's plane."""


def wave(body: BodyModel, seconds: float) -> Performance:
    """Standing, both forearms raised: the right one swings about its elbow, the left hand about
    its wrist, both in the picture's plane, palms forward."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    swing_T = np.sin(2 * np.pi * WAVE_HZ * time_s)
    own_TJ33 = np.broadcast_to(np.eye(3), (len(time_s), JOINT_COUNT, 3, 3)).copy()
    palms_forward = rotation_about(np.array([1.0, 0.0, 0.0]), np.array(-np.pi / 2))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        still_T = np.zeros(len(time_s))
        forearm_T = FOREARM + (FOREARM_SWING * swing_T if side == "right" else still_T)
        hand_T = forearm_T + (HAND_SWING * swing_T if side == "left" else still_T)
        for joints, angle_T in (
            ([f"{side}_shoulder"], UPPER_ARM + still_T),
            ([f"{side}_elbow"], forearm_T),
            (_hand(side), hand_T),
        ):
            turn_T33 = rotation_about(FORWARD, sign * angle_T) @ palms_forward
            own_TJ33[:, [JOINT[joint] for joint in joints]] = turn_T33[:, None]
    rotations = np.asarray(local_rotations(UPRIGHT @ own_TJ33), dtype=np.float64)
    betas = np.zeros(SHAPE_COUNT)
    trans = np.zeros((len(time_s), 3))
    return _performance(body, rotations, trans, betas, ((0.06, 0.16, 0.36), (0.05, 0.05, 0.07)))


def _hand(side: str) -> list[str]:
    fingers = ("index", "middle", "pinky", "ring", "thumb")
    return [f"{side}_wrist", *(f"{side}_{finger}{k}" for finger in fingers for k in (1, 2, 3))]
