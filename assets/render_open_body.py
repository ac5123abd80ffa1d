"""The picture of the open body: `python render_open_body.py open_body.npz open_body.png`."""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
from bake_tpose import Array
from picture import Camera, render_body
from scipy.spatial.transform import Rotation

from pose2rig.core_inference.body_model import SHAPE_COUNT, BodyModel, load_open_body
from pose2rig.rigs.skeleton import JOINT, JOINT_COUNT, joint_positions, world_rotations

TILE_HEIGHT_PX = 430
MIDDLE = np.array([0.0, -0.46, 0.02])
FINGERS = ("index", "middle", "ring", "pinky")

RELAXED: dict[str, tuple[float, float, float]] = {
    "left_collar": (0, 0, -6),
    "right_collar": (0, 0, 6),
    "left_shoulder": (0, 0, -66),
    "right_shoulder": (0, 0, 66),
    "left_elbow": (0, -12, 0),
    "right_elbow": (0, 12, 0),
}

BENT: dict[str, tuple[float, float, float]] = {
    "left_shoulder": (0, -20, -50),
    "right_shoulder": (0, 20, -35),
    "left_elbow": (0, -95, 0),
    "right_elbow": (0, 80, -30),
    "left_hip": (-75, 0, 0),
    "left_knee": (85, 0, 0),
    "left_ankle": (10, 0, 0),
    "right_hip": (-12, 0, 0),
    "right_knee": (15, 0, 0),
    "jaw": (12, 0, 0),
    **{f"left_{f}{k}": (0, 0, -45) for f in FINGERS for k in (1, 2, 3)},
}
"""Parent-relative axis-angles in degrees."""

VARIANTS: tuple[dict[str, float], ...] = (
    {"size": 1.5, "gender": -2.0, "muscle": 2.0, "shoulder_width": 2.0, "weight": 0.5},
    {"size": -1.5, "gender": 2.0, "hip_width": 1.5, "shoulder_width": -1.0},
    {"weight": 2.5, "gender": -1.0, "shin_length": -2.0, "thigh_length": -1.5},
)


def posed(model: BodyModel, pose: dict[str, tuple[float, float, float]], betas: Array) -> Array:
    local = np.tile(np.eye(3), (1, JOINT_COUNT, 1, 1))
    for name, degrees in pose.items():
        local[0, JOINT[name]] = Rotation.from_rotvec(np.deg2rad(degrees)).as_matrix()
    world = world_rotations(local)
    joints = joint_positions(world, model.rest_joints(betas), np.zeros((1, 3)))
    return model.skin(world, joints, betas)[0]


def tile(body: dict[str, Array], vertices: Array, yaw_deg: float, width_m: float) -> Array:
    """One rendering, standing on the common floor, seen from `yaw_deg` around the body."""
    grounded = vertices + [0.0, -1.314 - vertices[:, 1].min(), 0.0]
    yaw = np.deg2rad(yaw_deg)
    away = np.array([np.sin(yaw), 0.06, np.cos(yaw)]) * 6.0
    size = (round(TILE_HEIGHT_PX * width_m / 1.95), TILE_HEIGHT_PX)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tile.png"
        render_body(body, grounded, Camera(MIDDLE + away, MIDDLE, width_m, size), path)
        return cv2.imread(str(path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("body", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    model = load_open_body(arguments.body)
    with np.load(arguments.body, allow_pickle=False) as file:
        body = {key: file[key] for key in file}
    plain = np.zeros(SHAPE_COUNT)
    rest = model.rest_vertices(plain)
    tiles = [tile(body, rest, 0, 1.95), tile(body, rest, 90, 0.6), tile(body, rest, 35, 1.7)]
    tiles.append(tile(body, posed(model, BENT, plain), 30, 1.15))
    for variant in VARIANTS:
        betas = np.array([variant.get(name, 0.0) for name in model.shape_names])
        tiles.append(tile(body, posed(model, RELAXED, betas), 15, 0.9))
    cv2.imwrite(str(arguments.out), np.concatenate(tiles, axis=1), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
