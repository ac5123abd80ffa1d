"""Pelvis, spine, neck and collars fitted together to hips, shoulders and head.

Hips, shoulders and the head say where the ends of the torso are, not how the spine bends between
them. The fit finds, for every frame, the least bent spine, neck and collars that reach them:
Gauss-Newton on all frames at once, from the orientations that Kabsch gave.

A source that knows joints of the trunk itself (`joint_spine1` and so on) is held to them too.

Legend: T frames, P parameters of a frame (24), C copies (1 or P + 1), R residuals, N targets.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from ...rigs.skeleton import JOINT
from .points import Points
from .torso import HIPS, SHOULDERS, Torso

Float64 = NDArray[np.float64]

POINT_SIGMA_M = 0.015
SPINE_SIGMA_RAD = 0.3
COLLAR_SIGMA_RAD = 0.5
NECK_SIGMA_RAD = 0.4
PELVIS_SIGMA_RAD = 0.25
UNEVEN_SIGMA_RAD = 0.06
"""How far points may be missed and joints may be bent, at equal cost."""

ROUNDS = 3
STEP = 1e-4
_FRAMES_AT_ONCE = 2048

_PELVIS, _NECK = slice(0, 3), slice(3, 6)
_COLLARS = (slice(6, 9), slice(9, 12))
_SPINE = (slice(12, 15), slice(15, 18), slice(18, 21))
_PLACE = slice(21, 24)
_COUNT = 24

_JOINTS = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
"""Joints that a source may give, in the order in which `_reached` passes them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Task:
    """What one block of frames must reach: targets (T,N,3) m with weights (T,N); `given` (N,)
    says which of the reached points they are."""

    rest: Float64
    head_reach: Float64
    targets: Float64
    weights: Float64
    pelvis: Float64
    head: Float64
    given: list[int]


