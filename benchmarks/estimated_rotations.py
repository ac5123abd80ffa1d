"""Rotations as wrong as a research network's: offsets, drift, jitter, and limbs flipped in depth.

No weights of the papers are at hand, so the errors are set by what is published of such networks:
I2L-MeshNet has on 3DPW a mean joint error of 93 mm with pelvises together, 58 mm after similarity
alignment (its Table 6); how much it shakes is not in the paper and is set to about 30 mm a frame²
of wrong acceleration at 30 frames a second. Each joint's turn is off by a part that stays, one that
comes and goes, and jitter; now and then an arm or a leg bends the wrong way towards the camera; the
body's lengths and joints are not quite the person's, and its distance wavers.

Legend: T frames, J joints (55).
"""

from dataclasses import dataclass, replace

import numpy as np
from estimated_landmarks import Error
from numpy.typing import NDArray

from pose2rig.core_inference.camera import CAMERA_FROM_WORLD
from pose2rig.core_inference.clip import EstimatedPose, RawTake
from pose2rig.core_inference.estimators.research import UNKNOWN_JOINT
from pose2rig.rigs.rotation import (
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    swing_between,
)
from pose2rig.rigs.skeleton import JOINT, JOINT_COUNT, local_rotations, world_rotations

Float64 = NDArray[np.float64]
Random = np.random.Generator

BODY = 22
TURN = Error(constant_m=0.083, drift_m=0.083, within_s=0.3, jitter_m=0.014)
"""Each joint's turn about each axis, in radians."""

ORIENT = Error(constant_m=0.035, drift_m=0.035, within_s=0.4, jitter_m=0.01)
DISTANCE = Error(constant_m=0.03, drift_m=0.02, within_s=0.3, jitter_m=0.01)
"""The same of the whole person's turn, and of the distance as a share of it."""

ASIDE = Error(constant_m=0.01, drift_m=0.01, within_s=0.3, jitter_m=0.005)
"""The same of the place in the picture, in m at the person."""

FLIPPED_SHARE, FLIPPED_FRAMES = 0.02, 6
"""How often a limb is mirrored in depth, and for how long at a time."""

LENGTH_SHARE, JOINT_M = 0.02, 0.01
"""How far the body's size and the places of its joints are off."""

LIMBS = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """A person as a camera truly sees them: rotations (T,55,3,3) parent-relative, the first in the
    camera's axes; pelvis (T,3) m there; rest_joints (55,3) m; the rows are those of a take."""

    rotations: Float64
    pelvis: Float64
    rest_joints: Float64


def with_estimate(raw: RawTake, seen: Seen, seed: int) -> RawTake:
    """The take of landmarks with what a network of rotations says beside them."""
    random = np.random.default_rng(seed)
    rate_hz, count = raw.frame_rate, len(seen.pelvis)
    turns_TJ3 = np.zeros((count, JOINT_COUNT, 3))
    for joint in range(BODY):
        error = TURN if joint else ORIENT
        turns_TJ3[:, joint] = error.sample(random, count, 3, rate_hz)
    rotations_TJ33 = _flipped(seen.rotations @ matrix_from_axis_angle(turns_TJ3), seen, random)
    rest_J3 = _misshapen(seen.rest_joints, random)
    grown = float(np.ptp(rest_J3[:BODY, 1]) / np.ptp(seen.rest_joints[:BODY, 1]))
    far_T1 = grown * (1.0 + DISTANCE.sample(random, count, 1, rate_hz))
    pelvis_T3 = (seen.pelvis + _aside(random, count, rate_hz)) * far_T1
    camera_T33 = _cameras(raw)
    rotations_TJ33[:, 0] = np.swapaxes(camera_T33, 1, 2) @ rotations_TJ33[:, 0]
    trans_T3 = np.einsum("tji,tj->ti", camera_T33, pelvis_T3) - rest_J3[0]
    pose = EstimatedPose(
        poses=axis_angle_from_matrix(rotations_TJ33).reshape(count, -1).astype(np.float32),
        trans=trans_T3.astype(np.float32),
        rest_joints=rest_J3.astype(np.float32),
        betas=np.zeros(10, dtype=np.float32),
        frame_betas=np.zeros((count, 10), dtype=np.float32),
        expression=np.zeros((count, 10), dtype=np.float32),
        body_model="smplx",
    )
    known_TJ = raw.scores > 0.0
    person_T = raw.scores.sum(axis=1) / np.maximum(known_TJ.sum(axis=1), 1)
    scores_TJ = np.where(known_TJ, raw.scores, UNKNOWN_JOINT * person_T[:, None])
    return replace(raw, pose=pose, scores=scores_TJ.astype(np.float32))


def _cameras(raw: RawTake) -> Float64:
    """World to camera (T,3,3) as the take has it."""
    rotation = CAMERA_FROM_WORLD if raw.camera_rotation is None else raw.camera_rotation
    return np.broadcast_to(rotation, (len(raw.frame_index), 3, 3)).astype(np.float64)


def _aside(random: Random, count: int, rate_hz: float) -> Float64:
    aside_T3 = np.zeros((count, 3))
    aside_T3[:, :2] = ASIDE.sample(random, count, 2, rate_hz)
    return aside_T3


def _misshapen(rest_J3: Float64, random: Random) -> Float64:
    """Another body's joints (55,3) m: a little larger or smaller, and elsewhere."""
    moved_J3 = rest_J3 * (1.0 + LENGTH_SHARE * random.normal())
    moved_J3[1:BODY] += JOINT_M * random.normal(size=(BODY - 1, 3))
    return moved_J3


def _flipped(rotations_TJ33: Float64, seen: Seen, random: Random) -> Float64:
    """The pose with spells in which a limb's bones are mirrored in depth."""
    world_TJ33 = np.asarray(world_rotations(rotations_TJ33), dtype=np.float64)
    for names in LIMBS:
        for side in ("left", "right"):
            joints = [JOINT[f"{side}_{name}"] for name in names]
            starts = random.random(len(world_TJ33)) < FLIPPED_SHARE / FLIPPED_FRAMES
            for first in np.flatnonzero(starts):
                rows = slice(first, first + int(random.geometric(1 / FLIPPED_FRAMES)))
                for joint, end in zip(joints, joints[1:], strict=False):
                    bone_3 = seen.rest_joints[end] - seen.rest_joints[joint]
                    bone_T3 = world_TJ33[rows, joint] @ bone_3
                    swing_T33 = swing_between(bone_T3, bone_T3 * np.array([1.0, 1.0, -1.0]))
                    world_TJ33[rows, joint] = swing_T33 @ world_TJ33[rows, joint]
    return np.asarray(local_rotations(world_TJ33), dtype=np.float64)
