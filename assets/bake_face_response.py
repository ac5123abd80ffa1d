"""Fifth step of the open body: how the landmark networks see the shapes of mouth and jaw.

Run with the project's environment and bpy: `python bake_face_response.py BODY.npz OUT.npz`. The
networks follow a mouth less than it moves, and its surroundings with it: the face points' own
movements on renderings, half of them mirrored, explain what they say better than the skin's.

Legend: T pictures, V vertices, P points of the face mesh (468), S face shapes (52).
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from bake_tpose import Array
from picture import Camera, move_body, render_body
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.core_inference.estimators.face_landmarks import FaceModel
from pose2rig.core_inference.estimators.landmark_models import open_landmark_models
from pose2rig.core_inference.motion.face_points import POINTS, RIGID, onto
from pose2rig.rigs.face_shapes import FACE_SHAPE, FACE_SHAPE_COUNT, FACE_SHAPES, JAW_OPEN_RAD
from pose2rig.rigs.skeleton import JOINT, JOINT_COUNT, joint_positions, world_rotations

SEEN = ("mouth", "jaw", "cheekPuff")
"""Shapes, by the beginning of their names, that are taken as seen; of the others as the skin is."""

AMPLITUDES = (1.0, 0.6)
VIEWS_DEG = (-18.0, 0.0, 18.0)
IMAGE_PX, WIDTH_M, DISTANCE_M = 400, 0.30, 1.1
REPORTED = 0.65
"""The share of such movements that the networks report on renderings, but not on real faces."""


@dataclass(frozen=True)
class Studio:
    """The body before a camera that goes around its face."""

    arrays: dict[str, Array]
    face: Array
    path: Path
    networks: FaceModel

    def camera(self, yaw_deg: float) -> Camera:
        yaw = np.deg2rad(yaw_deg)
        away = np.array([np.sin(yaw), 0.05, np.cos(yaw)]) * DISTANCE_M
        return Camera(self.face + away, self.face, WIDTH_M, (IMAGE_PX, IMAGE_PX))

    def points(self, bodies_TV3: Array, yaw_deg: float) -> Array:
        """The face points (T,468,3) m that the networks see, y up, z towards the camera."""
        corners = np.array([(1, -1), (-1, -1), (1, 1), (-1, 1)]) * IMAGE_PX / 6 + IMAGE_PX / 2
        head = np.zeros((11, 2), dtype=np.float32)
        head[[2, 5, 9, 10]] = corners
        render_body(self.arrays, bodies_TV3[0], self.camera(yaw_deg), self.path)
        seen, region = [], None
        for vertices in bodies_TV3:
            move_body(vertices, self.path)
            image = cv2.cvtColor(cv2.imread(str(self.path)), cv2.COLOR_BGR2RGB)
            first = self.networks.find(image, head, region)
            found = first and self.networks.find(image, head, first.next)
            if not found:
                raise SystemExit("no face is found on the rendered head")
            region = region or first.next
            seen.append(found.points[: len(POINTS)].astype(float))
        return np.stack(seen) * [1.0, -1.0, -1.0] * WIDTH_M / IMAGE_PX


def posed(body: BodyModel, shapes_TS: Array) -> Array:
    """The body (T,V,3) m with face shapes, the jaw joint turned with them."""
    local = np.tile(np.eye(3), (len(shapes_TS), JOINT_COUNT, 1, 1))
    opening = shapes_TS[:, [FACE_SHAPE["jawOpen"]]] * [[JAW_OPEN_RAD, 0.0, 0.0]]
    local[:, JOINT["jaw"]] = Rotation.from_rotvec(opening).as_matrix()
    world = world_rotations(local)
    betas = np.zeros(10)
    joints = joint_positions(world, body.rest_joints(betas), np.zeros((len(local), 3)))
    return body.skin(world, joints, betas, None, shapes_TS)


def mirrored(movements_SP3: Array, rest_P3: Array) -> Array:
    """What the same shapes would do to a mirrored face."""
    middle = rest_P3[:, 0].mean()
    other = rest_P3 * [-1.0, 1.0, 1.0] + [2.0 * middle, 0.0, 0.0]
    apart = np.linalg.norm(rest_P3[:, None] - other[None], axis=2)
    partner = linear_sum_assignment(apart**2)[1]
    swap = {"Left": "Right", "Right": "Left"}
    names = [next((n[: -len(s)] + swap[s] for s in swap if n.endswith(s)), n) for n in FACE_SHAPES]
    return movements_SP3[[FACE_SHAPE[n] for n in names]][:, partner] * [-1.0, 1.0, 1.0]


def response(body: BodyModel, studio: Studio) -> Array:
    """The mean movement (S,468,3) m of the face points over views, amplitudes and both sides."""
    shapes = np.eye(FACE_SHAPE_COUNT)
    shapes[FACE_SHAPE["mouthClose"], FACE_SHAPE["jawOpen"]] = 1.0
    rest = body.landmark_rest_points(np.zeros(10))[body.landmark_indices(POINTS)]
    rows = [np.zeros((1, FACE_SHAPE_COUNT)), *(shapes * a for a in AMPLITUDES)]
    bodies = posed(body, np.concatenate(rows))
    found, weights = [], []
    for yaw_deg in VIEWS_DEG:
        points = studio.points(bodies, yaw_deg)
        points = onto(points, points[:, RIGID], rest[RIGID])[0]
        points = onto(points, points[:, RIGID], points[0, RIGID])[0]
        for k, amplitude in enumerate(AMPLITUDES):
            first = 1 + k * FACE_SHAPE_COUNT
            moved = (points[first : first + FACE_SHAPE_COUNT] - points[0]) / amplitude
            found += [moved, mirrored(moved, rest)]
            weights += [amplitude**2] * 2
    return np.average(found, axis=0, weights=weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("body", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    body = load_open_body(arguments.body)
    with np.load(arguments.body, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file}
    eyes = body.rest_joints(np.zeros(10))[[JOINT["left_eye_smplhf"], JOINT["right_eye_smplhf"]]]
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(
            arrays,
            eyes.mean(axis=0) - [0.0, 0.03, 0.02],
            Path(folder) / "face.png",
            FaceModel(open_landmark_models(None)),
        )
        seen_SP3 = response(body, studio) / REPORTED
    offsets_P3S = arrays["face_point_offsets"].copy()
    for index, name in enumerate(FACE_SHAPES):
        if name.startswith(SEEN):
            skin, seen = offsets_P3S[:, :2, index], seen_SP3[index, :, :2]
            share = np.sum(skin * seen) / max(np.sum(skin * skin), 1e-12)
            print(f"{name:20s} seen {share * REPORTED:.2f} of what the skin moves")
            offsets_P3S[..., index] = seen_SP3[index]
    arrays["face_point_offsets"] = offsets_P3S
    np.savez_compressed(arguments.out, **arrays)


if __name__ == "__main__":
    main()
