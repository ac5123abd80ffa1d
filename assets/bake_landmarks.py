"""Third step of the open body: where MediaPipe's landmarks lie on it.

Run with the project's environment and bpy: `python bake_landmarks.py BODY.npz OUT.npz`. The 468
face points are what MediaPipe's networks see on renderings of the head, cast back onto the mesh.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import bpy  # noqa: F401  brings mathutils
import cv2
import numpy as np
from bake_tpose import MIRROR, Array
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from numpy.typing import NDArray
from picture import Camera, render_body
from scipy.optimize import linear_sum_assignment

from pose2rig.core_inference.estimators.face_landmarks import FaceModel
from pose2rig.core_inference.estimators.landmark_models import open_landmark_models
from pose2rig.rigs.skeleton import JOINT

FACE_POINTS = 468
VIEWS_DEG = (0.0, -28.0, 28.0)
IMAGE_PX = 800
CAMERA_DISTANCE_M = 1.1
BODY_HEAD_POINTS, LEFT_EYE, RIGHT_EYE, MOUTH = 11, 2, 5, (9, 10)
PASSES = 2
"""The first paints brows and lips on the head, the second measures again with them."""

BODY_JOINTS = {
    "shoulder": "shoulder",
    "elbow": "elbow",
    "wrist": "wrist",
    "pinky": "pinky1",
    "index": "index1",
    "thumb": "thumb2",
    "hip": "hip",
    "knee": "knee",
    "ankle": "ankle",
}

FACE_OF_BODY = {
    "nose": 1,
    "left_eye_inner": 362,
    "left_eye_outer": 263,
    "right_eye_inner": 133,
    "right_eye_outer": 33,
    "mouth_left": 291,
    "mouth_right": 61,
}

LIDS = {"left_eye": (386, 374), "right_eye": (159, 145)}

HAND_JOINTS = {
    "wrist": "wrist",
    "thumb_cmc": "thumb1",
    "thumb_mcp": "thumb2",
    "thumb_ip": "thumb3",
    **{f"{f}_{m}": f"{f.removesuffix('_finger')}{k}"
       for f in ("index_finger", "middle_finger", "ring_finger", "pinky")
       for k, m in ((1, "mcp"), (2, "pip"), (3, "dip"))},
}  # fmt: skip

OUTLINES = {
    "brows": (
        (276, 283, 282, 295, 285, 336, 296, 334, 293, 300),
        (46, 53, 52, 65, 55, 107, 66, 105, 63, 70),
    ),
    "lips": ((61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39,
              40, 185),),
}  # fmt: skip
"""MediaPipe's outlines of brows and lips, for colouring."""

