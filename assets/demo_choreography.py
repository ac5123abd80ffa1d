"""What the demo's person does: walks across, turns, stops, waves, opens a fist, squats.

Made up here from foot plants and angle curves; no recorded motion is used. Angles turn in the
SMPL-X axes (x to the body's left, y up, z forward). Legend: T frames, J joints (55).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from demo_steps import Array, FootTrack, Step, foot_track, smoothed, walk
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.rotation import (
    matrix_from_quaternion,
    matrix_from_two_axes,
    quaternion_from_matrix,
    slerp,
)
from pose2rig.rigs.skeleton import JOINT, JOINT_COUNT, local_rotations, world_rotations

FPS = 30
FRAMES = 270
FINGERS = ("index", "middle", "ring", "pinky")
SIDES = {"left": 1.0, "right": -1.0}

LOOK: dict[str, float] = {
    "size": 0.6,
    "gender": -1.2,
    "muscle": 0.8,
    "shoulder_width": 0.7,
    "arm_length": 0.5,
    "thigh_length": -0.6,
    "shin_length": 0.8,
}
"""Shape components of the person: away from the mean, so that sizes are not right by default."""

START = Step("both", 0.0, 0.25, -0.95, 0.30, 80.0)
PLACES = [
    (-0.55, 0.26, 80.0),
    (-0.02, 0.18, 80.0),
    (0.46, 0.06, 70.0),
    (0.80, -0.12, 35.0),
    (0.72, -0.30, -20.0),
    (0.46, -0.42, -62.0),
    (0.08, -0.52, -72.0),
    (-0.18, -0.62, -38.0),
    (-0.20, -0.70, -6.0),
    (-0.20, -0.70, 0.0),
]
STEPS = walk(START, 0.50, 0.36, PLACES)

WAVE_S = (5.0, 7.0)
WAVE_HZ = 2.8
FIST_S = (6.55, 7.25)
SQUAT_S = (7.2, 8.8)
HELLO_S = (5.5, 6.5)
SQUAT_DEPTH_M = 0.42
LEG_STRETCH = 0.993


@dataclass(frozen=True)
class Motion:
    """rotations (T,55,3,3) parent-relative; pelvis (T,3) m, world; contacts (T,4) left heel, left
    toe, right heel, right toe, 0 or 1; betas (10,) the person's shape."""

    rotations: Array
    pelvis: Array
    contacts: Array
    betas: Array


def choreograph(body: BodyModel, look: Mapping[str, float] = LOOK) -> Motion:
    """The whole motion on this body, FRAMES frames at FPS; look: shape components by name."""
    time_s = np.arange(FRAMES) / FPS
    betas = np.array([look.get(name, 0.0) for name in body.shape_names])
    feet = {
        side: foot_track(
            Step(side, 0, 0, START.x, START.y, START.heading_deg),
            [step for step in STEPS if step.foot == side],
            time_s,
        )
        for side in SIDES
    }
    rest_J3 = body.rest_joints(betas)
    sole = float(body.rest_vertices(betas)[:, 1].min())
    heading = _heading(feet)
    stride = _stride(feet, heading)
    local = _upper_body(time_s, heading, stride, feet)
    legs = _Legs(rest_J3, sole, feet)
    pelvis = _pelvis(time_s, feet, heading, local[:, 0], legs)
    world = world_rotations(local)
    legs.pose(world, pelvis)
    contacts = np.stack([c for side in SIDES for c in _contacts(feet[side])], axis=1)
    return Motion(local_rotations(world), pelvis, contacts, betas)


def _eased(time_s: Array, start_s: float, end_s: float, ramp_s: float = 0.45) -> Array:
    """0 outside, 1 inside, with ramps within the span."""
    return smoothed((time_s - start_s) / ramp_s) * smoothed((end_s - time_s) / ramp_s)


def _turn(axis: str, degrees: Array | float) -> Array:
    angles = np.asarray(degrees, dtype=np.float64).reshape(-1, 1)
    return Rotation.from_euler(axis, angles, degrees=True).as_matrix()


def _mixed(start: Array, end: Array, weight: Array) -> Array:
    """Between two rotations (T,3,3) by weight (T,)."""
    a, b = (quaternion_from_matrix(np.broadcast_to(m, (len(weight), 3, 3))) for m in (start, end))
    return np.asarray(matrix_from_quaternion(slerp(a, b, weight)))


