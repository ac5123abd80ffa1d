"""A take's estimated pose, mesh and armature, calibrated to another pose estimate of the take.

Legend: T rows of the take, J joints (55), B bones, V vertices.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import (
    FloatArray,
    axis_angle_from_matrix,
    kabsch,
    matrix_from_axis_angle,
    normalized,
    swing_between,
)
from ...rigs.skeleton import (
    JOINT,
    JOINT_COUNT,
    PARENTS,
    joint_positions,
    local_rotations,
    world_rotations,
)
from ..body_model import BodyModel
from ..camera import CAMERA_FROM_WORLD
from ..clip import EstimatedPose, RawTake
from .calibration import CalibrationWeights, bone_moves, calibrated_mesh
from .calibration_mesh import joint_projector, plan_of_mesh, projected_joints
from .calibration_target import at_the_meshs_place, lifted
from .calibration_weights import BONES, check_fits, geometric_weights
from .filling import trust_from_score
from .placing import camera_of
from .solve import solve

Float64 = NDArray[np.float64]

TARGETS = ("none", "parallel", "serial")
"""What a mesh may be calibrated to: nothing, the landmarks' pose, its own pose lifted again."""

_LIMBS = tuple(
    JOINT[f"{side}_{name}"]
    for side in ("left", "right")
    for name in ("knee", "ankle", "elbow", "wrist")
)
"""Joints at the end of bones that all bodies have alike, from joint to joint of the real one."""


@dataclass(frozen=True, kw_only=True)
class CalibrationSettings:
    """What a take's mesh is calibrated to, one of TARGETS; weights: learned ones, or None for
    those that geometry gives."""

    target: str = "none"
    weights: CalibrationWeights | None = None

    def __post_init__(self) -> None:
        if self.target not in TARGETS:
            raise ValueError(f"target: expected one of {TARGETS}, got {self.target}")

    def as_json(self) -> dict[str, Any]:
        """What a clip's provenance says of it, nothing where there is no calibration."""
        if self.target == "none":
            return {}
        file = {} if self.weights is None else {"calibration_sha256": self.weights.sha256}
        return {"calibrate": self.target, **file}


def calibrated(
    raw: RawTake, pose: EstimatedPose, body: BodyModel, settings: CalibrationSettings
) -> EstimatedPose:
    """Return the take's pose with its bones where the target has them, mesh and armature.

    The armature's bones turn, they do not stretch; the mesh's do both. Place, size, fingers and
    face stay. Source: PC-HMR; the armature's part is ours. Raises ClipFileError for a take whose
    landmarks cannot be solved, ModelFileError where learned weights are of another mesh.
    """
    if settings.target == "none":
        return pose
    target = _Target(raw, body, settings.target)
    rotations_TJ3 = pose.poses.astype(np.float64).reshape(-1, JOINT_COUNT, 3)
    world_TJ33 = np.asarray(world_rotations(matrix_from_axis_angle(rotations_TJ3)))
    rest_J3 = target.comparable_rest(pose.rest_joints.astype(np.float64))
    own_TJ3 = joint_positions(world_TJ33, rest_J3, pose.trans + pose.rest_joints[0] - rest_J3[0])
    turned_TJ33 = turned_armature(world_TJ33, own_TJ3, target.of(own_TJ3))
    locals_TJ3 = axis_angle_from_matrix(local_rotations(turned_TJ33))
    vertices = None
    if pose.vertices is not None:
        plan = plan_of_mesh(pose.vertices, world_TJ33, own_TJ3[:, 0], body)
        weights = settings.weights or geometric_weights(plan.rest, plan.skin, plan.joints)
        check_fits(weights, pose.vertices.shape[1])
        mesh_TJ3 = projected_joints(joint_projector(plan), pose.vertices)
        moves = bone_moves(mesh_TJ3, target.of(mesh_TJ3), BONES)
        vertices = calibrated_mesh(pose.vertices, moves, weights)
    return replace(
        pose,
        poses=locals_TJ3.reshape(len(locals_TJ3), -1).astype(np.float32),
        vertices=vertices,
    )


class _Target:
    """The poses that a take's own are brought to, in its world, the camera at the origin."""

    def __init__(self, raw: RawTake, body: BodyModel, target: str) -> None:
        self._time_s = raw.time_s
        self._level_from_world = CAMERA_FROM_WORLD.T @ camera_of(raw).rotation.astype(np.float64)
        self._found = solve(replace(raw, pose=None), body) if target == "parallel" else None

    def comparable_rest(self, rest_J3: Float64) -> Float64:
        """The rest pose (55,3) m on which an armature with its own one is compared with the target.

        Limbs go from joint to joint in every body. Spines, collars, feet and heads do not: their
        joints lie where a model's makers put them, and are the target's.
        """
        if self._found is None:
            return rest_J3
        other_J3 = self._found.rest_joints.astype(np.float64)
        mixed_J3 = rest_J3.copy()
        for joint in range(1, JOINT_COUNT):
            parent = PARENTS[joint]
            source_J3 = rest_J3 if joint in _LIMBS else other_J3
            mixed_J3[joint] = mixed_J3[parent] + source_J3[joint] - source_J3[parent]
        return mixed_J3

    def of(self, own_TJ3: FloatArray) -> Float64:
        """Where joints that are at (T,J,3) m belong."""
        if self._found is None:
            level_TJ3 = own_TJ3 @ np.swapaxes(self._level_from_world, -1, -2)
            return lifted(level_TJ3, self._time_s) @ self._level_from_world
        trust_TJ = trust_from_score(self._found.scores.astype(np.float64))
        return at_the_meshs_place(own_TJ3, self._found.joints, trust_TJ)


def turned_armature(world_TJ33: FloatArray, own_TJ3: FloatArray, target_TJ3: FloatArray) -> Float64:
    """Return the world rotations (T,55,3,3) of an armature whose bones point as the target's do.

    own_TJ3 and target_TJ3 (T,55,3) m: its joints and where they belong. A joint with one bone
    swings it there and keeps its twist; one with several is turned by Kabsch; one without keeps
    its rotation against its parent.
    """
    local_TJ33 = local_rotations(world_TJ33)
    turned_TJ33 = world_TJ33.astype(np.float64).copy()
    for joint, parent in enumerate(PARENTS):
        ends = BONES[BONES[:, 0] == joint, 1]
        if len(ends):
            own_TK3 = own_TJ3[:, ends] - own_TJ3[:, joint, None]
            wanted_TK3 = target_TJ3[:, ends] - target_TJ3[:, joint, None]
            turned_TJ33[:, joint] = _turn(own_TK3, wanted_TK3) @ world_TJ33[:, joint]
        else:
            turned_TJ33[:, joint] = turned_TJ33[:, parent] @ local_TJ33[:, joint]
    return turned_TJ33


def _turn(own_TK3: Float64, wanted_TK3: Float64) -> FloatArray:
    """The turn (T,3,3) of one direction, or of several, which count alike."""
    if own_TK3.shape[1] == 1:
        return swing_between(own_TK3[:, 0], wanted_TK3[:, 0])
    own, wanted = normalized(own_TK3), normalized(wanted_TK3)
    # With its opposite beside each direction the points are centred.
    source, target = (np.concatenate([points, -points], axis=1) for points in (own, wanted))
    return kabsch(source, target, np.ones(source.shape[:2]))
