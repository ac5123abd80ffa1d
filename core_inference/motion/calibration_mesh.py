"""A mesh of any make laid over the open body: which joints it has, and which bones move it.

A network's mesh comes without a rest pose, skin weights or joints, and its makers' own are
licensed. But its rotations say how the person stands: the open body stands so too, and each vertex
takes after the point of the open body that it stays nearest to.

Legend: T frames, S chosen frames, J joints (55), V vertices, N vertices about a joint, C conditions
on them.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from ...rigs.rotation import FloatArray
from ...rigs.skeleton import JOINT_COUNT, PARENTS, joint_positions
from ..body_model import SHAPE_COUNT, BodyModel
from .calibration_weights import BONES

Float64 = NDArray[np.float64]

FRAMES = 8
"""Vertices are compared in so many frames: hands on hips in one lie elsewhere in another."""

ABOUT_A_JOINT = 160
"""A joint is told by so many vertices around it."""

OTHERS_M = 0.2
"""So far off a part of the body that does not meet a joint carries the place of that joint."""

VERTEX_OFF_M = 0.01
"""A mesh's vertex is off by so much from where its plan has it."""

_SURE = 10.0
_FRAMES_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class MeshPlan:
    """What is known of a mesh: rest (V,3) m, skin (V,55) and shapes (V,3,10) m per unit of the open
    body's points that its vertices take after; joints (55,3) m and joint_shapes (55,3,10) of that
    body."""

    rest: Float64
    skin: Float64
    shapes: Float64
    joints: Float64
    joint_shapes: Float64

    def picked(self, points_V: NDArray[np.int64]) -> "MeshPlan":
        """The plan of a mesh whose vertices take after these of its points (V,)."""
        return replace(
            self, rest=self.rest[points_V], skin=self.skin[points_V], shapes=self.shapes[points_V]
        )


def open_body_plan(body: BodyModel) -> MeshPlan:
    """The plan of the open body's own mesh, of average shape."""
    average = np.zeros(SHAPE_COUNT)
    return MeshPlan(
        rest=body.rest_vertices(average).astype(np.float64),
        skin=body.weights.astype(np.float64),
        shapes=body.shapedirs.astype(np.float64),
        joints=body.rest_joints(average).astype(np.float64),
        joint_shapes=body.joint_directions.astype(np.float64),
    )


def plan_of_mesh(
    vertices_TV3: FloatArray, world_TJ33: FloatArray, pelvis_T3: FloatArray, body: BodyModel
) -> MeshPlan:
    """Lay a mesh (T,V,3) m over the open body with the same world rotations and pelvis.

    The open body is made as large as the mesh: across corners of their bounding boxes.
    """
    rows_S = np.unique(np.linspace(0, len(vertices_TV3) - 1, FRAMES).round().astype(np.int64))
    mesh_SV3 = vertices_TV3[rows_S].astype(np.float64) - pelvis_T3[rows_S, None]
    plan = open_body_plan(body)
    centred_S3 = np.broadcast_to(-plan.joints[0], (len(rows_S), 3))
    joints_SJ3 = joint_positions(world_TJ33[rows_S], plan.joints, centred_S3)
    open_SV3 = body.skin(world_TJ33[rows_S], joints_SJ3, np.zeros(SHAPE_COUNT))
    larger = np.median(_span(mesh_SV3) / _span(open_SV3))
    nearest_V = np.asarray(
        KDTree(_as_rows(larger * open_SV3)).query(_as_rows(mesh_SV3))[1], dtype=np.int64
    )
    return plan.picked(nearest_V)


def _span(points_SV3: FloatArray) -> Float64:
    return np.linalg.norm(np.ptp(points_SV3, axis=1), axis=-1)


def _as_rows(points_SV3: FloatArray) -> Float64:
    """A point for each vertex whose distances are those of all frames together, (V,3S)."""
    return np.moveaxis(points_SV3, 0, 1).reshape(points_SV3.shape[1], -1)


def joint_projector(plan: MeshPlan) -> Float64:
    """Return what gives the bones' joints of a mesh, (55,V): the paper's U, equation 2.

    Each joint is a weighted mean of vertices around it, the weights being equal ones changed as
    little as needed for the joint to come out at rest, in every shape and in every pose. Other
    joints have rows of zeros.
    """
    projector_JV = np.zeros((JOINT_COUNT, len(plan.rest)))
    for joint in np.unique(BONES):
        own = [joint] if PARENTS[joint] < 0 else [joint, PARENTS[joint]]
        off_V = np.linalg.norm(plan.rest - plan.joints[joint], axis=1)
        off_V = np.where(plan.skin[:, own].sum(axis=1) > 0.5, off_V, np.inf)
        around_N = np.argsort(off_V, kind="stable")[:ABOUT_A_JOINT]
        projector_JV[joint, around_N] = _joint_weights(plan.picked(around_N), joint, own)
    return projector_JV


def projected_joints(projector_JV: Float64, vertices_TV3: FloatArray) -> Float64:
    """The joints (T,55,3) m of meshes (T,V,3) m: equation 2, some frames at a time."""
    joints_TJ3 = np.empty((len(vertices_TV3), JOINT_COUNT, 3))
    for first in range(0, len(vertices_TV3), _FRAMES_AT_ONCE):
        part = slice(first, first + _FRAMES_AT_ONCE)
        joints_TJ3[part] = projector_JV @ vertices_TV3[part]
    return joints_TJ3


def _joint_weights(plan: MeshPlan, joint: int, own: list[int]) -> Float64:
    """The weights (N,), summing to 1, of the vertices of a plan of those around a joint.

    Skinned vertices stay about the joint if what each part of the body holds of them is centred
    on it, and if parts that do not meet there hold nothing. All conditions are in metres; what a
    vertex is off from where the plan has it keeps the weights from growing.
    """
    away_N3 = plan.rest - plan.joints[joint]
    held = np.flatnonzero(plan.skin.max(axis=0) > 0.0)
    others = [k for k in held if k not in own]
    shapes_N3K = plan.shapes - plan.joint_shapes[joint]
    conditions_CN = np.concatenate(
        [
            np.full((1, len(away_N3)), _SURE),
            _SURE * away_N3.T,
            (plan.skin[:, held, None] * away_N3[:, None]).reshape(len(away_N3), -1).T,
            OTHERS_M * plan.skin[:, others].T,
            shapes_N3K.reshape(len(away_N3), -1).T,
        ]
    )
    equal_N = np.full(len(away_N3), 1.0 / len(away_N3))
    wanted_C = np.zeros(len(conditions_CN))
    wanted_C[0] = _SURE
    missed_C = wanted_C - conditions_CN @ equal_N
    normal_CC = conditions_CN @ conditions_CN.T + VERTEX_OFF_M**2 * np.eye(len(conditions_CN))
    weights_N = equal_N + conditions_CN.T @ np.linalg.solve(normal_CC, missed_C)
    return weights_N / weights_N.sum()