def fit_trunk(points: Points, torso: Torso, rest_joints_J3: Float64) -> dict[str, Float64]:
    """Parent-relative rotations (T,3,3) of the trunk by joint name, the pelvis' in the world.

    The head keeps its orientation, everything else gives way by its sigma.
    """
    task = _task(points, torso, rest_joints_J3)
    blocks = [
        _fit(_part(task, slice(first, first + _FRAMES_AT_ONCE)))
        for first in range(0, len(task.targets), _FRAMES_AT_ONCE)
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _task(points: Points, torso: Torso, rest_joints_J3: Float64) -> _Task:
    ears = ("body_left_ear", "body_right_ear")
    groups = [*((name,) for name in (*HIPS, *SHOULDERS)), ears]
    given = list(range(len(groups)))
    for number, joint in enumerate(_JOINTS):
        if f"joint_{joint}" in points.index:
            given.append(5 + number)
            groups.append((f"joint_{joint}",))
    weights = np.stack([points.score(*group) for group in groups], axis=1)
    return _Task(
        rest=rest_joints_J3,
        head_reach=points.rest_at(*ears) - rest_joints_J3[JOINT["head"]],
        targets=np.stack([points.at(*group) for group in groups], axis=1),
        weights=np.maximum(weights, 0.05) / POINT_SIGMA_M,
        pelvis=torso.pelvis,
        head=torso.head,
        given=given,
    )


def _part(task: _Task, frames: slice) -> _Task:
    return replace(
        task,
        targets=task.targets[frames],
        weights=task.weights[frames],
        pelvis=task.pelvis[frames],
        head=task.head[frames],
    )


def _fit(task: _Task) -> dict[str, Float64]:
    """Gauss-Newton with numeric slopes: all copies of all frames in one batch."""
    values_TP = np.zeros((len(task.targets), _COUNT))
    values_TP[:, _PLACE] = task.targets[:, :2].mean(axis=1)
    nudges_CP = np.concatenate([np.zeros((1, _COUNT)), STEP * np.eye(_COUNT)])
    for _ in range(ROUNDS):
        residuals_CTR = _residuals(values_TP + nudges_CP[:, None], task)
        now_TR = residuals_CTR[0]
        slopes_PTR = (residuals_CTR[1:] - now_TR) / STEP
        normal = np.einsum("ptr,qtr->tpq", slopes_PTR, slopes_PTR) + 1e-6 * np.eye(_COUNT)
        gradient = np.einsum("ptr,tr->tp", slopes_PTR, now_TR)
        values_TP = values_TP - np.linalg.solve(normal, gradient[..., None])[..., 0]
    pose = _pose(values_TP[None], task)
    return {name: rotation[0] for name, rotation in pose.items()}


def _pose(values_CTP: Float64, task: _Task) -> dict[str, Float64]:
    """Parent-relative rotations (C,T,3,3) of parameters (C,T,P)."""
    spine = [matrix_from_axis_angle(values_CTP[..., part]) for part in _SPINE]
    pelvis = matrix_from_axis_angle(values_CTP[..., _PELVIS]) @ task.pelvis
    neck = matrix_from_axis_angle(values_CTP[..., _NECK])
    above = pelvis @ spine[0] @ spine[1] @ spine[2] @ neck
    return {
        "pelvis": pelvis,
        "spine1": spine[0],
        "spine2": spine[1],
        "spine3": spine[2],
        "left_collar": matrix_from_axis_angle(values_CTP[..., _COLLARS[0]]),
        "right_collar": matrix_from_axis_angle(values_CTP[..., _COLLARS[1]]),
        "neck": neck,
        "head": np.swapaxes(above, -1, -2) @ task.head,
    }


def _residuals(values_CTP: Float64, task: _Task) -> Float64:
    """What is missed and what is bent (C,T,R), each in its sigma."""
    pose = _pose(values_CTP, task)
    reached = _reached(pose, values_CTP[..., _PLACE], task)[..., task.given, :]
    missed = (reached - task.targets) * task.weights[..., None]
    spine = [values_CTP[..., part] for part in _SPINE]
    neck = values_CTP[..., _NECK] - axis_angle_from_matrix(pose["head"])
    bent = [
        missed.reshape(*missed.shape[:2], -1),
        values_CTP[..., _PELVIS] / PELVIS_SIGMA_RAD,
        (spine[0] + spine[1] + spine[2]) / SPINE_SIGMA_RAD,
        (spine[1] - spine[0]) / UNEVEN_SIGMA_RAD,
        (spine[2] - spine[1]) / UNEVEN_SIGMA_RAD,
        values_CTP[..., _COLLARS[0]] / COLLAR_SIGMA_RAD,
        values_CTP[..., _COLLARS[1]] / COLLAR_SIGMA_RAD,
        neck / NECK_SIGMA_RAD,
    ]
    return np.concatenate(bent, axis=-1)


def _reached(pose: dict[str, Float64], place_CT3: Float64, task: _Task) -> Float64:
    """Hips, shoulders, the middle of the ears and `_JOINTS` (C,T,11,3) m of a posed trunk."""
    rest = task.rest

    def bone(parent: str, child: str) -> Float64:
        return rest[JOINT[child]] - rest[JOINT[parent]]

    world, joint = pose["pelvis"], place_CT3
    passed = [joint]
    hips = [joint + world @ bone("pelvis", f"{side}_hip") for side in ("left", "right")]
    for parent, child in (("pelvis", "spine1"), ("spine1", "spine2"), ("spine2", "spine3")):
        joint = joint + world @ bone(parent, child)
        world = world @ pose[child]
        passed.append(joint)
    shoulders = [
        joint
        + world @ bone("spine3", f"{side}_collar")
        + world @ pose[f"{side}_collar"] @ bone(f"{side}_collar", f"{side}_shoulder")
        for side in ("left", "right")
    ]
    neck = joint + world @ bone("spine3", "neck")
    head = neck + world @ pose["neck"] @ bone("neck", "head")
    ears = head + np.broadcast_to(task.head @ task.head_reach, head.shape)
    return np.stack([*hips, *shoulders, ears, *passed, neck, head], axis=-2)
