"""The 55 SMPL-X joints: names, parents, groups and forward kinematics.

Names and order are those of the SMPL-X model (smplx.joint_names.JOINT_NAMES[:55]). In the zero
pose the body stands as a T, y up, facing +z, its left hand along +x, and every joint frame is
aligned with these axes.

Legend: T frames, J joints (55).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")

JOINT_NAMES: tuple[str, ...] = (
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "jaw",
    "left_eye_smplhf",
    "right_eye_smplhf",
    *(
        f"{side}_{finger}{k}"
        for side in ("left", "right")
        for finger in _FINGERS
        for k in (1, 2, 3)
    ),
)

JOINT_COUNT = len(JOINT_NAMES)

JOINT: dict[str, int] = {name: index for index, name in enumerate(JOINT_NAMES)}

_BODY_PARENTS = (
    -1,
    0,
    0,
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    9,
    9,
    12,
    13,
    14,
    16,
    17,
    18,
    19,
    15,
    15,
    15,
)


def _finger_parents(first: int, wrist: int) -> tuple[int, ...]:
    return tuple(wrist if k % 3 == 0 else first + k - 1 for k in range(15))


PARENTS: tuple[int, ...] = (
    *_BODY_PARENTS,
    *_finger_parents(25, JOINT["left_wrist"]),
    *_finger_parents(40, JOINT["right_wrist"]),
)

LEFT_HAND = slice(25, 40)
RIGHT_HAND = slice(40, 55)

BODY_PARTS: dict[str, tuple[int, ...]] = {
    "torso": tuple(JOINT[n] for n in ("pelvis", "spine1", "spine2", "spine3")),
    "head": tuple(JOINT[n] for n in ("neck", "head")),
    "legs": tuple(
        JOINT[f"{s}_{n}"] for s in ("left", "right") for n in ("hip", "knee", "ankle", "foot")
    ),
    "arms": tuple(
        JOINT[f"{s}_{n}"] for s in ("left", "right") for n in ("collar", "shoulder", "elbow")
    ),
    "wrists": (JOINT["left_wrist"], JOINT["right_wrist"]),
    "fingers": tuple(range(25, 55)),
    "face": tuple(JOINT[n] for n in ("jaw", "left_eye_smplhf", "right_eye_smplhf")),
}
"""Every joint in exactly one part; filters and reports speak of these parts."""


def world_rotations(local_TJ33: FloatArray) -> FloatArray:
    """Chain parent-relative rotations into world ones.

    Args: local_TJ33 (T,55,3,3), each joint in its parent's frame, the pelvis in the world's.
    Returns: (T,55,3,3), each joint in the world's frame.
    """
    world_TJ33 = np.empty_like(local_TJ33)
    for joint, parent in enumerate(PARENTS):
        local_T33 = local_TJ33[:, joint]
        world_TJ33[:, joint] = local_T33 if parent < 0 else world_TJ33[:, parent] @ local_T33
    return world_TJ33


def local_rotations(world_TJ33: FloatArray) -> FloatArray:
    """Undo `world_rotations`: (T,55,3,3) in the world's frame to parent-relative."""
    parents = np.array(PARENTS[1:])
    local_TJ33 = world_TJ33.copy()
    local_TJ33[:, 1:] = np.swapaxes(world_TJ33[:, parents], -1, -2) @ world_TJ33[:, 1:]
    return local_TJ33


def joint_positions(
    world_TJ33: FloatArray, rest_joints_J3: FloatArray, trans_T3: FloatArray
) -> FloatArray:
    """Forward kinematics: where the joints are in the world.

    Args: world_TJ33 (T,55,3,3) world rotations; rest_joints_J3 (55,3) m, zero pose, or (T,55,3)
        where every frame has its own; trans_T3 (T,3) m. The pelvis stands at trans plus its rest.
    Returns: (T,55,3) m, world.
    """
    positions_TJ3 = np.empty(world_TJ33.shape[:-1], dtype=world_TJ33.dtype)
    positions_TJ3[:, 0] = trans_T3 + rest_joints_J3[..., 0, :]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        bone_31 = (rest_joints_J3[..., joint, :] - rest_joints_J3[..., parent, :])[..., None]
        moved_T3 = (world_TJ33[:, parent] @ bone_31)[..., 0]
        positions_TJ3[:, joint] = positions_TJ3[:, parent] + moved_T3
    return positions_TJ3
