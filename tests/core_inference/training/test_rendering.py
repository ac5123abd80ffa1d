"""The rasteriser: nearer covers farther, backs are not drawn, thin meshes stay whole."""

import numpy as np
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.training.rendering import Paint, ThinMesh, draw_body, thinned

RED, BLUE = [255.0, 0.0, 0.0], [0.0, 0.0, 255.0]


def drawn(corners: list[list[float]], faces: list[list[int]]) -> NDArray[np.uint8]:
    """Triangles (red, then blue) seen by a camera of focal 10 px in the middle of 20 x 20 px."""
    points = np.array(corners)
    mesh = ThinMesh(
        vertices=np.arange(len(points)),
        faces=np.array(faces),
        face_part=np.arange(len(faces)),
        stands_for=np.arange(len(points)),
    )
    image = np.zeros((20, 20, 3), dtype=np.uint8)
    pixels = points[:, :2] / points[:, 2:] * 10 + 10
    paint = Paint(colours=np.array([RED, BLUE]), light=np.array([0.0, 0.0, -1.0]))
    draw_body(image, points, pixels, mesh, paint)
    return image


NEAR = [[-1.0, -1.0, 2.0], [0.0, 1.0, 2.0], [1.0, -1.0, 2.0]]
FAR = [[-2.0, -2.0, 4.0], [0.0, 2.0, 4.0], [2.0, -2.0, 4.0]]


def test_the_nearer_triangle_covers_the_farther_whatever_their_order() -> None:
    faces = [[0, 1, 2], [3, 4, 5]]
    assert drawn(NEAR + FAR, faces)[9, 10].tolist() == RED
    assert drawn(FAR + NEAR, faces)[9, 10].tolist() == BLUE


def test_a_triangle_seen_from_behind_or_behind_the_camera_is_not_drawn() -> None:
    assert drawn(NEAR, [[0, 1, 2]]).any()
    assert not drawn(NEAR, [[0, 2, 1]]).any()
    assert not drawn([[x, y, -2.0] for x, y, _ in NEAR], [[0, 1, 2]]).any()


def test_thinning_keeps_every_part_and_every_vertex_has_its_stand_in(body: BodyModel) -> None:
    mesh = thinned(body)
    assert 1000 < len(mesh.vertices) < len(body.v_template) / 2
    assert set(mesh.face_part.tolist()) >= {body.part_names.index(n) for n in ("skin", "shirt")}
    assert mesh.faces.max() < len(mesh.vertices)
    moved = body.v_template[mesh.vertices[mesh.stands_for]] - body.v_template
    assert np.linalg.norm(moved, axis=1).max() < 0.02 * np.sqrt(3)