def _smooth(values: Array, seconds: float) -> Array:
    return gaussian_filter1d(values, seconds * FPS, axis=0, mode="nearest")


def _heading(feet: dict[str, FootTrack]) -> Array:
    """Radians (T,), between the feet."""
    return _smooth(0.5 * (feet["left"].ground[:, 2] + feet["right"].ground[:, 2]), 0.13)


def _stride(feet: dict[str, FootTrack], heading: Array) -> Array:
    """How far the left foot is ahead of the right (T,) m."""
    apart = feet["left"].ground[:, :2] - feet["right"].ground[:, :2]
    ahead = np.stack([np.sin(heading), -np.cos(heading)], axis=1)
    return _smooth(np.sum(apart * ahead, axis=1), 0.05)


def _contacts(foot: FootTrack) -> tuple[Array, Array]:
    flat = np.deg2rad(2.0)
    return (
        (~foot.airborne & (foot.pitch > -flat)).astype(np.float64),
        (~foot.airborne & (foot.pitch < flat)).astype(np.float64),
    )


# --- pelvis, spine, head and arms: angle curves ----------------------------------------------


def _upper_body(time_s: Array, heading: Array, stride: Array, feet: dict[str, FootTrack]) -> Array:
    """Local rotations (T,55,3,3); the legs stay at rest."""
    local = np.tile(np.eye(3), (len(time_s), JOINT_COUNT, 1, 1))
    squat = _eased(time_s, *SQUAT_S, ramp_s=0.75)
    pace = np.abs(_smooth(np.abs(stride), 0.2))
    drop = _smooth(feet["left"].airborne * 1.0 - feet["right"].airborne * 1.0, 0.06)
    local[:, 0] = (
        _turn("z", np.rad2deg(heading))
        @ UPRIGHT
        @ _turn("y", -11.0 * stride)
        @ _turn("z", -3.0 * drop)
        @ _turn("x", 2.0 + 6.0 * pace + 24.0 * squat)
    )
    breath = np.sin(2 * np.pi * 0.3 * time_s)
    for name in ("spine1", "spine2", "spine3"):
        local[:, JOINT[name]] = (
            _turn("y", 8.0 * stride)
            @ _turn("z", 1.2 * drop)
            @ _turn("x", 0.5 * breath + 5.0 * squat - 0.8)
        )
    _turn_head(local, time_s, heading, squat)
    for side in SIDES:
        _place_arm(local, side, time_s, stride, pace, squat)
        _place_fingers(local, side, time_s, squat)
    local[:, JOINT["jaw"]] = _turn("x", 13.0 * _eased(time_s, *HELLO_S, ramp_s=0.25))
    return local


def _turn_head(local: Array, time_s: Array, heading: Array, squat: Array) -> None:
    """Look where the way goes, from the turn on at the camera."""
    ahead = np.interp(time_s + 0.2, time_s, heading)
    watching = smoothed((time_s - 3.6) / 0.8)
    wanted = np.rad2deg(ahead * (1.0 - 0.85 * watching) - heading)
    yaw = np.clip(_smooth(wanted, 0.1), -55.0, 55.0)
    for name in ("neck", "head"):
        local[:, JOINT[name]] = _turn("y", 0.5 * yaw) @ _turn("x", -17.0 * squat + 1.0)
    nod = 5.0 * _eased(time_s, *HELLO_S) * np.sin(2 * np.pi * 0.8 * time_s)
    local[:, JOINT["head"]] = local[:, JOINT["head"]] @ _turn("z", nod)


