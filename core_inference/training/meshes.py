"""The meshes that I2L-MeshNet can be taught without a licensed body: parts of the open body.

Legend: V kept vertices, F triangles, J the network's joints.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import matrix_from_axis_angle
from ...rigs.skeleton import JOINT_COUNT, PARENTS, joint_positions, world_rotations
from ..body_model import BodyModel
from .body_layer import surface_places
from .points import RIGHT_HAND_21, RIGHT_WRIST
from .rendering import ThinMesh, thinned

Float64 = NDArray[np.float64]
Ints = NDArray[np.int64]

_OWN_SHARE = 1e-6
_NOISE = 3e-3
"""Shape differences among a joint's vertices smaller than this share of the largest are noise."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelMesh:
    """Vertices of the open body that a network learns, and how its joints follow from them.

    vertices (V,) indices into the body's; faces (F,3) into `vertices`; joint_regressor (J,V).
    """

    body: BodyModel
    vertices: Ints
    faces: Ints
    joint_regressor: NDArray[np.float32]

    @property
    def count(self) -> int:
        """How many vertices there are."""
        return len(self.vertices)

    def posed(self, rotations_J3: Float64, betas: Float64, root: int) -> Float64:
        """Vertices (V,3) m about the joint `root`, from full rotations (55,3) axis-angle."""
        local_JJ = np.asarray(matrix_from_axis_angle(rotations_J3), dtype=np.float64)
        world_JJ = np.asarray(world_rotations(local_JJ[None]))
        rest = np.asarray(self.body.rest_joints(betas), dtype=np.float64)
        joints_J3 = np.asarray(joint_positions(world_JJ, rest, np.zeros((1, 3))))
        skinned = self.body.skin(world_JJ, joints_J3, betas, self.vertices)[0]
        return np.asarray(skinned - joints_J3[0, root], dtype=np.float64)


def body_mesh(body: BodyModel, points: tuple[int, ...], cell_m: float) -> LabelMesh:
    """The whole body, one vertex per cell of `cell_m` (half of it at the face and hands)."""
    return _label_mesh(body, points, thinned(body, cell_m), None)


def right_hand_mesh(body: BodyModel, cell_m: float) -> LabelMesh:
    """The right hand, one vertex per half a cell."""
    hand = (RIGHT_WRIST, *(point for point in RIGHT_HAND_21 if point < JOINT_COUNT))
    return _label_mesh(body, RIGHT_HAND_21, thinned(body, cell_m), hand)


def _label_mesh(
    body: BodyModel, points: tuple[int, ...], thin: ThinMesh, joints: tuple[int, ...] | None
) -> LabelMesh:
    """The vertices that hang on some joints, or all; joints are regressed from those kept."""
    kept = np.arange(len(thin.vertices))
    if joints is not None:
        kept = np.flatnonzero(np.isin(body.weights[thin.vertices].argmax(axis=1), joints))
    place = np.full(len(thin.vertices), -1)
    place[kept] = np.arange(len(kept))
    faces = place[thin.faces]
    regressor_JV = np.stack([_regressor_row(body, thin.vertices[kept], p) for p in points])
    return LabelMesh(
        body=body,
        vertices=thin.vertices[kept],
        faces=faces[(faces >= 0).all(axis=1)],
        joint_regressor=regressor_JV.astype(np.float32),
    )


def _regressor_row(body: BodyModel, vertices: Ints, point: int) -> Float64:
    """Shares (V,) of the vertices near a point that give it, in every shape of the T-pose.

    Of all such shares the smallest are taken, over vertices that move as the point does, which for
    a joint are its parent's: so it holds also where the body is posed.
    """
    weights_VJ = body.weights[vertices]
    if point < JOINT_COUNT:
        near_V = weights_VJ[:, max(PARENTS[point], 0)] ** 2 + _OWN_SHARE * weights_VJ[:, point]
    else:
        near_V = weights_VJ @ _surface_mean(body, point, body.weights)
    shapes_V = np.column_stack(
        [body.v_template[vertices], body.shapedirs[vertices].reshape(-1, 30)]
    )
    conditions = np.column_stack([np.ones(len(vertices)), shapes_V])
    root_V = np.sqrt(near_V)
    wanted = np.concatenate([[1.0], _target(body, point)])
    shares = np.linalg.lstsq((conditions * root_V[:, None]).T, wanted, rcond=_NOISE)[0]
    return np.asarray(root_V * shares, dtype=np.float64)


def _surface_mean(body: BodyModel, point: int, values: Float64) -> Float64:
    """What the vertices' values (V,...) are at a surface point."""
    corners_E3, shares_E3, _ = surface_places(body)
    row = point - JOINT_COUNT
    return np.asarray(np.tensordot(shares_E3[row], values[corners_E3[row]], axes=1))


def _target(body: BodyModel, point: int) -> Float64:
    """A point of the template and of every shape direction (33,)."""
    if point < JOINT_COUNT:
        directions = body.joint_directions[point]
        return np.concatenate([body.joints_template[point], directions.ravel()])
    directions = _surface_mean(body, point, np.asarray(body.shapedirs, dtype=np.float64))
    place = _surface_mean(body, point, np.asarray(body.v_template, dtype=np.float64))
    return np.concatenate([place, directions.ravel()])
