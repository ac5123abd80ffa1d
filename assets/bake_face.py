"""Fourth step of the open body: the 52 face shapes, as what they add to the jaw and eye joints.

Run with the project's environment and bpy: `python bake_face.py SOURCE.npz BODY.npz OUT.npz`. The
landmarks of the lids' and the lips' inner edges are put onto those edges, so that they meet where
an eye or a mouth shuts; the other arrays of BODY.npz stay as they are.

Legend: V vertices, N vertices that any shape moves, S shapes (52).
"""

import argparse
from pathlib import Path

import bpy  # noqa: F401  brings mathutils
import numpy as np
from bake_landmarks import barycentric
from bake_open_body import HEIGHT_M, visible_mesh
from bake_tpose import Array, SourceRig, posed, symmetric_bone_heads, tpose_rotations
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pose2rig.core_inference.body_model import FACE_POINT_COUNT
from pose2rig.rigs.face_shapes import FACE_SHAPE, FACE_SHAPES, JAW_OPEN_RAD, LOOK_RAD
from pose2rig.rigs.skeleton import JOINT

SMALLEST_M = 2e-5
"""Less than this is no movement."""

DIFFERS_M = 1e-6

UPPER_LIDS = ((466, 388, 387, 386, 385, 384, 398), (246, 161, 160, 159, 158, 157, 173))
LOWER_LIDS = ((249, 390, 373, 374, 380, 381, 382), (7, 163, 144, 145, 153, 154, 155))
UPPER_LIP = (191, 80, 81, 82, 13, 312, 311, 310, 415)
LOWER_LIP = (95, 88, 178, 87, 14, 317, 402, 318, 324)
"""Numbers of MediaPipe's face points; lids the left eye's first."""

LIPS_APART = 0.4
"""Of jawOpen: so far the mouth is open when its edges are looked for."""

STEP_M, REACH_M = 1e-4, 0.03
INNER_PARTS = ("eye_white", "iris", "teeth", "tongue")


def shapes_on(source: dict[str, Array], body: dict[str, Array]) -> Array:
    """The source's shapes (S,V,3) m on the body's vertices, in the project's order."""
    bones = [str(b) for b in source["bones"]]
    heads = symmetric_bone_heads(bones, source["heads"])
    used = visible_mesh(source)[0]
    rig = SourceRig(bones, [int(p) for p in source["parents"]], heads, source["weights"][used])
    rig.parents[bones.index("root")] = -1
    rotations = tpose_rotations(rig, source["vertices"][used])
    rest = posed(rig, rotations, source["vertices"][used], heads)[0]
    scale = HEIGHT_M / float(np.ptp(rest[:, 1]))
    shift = body["v_template"].mean(axis=0) - scale * rest.mean(axis=0)
    off = np.abs(rest * scale + shift - body["v_template"]).max()
    if off > DIFFERS_M:
        raise SystemExit(f"the body was not baked from this source: {off * 1000:.3f} mm off")
    rows = [source["face_shape_names"].tolist().index(name) for name in FACE_SHAPES]
    still = np.zeros_like(heads)
    moved = [posed(rig, rotations, source["face_shapes"][row][used], still)[0] for row in rows]
    return np.stack(moved) * scale


def without_jaw(shapes_SV3: Array, body: dict[str, Array]) -> None:
    """Take off `jawOpen` what the jaw joint does, so that both together give the shape."""
    vertices = body["v_template"].astype(float)
    jaw = (body["J_regressor"].astype(float) @ vertices)[JOINT["jaw"]]
    turn = Rotation.from_rotvec([JAW_OPEN_RAD, 0.0, 0.0]).as_matrix()
    held_V = body["weights"][:, JOINT["jaw"]].astype(float)
    blend_V33 = np.eye(3) + held_V[:, None, None] * (turn - np.eye(3))
    shift_V3 = held_V[:, None] * (jaw - turn @ jaw)
    opened, closed = FACE_SHAPE["jawOpen"], FACE_SHAPE["mouthClose"]
    wanted_V3 = vertices + shapes_SV3[opened] - shift_V3
    shapes_SV3[opened] = np.linalg.solve(blend_V33, wanted_V3[..., None])[..., 0] - vertices
    shapes_SV3[closed] = np.linalg.solve(blend_V33, shapes_SV3[closed][..., None])[..., 0]


def without_eyes(shapes_SV3: Array, body: dict[str, Array]) -> None:
    """Leave the lids alone of the `eyeLook` shapes, scaled to the eyes' turn at 1."""
    vertices = body["v_template"].astype(float)
    joints = body["J_regressor"].astype(float) @ vertices
    for side in ("Left", "Right"):
        eye = JOINT[f"{side.lower()}_eye_smplhf"]
        ball = body["weights"][:, eye] > 0.5
        front = ball & (vertices[:, 2] >= vertices[ball, 2].max() - 1e-3)
        radius = np.linalg.norm(vertices[front] - joints[eye], axis=1).mean()
        for direction, angle in LOOK_RAD.items():
            shape = shapes_SV3[FACE_SHAPE[f"eyeLook{direction}{side}"]]
            source_angle = np.linalg.norm(shape[front], axis=1).mean() / radius
            print(
                f"eyeLook{direction}{side} turned the front by {np.degrees(source_angle):.1f} deg"
            )
            shape *= angle / source_angle
            shape[ball] = 0.0


