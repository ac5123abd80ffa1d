"""Which part of a clothed figure every triangle of the open body shows, for colouring only."""

import numpy as np
from bake_tpose import Array
from numpy.typing import NDArray

from pose2rig.rigs.skeleton import BODY_PARTS, JOINT

PART_NAMES = (
    "skin",
    "shirt",
    "trousers",
    "shoes",
    "hair",
    "eye_white",
    "iris",
    "teeth",
    "tongue",
    "lips",
    "brows",
)
PART = {name: index for index, name in enumerate(PART_NAMES)}

SLEEVE_SHARE = 0.55
IRIS_COSINE = 0.90
TIDY_ROUNDS = 12


def eye_parts(centres: Array, joints: Array) -> NDArray[np.int64]:
    """Iris where a triangle of the eyeball looks forward, white elsewhere."""
    parts = np.full(len(centres), PART["eye_white"])
    for side in ("left", "right"):
        outward = centres - joints[JOINT[f"{side}_eye_smplhf"]]
        near = np.linalg.norm(outward, axis=1) < 0.03
        cosine = outward[:, 2] / np.linalg.norm(outward, axis=1)
        parts[near & (cosine > IRIS_COSINE)] = PART["iris"]
    return parts


def body_parts(centres: Array, joints: Array, weights_FJ: Array) -> NDArray[np.int64]:
    """Shirt, trousers, shoes, hair and skin by skin weights and place in the T-pose."""
    parts = np.full(len(centres), PART["skin"])
    torso = weights_FJ[:, [*BODY_PARTS["torso"], JOINT["left_collar"], JOINT["right_collar"]]]
    arms = weights_FJ[:, [JOINT["left_shoulder"], JOINT["right_shoulder"]]]
    legs = weights_FJ[:, list(BODY_PARTS["legs"])]
    x = np.abs(centres[:, 0])
    shoulder, elbow = joints[JOINT["left_shoulder"], 0], joints[JOINT["left_elbow"], 0]
    sleeve = shoulder + SLEEVE_SHARE * (elbow - shoulder)
    parts[(torso.sum(1) + arms.sum(1) > 0.5) & (x < sleeve)] = PART["shirt"]
    neck = joints[JOINT["neck"]]
    collar = np.linalg.norm((centres - neck - [0, 0.03, 0.0]) * [1.0, 1.0, 0.8], axis=1) < 0.085
    parts[collar & (weights_FJ[:, JOINT["left_shoulder"]] < 0.5)] = PART["skin"]
    below = centres[:, 1] < joints[JOINT["pelvis"], 1] + 0.03
    arm = weights_FJ[:, JOINT["left_elbow"] :].sum(1) > 0.5
    parts[below & ~arm & (legs.sum(1) + torso.sum(1) > 0.5)] = PART["trousers"]
    ankle = joints[JOINT["left_ankle"], 1]
    parts[centres[:, 1] < ankle + 0.012] = PART["shoes"]
    return hair(parts, centres, joints, weights_FJ)


def tidy(parts: NDArray[np.int64], neighbours: NDArray[np.int64]) -> NDArray[np.int64]:
    """Straighten the borders: a quad takes a part that at least three of its four sides have.

    neighbours (F,4): the quad beyond every side, its own number where there is none.
    """
    for _ in range(TIDY_ROUNDS):
        votes = np.sum(parts[neighbours][:, :, None] == np.arange(len(PART_NAMES)), axis=1)
        winner = votes.argmax(axis=1)
        parts = np.where(votes.max(axis=1) >= 3, winner, parts)
    return parts


def quad_neighbours(quads: NDArray[np.int64]) -> NDArray[np.int64]:
    """The quad beyond every side (F,4), the quad's own number at an open border."""
    sides = np.stack([np.stack([quads[:, k], quads[:, (k + 1) % 4]], 1) for k in range(4)], 1)
    keys = np.sort(sides.reshape(-1, 2), axis=1) @ [quads.max() + 1, 1]
    order = np.argsort(keys, kind="stable")
    beyond = np.arange(len(keys))
    pairs = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    beyond[order[pairs]], beyond[order[pairs + 1]] = order[pairs + 1], order[pairs]
    return (beyond // 4).reshape(-1, 4)


def hair(
    parts: NDArray[np.int64], centres: Array, joints: Array, weights_FJ: Array
) -> NDArray[np.int64]:
    """Colour the scalp above the hairline: behind the ears, and above the forehead."""
    eye = joints[JOINT["left_eye_smplhf"]]
    head = weights_FJ[:, JOINT["head"]] > 0.5
    back = eye[2] - 0.105
    y, z = centres[:, 1], centres[:, 2]
    crown = y > eye[1] + 0.062 + np.clip(z - (eye[2] - 0.02), -0.06, 0.0) * 0.9
    nape = (z < back) & (y > eye[1] - 0.055)
    ears = (np.abs(centres[:, 0]) > 0.068) & (y < eye[1] + 0.045)
    parts[head & (crown | nape) & ~ears] = PART["hair"]
    return parts
