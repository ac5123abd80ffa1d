"""Landmarks of a known motion, as an estimator without error would see them.

They measure and test the solver: exact landmarks in, the known rotations out.

Legend: T frames, J joints (55), L landmarks, N points.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..rigs.skeleton import JOINT_COUNT, joint_positions, world_rotations
from .body_model import BodyModel
from .clip import RawTake
from .motion.points import JOINT_LANDMARKS, WORLD_FROM_CAMERA, rays_to_parts

Float64 = NDArray[np.float64]

IMAGE_SIZE = (1920, 1080)
FOCAL_PX = float(np.hypot(*IMAGE_SIZE))
FILLED = 0.9
"""The share of the image's half width or height that the motion may reach."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownMotion:
    """What really happened: rotations (T,55,3,3) parent-relative, joints (T,55,3) m, world with
    z up, and the body's shape (10,)."""

    rotations: Float64
    joints: Float64
    open_betas: Float64


def known_motion(
    body: BodyModel, rotations_TJ33: Float64, trans_T3: Float64, open_betas: Float64
) -> KnownMotion:
    """Pose the open body: rotations (T,55,3,3) parent-relative, trans (T,3) m, betas (10,)."""
    rest = np.asarray(body.rest_joints(open_betas), dtype=np.float64)
    joints = joint_positions(world_rotations(rotations_TJ33), rest, trans_T3)
    return KnownMotion(
        rotations=rotations_TJ33,
        joints=np.asarray(joints, dtype=np.float64),
        open_betas=open_betas,
    )


def exact_take(
    motion: KnownMotion, body: BodyModel, time_s_T: Float64, *, with_joints: bool = False
) -> RawTake:
    """The raw take of a level, still camera in front of a motion, without any error.

    Every landmark of the open body is seen with score 1, and with `with_joints` all 55 joints.
    As an estimator does, 3D points stand in the axes of a camera that looks straight at the
    person, each part about its own origin.
    """
    camera = camera_position(motion.joints)
    return take_of(
        motion,
        body,
        time_s_T,
        camera=camera,
        world_from_level=np.eye(3),
        with_joints=with_joints,
    )


def take_of(
    motion: KnownMotion,
    body: BodyModel,
    time_s_T: Float64,
    *,
    camera: Float64,
    world_from_level: Float64,
    with_joints: bool = False,
) -> RawTake:
    """The same of a still camera (3,) m, world, turned (3,3) away from one that looks along y."""
    world_TJ33 = world_rotations(motion.rotations)
    points_TL3 = body.landmark_points(world_TJ33, motion.joints, motion.open_betas)
    names = body.landmark_names
    if with_joints:
        points_TL3 = np.concatenate([points_TL3, motion.joints], axis=1)
        names = (*names, *JOINT_LANDMARKS)
    world_from_camera = world_from_level @ WORLD_FROM_CAMERA
    marks_TL3 = (points_TL3 - camera) @ world_from_camera
    joints_TJ3 = (motion.joints - camera) @ world_from_camera
    marks2d, joints2d = _projected(marks_TL3), _projected(joints_TJ3)
    low, high = marks2d.min(axis=1), marks2d.max(axis=1)
    boxes = np.concatenate([low, high - low], axis=1)
    count = len(time_s_T)
    return RawTake(
        frame_index=np.arange(count),
        time_s=time_s_T,
        boxes=boxes.astype(np.float32),
        joints2d=joints2d.astype(np.float32),
        scores=np.ones((count, JOINT_COUNT), dtype=np.float32),
        landmarks2d=marks2d.astype(np.float32),
        landmarks3d=_about_parts(_straight_at(names, marks_TL3, marks2d, boxes), names),
        landmark_scores=np.ones(marks2d.shape[:2], dtype=np.float32),
        landmark_names=names,
        image_size=IMAGE_SIZE,
        frame_rate=1.0 / float(np.diff(time_s_T).mean()) if count > 1 else 30.0,
        focal_px=FOCAL_PX,
        provenance={},
    )


def camera_position(joints_TJ3: Float64) -> Float64:
    """Where a camera that looks along +y stands (3,) m so that the whole motion is in view."""
    low, high = joints_TJ3.min(axis=(0, 1)), joints_TJ3.max(axis=(0, 1))
    half = (high - low)[[0, 2]] / 2 + 0.3
    distance = np.max(half * 2 * FOCAL_PX / (FILLED * np.array(IMAGE_SIZE)))
    middle = (low + high) / 2
    return np.array([middle[0], low[1] - distance, middle[2]])


def _projected(points_TN3: Float64) -> Float64:
    """Camera points (T,N,3) m to pixels (T,N,2)."""
    return points_TN3[..., :2] / points_TN3[..., 2:] * FOCAL_PX + np.array(IMAGE_SIZE) / 2


def _straight_at(
    names: tuple[str, ...], points_TL3: Float64, marks2d: Float64, boxes: Float64
) -> Float64:
    """Camera points in the axes of a camera that is turned straight at each part."""
    centre = np.array(IMAGE_SIZE) / 2
    result = points_TL3.copy()
    boxes = boxes - np.array([*centre, 0.0, 0.0])
    for columns, camera_from_ray in rays_to_parts(names, marks2d - centre, boxes, FOCAL_PX):
        result[:, columns] = points_TL3[:, columns] @ camera_from_ray
    return result


def _about_parts(points_TL3: Float64, names: tuple[str, ...]) -> NDArray[np.float32]:
    """The body's points about the middle of the hips, a hand's about its wrist, the face's about
    the middle of its points."""
    column = {name: k for k, name in enumerate(names)}
    hips = points_TL3[:, [column["body_left_hip"], column["body_right_hip"]]]
    origins = {
        "body_": hips,
        "joint_": hips,
        "left_hand_": points_TL3[:, [column["left_hand_wrist"]]],
        "right_hand_": points_TL3[:, [column["right_hand_wrist"]]],
        "face_": points_TL3[:, [k for k, name in enumerate(names) if name.startswith("face_")]],
    }
    result = np.empty(points_TL3.shape, dtype=np.float32)
    for prefix, origin in origins.items():
        members = [k for k, name in enumerate(names) if name.startswith(prefix)]
        result[:, members] = points_TL3[:, members] - origin.mean(axis=1, keepdims=True)
    return result