TIPS = {"thumb_tip": "thumb3", "index_finger_tip": "index3", "middle_finger_tip": "middle3",
        "ring_finger_tip": "ring3", "pinky_tip": "pinky3"}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A joint, or three vertices with their weights."""

    joint: int
    vertices: tuple[int, int, int] = (0, 0, 0)
    weights: tuple[float, float, float] = (1.0, 0.0, 0.0)


def at_joint(name: str) -> Place:
    return Place(JOINT[name])


def at_vertex(index: int) -> Place:
    return Place(-1, (int(index), int(index), int(index)))


def barycentric(point: Array, corners_33: Array) -> Array:
    """Weights (3,), none negative, of the corners that give the point nearest to `point`."""
    a, b, c = corners_33
    system = np.stack([b - a, c - a], axis=1)
    u, v = np.linalg.lstsq(system, point - a, rcond=None)[0]
    weights = np.clip([1 - u - v, u, v], 0, None)
    return weights / weights.sum()


class Skin:
    """The triangles that a face point may lie on: all but eyes, teeth and tongue."""

    def __init__(self, body: dict[str, Array]) -> None:
        names = [str(n) for n in body["part_names"]]
        inner = [names.index(n) for n in ("eye_white", "iris", "teeth", "tongue")]
        self.vertices = body["v_template"].astype(float)
        self.faces = body["f"][~np.isin(body["face_part"], inner)]
        self._tree = BVHTree.FromPolygons(self.vertices.tolist(), self.faces.tolist())
        self._all = BVHTree.FromPolygons(self.vertices.tolist(), body["f"].tolist())

    def hit(self, origin: Array, direction: Array) -> tuple[Array, float] | None:
        """First point that a ray meets, and the cosine it meets it with."""
        place, normal, _, _ = self._all.ray_cast(Vector(origin), Vector(direction))
        if place is None:
            return None
        return np.array(place), float(abs(np.array(normal) @ direction))

    def nearest(self, point: Array) -> Place:
        place, _, face, _ = self._tree.find_nearest(Vector(point))
        corners = self.faces[face]
        weights = barycentric(np.array(place), self.vertices[corners])
        return Place(-1, tuple(map(int, corners)), tuple(map(float, weights)))

    def point(self, place: Place) -> Array:
        return np.array(place.weights) @ self.vertices[list(place.vertices)]


def face_pixels(image: NDArray[np.uint8]) -> Array:
    """The 468 face points (468,2) px of one picture with the head in its middle."""
    model = FaceModel(open_landmark_models(None))
    corners = np.array([(1, -1), (-1, -1), (1, 1), (-1, 1)]) * IMAGE_PX / 6
    head = np.zeros((BODY_HEAD_POINTS, 2))
    head[[LEFT_EYE, RIGHT_EYE, *MOUTH]] = corners
    head = (head + IMAGE_PX / 2).astype(np.float32)
    found = model.find(image, head, None)
    seen = found and model.find(image, head, found.next)
    if not seen:
        raise SystemExit("no face is found on the rendered head")
    return seen.points[:, :2].astype(float)


def cast(skin: Skin, camera: Camera, pixels: Array) -> tuple[Array, Array]:
    """Points (N,3) under the pixels and their facing (N,); a miss moves towards the middle."""
    middle = pixels.mean(axis=0)
    places, facing = np.zeros((len(pixels), 3)), np.zeros(len(pixels))
    for index, pixel in enumerate(pixels):
        for step in range(30):
            aim = pixel + (middle - pixel) * 0.01 * step
            found = skin.hit(camera.origin, camera.ray(aim))
            if found is not None and np.linalg.norm(found[0] - camera.target) < 0.25:
                places[index], facing[index] = found[0], found[1] * 0.97**step
                break
    return places, facing


def face_places(body: dict[str, Array], skin: Skin, folder: Path) -> list[Place]:
    """The 468 face points, each from the view that sees it most squarely, made symmetric."""
    joints = body["J_regressor"].astype(float) @ skin.vertices
    eyes = joints[[JOINT["left_eye_smplhf"], JOINT["right_eye_smplhf"]]].mean(axis=0)
    target = eyes - [0.0, 0.02, 0.02]
    views: list[tuple[Array, Array]] = []
    pixels: list[Array] = []
    for angle in np.deg2rad(VIEWS_DEG):
        away = np.array([np.sin(angle), 0.0, np.cos(angle)]) * CAMERA_DISTANCE_M
        camera = Camera(target + away, target, 0.42, (IMAGE_PX, IMAGE_PX))
        path = folder / f"head{np.rad2deg(angle):.0f}.png"
        render_body(body, skin.vertices, camera, path)
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        pixels.append(face_pixels(image))
        views.append(cast(skin, camera, pixels[-1]))
    right_of_middle = pixels[0][:, 0] - IMAGE_PX / 2
    facing = np.stack([f for _, f in views])
    facing[0] += 0.15
    facing[1, right_of_middle > 0] = -1.0
    facing[2, right_of_middle < 0] = -1.0
    best = facing.argmax(axis=0)
    places = np.stack([p for p, _ in views])[best, np.arange(FACE_POINTS)]
    return [skin.nearest(p) for p in symmetric(places, pixels[0], float(target[0]))]


def symmetric(places: Array, front_px: Array, middle_x: float) -> Array:
    """Average every point with the mirrored point of its counterpart on the other side."""
    centre = np.array([middle_x, 0.0, 0.0])
    mirrored_px = np.array([2 * front_px[:, 0].mean(), 0.0]) + front_px * [-1.0, 1.0]
    cost = np.linalg.norm(front_px[:, None] - mirrored_px[None], axis=2)
    partner = linear_sum_assignment(cost**2)[1]
    if (partner[partner] != np.arange(len(partner))).mean() > 0.05:
        raise SystemExit("the face points have no clear counterparts; look at the renderings")
    return (places + (places[partner] - centre) @ MIRROR + centre) / 2


def tip(body: dict[str, Array], joints: Array, joint: str) -> int:
    """The vertex farthest out on a last finger bone."""
    index = JOINT[joint]
    held = np.flatnonzero(body["weights"][:, index] > 0.5)
    along = joints[index] - joints[index - 1]
    return int(held[np.argmax((body["v_template"][held] - joints[index]) @ along)])


def foot_places(body: dict[str, Array], joints: Array, side: str) -> dict[str, Place]:
    """Back of the heel and tip of the big toe."""
    weights, vertices = body["weights"], body["v_template"]
    ankle, ball = JOINT[f"{side}_ankle"], JOINT[f"{side}_foot"]
    low = vertices[:, 1] < joints[ball, 1] + 0.02
    heel = np.flatnonzero((weights[:, ankle] > 0.5) & low)
    toes = np.flatnonzero(weights[:, ball] > 0.5)
    return {
        f"body_{side}_heel": at_vertex(heel[np.argmin(vertices[heel, 2])]),
        f"body_{side}_foot_index": at_vertex(toes[np.argmax(vertices[toes, 2])]),
    }


def ear_place(body: dict[str, Array], joints: Array, skin: Skin, sign: float) -> Place:
    """The front of the ear: before and inside the middle of the outermost part of the head."""
    head = np.flatnonzero(body["weights"][:, JOINT["head"]] > 0.9)
    out = sign * (skin.vertices[head, 0] - joints[JOINT["head"], 0])
    ear = skin.vertices[head[out > np.percentile(out, 97)]]
    return skin.nearest(ear.mean(axis=0) + [sign * -0.012, 0.0, 0.012])


def all_places(body: dict[str, Array], folder: Path) -> dict[str, Place]:
    skin = Skin(body)
    joints = body["J_regressor"].astype(float) @ skin.vertices
    face = face_places(body, skin, folder)
    places: dict[str, Place] = {f"body_{n}": face[k] for n, k in FACE_OF_BODY.items()}
    for name, lids in LIDS.items():
        upper, lower = (face[k].vertices[int(np.argmax(face[k].weights))] for k in lids)
        places[f"body_{name}"] = Place(-1, (upper, lower, upper), (0.5, 0.5, 0.0))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        places[f"body_{side}_ear"] = ear_place(body, joints, skin, sign)
        places |= {f"body_{side}_{n}": at_joint(f"{side}_{j}") for n, j in BODY_JOINTS.items()}
        places |= foot_places(body, joints, side)
        places |= {f"{side}_hand_{n}": at_joint(f"{side}_{j}") for n, j in HAND_JOINTS.items()}
        for name, joint in TIPS.items():
            places[f"{side}_hand_{name}"] = at_vertex(tip(body, joints, f"{side}_{joint}"))
    return places | {f"face_{k:03d}": place for k, place in enumerate(face)}


def painted(body: dict[str, Array], points: Array) -> NDArray[np.uint8]:
    """face_part with brows and lips: triangles of skin that the outlines enclose from in front."""
    names = [str(n) for n in body["part_names"]]
    part = body["face_part"].copy()
    centres = body["v_template"][body["f"]].mean(axis=1)
    for name, outlines in OUTLINES.items():
        for outline in outlines:
            ring = points[list(outline)]
            polygon = (ring[:, :2] * 1000).astype(np.float32)
            near = np.flatnonzero(np.abs(centres - ring.mean(axis=0)).max(axis=1) < 0.035)
            for face in near[part[near] == names.index("skin")]:
                x, y = (float(c) * 1000 for c in centres[face, :2])
                if cv2.pointPolygonTest(polygon, (x, y), False) > 0:
                    part[face] = names.index(name)
    return part


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("body", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with np.load(arguments.body, allow_pickle=False) as file:
        body = {key: file[key] for key in file}
    plain = body["face_part"]
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(PASSES):
            places = all_places(body, Path(folder))
            skin = Skin(body)
            points = [skin.point(places[f"face_{k:03d}"]) for k in range(FACE_POINTS)]
            body["face_part"] = painted(body | {"face_part": plain}, np.stack(points))
    body["landmark_names"] = np.array(list(places))
    body["landmark_joint"] = np.array([p.joint for p in places.values()], dtype=np.int16)
    body["landmark_vertices"] = np.array([p.vertices for p in places.values()], dtype=np.int32)
    body["landmark_weights"] = np.array([p.weights for p in places.values()], dtype=np.float32)
    np.savez_compressed(arguments.out, **body)
    print(len(places), "landmarks")


if __name__ == "__main__":
    main()