def _place_arm(
    local: Array, side: str, time_s: Array, stride: Array, pace: Array, squat: Array
) -> None:
    """Swing against the leg of the same side; the right arm waves; both reach in the squat."""
    s = SIDES[side]
    swing = _smooth(s * stride, 0.07)
    idle = 1.2 * np.sin(2 * np.pi * 0.35 * time_s + s)
    shoulder = _turn("x", 30.0 * swing + 2.0 + idle) @ _turn("z", -s * 70.0)
    elbow = _turn("y", -s * (14.0 + 18.0 * pace - 26.0 * np.minimum(swing, 0.1)))
    wrist = _turn("x", -10.0) @ _turn("y", -s * 4.0)
    reach = (_turn("x", -108.0) @ _turn("z", -s * 74.0), _turn("y", -s * 22.0))
    shoulder, elbow = _mixed(shoulder, reach[0], squat), _mixed(elbow, reach[1], squat)
    collar = _turn("z", -s * 5.0)
    if side == "right":
        wave = _eased(time_s, *WAVE_S, ramp_s=0.55)
        beat = np.sin(2 * np.pi * WAVE_HZ * (time_s - WAVE_S[0])) * _eased(time_s, 5.35, 6.6, 0.3)
        raised = _turn("y", 18.0) @ _turn("z", 12.0) @ _turn("x", -86.0)
        shoulder = _mixed(shoulder, raised, wave)
        elbow = _mixed(elbow, _turn("y", 104.0 + 17.0 * beat), wave)
        wrist = _mixed(wrist, _turn("y", 13.0 * beat), wave)
        collar = _turn("z", 5.0 - 9.0 * wave)
    for name, rotation in zip(
        ("collar", "shoulder", "elbow", "wrist"), (collar, shoulder, elbow, wrist), strict=True
    ):
        local[:, JOINT[f"{side}_{name}"]] = rotation


def _place_fingers(local: Array, side: str, time_s: Array, squat: Array) -> None:
    """Half curled while walking, spread to wave, a fist opened at the end of it."""
    s = SIDES[side]
    spread = squat * 0.6
    fist = np.zeros_like(time_s)
    if side == "right":
        spread = np.maximum(spread, _eased(time_s, *WAVE_S, ramp_s=0.55))
        fist = _eased(time_s, *FIST_S, ramp_s=0.2)
    for number, finger in enumerate(FINGERS):
        relaxed = (20.0 + 4.0 * number) * (1.0 - spread) + 2.0 * spread
        for k, bend in ((1, 1.0), (2, 1.1), (3, 0.7)):
            curl = relaxed * bend * (1.0 - fist) + (82.0 if k < 3 else 50.0) * fist
            fan = (4.5 - 4.0 * number) * spread * (1.0 - fist) if k == 1 else 0.0 * spread
            local[:, JOINT[f"{side}_{finger}{k}"]] = _turn("y", -s * fan) @ _turn("z", -s * curl)
    for k, bend in ((1, 8.0), (2, 14.0), (3, 16.0)):
        curl = bend * (1.0 - spread) + 28.0 * fist
        local[:, JOINT[f"{side}_thumb{k}"]] = _turn("y", s * curl)


# --- legs: two bones from the hip to a planted foot -------------------------------------------


