"""Motions made here, whose truth is known: smooth, seeded, within what joints can do.

Legend: T frames, J joints (55).
"""

import numpy as np
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import SHAPE_COUNT, BodyModel
from pose2rig.core_inference.clip import Clip
from pose2rig.core_inference.motion.placing import camera_of
from pose2rig.core_inference.motion.posing import pose_arrays
from pose2rig.core_inference.synthetic import KnownMotion, exact_take, known_motion
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.rotation import matrix_from_axis_angle, quaternion_from_matrix
from pose2rig.rigs.skeleton import JOINT, JOINT_COUNT

Float64 = NDArray[np.float64]
Range = tuple[float, float]

FPS = 30.0

AVERAGE = np.zeros(SHAPE_COUNT)

RANGES: dict[str, tuple[Range, Range, Range]] = {
    **{f"spine{k}": ((-5, 12), (-8, 8), (-6, 6)) for k in (1, 2, 3)},
    "neck": ((-12, 12), (-20, 20), (-8, 8)),
    "head": ((-12, 12), (-20, 20), (-8, 8)),
    "left_collar": ((0, 0), (-8, 8), (-4, 10)),
    "left_shoulder": ((-25, 25), (-60, 20), (-75, 20)),
    "left_elbow": ((-30, 20), (-110, -15), (0, 0)),
    "left_wrist": ((0, 0), (-15, 15), (-35, 35)),
    "left_hip": ((-70, 10), (-12, 12), (-5, 20)),
    "left_knee": ((10, 90), (0, 0), (0, 0)),
    "left_ankle": ((-15, 15), (-8, 8), (0, 0)),
    **{
        f"left_{finger}{k}": ((0, 0), (0, 0), (-50, -5))
        for finger in ("index", "middle", "pinky", "ring")
        for k in (1, 2, 3)
    },
    "jaw": ((0, 8), (0, 0), (0, 0)),
}
"""Degrees about x, y and z of the zero pose; the right side mirrors the left."""


def ranges() -> dict[str, tuple[Range, Range, Range]]:
    """The ranges of all joints, right ones mirrored."""
    mirrored = {
        name.replace("left", "right"): (x, (-y[1], -y[0]), (-z[1], -z[0]))
        for name, (x, y, z) in RANGES.items()
        if name.startswith("left")
    }
    return {**RANGES, **mirrored}


def upright(count: int) -> Float64:
    """Everybody in the zero pose, standing: (T,55,3,3) parent-relative."""
    rotations = np.broadcast_to(np.eye(3), (count, JOINT_COUNT, 3, 3)).copy()
    rotations[:, 0] = UPRIGHT
    return rotations


def turned(axis: tuple[float, float, float], degrees_T: Float64) -> Float64:
    """(T,3,3) about an axis of the zero pose."""
    angles = np.radians(degrees_T)[:, None] * np.array(axis, dtype=np.float64)
    return np.asarray(matrix_from_axis_angle(angles), dtype=np.float64)


def random_motion(body: BodyModel, seed: int, seconds: float = 4.0) -> tuple[KnownMotion, Float64]:
    """A person who walks a curve and moves every joint at random; and the time stamps."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * FPS)) / FPS
    rotations = upright(len(time_s))
    for name, limits in ranges().items():
        low, high = np.array(limits, dtype=np.float64).T
        angles = low + (high - low) * (_waves(rng, time_s, 3) + 1) / 2
        rotations[:, JOINT[name]] = matrix_from_axis_angle(np.radians(angles))
    sway = np.radians(_waves(rng, time_s, 3) * np.array([8.0, 40.0, 5.0]))
    rotations[:, 0] = UPRIGHT @ matrix_from_axis_angle(sway)
    trans = _waves(rng, time_s, 3) * np.array([0.8, 0.8, 0.1])
    return known_motion(body, rotations, trans, AVERAGE), time_s


def _waves(rng: np.random.Generator, time_s: Float64, count: int) -> Float64:
    """Smooth curves (T,count) within -1..1."""
    hertz = rng.uniform(0.2, 1.0, (3, count))
    phase = rng.uniform(0, 2 * np.pi, (3, count))
    waves = np.sin(2 * np.pi * hertz * time_s[:, None, None] + phase)
    return np.asarray(waves.mean(axis=1), dtype=np.float64)


def clip_of(motion: KnownMotion, body: BodyModel, time_s: Float64, first_frame: int = 0) -> Clip:
    """The clip that a capture without any error would write."""
    raw = exact_take(motion, body, time_s)
    rest = np.asarray(body.rest_joints(motion.open_betas), dtype=np.float64)
    camera = camera_of(raw)
    trans = motion.joints[:, 0] - rest[0]
    count = len(time_s)
    return Clip(
        **pose_arrays(quaternion_from_matrix(motion.rotations), trans, rest, camera),
        betas=np.zeros(10, dtype=np.float32),
        open_betas=motion.open_betas.astype(np.float32),
        rest_joints=rest.astype(np.float32),
        expression=np.zeros((count, 10), dtype=np.float32),
        scores=np.ones((count, JOINT_COUNT), dtype=np.float32),
        tracked=np.ones(count, dtype=bool),
        contacts=np.zeros((count, 4), dtype=np.float32),
        time_s=time_s,
        frame_index=first_frame + np.arange(count),
        frame_rate=FPS,
        camera=camera,
        body_model="open",
        provenance={},
    )
