"""People who stand and walk on one ground, filmed by one camera: takes whose truth is known.

Legend: T frames, J joints (55).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import RawTake
from pose2rig.core_inference.motion.placing import Scene
from pose2rig.core_inference.motion.proportions import shape_of_size
from pose2rig.core_inference.motion.soles import soles_of
from pose2rig.core_inference.synthetic import KnownMotion, known_motion, take_of
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import JOINT, world_rotations

from .known_motions import FPS, turned, upright
from .walkers import with_steps

Float64 = NDArray[np.float64]

SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Where somebody stands (x, y) m, how large beside an adult, which way turned, how fast they
    walk (x, y) m/s, and how high what they stand on is."""

    place: tuple[float, float]
    size: float = 1.0
    turn_deg: float = 0.0
    speed: tuple[float, float] = (0.0, 0.0)
    raised_m: float = 0.0


def motion_of(actor: Actor, body: BodyModel) -> tuple[KnownMotion, Float64]:
    """The motion on z = 0 of somebody who swings the arms and bends the knees, and its times."""
    time_s = np.arange(round(SECONDS * FPS)) / FPS
    rotations = upright(len(time_s))
    rotations[:, 0] = matrix_from_axis_angle(np.array([0.0, 0.0, np.radians(actor.turn_deg)]))
    rotations[:, 0] = rotations[:, 0] @ UPRIGHT
    swing = np.sin(2 * np.pi * 0.8 * time_s)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        rotations[:, JOINT[f"{side}_shoulder"]] = turned((0.0, 0.0, 1.0), sign * (30 * swing - 40))
        for name, share in (("hip", -6.0), ("knee", 12.0), ("ankle", -6.0)):
            rotations[:, JOINT[f"{side}_{name}"]] = turned((1.0, 0.0, 0.0), share * (1 + swing))
    betas = shape_of_size(body, actor.size)
    way = np.array([*actor.place, 0.0]) + time_s[:, None] * np.array([*actor.speed, 0.0])
    if any(actor.speed):
        motion = with_steps(rotations, way, betas, body, time_s)
    else:
        motion = known_motion(body, rotations, way, betas)
    soles = soles_of(body, betas).at(world_rotations(motion.rotations), motion.joints)
    lift_T = actor.raised_m - soles[..., 2].min(axis=1)
    joints = motion.joints + lift_T[:, None, None] * np.array([0.0, 0.0, 1.0])
    return replace(motion, joints=joints), time_s


def filmed(
    actors: Sequence[Actor], body: BodyModel, *, pitch_deg: float, height_m: float
) -> tuple[list[KnownMotion], list[RawTake]]:
    """What happened, and what an estimator without error sees that takes all for adults."""
    view = Scene(pitch_rad=float(np.radians(pitch_deg))).world_from_level
    camera = np.array([0.0, 0.0, height_m])
    motions: list[KnownMotion] = []
    takes: list[RawTake] = []
    for actor in actors:
        motion, time_s = motion_of(actor, body)
        take = take_of(motion, body, time_s, camera=camera, world_from_level=view)
        grown = (take.landmarks3d / actor.size).astype(np.float32)
        motions.append(motion)
        takes.append(replace(take, landmarks3d=grown))
    return motions, takes
