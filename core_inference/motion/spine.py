"""Pelvis, spine, neck and collars fitted together to hips, shoulders and head.

Hips, shoulders and the head say where the ends of the torso are, not how the spine bends between
them. The fit finds, for every frame, the least bent spine, neck and collars that reach them:
Gauss-Newton on all frames at once, from the orientations that Kabsch gave.

Legend: T frames, P parameters of a frame (18), C copies (1 or P + 1), R residuals.
"""

from dataclasses import dataclass

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
"""How far points may be missed and joints may be bent, at equal cost."""

ROUNDS = 4
STEP = 1e-4
_FRAMES_AT_ONCE = 2048

_PELVIS, _SPINE, _NECK = slice(0, 3), slice(3, 6), slice(6, 9)
_COLLARS = (slice(9, 12), slice(12, 15))
_PLACE = slice(15, 18)
_COUNT = 18


@dataclass(frozen=True, kw_only=True, eq=False)
class _Task:
    """What one block of frames must reach: targets (T,5,3) m with weights (T,5)."""

    rest: Float64
    head_reach: Float64
    targets: Float64
    weights: Float64
    pelvis: Float64
    head: Float64


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
    names = (*HIPS, *SHOULDERS)
    targets = np.stack([*(points.at(name) for name in names), points.at(*ears)], axis=1)
    weights = np.stack([*(points.score(name) for name in names), points.score(*ears)], axis=1)
    return _Task(
        rest=rest_joints_J3,
        head_reach=points.rest_at(*ears) - rest_joints_J3[JOINT["head"]],
        targets=targets,
        weights=np.maximum(weights, 0.05) / POINT_SIGMA_M,
        pelvis=torso.pelvis,
        head=torso.head,
    )


def _part(task: _Task, frames: slice) -> _Task:
    return _Task(
        rest=task.rest,
        head_reach=task.head_reach,
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
    third = matrix_from_axis_angle(values_CTP[..., _SPINE] / 3.0)
    pelvis = matrix_from_axis_angle(values_CTP[..., _PELVIS]) @ task.pelvis
    neck = matrix_from_axis_angle(values_CTP[..., _NECK])
    above = pelvis @ third @ third @ third @ neck
    return {
        "pelvis": pelvis,
        "spine1": third,
        "spine2": third,
        "spine3": third,
        "left_collar": matrix_from_axis_angle(values_CTP[..., _COLLARS[0]]),
        "right_collar": matrix_from_axis_angle(values_CTP[..., _COLLARS[1]]),
        "neck": neck,
        "head": np.swapaxes(above, -1, -2) @ task.head,
    }


def _residuals(values_CTP: Float64, task: _Task) -> Float64:
    """What is missed and what is bent (C,T,R), each in its sigma."""
    pose = _pose(values_CTP, task)
    reached = _reached(pose, values_CTP[..., _PLACE], task)
    missed = (reached - task.targets) * task.weights[..., None]
    neck = values_CTP[..., _NECK] - axis_angle_from_matrix(pose["head"])
    bent = [
        missed.reshape(*missed.shape[:2], -1),
        values_CTP[..., _PELVIS] / PELVIS_SIGMA_RAD,
        values_CTP[..., _SPINE] / SPINE_SIGMA_RAD,
        values_CTP[..., _COLLARS[0]] / COLLAR_SIGMA_RAD,
        values_CTP[..., _COLLARS[1]] / COLLAR_SIGMA_RAD,
        neck / NECK_SIGMA_RAD,
    ]
    return np.concatenate(bent, axis=-1)


def _reached(pose: dict[str, Float64], place_CT3: Float64, task: _Task) -> Float64:
    """Hips, shoulders and the middle of the ears (C,T,5,3) m of a posed trunk."""
    rest = task.rest

    def bone(parent: str, child: str) -> Float64:
        return rest[JOINT[child]] - rest[JOINT[parent]]

    world, joint = pose["pelvis"], place_CT3
    hips = [joint + world @ bone("pelvis", f"{side}_hip") for side in ("left", "right")]
    for parent, child in (("pelvis", "spine1"), ("spine1", "spine2"), ("spine2", "spine3")):
        joint = joint + world @ bone(parent, child)
        world = world @ pose[child]
    shoulders = [
        joint
        + world @ bone("spine3", f"{side}_collar")
        + world @ pose[f"{side}_collar"] @ bone(f"{side}_collar", f"{side}_shoulder")
        for side in ("left", "right")
    ]
    joint = joint + world @ bone("spine3", "neck")
    joint = joint + world @ pose["neck"] @ bone("neck", "head")
    ears = joint + np.broadcast_to(task.head @ task.head_reach, joint.shape)
    return np.stack([*hips, *shoulders, ears], axis=-2)
