"""The estimator's own mesh, carried along with the motion that was made of its pose.

A row's mesh keeps its shape: as the motion turns and moves each bone against the pose that came
with the mesh, so it turns and moves the vertices on that bone, blended as the open body's skin is
(`calibration_mesh`). Where nothing changed the pose the mesh stays as it was.

Legend: T rows of the raw take, U rows of the clip, J joints (55), V vertices.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import FloatArray, matrix_from_axis_angle
from ...rigs.skeleton import (
    BODY_PARTS,
    JOINT,
    JOINT_COUNT,
    joint_positions,
    world_rotations,
)
from ..body_model import BodyModel
from ..clip import Clip, EstimatedPose, RawTake, replaced
from .calibration_mesh import plan_of_mesh
from .placing import camera_of
from .posing import world_matrices
from .root import MIN_DEPTH_M

Float64 = NDArray[np.float64]

GROWTH = (0.25, 4.0)
"""How much smaller or larger a mesh may become."""

_FRAMES_AT_ONCE = 32


def with_mesh(
    clip: Clip, raw: RawTake, pose: EstimatedPose, body: BodyModel, size: float = 1.0
) -> Clip:
    """The clip with the estimator's mesh (U,V,3) m, world, in the clip's pose.

    pose: the mesh and the pose it is in, a row for each of the raw take. size: how many times as
    large the mesh becomes (`grown_by`). A filled row's mesh is between its neighbours'. A take
    without a mesh leaves the clip as it is.
    """
    if pose.vertices is None:
        return clip
    own = _armature(pose)
    skin_VJ = _without_face(plan_of_mesh(pose.vertices, own.world, own.joints[:, 0], body).skin)
    small = own.sized(1.0 / size)
    whole = _Armature(world=world_matrices(clip), joints=clip.joints.astype(np.float64))
    row_U = np.interp(clip.frame_index, raw.frame_index, np.arange(len(raw.frame_index)))
    before_U = row_U.astype(np.int64)
    share_U = row_U - before_U
    vertices_UV3 = np.zeros((len(row_U), *pose.vertices.shape[1:]), dtype=np.float32)
    for first in range(0, len(row_U), _FRAMES_AT_ONCE):
        rows_U = np.arange(first, min(first + _FRAMES_AT_ONCE, len(row_U)))
        for after in (0, 1):
            rows_U = rows_U[share_U[rows_U] > 0.0] if after else rows_U
            from_U = before_U[rows_U] + after
            bones_UJ34 = _bone_moves(small.part(from_U), whole.part(rows_U), size)
            moved_UV3 = _carried(bones_UJ34, skin_VJ, pose.vertices[from_U])
            share_U11 = share_U[rows_U, None, None] if after else 1.0
            vertices_UV3[rows_U] += share_U11 * (moved_UV3 - vertices_UV3[rows_U])
    return replaced(clip, vertices=vertices_UV3)


def grown_by(clip: Clip, raw: RawTake, pose: EstimatedPose) -> float:
    """How many times as far away a take's person is in a clip of its rows as in a pose of it.

    A mesh so many times as large is as large in the picture as it was. The median over the rows in
    which the pose is before the camera, within `GROWTH`; 1 where it never is.
    """
    forward_T3 = camera_of(raw).rotation.reshape(-1, 3, 3)[:, 2].astype(np.float64)
    own_T3 = pose.trans.astype(np.float64) + pose.rest_joints[0]
    far_T, own_T = (
        (pelvis_T3 * forward_T3).sum(axis=1) for pelvis_T3 in (clip.joints[:, 0], own_T3)
    )
    is_before_T = own_T > MIN_DEPTH_M
    if not is_before_T.any():
        return 1.0
    return float(np.clip(np.median(far_T[is_before_T] / own_T[is_before_T]), *GROWTH))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Armature:
    """World rotations (T,55,3,3) and joints (T,55,3) m."""

    world: Float64
    joints: Float64

    def part(self, rows: NDArray[np.int64]) -> "_Armature":
        return _Armature(world=self.world[rows], joints=self.joints[rows])

    def sized(self, size: float) -> "_Armature":
        """The same of another size about the pelvis."""
        pelvis_T13 = self.joints[:, :1]
        return _Armature(world=self.world, joints=pelvis_T13 + size * (self.joints - pelvis_T13))


def _without_face(skin_VJ: Float64) -> Float64:
    """The weights with jaw and eyes belonging to the head: they are no part of the mesh's pose."""
    face = list(BODY_PARTS["face"])
    bare_VJ = skin_VJ.copy()
    bare_VJ[:, JOINT["head"]] += bare_VJ[:, face].sum(axis=1)
    bare_VJ[:, face] = 0.0
    return bare_VJ


def _armature(pose: EstimatedPose) -> _Armature:
    rotations_TJ3 = pose.poses.astype(np.float64).reshape(-1, JOINT_COUNT, 3)
    world_TJ33 = np.asarray(world_rotations(matrix_from_axis_angle(rotations_TJ3)))
    joints_TJ3 = joint_positions(world_TJ33, pose.rest_joints.astype(np.float64), pose.trans)
    return _Armature(world=world_TJ33, joints=np.asarray(joints_TJ3, dtype=np.float64))


def _bone_moves(own: _Armature, wanted: _Armature, size: float) -> Float64:
    """What carries points on each bone from one armature to the other (U,55,3,4)."""
    turn_UJ33 = size * (wanted.world @ np.swapaxes(own.world, -1, -2))
    shift_UJ3 = wanted.joints - (turn_UJ33 @ own.joints[..., None])[..., 0]
    return np.concatenate([turn_UJ33, shift_UJ3[..., None]], axis=-1)


def _carried(bones_UJ34: Float64, skin_VJ: Float64, vertices_UV3: FloatArray) -> Float64:
    """The vertices (U,V,3) on moved bones, each by its share of them."""
    moves_UV34 = skin_VJ @ bones_UJ34.reshape(len(bones_UJ34), JOINT_COUNT, 12)
    moves_UV34 = moves_UV34.reshape(*vertices_UV3.shape[:2], 3, 4)
    turned_UV3 = (moves_UV34[..., :3] @ vertices_UV3[..., None])[..., 0]
    return np.asarray(turned_UV3 + moves_UV34[..., 3], dtype=np.float64)
