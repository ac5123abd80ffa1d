"""The ten named shape components, and the regressor that gives the joints of any of them.

Legend: V vertices, J joints (55), K shape components (10).
"""

from dataclasses import dataclass

import numpy as np
from bake_tpose import Array

from pose2rig.rigs.skeleton import JOINT

SHAPE_NAMES = (
    "size",
    "gender",
    "weight",
    "muscle",
    "torso_length",
    "shoulder_width",
    "hip_width",
    "arm_length",
    "thigh_length",
    "shin_length",
)

LENGTH_PER_UNIT = {
    "torso_length": 0.02,
    "shoulder_width": 0.015,
    "hip_width": 0.01,
    "arm_length": 0.02,
    "thigh_length": 0.015,
    "shin_length": 0.015,
}
"""Metres that one unit of a component adds to its own measure; no other measure changes."""

HEIGHT_PER_UNIT = 0.06
PHENOTYPE_PER_UNIT = {"gender": 0.2, "weight": 0.2, "muscle": 0.3}
"""Of anny's parameters from 0 to 1; gender is 0 for male, 1 for female."""

MEASURES: dict[str, tuple[tuple[str, str], ...]] = {
    "torso_length": (("pelvis", "neck"),),
    "shoulder_width": (("left_shoulder", "right_shoulder"),),
    "hip_width": (("left_hip", "right_hip"),),
    "upper_arm": (("left_shoulder", "left_elbow"),),
    "forearm": (("left_elbow", "left_wrist"),),
    "thigh_length": (("left_hip", "left_knee"),),
    "shin_length": (("left_knee", "left_ankle"),),
}

TARGET_OF = {
    "torso": "torso_length",
    "shoulders": "shoulder_width",
    "hips": "hip_width",
    "upper_arm": "upper_arm",
    "forearm": "forearm",
    "thigh": "thigh_length",
    "shin": "shin_length",
}


@dataclass(frozen=True)
class Field:
    """How one source shape moves the T-posed vertices (V,3) and joints (J,3), m per unit."""

    vertices: Array
    joints: Array

    def __add__(self, other: "Field") -> "Field":
        return Field(self.vertices + other.vertices, self.joints + other.joints)

    def __mul__(self, factor: float) -> "Field":
        return Field(self.vertices * factor, self.joints * factor)


def measure_rates(joints: Array, moved: Array) -> Array:
    """Rate (7,) at which a displacement of the joints changes each measure, m per unit."""
    rates: list[float] = []
    for pairs in MEASURES.values():
        rate = 0.0
        for a, b in pairs:
            bone = joints[JOINT[a]] - joints[JOINT[b]]
            rate += float(bone @ (moved[JOINT[a]] - moved[JOINT[b]]) / np.linalg.norm(bone))
        rates.append(rate)
    return np.array(rates)


def pure_lengths(joints: Array, fields: dict[str, Field]) -> dict[str, Field]:
    """Mix the length fields so that each changes its own measure by 1 m and no other."""
    order = {measure: target for target, measure in TARGET_OF.items()}
    basis = [fields[order[measure]] for measure in MEASURES]
    rates = np.stack([measure_rates(joints, f.joints) for f in basis], axis=1)
    mix = np.linalg.inv(rates)
    return {m: _combined(basis, mix[:, k]) for k, m in enumerate(MEASURES)}


def _combined(fields: list[Field], factors: Array) -> Field:
    total = fields[0] * float(factors[0])
    for field, factor in zip(fields[1:], factors[1:], strict=True):
        total = total + field * float(factor)
    return total


def components(vertices: Array, joints: Array, fields: dict[str, Field]) -> list[Field]:
    """The ten components in the order of SHAPE_NAMES, the pelvis at rest in all of them."""
    height = float(np.ptp(vertices[:, 1]))
    scale = HEIGHT_PER_UNIT / height
    size = Field((vertices - joints[0]) * scale, (joints - joints[0]) * scale)
    lengths = pure_lengths(joints, fields)
    made = {"size": size}
    top, bottom = np.argmax(vertices[:, 1]), np.argmin(vertices[:, 1])
    for name, step in PHENOTYPE_PER_UNIT.items():
        field = fields[name] * step
        grown = field.vertices[top, 1] - field.vertices[bottom, 1]
        if name == "gender":
            field = field + size * float(-grown / HEIGHT_PER_UNIT)
        rates = measure_rates(joints, field.joints)
        made[name] = _combined([field, *lengths.values()], np.array([1.0, *-rates]))
    upper, fore = (
        np.linalg.norm(joints[JOINT["left_" + a]] - joints[JOINT["left_" + b]])
        for a, b in (("shoulder", "elbow"), ("elbow", "wrist"))
    )
    share = float(upper / (upper + fore))
    lengths["arm_length"] = lengths["upper_arm"] * share + lengths["forearm"] * (1 - share)
    made |= {name: lengths[name] * step for name, step in LENGTH_PER_UNIT.items()}
    return [_pelvis_fixed(made[name]) for name in SHAPE_NAMES]


def _pelvis_fixed(field: Field) -> Field:
    pelvis = field.joints[JOINT["pelvis"]]
    return Field(field.vertices - pelvis, field.joints - pelvis)


def joint_regressor(
    vertices: Array, shapes_VK3: Array, joints: Array, joint_shapes_JK3: Array, near: int = 150
) -> Array:
    """(J,V) rows that give the joints from the vertices, at rest and along every component.

    The rows sum to one and meet the 33 constraints in the least-squares sense with the smallest
    change from the mean of the nearest vertices.
    """
    rows = np.zeros((len(joints), len(vertices)))
    for joint, place in enumerate(joints):
        distance = np.linalg.norm(vertices - place, axis=1)
        close = np.argsort(distance)[:near]
        start = np.exp(-((distance[close] / distance[close[near // 3]]) ** 2))
        start /= start.sum()
        shapes = shapes_VK3[close].reshape(near, -1)
        known = np.concatenate(
            [np.full((near, 1), 10.0), (vertices[close] - place) * 100, shapes], 1
        )
        wanted = np.concatenate([[10.0], np.zeros(3), joint_shapes_JK3[joint].ravel()])
        change = np.linalg.lstsq(known.T, wanted - known.T @ start, rcond=1e-6)[0]
        rows[joint, close] = start + change
    return rows