class _Legs:
    """Hip, knee, ankle and toe rotations that put the feet where their tracks say."""

    def __init__(self, rest_J3: Array, sole: float, feet: dict[str, FootTrack]) -> None:
        self._rest = rest_J3
        self._feet = feet
        self._sole = sole
        self.ankles = {side: self._ankle(side) for side in SIDES}

    def point(self, side: str, name: str) -> Array:
        return self._rest[JOINT[f"{side}_{name}"]]

    def hip_offset(self, side: str) -> Array:
        """From the pelvis to the hip (3,) m at rest."""
        return self.point(side, "hip") - self._rest[0]

    def lengths(self, side: str) -> tuple[float, float]:
        hip, knee, ankle = (self.point(side, n) for n in ("hip", "knee", "ankle"))
        return float(np.linalg.norm(knee - hip)), float(np.linalg.norm(ankle - knee))

    def _foot_rotation(self, side: str) -> Array:
        foot = self._feet[side]
        turned = _turn("z", np.rad2deg(foot.ground[:, 2])) @ UPRIGHT
        return turned @ _turn("x", -np.rad2deg(foot.pitch))

    def _ankle(self, side: str) -> Array:
        """Where the ankle is (T,3): the foot turned about its heel or toe joint, then lifted."""
        foot, ankle = self._feet[side], self.point(side, "ankle")
        ball = self.point(side, "foot")
        heel = np.array([ankle[0], self._sole, ankle[2] - 0.045])
        pivot = ball + foot.pivot[:, None] * (heel - ball)
        flat = _turn("z", np.rad2deg(foot.ground[:, 2])) @ UPRIGHT
        under = ankle * [1, 0, 1] + [0, self._sole, 0]
        still = np.einsum("tab,tb->ta", flat, pivot - under)
        arm = np.einsum("tab,tb->ta", self._foot_rotation(side), ankle - pivot)
        place = np.column_stack([foot.ground[:, :2], foot.lift])
        return place + still + arm

    def highest_hips(self, side: str, hip_T3: Array) -> Array:
        """The greatest height (T,) m at which the hip still reaches its ankle."""
        ankle = self.ankles[side]
        reach = LEG_STRETCH * sum(self.lengths(side))
        away = np.sum((hip_T3[:, :2] - ankle[:, :2]) ** 2, axis=1)
        return ankle[:, 2] + np.sqrt(np.maximum(reach**2 - away, 0.01))

    def pose(self, world: Array, pelvis: Array) -> None:
        """Overwrite the world rotations (T,55,3,3) of both legs."""
        for side in SIDES:
            self._pose(side, world, pelvis)

    def _pose(self, side: str, world: Array, pelvis: Array) -> None:
        hip, knee, ankle = (self.point(side, n) for n in ("hip", "knee", "ankle"))
        hip_T3 = pelvis + world[:, 0] @ self.hip_offset(side)
        down = self.ankles[side] - hip_T3
        reach = np.linalg.norm(down, axis=1)
        thigh, shin = self.lengths(side)
        reach = np.minimum(reach, 0.9999 * (thigh + shin))
        foot_T33 = self._foot_rotation(side)
        ahead = world[:, 0, :, 2] + _turn("z", np.rad2deg(self._feet[side].ground[:, 2])) @ [
            0.0,
            -1.0,
            0.0,
        ]
        axis = np.cross(-down, ahead)
        axis /= np.linalg.norm(axis, axis=1, keepdims=True)
        cosine = (thigh**2 + reach**2 - shin**2) / (2 * thigh * reach)
        hip_angle = np.arccos(np.clip(cosine, -1, 1))
        turned = Rotation.from_rotvec(-axis * hip_angle[:, None]).as_matrix()
        thigh_T3 = np.einsum("tab,tb->ta", turned, down / np.linalg.norm(down, axis=1)[:, None])
        shin_T3 = self.ankles[side] - (hip_T3 + thigh * thigh_T3)
        x = np.array([1.0, 0.0, 0.0])
        for name, rest, now in (("hip", knee - hip, thigh_T3), ("knee", ankle - knee, shin_T3)):
            frame = matrix_from_two_axes(rest, x)
            world[:, JOINT[f"{side}_{name}"]] = matrix_from_two_axes(now, axis) @ frame.T
        world[:, JOINT[f"{side}_ankle"]] = foot_T33
        world[:, JOINT[f"{side}_foot"]] = self._toes(side, foot_T33)

    def _toes(self, side: str, foot_T33: Array) -> Array:
        """The toes stay on the ground while the heel rises, and follow the foot in the air."""
        foot = self._feet[side]
        bent = np.minimum(foot.pitch, 0.0) * (1.0 - 0.75 * foot.pivot)
        return foot_T33 @ _turn("x", np.rad2deg(bent))


def _pelvis(
    time_s: Array,
    feet: dict[str, FootTrack],
    heading: Array,
    rotation_T33: Array,
    legs: _Legs,
) -> Array:
    """Where the pelvis is (T,3) m: over the feet, swaying to the one that carries it."""
    left, right = feet["left"], feet["right"]
    middle = _smooth(0.5 * (left.ground[:, :2] + right.ground[:, :2]), 0.13)
    carried = _smooth(right.airborne * 1.0 - left.airborne * 1.0, 0.09)
    sideways = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    ahead = np.stack([np.sin(heading), -np.cos(heading)], axis=1)
    squat = _eased(time_s, *SQUAT_S, ramp_s=0.75)
    forward = 0.01 - 0.14 * squat
    idle = 0.008 * np.sin(2 * np.pi * 0.35 * time_s) * smoothed(time_s - WAVE_S[0])
    sway = 0.03 * carried + idle
    flat = middle + sway[:, None] * sideways + forward[:, None] * ahead
    pelvis = np.column_stack([flat, np.zeros(len(flat))])
    tops = []
    for side in SIDES:
        offset = rotation_T33 @ legs.hip_offset(side)
        tops.append(legs.highest_hips(side, pelvis + offset) - offset[:, 2])
    top = np.minimum(*tops)
    low = top
    for _ in range(8):
        low = np.minimum(_smooth(low, 0.05), top)
    pelvis[:, 2] = np.minimum(_smooth(low, 0.05), top) - 0.004 - SQUAT_DEPTH_M * squat
    return pelvis
