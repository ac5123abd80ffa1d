"""The MakeHuman rig turned from its A-pose into the SMPL-X T-pose.

Axes: x to the body's left, y up, z forward. Legend: V vertices, B bones of the source rig.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]

MIRROR = np.diag([-1.0, 1.0, 1.0])
X, Y, Z = np.eye(3)

CLAVICLE_LIFT = np.deg2rad(10.0)
FINGER_CURL_KEPT = 0.3
THUMB_CURL_KEPT = 0.7
THIGH_DIRECTION = np.array([0.01, -1.0, -0.015])
SHIN_DIRECTION = np.array([-0.005, -1.0, -0.05])
TOE_OUT = np.deg2rad(10.0)


@dataclass(frozen=True)
class SourceRig:
    """Bone names, parents and heads (B,3) m, and the dense skin weights (V,B)."""

    bones: list[str]
    parents: list[int]
    heads: Array
    weights: Array

    def head(self, bone: str) -> Array:
        return self.heads[self.bones.index(bone)]


def mirrored_bones(bones: list[str]) -> list[int]:
    """Index of every bone's counterpart on the other side."""
    swap = {".L": ".R", ".R": ".L"}
    return [bones.index(b[:-2] + swap[b[-2:]]) if b[-2:] in swap else bones.index(b) for b in bones]


def symmetric_bone_heads(bones: list[str], heads: Array) -> Array:
    """Average every bone head with its mirrored counterpart."""
    return (heads + heads[mirrored_bones(bones)] @ MIRROR) / 2


def unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector)


def frame(first: Array, second: Array) -> Array:
    """Orthonormal columns: `first`, the part of `second` across it, and their cross product."""
    a = unit(first)
    b = unit(second - a * (a @ second))
    return np.stack([a, b, np.cross(a, b)], axis=1)


def turn(source: Array, target: Array) -> Array:
    """Smallest rotation that carries one direction into another."""
    a, b = unit(source), unit(target)
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis)
    if sine < 1e-12:
        return np.eye(3)
    return Rotation.from_rotvec(axis / sine * np.arctan2(sine, a @ b)).as_matrix()


def about(axis: Array, angle: float) -> Array:
    return Rotation.from_rotvec(axis * angle).as_matrix()


def twist_angle(rotation: Array, axis: Array) -> float:
    """Angle in rad of the part of a rotation that turns about an axis."""
    x, y, z, w = Rotation.from_matrix(rotation).as_quat()
    return float(2 * np.arctan2(np.dot([x, y, z], axis), w))


def left_arm(rig: SourceRig) -> dict[str, Array]:
    shoulder, elbow = rig.head("upperarm01.L"), rig.head("lowerarm01.L")
    wrist = rig.head("wrist.L")
    upper, fore = elbow - shoulder, wrist - elbow
    hinge = np.cross(upper, fore)
    upper_rotation = frame(X, -Y) @ frame(upper, hinge).T
    fore_rotation = frame(X, -Y) @ frame(fore, hinge).T
    dorsal = np.cross(rig.head("finger2-1.L") - wrist, rig.head("finger5-1.L") - wrist)
    hand = frame(X, Y) @ frame(rig.head("finger3-1.L") - wrist, dorsal).T
    clavicle = about(Z, CLAVICLE_LIFT)
    swing = turn(clavicle @ upper, X) @ clavicle
    upper_twist = twist_angle(upper_rotation @ swing.T, X)
    fore_twist = twist_angle(hand @ fore_rotation.T, X)
    return {
        "clavicle.L": clavicle,
        "upperarm01.L": about(X, upper_twist / 2) @ swing,
        "upperarm02.L": upper_rotation,
        "lowerarm01.L": about(X, fore_twist / 3) @ fore_rotation,
        "lowerarm02.L": about(X, fore_twist * 2 / 3) @ fore_rotation,
        "wrist.L": hand,
    }


def finger_tip(rig: SourceRig, vertices: Array, bone: str) -> Array:
    """The vertex that a last finger bone holds farthest from its head."""
    held = vertices[rig.weights[:, rig.bones.index(bone)] > 0.5]
    return held[np.argmax(np.linalg.norm(held - rig.head(bone), axis=1))]


def left_fingers(rig: SourceRig, vertices: Array, hand: Array) -> dict[str, Array]:
    rotations: dict[str, Array] = {}
    for finger in range(1, 6):
        names = [f"finger{finger}-{k}.L" for k in (1, 2, 3)]
        points = [*(rig.head(n) for n in names), finger_tip(rig, vertices, names[2])]
        kept = THUMB_CURL_KEPT if finger == 1 else FINGER_CURL_KEPT
        for name, start, end in zip(names, points, points[1:], strict=False):
            direction = hand @ (end - start)
            rotations[name] = turn(direction, direction * [1.0, kept, 1.0]) @ hand
    return rotations


def left_leg(rig: SourceRig) -> dict[str, Array]:
    hip, knee, ankle = (rig.head(n) for n in ("upperleg01.L", "lowerleg01.L", "foot.L"))
    return {
        "upperleg01.L": turn(knee - hip, THIGH_DIRECTION),
        "lowerleg01.L": turn(ankle - knee, SHIN_DIRECTION),
        "foot.L": about(Y, TOE_OUT),
    }


def tpose_rotations(rig: SourceRig, vertices: Array) -> Array:
    """World rotations (B,3,3) of the source bones that make the SMPL-X T-pose."""
    left = left_arm(rig) | left_leg(rig)
    left |= left_fingers(rig, vertices, left["wrist.L"])
    known = dict(left)
    known |= {name[:-1] + "R": MIRROR @ r @ MIRROR for name, r in left.items()}
    rotations = np.empty((len(rig.bones), 3, 3))
    for index, (bone, parent) in enumerate(zip(rig.bones, rig.parents, strict=True)):
        inherited = np.eye(3) if parent < 0 else rotations[parent]
        rotations[index] = known.get(bone, inherited)
    return rotations


def posed(rig: SourceRig, rotations: Array, vertices: Array, heads: Array) -> tuple[Array, Array]:
    """Linear blend skinning of vertices (V,3) and bone heads (B,3), or of their displacements."""
    moved = heads.copy()
    for index, parent in enumerate(rig.parents):
        if parent >= 0:
            moved[index] = moved[parent] + rotations[parent] @ (heads[index] - heads[parent])
    offsets = moved - np.einsum("bij,bj->bi", rotations, heads)
    blended = np.einsum("vb,bij->vij", rig.weights, rotations)
    return np.einsum("vij,vj->vi", blended, vertices) + rig.weights @ offsets, moved
