"""Bone heads and skin weights of the MakeHuman rig merged onto the 55 SMPL-X joints.

Legend: V vertices, B bones of the source rig, J joints (55).
"""

import numpy as np
from bake_tpose import Array

from pose2rig.rigs.skeleton import JOINT, JOINT_NAMES

FINGERS = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}
MAX_INFLUENCES = 4

_SIDE_HEADS: dict[str, dict[str, float]] = {
    "hip": {"upperleg01": 0.88, "root": 0.12},
    "knee": {"lowerleg01": 1.0},
    "ankle": {"foot": 1.0},
    "foot": {"toe1-1": 1 / 3, "toe2-1": 1 / 3, "toe3-1": 1 / 3},
    "collar": {"clavicle": 1.0},
    "shoulder": {"upperarm01": 1.0},
    "elbow": {"lowerarm01": 1.0},
    "wrist": {"wrist": 1.0},
    "eye_smplhf": {"eye": 1.0},
}

_CENTRE_HEADS: dict[str, dict[str, float]] = {
    "pelvis": {"spine04": 0.65, "upperleg01.L": 0.175, "upperleg01.R": 0.175},
    "spine1": {"spine03": 1.0},
    "spine2": {"spine02": 1.0},
    "spine3": {"spine01": 1.0},
    "neck": {"neck01": 1.0},
    "head": {"head": 0.7, "neck03": 0.3},
    "jaw": {"jaw": 1.0},
}

_CENTRE_WEIGHTS: dict[str, dict[str, float]] = {
    "root": {"pelvis": 1.0},
    "spine05": {"pelvis": 1.0},
    "spine04": {"pelvis": 0.6, "spine1": 0.4},
    "spine03": {"spine1": 1.0},
    "spine02": {"spine2": 1.0},
    "spine01": {"spine3": 1.0},
    "breast.L": {"spine3": 1.0},
    "breast.R": {"spine3": 1.0},
    "neck01": {"neck": 1.0},
    "neck02": {"neck": 1.0},
    "neck03": {"neck": 0.5, "head": 0.5},
    "head": {"head": 1.0},
    "jaw": {"jaw": 1.0},
}

_SIDE_WEIGHTS: dict[str, dict[str, float]] = {
    "pelvis": {"pelvis": 1.0},
    "upperleg01": {"hip": 1.0},
    "upperleg02": {"hip": 1.0},
    "lowerleg01": {"knee": 1.0},
    "lowerleg02": {"knee": 1.0},
    "foot": {"ankle": 1.0},
    "clavicle": {"collar": 1.0},
    "shoulder01": {"collar": 0.7, "shoulder": 0.3},
    "upperarm01": {"shoulder": 1.0},
    "upperarm02": {"shoulder": 1.0},
    "lowerarm01": {"elbow": 1.0},
    "lowerarm02": {"elbow": 1.0},
    "wrist": {"wrist": 1.0},
    "eye": {"eye_smplhf": 1.0},
}


def joint_mixture(bones: list[str]) -> Array:
    """(J,B): how every joint is mixed from the source rig's bone heads."""
    mixture = np.zeros((len(JOINT_NAMES), len(bones)))

    def put(joint: str, heads: dict[str, float]) -> None:
        for bone, share in heads.items():
            mixture[JOINT[joint], bones.index(bone)] += share

    for joint, heads in _CENTRE_HEADS.items():
        put(joint, heads)
    for side in ("left", "right"):
        end = f".{side[0].upper()}"
        for joint, heads in _SIDE_HEADS.items():
            put(f"{side}_{joint}", {b if b == "root" else b + end: s for b, s in heads.items()})
        for finger, number in FINGERS.items():
            for k in (1, 2, 3):
                put(f"{side}_{finger}{k}", {f"finger{number}-{k}{end}": 1.0})
    return mixture


def _own_joints(bone: str) -> dict[str, float]:
    """Joints that one source bone hands its weight to; empty: those of its parent."""
    if bone in _CENTRE_WEIGHTS:
        return _CENTRE_WEIGHTS[bone]
    name, _, end = bone.partition(".")
    side = {"L": "left", "R": "right"}.get(end, "")
    if name in _SIDE_WEIGHTS:
        return {j if j == "pelvis" else f"{side}_{j}": s for j, s in _SIDE_WEIGHTS[name].items()}
    if name.startswith("toe"):
        return {f"{side}_foot": 1.0}
    for finger, number in FINGERS.items():
        if name.startswith(f"finger{number}-"):
            return {f"{side}_{finger}{name[-1]}": 1.0}
    return {}


def merged_weights(bones: list[str], parents: list[int], weights_VB: Array) -> Array:
    """Weights (V,J) of the 55 joints; bones of the face follow their parents."""
    share = np.zeros((len(bones), len(JOINT_NAMES)))
    for index, bone in enumerate(bones):
        for joint, part in _own_joints(bone).items():
            share[index, JOINT[joint]] = part
        if not share[index].any():
            share[index] = share[parents[index]]
    return weights_VB @ share


def limited(weights_VJ: Array) -> Array:
    """Keep the four largest weights of every vertex and let them sum to one."""
    kept = np.sort(weights_VJ, axis=1)[:, -MAX_INFLUENCES, None]
    strong = np.where((weights_VJ >= kept) & (weights_VJ > 1e-4), weights_VJ, 0.0)
    order = np.argsort(-strong, axis=1)[:, MAX_INFLUENCES:]
    np.put_along_axis(strong, order, 0.0, axis=1)
    return strong / strong.sum(axis=1, keepdims=True)


def smoothed(weights_VJ: Array, edges: Array, amount_V: Array, rounds: int) -> Array:
    """Let every vertex take over its neighbours' mean weights by its own amount, some rounds."""
    count = len(weights_VJ)
    degree = np.bincount(edges.ravel(), minlength=count).astype(float)
    result = weights_VJ
    for _ in range(rounds):
        total = np.zeros_like(result)
        np.add.at(total, edges[:, 0], result[edges[:, 1]])
        np.add.at(total, edges[:, 1], result[edges[:, 0]])
        mean = total / np.maximum(degree, 1)[:, None]
        result = result + amount_V[:, None] * (mean - result)
    return result