class Edges:
    """The edges of lids and lips, found by looking at the face from in front."""

    def __init__(self, body: dict[str, Array], vertices: Array) -> None:
        names = body["part_names"].tolist()
        inner = [names.index(n) for n in INNER_PARTS]
        self._inside = np.isin(body["face_part"], inner)
        self._faces, self._vertices = body["f"], vertices
        self._tree = BVHTree.FromPolygons(vertices.tolist(), body["f"].tolist())

    def find(self, start: Array, upwards: float) -> tuple[Array, Array]:
        """Corners (3,) and weights (3,) of the first skin above (1) or below (-1) the start."""
        for step in np.arange(0.0, REACH_M, STEP_M):
            eye = Vector(start + [0.0, upwards * step, 0.2])
            place, _, face, _ = self._tree.ray_cast(eye, Vector((0.0, 0.0, -1.0)))
            if place is not None and place[2] > start[2] - 0.02 and not self._inside[face]:
                corners = self._faces[face]
                return corners, barycentric(np.array(place), self._vertices[corners])
        raise SystemExit(f"no edge is found from {start}")


def put_on_edges(body: dict[str, Array], shapes_SV3: Array) -> None:
    """Move the landmarks of the inner edges of lids and lips onto these."""
    vertices = body["v_template"].astype(float)
    index = {name: k for k, name in enumerate(body["landmark_names"].tolist())}
    at_rest = np.einsum(
        "lc,lci->li", body["landmark_weights"], vertices[body["landmark_vertices"]]
    ).astype(float)

    def move(edges: Edges, numbers: tuple[int, ...], middle_y: float, upwards: float) -> None:
        for number in numbers:
            row = index[f"face_{number:03d}"]
            start = np.array([at_rest[row, 0], middle_y, at_rest[row, 2]])
            corners, weights = edges.find(start, upwards)
            body["landmark_vertices"][row], body["landmark_weights"][row] = corners, weights

    joints = body["J_regressor"].astype(float) @ vertices
    open_eyed = Edges(body, vertices)
    for upper, lower, side in zip(UPPER_LIDS, LOWER_LIDS, ("left", "right"), strict=True):
        eye_y = float(joints[JOINT[f"{side}_eye_smplhf"], 1])
        move(open_eyed, upper, eye_y, 1.0)
        move(open_eyed, lower, eye_y, -1.0)
    parted = Edges(body, vertices + LIPS_APART * shapes_SV3[FACE_SHAPE["jawOpen"]])
    lips = [at_rest[index[name], 1] for name in ("face_013", "face_014")]
    shift = LIPS_APART * shapes_SV3[FACE_SHAPE["jawOpen"]][:, 1].min()
    move(parted, UPPER_LIP, lips[0] + shift / 4, 1.0)
    move(parted, LOWER_LIP, lips[0] + shift / 4, -1.0)


def point_offsets(body: dict[str, Array], shapes_SV3: Array) -> Array:
    """How far the shapes move the face points (468,3,S) m: skin, the whole of each shape."""
    index = {name: k for k, name in enumerate(body["landmark_names"].tolist())}
    rows = [index[f"face_{k:03d}"] for k in range(FACE_POINT_COUNT)]
    corners_PC = body["landmark_vertices"][rows]
    return np.einsum("pc,spci->pis", body["landmark_weights"][rows], shapes_SV3[:, corners_PC])


def packed(shapes_SV3: Array) -> dict[str, NDArray[np.generic]]:
    """The arrays of the file: which vertices move, and their offsets (N,3,S) m, half precision."""
    shapes_SV3 = np.where(np.abs(shapes_SV3) < SMALLEST_M, 0.0, shapes_SV3)
    moved_N = np.flatnonzero(np.abs(shapes_SV3).max(axis=(0, 2)) > 0.0)
    return {
        "face_shape_names": np.array(FACE_SHAPES),
        "face_shape_vertices": moved_N.astype(np.int32),
        "face_shape_offsets": np.moveaxis(shapes_SV3[:, moved_N], 0, 2).astype(np.float16),
    }


def read(path: Path) -> dict[str, Array]:
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("body", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    body = read(arguments.body)
    shapes_SV3 = shapes_on(read(arguments.source), body)
    put_on_edges(body, shapes_SV3)
    without_eyes(shapes_SV3, body)
    points_P3S = point_offsets(body, shapes_SV3)
    points_P3S[..., FACE_SHAPE["mouthClose"]] += points_P3S[..., FACE_SHAPE["jawOpen"]]
    body["face_point_offsets"] = points_P3S.astype(np.float16)
    without_jaw(shapes_SV3, body)
    np.savez_compressed(arguments.out, **(body | packed(shapes_SV3)))
    print(arguments.out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
