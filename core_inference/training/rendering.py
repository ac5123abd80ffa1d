"""Pictures of the open body, fast enough to train on: flat shading, painter's order.

The mesh is thinned once; then every picture is one skinning and some thousand filled triangles.

Legend: V vertices, F triangles, G colours.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..body_model import BodyModel

Float64 = NDArray[np.float64]
Ints = NDArray[np.int64]

CELL_M = 0.02
"""The thinned mesh keeps one vertex per cell of this size, half of it at the face and hands."""

_FINE_JOINTS = (15, 20, 21, 22, 23, 24, *range(25, 55))
_SUBPIXEL_BITS = 4
_NEAREST_M = 0.05
_AMBIENT = 0.45


@dataclass(frozen=True, kw_only=True, eq=False)
class ThinMesh:
    """A part of the body's vertices and triangles between them.

    vertices (V,) indices into the body's; faces (F,3) into `vertices`; face_part (F,);
    stands_for (all vertices,) which kept vertex took the place of each of the body's.
    """

    vertices: Ints
    faces: Ints
    face_part: Ints
    stands_for: Ints


def thinned(body: BodyModel, cell_m: float = CELL_M) -> ThinMesh:
    """Keep one vertex per cell of the T-pose and the triangles that do not collapse."""
    is_fine = np.isin(body.weights.argmax(axis=1), _FINE_JOINTS)
    size = np.where(is_fine, cell_m / 2, cell_m)[:, None]
    cells = np.column_stack([np.floor(body.v_template / size), is_fine]).astype(np.int64)
    _, first, stands_for = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    stands_for = stands_for.reshape(-1)
    faces = stands_for[body.faces]
    whole = (
        (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    )
    _, once = np.unique(np.sort(faces[whole], axis=1), axis=0, return_index=True)
    kept = np.flatnonzero(whole)[np.sort(once)]
    return ThinMesh(
        vertices=first,
        faces=faces[kept],
        face_part=body.face_part[kept].astype(np.int64),
        stands_for=stands_for,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Paint:
    """colours (parts,3) RGB 0..255; light (3,) unit, towards the light, camera axes."""

    colours: Float64
    light: Float64


def draw_body(
    image: NDArray[np.uint8], camera_V3: Float64, pixels_V2: Float64, mesh: ThinMesh, paint: Paint
) -> None:
    """Fill the mesh's triangles into an image (H,W,3) RGB, the farthest first.

    camera_V3 (V,3) m are the kept vertices in camera axes, pixels_V2 (V,2) their projections.
    """
    corners_F33, flat_F32 = camera_V3[mesh.faces], pixels_V2[mesh.faces]
    normals = np.cross(corners_F33[:, 1] - corners_F33[:, 0], corners_F33[:, 2] - corners_F33[:, 0])
    faces_us = np.sum(normals * corners_F33[:, 0], axis=1) < 0.0
    seen = np.flatnonzero(faces_us & (corners_F33[..., 2].min(axis=1) > _NEAREST_M))
    seen = seen[np.argsort(-corners_F33[seen, :, 2].mean(axis=1), kind="stable")]
    colours = _shaded(normals[seen], mesh.face_part[seen], paint)
    limit = 8 * max(image.shape[:2])
    fixed_F32 = np.clip(flat_F32[seen], -limit, limit) * 2**_SUBPIXEL_BITS
    for triangle, colour in zip(fixed_F32.round().astype(np.int32), colours.tolist(), strict=True):
        cv2.fillConvexPoly(image, triangle, colour, cv2.LINE_8, _SUBPIXEL_BITS)


def _shaded(normals_F3: Float64, part_F: Ints, paint: Paint) -> Float64:
    """Colours (F,3) under one light and an even glow."""
    length = np.maximum(np.linalg.norm(normals_F3, axis=1, keepdims=True), 1e-12)
    lit = np.clip(normals_F3 / length @ paint.light, 0.0, 1.0)[:, None]
    return np.clip(paint.colours[part_F] * (_AMBIENT + (1.0 - _AMBIENT) * lit), 0.0, 255.0)
